// JSON lines over a socket, both ways: a question is one line, its answer any number of items and an end.

/** `ask` names the question; what else it needs stands beside. */
export interface Question {
  readonly ask: string;
  readonly [parameter: string]: unknown;
}

export type Answer =
  | { readonly item: unknown }
  | { readonly done: true }
  | { readonly error: { readonly code: string; readonly message: string } };

/** Cuts a stream of bytes into lines. */
export class Lines {
  readonly #longest: number;
  #rest: Buffer[] = [];
  #size = 0;

  /** `longest`: bytes of one line. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** The lines that are whole by now, without their ends. undefined: one is too long, and nothing more is understood. */
  take(bytes: Buffer): string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      this.#rest.push(bytes.subarray(from, end));
      lines.push(Buffer.concat(this.#rest).toString('utf8'));
      this.#rest = [];
      this.#size = 0;
      from = end + 1;
    }
    if (from < bytes.length) {
      this.#rest.push(bytes.subarray(from));
      this.#size += bytes.length - from;
    }
    return this.#size > this.#longest ? undefined : lines;
  }
}
