// Journal files after a crash: a torn end is cut, what is missing is written, each line once, wherever the file went.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  type PathLike,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { linesAgain, type Told } from '../../src/journal/again.ts';
import {
  CatchUpFailed,
  catchUp,
  type Lines,
  linesOf,
  ontoDisk,
  unsettledFrom,
  type WindowHead,
  windowsFrom,
} from '../../src/journal/catch-up.ts';
import { Diary } from '../../src/journal/diary.ts';
import { Journal } from '../../src/journal/journal.ts';
import { NdjsonWriter } from '../../src/journal/ndjson.ts';
import { type FileSystem, realFileSystem } from '../../src/journal/rotating-file.ts';
import type { Note, Transition } from '../../src/journal/transition.ts';
import { telling } from './transitions.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callchart-catch-up-'));
  path = join(folder, 'j');
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

const content = (file = path) => readFileSync(file, 'utf8');
const place = (at: number, file = path) => ({ inode: statSync(file).ino, at });

describe('a file that takes nothing', () => {
  const left = (lines: string, from = path) => {
    try {
      catchUp(from, lines, undefined);
    } catch (cause) {
      if (cause instanceof CatchUpFailed) return cause.left;
    }
    return undefined;
  };

  test('misses what it missed', () => {
    // not even for root
    symlinkSync('/dev/full', path);
    expect(left('a\nb\n')).toBe('a\nb\n');
  });

  test('misses only the lines that do not stand there whole', () => {
    writeFileSync(path, 'a\nb\nhal');
    const status = spawnSync('chattr', ['+i', path]).status;
    if (status !== 0) return;
    onTestFinished(() => void spawnSync('chattr', ['-i', path]));
    expect(left('a\nhalf\nc\n')).toBe('half\nc\n');
  });
});

test('what is no file is left alone when the others are brought onto the disk', () => {
  writeFileSync(path, 'a\n');
  mkdirSync(`${path}.folder`);
  const made = spawnSync('mkfifo', [`${path}.pipe`]).status;
  if (made !== 0) return;
  const synced: number[] = [];
  ontoDisk(path, { ...realFileSystem, syncSync: (fd) => void synced.push(fd) });
  expect(synced).toHaveLength(1);
});

test('lines that the files did not take at the start come before all others, and are kept with them', () => {
  const journal = new Journal({
    folder,
    settings: { style: 'classic', detail: 'transitions', maxSize: 1e6, keep: 1 },
    onTrouble: () => {},
  });
  journal.beginAfter(9, { since: 7, lines: ['old\n', '{"old":1}\n'] });
  journal.record(telling([{ entry: 'incoming' }]));
  expect(journal.head()).toMatchObject({ since: 7 });
  expect([6, 7, journal.window].map((window) => journal.isSettled(window))).toEqual([true, false, false]);
  const { window } = journal;
  journal.close();
  expect(journal.isSettled(window)).toBe(true);
  expect(content(journal.diaryPath)).toMatch(/^old\n./);
  expect(content(journal.ndjsonPath)).toMatch(/^\{"old":1\}\n\{/);
});

describe('a torn end', () => {
  test('is cut, and its line written whole', () => {
    writeFileSync(path, 'a\nb\nhal');
    expect(catchUp(path, 'half\n', place(4))).toBe(1);
    expect(content()).toBe('a\nb\nhalf\n');
  });

  test('is cut when nothing is missing', () => {
    writeFileSync(path, 'a\nhal');
    expect(catchUp(path, '', undefined)).toBe(0);
    expect(content()).toBe('a\n');
  });

  test('that is cut is told, with its file and length', () => {
    const cut: [string, number][] = [];
    const told = (file: string, bytes: number) => cut.push([file, bytes]);
    writeFileSync(`${path}.1`, 'a\nb\nhal');
    writeFileSync(path, 'c\n\u017do');
    catchUp(path, 'b\nhalf\nc\n', place(2, `${path}.1`), told);
    catchUp(path, 'b\nhalf\nc\n', place(2, `${path}.1`), told);
    expect(cut).toEqual([
      [path, 3],
      [`${path}.1`, 3],
    ]);
  });

  test('is all there is', () => {
    writeFileSync(path, 'hal');
    expect(catchUp(path, 'half\n', place(0))).toBe(1);
    expect(content()).toBe('half\n');
  });

  test('is in the middle of a letter', () => {
    writeFileSync(path, Buffer.from('a\n\u017dofi').subarray(0, 3));
    catchUp(path, '\u017dofia\n', place(2));
    expect(content()).toBe('a\n\u017dofia\n');
  });

  test('that is longer than any line of ours is left alone', () => {
    const long = 'x'.repeat(70_000);
    writeFileSync(path, `a\n${long}`);
    catchUp(path, '', undefined);
    expect(content()).toBe(`a\n${long}`);
    catchUp(path, 'b\n', undefined);
    expect(content()).toBe(`a\n${long}\nb\n`);
  });

  test('is cut though an older file cannot be read', () => {
    mkdirSync(`${path}.1`);
    writeFileSync(path, 'a\nhal');
    catchUp(path, 'half\n', undefined);
    expect(content()).toBe('a\nhalf\n');
  });

  test('of what somebody has made of an older file is no business of ours', () => {
    writeFileSync(`${path}.1.gz`, 'packed\nwithout an end');
    writeFileSync(path, '');
    catchUp(path, 'a\n', place(0, `${path}.1.gz`));
    expect(content(`${path}.1.gz`)).toBe('packed\nwithout an end');
  });

  test('of a file that was rotated is cut as well, and its line written once', () => {
    writeFileSync(`${path}.1`, 'a\nb\nhal');
    writeFileSync(path, 'c\n');
    expect(catchUp(path, 'b\nhalf\nc\n', place(2, `${path}.1`))).toBe(1);
    expect([content(`${path}.1`), content()]).toEqual(['a\nb\n', 'c\nhalf\n']);
  });
});

describe('lines that are missing', () => {
  test('come into a file that is not there', () => {
    expect(catchUp(path, 'a\nb\n', undefined)).toBe(2);
    expect(content()).toBe('a\nb\n');
  });

  test('are those that do not stand behind the place', () => {
    writeFileSync(path, 'a\nb\nc\n');
    expect(catchUp(path, 'c\nd\ne\n', place(4))).toBe(2);
    expect(content()).toBe('a\nb\nc\nd\ne\n');
  });

  test('and are equal to earlier ones are written all the same', () => {
    writeFileSync(path, 'ring\nring\n');
    expect(catchUp(path, 'ring\nring\n', place(5))).toBe(1);
    expect(content()).toBe('ring\nring\nring\n');
  });

  test('are looked for in all that follows the place, however much that is', () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `${String(i).padStart(99, '0')}\n`).join('');
    writeFileSync(path, `first\n${lines}`);
    expect(catchUp(path, lines, place(6))).toBe(0);
    renameSync(path, `${path}.1`);
    writeFileSync(path, lines);
    expect(catchUp(path, lines + lines, place(6, `${path}.1`))).toBe(0);
  });

  test('are written once, however often the server dies', () => {
    writeFileSync(path, 'a\n');
    const at = place(2);
    expect(catchUp(path, 'b\nb\n', at)).toBe(2);
    expect(catchUp(path, 'b\nb\n', at)).toBe(0);
    appendFileSync(path, 'tor');
    expect(catchUp(path, 'b\nb\n', at)).toBe(0);
    expect(content()).toBe('a\nb\nb\n');
  });
});

describe('the file', () => {
  test('was rotated in between', () => {
    writeFileSync(path, 'a\nb\n');
    const at = place(2);
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'c\n');
    expect(catchUp(path, 'b\nc\nd\n', at)).toBe(1);
    expect([content(`${path}.1`), content()]).toEqual(['a\nb\n', 'c\nd\n']);
  });

  test('was rotated, and the next not begun', () => {
    writeFileSync(path, 'a\nb\n');
    const at = place(2);
    renameSync(path, `${path}.1`);
    expect(catchUp(path, 'b\nc\n', at)).toBe(1);
    expect(content()).toBe('c\n');
  });

  test('was rotated twice', () => {
    writeFileSync(path, 'a\nb\n');
    const at = place(2);
    renameSync(path, `${path}.2`);
    writeFileSync(`${path}.1`, 'c\n');
    writeFileSync(path, 'd\n');
    expect(catchUp(path, 'b\nc\nd\ne\n', at)).toBe(1);
    expect(content()).toBe('d\ne\n');
  });

  test('was moved beside it by somebody, and another begun', () => {
    writeFileSync(path, 'a\nb\n');
    const at = place(2);
    renameSync(path, `${path}-20260504`);
    writeFileSync(path, 'c\n');
    expect(catchUp(path, 'b\nc\nd\n', at)).toBe(1);
    expect(content()).toBe('c\nd\n');
  });

  test('was moved out of reach: better twice than never', () => {
    writeFileSync(path, 'a\nb\n');
    const at = place(2);
    rmSync(path);
    expect(catchUp(path, 'b\nc\n', at)).toBe(2);
    expect(content()).toBe('b\nc\n');
  });

  test('was truncated by somebody', () => {
    writeFileSync(path, 'a\na\na\nb\n');
    const at = place(6);
    writeFileSync(path, '');
    expect(catchUp(path, 'b\nc\n', at)).toBe(2);
    expect(content()).toBe('b\nc\n');
  });
});

describe('of all that was handed out', () => {
  const one = (window: number, index: number, since?: number): Lines & WindowHead => ({
    ...{ window, index, diary: '', ndjson: '' },
    ...(since !== undefined && { since }),
  });
  const counts = (all: readonly (Lines & WindowHead)[], last: number, isForPower = false) =>
    linesOf(windowsFrom(all, unsettledFrom(all, last, isForPower)), all).map(({ window, index }) => [
      window,
      index,
    ]);

  test('the last window counts, in its order', () => {
    const all = [one(7, 1), one(6, 2), one(7, 0), one(6, 0)];
    expect(counts(all, 7)).toEqual([
      [7, 0],
      [7, 1],
    ]);
    expect(counts([], 0)).toEqual([]);
  });

  test('nothing counts when a later window had no lines', () => expect(counts([one(7, 0)], 8)).toEqual([]));

  test('those before it count from the one that was not on the disk', () => {
    const all = [one(9, 1), one(9, 0, 8), one(8, 1), one(8, 0, 7), one(7, 2)];
    const expected = [
      [8, 0],
      [8, 1],
      [9, 0],
      [9, 1],
    ];
    expect(counts(all, 9, true)).toEqual(expected);
    expect(counts(all, 10, true)).toEqual(expected);
  });

  test('the window before the last counts when nobody knows and the power may fail', () =>
    expect(unsettledFrom([], 8, true)).toBe(7));
});

const NOTES: readonly (readonly Note[])[] = [
  [],
  [{ entry: 'ringing' }],
  [{ entry: 'incoming' }, { entry: 'ringing' }],
];

interface Burst {
  readonly notes: readonly number[];
  readonly isWritten: boolean;
}

/** A process that dies after so many bytes have reached its files. */
interface Life {
  readonly bursts: readonly Burst[];
  readonly bytes: number;
}

const burst = fc.record({
  notes: fc.array(fc.nat(NOTES.length - 1), { minLength: 1, maxLength: 4 }),
  isWritten: fc.boolean(),
});
const anyLife = fc.record({ bursts: fc.array(burst, { maxLength: 12 }), bytes: fc.nat(8000) });

function dying(bytes: number): FileSystem & { isDead: boolean } {
  let left = bytes;
  const fs = {
    ...realFileSystem,
    isDead: false,
    writeSync: (fd: number, all: Uint8Array, offset: number, length: number) => {
      if (left === 0) fs.isDead = true;
      if (fs.isDead) throw new Error('nobody is there');
      const count = realFileSystem.writeSync(fd, all, offset, Math.min(length, left));
      left -= count;
      return count;
    },
    renameSync: (from: PathLike, to: PathLike) => {
      if (fs.isDead) throw new Error('nobody is there');
      realFileSystem.renameSync(from, to);
    },
  };
  return fs;
}

/** All lines, of the oldest file first. */
function written(name: string): string {
  const numberOf = (file: string) => Number(/\.(\d+)$/.exec(file)?.[1] ?? 0);
  const files = readdirSync(folder).filter((file) => file === name || file.startsWith(`${name}.`));
  return files
    .sort((a, b) => numberOf(b) - numberOf(a))
    .map((file) => content(join(folder, file)))
    .join('');
}

test('wherever the process dies between keeping lines and writing them, each stands there once, in order', () => {
  let wall = 1_700_000_000_000;
  const spy = vi.spyOn(Date, 'now').mockImplementation(() => wall);
  onTestFinished(() => spy.mockRestore());
  const run = (lives: readonly Life[], maxSize: number) => {
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    const heads = new Map<number, WindowHead>();
    let told: Told[] = [];
    const transitions: Transition[] = [];
    for (const { bursts, bytes } of lives) {
      wall += 60_000;
      const fs = dying(bytes);
      const journal = new Journal({
        folder,
        settings: { style: 'classic', detail: 'transitions', maxSize, keep: 60 },
        zone: () => 0,
        onTrouble: () => {},
        fs,
      });
      for (const { notes, isWritten } of bursts) {
        for (const which of notes) {
          const transition = telling(NOTES[which] ?? [], { seq: transitions.length + 1 });
          transitions.push(transition);
          const over = journal.record(transition);
          const { window, how } = journal;
          told.push({ window, number: transitions.length, how, transition, over });
        }
        const head = journal.head();
        if (head !== undefined) heads.set(head.window, head);
        for (const window of heads.keys()) if (journal.isSettled(window)) heads.delete(window);
        told = told.filter(({ window }) => !journal.isSettled(window));
        if (isWritten) journal.flush();
        if (fs.isDead) break;
      }
      fs.isDead = true;
      journal.close();
      const all = [...heads.values()];
      const last = told.reduce((most, one) => Math.max(most, one.window), 0);
      const windows = windowsFrom(all, unsettledFrom(all, last, false));
      const lines = linesOf(windows, linesAgain(told, all));
      const text = (of: 'diary' | 'ndjson') => lines.map((one) => one[of]).join('');
      catchUp(journal.diaryPath, text('diary'), windows[0]?.place);
      catchUp(journal.ndjsonPath, text('ndjson'), windows[0]?.ndjsonPlace);
      heads.clear();
      told = [];
    }
    const diary = new Diary({ style: 'classic', zone: () => 0 });
    const writer = new NdjsonWriter();
    expect(written('dennik-hovorov.log')).toBe(transitions.map((t) => diary.lines(t)).join(''));
    expect(written('journal.ndjson')).toBe(transitions.map((t) => writer.transition(t)).join(''));
  };
  fc.assert(
    fc.property(fc.array(anyLife, { minLength: 1, maxLength: 4 }), fc.constantFrom(700, 3000, 1e6), run),
    {
      numRuns: 150,
    },
  );
});
