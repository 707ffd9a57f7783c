import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { userPattern } from '../../src/journal/of-user.ts';
import { type Database, FULL, openDatabase, sqliteCode } from '../../src/store/database.ts';
import type { StoredCall } from '../../src/store/records-call.ts';
import { RecordsFile, type RecordsFileOptions } from '../../src/store/records-file.ts';
import { NewerSchema } from '../../src/store/schema.ts';
import { ended } from './records-thread.ts';

function records(options: Partial<RecordsFileOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  const path = join(folder, 'records.db');
  const damaged: string[] = [];
  let database: Database | undefined;
  const file = new RecordsFile({
    path,
    onDamaged: (aside) => damaged.push(aside),
    open: (at) => {
      database = openDatabase(at);
      return database;
    },
    ...options,
  });
  onTestFinished(() => {
    file.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    path,
    folder,
    file,
    damaged,
    pragma: (words: string) => database?.prepare(`PRAGMA ${words}`).all(),
    put: (...calls: StoredCall[]) => file.use((table) => table.insert(linesOf(calls))),
    all: () => file.use((table) => table.past({ limit: 1000, all: true })).calls,
  };
}

const linesOf = (calls: readonly StoredCall[]) => calls.map((call) => JSON.stringify(call)).join('\n');
const range = (length: number) => Array.from({ length }, (_, n) => n);
const ids = (calls: readonly StoredCall[]) => calls.map(({ callId }) => Number(/\d+/.exec(callId)));

describe('ended calls', () => {
  it('come back as they were put in, whatever they have and have not', () => {
    const { put, all } = records();
    const bare: StoredCall = {
      callId: 'Ž"\n',
      machine: 'subscription',
      from: 'sip:a@h',
      to: 'sip:Žofia@h',
      callee: 'sip:Ján@h',
      startedAt: 2,
      endedAt: 3,
      outcome: 'refused',
      status: 489,
      video: true,
      state: 'refused',
      origin: { callId: 'before', why: 'transfer' },
      transitions: 1,
      steps: [],
      skipped: 3,
    };
    put(bare, ended(1));
    expect(all()).toEqual([ended(1), bare]);
  });

  it('stand once, however often they are sent', () => {
    const { put, all } = records();
    put(ended(1), ended(2));
    put(ended(1), ended(3), ended(3));
    expect(ids(all())).toEqual([3, 2, 1]);
  });

  it('of one Call-ID may be several', () => {
    const { put, all, file } = records();
    const again = { ...ended(9), callId: ended(1).callId };
    put(ended(1), again);
    expect(all()).toHaveLength(2);
    expect(file.use((table) => table.find(again.callId))).toEqual({ exact: true, calls: [again] });
  });

  it('that are none are left out, and hold up no other', () => {
    const { file, all } = records();
    const lines = [JSON.stringify(ended(1)), '{"callId":"torn', 'null', '{}', JSON.stringify(ended(2))];
    expect(file.use((table) => table.insert(lines.join('\n')))).toBe(3);
    expect(ids(all())).toEqual([2, 1]);
  });

  it('are found by time, user, kind and page', () => {
    const { put, file } = records();
    put(...range(10).map((n) => ended(n)));
    put(ended(10, { from: 'sip:carol@example.org' }), ended(11, { to: 'sip:carol@elsewhere.org' }));
    put(ended(12, { callee: 'sip:dave@example.org', machine: 'subscription' }));
    const past = (query: object) => ids(file.use((table) => table.past({ limit: 100, ...query })).calls);
    expect(past({ limit: 3 })).toEqual([11, 10, 9]);
    expect(past({ all: true, limit: 1 })).toEqual([12]);
    expect(past({ since: ended(8).startedAt, until: ended(11).startedAt })).toEqual([10, 9, 8]);
    expect(past({ user: userPattern('carol@example.org') })).toEqual([10]);
    expect(past({ user: userPattern('carol') })).toEqual([11, 10]);
    expect(past({ user: userPattern('dave'), all: true })).toEqual([12]);
    expect(past({ user: userPattern('sip:car') })).toEqual([]);
    expect(past({ user: userPattern('%') })).toEqual([]);
    const seen: number[] = [];
    for (let after: readonly [number, number] | undefined, n = 0; n < 5; n++) {
      const page = file.use((table) => table.past({ limit: 5, ...(after && { after }) }));
      seen.push(...ids(page.calls));
      after = page.more;
      if (after === undefined) break;
    }
    expect(seen).toEqual(range(12).reverse());
  });

  it('that began at the same moment are on one page or another', () => {
    const { put, file } = records();
    put(...range(5).map((n) => ended(n, { startedAt: 1000 })));
    const first = file.use((table) => table.past({ limit: 2 }));
    const rest = file.use((table) => table.past({ limit: 9, ...(first.more && { after: first.more }) }));
    expect(ids([...first.calls, ...rest.calls])).toEqual([4, 3, 2, 1, 0]);
    expect(rest.more).toBeUndefined();
  });

  it('are found by the beginning of a Call-ID', () => {
    const { put, file } = records();
    put(...['abc', 'abd', 'abc-1', 'xyz', 'a%'].map((callId, n) => ended(n, { callId })));
    const find = (callId: string) => {
      const { exact, calls } = file.use((table) => table.find(callId));
      return [exact, ...calls.map((call) => call.callId)];
    };
    expect(find('abc')).toEqual([true, 'abc']);
    expect(find('ab')).toEqual([false, 'abc', 'abc-1', 'abd']);
    expect(find('x')).toEqual([false, 'xyz']);
    expect(find('a%')).toEqual([true, 'a%']);
    expect(find('nobody')).toEqual([false]);
  });
});

describe('what is too old or too much', () => {
  const now = ended(2000).startedAt;

  it('is forgotten slice by slice, and the rest stays', () => {
    const { put, all, file } = records();
    put(...range(1200).map((n) => ended(n)));
    const retention = { keep: now - ended(1100).startedAt - 10_000, maxSize: 0 };
    const slices = [];
    do slices.push(all().length);
    while (file.use((table) => table.forget(retention, now)));
    expect(slices).toEqual([1000, 700, 200]);
    expect(ids(all())).toEqual(range(1200).slice(1100).reverse());
  });

  it('stays when nothing is to be forgotten', () => {
    const { put, all, file } = records();
    put(...range(300).map((n) => ended(n)));
    expect(file.use((table) => table.forget({ keep: 0, maxSize: 0 }, now))).toBe(false);
    expect(all()).toHaveLength(300);
  });

  it('gives its space back: the file stays as small as it should', () => {
    const { put, file, path, pragma, all } = records();
    const retention = { keep: 0, maxSize: 400_000 };
    for (let batch = 0; batch < 20; batch++) {
      put(...range(200).map((n) => ended(batch * 200 + n)));
      for (let n = 0; n < 20 && file.use((table) => table.forget(retention, now)); n++);
    }
    const [newest, , oldest] = [all().at(0), 0, all().at(-1)];
    expect(ids([newest ?? ended(0)])).toEqual([3999]);
    expect(ids([oldest ?? ended(0)])[0]).toBeGreaterThan(2000);
    pragma('wal_checkpoint(TRUNCATE)');
    const { size } = statSync(path);
    expect(size).toBeLessThan(400_000 + 64 * 4096 + 100_000);
    expect(file.use((table) => table.forget({ keep: 1, maxSize: 0 }, Number.MAX_SAFE_INTEGER))).toBe(true);
    while (file.use((table) => table.forget({ keep: 1, maxSize: 0 }, Number.MAX_SAFE_INTEGER)));
    pragma('wal_checkpoint(TRUNCATE)');
    expect(statSync(path).size).toBeLessThan(300_000);
  });
});

describe('the file', () => {
  it.each([
    [1, false],
    [2, true],
  ])('is a log with few fsyncs (%d), whose space can be given back', (synchronous, isForPower) => {
    const { put, pragma } = records({ isForPower });
    put(ended(1));
    const value = (words: string) => Object.values(pragma(words)?.[0] ?? {})[0];
    expect(['journal_mode', 'synchronous', 'auto_vacuum', 'user_version'].map(value)).toEqual([
      'wal',
      synchronous,
      2,
      1,
    ]);
  });

  it('on a full disk stays as it was, and takes all of it later', () => {
    const { put, all, pragma, damaged } = records();
    put(ended(1));
    pragma('max_page_count = 20');
    const many = range(500).map((n) => ended(n));
    let code: number | undefined;
    try {
      put(...many);
    } catch (error) {
      code = sqliteCode(error);
    }
    expect(code).toBe(FULL);
    expect(ids(all())).toEqual([1]);
    pragma('max_page_count = 100000');
    put(...many);
    expect(all()).toHaveLength(500);
    expect(damaged).toEqual([]);
  });

  it.each([
    ['garbage', Buffer.from('this is no database\n'.repeat(1000))],
    ['of nothing but zeros', Buffer.alloc(8192)],
  ])('%s is moved aside, and a new one begun', (_, bytes) => {
    const { path, folder, put, all, damaged } = records();
    writeFileSync(path, bytes);
    put(ended(1));
    expect(ids(all())).toEqual([1]);
    expect(damaged).toEqual([`${path}.damaged-1`]);
    expect(readFileSync(`${path}.damaged-1`)).toEqual(bytes);
    expect(readdirSync(folder).filter((name) => name.includes('damaged'))).toEqual(['records.db.damaged-1']);
  });

  it('damaged in its middle is moved aside when that comes to light', () => {
    const { path, file, put, all, damaged, pragma } = records();
    put(...range(1000).map((n) => ended(n)));
    pragma('wal_checkpoint(TRUNCATE)');
    file.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096, bytes.length - 4096);
    writeFileSync(path, bytes);
    writeFileSync(`${path}.damaged-1`, 'of before');
    put(ended(5000));
    expect(ids(all())).toEqual([5000]);
    expect(damaged).toEqual([`${path}.damaged-2`]);
    expect(readFileSync(`${path}.damaged-1`, 'utf8')).toBe('of before');
  });

  it('damaged again and again does not fill the disk with copies', () => {
    let now = 0;
    const { path, file, put, damaged } = records({ now: () => now });
    const spoil = () => {
      file.close();
      for (const part of ['-wal', '-shm', '']) rmSync(path + part, { force: true });
      writeFileSync(path, 'garbage '.repeat(1000));
    };
    spoil();
    put(ended(1));
    spoil();
    expect(() => put(ended(1))).toThrow();
    expect(damaged).toHaveLength(1);
    now += 60_000;
    put(ended(1));
    expect(damaged).toHaveLength(2);
  });

  it('that somebody took away is made anew', () => {
    const { path, put, all } = records();
    put(ended(1));
    for (const part of ['-wal', '-shm', '']) rmSync(path + part, { force: true });
    put(ended(2));
    expect(existsSync(path)).toBe(true);
    expect(ids(all())).toEqual([2]);
  });

  it.each([
    ['', true],
    [', though only its log says so,', false],
  ])('of a newer version%s is refused and left as it is', (_, isInFile) => {
    const { path, file, put, damaged } = records();
    put(ended(1));
    file.close();
    const newer = openDatabase(path);
    newer.exec('PRAGMA user_version = 2');
    if (isInFile) newer.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
    newer.close();
    const before = readFileSync(path);
    expect(() => put(ended(2))).toThrow(NewerSchema);
    expect(readFileSync(path)).toEqual(before);
    expect(damaged).toEqual([]);
  });
});
