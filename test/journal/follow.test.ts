import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type FollowOptions, follow } from '../../src/journal/follow.ts';

let path: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-follow-'));
  path = join(folder, 'j');
  onTestFinished(() => rmSync(folder, { recursive: true }));
});

async function all(options: Partial<FollowOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of follow(path, { lines: 1000, follow: false, ...options })) lines.push(line);
  return lines;
}

/** Follows, and hands out one line at a time. */
function following(options: Partial<FollowOptions> = {}) {
  const stop = new AbortController();
  const lines = follow(path, { lines: 1000, follow: true, every: 5, signal: stop.signal, ...options });
  onTestFinished(async () => {
    stop.abort();
    await lines.return(undefined);
  });
  const next = async (count = 1) => {
    const out: (string | undefined)[] = [];
    for (let n = 0; n < count; n++) out.push((await lines.next()).value ?? undefined);
    return out;
  };
  return { next, stop };
}

test('the last lines of what is there', async () => {
  writeFileSync(path, 'a\nb\nc\n');
  expect(await all({ lines: 2 })).toEqual(['b', 'c']);
  expect(await all({ lines: 3 })).toEqual(['a', 'b', 'c']);
  expect(await all({ lines: 0 })).toEqual([]);
  expect(await all()).toEqual(['a', 'b', 'c']);
});

test('a half line is no line yet', async () => {
  writeFileSync(path, 'a\nb');
  expect(await all()).toEqual(['a']);
});

test('far more than a chunk, with letters of several bytes', async () => {
  const lines = Array.from({ length: 20_000 }, (_, n) => `${n}: Košice – Žilina`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  expect(await all({ lines: 15_000 })).toEqual(lines.slice(5000));
});

test('what is appended comes as it comes, also in halves', async () => {
  writeFileSync(path, 'a\n');
  const { next } = following();
  expect(await next()).toEqual(['a']);
  const coming = next(2);
  appendFileSync(path, 'b1');
  appendFileSync(path, 'b2\nc\n');
  expect(await coming).toEqual(['b1b2', 'c']);
});

test('a file that is not there yet is waited for, and that is said once', async () => {
  let missing = 0;
  const onMissing = () => {
    missing++;
    writeFileSync(path, 'a\n');
  };
  const { next } = following({ onMissing });
  expect(await next()).toEqual(['a']);
  expect(missing).toBe(1);
});

test('without following, a missing file is an error', () => expect(all()).rejects.toThrow(/ENOENT/));

test('rotation loses and repeats nothing, however often it happens between two looks', async () => {
  writeFileSync(path, 'a\n');
  const { next } = following();
  expect(await next()).toEqual(['a']);
  appendFileSync(path, 'b\n');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'c\nd\n');
  renameSync(`${path}.1`, `${path}.2`);
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'e\n');
  expect(await next(4)).toEqual(['b', 'c', 'd', 'e']);
  appendFileSync(path, 'f\n');
  expect(await next()).toEqual(['f']);
});

test('a file that was rotated away for good is followed by the one in its place', async () => {
  writeFileSync(path, 'a\n');
  const { next } = following();
  expect(await next()).toEqual(['a']);
  writeFileSync(`${path}.new`, 'b\n');
  renameSync(`${path}.new`, path);
  expect(await next()).toEqual(['b']);
});

test('an emptied file is read from its beginning', async () => {
  writeFileSync(path, 'a\nb\n');
  const { next } = following();
  expect(await next(2)).toEqual(['a', 'b']);
  truncateSync(path);
  appendFileSync(path, 'c\n');
  expect(await next()).toEqual(['c']);
});

test('the signal ends it', async () => {
  writeFileSync(path, 'a\n');
  const { next, stop } = following();
  expect(await next()).toEqual(['a']);
  const end = next();
  stop.abort();
  expect(await end).toEqual([undefined]);
});
