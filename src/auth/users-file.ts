// The users file: one line a user with what proves the password (HA1), never the password; replaced as a whole.

import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { ALGORITHMS, type Algorithm } from './algorithms.ts';
import type { Secrets } from './users.ts';

export interface UserLine {
  /** As wire bytes. */
  readonly name: string;
  /** Lower case. */
  readonly realm: string;
  readonly secrets: Secrets;
}

/** A line is not `NAME@DOMAIN ALGORITHM=HEX ...`. */
export class UsersFileError extends Error {
  readonly code = 'users-file';
}

/** None when there is no such file. Throws UsersFileError naming the line, or what the file system says. */
export function readUsersFile(path: string): UserLine[] {
  let content: string;
  try {
    content = readFileSync(path, 'latin1');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cause;
  }
  return content.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const user = parseUserLine(line);
    // the line itself is not shown: it may hold a password that somebody put there
    if (user === undefined)
      throw new UsersFileError(
        `${path}:${index + 1}: not a user; remove the line, or see "callchart user add"`,
      );
    return [user];
  });
}

/** Whoever reads sees the old file or the new one, and only its owner may. */
export function writeUsersFile(path: string, users: readonly UserLine[]): void {
  const next = `${path}.${randomUUID().slice(0, 8)}`;
  const sorted = users.map(formatUserLine).sort();
  try {
    const file = openSync(next, 'wx', 0o600);
    try {
      writeSync(file, Buffer.from([HEAD, ...sorted, ''].join('\n'), 'latin1'));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (cause) {
    rmSync(next, { force: true });
    throw cause;
  }
}

/** Something that is another after every change; '' when there is no file. */
export function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}

const HEAD = '# NAME@DOMAIN ALGORITHM=HA1 ...; kept by "callchart user"';

/** undefined: malformed. */
export function parseUserLine(line: string): UserLine | undefined {
  const [who = '', ...pairs] = line.trim().split(/[ \t\r]+/);
  const at = who.lastIndexOf('@');
  if (at < 1 || at === who.length - 1 || pairs.length === 0) return undefined;
  const secrets: Partial<Record<Algorithm, string>> = {};
  for (const pair of pairs) {
    const [name, digest = ''] = pair.split('=', 2);
    const algorithm = ALGORITHMS.find((one) => one === name);
    const digits = algorithm === 'MD5' ? 32 : 64;
    if (algorithm === undefined || digest.length !== digits || !/^[0-9a-f]+$/.test(digest)) return undefined;
    secrets[algorithm] = digest;
  }
  return { name: who.slice(0, at), realm: who.slice(at + 1).toLowerCase(), secrets };
}

export function formatUserLine({ name, realm, secrets }: UserLine): string {
  const pairs = ALGORITHMS.flatMap((algorithm) => {
    const digest = secrets[algorithm];
    return digest === undefined ? [] : [`${algorithm}=${digest}`];
  });
  return `${name}@${realm} ${pairs.join(' ')}`;
}
