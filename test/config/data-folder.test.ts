import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { prepareDataFolder } from '../../src/config/data-folder.ts';
import { StartError } from '../../src/config/start-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'callchart-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('makes the folder, with those above it, and leaves nothing in it', () => {
  const made = prepareDataFolder(join(folder, 'a/b'));
  expect(existsSync(made)).toBe(true);
  expect(readdirSync(made)).toEqual([]);
  expect(prepareDataFolder(made)).toBe(made);
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
