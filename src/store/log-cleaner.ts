// Carries what is alive out of the oldest segment, piece by piece, so that it can go: the log stays as small as what lives.
import type { StoreFileSystem } from './file-system.ts';
import type { LogBatch } from './log-batch.ts';
import type { LogIndex } from './log-index.ts';
import { LineReader, newlineFrom } from './log-line.ts';
import type { LogRemover } from './log-remover.ts';
import type { Segment } from './segment.ts';

export interface LogCleanerOptions {
  readonly fs: StoreFileSystem;
  /** The oldest first; the newest is written to and is never cleaned. */
  readonly segments: Segment[];
  readonly index: LogIndex;
  readonly remover: LogRemover;
  /** Bytes that count no more and are left alone: what stays a while is mostly over when its turn comes. */
  readonly spare: number;
  readonly now: () => number;
  readonly onFailed: (err: Error) => void;
  readonly onCorrupt: () => void;
}

const PIECE = 64 * 1024;
const MOST_AT_ONCE = 1024 * 1024;
const RETRY_MS = 1000;
/** So often a piece is asked for before it is passed over. */
const TRIES = 5;

/** Oldest first: so a deletion may go with its segment, since no older line of its key is left. */
export class LogCleaner {
  readonly #options: LogCleanerOptions;
  readonly #reader = new LineReader();
  #segment: Segment | undefined;
  #state: 'idle' | 'reading' | 'unread' | 'ready' = 'idle';
  #buffer = Buffer.alloc(0);
  #piece = this.#buffer;
  #wanted = PIECE;
  /** Where in the segment the piece begins, and how far in the piece all is carried over. */
  #from = 0;
  #at = 0;
  /** Where `#at` comes to stand when the batch is written. */
  #next = 0;
  #tries = 0;
  #retryAt = 0;
  /** Segments up to this number are not trusted, and go however much of them is alive. */
  #suspect = 0;
  #isClosed = false;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
  }

  /** What a disk has failed to keep may be lost while it seems to be there. */
  distrust(upTo: number): void {
    this.#suspect = Math.max(this.#suspect, upTo);
  }

  get isRescuing(): boolean {
    const oldest = this.#oldest;
    return oldest !== undefined && oldest.number <= this.#suspect;
  }

  /** Something can be done in this flush. */
  get isReady(): boolean {
    const state = this.#state;
    if (state === 'ready' || state === 'unread' || this.#options.remover.isReady) return true;
    return state === 'idle' && this.#isDue();
  }

  /** Adds to the batch what is alive, about as many bytes as the budget says. */
  fill(batch: LogBatch, budget: number): void {
    if (this.#isClosed) return;
    this.#options.remover.tryAgain();
    if (this.#state === 'idle') this.#begin();
    else if (this.#state === 'unread' && this.#options.now() >= this.#retryAt) this.#read();
    if (this.#state !== 'ready') return;
    this.#wanted = Math.min(Math.max(PIECE, budget), MOST_AT_ONCE);
    const segment = this.#segment;
    const { index, onCorrupt } = this.#options;
    const most = batch.length + budget;
    let at = this.#at;
    while (batch.length < most) {
      const end = newlineFrom(this.#piece, at);
      if (end < 0) break;
      if (this.#reader.read(this.#piece, at, end)) {
        const { key, seq } = this.#reader;
        const item = index.get(key);
        const line = item?.lineOf(seq);
        if (item?.isReplaced === false && line !== undefined && line.segment === segment)
          batch.copy(this.#piece, at, end + 1, line);
      } else if (end > at && (this.#from > 0 || at > 0)) onCorrupt();
      at = end + 1;
    }
    this.#next = at;
  }

  /** The batch is written: what was carried over stands in the newest segment. */
  commit(): void {
    if (this.#state !== 'ready') return;
    this.#at = this.#next;
    if (newlineFrom(this.#piece, this.#at) >= 0 && this.#segment?.live !== 0) return;
    const isEnd = this.#from + this.#piece.length >= (this.#segment?.size ?? 0);
    // a line longer than the piece needs a longer one; what has no end even there is no line
    if (this.#at === 0) this.#wanted = this.#piece.length * 2;
    this.#from += this.#at === 0 && isEnd ? this.#piece.length : this.#at;
    this.#read();
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Of those that were not emptied. */
  get #oldest(): Segment | undefined {
    return this.#options.segments[this.#options.remover.emptied];
  }

  #isDue(): boolean {
    const { segments, remover } = this.#options;
    if (segments.length < remover.emptied + 2) return false;
    if (this.isRescuing) return true;
    let size = 0;
    let live = 0;
    for (let at = remover.emptied; at < segments.length; at++) {
      const segment = segments[at];
      if (segment === undefined) break;
      size += segment.size;
      live += segment.live;
    }
    return size - live > Math.max(live, this.#options.spare);
  }

  #begin(): void {
    if (!this.#isDue()) return;
    this.#segment = this.#oldest;
    this.#from = 0;
    this.#tries = 0;
    this.#read();
  }

  #read(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    const length = Math.min(this.#wanted, segment.size - this.#from);
    if (length <= 0 || segment.live === 0) {
      this.#empty(segment);
      return;
    }
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafeSlow(length);
    this.#state = 'reading';
    this.#options.fs.read(segment.fd, this.#buffer, 0, length, this.#from, (err, count) => {
      if (err !== null || count === 0) {
        this.#unread(segment, err, length);
        return;
      }
      this.#tries = 0;
      this.#piece = this.#buffer.subarray(0, count);
      this.#at = 0;
      this.#next = 0;
      this.#state = 'ready';
    });
  }

  #unread(segment: Segment, err: Error | null, length: number): void {
    const { now, onFailed, onCorrupt } = this.#options;
    this.#state = 'unread';
    this.#retryAt = now() + RETRY_MS;
    onFailed(err ?? new Error(`${segment.path} has become shorter`));
    if (++this.#tries < TRIES) return;
    segment.isDamaged = true;
    onCorrupt();
    this.#tries = 0;
    this.#from += length;
  }

  #empty(segment: Segment): void {
    // what was alive in it and could not be read is lost; the file may still tell a person
    if (segment.live > 0) segment.isDamaged = true;
    this.#segment = undefined;
    this.#state = 'idle';
    segment.isEmptied = true;
    this.#options.remover.add();
  }
}
