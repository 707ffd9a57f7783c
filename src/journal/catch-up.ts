// After a crash: cuts the torn end of a journal file, and writes the lines that had not reached it, each once.
import { appendFileSync, closeSync, fstatSync, openSync, readSync, truncateSync } from 'node:fs';
import type { FilePlace } from './rotating-file.ts';

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
}

/** What may be missing: the lines of the last window. */
export function lastWindow(all: readonly Unwritten[]): readonly Unwritten[] {
  const last = all.reduce((window, one) => Math.max(window, one.window), 0);
  return all.filter((one) => one.window === last).sort((a, b) => a.index - b.index);
}

const NEWLINE = 0x0a;

/**
 * `lines`: what was to be written from `place` on (undefined: lately); some of it may have reached the file, or the one it
 * was rotated to. Answers how many lines were written. Throws what the file system throws.
 */
export function catchUp(path: string, lines: string, place: FilePlace | undefined): number {
  cutTornEnd(path);
  if (lines === '') return 0;
  const rotated = place === undefined ? readEnd(`${path}.1`) : readFrom(`${path}.1`, place);
  const current = place && readFrom(path, place);
  // Where the place is in a rotated file, all that followed stands in the current one from its start.
  const there = `${rotated ?? ''}${current ?? readEnd(path)}`;
  const found = new Map<string, number>();
  for (const line of linesOf(there)) found.set(line, (found.get(line) ?? 0) + 1);
  let missing = '';
  let count = 0;
  for (const line of linesOf(lines)) {
    const left = found.get(line) ?? 0;
    if (left > 0) found.set(line, left - 1);
    else {
      missing += `${line}\n`;
      count++;
    }
  }
  if (count > 0) appendFileSync(path, missing);
  return count;
}

/** Only whole lines. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  lines.pop();
  return lines;
}

/** What stands in the file of that inode from that place on; undefined: it is another file. */
function readFrom(path: string, { inode, at }: FilePlace): string | undefined {
  return read(path, (ino, size) => (ino === inode && size >= at ? at : undefined));
}

/** More than is written in the seconds before a crash. */
const END = 4_000_000;

function readEnd(path: string): string {
  return read(path, (_ino, size) => Math.max(0, size - END)) ?? '';
}

function read(path: string, from: (inode: number, size: number) => number | undefined): string | undefined {
  const fd = open(path);
  if (fd === undefined) return undefined;
  try {
    const { ino, size } = fstatSync(fd);
    const start = from(ino, size);
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
