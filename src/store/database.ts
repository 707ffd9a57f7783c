// One small synchronous face for the embedded database: Node's own SQLite where there is one, else libsql.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export interface Statement {
  /** How many rows it changed. */
  run(...values: readonly Value[]): number;
  all(...values: readonly Value[]): readonly Row[];
  get(...values: readonly Value[]): Row | undefined;
}

export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /** All of it or nothing. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** What both packages have in common. */
interface Native {
  exec(sql: string): void;
  prepare(sql: string): {
    run(...values: readonly Value[]): { readonly changes: number | bigint };
    all(...values: readonly Value[]): Row[];
  };
  close(): void;
}

export interface Engine {
  readonly name: 'node:sqlite' | 'libsql';
  readonly open: (path: string, readOnly: boolean) => Native;
}

/** SQLite's result codes that somebody here does something about. https://sqlite.org/rescode.html */
export const BUSY = 5;
export const READONLY = 8;
export const CORRUPT = 11;
export const FULL = 13;
export const CANTOPEN = 14;
export const NOTADB = 26;

/** Neither Node nor the installation has a database. */
export class NoDatabase extends Error {
  constructor() {
    super(
      'there is no database: Node 22.13 or newer has one of its own, and older ones need the package libsql',
    );
    this.name = 'NoDatabase';
  }
}

/** Throws NoDatabase, and whatever the engine throws: `sqliteCode` tells what it was. */
export function openDatabase(path: string, { readOnly = false, engine = findEngine() } = {}): Database {
  if (engine === undefined) throw new NoDatabase();
  // libsql has no way to open without making
  if (readOnly && !existsSync(path))
    throw Object.assign(new Error(`${path} is not there`), { errcode: CANTOPEN });
  const native = engine.open(path, readOnly);
  const database: Database = {
    exec: (sql) => native.exec(sql),
    prepare: (sql) => {
      const statement = native.prepare(sql);
      return {
        run: (...values) => Number(statement.run(...values).changes),
        all: (...values) => statement.all(...values),
        // libsql's own get leaves the statement open
        get: (...values) => statement.all(...values)[0],
      };
    },
    transaction: (work) => {
      native.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        native.exec('COMMIT');
        return result;
      } catch (cause) {
        try {
          native.exec('ROLLBACK');
        } catch {
          // a full disk has rolled it back already
        }
        throw cause;
      }
    },
    close: () => native.close(),
  };
  return database;
}

/** The primary result code of what an engine threw; undefined: it is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff;
  if ('rawCode' in error && typeof error.rawCode === 'number') return error.rawCode & 0xff;
  // libsql, of a file it cannot open: `ConnectionFailed("Unable to open ...: 14")`
  const code = /^ConnectionFailed\(.*: (\d+)\b/.exec(error.message)?.[1];
  return code === undefined ? undefined : Number(code) & 0xff;
}

/** Node's own first. undefined: there is none. */
export function findEngine(): Engine | undefined {
  return nodeEngine() ?? libsqlEngine();
}

export function nodeEngine(): Engine | undefined {
  const sqlite = withoutItsWarning(() => process.getBuiltinModule('node:sqlite'));
  if (sqlite === undefined || !('DatabaseSync' in sqlite)) return undefined;
  const make = sqlite.DatabaseSync as new (path: string, options: { readonly readOnly: boolean }) => Native;
  return { name: 'node:sqlite', open: (path, readOnly) => new make(path, { readOnly }) };
}

export function libsqlEngine(): Engine | undefined {
  let make: new (path: string) => Native;
  try {
    make = createRequire(import.meta.url)('libsql');
  } catch {
    return undefined;
  }
  return {
    name: 'libsql',
    open: (path, readOnly) => {
      const native = new make(path);
      if (readOnly) native.prepare('PRAGMA query_only = ON').all();
      return native;
    },
  };
}

/** "SQLite is an experimental feature" tells an operator nothing; every other warning does. */
function withoutItsWarning<T>(work: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('SQLite')) emitWarning.call(process, warning, ...rest);
  }) as typeof emitWarning;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
