// The log of what is alive: keys and JSON texts, appended once per burst, read back whole at the next start.
import { JsonWriter } from '../json/json-writer.ts';
import { asError, realStoreFileSystem, type StoreFileSystem } from './file-system.ts';
import { LogBatch } from './log-batch.ts';
import { LogCleaner } from './log-cleaner.ts';
import { LogCondition, type LogTrouble, SLOW_MS, type State } from './log-condition.ts';
import { APPENDED, DELETED, type Entries, NOTHING, PUT } from './log-entry.ts';
import { LogIndex } from './log-index.ts';
import { Item } from './log-item.ts';
import { type Damage, type LogContents, readLog } from './log-read.ts';
import { LogRemover } from './log-remover.ts';
import { LogSync } from './log-sync.ts';
import { LogWaiters, type Safe } from './log-waiters.ts';
import { LogWaiting } from './log-waiting.ts';
import type { Segment } from './segment.ts';
import { SegmentMaker } from './segment-maker.ts';

export interface LiveLogOptions {
  /** It exists. */
  readonly folder: string;
  /** What a flushed entry outlives: the end of this process, or (once `safely` calls back) a power failure. */
  readonly durability: 'process' | 'power';
  /** Once per change. */
  readonly onTrouble: (trouble: LogTrouble) => void;
  /** Monotonic ms. */
  readonly now?: () => number;
  readonly fs?: StoreFileSystem;
  /** Bytes after which a new segment begins. */
  readonly segmentSize?: number;
  /** Bytes that count no more and are left to lie. */
  readonly spare?: number;
  /** Bytes the cleaner may carry over in one flush; or as many as the burst wrote itself, if that is more. */
  readonly compactPerFlush?: number;
}

export interface LogCounts {
  /** Lines, without those that were carried over. */
  written: number;
  bytes: number;
  carried: number;
  failures: number;
  /** Writes that took too long. */
  slow: number;
  /** Callbacks of `safely` that came before the disk had what they waited for. */
  gaps: number;
  /** Lines and pieces that could not be read any more when their segment was cleaned. */
  corrupt: number;
}

export interface OpenedLog {
  readonly log: LiveLog;
  /** In the order they were last put or appended to. What was appended stands behind a U+001E each. */
  readonly kept: Map<string, string>;
  readonly damage: Damage;
}

// Small ones: the pages of one that is gone are taken for the next while they are warm.
const SEGMENT_SIZE = 4 * 1024 * 1024;
/** A start reads it all: some tenths of a second. */
const SPARE = 32 * 1024 * 1024;
/** What is written to is never cleaned, and read in one piece. */
const MOST_SEGMENTS_IN_ONE = 16;
const COMPACT_PER_FLUSH = 32 * 1024;
const RETRY_MS = 1000;
/** Nobody waits longer for a write. */
const UNWRITTEN_MS = 2000;
const LOOK_MS = 1000;
/** Between two steps while all that lives is moved to new segments. */
const RESCUE_MS = 10;
const NO_TEXT = Buffer.alloc(0);
const TAKES_NOTHING = 'the disk takes nothing';

export class LiveLog {
  /** Where texts are written: JSON without newlines. `put` and `append` take what was written since the last of them. */
  readonly out = new JsonWriter();
  readonly counts: LogCounts = {
    written: 0,
    bytes: 0,
    carried: 0,
    failures: 0,
    slow: 0,
    gaps: 0,
    corrupt: 0,
  };
  readonly #isForPower: boolean;
  readonly #fs: StoreFileSystem;
  readonly #now: () => number;
  readonly #segmentSize: number;
  readonly #budget: number;
  readonly #segments: Segment[];
  readonly #index: LogIndex;
  readonly #condition: LogCondition;
  readonly #sync: LogSync;
  readonly #unwritten: LogWaiters;
  readonly #remover: LogRemover;
  readonly #cleaner: LogCleaner;
  readonly #maker: SegmentMaker;
  #batch = new LogBatch();
  /** What the disk does not have yet. */
  readonly #waiting: LogWaiting;
  /** How far what was written belongs to somebody. */
  #taken = 0;
  /** What a write in the background carries just now. */
  #flying: Entries | undefined;
  #current: Segment | undefined;
  #nextSeq: number;
  /** Counts the flushes that had something to write; all up to `#written` is written. */
  #mark = 1;
  #written = 1;
  #lookAt = 0;
  #retryAt = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Of a write that broke off: some of their lines may stand behind the end of the segment. */
  #halfWritten: Set<Item> | undefined;
  /** A write held the event loop too long: until they are quick again they go their way beside it. */
  #isBackground = false;
  /** Writes in the background that use a descriptor. */
  #inTheAir = 0;
  #isClosed = false;

  /** Throws StoreError when a newer version wrote the log or the folder cannot be listed. */
  static open(options: LiveLogOptions): OpenedLog {
    const contents = readLog(options.fs ?? realStoreFileSystem, options.folder);
    return { log: new LiveLog(options, contents), kept: contents.kept, damage: contents.damage };
  }

  private constructor(options: LiveLogOptions, contents: LogContents) {
    this.#waiting = new LogWaiting(this.out);
    this.#isForPower = options.durability === 'power';
    this.#fs = options.fs ?? realStoreFileSystem;
    this.#now = options.now ?? (() => performance.now());
    this.#segmentSize = options.segmentSize ?? SEGMENT_SIZE;
    this.#budget = options.compactPerFlush ?? COMPACT_PER_FLUSH;
    this.#segments = contents.segments;
    this.#index = new LogIndex(contents.items);
    this.#current = contents.canGoOn ? contents.segments.at(-1) : undefined;
    this.#nextSeq = contents.nextSeq;
    this.#condition = new LogCondition(options.onTrouble, () => this.#waitingBytes());
    this.#unwritten = new LogWaiters({ now: this.#now, latest: UNWRITTEN_MS });
    this.#sync = new LogSync({
      fs: this.#fs,
      folder: options.folder,
      isForPower: this.#isForPower,
      now: this.#now,
      written: () => this.#written,
      onGap: (count) => this.#gap(count),
      onFailed: (err) => this.#syncFailed(err),
      onSynced: (took) => this.#synced(took),
    });
    const shared = { fs: this.#fs, now: this.#now, onFailed: () => this.counts.failures++ };
    this.#maker = new SegmentMaker({ ...shared, folder: options.folder, nextNumber: contents.nextNumber });
    this.#remover = new LogRemover({
      ...shared,
      segments: this.#segments,
      sync: this.#sync,
      isForPower: this.#isForPower,
    });
    this.#cleaner = new LogCleaner({
      ...shared,
      segments: this.#segments,
      index: this.#index,
      remover: this.#remover,
      spare: options.spare ?? SPARE,
      onCorrupt: () => this.counts.corrupt++,
    });
    // the process before us may have written what no disk has seen
    for (const segment of this.#segments) this.#sync.wrote(segment);
    this.#sync.folderChanged();
  }

  /**
   * What is kept under this key; if the disk does not know the key, a new item, and another one each time. Two items of
   * one key know nothing of each other: to ask for a second one while the first is in use is an error of the caller. One
   * that was deleted may be put again, or asked for anew.
   */
  item(key: string): Item {
    return this.#index.get(key) ?? new Item(key);
  }

  /** The last put of an item counts. */
  put(item: Item): void {
    this.#waiting.set(item, PUT, this.#take());
  }

  /**
   * What was written is kept behind what there is of the item, so that a change need not be written with all that stays.
   * Of an item that is not known, which is an error of the caller, it is all that is kept.
   */
  append(item: Item): void {
    const from = this.#take();
    if (item.sign !== NOTHING) this.#waiting.goOn(item, from);
    // what was written half the disk may still have: this does not go on from there
    else this.#waiting.set(item, this.#halfWritten?.has(item) === true ? PUT : APPENDED, from);
  }

  /** What was written since the last put or append belongs to nobody. */
  drop(): void {
    this.out.length = this.#taken;
  }

  #take(): number {
    const from = this.#taken;
    this.#taken = this.out.length;
    return from;
  }

  /** Costs a line only when the disk knows the item. */
  delete(item: Item): void {
    if (item.sign === DELETED) return;
    const flown = this.#flying?.get(item);
    const isKnown = flown === undefined ? item.line !== undefined : flown.sign !== DELETED;
    if (isKnown) this.#waiting.set(item, DELETED, this.out.length);
    else this.#waiting.remove(item);
  }

  /** Writes all that was put since the last flush, without fsync; never throws. What the disk does not take waits. */
  flush(): void {
    this.#flush();
    // those that still wait may do so for long
    this.#waiting.holdTexts();
    this.out.clear();
    this.#taken = 0;
  }

  /** For one who ends: all that waits, and nobody waits any more for it to be written, whatever the disk says. */
  flushNow(): void {
    clearTimeout(this.#retry);
    if (this.#flying !== undefined) {
      // nobody knows how far that write comes, so all of it goes into a segment of its own
      this.#bringBack(this.#flying);
      this.#current = undefined;
      this.#batch = new LogBatch();
    }
    this.#isBackground = false;
    if (this.#waiting.size > 0 && !this.#isClosed) this.#writeNow();
    this.#waiting.holdTexts();
    this.#unwritten.letGo(this.#waiting.size === 0);
  }

  #flush(): void {
    if (this.#waiting.size > 0) this.#mark++;
    else if (!this.#cleaner.isReady) return;
    if (this.#flying !== undefined || this.#isClosed) return;
    if (this.#condition.is('write', 'failed') && this.#now() < this.#retryAt) return;
    this.#write();
  }

  /**
   * `done` is called when all that was flushed so far is where it outlives what it is to outlive: with 'power' on the
   * disk, and after 50 ms in any case; with 'process' in the file, which is mostly so by now, and after 2 s in any case.
   * With false when it took too long.
   */
  safely(done: Safe): void {
    if (this.#isClosed) done(!this.#isForPower);
    else if (this.#isForPower) this.#sync.whenSafe(this.#mark, done);
    else if (this.#written === this.#mark) done(true);
    else this.#unwritten.add(this.#mark, done);
  }

  /** Somebody waits in `safely` for the disk. */
  get isAwaited(): boolean {
    return this.#sync.isAwaited;
  }

  /** Something waits for a disk that fails or is slow. */
  get isBehind(): boolean {
    if (this.#condition.isWell) return false;
    const waits = this.#waiting.size > 0 || this.#flying !== undefined || this.#sync.isAwaited;
    return this.#condition.isFailed || waits;
  }

  /** How the disk does, why it fails, and the bytes it does not have yet. */
  get standing(): {
    readonly disk: State;
    readonly problem: string | undefined;
    readonly waiting: number;
  } {
    const { overall, problem } = this.#condition;
    return { disk: overall, problem, waiting: this.#waitingBytes() };
  }

  get segments(): number {
    return this.#segments.length;
  }

  /** The last flush, onto the disk; the event loop is held for it. Whoever waits in `safely` is called. */
  close(): void {
    if (this.#isClosed) return;
    this.#cleaner.close();
    this.#remover.close();
    this.flushNow();
    this.#isClosed = true;
    this.#maker.close();
    clearTimeout(this.#retry);
    let isSafe = this.#waiting.size === 0;
    try {
      this.#sync.syncNow();
    } catch (error) {
      isSafe = false;
      this.#syncFailed(asError(error));
    }
    this.#sync.close(isSafe, () => this.#letGo());
  }

  /** A descriptor that a write is still to use would by then be another file's. */
  #letGo(): void {
    if (this.#inTheAir === 0)
      for (const { fd } of this.#segments.splice(0)) this.#fs.close(fd, () => undefined);
  }

  #write(): void {
    if (this.#isBackground) this.#writeInBackground();
    else this.#writeNow();
  }

  /** Synchronous on purpose: it is a few us into the page cache, and there when the process dies a moment later. */
  #writeNow(): void {
    const began = this.#now();
    let segment: Segment | undefined;
    try {
      segment = this.#begin(began);
      if (segment !== undefined) {
        const { bytes, length } = this.#batch;
        for (let at = 0; at < length; ) at += taken(this.#fs.writeSync(segment.fd, bytes, at, length - at));
        this.#commit(segment, this.#mark);
        this.#waiting.clear();
      }
    } catch (error) {
      this.#broke(asError(error), began, segment);
      return;
    }
    this.#wrote(began);
  }

  #writeInBackground(): void {
    const began = this.#now();
    try {
      const segment = this.#begin(began);
      if (segment !== undefined) this.#fly(segment, began);
      else this.#wrote(began);
    } catch (error) {
      this.#broke(asError(error), began, undefined);
    }
  }

  #fly(segment: Segment, began: number): void {
    const batch = this.#batch;
    const mark = this.#mark;
    const { bytes, length } = batch;
    const entries = this.#waiting.fly();
    this.#flying = entries;
    this.#inTheAir++;
    let at = 0;
    const landed = (err: Error | null, count: number) => {
      const isLate = batch !== this.#batch;
      if (err === null) at += count;
      if (err === null && count > 0 && at < length && !isLate) {
        this.#fs.write(segment.fd, bytes, at, length - at, landed);
        return;
      }
      this.#inTheAir--;
      if (isLate) {
        if (this.#isClosed) this.#letGo();
      } else if (at < length) {
        this.#bringBack(entries);
        this.#broke(err ?? new Error(TAKES_NOTHING), began, segment);
      } else {
        this.#flying = undefined;
        this.#commit(segment, mark);
        this.#wrote(began);
        if (this.#mark > mark) this.#write();
      }
    };
    this.#fs.write(segment.fd, bytes, 0, length, landed);
  }

  #bringBack(flown: Entries): void {
    this.#waiting.bringBack(flown);
    this.#flying = undefined;
  }

  /** The segment to write the batch to; undefined when there is nothing to write. */
  #begin(now: number): Segment | undefined {
    const segment = this.#ready(now);
    this.#batch.begin(this.#waiting, this.out.bytes, this.#nextSeq, segment.size === 0);
    this.#nextSeq += this.#waiting.size;
    this.#cleaner.fill(this.#batch, Math.max(this.#budget, this.#batch.length));
    if (!this.#batch.isEmpty) {
      this.#batch.end();
      // until all of it is written, this is how it stands
      segment.isTorn = true;
      return segment;
    }
    this.#cleaner.commit();
    this.#written = this.#mark;
    this.#sync.go();
    return undefined;
  }

  #commit(segment: Segment, mark: number): void {
    segment.isTorn = false;
    this.#index.commit(this.#batch, segment);
    this.#written = mark;
    // before the cleaner, who may find the last live line of a segment replaced by one that is not on the disk yet
    this.#sync.wrote(segment);
    this.#cleaner.commit();
    if (segment.size >= this.#segmentSize / 2) this.#maker.prepare();
    this.counts.written += this.#batch.items.length;
    this.counts.carried += this.#batch.copies.length;
    this.counts.bytes += this.#batch.length;
    this.#batch.letGo();
  }

  /** The segment to write to, at the boundary of a line. */
  #ready(now: number): Segment {
    this.#look(now);
    const segment = this.#current;
    if (segment === undefined) return this.#begun();
    if (!segment.isTorn) return this.#rotated(segment);
    try {
      this.#fs.truncateSync(segment.fd, segment.size);
      segment.isTorn = false;
      this.#halfWritten = undefined;
      return segment;
    } catch {
      return this.#begun();
    }
  }

  /**
   * What stands half in the one before may be read again, so whatever of it is over by now must be deleted: before all
   * that waits, among which may be another item of the same key.
   */
  #begun(): Segment {
    for (const item of this.#halfWritten ?? [])
      if (item.sign === NOTHING) this.#waiting.setFirst(item, DELETED, NO_TEXT);
    const segment = this.#maker.take() ?? this.#maker.makeNow();
    this.#halfWritten = undefined;
    return this.#goOnIn(segment);
  }

  /** A segment grows on until the next one is there: the event loop does not wait for that. Throws when none can be made for long. */
  #rotated(segment: Segment): Segment {
    if (segment.size < this.#segmentSize) return segment;
    const isTooLarge = segment.size >= this.#segmentSize * MOST_SEGMENTS_IN_ONE;
    const next = this.#maker.take() ?? (isTooLarge ? this.#maker.makeNow() : undefined);
    return next === undefined ? segment : this.#goOnIn(next);
  }

  #goOnIn(segment: Segment): Segment {
    this.#segments.push(segment);
    this.#current = segment;
    this.#sync.folderChanged();
    return segment;
  }

  /** Once a second: does the path still lead to our segment? If not, all that lives moves to new ones. */
  #look(now: number): void {
    const segment = this.#current;
    if (segment === undefined || now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    if (this.#fs.inodeSync(segment.path) === segment.inode) return;
    this.#maker.discard();
    this.#moveOn(segment);
  }

  #moveOn(segment: Segment): void {
    this.#cleaner.distrust(segment.number);
    this.#current = undefined;
  }

  #wrote(began: number): void {
    this.#unwritten.reached(this.#written);
    const now = this.#now();
    if (now - began > SLOW_MS) this.counts.slow++;
    this.#condition.took('write', now - began, now);
    this.#isBackground = this.#condition.is('write', 'slow');
    clearTimeout(this.#retry);
    if (this.#cleaner.isRescuing) this.#later(RESCUE_MS);
  }

  /** `segment`: where some of it may stand. */
  #broke(err: Error, began: number, segment: Segment | undefined): void {
    if (segment !== undefined) this.#halfWritten = this.#waiting.addTo(this.#halfWritten ?? new Set());
    const now = this.#now();
    this.counts.failures++;
    this.#retryAt = now + RETRY_MS;
    this.#isBackground ||= now - began > SLOW_MS;
    this.#condition.failed('write', err);
    this.#later(RETRY_MS);
  }

  #later(ms: number): void {
    clearTimeout(this.#retry);
    if (!this.#isClosed) this.#retry = setTimeout(() => this.#tryAgain(), ms).unref();
  }

  #tryAgain(): void {
    if (this.#flying !== undefined || this.#isClosed) return;
    // a round of syncing may be under way that does not know of what is written now
    if (this.#waiting.size > 0) this.#mark++;
    this.#write();
  }

  #gap(count: number): void {
    this.counts.gaps += count;
    if (!this.#condition.is('sync', 'failed')) this.#condition.slow('sync', this.#now());
  }

  #syncFailed(err: Error): void {
    this.counts.failures++;
    this.#condition.failed('sync', err);
  }

  #synced(took: number): void {
    // a disk that failed once to take a page says no more of that page: whatever lives is written anew
    if (this.#condition.is('sync', 'failed') && this.#current !== undefined) this.#moveOn(this.#current);
    // slow is what somebody waited for in vain
    if (took <= SLOW_MS || this.#condition.is('sync', 'failed')) this.#condition.took('sync', 0, this.#now());
  }

  #waitingBytes(): number {
    let { length } = this.#waiting;
    for (const [{ key }, { text }] of this.#flying ?? []) length += key.length + text.length;
    return length;
  }
}

function taken(count: number): number {
  if (count === 0) throw new Error(TAKES_NOTHING);
  return count;
}
