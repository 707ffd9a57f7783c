// Where to listen, and why that may not be possible.

export interface Listen {
  readonly transport: 'udp';
  /** A numeric address without brackets, or a host name. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export type ListenRefusal = 'address-in-use' | 'address-unavailable' | 'address-forbidden';

/** The server cannot listen as asked: `message` says what, where, and what to do. */
export class ListenError extends Error {
  readonly code: ListenRefusal;

  constructor(code: ListenRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ListenError';
    this.code = code;
  }
}
