// The line scan of a message head: cuts header lines out of one string, counts, and remembers the first thing wrong.
import { allOf, decimal, TOKEN } from './chars.ts';
import { HeaderLine } from './message.ts';
import { CALL_ID, CONTENT_LENGTH, CSEQ, FROM, knownName, MAX_FORWARDS, TO } from './names.ts';

/** More header lines than this are refused: no phone sends them, and each costs memory. */
export const MAX_HEADER_LINES = 512;

const ONCE = FROM | TO | CALL_ID | CSEQ | MAX_FORWARDS;

export interface Trouble {
  readonly code: string;
  readonly phrase: string;
  readonly status: number;
  /** Index in the head. */
  readonly at: number;
}

export class HeadScan {
  readonly head: string;
  readonly headers: HeaderLine[] = [];
  /** Flags of the headers that stood there. */
  seen = 0;
  contentLength: string | undefined;
  /** The first problem; later ones are consequences more often than not. */
  trouble: Trouble | undefined;
  #pos = 0;
  #nextCr = 0;

  constructor(head: string) {
    this.head = head;
  }

  note(at: number, code: string, phrase: string, status = 400): void {
    this.trouble ??= { code, phrase, status, at };
  }

  /** The start line, without its end. */
  startLine(): string {
    const newline = this.head.indexOf('\n');
    this.#pos = newline < 0 ? this.head.length : newline + 1;
    return this.head.slice(0, newline < 0 ? this.head.length : this.#lineEnd(newline));
  }

  /** Reads header lines up to the empty line; answers where the body begins. A lone LF ends a line too. */
  headerLines(): number {
    const head = this.head;
    for (;;) {
      const start = this.#pos;
      let newline = head.indexOf('\n', start);
      if (newline < 0) return this.#endless(start);
      let end = this.#lineEnd(newline);
      if (end === start) return newline + 1;
      let bareLf = end === newline;
      this.#refuseBareCr(end);
      this.#pos = newline + 1;
      // RFC 3261 §7.3.1: a line that begins with white space belongs to the one before.
      for (;;) {
        const next = head.charCodeAt(this.#pos);
        if (next !== 0x20 && next !== 0x09) break;
        newline = head.indexOf('\n', this.#pos);
        if (newline < 0) return this.#endless(start);
        end = this.#lineEnd(newline);
        bareLf ||= end === newline;
        this.#refuseBareCr(end);
        this.#pos = newline + 1;
      }
      if (this.headers.length >= MAX_HEADER_LINES) {
        this.note(start, 'too-many-headers', 'Too Many Headers');
        return head.length;
      }
      this.#headerLine(start, end, bareLf);
    }
  }

  #lineEnd(newline: number): number {
    return newline > 0 && this.head.charCodeAt(newline - 1) === 0x0d ? newline - 1 : newline;
  }

  #endless(at: number): number {
    this.note(at, 'no-end-of-headers', 'Headers without End');
    return this.head.length;
  }

  /** What one reader takes for a line end and another does not can smuggle a header. One pass over the head in all. */
  #refuseBareCr(end: number): void {
    if (this.#nextCr >= 0 && this.#nextCr < this.#pos) this.#nextCr = this.head.indexOf('\r', this.#pos);
    if (this.#nextCr >= 0 && this.#nextCr < end)
      this.note(this.#nextCr, 'bare-cr', 'Carriage Return in Header');
  }

  #headerLine(start: number, end: number, bareLf: boolean): void {
    const head = this.head;
    const colon = head.indexOf(':', start);
    if (colon < 0 || colon >= end) {
      this.note(start, 'bad-header', 'Header Line without Colon');
      return;
    }
    let nameEnd = colon;
    while (
      nameEnd > start &&
      (head.charCodeAt(nameEnd - 1) === 0x20 || head.charCodeAt(nameEnd - 1) === 0x09)
    )
      nameEnd--;
    const name = head.slice(start, nameEnd);
    const known = knownName(name);
    if (known === undefined && !allOf(TOKEN, name)) {
      this.note(start, 'bad-header', 'Malformed Header Name');
      return;
    }
    const written = head.slice(start, end);
    const raw = bareLf ? written.replace(/\r?\n/g, '\r\n') : written;
    const line = new HeaderLine(known?.key ?? name.toLowerCase(), raw, colon - start);
    this.headers.push(line);
    if (known !== undefined && known.flag !== 0) this.#count(line, known.flag, known.name, start);
  }

  #count(line: HeaderLine, flag: number, name: string, start: number): void {
    if ((this.seen & flag & ONCE) !== 0) this.note(start, 'repeated-header', `Repeated ${name}`);
    this.seen |= flag;
    if (flag !== CONTENT_LENGTH) return;
    if (this.contentLength !== undefined && decimal(this.contentLength) !== decimal(line.value))
      this.note(start, 'content-length-differs', 'Contradictory Content-Length');
    this.contentLength ??= line.value;
  }

  /** Index in the head of the first line of that key; 0 when there is none. For problems only. */
  indexOf(key: string): number {
    let at = this.head.indexOf('\n') + 1;
    for (const line of this.headers) {
      if (line.key === key) return at;
      at += line.raw.length + 2;
    }
    return 0;
  }
}
