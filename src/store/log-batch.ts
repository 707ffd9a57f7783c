// The bytes of one write: what was put since the last one, and what the cleaner carries along.
import type { Entries } from './log-entry.ts';
import type { Line, LogIndex } from './log-index.ts';
import { FORMAT_VERSION, headerOf, lineOf, NEWLINE, seal } from './log-line.ts';

const ROOM = 64 * 1024;
/** A buffer that one great burst has blown up is not kept. */
const MOST_ROOM = 1024 * 1024;

export class LogBatch {
  bytes = Buffer.allocUnsafeSlow(ROOM);
  length = 0;
  entries: Entries = new Map();
  /** Of each entry's line, in their order. */
  readonly lengths: number[] = [];
  firstSeq = 0;
  /** Lines of an old segment that are carried over. */
  readonly copies: Line[] = [];

  begin(entries: Entries, firstSeq: number, withHeader: boolean, index: LogIndex): void {
    if (this.bytes.length > MOST_ROOM) this.bytes = Buffer.allocUnsafeSlow(ROOM);
    this.length = 0;
    this.entries = entries;
    this.firstSeq = firstSeq;
    this.lengths.length = 0;
    this.copies.length = 0;
    if (withHeader) {
      this.#add([headerOf(FORMAT_VERSION)], []);
      this.end();
    }
    const lines: string[] = [];
    let seq = firstSeq;
    for (const [key, entry] of entries)
      lines.push(lineOf(seq++, key, entry, entry.isAppended ? index.newestSeq(key) : 0));
    this.#add(lines, this.lengths);
  }

  get isEmpty(): boolean {
    return this.entries.size === 0 && this.copies.length === 0;
  }

  /** What stood there of the key before counts no more when this is written. */
  replaces(key: string): boolean {
    return this.entries.get(key)?.isAppended === false;
  }

  /** A line of an old segment as it stands there, with its seq and its newline. */
  copy(from: Buffer, start: number, end: number, line: Line): void {
    this.#makeRoom(end - start);
    from.copy(this.bytes, this.length, start, end);
    this.length += end - start;
    this.copies.push(line);
  }

  /** An empty line says that the batch is whole: a process that is killed while it writes leaves a part of one. */
  end(): void {
    this.#makeRoom(1);
    this.bytes[this.length++] = NEWLINE;
  }

  /** `lengths` is given that of each in bytes. */
  #add(lines: readonly string[], lengths: number[]): void {
    const text = lines.join('');
    this.#makeRoom(text.length * 3);
    const isPlain = this.bytes.write(text, this.length, 'utf8') === text.length;
    for (const line of lines) {
      const length = isPlain ? line.length : Buffer.byteLength(line);
      seal(this.bytes, this.length, this.length + length);
      this.length += length;
      lengths.push(length);
    }
  }

  #makeRoom(most: number): void {
    if (this.length + most <= this.bytes.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + most));
    this.bytes.copy(bigger, 0, 0, this.length);
    this.bytes = bigger;
  }
}
