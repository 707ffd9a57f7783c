// Removes the segments from which all that lives was carried out, once what replaces it is on the disk.
import { asError, hasCode, type StoreFileSystem } from './file-system.ts';
import type { LogSync } from './log-sync.ts';
import { asideOf, type Segment } from './segment.ts';

export interface LogRemoverOptions {
  readonly fs: StoreFileSystem;
  /** The oldest first. */
  readonly segments: Segment[];
  readonly sync: LogSync;
  readonly isForPower: boolean;
  readonly now: () => number;
  readonly onFailed: (err: Error) => void;
}

const RETRY_MS = 1000;
/** So many emptied segments are enough. */
const MANY = 16;

/**
 * Lot by lot: what was emptied before a round of syncing began goes after that round, the oldest first, each after the
 * one before it. The next lot waits for a round that began after these removals, and so syncs them.
 */
export class LogRemover {
  readonly #options: LogRemoverOptions;
  /** Most file systems remove names in the order they are told to. A promise against power failures does not rely on it. */
  readonly #most: number;
  #state: 'idle' | 'waiting' | 'removing' | 'failed' = 'idle';
  #emptied = 0;
  /** What is left of the lot. */
  #removable = 0;
  #retryAt = 0;
  #isClosed = false;

  constructor(options: LogRemoverOptions) {
    this.#options = options;
    this.#most = options.isForPower ? 1 : Number.POSITIVE_INFINITY;
  }

  /** So many of the segments, the oldest ones, are only still there. */
  get emptied(): number {
    return this.#emptied;
  }

  /** Something failed and can be tried again. */
  get isReady(): boolean {
    return this.#state === 'failed' && this.#options.now() >= this.#retryAt;
  }

  /** Nothing in the oldest segment that was not emptied yet counts any more. */
  add(): void {
    this.#emptied++;
    this.#ask();
    if (this.#emptied >= MANY) this.#options.sync.hurry();
  }

  tryAgain(): void {
    if (this.isReady) this.#remove();
  }

  close(): void {
    this.#isClosed = true;
  }

  #ask(): void {
    if (this.#state !== 'idle' || this.#emptied === 0) return;
    this.#state = 'waiting';
    this.#options.sync.withNextRound(() => {
      const lot = Math.min(this.#emptied, this.#most);
      return () => {
        this.#removable = lot;
        this.#remove();
      };
    });
    if (this.#emptied >= MANY) this.#options.sync.hurry();
  }

  #remove(): void {
    const { fs, segments } = this.#options;
    const segment = segments[0];
    if (segment === undefined || this.#removable === 0) {
      this.#state = 'idle';
      this.#ask();
      return;
    }
    this.#state = 'removing';
    if (!segment.isDamaged) {
      fs.unlink(segment.path, (err) => this.#removed(segment, err));
      return;
    }
    try {
      fs.renameSync(segment.path, asideOf(segment.path));
    } catch (error) {
      this.#removed(segment, asError(error));
      return;
    }
    this.#removed(segment, null);
  }

  #removed(segment: Segment, err: Error | null): void {
    const { fs, segments, sync, now, onFailed } = this.#options;
    if (this.#isClosed) return;
    if (err !== null && !hasCode(err, 'ENOENT')) {
      onFailed(err);
      this.#retryAt = now() + RETRY_MS;
      this.#state = 'failed';
      return;
    }
    segments.shift();
    this.#emptied--;
    this.#removable--;
    sync.forget(segment);
    sync.folderChanged();
    fs.close(segment.fd, () => undefined);
    this.#remove();
  }
}
