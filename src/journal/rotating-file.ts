// One append-only file that rotates by size, outlives full disks and logrotate, and never throws.
import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Done, realSync, type Sync } from './sync.ts';

/** What a file needs of the system; handed in so that a test can fill the disk. */
export interface FileSystem extends Sync {
  readonly openSync: typeof openSync;
  readonly closeSync: typeof closeSync;
  readonly writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number) => number;
  readonly renameSync: typeof renameSync;
}

export const realFileSystem: FileSystem = { ...realSync, openSync, closeSync, writeSync, renameSync };

export interface Rotation {
  /** Bytes; a write that would go beyond rotates first. */
  readonly maxSize: number;
  /** Rotated files kept, `.1` the newest. 0: none. */
  readonly keep: number;
}

export interface RotatingFileOptions extends Rotation {
  readonly path: string;
  /** Somebody calls `sync`: what is moved away stays open until then. */
  readonly isSynced?: boolean;
  /** Bytes that may wait for a disk that does not take them; what comes beyond is lost and counted. */
  readonly maxWaiting?: number;
  /** Called once when writing begins to fail, and once when it works again (err undefined); once when syncing fails. */
  readonly onTrouble: (trouble: FileTrouble) => void;
  /** Monotonic ms. */
  readonly now?: () => number;
  readonly fs?: FileSystem;
}

export interface FilePlace {
  readonly inode: number;
  /** Bytes from the start. */
  readonly at: number;
}

export interface FileTrouble {
  readonly path: string;
  readonly err: Error | undefined;
  /** Bytes that were given up since the trouble began. */
  readonly lost: number;
}

/** For people. */
export function troubleWords({ err }: FileTrouble): string {
  if (err === undefined) return 'journal file is written again';
  const syscall = 'syscall' in err ? err.syscall : undefined;
  if (syscall === 'fdatasync' || syscall === 'fsync')
    return `journal file may not outlive a power failure until the next start: ${err.message}`;
  const isMove = syscall === 'rename' || syscall === 'rm';
  return `journal file cannot be ${isMove ? 'rotated' : 'written'}: ${err.message}`;
}

/** An error of `sync`: what it was about may never reach the disk. Otherwise it was not tried. */
export function isRefusal(err: Error): boolean {
  return !('syscall' in err && err.syscall === 'open');
}

/** Who called whom is for the owner, and for a group that reads logs. */
export const FILE_MODE = 0o640;

const NEWLINE = 0x0a;
const RETRY_MS = 1000;
const LOOK_MS = 1000;
const MAX_WAITING = 8_000_000;
/** Files that may wait for a disk that is slow to sync: then the newest one grows on. */
const MOST_LEFT = 4;

export class RotatingFile {
  readonly path: string;
  readonly #options: RotatingFileOptions;
  readonly #fs: FileSystem;
  readonly #now: () => number;
  #rotation: Rotation;
  #fd: number | undefined;
  #inode = 0;
  #size = 0;
  /** Encoded bytes that the disk has not taken yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #failed: Error | undefined;
  #lost = 0;
  #retryAt = 0;
  #lookAt = 0;
  #failures = 0;
  /** The file ends in the middle of a line whose rest waits. */
  #torn = false;
  #rotateAt = 0;
  #stuck = false;
  /** Files of ours that were moved away since the last sync. */
  #left: number[] = [];
  /** What a sync has in hand. */
  #underway: readonly number[] = [];
  #isSynced: boolean;
  #isUnsynced = false;
  #isFolderUnsynced = false;
  #isClosed = false;

  /** Opens the file at once, so that it is there to be followed; if it cannot, that is told as trouble. */
  constructor(options: RotatingFileOptions) {
    this.path = options.path;
    this.#options = options;
    this.#rotation = options;
    this.#isSynced = options.isSynced === true;
    this.#fs = options.fs ?? realFileSystem;
    this.#now = options.now ?? (() => performance.now());
    this.#drain(this.#now());
  }

  /** Where the next bytes will stand, unless the file is rotated first. */
  get end(): FilePlace {
    return { inode: this.#inode, at: this.#size + this.#waitingBytes };
  }

  /** Has the disk taken all there was? */
  get isWritten(): boolean {
    return this.#waitingBytes === 0;
  }

  /** How many attempts failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Appends whole lines. Synchronous on purpose: a burst's lines are a few kilobytes into the page cache (some 10 us),
   * less than a trip through the thread pool, and they are there when the process dies a moment later.
   */
  append(lines: string): void {
    if (lines === '' && this.#waitingBytes === 0) return;
    if (lines !== '') this.#queue(Buffer.from(lines, 'utf8'));
    const now = this.#now();
    if (this.#failed !== undefined && now < this.#retryAt) return;
    this.#drain(now);
  }

  /**
   * Brings all that was written so far onto the disk, one thing after the other, beside the event loop. One at a time, and
   * never again after a refusal: the system takes pages that the disk refused for written.
   */
  sync(done: Done): void {
    const left = this.#left.splice(0);
    this.#underway = this.#fd !== undefined && this.#isUnsynced ? [...left, this.#fd] : left;
    const steps = this.#underway.map((fd) => (then: Done) => this.#fs.sync(fd, then));
    if (this.#isFolderUnsynced) steps.push((then) => this.#fs.syncFolder(dirname(this.path), then));
    this.#isUnsynced = this.#isFolderUnsynced = false;
    const next: Done = (err) => {
      const step = err === null && !this.#isClosed ? steps.shift() : undefined;
      if (step !== undefined) {
        step(next);
        return;
      }
      for (const fd of left) this.#close(fd);
      this.#synced(err);
      done(err);
    };
    next(null);
  }

  #synced(err: Error | null): void {
    this.#underway = [];
    if (this.#isClosed) this.#closeLeft();
    if (err === null) return;
    this.#failures++;
    // the files themselves come before it
    if (!isRefusal(err)) this.#isFolderUnsynced = true;
    else if (!this.#isClosed) this.#options.onTrouble({ path: this.path, err, lost: 0 });
  }

  /** Nobody calls `sync` any more. */
  leaveUnsynced(): void {
    this.#isSynced = false;
    if (this.#underway.length === 0) this.#closeLeft();
  }

  /** The same at the end, when nobody waits any more. Throws what the file system throws. */
  syncNow(): void {
    const fds = new Set([...this.#underway, ...this.#left]);
    if (this.#fd !== undefined) fds.add(this.#fd);
    for (const fd of fds) this.#fs.syncSync(fd);
    this.#fs.syncFolderSync(dirname(this.path));
  }

  /** From the next rotation on. */
  set rotation({ maxSize, keep }: Rotation) {
    this.#rotation = { maxSize, keep };
  }

  /** Opens the path anew if whoever rotates files by hand has moved ours away. */
  reopen(): void {
    if (!this.#isThere) this.#closeFd();
    this.#drain(this.#now());
  }

  /** The path leads to our file. */
  get #isThere(): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** A last attempt at what waits, then the file is let go. A later append opens it again. */
  close(): void {
    if (this.#waitingBytes > 0) this.#drain(this.#now());
    this.#closeFd();
    this.#isClosed = true;
    // while one of them is synced its number must not become another file's
    if (this.#underway.length === 0) this.#closeLeft();
  }

  #queue(bytes: Buffer): void {
    // the newest goes: what lies before it may be cut in the middle of a line and must be continued
    if (
      this.#waitingBytes > 0 &&
      this.#waitingBytes + bytes.length > (this.#options.maxWaiting ?? MAX_WAITING)
    ) {
      this.#lost += bytes.length;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #drain(now: number): void {
    try {
      this.#look(now);
      const fd = this.#ready(now);
      if (this.#waitingBytes > 0) this.#write(fd);
      if (this.#failed !== undefined) this.#recovered();
    } catch (error) {
      this.#broke(error, now);
    }
  }

  #write(fd: number): void {
    const bytes =
      this.#waiting.length === 1 ? (this.#waiting[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#waiting);
    let written = 0;
    try {
      while (written < bytes.length) {
        const taken = this.#fs.writeSync(fd, bytes, written, bytes.length - written);
        if (taken === 0) throw new Error('the disk takes nothing');
        written += taken;
      }
    } finally {
      this.#size += written;
      this.#isUnsynced ||= written > 0;
      this.#waitingBytes = bytes.length - written;
      this.#waiting = written === bytes.length ? [] : [bytes.subarray(written)];
      if (written > 0) this.#torn = bytes[written - 1] !== NEWLINE;
    }
  }

  /** The descriptor to write to, rotated if what waits does not fit. A line is never torn over two files. */
  #ready(now: number): number {
    const fd = this.#fd ?? this.#open();
    const full = this.#size > 0 && this.#size + this.#waitingBytes > this.#rotation.maxSize;
    const mayRotate = !this.#torn && now >= this.#rotateAt && this.#left.length < MOST_LEFT;
    return full && mayRotate && this.#rotate(now) ? this.#open() : fd;
  }

  #open(): number {
    const fd = this.#fs.openSync(this.path, 'a+', FILE_MODE);
    this.#fd = fd;
    const { size, ino } = fstatSync(fd);
    // it may be new, and the one before it has another name by now
    if (ino !== this.#inode) this.#isFolderUnsynced = true;
    this.#isClosed = false;
    this.#inode = ino;
    this.#size = size;
    if (size > 0 && !this.#torn) {
      const last = Buffer.alloc(1);
      readSync(fd, last, 0, 1, size - 1);
      // the process before us died in the middle of a line
      if (last[0] !== NEWLINE) this.#size += this.#fs.writeSync(fd, Buffer.from('\n'), 0, 1);
    }
    return fd;
  }

  /** False: it could not be done, and the file grows on. */
  #rotate(now: number): boolean {
    const { keep } = this.#rotation;
    try {
      for (let n = keep; n >= 1; n--)
        this.#move(n === 1 ? this.path : `${this.path}.${n - 1}`, `${this.path}.${n}`);
      if (keep === 0) rmSync(this.path, { force: true });
    } catch (error) {
      this.#failures++;
      this.#rotateAt = now + RETRY_MS;
      if (!this.#stuck) this.#options.onTrouble({ path: this.path, err: asError(error), lost: 0 });
      this.#stuck = true;
      return false;
    }
    this.#stuck = false;
    this.#closeFd();
    return true;
  }

  #move(from: string, to: string): void {
    try {
      this.#fs.renameSync(from, to);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }

  /** Once a second: does the path still lead to our file? */
  #look(now: number): void {
    if (this.#fd === undefined || now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    if (!this.#isThere) this.#closeFd();
  }

  #broke(error: unknown, now: number): void {
    this.#failures++;
    this.#retryAt = now + RETRY_MS;
    const news = this.#failed === undefined;
    this.#failed = asError(error);
    if (news) this.#options.onTrouble({ path: this.path, err: this.#failed, lost: this.#lost });
  }

  #recovered(): void {
    const lost = this.#lost;
    this.#failed = undefined;
    this.#lost = 0;
    this.#options.onTrouble({ path: this.path, err: undefined, lost });
  }

  #closeFd(): void {
    if (this.#fd === undefined) return;
    if (this.#isSynced && (this.#isUnsynced || this.#underway.includes(this.#fd))) this.#left.push(this.#fd);
    else this.#close(this.#fd);
    this.#fd = undefined;
  }

  #closeLeft(): void {
    for (const fd of this.#left.splice(0)) this.#close(fd);
  }

  #close(fd: number): void {
    try {
      this.#fs.closeSync(fd);
    } catch {
      this.#failures++;
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
