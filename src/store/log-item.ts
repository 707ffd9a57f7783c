// One thing that is kept: where its lines stand, and what is to become of it.
import { DELETED, NOTHING, PUT, type Sign } from './log-entry.ts';
import { nameOf } from './log-line.ts';
import type { Segment } from './segment.ts';

/** A line that counts. */
export class Line {
  seq: number;
  /** Bytes, with its newline. */
  length: number;
  segment: Segment;
  /** What this one was appended to. */
  before: Line | undefined;

  constructor(seq: number, length: number, segment: Segment, before: Line | undefined) {
    this.seq = seq;
    this.length = length;
    this.segment = segment;
    this.before = before;
  }
}

/** One thing that is kept; whoever keeps it holds this. But for the key all of it is the log's own. */
export class Item {
  readonly key: string;
  /** The newest one on the disk; undefined: the disk does not know it. */
  line: Line | undefined = undefined;
  /** What is to become of it that the disk does not have yet. With anything but NOTHING it stands among those that wait. */
  sign: Sign = NOTHING;
  /** Its text: bytes of the writer from here to there, or, when it has to wait longer than that, its own. */
  from = 0;
  to = 0;
  held: Buffer | undefined = undefined;
  /** Its neighbours there. */
  previous: Item | undefined = undefined;
  next: Item | undefined = undefined;
  #name: string | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** The key as it stands in a line. */
  get name(): string {
    this.#name ??= nameOf(this.key);
    return this.#name;
  }

  /** Of all its lines on the disk none will count when what waits is written. */
  get isReplaced(): boolean {
    return this.sign === PUT || this.sign === DELETED;
  }

  /** Bytes of its text. */
  get length(): number {
    return this.held === undefined ? this.to - this.from : this.held.length;
  }

  /** 0: the disk does not know it. */
  get newestSeq(): number {
    return this.line?.seq ?? 0;
  }

  /** undefined: that line counts no more. */
  lineOf(seq: number): Line | undefined {
    let { line } = this;
    while (line !== undefined && line.seq > seq) line = line.before;
    return line?.seq === seq ? line : undefined;
  }
}
