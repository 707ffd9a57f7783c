// The journal under `durability: power`: the power fails, and every file loses some of what was not synced.
import { fstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { catchUp, linesFrom, ontoDisk, type Unwritten, unsettledFrom } from '../../src/journal/catch-up.ts';
import { DIARY_FILE, Journal, NDJSON_FILE } from '../../src/journal/journal.ts';
import {
  type FileSystem,
  type FileTrouble,
  realFileSystem,
  type Synced,
} from '../../src/journal/rotating-file.ts';
import { telling } from './transitions.ts';

/** Syncs when it is told to; knows how much of each file is safe. */
class SlowDisk {
  readonly #safe = new Map<number, number>();
  #asked: { readonly fd: number; readonly size: number; readonly done: Synced }[] = [];
  fails = false;

  readonly fs: FileSystem = {
    ...realFileSystem,
    sync: (fd, done) => this.#asked.push({ fd, size: fstatSync(fd).size, done }),
    syncSync: (fd) => this.#isSafe(fd, fstatSync(fd).size),
    syncFolder: (_folder, done) => setImmediate(done, null),
    syncFolderSync: () => undefined,
  };

  #isSafe(fd: number, size: number): void {
    const { ino } = fstatSync(fd);
    this.#safe.set(ino, Math.max(size, this.#safe.get(ino) ?? 0));
  }

  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  answer(): void {
    for (const { fd, size, done } of this.#asked.splice(0)) {
      if (!this.fails) this.#isSafe(fd, size);
      done(this.fails ? new Error('EIO') : null);
    }
  }

  losePower(folder: string, chance: () => number): void {
    this.#asked = [];
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const { ino, size } = statSync(path);
      const safe = this.#safe.get(ino) ?? 0;
      truncateSync(path, safe + Math.floor(chance() * (size - safe + 1)));
    }
  }
}

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-power-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function journalOn(folder: string, fs: FileSystem, maxSize = 1e6, troubles: FileTrouble[] = []): Journal {
  return new Journal({
    folder,
    settings: { style: 'classic', detail: 'transitions', maxSize, keep: 60 },
    zone: () => 0,
    isForPower: true,
    onTrouble: (trouble) => troubles.push(trouble),
    fs,
  });
}

const soon = () => new Promise((done) => setImmediate(done));

/** As the keeper has them: two windows beside each other. */
class Kept {
  readonly #entries = new Map<string, Unwritten>();

  take(lines: Unwritten | undefined): void {
    if (lines !== undefined) this.#entries.set(`${lines.window % 2}.${lines.index}`, lines);
  }

  catchUp(folder: string, fs: FileSystem): void {
    const all = [...this.#entries.values()];
    const last = all.reduce((most, one) => Math.max(most, one.window), 0);
    const lines = linesFrom(all, unsettledFrom(all, last));
    catchUp(join(folder, DIARY_FILE), lines.map(({ diary }) => diary).join(''), lines[0]?.place);
    catchUp(join(folder, NDJSON_FILE), lines.map(({ ndjson }) => ndjson).join(''), undefined);
    for (const file of [DIARY_FILE, NDJSON_FILE]) ontoDisk(join(folder, file), fs);
    this.#entries.clear();
  }
}

type Step = 'record' | 'flush' | 'answer' | 'fail' | 'fail over' | 'power';
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>('record') },
    { weight: 5, arbitrary: fc.constant<Step>('flush') },
    { weight: 4, arbitrary: fc.constant<Step>('answer') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('fail', 'fail over', 'power') },
  ),
  { maxLength: 60 },
);

async function live(path: readonly Step[], maxSize: number, chance: () => number) {
  const folder = folderOf();
  let disk = new SlowDisk();
  let journal = journalOn(folder, disk.fs, maxSize);
  const kept = new Kept();
  let told = 0;
  for (const step of [...path, 'power'] as const) {
    if (step === 'record') {
      journal.record(telling([{ entry: 'ringing' }], { seq: ++told, at: 1_700_000_000_000 + told }));
      kept.take(journal.unwritten());
    } else if (step === 'flush') journal.flush();
    else if (step === 'answer') disk.answer();
    else if (step === 'fail') disk.fails = true;
    else if (step === 'fail over') disk.fails = false;
    else {
      const { window } = journal;
      disk.losePower(folder, chance);
      disk = new SlowDisk();
      kept.catchUp(folder, disk.fs);
      journal = journalOn(folder, disk.fs, maxSize);
      journal.beginAfter(window);
    }
    await soon();
  }
  const seqs = (file: string) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(file))
      .sort((a, b) => b.length - a.length || (a < b ? 1 : -1))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1));
  return { told, diary: seqs(DIARY_FILE), ndjson: seqs(NDJSON_FILE) };
}

const lucky = fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }));

test('every line that was kept stands there once after the power has failed, in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, lucky, async (path, chances) => {
      const { told, diary, ndjson } = await live(path, 1e6, () => chances.next().value);
      expect(ndjson.map((line) => JSON.parse(line).seq)).toEqual(
        Array.from({ length: told }, (_, i) => i + 1),
      );
      expect(diary).toHaveLength(told);
      expect(diary.toSorted()).toEqual(diary);
      expect(new Set(diary).size).toBe(told);
    }),
    { numRuns: 150 },
  );
});

test('in files that were rotated meanwhile it stands there once as well', async () => {
  await fc.assert(
    fc.asyncProperty(steps, lucky, async (path, chances) => {
      const { told, diary, ndjson } = await live(path, 700, () => chances.next().value);
      const seqs = ndjson.map((line) => JSON.parse(line).seq as number).sort((a, b) => a - b);
      expect(seqs).toEqual(Array.from({ length: told }, (_, i) => i + 1));
      expect(diary).toHaveLength(told);
      expect(new Set(diary).size).toBe(told);
    }),
    { numRuns: 150 },
  );
});

test.each<{ readonly when: string; readonly path: readonly Step[]; readonly maxSize?: number }>([
  { when: 'is asked', path: ['record', 'flush', 'record'] },
  { when: 'has failed', path: ['fail', 'record', 'flush', 'answer', 'record'] },
  {
    when: 'goes on failing',
    path: ['fail', 'record', 'flush', 'answer', 'record', 'flush', 'answer', 'record', 'flush', 'record'],
  },
  { when: 'is asked again', path: ['fail', 'record', 'flush', 'answer', 'fail over', 'flush', 'record'] },
  {
    when: 'has part of a file that is rotated',
    path: ['record', 'flush', 'record', 'flush', 'answer', 'record', 'flush', 'answer', 'record'],
    maxSize: 700,
  },
])('while the disk $when, no line is given up', async ({ path, maxSize = 1e6 }) => {
  const { told, diary, ndjson } = await live(path, maxSize, () => 0);
  expect([diary.length, ndjson.length]).toEqual([told, told]);
});

test('a disk that fails is told of once, and once when it works again', async () => {
  const disk = new SlowDisk();
  const troubles: FileTrouble[] = [];
  const journal = journalOn(folderOf(), disk.fs, 1e6, troubles);
  const round = async () => {
    journal.record(telling([{ entry: 'ringing' }]));
    journal.flush();
    disk.answer();
    await soon();
  };
  disk.fails = true;
  await round();
  await round();
  disk.fails = false;
  await round();
  const [diary, ndjson] = [journal.diaryPath, journal.ndjsonPath];
  expect(troubles.map(({ path, err }) => [path, err?.message])).toEqual([
    ...[diary, ndjson].map((path) => [path, 'EIO']),
    ...[diary, ndjson].map((path) => [path, undefined]),
  ]);
});

test('what was moved away is closed once it is synced, and with the journal at the latest', async () => {
  const open = new Set<number>();
  const disk = new SlowDisk();
  const fs: FileSystem = {
    ...disk.fs,
    openSync: (...args) => {
      const fd = realFileSystem.openSync(...args);
      open.add(fd);
      return fd;
    },
    closeSync: (fd) => {
      open.delete(fd);
      realFileSystem.closeSync(fd);
    },
  };
  const journal = journalOn(folderOf(), fs);
  const round = () => {
    journal.reopen();
    journal.record(telling([{ entry: 'ringing' }]));
    journal.flush();
  };
  round();
  round();
  expect(open.size).toBe(6);
  disk.answer();
  await soon();
  expect(open.size).toBe(4);
  round();
  disk.answer();
  journal.close();
  await soon();
  expect(open.size).toBe(0);
});
