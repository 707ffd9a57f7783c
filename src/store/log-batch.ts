// The bytes of one write: what was put since the last one, and what the cleaner carries along.
import { GrowingBytes } from '../json/bytes.ts';
import type { Sign } from './log-entry.ts';
import type { Item, Line } from './log-item.ts';
import { FORMAT_VERSION, headerOf, mostBytesOf, NEWLINE, seal, writeLine } from './log-line.ts';
import type { LogWaiting } from './log-waiting.ts';

const ROOM = 64 * 1024;

export class LogBatch extends GrowingBytes {
  /** One line each. */
  readonly items: Item[] = [];
  /** What becomes of each, and the bytes of its line. */
  readonly signs: Sign[] = [];
  readonly lengths: number[] = [];
  firstSeq = 0;
  /** Lines of an old segment that are carried over. */
  readonly copies: Line[] = [];

  constructor() {
    super(ROOM);
  }

  begin(waiting: LogWaiting, texts: Buffer, firstSeq: number, withHeader: boolean): void {
    this.clear();
    this.letGo();
    this.firstSeq = firstSeq;
    if (withHeader) this.#addHeader();
    let seq = firstSeq;
    for (let item = waiting.first; item !== undefined; item = item.next) this.#add(item, seq++, texts);
  }

  get isEmpty(): boolean {
    return this.items.length === 0 && this.copies.length === 0;
  }

  /** A line of an old segment as it stands there, with its seq and its newline. */
  copy(from: Buffer, start: number, end: number, line: Line): void {
    this.makeRoom(end - start);
    from.copy(this.bytes, this.length, start, end);
    this.length += end - start;
    this.copies.push(line);
  }

  /** An empty line says that the batch is whole: a process that is killed while it writes leaves a part of one. */
  end(): void {
    this.makeRoom(1);
    this.bytes[this.length++] = NEWLINE;
  }

  /** It is over: whatever is deleted meanwhile is not held by it. */
  letGo(): void {
    this.items.length = 0;
    this.signs.length = 0;
    this.lengths.length = 0;
    this.copies.length = 0;
  }

  #addHeader(): void {
    const end = this.bytes.write(headerOf(FORMAT_VERSION), 'latin1');
    seal(this.bytes, 0, end);
    this.length = end;
    this.end();
  }

  #add(item: Item, seq: number, texts: Buffer): void {
    this.makeRoom(mostBytesOf(item));
    const end = writeLine(this.bytes, this.length, seq, item, texts);
    this.items.push(item);
    this.signs.push(item.sign);
    this.lengths.push(end - this.length);
    this.length = end;
  }
}
