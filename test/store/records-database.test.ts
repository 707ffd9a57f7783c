import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  CANTOPEN,
  FULL,
  findEngine,
  libsqlEngine,
  NOTADB,
  nodeEngine,
  openDatabase,
  sqliteCode,
} from '../../src/store/database.ts';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'a.db');
}

function codeOf(work: () => unknown): number | undefined {
  try {
    work();
  } catch (error) {
    return sqliteCode(error);
  }
  return undefined;
}

const engines = [nodeEngine(), libsqlEngine()].filter((engine) => engine !== undefined);

it('there is an engine here, Node’s own before another', () => {
  expect(findEngine()?.name).toBe(engines[0]?.name);
  expect(findEngine()).toBeDefined();
});

it('the warning that it is experimental is not shown, others are', () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => warned.mockRestore());
  nodeEngine();
  process.emitWarning('another');
  expect(warned.mock.calls).toEqual([['another']]);
});

describe.each(engines.map((engine) => ({ name: engine.name, engine })))('$name', ({ engine }) => {
  const open = (path = scratch(), readOnly = false) => {
    const database = openDatabase(path, { engine, readOnly });
    onTestFinished(() => database.close());
    return database;
  };

  it('keeps and gives numbers, texts and nothing', () => {
    const path = scratch();
    const database = open(path);
    database.exec('CREATE TABLE t (n INTEGER, text TEXT); CREATE TABLE u (n)');
    const put = database.prepare('INSERT INTO t VALUES (?, ?)');
    const at = Date.parse('2026-05-04T11:00:00Z');
    expect(put.run(at, 'Žofia "x"\n')).toBe(1);
    expect(put.run(null, null)).toBe(1);
    const rows = database.prepare('SELECT n, text FROM t ORDER BY rowid').all();
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { n: at, text: 'Žofia "x"\n' },
      { n: null, text: null },
    ]);
    expect({ ...database.prepare('SELECT typeof(n) AS type FROM t').get() }).toEqual({ type: 'integer' });
    expect(database.prepare('SELECT n FROM t WHERE n > ?').get(at)).toBeUndefined();
  });

  it('does a transaction whole or not at all', () => {
    const database = open();
    database.exec('CREATE TABLE t (n)');
    const put = database.prepare('INSERT INTO t VALUES (?)');
    expect(
      database.transaction(() => {
        put.run(1);
        return 'done';
      }),
    ).toBe('done');
    expect(() =>
      database.transaction(() => {
        put.run(2);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(database.prepare('SELECT n FROM t').all()).toHaveLength(1);
  });

  it('says in SQLite’s codes what is wrong', () => {
    const path = scratch();
    const database = open(path);
    database.exec('CREATE TABLE t (n)');
    database.prepare('PRAGMA max_page_count = 5').all();
    const fill = database.prepare('INSERT INTO t VALUES (?)');
    expect(
      codeOf(() =>
        database.transaction(() => {
          for (let n = 0; n < 100; n++) fill.run('x'.repeat(1000));
        }),
      ),
    ).toBe(FULL);
    expect(database.prepare('SELECT n FROM t').all()).toEqual([]);
    expect(codeOf(() => open(join(path, 'below')))).toBe(CANTOPEN);
    expect(codeOf(() => open(scratch(), true))).toBe(CANTOPEN);
    expect(
      codeOf(() =>
        open(import.meta.filename)
          .prepare('PRAGMA user_version')
          .all(),
      ),
    ).toBe(NOTADB);
  });

  it('opened to be read writes nothing', () => {
    const path = scratch();
    const database = open(path);
    database.exec('CREATE TABLE t (n)');
    const reader = open(path, true);
    expect(reader.prepare('SELECT n FROM t').all()).toEqual([]);
    expect(() => reader.exec('INSERT INTO t VALUES (1)')).toThrow();
  });
});

it('what no database threw has no code', () => expect(sqliteCode(new TypeError('x'))).toBeUndefined());
