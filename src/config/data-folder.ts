// The folder for all that is kept: made when it is missing, and tried before anything relies on it.
import { existsSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StartError } from './start-error.ts';

/** What every server makes first, and none can do without. */
export const KEY_FILE = 'secret.key';

/** Runs what needs the folder; when that fails, a folder that was not there before is not there afterwards. */
export async function withDataFolder<T>(path: string, start: () => Promise<T>): Promise<T> {
  const missing = foldersMissing(resolve(path));
  try {
    return await start();
  } catch (cause) {
    // Two began at once on a folder that was not there: now it is the other's.
    if (cause instanceof StartError && cause.code === 'data-in-use') throw cause;
    // Also what a start had begun to keep in it: it has served nobody.
    if (missing[0] !== undefined) rmSync(missing[0], { recursive: true, force: true });
    for (const above of missing.slice(1)) removeIfEmpty(above);
    throw cause;
  }
}

/** It and those above it that are not there, the innermost first. */
function foldersMissing(folder: string): string[] {
  return existsSync(folder) ? [] : [folder, ...foldersMissing(dirname(folder))];
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else has put something there, or it was never made.
  }
}

/** What a full or broken disk says, in a folder that a server has used before. */
const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/**
 * Its absolute path. Throws StartError when nothing can be written there. `onTakesNothing`: hears instead that a disk
 * takes nothing just now, when there is something of ours to go on with.
 */
export function prepareDataFolder(path: string, onTakesNothing?: (why: string) => void): string {
  const folder = resolve(path);
  try {
    makeFolder(dirname(folder));
    // what is in it tells who calls whom; one that was there is as its owner wants it
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    // permission bits tell root nothing, and read-only or full disks tell nobody: only writing does
    const probe = join(folder, `.probe-${process.pid}`);
    try {
      writeFileSync(probe, 'probe');
    } finally {
      rmSync(probe, { force: true });
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const why =
      {
        EACCES: 'no permission to write',
        EROFS: 'the disk is read-only',
        ENOSPC: 'the disk is full',
        ENOTDIR: 'a file is in the way',
        EEXIST: 'a file is in the way',
        ENOENT: 'it cannot be made',
      }[code] ?? code;
    if (onTakesNothing === undefined || !PASSING.has(code) || !existsSync(join(folder, KEY_FILE))) {
      throw new StartError(
        'data-unwritable',
        `data folder ${folder}: ${why}; give another with --data, or put it right`,
        { cause },
      );
    }
    onTakesNothing(why);
  }
  return folder;
}

/** The same for every path of it, and for no other folder. */
export function identityOf(folder: string): string {
  const { dev, ino } = statSync(folder, { bigint: true });
  return `${dev}:${ino}`;
}

/** By hand: Node's own `recursive` never returns where the kernel makes no folders (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}
