import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type FileTrouble,
  RotatingFile,
  type RotatingFileOptions,
  realFileSystem,
  troubleWords,
} from '../../src/journal/rotating-file.ts';

let folder: string;
let path: string;
let now: number;
let troubles: FileTrouble[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callchart-file-'));
  path = join(folder, 'j');
  now = 0;
  troubles = [];
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

function file(options: Partial<RotatingFileOptions> = {}): RotatingFile {
  const made = new RotatingFile({
    path,
    maxSize: 1000,
    keep: 2,
    onTrouble: (t) => troubles.push(t),
    now: () => now,
    ...options,
  });
  onTestFinished(() => made.close());
  return made;
}

/** A disk with room for so many bytes. */
function disk(room: number) {
  const it = {
    room,
    fs: {
      ...realFileSystem,
      writeSync: (fd: number, bytes: Uint8Array, offset: number, length: number) => {
        const taken = Math.min(length, it.room);
        if (taken === 0)
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        it.room -= taken;
        return realFileSystem.writeSync(fd, bytes, offset, taken);
      },
    },
  };
  return it;
}

const read = (name = path) => readFileSync(name, 'utf8');

test('appends to what is there, and is there from the start', () => {
  file().append('one\n');
  const second = file();
  second.append('two – dva\n');
  second.append('');
  expect(read()).toBe('one\ntwo – dva\n');
});

test('is made for its owner and its group', () => {
  file();
  expect(statSync(path).mode & 0o777 & ~0o640).toBe(0);
});

test('its trouble has words', () => {
  const room = disk(0);
  const it = file({ fs: room.fs });
  it.append('a line\n');
  room.room = 100;
  now = 1000;
  it.append('another\n');
  expect(troubles.map(troubleWords)).toEqual([
    'journal file cannot be written: ENOSPC: no space left on device',
    'journal file is written again',
  ]);
});

test('a line that the process before left half is ended first', () => {
  writeFileSync(path, 'whole\nhal');
  file().append('next\n');
  expect(read()).toBe('whole\nhal\nnext\n');
});

describe('rotation', () => {
  const line = (n: number) => `${String(n).padStart(59, '0')}\n`;

  test('by size, never within a burst, and the oldest goes', () => {
    const it = file({ maxSize: 120 });
    for (let n = 1; n <= 9; n++) it.append(line(n));
    expect(readdirSync(folder).sort()).toEqual(['j', 'j.1', 'j.2']);
    expect(read()).toBe(line(9));
    expect(read(`${path}.1`)).toBe(line(7) + line(8));
    expect(read(`${path}.2`)).toBe(line(5) + line(6));
  });

  test('counts what was there before', () => {
    writeFileSync(path, line(1) + line(2));
    file({ maxSize: 120 }).append(line(3));
    expect([read(), read(`${path}.1`)]).toEqual([line(3), line(1) + line(2)]);
  });

  test('a burst greater than a file gets one to itself', () => {
    const it = file({ maxSize: 100 });
    it.append(line(1) + line(2));
    it.append(line(3));
    expect([read(), read(`${path}.1`)]).toEqual([line(3), line(1) + line(2)]);
  });

  test('keeping none, it begins anew', () => {
    const it = file({ maxSize: 100, keep: 0 });
    it.append(line(1));
    it.append(line(2));
    expect(readdirSync(folder)).toEqual(['j']);
    expect(read()).toBe(line(2));
  });

  test('when it cannot be done, the file grows on, and that is told once', () => {
    const renameSyncFails = () => {
      throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    };
    const it = file({ maxSize: 100, fs: { ...realFileSystem, renameSync: renameSyncFails } });
    for (let n = 1; n <= 4; n++) it.append(line(n));
    expect(read()).toBe(line(1) + line(2) + line(3) + line(4));
    expect(troubles).toHaveLength(1);
  });
});

describe('moved away by somebody else', () => {
  test('reopen begins a new file', () => {
    const it = file();
    it.append('one\n');
    renameSync(path, `${path}.old`);
    it.reopen();
    expect(existsSync(path)).toBe(true);
    it.append('two\n');
    expect([read(), read(`${path}.old`)]).toEqual(['two\n', 'one\n']);
  });

  test('it is noticed within a second without being told', () => {
    const it = file();
    it.append('one\n');
    renameSync(path, `${path}.old`);
    it.append('two\n');
    now = 1000;
    it.append('three\n');
    expect([read(), read(`${path}.old`)]).toEqual(['three\n', 'one\ntwo\n']);
  });
});

describe('a full disk', () => {
  test('never throws, is told once, and loses nothing that fits into memory', () => {
    const { fs, ...rest } = disk(6);
    const it = file({ fs });
    expect(rest.room).toBe(6);
    it.append('one\ntwo\n');
    it.append('three\n');
    now = 999;
    it.append('four\n');
    expect(read()).toBe('one\ntw');
    expect(troubles.map(({ err, lost }) => [err?.message, lost])).toEqual([
      ['ENOSPC: no space left on device', 0],
    ]);
    expect(it.failures).toBe(1);
  });

  test('with room again it goes on in the middle of the line', () => {
    const it = disk(6);
    const full = file({ fs: it.fs });
    full.append('one\ntwo\n');
    it.room = 1000;
    full.append('three\n');
    expect(read()).toBe('one\ntw');
    now = 1000;
    full.append('');
    expect(read()).toBe('one\ntwo\nthree\n');
    expect(troubles).toHaveLength(2);
    expect(troubles[1]).toEqual({ path, err: undefined, lost: 0 });
  });

  test('what goes beyond memory is the newest, counted, and told on recovery', () => {
    const it = disk(0);
    const full = file({ fs: it.fs, maxWaiting: 10 });
    full.append('12345678\n');
    full.append('lost\n');
    full.append('lost\n');
    it.room = 1000;
    now = 1000;
    full.append('');
    expect(read()).toBe('12345678\n');
    expect(troubles[1]).toMatchObject({ err: undefined, lost: 10 });
  });

  test('a torn line is never spread over two files', () => {
    const it = disk(3);
    const full = file({ fs: it.fs, maxSize: 8 });
    full.append('one\ntwo\n');
    it.room = 1000;
    now = 1000;
    full.append('three\n');
    expect(read()).toBe('one\ntwo\nthree\n');
    full.append('four\n');
    expect([read(), read(`${path}.1`)]).toEqual(['four\n', 'one\ntwo\nthree\n']);
  });

  test('close makes a last attempt', () => {
    const it = disk(0);
    const full = file({ fs: it.fs });
    full.append('one\n');
    it.room = 1000;
    full.close();
    expect(read()).toBe('one\n');
  });

  test('a path that cannot be opened is trouble of the same kind', () => {
    const lost = file({ path: join(folder, 'no/j') });
    lost.append('one\n');
    expect(troubles).toHaveLength(1);
    lost.close();
  });
});

test('others may append to the file as well', () => {
  const it = file();
  it.append('one\n');
  appendFileSync(path, 'theirs\n');
  it.append('two\n');
  expect(read()).toBe('one\ntheirs\ntwo\n');
});
