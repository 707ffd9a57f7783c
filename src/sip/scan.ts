// The line scan of a message head: cuts header lines out of one string, counts, and remembers the first thing wrong.
import { decimal, is, isSpace, lowered, TOKEN } from './chars.ts';
import { HeaderLine } from './header-line.ts';
import { CALL_ID, CONTENT_LENGTH, CSEQ, FROM, hashed, knownIn, MAX_FORWARDS, TO, VIA } from './names.ts';

/** More header lines than this are refused: no phone sends them, and each costs memory. */
export const MAX_HEADER_LINES = 512;

const ONCE = FROM | TO | CALL_ID | CSEQ | MAX_FORWARDS;

export interface Trouble {
  readonly code: string;
  readonly phrase: string;
  readonly status: number;
  /** Index in the text. */
  readonly at: number;
}

/** Of a Content-Length. */
const ABSENT = -1;
const MALFORMED = -2;

export class HeadScan {
  /** The datagram from its start line on. */
  readonly text: string;
  readonly headers: HeaderLine[] = [];
  /** Flags of the headers that stood there. */
  seen = 0;
  /** The first line of each. */
  via: HeaderLine | undefined;
  cseq: HeaderLine | undefined;
  callId: HeaderLine | undefined;
  /** The first problem; later ones are consequences more often than not. */
  trouble: Trouble | undefined;
  #contentLength = ABSENT;
  #pos = 0;
  #nextCr = 0;

  constructor(text: string) {
    this.text = text;
  }

  note(at: number, code: string, phrase: string, status = 400): void {
    this.trouble ??= { code, phrase, status, at };
  }

  /** Where the start line ends, without its line end. */
  startLine(): number {
    const newline = this.text.indexOf('\n');
    this.#pos = newline < 0 ? this.text.length : newline + 1;
    return newline < 0 ? this.text.length : this.#lineEnd(newline);
  }

  /** undefined: absent; -1: malformed. */
  get contentLength(): number | undefined {
    if (this.#contentLength === ABSENT) return undefined;
    return this.#contentLength === MALFORMED ? -1 : this.#contentLength;
  }

  /** Reads header lines up to the empty line; answers where the body begins, if it does. A lone LF ends a line too. */
  headerLines(): number | undefined {
    const text = this.text;
    for (;;) {
      const start = this.#pos;
      let at = start;
      let hash = 0;
      for (let code = text.charCodeAt(at); is(TOKEN, code); code = text.charCodeAt(++at))
        hash = hashed(hash, code);
      let newline = text.indexOf('\n', at);
      if (newline < 0) return this.#endless(start);
      let end = this.#lineEnd(newline);
      if (end === start) return newline + 1;
      let whole = end !== newline;
      this.#refuseBareCr(at, end);
      this.#pos = newline + 1;
      // RFC 3261 §7.3.1: a line that begins with white space belongs to the one before.
      for (;;) {
        const next = text.charCodeAt(this.#pos);
        if (next !== 0x20 && next !== 0x09) break;
        whole = false;
        const from = this.#pos;
        newline = text.indexOf('\n', from);
        if (newline < 0) return this.#endless(start);
        end = this.#lineEnd(newline);
        this.#pos = newline + 1;
        this.#refuseBareCr(from, end);
      }
      if (this.headers.length >= MAX_HEADER_LINES) {
        this.note(start, 'too-many-headers', 'Too Many Headers');
        return undefined;
      }
      this.#headerLine(start, at, end, hash, whole);
    }
  }

  #lineEnd(newline: number): number {
    return newline > 0 && this.text.charCodeAt(newline - 1) === 0x0d ? newline - 1 : newline;
  }

  #endless(at: number): undefined {
    this.note(at, 'no-end-of-headers', 'Headers without End');
    return undefined;
  }

  /** What one reader takes for a line end and another does not can smuggle a header. One pass over the text in all. */
  #refuseBareCr(from: number, end: number): void {
    if (this.#nextCr >= 0 && this.#nextCr < from) this.#nextCr = this.text.indexOf('\r', from);
    if (this.#nextCr >= 0 && this.#nextCr < end)
      this.note(this.#nextCr, 'bare-cr', 'Carriage Return in Header');
  }

  /** `whole`: it is one piece of the text, and a CRLF ends it. */
  #headerLine(start: number, nameEnd: number, end: number, hash: number, whole: boolean): void {
    const text = this.text;
    let colon = nameEnd;
    while (text.charCodeAt(colon) === 0x20 || text.charCodeAt(colon) === 0x09) colon++;
    if (text.charCodeAt(colon) !== 0x3a || nameEnd === start) {
      const there = text.slice(start, end).includes(':');
      this.note(start, 'bad-header', there ? 'Malformed Header Name' : 'Header Line without Colon');
      return;
    }
    const known = knownIn(text, start, nameEnd, hash);
    const key = known === undefined ? lowered(text, start, nameEnd) : known.key;
    const line = whole
      ? new HeaderLine(key, text, colon - start, start, end)
      : new HeaderLine(key, text.slice(start, end).replace(/\r?\n/g, '\r\n'), colon - start);
    this.headers.push(line);
    if (known !== undefined && known.flag !== 0) this.#count(line, known.flag, known.name, start);
  }

  #count(line: HeaderLine, flag: number, name: string, start: number): void {
    if ((this.seen & flag & ONCE) !== 0) this.note(start, 'repeated-header', `Repeated ${name}`);
    this.seen |= flag;
    if (flag === VIA) this.via ??= line;
    else if (flag === CSEQ) this.cseq ??= line;
    else if (flag === CALL_ID) this.callId ??= line;
    else if (flag === CONTENT_LENGTH) this.#countLength(line, start);
  }

  #countLength(line: HeaderLine, start: number): void {
    const { source } = line;
    let from = line.start + line.colon + 1;
    let to = line.end;
    while (from < to && isSpace(source.charCodeAt(from))) from++;
    while (to > from && isSpace(source.charCodeAt(to - 1))) to--;
    const length = decimal(source, from, to) ?? MALFORMED;
    if (this.#contentLength === ABSENT) this.#contentLength = length;
    else if (this.#contentLength !== length)
      this.note(start, 'content-length-differs', 'Contradictory Content-Length');
  }

  /** Index in the text of the first line of that key; 0 when there is none. For problems only. */
  indexOf(key: string): number {
    let at = this.text.indexOf('\n') + 1;
    for (const line of this.headers) {
      if (line.key === key) return at;
      at += line.raw.length + 2;
    }
    return 0;
  }
}
