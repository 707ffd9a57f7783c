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
import { StringDecoder } from 'node:string_decoder';
import { FILE_MODE, type FilePlace } from './rotating-file.ts';
import { realSync, type Sync } from './sync.ts';

/** What is recorded between two writes of the journal is a window: `since` tells which of those before may not be in the files. */
export interface WindowHead {
  readonly window: number;
  /** Where its lines begin in the files, unless they are rotated first. */
  readonly place?: FilePlace;
  readonly ndjsonPlace?: FilePlace;
  /** The oldest window of which not all was settled when this one began. */
  readonly since?: number;
  /** Minutes east of UTC in which the diary told the time. */
  readonly zone?: number;
}

/** Whole lines for both files, or ''. */
export interface Lines {
  readonly window: number;
  /** Their order in it. */
  readonly index: number;
  readonly diary: string;
  readonly ndjson: string;
}

/** The first window of which lines may be missing, if `last` is the last one there was. */
export function unsettledFrom(heads: readonly WindowHead[], last: number, isForPower: boolean): number {
  const newest = heads.reduce((window, one) => Math.max(window, one.window), 0);
  const since = heads.find((one) => one.window === newest && one.since !== undefined)?.since;
  return since ?? (isForPower ? last - 1 : last);
}

/** Those of the windows from `first` on that are still known, in their order: the others are settled. */
export function windowsFrom(heads: readonly WindowHead[], first: number): readonly WindowHead[] {
  return heads.filter(({ window }) => window >= first).sort((a, b) => a.window - b.window);
}

/** Those of these windows, in their order. */
export function linesOf(windows: readonly WindowHead[], all: readonly Lines[]): readonly Lines[] {
  const known = new Set(windows.map(({ window }) => window));
  return all
    .filter(({ window }) => known.has(window))
    .sort((a, b) => a.window - b.window || a.index - b.index);
}

const NEWLINE = 0x0a;
const CHUNK = 1024 * 1024;

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

/** What followed the last line end of that file is gone. */
export type OnCut = (file: string, bytes: number) => void;

/**
 * `lines`: what was to be written from `place` on (undefined: lately); some of it may have reached the file, or those it
 * was rotated to. Answers how many lines were written. Throws CatchUpFailed, or what the file system throws when it
 * cannot be read.
 */
export function catchUp(
  path: string,
  lines: string,
  place: FilePlace | undefined,
  onCut: OnCut = () => {},
): number {
  let missing = '';
  try {
    const endsWhole = cutTornEnd(path, onCut);
    if (lines === '') return 0;
    const pieces = piecesOf(path, place);
    for (const { file } of pieces) if (isRotated(path, file)) attempt(() => cutTornEnd(file, onCut));
    missing = missingOf(pieces, lines);
    if (missing !== '') appendFileSync(path, endsWhole ? missing : `\n${missing}`, { mode: FILE_MODE });
  } catch (cause) {
    // some of it may stand there by now, and the end be torn: neither whole nor missing lines are those
    throw new CatchUpFailed(missingOf(piecesOf(path, place), lines), cause);
  }
  return wholeLines(missing).length;
}

/** Whatever stands there, and in what was rotated, is on the disk behind this. Throws what the file system throws. */
export function ontoDisk(path: string, fs: Sync = realSync): void {
  const failed: unknown[] = [];
  for (const file of siblings(path)) {
    let fd: number | undefined;
    // opening a pipe waits for its other end
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue;
    try {
      fd = openSync(file, 'r');
      fs.syncSync(fd);
    } catch (cause) {
      failed.push(cause);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
  fs.syncFolderSync(dirname(path));
  if (failed.length > 0) throw failed[0];
}

function missingOf(pieces: readonly Piece[], lines: string): string {
  if (lines === '') return '';
  const wanted = wholeLines(lines);
  const found = new Map(wanted.map((line) => [line, 0]));
  const find = (line: string) => {
    const count = found.get(line);
    if (count !== undefined) found.set(line, count + 1);
  };
  // one that cannot be read is nobody's reason to lose a line: better twice
  for (const piece of pieces) attempt(() => eachLine(piece, find));
  let missing = '';
  for (const line of wanted) {
    const left = found.get(line) ?? 0;
    if (left > 0) found.set(line, left - 1);
    else missing += `${line}\n`;
  }
  return missing;
}

function attempt(what: () => void): void {
  try {
    what();
  } catch {
    // whoever calls goes on without
  }
}

/** Only whole lines. */
function wholeLines(text: string): string[] {
  const lines = text.split('\n');
  lines.pop();
  return lines;
}

/** A file from there to its end. */
interface Piece {
  readonly file: string;
  readonly from: number;
}

/** More than is written in the seconds before a crash. */
const END = 4_000_000;

/** Where the lines may stand, the oldest piece first. */
function piecesOf(path: string, place: FilePlace | undefined): Piece[] {
  return place === undefined ? lately(path) : (behind(path, place) ?? endOf(path));
}

function endOf(file: string): Piece[] {
  const size = sizeOf(file);
  return size === undefined ? [] : [{ file, from: Math.max(0, size - END) }];
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}

/** `.1` is the newest of those that were rotated. */
function nth(path: string, n: number): string {
  return n === 0 ? path : `${path}.${n}`;
}

function lately(path: string): Piece[] {
  const pieces = endOf(path);
  let length = sizeOf(path) ?? 0;
  for (let n = 1; length < END; n++) {
    const older = endOf(nth(path, n));
    if (older.length === 0) break;
    pieces.unshift(...older);
    length += sizeOf(nth(path, n)) ?? 0;
  }
  return pieces;
}

/** What stands behind that place and in the files that followed; undefined: nobody knows the place any more. */
function behind(path: string, { inode, at }: FilePlace): Piece[] | undefined {
  const begun = fileOf(path, inode);
  if (begun === undefined || (sizeOf(begun) ?? 0) < at) return undefined;
  const first = { file: begun, from: at };
  if (begun === path) return [first];
  // Whoever moved it away by hand, or by date, left none between.
  const number = isRotated(path, begun) ? Number(begun.slice(path.length + 1)) : 1;
  const later = Array.from({ length: number }, (_, i) => nth(path, number - 1 - i));
  return [first, ...later.filter((file) => sizeOf(file) !== undefined).map((file) => ({ file, from: 0 }))];
}

/** By us, or by somebody who counts as we do. */
function isRotated(path: string, file: string): boolean {
  return /^\.\d{1,4}$/.test(file.slice(path.length));
}

/** The file of that inode: this one, or beside it what was made of its name. */
function fileOf(path: string, inode: number): string | undefined {
  return siblings(path).find((file) => statSync(file, { throwIfNoEntry: false })?.ino === inode);
}

/** The file itself, and what stands beside it under a name that goes on from its own. */
function siblings(path: string): string[] {
  const folder = dirname(path);
  return readdirSync(folder)
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => join(folder, name));
}

/** Chunk by chunk: a file may have grown large. */
function eachLine({ file, from }: Piece, take: (line: string) => void): void {
  const fd = openSync(file, 'r');
  try {
    const chunk = Buffer.alloc(CHUNK);
    const decoder = new StringDecoder('utf8');
    let rest = '';
    const { size } = fstatSync(fd);
    for (let at = from; at < size; ) {
      const count = readSync(fd, chunk, 0, chunk.length, at);
      if (count === 0) return;
      at += count;
      const lines = (rest + decoder.write(chunk.subarray(0, count))).split('\n');
      rest = lines.pop() ?? '';
      // no line of ours is as long
      if (rest.length > CHUNK) rest = '';
      for (const line of lines) take(line);
    }
  } finally {
    closeSync(fd);
  }
}

/** Removes what follows the last line end. False: a line of more than 64 KB is not ours, and stays. */
function cutTornEnd(path: string, onCut: OnCut): boolean {
  const fd = open(path);
  if (fd === undefined) return true;
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
  if (rest.length === 0) return true;
  if (rest.length === tail.length && tail.length < size) return false;
  truncateSync(path, size - rest.length);
  onCut(path, rest.length);
  return true;
}

function open(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}
