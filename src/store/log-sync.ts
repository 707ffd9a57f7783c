// Brings what was written onto the disk, off the event loop: one round of fdatasync for all who wait.
import type { Done, StoreFileSystem } from './file-system.ts';
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

/** True: what was promised holds. False: the disk took too long. */
export type Safe = (isSafe: boolean) => void;

interface Waiter {
  readonly mark: number;
  readonly since: number;
  readonly done: Safe;
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
  /** In the order of their marks, which is that of their time. */
  #waiters: Waiter[] = [];
  #nextRound: Join[] = [];
  #safeMark = 0;
  #late: NodeJS.Timeout | undefined;
  /** Until it ends no round starts. */
  #pause: NodeJS.Timeout | undefined;
  #isResting = false;
  #idle: (() => void) | undefined;
  #isClosed = false;

  constructor(options: LogSyncOptions) {
    this.#options = options;
  }

  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  wrote(segment: Segment): void {
    this.#dirty.add(segment);
    this.go();
  }

  /** More may be written than before. */
  go(): void {
    if (this.#waiters.length > 0) this.#start();
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
    this.#waiters.push({ mark, since: this.#options.now(), done });
    this.#arm();
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
    clearTimeout(this.#late);
    clearTimeout(this.#pause);
    this.#nextRound = [];
    for (const { done } of this.#waiters.splice(0)) done(isSafe);
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
    for (const { done } of this.#leading(({ mark }) => mark <= this.#safeMark)) done(true);
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
    const isAsked = this.#waiters.some(({ mark }) => mark <= this.#options.written());
    if (isAsked || this.#nextRound.length > 0) this.#start();
  }

  #startAfter(ms: number, start: () => void): void {
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#isResting = false;
      start();
    }, ms).unref();
  }

  #arm(): void {
    const first = this.#waiters[0];
    if (first === undefined || this.#late !== undefined) return;
    const left = Math.max(1, first.since + LATEST_MS - this.#options.now());
    // after a pause of our own the round may have ended already: its callback goes first
    this.#late = setTimeout(() => setImmediate(() => this.#giveUp()), left).unref();
  }

  #giveUp(): void {
    this.#late = undefined;
    if (this.#isClosed) return;
    const latest = this.#options.now() - LATEST_MS + 1;
    const late = this.#leading(({ since }) => since <= latest);
    if (late.length > 0) this.#options.onGap(late.length);
    for (const { done } of late) done(false);
    this.#arm();
  }

  /** Takes those at the front that may go. */
  #leading(mayGo: (waiter: Waiter) => boolean): Waiter[] {
    const end = this.#waiters.findIndex((waiter) => !mayGo(waiter));
    return this.#waiters.splice(0, end < 0 ? this.#waiters.length : end);
  }
}
