// Which keys are alive, and where the lines of each stand.
import type { LogBatch } from './log-batch.ts';
import type { Segment } from './segment.ts';

/** A line that counts. */
export interface Line {
  seq: number;
  /** Bytes, with its newline. */
  length: number;
  segment: Segment;
  /** What this one was appended to. */
  before: Line | undefined;
}

export class LogIndex {
  /** The newest line of each key. */
  readonly lines: Map<string, Line>;

  constructor(lines: Map<string, Line>) {
    this.lines = lines;
  }

  /** 0: the key is not known. */
  newestSeq(key: string): number {
    return this.lines.get(key)?.seq ?? 0;
  }

  /** undefined: that line of the key counts no more. */
  find(key: string, seq: number): Line | undefined {
    let line = this.lines.get(key);
    while (line !== undefined && line.seq > seq) line = line.before;
    return line?.seq === seq ? line : undefined;
  }

  /** The batch stands in the segment as a whole. */
  commit(batch: LogBatch, segment: Segment): void {
    let seq = batch.firstSeq;
    let at = 0;
    for (const [key, entry] of batch.entries) {
      const length = batch.lengths[at++] ?? 0;
      const line = this.lines.get(key);
      const before = entry.isAppended ? line : undefined;
      if (before === undefined) release(line);
      if (entry.text === undefined) this.lines.delete(key);
      else {
        segment.live += length;
        if (line === undefined || line === before) this.lines.set(key, { seq, length, segment, before });
        else {
          line.seq = seq;
          line.length = length;
          line.segment = segment;
          line.before = undefined;
        }
      }
      seq++;
    }
    for (const line of batch.copies) {
      line.segment.live -= line.length;
      line.segment = segment;
      segment.live += line.length;
    }
    segment.size += batch.length;
  }
}

function release(newest: Line | undefined): void {
  for (let line = newest; line !== undefined; line = line.before) line.segment.live -= line.length;
}
