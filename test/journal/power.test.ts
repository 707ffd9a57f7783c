// The journal under `durability: power`: the power fails, and every file loses some of what was not synced.
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { linesAgain, type Told } from '../../src/journal/again.ts';
import {
  catchUp,
  linesOf,
  ontoDisk,
  unsettledFrom,
  type WindowHead,
  windowsFrom,
} from '../../src/journal/catch-up.ts';
import { DIARY_FILE, Journal, NDJSON_FILE } from '../../src/journal/journal.ts';
import {
  type FileSystem,
  type FileTrouble,
  realFileSystem,
  troubleWords,
} from '../../src/journal/rotating-file.ts';
import type { Done } from '../../src/journal/sync.ts';
import type { Transition } from '../../src/journal/transition.ts';
import { telling } from './transitions.ts';

const soon = () => new Promise((done) => setImmediate(() => setImmediate(done)));

/** Syncs one thing each time it is told to; knows how much of each file is safe, and takes no more of one it has failed. */
class SlowDisk {
  readonly #safe = new Map<number, number>();
  readonly #broken = new Set<number>();
  readonly open = new Set<number>();
  folders = 0;
  #asked: { readonly fd: number; readonly size: number; readonly done: Done }[] = [];
  fails = false;

  readonly fs: FileSystem = {
    ...realFileSystem,
    openSync: (...args) => {
      const fd = realFileSystem.openSync(...args);
      this.open.add(fd);
      return fd;
    },
    closeSync: (fd) => {
      expect(this.open.delete(fd)).toBe(true);
      realFileSystem.closeSync(fd);
    },
    sync: (fd, done) => this.#asked.push({ fd, size: fstatSync(fd).size, done }),
    syncSync: (fd) => this.#isSafe(fd, fstatSync(fd).size),
    syncFolder: (_folder, done) => {
      this.folders++;
      setImmediate(done, null);
    },
    syncFolderSync: () => undefined,
  };

  #isSafe(fd: number, size: number): void {
    const { ino } = fstatSync(fd);
    if (!this.#broken.has(ino)) this.#safe.set(ino, Math.max(size, this.#safe.get(ino) ?? 0));
  }

  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  answer(): void {
    for (const { fd, size, done } of this.#asked.splice(0)) {
      if (this.fails) this.#broken.add(fstatSync(fd).ino);
      else this.#isSafe(fd, size);
      done(this.fails ? Object.assign(new Error('EIO'), { syscall: 'fdatasync' }) : null);
    }
  }

  /** Until it is asked for nothing more. */
  async answerAll(): Promise<void> {
    do {
      this.answer();
      await soon();
      await soon();
    } while (this.isAsked);
  }

  losePower(folder: string, chance: () => number): void {
    this.#asked = [];
    for (const fd of this.open) closeSync(fd);
    this.open.clear();
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

function linesIn(folder: string, names = readdirSync(folder)): string[] {
  return names.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1));
}

function journalOn(
  folder: string,
  fs: FileSystem,
  maxSize = 1e6,
  troubles: FileTrouble[] = [],
  safely = (release: () => void) => release(),
): Journal {
  return new Journal({
    folder,
    settings: { style: 'classic', detail: 'transitions', maxSize, keep: 60 },
    zone: () => 0,
    safely,
    isForPower: true,
    onTrouble: (trouble) => troubles.push(trouble),
    fs,
  });
}

function ring(journal: Journal): void {
  journal.record(telling([{ entry: 'ringing' }]));
  journal.flush();
}

function moveAway(folder: string, suffix: string): void {
  for (const file of [DIARY_FILE, NDJSON_FILE])
    renameSync(join(folder, file), join(folder, `${file}${suffix}`));
}

/** As the keeper has it: windows, and what was told in them. What is not safe goes with the power. */
class Kept {
  #entries = new Map<string, WindowHead | Told>();
  #safe = new Map<string, WindowHead | Told>();
  #waiting: { readonly safe: Map<string, WindowHead | Told>; readonly release: () => void }[] = [];
  #told = 0;

  take(journal: Journal, transition: Transition): void {
    const over = journal.record(transition);
    const head = journal.head();
    if (head !== undefined) this.#entries.set(`j${head.window}`, head);
    for (const [key, { window }] of this.#entries) if (journal.isSettled(window)) this.#entries.delete(key);
    const { window, how } = journal;
    const number = this.#told++;
    this.#entries.set(`d${number}`, { window, number, how, transition, over });
  }

  readonly safely = (release: () => void): void => {
    this.#waiting.push({ safe: new Map(this.#entries), release });
  };

  /** The first of those who wait. */
  answer(): void {
    const first = this.#waiting.shift();
    if (first === undefined) return;
    this.#safe = first.safe;
    first.release();
  }

  losePower(): void {
    this.#waiting = [];
    this.#entries = new Map(this.#safe);
  }

  catchUp(folder: string, fs: FileSystem): void {
    const all = [...this.#entries.values()];
    const heads = all.filter((one): one is WindowHead => !('how' in one));
    const told = all.filter((one): one is Told => 'how' in one);
    const last = all.reduce((most, one) => Math.max(most, one.window), 0);
    const windows = windowsFrom(heads, unsettledFrom(heads, last, true));
    const lines = linesOf(windows, linesAgain(told, heads));
    const { place, ndjsonPlace } = windows[0] ?? {};
    catchUp(join(folder, DIARY_FILE), lines.map(({ diary }) => diary).join(''), place);
    catchUp(join(folder, NDJSON_FILE), lines.map(({ ndjson }) => ndjson).join(''), ndjsonPlace);
    for (const file of [DIARY_FILE, NDJSON_FILE]) ontoDisk(join(folder, file), fs);
    this.#entries.clear();
    this.#safe.clear();
  }
}

type Step = 'record' | 'flush' | 'safe' | 'answer' | 'reopen' | 'power';
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>('record') },
    { weight: 5, arbitrary: fc.constant<Step>('flush') },
    { weight: 5, arbitrary: fc.constant<Step>('safe') },
    { weight: 4, arbitrary: fc.constant<Step>('answer') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('reopen', 'power') },
  ),
  { maxLength: 60, size: 'max' },
);

async function live(path: readonly Step[], maxSize: number, chance: () => number) {
  const folder = folderOf();
  let disk = new SlowDisk();
  const kept = new Kept();
  const begin = () => journalOn(folder, disk.fs, maxSize, [], kept.safely);
  let journal = begin();
  let told = 0;
  /** Sequence numbers that were safe when the power failed. */
  const safe: number[] = [];
  let unsafe: number[] = [];
  const record = () => {
    kept.take(journal, telling([{ entry: 'ringing' }], { seq: ++told, at: 1_700_000_000_000 + told }));
    unsafe.push(told);
    const all = [...unsafe];
    kept.safely(() => {
      safe.push(...all.filter((seq) => !safe.includes(seq)));
      unsafe = unsafe.filter((seq) => !all.includes(seq));
    });
  };
  for (const step of [...path, 'power'] as const) {
    if (step === 'record') record();
    else if (step === 'flush') journal.flush();
    else if (step === 'safe') kept.answer();
    else if (step === 'answer') disk.answer();
    else if (step === 'reopen') journal.reopen();
    else {
      const { window } = journal;
      kept.losePower();
      unsafe = [];
      disk.losePower(folder, chance);
      disk = new SlowDisk();
      kept.catchUp(folder, disk.fs);
      journal = begin();
      journal.beginAfter(window);
    }
    await soon();
  }
  const lines = (file: string) =>
    linesIn(
      folder,
      readdirSync(folder)
        .filter((name) => name.startsWith(file))
        .sort((a, b) => b.length - a.length || (a < b ? 1 : -1)),
    );
  const seqs = lines(NDJSON_FILE).map((line) => JSON.parse(line).seq as number);
  return { safe, diary: lines(DIARY_FILE), seqs };
}

const lucky = fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true }));

test('after the power has failed every line that was safe stands there, once and in order, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(steps, lucky, async (path, chances) => {
      const { safe, diary, seqs } = await live(path, 1e6, () => chances.next().value);
      expect(seqs).toEqual(safe);
      expect(diary).toHaveLength(safe.length);
      expect(diary.toSorted()).toEqual(diary);
      expect(new Set(diary).size).toBe(safe.length);
    }),
    { numRuns: 150 },
  );
});

test('in files that were rotated meanwhile it stands there once as well', async () => {
  await fc.assert(
    fc.asyncProperty(steps, lucky, async (path, chances) => {
      const { safe, diary, seqs } = await live(path, 700, () => chances.next().value);
      expect(seqs.sort((a, b) => a - b)).toEqual(safe);
      expect(diary).toHaveLength(safe.length);
      expect(new Set(diary).size).toBe(safe.length);
    }),
    { numRuns: 150 },
  );
});

test.each<{ readonly when: string; readonly path: readonly Step[]; readonly maxSize?: number }>([
  { when: 'is asked', path: ['record', 'flush', 'record'] },
  {
    when: 'has part of a file that is rotated',
    path: [
      'record',
      'flush',
      'answer',
      'record',
      'flush',
      ...answers(),
      'record',
      'flush',
      ...answers(),
      'record',
    ],
    maxSize: 700,
  },
])('while the disk $when, no line is given up', async ({ path, maxSize = 1e6 }) => {
  const all = path.flatMap((step): Step[] =>
    step === 'record' || step === 'flush' ? [step, 'safe', 'safe'] : [step],
  );
  const { safe, diary, seqs } = await live(all, maxSize, () => 0);
  const recorded = path.filter((step) => step === 'record');
  expect([safe.length, diary.length, seqs.length]).toEqual(Array(3).fill(recorded.length));
});

test('a window is not settled before its last lines are written', async () => {
  const first: Step[] = ['record', 'safe', 'flush', 'safe', 'record', 'safe', 'flush', ...answers()];
  const { safe, seqs } = await live(
    [...first, 'record', 'flush', 'safe', ...answers(), 'safe', 'safe', 'record', 'safe'],
    1e6,
    () => 0,
  );
  expect(safe).toEqual([1, 2, 3, 4]);
  expect(seqs).toEqual(safe);
});

/** More than a round has parts. */
function answers(): Step[] {
  return Array<Step>(8).fill('answer');
}

test('a disk that refuses something is told of once and asked no more: from then on it is as without power for a promise', async () => {
  const folder = folderOf();
  const disk = new SlowDisk();
  const troubles: FileTrouble[] = [];
  let waiting: (() => void)[] = [];
  const journal = journalOn(folder, disk.fs, 700, troubles, (release) => waiting.push(release));
  const record = () => ring(journal);
  const release = () => {
    for (const one of waiting.splice(0)) one();
  };
  record();
  release();
  await disk.answerAll();
  disk.fails = true;
  record();
  release();
  // this one waits while it is found out
  record();
  await disk.answerAll();
  disk.fails = false;
  waiting = [];
  expect(linesIn(folder)).toHaveLength(6);
  for (let i = 0; i < 20; i++) record();
  expect(troubles.map((trouble) => troubleWords(trouble))).toEqual([
    'journal file may not outlive a power failure until the next start: EIO',
  ]);
  expect(journal.isComplete).toBe(true);
  expect(linesIn(folder)).toHaveLength(46);
  expect(disk.open.size).toBe(2);
  journal.close();
  expect(disk.open.size).toBe(0);
});

test('a folder that cannot be opened just now is synced the next time', async () => {
  const disk = new SlowDisk();
  const troubles: FileTrouble[] = [];
  let cannotOpen = true;
  const fs: FileSystem = {
    ...disk.fs,
    syncFolder: (folder, done) => {
      if (cannotOpen) setImmediate(done, Object.assign(new Error('EMFILE'), { syscall: 'open' }));
      else disk.fs.syncFolder(folder, done);
    },
  };
  const journal = journalOn(folderOf(), fs, 1e6, troubles);
  const { window } = journal;
  for (let i = 0; i < 3; i++) {
    ring(journal);
    await disk.answerAll();
  }
  expect(journal.isSettled(window)).toBe(false);
  cannotOpen = false;
  journal.flush();
  await disk.answerAll();
  expect(journal.isSettled(window)).toBe(true);
  expect(disk.folders).toBe(2);
  expect(troubles).toEqual([]);
});

test('a disk that never answers is not asked again, and holds few files open', async () => {
  const disk = new SlowDisk();
  const journal = journalOn(folderOf(), disk.fs, 700);
  for (let i = 0; i < 50; i++) {
    ring(journal);
    await soon();
  }
  expect(disk.open.size).toBeLessThan(15);
  journal.close();
  await disk.answerAll();
  expect(disk.open.size).toBe(0);
});

test('what was moved away is closed once it is synced, and with the journal at the latest', async () => {
  const folder = folderOf();
  const disk = new SlowDisk();
  const journal = journalOn(folder, disk.fs);
  let moved = 0;
  const round = () => {
    ring(journal);
    moved++;
    moveAway(folder, `.old${moved}`);
    journal.reopen();
    ring(journal);
  };
  round();
  round();
  expect(disk.open.size).toBe(6);
  await disk.answerAll();
  round();
  await disk.answerAll();
  // one was moved away while it was synced, and goes with the next time
  expect(disk.open.size).toBe(3);
  round();
  journal.close();
  await disk.answerAll();
  expect(disk.open.size).toBe(0);
});

test.each(['asked', 'answered'])(
  'a journal that is closed is on the disk, also when a sync was %s just before',
  async (how) => {
    const folder = folderOf();
    const disk = new SlowDisk();
    const troubles: FileTrouble[] = [];
    const journal = journalOn(folder, disk.fs, 700, troubles);
    for (let i = 0; i < 4; i++) {
      ring(journal);
      if (how === 'answered') await disk.answerAll();
    }
    journal.close();
    disk.fails = true;
    await disk.answerAll();
    // an error that was told to the other one would not have been told to us
    expect(journal.isComplete).toBe(how === 'answered');
    disk.losePower(folder, () => 0);
    expect(linesIn(folder)).toHaveLength(8);
    expect(troubles).toEqual([]);
  },
);

test('a journal that is closed is on the disk, also what was moved away and is synced just then', async () => {
  const folder = folderOf();
  const disk = new SlowDisk();
  const journal = journalOn(folder, disk.fs);
  const record = () => ring(journal);
  record();
  record();
  moveAway(folder, '.old');
  journal.reopen();
  await disk.answerAll();
  record();
  journal.close();
  disk.losePower(folder, () => 0);
  expect(linesIn(folder)).toHaveLength(6);
});

test('a journal that is closed waits for nobody', () => {
  const folder = folderOf();
  const journal = journalOn(folder, new SlowDisk().fs, 1e6, [], () => undefined);
  for (let i = 0; i < 2; i++) {
    ring(journal);
  }
  expect(linesIn(folder)).toEqual([]);
  journal.close();
  expect(linesIn(folder)).toHaveLength(4);
  expect(journal.isComplete).toBe(true);
});

test('new names are synced with what they stand for', async () => {
  const disk = new SlowDisk();
  const journal = journalOn(folderOf(), disk.fs, 700);
  const folders: number[] = [];
  for (let i = 0; i < 4; i++) {
    ring(journal);
    await disk.answerAll();
    folders.push(disk.folders);
  }
  // of 700 bytes three lines of ndjson are more
  expect(folders).toEqual([2, 2, 3, 3]);
  journal.close();
});

test('files that somebody has moved away, under whatever name, are not written again', async () => {
  const folder = folderOf();
  const disk = new SlowDisk();
  const journal = journalOn(folder, disk.fs);
  const kept = new Kept();
  const record = () => {
    kept.take(journal, telling([{ entry: 'ringing' }]));
    journal.flush();
  };
  record();
  moveAway(folder, '-20260504');
  journal.reopen();
  record();
  kept.catchUp(folder, disk.fs);
  for (const file of [DIARY_FILE, NDJSON_FILE])
    expect(readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')).toHaveLength(1);
});
