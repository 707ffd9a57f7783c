// The journal: takes every transition as it is delivered, and once a burst writes diary and ndjson, one write each.
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { howOf } from './again.ts';
import { type CallRecord, CallRecords } from './call-record.ts';
import type { WindowHead } from './catch-up.ts';
import { Diary } from './diary.ts';
import { NdjsonWriter } from './ndjson.ts';
import { type FileSystem, type FileTrouble, isRefusal, RotatingFile } from './rotating-file.ts';
import type { Done } from './sync.ts';
import type { Transition } from './transition.ts';
import { localZone, type ZoneOffset } from './wall-time.ts';

export const DIARY_FILE = 'dennik-hovorov.log';
export const NDJSON_FILE = 'journal.ndjson';

export interface JournalOptions {
  /** An existing folder. */
  readonly folder: string;
  readonly settings: Config['journal'];
  /** Once when a file cannot be written, once when it can again. */
  readonly onTrouble: (trouble: FileTrouble) => void;
  /** Zone of the diary; the process's own when absent. */
  readonly zone?: ZoneOffset;
  readonly fs?: FileSystem;
  /** Calls back when all that was kept so far is safe: lines are written after that. Absent: it is so at once. */
  readonly safely?: ((release: () => void) => void) | undefined;
  /** Lines are settled only when they are on the disk themselves, not when they are in the files. */
  readonly isForPower?: boolean;
  /** Monotonic ms. */
  readonly now?: () => number;
}

/** Whole ones for both files, or ''. */
export type LinesOfBoth = readonly [diary: string, ndjson: string];

export class Journal {
  /** The calls that live. */
  readonly calls = new CallRecords();
  readonly diaryPath: string;
  readonly ndjsonPath: string;
  readonly #zone: ZoneOffset | undefined;
  readonly #writer = new NdjsonWriter();
  #diary: Diary;
  #everything: boolean;
  #how: string;
  readonly #files: readonly [diary: RotatingFile, ndjson: RotatingFile];
  #diaryLines = '';
  #ndjsonLines = '';
  readonly #safely: NonNullable<JournalOptions['safely']>;
  readonly #isForPower: boolean;
  /** Lines that wait until what is kept of them is safe; the last ones of a window. */
  readonly #unsafe: { readonly lines: LinesOfBoth; readonly isLast: boolean }[] = [];
  /** Counts the writes that both files took. */
  #window = Date.now();
  /** Wall ms of what was recorded last. */
  #at = 0;
  /** Somebody knows of this window. */
  #isTold = false;
  /** This window has lines that are written, or about to be. */
  #hasWritten = false;
  /** The oldest window that may have lines that are not settled: this one, or the one before it. */
  #unsettled = this.#window;
  #places: Pick<WindowHead, 'place' | 'ndjsonPlace'>;
  /** How far the window before this one is on its way to the disk. */
  #leaving: 'no' | 'unsafe' | 'written' | 'syncing' = 'no';
  /** The disk has failed: nobody knows what it has. */
  #isDoubtful = false;
  #isClosed = false;

  constructor(options: JournalOptions) {
    const { folder, settings, zone, onTrouble, fs, now, safely, isForPower = false } = options;
    this.#safely = safely ?? ((release) => release());
    this.#isForPower = isForPower;
    this.diaryPath = join(folder, DIARY_FILE);
    this.ndjsonPath = join(folder, NDJSON_FILE);
    this.#zone = zone;
    this.#diary = new Diary({ style: settings.style, zone });
    this.#everything = settings.detail === 'transitions';
    this.#how = howOf(settings);
    const file = (path: string) =>
      new RotatingFile({
        path,
        isSynced: isForPower,
        maxSize: settings.maxSize,
        keep: settings.keep,
        onTrouble,
        ...(fs && { fs }),
        ...(now && { now }),
      });
    this.#files = [file(this.diaryPath), file(this.ndjsonPath)];
    this.#places = this.#placesNow();
  }

  /** Failed attempts to write since the start. */
  get failures(): number {
    return this.#files[0].failures + this.#files[1].failures;
  }

  /** Writes nothing yet: that is the flush at the end of the burst. Gives the record of a call that is over. Throws nothing. */
  record(transition: Transition): CallRecord | undefined {
    if (transition.notes.length > 0) this.#diaryLines += this.#diary.lines(transition);
    if (this.#everything) this.#ndjsonLines += this.#writer.transition(transition);
    this.#at = transition.at;
    const over = this.calls.take(transition);
    if (over !== undefined) this.#ndjsonLines += this.#writer.record(over);
    return over;
  }

  /** Of what is recorded now: the same until all of it is on its way to the files, and then a greater one. */
  get window(): number {
    return this.#window;
  }

  /** Everything that was recorded is settled. */
  get isComplete(): boolean {
    return !this.hasNews && !this.#hasWritten && this.#unsettled === this.#window;
  }

  /** Are its lines where they outlive what they are to outlive: in the files, or on the disk? */
  isSettled(window: number): boolean {
    return window < this.#unsettled;
  }

  /** How lines are written just now, in a word or two. */
  get how(): string {
    return this.#how;
  }

  /**
   * An earlier process has used all up to this window; the wall clock may have been put back since. `left`: lines of it,
   * from the window `since` on, that its files have not taken: they come before all others.
   */
  beginAfter(window: number, left?: { readonly since: number; readonly lines: LinesOfBoth }): void {
    this.#window = this.#unsettled = Math.max(this.#window, window + 1);
    this.#places = this.#placesNow();
    if (left === undefined) return;
    this.#unsettled = left.since;
    [this.#diaryLines, this.#ndjsonLines] = left.lines;
  }

  /** Is there anything that `flush` would write? */
  get hasNews(): boolean {
    return this.#ndjsonLines !== '' || this.#diaryLines !== '';
  }

  /** Once in each window, for whoever keeps what is told in it: `catchUp` needs it after a crash. */
  head(): WindowHead | undefined {
    if (this.#isTold) return undefined;
    this.#isTold = true;
    const zone = (this.#zone ?? localZone)(this.#at);
    return { window: this.#window, ...this.#places, since: this.#unsettled, zone };
  }

  /** Once a burst, after its datagrams left. Without news it costs nothing; what a full disk refused is tried again. */
  flush(): void {
    const lines = [this.#diaryLines, this.#ndjsonLines] as const;
    const hasNews = this.hasNews;
    this.#hasWritten ||= hasNews || this.#isTold;
    this.#diaryLines = this.#ndjsonLines = '';
    if (this.#isDoubtful) {
      this.#write(lines);
      if (this.#isWritten && this.#hasWritten) this.#unsettled = this.#nextWindow();
    } else if (hasNews || this.#hasWritten) this.#writeSafely(lines);
    else this.#write(lines);
  }

  /** What is recorded from now on is the next window's, unless one is on its way: two is all there is to keep apart. */
  #writeSafely(lines: LinesOfBoth): void {
    const isLast = this.#leaving === 'no';
    if (isLast) {
      this.#nextWindow();
      this.#leaving = 'unsafe';
    }
    this.#unsafe.push({ lines, isLast });
    this.#safely(() => this.#writeUnsafe());
  }

  #writeUnsafe(): void {
    const first = this.#unsafe.shift();
    if (first === undefined) return;
    if (first.isLast) this.#leaving = 'written';
    this.#write(first.lines);
  }

  #write([diary, ndjson]: LinesOfBoth): void {
    this.#files[0].append(diary);
    this.#files[1].append(ndjson);
    if (this.#leaving !== 'written' || !this.#isWritten || this.#isDoubtful || this.#isClosed) return;
    if (this.#isForPower) this.#sync();
    else this.#settled();
  }

  get #isWritten(): boolean {
    return this.#files.every((file) => file.isWritten);
  }

  #nextWindow(): number {
    this.#isTold = false;
    this.#hasWritten = false;
    this.#places = this.#placesNow();
    return ++this.#window;
  }

  #placesNow() {
    const [diary, ndjson] = this.#files;
    return { place: diary.end, ndjsonPlace: ndjson.end };
  }

  #sync(): void {
    this.#leaving = 'syncing';
    const [diary, ndjson] = this.#files;
    const synced: Done = (err) => {
      if (this.#isClosed) return;
      this.#leaving = 'written';
      if (err === null) this.#settled();
      else if (isRefusal(err)) this.#doubt();
    };
    diary.sync((err) => {
      if (err === null) ndjson.sync(synced);
      else synced(err);
    });
  }

  #settled(): void {
    this.#leaving = 'no';
    this.#unsettled = this.#window;
    // those of the window before stand there by now
    if (!this.#hasWritten && !this.#isTold) this.#places = this.#placesNow();
  }

  /** From now on it is as without power for a promise: nobody knows what else would be true. */
  #doubt(): void {
    this.#isDoubtful = true;
    while (this.#unsafe.length > 0) this.#writeUnsafe();
    this.#leaving = 'no';
    for (const file of this.#files) file.leaveUnsynced();
  }

  /** Other settings, for what is recorded from now on. */
  update(settings: Config['journal']): void {
    this.#diary = new Diary({ style: settings.style, zone: this.#zone });
    this.#everything = settings.detail === 'transitions';
    this.#how = howOf(settings);
    for (const file of this.#files) file.rotation = settings;
  }

  /** For whoever moves the files away (logrotate). */
  reopen(): void {
    for (const file of this.#files) file.reopen();
  }

  close(): void {
    // of a file that is synced just now an error may be told there, and not here
    const isKnown = this.#leaving !== 'syncing';
    this.#isClosed = true;
    this.flush();
    while (this.#unsafe.length > 0) this.#writeUnsafe();
    if (this.#isForPower) this.#syncNow(isKnown);
    else if (this.#isWritten) this.#unsettled = this.#nextWindow();
    for (const file of this.#files) file.close();
  }

  /** The event loop is held for it: nobody is served any more. */
  #syncNow(isKnown: boolean): void {
    if (this.#isDoubtful || !this.#isWritten) return;
    try {
      for (const file of this.#files) file.syncNow();
      if (isKnown) this.#unsettled = this.#nextWindow();
    } catch {
      // the next start finds what is missing
    }
  }
}
