// The tables of the records, version by version: each step leads a database to the next version, and none is ever changed.
import type { Database } from './database.ts';

/** Step n leads from version n to n + 1. */
export const MIGRATIONS: readonly ((database: Database) => void)[] = [
  (database) => {
    database.exec(`
      CREATE TABLE calls (
        id INTEGER PRIMARY KEY,
        call_id TEXT NOT NULL,
        machine TEXT NOT NULL,
        from_aor TEXT NOT NULL,
        to_aor TEXT NOT NULL,
        callee_aor TEXT,
        started_at INTEGER NOT NULL,
        ringing_at INTEGER,
        answered_at INTEGER,
        ended_at INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        status INTEGER,
        ended_by TEXT,
        video INTEGER NOT NULL,
        state TEXT NOT NULL,
        origin_call_id TEXT,
        origin_why TEXT,
        transitions INTEGER NOT NULL,
        steps TEXT NOT NULL,
        skipped_steps INTEGER NOT NULL
      );
      -- a record that is sent twice stands once
      CREATE UNIQUE INDEX calls_by_call_id ON calls (call_id, started_at, ended_at);
      CREATE INDEX calls_by_start ON calls (started_at);
    `);
  },
];

/** The file was written by a newer Callchart; it is left alone. */
export class NewerSchema extends Error {
  readonly version: number;

  constructor(version: number, known: number) {
    super(`version ${version}, and this Callchart knows those up to ${known}`);
    this.name = 'NewerSchema';
    this.version = version;
  }
}

/** Leads the database to the newest version, a step a transaction. Throws NewerSchema. */
export function migrate(database: Database, steps = MIGRATIONS): void {
  const version = versionOf(database);
  if (version > steps.length) throw new NewerSchema(version, steps.length);
  steps.slice(version).forEach((step, i) => {
    database.transaction(() => {
      step(database);
      database.exec(`PRAGMA user_version = ${version + i + 1}`);
    });
  });
}

export function versionOf(database: Database): number {
  return Number(database.prepare('PRAGMA user_version').get()?.user_version ?? 0);
}
