// Brings what was written onto the disk, off the event loop: one round of fdatasync for all who wait.
import type { Done, StoreFileSystem } from './file-system.ts';
import { LogWaiters, type Safe } from './log-waiters.ts';
import type { Segment } from './segment.ts';

export interface LogSyncOptions {
  readonly fs: StoreFileSystem;
  readonly folder: string;
  /** Somebody waits for what is written; otherwise only the removal of segments does. */
  readonly isForPower: boolean;
  readonly now: () => number;
  /** The mark up to which all is written. */
  readonly written: () => number;
  /** So many were told although what they wait for may not be on the disk. */
  readonly onGap: (count: number) => void;
  readonly onFailed: (err: Error) => void;
  readonly onSynced: (took: number) => void;
}

type Part = (done: Done) => void;
type Join = () => () => void;

interface Round {
  readonly began: number;
  readonly mark: number;
  readonly segments: readonly Segment[];
  readonly hasFolder: boolean;
  readonly joined: readonly Join[];
}

/** Nobody waits longer for the disk. Ms. */
const LATEST_MS = 50;
const RETRY_MS = 1000;
/** Between two rounds nobody waits for: each holds up whoever writes, and the segments that wait are a few seconds' worth. */
const REST_MS = 10_000;

export class LogSync {
  readonly #options: LogSyncOptions;
  readonly #dirty = new Set<Segment>();
  #isFolderDirty = false;
  #isRunning = false;
  /** What the round under way syncs. */
  #underway: readonly Segment[] = [];
  readonly #waiters: LogWaiters;
  #nextRound: Join[] = [];
  #safeMark = 0;
  /** Until it ends no round starts. */
  #pause: NodeJS.Timeout | undefined;
  #isResting = false;
  #idle: (() => void) | undefined;
  #isClosed = false;

  constructor(options: LogSyncOptions) {
    this.#options = options;
    this.#waiters = new LogWaiters({ now: options.now, latest: LATEST_MS, onLate: options.onGap });
  }

  get isAwaited(): boolean {
    return this.#waiters.firstMark !== undefined;
  }

  wrote(segment: Segment): void {
    this.#dirty.add(segment);
    this.go();
  }

  /** More may be written than before. */
  go(): void {
    if (this.isAwaited) this.#start();
  }

  /** A segment was made or removed. */
  folderChanged(): void {
    this.#isFolderDirty = true;
  }

  forget(segment: Segment): void {
    this.#dirty.delete(segment);
  }

  /** Calls back when all up to the mark is on the disk, or when that takes too long. */
  whenSafe(mark: number, done: Safe): void {
    if (mark <= this.#safeMark) {
      done(true);
      return;
    }
    this.#waiters.add(mark, done);
    if (mark <= this.#options.written()) this.#start();
  }

  /** `join` is called when the next round begins, what it answers when all that was written by then is on the disk. */
  withNextRound(join: Join): void {
    this.#nextRound.push(join);
    this.#start();
  }

  /** Much waits for the next round: it need not keep its distance from the last one. */
  hurry(): void {
    if (!this.#isResting) return;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#isResting = false;
    this.#startIfAsked();
  }

  /** Lets everyone go; `idle` is called when no descriptor is in use any more. */
  close(isSafe: boolean, idle: () => void): void {
    this.#isClosed = true;
    clearTimeout(this.#pause);
    this.#nextRound = [];
    this.#waiters.letGo(isSafe);
    if (this.#isRunning) this.#idle = idle;
    else idle();
  }

  /** What the last moment needs: all that may not be on the disk, also what nobody will remove now, while the caller waits. */
  syncNow(): void {
    const { fs, folder } = this.#options;
    for (const { fd } of new Set([...this.#underway, ...this.#dirty])) fs.syncSync(fd);
    fs.syncFolderSync(folder);
  }

  #start(): void {
    if (this.#isRunning || this.#pause !== undefined || this.#isClosed) return;
    this.#isRunning = true;
    const { now, written } = this.#options;
    const round: Round = {
      began: now(),
      mark: written(),
      segments: this.#toSync(),
      hasFolder: this.#isFolderDirty,
      joined: this.#nextRound.splice(0),
    };
    const then = round.joined.map((join) => join());
    for (const segment of round.segments) this.#dirty.delete(segment);
    this.#underway = round.segments;
    this.#isFolderDirty = false;
    this.#run(this.#parts(round), (failure) => {
      this.#isRunning = false;
      this.#underway = [];
      if (this.#isClosed) this.#idle?.();
      else if (failure === undefined) this.#synced(round, then);
      else this.#failed(round, failure);
    });
  }

  /** What is to be removed would be written for nothing. A promise against power failures covers deletions too: they stand there. */
  #toSync(): Segment[] {
    const all = [...this.#dirty];
    return this.#options.isForPower ? all : all.filter(({ isEmptied }) => !isEmptied);
  }

  #parts({ segments, hasFolder }: Round): Part[] {
    const { fs, folder } = this.#options;
    const parts = segments.map(
      ({ fd }): Part =>
        (done) =>
          fs.sync(fd, done),
    );
    return hasFolder ? [...parts, (done) => fs.syncFolder(folder, done)] : parts;
  }

  /** Where nobody waits for a round, it holds one thread of the pool and leaves the others to those who write. */
  #run(parts: Part[], ended: (failure: Error | undefined) => void): void {
    let underway = Math.min(parts.length, this.#options.isForPower ? parts.length : 1);
    let failure: Error | undefined;
    const next = () => {
      // whoever closes has synced all that is left
      const part = this.#isClosed ? undefined : parts.shift();
      if (part !== undefined) part(one);
      else if (--underway === 0) ended(failure);
    };
    const one = (err: Error | null) => {
      failure ??= err ?? undefined;
      next();
    };
    if (underway === 0) ended(failure);
    for (let begun = underway; begun > 0; begun--) next();
  }

  #synced({ mark, began }: Round, then: readonly (() => void)[]): void {
    this.#safeMark = Math.max(this.#safeMark, mark);
    this.#options.onSynced(this.#options.now() - began);
    // before anybody is called, who may ask for the next one
    this.#isResting = !this.#options.isForPower;
    if (this.#isResting) this.#startAfter(REST_MS, () => this.#startIfAsked());
    for (const done of then) done();
    this.#waiters.reached(this.#safeMark);
    this.#startIfAsked();
  }

  #failed({ segments, hasFolder, joined }: Round, err: Error): void {
    for (const segment of segments) this.#dirty.add(segment);
    this.#isFolderDirty ||= hasFolder;
    this.#nextRound.unshift(...joined);
    this.#options.onFailed(err);
    this.#startAfter(RETRY_MS, () => this.#start());
  }

  #startIfAsked(): void {
    const { firstMark } = this.#waiters;
    const isAsked = firstMark !== undefined && firstMark <= this.#options.written();
    if (isAsked || this.#nextRound.length > 0) this.#start();
  }

  #startAfter(ms: number, start: () => void): void {
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#isResting = false;
      start();
    }, ms).unref();
  }
}
