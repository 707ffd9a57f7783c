import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { prepareDataFolder, withDataFolder } from '../../src/config/data-folder.ts';
import { StartError } from '../../src/config/start-error.ts';
import { RecordsFile } from '../../src/store/records-file.ts';
import { secretKey } from '../../src/store/secret-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'callchart-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('makes the folder, with those above it, and leaves nothing in it', () => {
  const made = prepareDataFolder(join(folder, 'a/b'));
  expect(existsSync(made)).toBe(true);
  expect(readdirSync(made)).toEqual([]);
  expect(prepareDataFolder(made)).toBe(made);
});

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('one that is made is its owner’s alone, one that is there stays as it is', () => {
  const made = prepareDataFolder(join(folder, 'own'));
  expect(modeOf(made)).toBe('700');
  chmodSync(made, 0o750);
  expect(modeOf(prepareDataFolder(made))).toBe('750');
});

test('a start that found another server there leaves the folder to that', async () => {
  const path = join(folder, 'shared');
  const start = withDataFolder(path, async () => {
    prepareDataFolder(path);
    throw new StartError('data-in-use', 'another server was faster');
  });
  await expect(start).rejects.toThrow('faster');
  expect(existsSync(path)).toBe(true);
});

test('the key is made once; what is no key is replaced, told, and nobody else’s to read', () => {
  const replaced: string[] = [];
  const home = prepareDataFolder(join(folder, 'key'));
  const path = join(home, 'secret.key');
  const key = () => secretKey(home, (it) => replaced.push(it));
  const first = key();
  expect([first.length, key() === first, modeOf(path), replaced]).toEqual([43, true, '600', []]);
  for (const garbage of ['', 'x', '\u0000\u0001'.repeat(50), `${'ab'.repeat(20)}\n${'cd'.repeat(20)}`]) {
    writeFileSync(path, garbage);
    chmodSync(path, 0o644);
    replaced.length = 0;
    expect(key()).not.toBe(garbage.trim());
    expect([readFileSync(path, 'utf8').length, modeOf(path), replaced]).toEqual([44, '600', [path]]);
  }
  expect(readdirSync(home)).toEqual(['secret.key']);
});

test('records of calls are for their owner alone', () => {
  const file = new RecordsFile({ path: join(folder, 'records.db'), isForPower: false, onDamaged: () => {} });
  file.use(() => {});
  expect(modeOf(join(folder, 'records.db'))).toBe('600');
  file.close();
});

test('a start that fails leaves no folder behind that was not there, and all of one that was', async () => {
  const start = (path: string, fail: boolean) =>
    withDataFolder(path, async () => {
      writeFileSync(join(prepareDataFolder(path), 'secret.key'), 'x');
      if (fail) throw new Error('in use');
      return 'runs';
    });
  const deep = join(folder, 'x/y/z');
  await expect(start(deep, true)).rejects.toThrow('in use');
  expect(existsSync(join(folder, 'x'))).toBe(false);
  expect(await start(deep, false)).toBe('runs');
  await expect(start(deep, true)).rejects.toThrow('in use');
  expect(readdirSync(deep)).toEqual(['secret.key']);
});

test('refuses a path that cannot be a folder, in one line that names it', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below'), '/proc/callchart']) {
    const attempt = () => prepareDataFolder(path);
    expect(attempt).toThrow(StartError);
    expect(attempt).toThrow(new RegExp(`^data folder ${path}: [^\\n]+--data`));
  }
});
