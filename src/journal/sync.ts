// Brings files, and the names in a folder, onto the disk.
import { close, closeSync, fdatasync, fdatasyncSync, fsync, fsyncSync, open, openSync } from 'node:fs';

export type Done = (err: Error | null) => void;

/** Synchronous calls throw, the others tell their error. */
export interface Sync {
  sync(fd: number, done: Done): void;
  syncSync(fd: number): void;
  /** Makes the names in a folder outlive a power failure. */
  syncFolder(folder: string, done: Done): void;
  syncFolderSync(folder: string): void;
}

export const realSync: Sync = {
  sync: (fd, done) => fdatasync(fd, done),
  syncSync: (fd) => fdatasyncSync(fd),
  syncFolder: (folder, done) => {
    open(folder, 'r', (err, fd) => {
      if (err !== null) done(err);
      else fsync(fd, (failed) => close(fd, () => done(failed)));
    });
  },
  syncFolderSync: (folder) => {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};
