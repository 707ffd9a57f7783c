// Which items are alive on the disk: whoever finds a line there asks by its key.
import type { LogBatch } from './log-batch.ts';
import { APPENDED, DELETED } from './log-entry.ts';
import { type Item, Line } from './log-item.ts';
import type { Segment } from './segment.ts';

export class LogIndex {
  /** Touched only when one comes to life there, or is deleted. */
  readonly #items: Map<string, Item>;

  constructor(items: Map<string, Item>) {
    this.#items = items;
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  /** The batch stands in the segment as a whole. */
  commit(batch: LogBatch, segment: Segment): void {
    const { items, signs, lengths } = batch;
    let seq = batch.firstSeq;
    let at = 0;
    for (const item of items) {
      const sign = signs[at];
      const length = lengths[at] ?? 0;
      at++;
      if (sign === DELETED) this.#delete(item);
      else {
        segment.live += length;
        if (sign === APPENDED && item.line !== undefined)
          item.line = new Line(seq, length, segment, item.line);
        else this.#put(item, seq, length, segment);
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

  #put(item: Item, seq: number, length: number, segment: Segment): void {
    const { line } = item;
    if (line === undefined) {
      item.line = new Line(seq, length, segment, undefined);
      this.#items.set(item.key, item);
      return;
    }
    release(line);
    line.seq = seq;
    line.length = length;
    line.segment = segment;
    line.before = undefined;
  }

  #delete(item: Item): void {
    if (item.line === undefined) return;
    release(item.line);
    item.line = undefined;
    this.#items.delete(item.key);
  }
}

function release(newest: Line): void {
  for (let line: Line | undefined = newest; line !== undefined; line = line.before)
    line.segment.live -= line.length;
}
