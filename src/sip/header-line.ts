// One header line: a piece of the text it was cut from, and what its value was parsed to.
import { decimal, isSpace, skipSpace, trimmed } from './chars.ts';
import { valueEnd } from './list.ts';
import { methodOf } from './methods.ts';
import { keyOf } from './names.ts';
import { parseNameAddr, readNameAddr } from './uri.ts';
import { type CSeq, type NameAddr, NO_ADDRESS, NO_CSEQ, NO_VIA, type Via } from './values.ts';
import { parseBareVia, parseVia, readVia } from './via.ts';

/** One header as it stood on the wire. Immutable, shared between copies; remembers what it was parsed to. */
export class HeaderLine {
  /** Lower case, long form: `via` for `v:`, `Via:`, `VIA :`. */
  readonly key: string;
  /** The line is source[start, end). `start` is 0 for a line of its own, and never for one that stands in its datagram. */
  readonly source: string;
  readonly start: number;
  readonly end: number;
  /** Index of the colon in `raw`. */
  readonly colon: number;
  #value: string | undefined;
  #view: Via | NameAddr | CSeq | undefined;

  /** A line that is piece of a datagram holds no line breaks. */
  constructor(key: string, source: string, colon: number, start = 0, end = source.length) {
    this.key = key;
    this.source = source;
    this.start = start;
    this.end = end;
    this.colon = colon;
  }

  /** As on the wire, name and folding included, without the last CRLF: what serialize writes. */
  get raw(): string {
    return this.start === 0 ? this.source : this.source.slice(this.start, this.end);
  }

  /** As on the wire. */
  get name(): string {
    return trimmed(this.source, this.start, this.start + this.colon);
  }

  /** Unfolded and trimmed. */
  get value(): string {
    this.#value ??= this.#cut();
    return this.#value;
  }

  #cut(): string {
    const value = trimmed(this.source, this.start + this.colon + 1, this.end);
    return this.start === 0 && value.includes('\n') ? value.replace(/\r?\n[ \t]*/g, ' ') : value;
  }

  includes(char: string): boolean {
    const at = this.source.indexOf(char, this.start);
    return at >= 0 && at < this.end;
  }

  /** The first value as a Via. One whose parameters are malformed still says where an answer goes. */
  get via(): Via {
    const view = this.#view;
    if (view !== undefined && 'branch' in view) return view;
    return this.#remember(this.#readVia());
  }

  /** The value as a name-addr. A malformed one has an empty `uri`. */
  get address(): NameAddr {
    const view = this.#view;
    if (view !== undefined && 'tag' in view) return view;
    return this.#remember(this.#readAddress());
  }

  get cseq(): CSeq {
    const view = this.#view;
    if (view !== undefined && 'number' in view) return view;
    return this.#remember(this.#readCSeq());
  }

  /** For whoever made this line of one whose view it knew. */
  knowVia(via: Via): void {
    this.#view = via;
  }

  #remember<V extends Via | NameAddr | CSeq>(view: V): V {
    this.#view = view;
    return view;
  }

  #readVia(): Via {
    // What is read as one Via to its end holds no comma that ends a value.
    if (this.start > 0) {
      const via = readVia(this.source, this.#valueStart(), this.#valueEnd());
      if (via !== undefined) return via;
    }
    const value = trimmed(this.value, 0, valueEnd(this.value, 0));
    return parseVia(value) ?? parseBareVia(value) ?? NO_VIA;
  }

  #readAddress(): NameAddr {
    const address =
      this.start > 0
        ? readNameAddr(this.source, this.#valueStart(), this.#valueEnd())
        : parseNameAddr(this.value);
    return address ?? { ...NO_ADDRESS, raw: this.value };
  }

  #readCSeq(): CSeq {
    return this.start > 0
      ? cseqOf(this.source, this.#valueStart(), this.#valueEnd())
      : cseqOf(this.value, 0, this.value.length);
  }

  #valueStart(): number {
    return skipSpace(this.source, this.start + this.colon + 1, this.end);
  }

  #valueEnd(): number {
    let end = this.end;
    while (end > this.start && isSpace(this.source.charCodeAt(end - 1))) end--;
    return end;
  }
}

/** A header line made by us. A line break in the value becomes a space: no value may open a header of its own. */
export function headerLine(name: string, value: string): HeaderLine {
  const safe = value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]+/g, ' ') : value;
  return new HeaderLine(keyOf(name), `${name}: ${safe}`, name.length);
}

function cseqOf(s: string, from: number, to: number): CSeq {
  let end = from;
  while (end < to && !isSpace(s.charCodeAt(end))) end++;
  const number = decimal(s, from, end);
  const start = skipSpace(s, end, to);
  // RFC 3261 §8.1.1.5: less than 2**31.
  return number === undefined || number > 0x7fffffff || start >= to
    ? NO_CSEQ
    : { number, method: methodOf(s, start, to) };
}
