import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { prepareDataFolder, withDataFolder } from '../../src/config/data-folder.ts';
import { StartError } from '../../src/config/start-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'callchart-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('makes the folder, with those above it, and leaves nothing in it', () => {
  const made = prepareDataFolder(join(folder, 'a/b'));
  expect(existsSync(made)).toBe(true);
  expect(readdirSync(made)).toEqual([]);
  expect(prepareDataFolder(made)).toBe(made);
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
