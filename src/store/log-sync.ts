// Brings what was written onto the disk, off the event loop: one round of fdatasync for all who wait.
import type { StoreFileSystem } from './file-system.ts';
import type { Segment } from './segment.ts';

export interface LogSyncOptions {
  readonly fs: StoreFileSystem;
  readonly folder: string;
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

/** Nobody waits longer for the disk. Ms. */
const LATEST_MS = 50;
const RETRY_MS = 1000;

export class LogSync {
  readonly #options: LogSyncOptions;
  readonly #dirty = new Set<Segment>();
  #isFolderDirty = false;
  #isRunning = false;
  /** What the round under way syncs. */
  #underway: readonly Segment[] = [];
  /** In the order of their marks, which is that of their time. */
  #waiters: Waiter[] = [];
  #nextRound: (() => void)[] = [];
  #safeMark = 0;
  #late: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
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

  /** Calls back when all that is written by now is on the disk, however long that takes. */
  afterNextRound(done: () => void): void {
    this.#nextRound.push(done);
    this.#start();
  }

  /** Lets everyone go; `idle` is called when no descriptor is in use any more. */
  close(isSafe: boolean, idle: () => void): void {
    this.#isClosed = true;
    clearTimeout(this.#late);
    clearTimeout(this.#retry);
    this.#nextRound = [];
    for (const { done } of this.#waiters.splice(0)) done(isSafe);
    if (this.#isRunning) this.#idle = idle;
    else idle();
  }

  /** What the last moment needs: all that may not be on the disk, while the caller waits. */
  syncNow(): void {
    const { fs, folder } = this.#options;
    for (const { fd } of new Set([...this.#underway, ...this.#dirty])) fs.syncSync(fd);
    fs.syncFolderSync(folder);
  }

  #start(): void {
    if (this.#isRunning || this.#retry !== undefined || this.#isClosed) return;
    this.#isRunning = true;
    const { fs, folder, now, written } = this.#options;
    const round = { mark: written(), segments: [...this.#dirty], folder: this.#isFolderDirty };
    const then = this.#nextRound.splice(0);
    const began = now();
    let left = round.segments.length + (round.folder ? 1 : 0);
    let failure: Error | undefined;
    const ended = () => {
      this.#isRunning = false;
      this.#underway = [];
      if (this.#isClosed) this.#idle?.();
      else if (failure === undefined) this.#synced(round.mark, now() - began, then);
      else {
        for (const segment of round.segments) this.#dirty.add(segment);
        this.#isFolderDirty ||= round.folder;
        this.#nextRound.unshift(...then);
        this.#failed(failure);
      }
    };
    const one = (err: Error | null) => {
      failure ??= err ?? undefined;
      if (--left === 0) ended();
    };
    this.#dirty.clear();
    this.#underway = round.segments;
    this.#isFolderDirty = false;
    if (left === 0) ended();
    for (const { fd } of round.segments) fs.sync(fd, one);
    if (round.folder) fs.syncFolder(folder, one);
  }

  #synced(mark: number, took: number, then: readonly (() => void)[]): void {
    this.#safeMark = Math.max(this.#safeMark, mark);
    this.#options.onSynced(took);
    for (const done of then) done();
    for (const { done } of this.#leading(({ mark }) => mark <= this.#safeMark)) done(true);
    const isAsked = this.#waiters.some(({ mark }) => mark <= this.#options.written());
    if (isAsked || this.#nextRound.length > 0) this.#start();
  }

  #failed(err: Error): void {
    this.#options.onFailed(err);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#start();
    }, RETRY_MS).unref();
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
