// The server's secret: made once, kept in the data folder, readable by its owner only.
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEY_FILE } from '../config/data-folder.ts';
import { StartError } from '../config/start-error.ts';
import { realStoreFileSystem } from './file-system.ts';

const KEY = /^[\x20-\x7e]{32,}$/;

/** `onReplaced`: what stood there was no key, and has gone. Throws StartError. */
export function secretKey(folder: string, onReplaced: (path: string) => void): string {
  const path = join(folder, KEY_FILE);
  const kept = read(path);
  if (kept !== undefined && KEY.test(kept)) return kept;
  const key = randomBytes(32).toString('base64url');
  try {
    // a file of its own: one that is there would keep its wider permissions
    const next = `${path}.${process.pid}`;
    writeFileSync(next, `${key}\n`, { mode: 0o600, flush: true });
    // of two servers that begin at once both must have the same
    if (kept !== undefined) renameSync(next, path);
    else if (!isFirst(next, path)) return secretKey(folder, onReplaced);
    // Calls that outlive a power failure are of no use without it.
    realStoreFileSystem.syncFolderSync(folder);
  } catch (cause) {
    throw new StartError('data-unwritable', `${path} cannot be written; give another folder with --data`, {
      cause,
    });
  }
  if (kept !== undefined) onReplaced(path);
  return key;
}

/** Puts the file there; false: another one has come to stand there. */
function isFirst(next: string, path: string): boolean {
  try {
    linkSync(next, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      // a file system without links has nothing better
      renameSync(next, path);
      return true;
    }
    rmSync(next);
    return false;
  }
  rmSync(next);
  return true;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(
      'data-unwritable',
      `${path} cannot be read; put its permissions right or remove it`,
      { cause },
    );
  }
}
