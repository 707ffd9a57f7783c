// The live log read while no server runs: by the command line, and without changing anything.
import { realStoreFileSystem, type StoreFileSystem } from './file-system.ts';
import { readLog } from './log-read.ts';

const readOnly: StoreFileSystem = {
  ...realStoreFileSystem,
  openSync: (path, flags) => {
    if (flags !== 'r') throw new Error('opened for reading only');
    return realStoreFileSystem.openSync(path, flags);
  },
  truncateSync: () => {},
  renameSync: () => {},
  unlinkSync: () => {},
};

/** What a server left alive in that folder (DATA/store), key to text. Throws StoreError. */
export function readLogOffline(folder: string): Map<string, string> {
  const { kept, segments } = readLog(readOnly, folder);
  for (const { fd } of segments) realStoreFileSystem.closeSync(fd);
  return kept;
}
