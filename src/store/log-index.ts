// Which keys are alive, and where the newest line of each stands.
import type { LogBatch } from './log-batch.ts';
import type { Segment } from './segment.ts';

/** The newest line of a key. */
export interface Line {
  seq: number;
  /** Bytes, with its newline. */
  length: number;
  segment: Segment;
}

export class LogIndex {
  readonly lines: Map<string, Line>;

  constructor(lines: Map<string, Line>) {
    this.lines = lines;
  }

  /** The batch stands in the segment as a whole. */
  commit(batch: LogBatch, segment: Segment): void {
    let seq = batch.firstSeq;
    let at = 0;
    for (const [key, text] of batch.entries) {
      const length = batch.lengths[at++] ?? 0;
      const line = this.lines.get(key);
      if (line !== undefined) line.segment.live -= line.length;
      if (text === undefined) this.lines.delete(key);
      else {
        segment.live += length;
        if (line === undefined) this.lines.set(key, { seq, length, segment });
        else {
          line.seq = seq;
          line.length = length;
          line.segment = segment;
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
