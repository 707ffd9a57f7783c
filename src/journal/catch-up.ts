// After a crash: cuts the torn end of a journal file, and writes the lines that had not reached it, each once.
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FILE_MODE, type FilePlace, type FileSystem, realFileSystem } from './rotating-file.ts';

/** Lines that one burst made, for both files: whole ones, or ''. */
export interface Unwritten {
  /** What was handed out between two writes has the same number; once a greater one is seen, all before is in the files. */
  readonly window: number;
  /** Counts up from 0 in each window. */
  readonly index: number;
  readonly diary: string;
  readonly ndjson: string;
  /** Of the first one: where the window's lines begin in the diary, unless it is rotated first. */
  readonly place?: FilePlace;
  /** Of the first one, where power failures count: the oldest window of which not all was on the disk just then. */
  readonly since?: number;
}

/** The first window of which lines may be missing, if `last` is the last one there was. */
export function unsettledFrom(all: readonly Unwritten[], last: number): number {
  const newest = all.reduce((window, one) => Math.max(window, one.window), 0);
  return all.find((one) => one.window === newest && one.index === 0)?.since ?? last;
}

/** Those of a window from `first` on, in the order in which they were handed out. */
export function linesFrom(all: readonly Unwritten[], first: number): readonly Unwritten[] {
  return all.filter((one) => one.window >= first).sort((a, b) => a.window - b.window || a.index - b.index);
}

const NEWLINE = 0x0a;

/** The disk takes no more. */
export class CatchUpFailed extends Error {
  /** Lines that the file still misses. */
  readonly left: string;

  constructor(left: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'CatchUpFailed';
    this.left = left;
  }
}

/**
 * `lines`: what was to be written from `place` on (undefined: lately); some of it may have reached the file, or those it
 * was rotated to. Answers how many lines were written. Throws CatchUpFailed, or what the file system throws when it
 * cannot be read.
 */
export function catchUp(path: string, lines: string, place: FilePlace | undefined): number {
  let missing = '';
  try {
    cutTornEnd(path);
    missing = missingOf(path, lines, place);
    if (missing !== '') appendFileSync(path, missing, { mode: FILE_MODE });
  } catch (cause) {
    // some of it may stand there by now, and the end be torn: neither whole nor missing lines are those
    throw new CatchUpFailed(missingOf(path, lines, place), cause);
  }
  return linesOf(missing).length;
}

/** Whatever stands there, and in what was rotated, is on the disk behind this. Throws what the file system throws. */
export function ontoDisk(path: string, fs: FileSystem = realFileSystem): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    const fd = name.startsWith(basename(path)) ? open(join(folder, name)) : undefined;
    if (fd === undefined) continue;
    try {
      fs.syncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
  fs.syncFolderSync(folder);
}

function missingOf(path: string, lines: string, place: FilePlace | undefined): string {
  if (lines === '') return '';
  const there = place === undefined ? readLately(path) : readBehind(path, place);
  const found = new Map<string, number>();
  for (const line of linesOf(there)) found.set(line, (found.get(line) ?? 0) + 1);
  let missing = '';
  for (const line of linesOf(lines)) {
    const left = found.get(line) ?? 0;
    if (left > 0) found.set(line, left - 1);
    else missing += `${line}\n`;
  }
  return missing;
}

/** Only whole lines. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  lines.pop();
  return lines;
}

/** More than is written in the seconds before a crash. */
const END = 4_000_000;

function readEnd(path: string): string | undefined {
  return read(path, (size) => Math.max(0, size - END));
}

/** `.1` is the newest of those that were rotated. */
function nth(path: string, n: number): string {
  return n === 0 ? path : `${path}.${n}`;
}

function readLately(path: string): string {
  let text = readEnd(path) ?? '';
  for (let n = 1; text.length < END; n++) {
    const older = readEnd(nth(path, n));
    if (older === undefined) break;
    text = older + text;
  }
  return text;
}

/** What stands behind that place and in the files that followed; in the current file, when nobody knows the place any more. */
function readBehind(path: string, { inode, at }: FilePlace): string {
  const begun = fileOf(path, inode);
  let text = begun && read(begun, (size) => (size >= at ? at : undefined));
  if (begun === undefined || text === undefined) return readEnd(path) ?? '';
  if (begun === path) return text;
  // Whoever moved it away by hand, or by date, left none between.
  const number = Number(/^\.(\d{1,4})$/.exec(begun.slice(path.length))?.[1] ?? 1);
  for (let n = number - 1; n >= 0; n--) text += readEnd(nth(path, n)) ?? '';
  return text;
}

/** The file of that inode: this one, or beside it what was made of its name. */
function fileOf(path: string, inode: number): string | undefined {
  const folder = dirname(path);
  return readdirSync(folder)
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => join(folder, name))
    .find((one) => statSync(one, { throwIfNoEntry: false })?.ino === inode);
}

function read(path: string, from: (size: number) => number | undefined): string | undefined {
  const fd = open(path);
  if (fd === undefined) return undefined;
  try {
    const { size } = fstatSync(fd);
    const start = from(size);
    if (start === undefined) return undefined;
    const bytes = Buffer.alloc(size - start);
    readSync(fd, bytes, 0, bytes.length, start);
    return bytes.toString('utf8');
  } finally {
    closeSync(fd);
  }
}

/** Removes what follows the last line end. */
function cutTornEnd(path: string): void {
  const fd = open(path);
  if (fd === undefined) return;
  let size: number;
  let tail: Buffer;
  try {
    size = fstatSync(fd).size;
    tail = Buffer.alloc(Math.min(size, 65_536));
    readSync(fd, tail, 0, tail.length, size - tail.length);
  } finally {
    closeSync(fd);
  }
  const rest = tail.subarray(tail.lastIndexOf(NEWLINE) + 1);
  // A line of more than 64 KB is not ours: nothing is cut.
  if (rest.length > 0 && (rest.length < tail.length || tail.length === size))
    truncateSync(path, size - rest.length);
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}
