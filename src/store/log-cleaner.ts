// Carries what is alive out of the oldest segment, piece by piece, and removes it: the log stays as small as what lives.
import { asError, hasCode, type StoreFileSystem } from './file-system.ts';
import type { LogBatch } from './log-batch.ts';
import type { LogIndex } from './log-index.ts';
import { LineReader, newlineFrom } from './log-line.ts';
import type { LogSync } from './log-sync.ts';
import { asideOf, type Segment } from './segment.ts';

export interface LogCleanerOptions {
  readonly fs: StoreFileSystem;
  /** The oldest first; the newest is written to and is never cleaned. */
  readonly segments: Segment[];
  readonly index: LogIndex;
  readonly sync: LogSync;
  readonly now: () => number;
  readonly onFailed: (err: Error) => void;
  readonly onCorrupt: () => void;
}

const PIECE = 64 * 1024;
const MOST_AT_ONCE = 1024 * 1024;
const RETRY_MS = 1000;
/** So often a piece is asked for before it is passed over. */
const TRIES = 5;

/**
 * Oldest first: so a deletion may go with its segment, since no older line of its key is left. Nothing is removed before
 * what replaces it is on the disk, and the next not before that removal is.
 */
export class LogCleaner {
  readonly #options: LogCleanerOptions;
  readonly #reader = new LineReader();
  #segment: Segment | undefined;
  #state: 'idle' | 'reading' | 'unread' | 'ready' | 'emptied' | 'removing' = 'idle';
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
    const oldest = this.#options.segments[0];
    return oldest !== undefined && oldest.number <= this.#suspect;
  }

  /** Something can be done in this flush. */
  get isReady(): boolean {
    const state = this.#state;
    return (
      state === 'ready' || state === 'unread' || state === 'emptied' || (state === 'idle' && this.#isDue())
    );
  }

  /** Adds to the batch what is alive, about as many bytes as the budget says. */
  fill(batch: LogBatch, budget: number): void {
    if (this.#isClosed) return;
    if (this.#state === 'idle') this.#begin();
    else if (this.#state === 'emptied') this.#remove();
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
        const line = index.lines.get(key);
        if (line !== undefined && line.seq === seq && line.segment === segment && !batch.entries.has(key))
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

  #isDue(): boolean {
    const { segments, now } = this.#options;
    const oldest = segments[0];
    if (oldest === undefined || segments.length < 2 || now() < this.#retryAt) return false;
    if (oldest.number <= this.#suspect) return true;
    let size = 0;
    let live = 0;
    for (const segment of segments) {
      size += segment.size;
      live += segment.live;
    }
    return size - live > live;
  }

  #begin(): void {
    if (!this.#isDue()) return;
    this.#segment = this.#options.segments[0];
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
    this.#state = 'removing';
    this.#options.sync.afterNextRound(() => {
      this.#state = 'emptied';
      this.#remove();
    });
  }

  #remove(): void {
    const { fs, now } = this.#options;
    const segment = this.#segment;
    if (segment === undefined || now() < this.#retryAt) return;
    this.#state = 'removing';
    if (!segment.isDamaged) {
      fs.unlink(segment.path, (err) => this.#removed(segment, err));
      return;
    }
    try {
      fs.renameSync(segment.path, asideOf(segment.path));
      this.#removed(segment, null);
    } catch (error) {
      this.#removed(segment, asError(error));
    }
  }

  #removed(segment: Segment, err: Error | null): void {
    const { fs, segments, sync, now, onFailed } = this.#options;
    if (this.#isClosed) return;
    if (err !== null && !hasCode(err, 'ENOENT')) {
      onFailed(err);
      this.#retryAt = now() + RETRY_MS;
      this.#state = 'emptied';
      return;
    }
    segments.shift();
    sync.forget(segment);
    sync.folderChanged();
    fs.close(segment.fd, () => undefined);
    this.#segment = undefined;
    this.#state = 'idle';
  }
}
