// A message body: a piece of the datagram's text, or bytes of its own. Each becomes the other only when asked for.

export class Body {
  /** The body is source[from, from + length). */
  readonly from: number;
  readonly length: number;
  #source: string | undefined;
  #bytes: Buffer | undefined;

  private constructor(source: string | undefined, bytes: Buffer | undefined, from: number, length: number) {
    this.#source = source;
    this.#bytes = bytes;
    this.from = from;
    this.length = length;
  }

  static of(bytes: Buffer): Body {
    return bytes.length === 0 ? NO_BODY : new Body(undefined, bytes, 0, bytes.length);
  }

  /** The piece of a text that has one char per byte. */
  static in(source: string, from: number, to: number): Body {
    return new Body(source, undefined, from, to - from);
  }

  get source(): string {
    this.#source ??= this.bytes.toString('latin1');
    return this.#source;
  }

  /** Is it a piece of that very text? */
  isIn(source: string): boolean {
    return this.#source === source;
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.source.slice(this.from, this.from + this.length), 'latin1');
    return this.#bytes;
  }

  get text(): string {
    return this.source.slice(this.from, this.from + this.length);
  }
}

export const NO_BODY: Body = Body.in('', 0, 0);
