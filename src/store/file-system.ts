// What the store needs of the system's files; handed in so that a test can fill, slow down or cut off the disk.
import fs from 'node:fs';
import { type Done, realSync, type Sync } from '../journal/sync.ts';

export type { Done };
export type Counted = (err: Error | null, count: number) => void;
/** Without an error there is a file. */
export type Created = (err: Error | null, file?: { readonly fd: number; readonly ino: number }) => void;

/** Synchronous calls throw, the others tell their error. `a+` and `ax+` append, `ax+` refuses what exists. */
export interface StoreFileSystem extends Sync {
  readdirSync(folder: string): string[];
  openSync(path: string, flags: 'r' | 'a+' | 'ax+'): number;
  statSync(fd: number): { readonly ino: number; readonly size: number };
  /** The inode a path leads to; undefined when it leads nowhere. */
  inodeSync(path: string): number | undefined;
  readSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number): number;
  truncateSync(fd: number, size: number): void;
  renameSync(from: string, to: string): void;
  closeSync(fd: number): void;
  unlinkSync(path: string): void;
  /** Opens with `ax+`. */
  create(path: string, created: Created): void;
  read(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
    counted: Counted,
  ): void;
  write(fd: number, bytes: Uint8Array, offset: number, length: number, counted: Counted): void;
  unlink(path: string, done: Done): void;
  /** Not on the event loop: letting go of an unlinked file frees its blocks. */
  close(fd: number, done: Done): void;
}

export const realStoreFileSystem: StoreFileSystem = {
  ...realSync,
  readdirSync: (folder) => fs.readdirSync(folder),
  openSync: (path, flags) => fs.openSync(path, flags, 0o600),
  statSync: (fd) => fs.fstatSync(fd),
  inodeSync: (path) => fs.statSync(path, { throwIfNoEntry: false })?.ino,
  readSync: (fd, bytes, offset, length, position) => fs.readSync(fd, bytes, offset, length, position),
  writeSync: (fd, bytes, offset, length) => fs.writeSync(fd, bytes, offset, length),
  truncateSync: (fd, size) => fs.ftruncateSync(fd, size),
  renameSync: (from, to) => fs.renameSync(from, to),
  closeSync: (fd) => fs.closeSync(fd),
  unlinkSync: (path) => fs.unlinkSync(path),
  create: (path, created) => {
    fs.open(path, 'ax+', 0o600, (err, fd) => {
      if (err !== null) created(err);
      else
        fs.fstat(fd, (failed, stat) => {
          if (failed === null) created(null, { fd, ino: stat.ino });
          else fs.close(fd, () => created(failed));
        });
    });
  },
  read: (fd, bytes, offset, length, position, counted) =>
    fs.read(fd, bytes, offset, length, position, counted),
  write: (fd, bytes, offset, length, counted) => fs.write(fd, bytes, offset, length, null, counted),
  unlink: (path, done) => fs.unlink(path, done),
  close: (fd, done) => fs.close(fd, done),
};

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
