// The refusal to start: a stable code and one line that says what, which value, and what to do.

export type StartErrorCode =
  | 'config-invalid'
  | 'config-unreadable'
  | 'data-in-use'
  | 'data-unwritable'
  | 'data-unreadable'
  | 'address-in-use'
  | 'address-unavailable'
  | 'address-forbidden'
  | 'capture-unusable'
  | 'store-newer'
  | 'users-file'
  | 'usage';

/** `serve` prints the message as one line and exits with 2. */
export class StartError extends Error {
  readonly code: StartErrorCode;

  constructor(code: StartErrorCode, message: string, options?: ErrorOptions) {
    super(message.replace(/\s*[\r\n]+\s*/g, ' '), options);
    this.name = 'StartError';
    this.code = code;
  }
}
