// The store's refusal to open: a stable code and a message that says which file and what to do.

/** `store-newer`: a later version wrote it; nothing was touched. `store-unreadable`: the folder cannot be listed. */
export type StoreErrorCode = 'store-newer' | 'store-unreadable';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
