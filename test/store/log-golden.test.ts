// Logs of former versions, as they stood when a process was killed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CrashDisk, openOn } from './crash-disk.ts';

/** Five segments: overwritten, deleted, and lines that were carried along and stand in several of them. */
const KEPT_V1: [string, string][] = [
  ['stays', '"carried along"'],
  ['b:sip:žofia@example.org', '{"name":"Žofia 😀"}'],
  ['back', '"again"'],
  ['changes', `{"n":15,"pad":"${'x'.repeat(30)}"}`],
  ['last', '"one of three"'],
  ['d:1', '{}'],
];

function golden(): CrashDisk {
  const disk = new CrashDisk();
  const folder = join(import.meta.dirname, 'golden/live-v1');
  for (const name of readdirSync(folder))
    disk.write(name.replace('.txt', '.log'), readFileSync(join(folder, name)));
  return disk;
}

function open(disk: CrashDisk) {
  return openOn(disk, { segmentSize: 400, compactPerFlush: 150, now: () => 0 });
}

test('a log of version 1 is read', () => {
  const disk = golden();
  const { kept, damage } = open(disk);
  expect([...kept]).toEqual(KEPT_V1);
  expect(damage).toEqual({ torn: 0, corrupt: 0, segments: 0, files: [] });
});

test('a log of version 1 is gone on with in segments of this one, and what lives is carried over', () => {
  const disk = golden();
  const before = disk.list();
  const last = disk.text('live-00000006.log');
  const { log } = open(disk);
  log.append('back', '"and again"');
  log.put('changes', '"new"');
  log.flush();
  expect(disk.text('live-00000006.log')).toBe(last);
  const expected = { ...Object.fromEntries(KEPT_V1), back: '"again"\x1e"and again"', changes: '"new"' };
  expect(Object.fromEntries(open(disk).kept)).toEqual(expected);
  for (let n = 0; n < 100; n++) {
    log.put('changes', '"new"');
    log.flush();
    disk.settle();
  }
  expect(disk.list().filter((name) => before.includes(name))).toEqual([]);
  expect(log.counts.corrupt).toBe(0);
  expect(Object.fromEntries(open(disk).kept)).toEqual(expected);
});

test('a log of version 1 whose last burst is torn has that cut off, and is read like any other the next time', () => {
  const disk = golden();
  const last = disk.text('live-00000006.log');
  disk.write('live-00000006.log', last.slice(0, -4));
  const { kept, damage, log } = open(disk);
  expect(damage).toMatchObject({ torn: 1, corrupt: 0 });
  expect(kept.has('last')).toBe(false);
  expect(kept.get('odd key %')).toBe('1');
  log.put('new', '1');
  log.flush();
  const again = open(disk);
  expect(again.damage).toMatchObject({ torn: 0, corrupt: 0 });
  expect(again.kept.get('new')).toBe('1');
});
