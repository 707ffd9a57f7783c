// The folder for all that is kept: made when it is missing, and tried before anything relies on it.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StartError } from './start-error.ts';

/** Its absolute path. Throws StartError when nothing can be written there. */
export function prepareDataFolder(path: string): string {
  const folder = resolve(path);
  try {
    makeFolder(folder);
    // permission bits tell root nothing, and read-only or full disks tell nobody: only writing does
    const probe = join(folder, `.probe-${process.pid}`);
    writeFileSync(probe, 'probe');
    rmSync(probe);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const said =
      {
        EACCES: 'no permission to write',
        EROFS: 'the disk is read-only',
        ENOSPC: 'the disk is full',
        ENOTDIR: 'a file is in the way',
        EEXIST: 'a file is in the way',
        ENOENT: 'it cannot be made',
      }[why] ?? why;
    throw new StartError(
      'data-unwritable',
      `data folder ${folder}: ${said}; give another with --data, or put it right`,
      { cause },
    );
  }
  return folder;
}

/** By hand: Node's own `recursive` never returns where the kernel makes no folders (/proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}
