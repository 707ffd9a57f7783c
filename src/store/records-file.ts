// The records' file: opened, led to the newest version, moved aside when it is damaged, opened anew after any trouble.
import { closeSync, existsSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import {
  BUSY,
  CORRUPT,
  type Database,
  FULL,
  NOTADB,
  type openDatabase as Open,
  openDatabase,
  sqliteCode,
} from './database.ts';
import { RecordsTable } from './records-table.ts';
import { MIGRATIONS, migrate, NewerSchema, versionOf } from './schema.ts';

export const RECORDS_FILE = 'records.db';

export interface RecordsFileOptions {
  readonly path: string;
  /** What is stored outlives a power failure, at an fsync for each batch; else the end of the process. */
  readonly isForPower?: boolean;
  /** The file was damaged; it is kept under that name, and a new one begun. */
  readonly onDamaged: (aside: string, cause: unknown) => void;
  readonly open?: typeof Open;
  readonly migrations?: typeof MIGRATIONS;
  /** Monotonic ms. */
  readonly now?: () => number;
}

/** A disk that damages whatever is written would fill up with damaged files else. */
const ASIDE_EVERY = 60_000;

export class RecordsFile {
  readonly #options: RecordsFileOptions;
  #open: { readonly database: Database; readonly table: RecordsTable; readonly inode: number } | undefined;
  #asideAt = Number.NEGATIVE_INFINITY;

  constructor(options: RecordsFileOptions) {
    this.#options = options;
  }

  /** Does it with the table; throws NewerSchema, and what the database throws. Damaged: once more, on a new file. */
  use<T>(work: (table: RecordsTable) => T): T {
    try {
      return work(this.#opened());
    } catch (cause) {
      if (!this.#heal(cause)) throw cause;
      return work(this.#opened());
    }
  }

  close(): void {
    const open = this.#open;
    this.#open = undefined;
    try {
      open?.database.close();
    } catch {
      // it is of no use any more
    }
  }

  #opened(): RecordsTable {
    const { path, migrations = MIGRATIONS } = this.#options;
    // somebody took the file away: what is written into it now is lost
    if (this.#open !== undefined && inodeOf(path) !== this.#open.inode) this.close();
    if (this.#open !== undefined) return this.#open.table;
    refuseNewer(path, migrations.length);
    makePrivate(path);
    const database = (this.#options.open ?? openDatabase)(path);
    try {
      const pragma = (words: string) => database.prepare(`PRAGMA ${words}`).all();
      // before anything is changed, and once more: what a crash left in the log counts as well
      if (versionOf(database) > migrations.length)
        throw new NewerSchema(versionOf(database), migrations.length);
      // only a new file takes it, and only before the first page is written
      pragma('auto_vacuum = INCREMENTAL');
      pragma('busy_timeout = 1000');
      pragma('journal_mode = WAL');
      pragma(`synchronous = ${this.#options.isForPower ? 'FULL' : 'NORMAL'}`);
      pragma('journal_size_limit = 8000000');
      migrate(database, migrations);
      this.#open = { database, table: new RecordsTable(database), inode: inodeOf(path) };
    } catch (cause) {
      database.close();
      throw cause;
    }
    return this.#open.table;
  }

  /** True: it is worth another try at once. */
  #heal(cause: unknown): boolean {
    const code = sqliteCode(cause);
    // the file is as it was
    if (code === FULL || code === BUSY) return false;
    this.close();
    if (code !== CORRUPT && code !== NOTADB) return false;
    const now = (this.#options.now ?? (() => performance.now()))();
    if (now - this.#asideAt < ASIDE_EVERY) return false;
    this.#asideAt = now;
    this.#options.onDamaged(moveAside(this.#options.path), cause);
    return true;
  }
}

/** Its name is then `records.db.damaged-1`, or whichever number is free. */
function moveAside(path: string): string {
  let n = 1;
  while (existsSync(`${path}.damaged-${n}`)) n++;
  const aside = `${path}.damaged-${n}`;
  for (const part of ['-wal', '-shm', '']) if (existsSync(path + part)) renameSync(path + part, aside + part);
  return aside;
}

/** Looks at the file's first bytes, so that one of a newer version is not even opened. Throws NewerSchema. */
export function refuseNewer(path: string, known = MIGRATIONS.length): void {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const head = Buffer.alloc(64);
    const isDatabase =
      readSync(fd, head, 0, 64, 0) === 64 && head.toString('latin1', 0, 15) === 'SQLite format 3';
    const version = isDatabase ? head.readUInt32BE(60) : 0;
    if (version > known) throw new NewerSchema(version, known);
  } catch (cause) {
    if (cause instanceof NewerSchema) throw cause;
    // a folder in its place, a disk that does not read: opening it says what is wrong
  } finally {
    closeSync(fd);
  }
}

/** SQLite gives a new file the process's own mask, and its companions the file's mode. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    // SQLite would go on with a file that it once opened so, though the disk can be written again
    if ((cause as NodeJS.ErrnoException).code === 'EROFS') throw cause;
    // opening it says what else is wrong
  }
}

function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}
