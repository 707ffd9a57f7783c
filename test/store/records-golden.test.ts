// Stores of every version so far, as text that builds them. To write that of a new version: UPDATE_GOLDEN=1 npm test
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, openDatabase, type Row } from '../../src/store/database.ts';
import type { StoredCall } from '../../src/store/records-call.ts';
import { RecordsFile } from '../../src/store/records-file.ts';
import { MIGRATIONS, migrate, versionOf } from '../../src/store/schema.ts';
import { ended } from './records-thread.ts';

const goldenOf = (version: number) => join(import.meta.dirname, `golden/records-v${version}.sql`);

/** What every golden store holds. */
const CALLS: readonly StoredCall[] = [
  ended(2, { callId: 'plain' }),
  ended(1, {
    callId: 'busy "1"',
    to: 'sip:Žofia@example.org',
    callee: 'sip:carol@example.org',
    outcome: 'busy',
    status: 486,
    endedBy: 'callee',
    video: true,
    state: 'declined',
    origin: { callId: 'before', why: 'transfer' },
    skipped: 2,
  }),
];

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'records.db');
}

function built(version: number): string {
  const path = scratch();
  const database = openDatabase(path);
  database.exec(readFileSync(goldenOf(version), 'utf8'));
  database.close();
  return path;
}

function using<T>(path: string, work: (database: Database) => T): T {
  const database = openDatabase(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

const schemaOf = (database: Database) =>
  database
    .prepare("SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
    .all()
    .map(({ sql }) => String(sql));

function dumped(database: Database): string {
  const rows = database.prepare('SELECT * FROM calls ORDER BY id').all();
  const quoted = (value: Row[string] | undefined) =>
    typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value ?? 'NULL');
  return [
    ...schemaOf(database).map((sql) => `${sql};`),
    ...rows.map(
      (row) => `INSERT INTO calls (${Object.keys(row)}) VALUES (${Object.values(row).map(quoted)});`,
    ),
    `PRAGMA user_version = ${versionOf(database)};\n`,
  ].join('\n');
}

function opened(path: string): readonly StoredCall[] {
  const file = new RecordsFile({
    path,
    onDamaged: (_, cause) => {
      throw cause;
    },
  });
  onTestFinished(() => file.close());
  return file.use((table) => table.past({ limit: 10 })).calls;
}

it.runIf(process.env.UPDATE_GOLDEN)('the newest version is written down, once', () => {
  if (existsSync(goldenOf(MIGRATIONS.length))) return;
  const path = scratch();
  const file = new RecordsFile({ path, onDamaged: () => {} });
  onTestFinished(() => file.close());
  file.use((table) => table.insert(CALLS.map((call) => JSON.stringify(call)).join('\n')));
  writeFileSync(goldenOf(MIGRATIONS.length), using(path, dumped));
});

describe.each(MIGRATIONS.map((_, i) => i + 1))('a store of version %d', (version) => {
  it('is led to the newest, and nothing in it is lost', () => {
    const path = built(version);
    expect(using(path, versionOf)).toBe(version);
    expect(opened(path)).toEqual(CALLS);
    expect(using(path, versionOf)).toBe(MIGRATIONS.length);
  });

  it('is what that version made', () => {
    const path = scratch();
    using(path, (database) => migrate(database, MIGRATIONS.slice(0, version)));
    expect(using(path, schemaOf)).toEqual(using(built(version), schemaOf));
  });
});

it('a step that fails leaves the version before it, and is done again', () => {
  const path = built(1);
  using(path, (database) => {
    const next = (database: Database) => database.exec('ALTER TABLE calls ADD COLUMN note TEXT');
    const fails = (database: Database) => {
      next(database);
      throw new Error('power');
    };
    const steps = MIGRATIONS.slice(0, 1);
    expect(() => migrate(database, [...steps, fails])).toThrow('power');
    expect(versionOf(database)).toBe(1);
    migrate(database, [...steps, next]);
    expect(versionOf(database)).toBe(2);
    expect(database.prepare('SELECT note FROM calls').all()).toHaveLength(CALLS.length);
  });
});
