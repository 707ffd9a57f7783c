import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import {
  Records,
  type RecordsOptions,
  type RecordsTrouble,
  RecordsUnavailable,
} from '../../src/store/records.ts';
import { buildThread, ended } from './records-thread.ts';

let thread: Awaited<ReturnType<typeof buildThread>>;
beforeAll(async () => {
  thread = await buildThread();
}, 60_000);
afterAll(() => thread.remove());

const PATIENCE = { timeout: 15_000, interval: 5 };

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function opened(options: Partial<RecordsOptions<string>> = {}) {
  const folder = options.folder ?? scratch();
  const stored: string[] = [];
  const troubles: RecordsTrouble[] = [];
  const records = await Records.open<string>({
    folder,
    retention: { keep: 0, maxSize: 0 },
    onStored: (ids) => stored.push(...ids),
    onTrouble: (trouble) => troubles.push(trouble),
    program: thread.program,
    ...options,
  });
  onTestFinished(() => records.close());
  return {
    records,
    folder,
    path: join(folder, 'records.db'),
    stored,
    troubles,
    add: (n: number) => records.add(`r${n}`, JSON.stringify(ended(n))),
    until: (count: number) => vi.waitUntil(() => stored.length >= count, PATIENCE),
    times: async () => (await records.past({ limit: 10_000 })).calls.length,
  };
}

describe('ended calls', () => {
  it('are confirmed once they are stored, all and in order', async () => {
    const { records, stored, add, until, times, troubles } = await opened();
    for (let n = 0; n < 450; n++) expect(add(n)).toBe(true);
    await until(450);
    expect(stored).toEqual(Array.from({ length: 450 }, (_, n) => `r${n}`));
    expect(await times()).toBe(450);
    expect([records.waiting, records.stored, records.failures]).toEqual([0, 450, 0]);
    expect(troubles).toEqual([]);
  });

  it('can be looked up the moment they are added', async () => {
    const { records, add } = await opened();
    add(1);
    expect(await records.find('call-1')).toEqual({ exact: false, calls: [ended(1)] });
    for (let n = 2; n < 350; n++) add(n);
    expect((await records.past({ limit: 1 })).calls).toEqual([ended(349)]);
  });

  it('are there after a restart, and stand once though they are sent again', async () => {
    const before = await opened();
    for (let n = 0; n < 5; n++) before.add(n);
    await before.records.close();
    expect(before.stored).toHaveLength(5);
    const after = await opened({ folder: before.folder });
    for (let n = 0; n < 7; n++) after.add(n);
    await after.until(7);
    expect(await after.times()).toBe(7);
  });

  it('that are no calls are confirmed, counted and left out', async () => {
    const { records, add, until, times } = await opened();
    records.add('bad', '{"callId":');
    add(1);
    await until(2);
    expect([records.broken, records.stored, await times()]).toEqual([1, 1, 1]);
  });

  it('are forgotten when they are too old', async () => {
    const { add, until, times } = await opened({ retention: { keep: 60_000, maxSize: 0 } });
    for (let n = 0; n < 10; n++) add(n);
    await until(10);
    await vi.waitUntil(async () => (await times()) === 0, PATIENCE);
  });
});

describe('trouble', () => {
  it('with the file is told once; what waits is stored when it is over', async () => {
    const folder = scratch();
    const path = join(folder, 'records.db');
    mkdirSync(path);
    const { records, add, until, stored, troubles, times } = await opened({ folder });
    for (let n = 0; n < 10; n++) expect(add(n)).toBe(true);
    await vi.waitUntil(() => records.failures >= 3, PATIENCE);
    expect(troubles).toHaveLength(1);
    expect(troubles[0]?.problem).toContain(path);
    expect([records.waiting, stored.length]).toEqual([10, 0]);
    await expect(records.past({ limit: 1 })).rejects.toThrow(RecordsUnavailable);
    rmdirSync(path);
    await until(10);
    expect(troubles).toHaveLength(2);
    expect(troubles[1]).toMatchObject({ problem: undefined, waiting: 0 });
    expect(await times()).toBe(10);
  });

  it('with a damaged file is told loudly, and a new one begun', async () => {
    const folder = scratch();
    writeFileSync(join(folder, 'records.db'), 'garbage '.repeat(1000));
    const { add, until, troubles, path } = await opened({ folder });
    add(1);
    await until(1);
    expect(troubles[0]?.problem).toBe(
      `${path} is damaged (file is not a database); it is kept as ${path}.damaged-1`,
    );
    expect(troubles.at(-1)?.problem).toBeUndefined();
    expect(readdirSync(folder)).toContain('records.db.damaged-1');
  });

  it('with a file that is damaged meanwhile is no trouble for what ends from then on', async () => {
    const { records, add, until, path } = await opened();
    add(1);
    await until(1);
    for (const part of ['', '-wal', '-shm']) rmSync(path + part);
    writeFileSync(path, 'garbage '.repeat(1000));
    expect(await records.past({ limit: 1 })).toEqual({ calls: [] });
    expect([records.problem, records.damage]).toEqual([
      undefined,
      expect.stringMatching(/records\.db is damaged .*; it is kept as .*damaged-1$/),
    ]);
    add(2);
    await until(2);
    expect(records.damage).toBeUndefined();
  });

  it('with the file that is over is noticed though no call ends', async () => {
    const folder = scratch();
    const path = join(folder, 'records.db');
    mkdirSync(path);
    const { records, troubles } = await opened({ folder });
    expect(records.problem).toContain(path);
    rmdirSync(path);
    await vi.waitUntil(() => records.problem === undefined, PATIENCE);
    expect(troubles.map(({ problem }) => problem === undefined)).toEqual([false, true]);
  });

  it('with the thread, which dies, is outlived by all that waits', async () => {
    const folder = scratch();
    const dies = join(folder, 'dies');
    writeFileSync(dies, '');
    const program = join(folder, 'program.mjs');
    writeFileSync(
      program,
      `import { existsSync, rmSync } from 'node:fs';
       import { parentPort } from 'node:worker_threads';
       if (existsSync('${dies}')) {
         parentPort.on('message', () => { rmSync('${dies}'); throw new Error('a bug'); });
         parentPort.postMessage({ said: 'ready', isNewer: false });
       } else await import('${thread.program}');`,
    );
    const { records, add, until, troubles, times } = await opened({
      folder,
      program: pathToFileURL(program),
    });
    for (let n = 0; n < 300; n++) add(n);
    await expect(records.find('x')).rejects.toThrow('a bug');
    await until(300);
    expect(await times()).toBe(300);
    expect(troubles.map(({ problem }) => problem)).toEqual([
      expect.stringMatching(/thread .* a bug$/),
      undefined,
    ]);
  });

  it('with a missing program ends nothing', async () => {
    const { records, add, troubles } = await opened({ program: new URL('file:///no/such.mjs') });
    expect(add(1)).toBe(true);
    expect(troubles[0]?.problem).toContain('/no/such.mjs is missing');
    await expect(records.find('x')).rejects.toThrow('/no/such.mjs');
    await records.close();
  });

  it('that lasts fills no memory: more is refused until there is room again', async () => {
    const folder = scratch();
    mkdirSync(join(folder, 'records.db'));
    const { records, add, until } = await opened({ folder, maxWaiting: 5000 });
    let taken = 0;
    while (add(taken)) taken++;
    expect(taken).toBeGreaterThan(5);
    expect(taken * JSON.stringify(ended(1)).length).toBeLessThan(5000 + 1000);
    expect(records.waiting).toBe(taken);
    rmdirSync(join(folder, 'records.db'));
    await until(taken);
    expect(add(taken)).toBe(true);
  });

  it('holds up no end: what is not stored is not confirmed', async () => {
    const folder = scratch();
    mkdirSync(join(folder, 'records.db'));
    const { records, add, stored } = await opened({ folder });
    add(1);
    await records.close();
    expect(add(2)).toBe(false);
    expect(stored).toEqual([]);
    rmdirSync(join(folder, 'records.db'));
    const next = await opened({ folder });
    next.add(1);
    await next.until(1);
  });
});

it('a file of a newer version is refused in one line and left as it is', async () => {
  const before = await opened();
  before.add(1);
  await before.records.close();
  const database = openDatabase(before.path);
  database.exec('PRAGMA user_version = 7');
  database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
  database.close();
  const bytes = readFileSync(before.path);
  await expect(opened({ folder: before.folder })).rejects.toMatchObject({
    code: 'store-newer',
    message: expect.stringContaining(`${before.path}: version 7`),
  });
  expect(readFileSync(before.path)).toEqual(bytes);
});
