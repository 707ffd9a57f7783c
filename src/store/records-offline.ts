// The records' file read while no server runs: by the command line, and without changing anything.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '../config/start-error.ts';
import { openDatabase } from './database.ts';
import { RECORDS_FILE } from './records-file.ts';
import { type Found, type PastPage, type PastQuery, RecordsTable } from './records-table.ts';
import { MIGRATIONS, NewerSchema, versionOf } from './schema.ts';

export interface OfflineRecords {
  past(query: PastQuery): Promise<PastPage>;
  find(callId: string): Promise<Found>;
  close(): void;
}

/** `folder`: DATA/store. undefined: there is no such file. Throws StartError when it cannot be read. */
export function openOffline(folder: string): OfflineRecords | undefined {
  const path = join(folder, RECORDS_FILE);
  if (!existsSync(path)) return undefined;
  const said = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new StartError('data-unreadable', `${path} cannot be read: ${why}`, { cause });
    }
  };
  const database = said(() => openDatabase(path, { readOnly: true }));
  const table = said(() => {
    const version = versionOf(database);
    if (version > MIGRATIONS.length) throw new NewerSchema(version, MIGRATIONS.length);
    // made by a server that was ended before it wrote anything
    return version === 0 ? undefined : new RecordsTable(database);
  });
  return {
    past: async (query) => said(() => table?.past(query) ?? { calls: [] }),
    find: async (callId) => said(() => table?.find(callId) ?? { exact: false, calls: [] }),
    close: () => database.close(),
  };
}
