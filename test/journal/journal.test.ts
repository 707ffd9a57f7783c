import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defaultConfig } from '../../src/config/config.ts';
import { Journal, type JournalOptions } from '../../src/journal/journal.ts';
import { realFileSystem } from '../../src/journal/rotating-file.ts';
import { namedZone } from '../../src/journal/wall-time.ts';
import { BASIC_CALL, life } from './transitions.ts';

function journal(
  settings: Partial<JournalOptions['settings']> = {},
  fs: Partial<typeof realFileSystem> = {},
  safely?: JournalOptions['safely'],
) {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-journal-'));
  const it = new Journal({
    folder,
    settings: { ...defaultConfig().journal, ...settings },
    zone: namedZone('UTC'),
    onTrouble: () => {},
    fs: { ...realFileSystem, ...fs },
    safely,
  });
  onTestFinished(() => {
    it.close();
    rmSync(folder, { recursive: true });
  });
  const objects = () =>
    readFileSync(it.ndjsonPath, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line): unknown => JSON.parse(line));
  return { it, diary: () => readFileSync(it.diaryPath, 'utf8'), objects };
}

test('lines are never ahead of what is kept of them', () => {
  const waiting: (() => void)[] = [];
  const { it, diary } = journal({}, {}, (release) => waiting.push(release));
  const lines = () => diary().split('\n').length - 1;
  const [first, second, third] = life(BASIC_CALL).filter(({ notes }) => notes.length > 0);
  const say = (transition = first) => {
    if (transition !== undefined) it.record(transition);
    const { window } = it;
    it.flush();
    return window;
  };
  const [one, two, three] = [say(first), say(second), say(third)];
  expect([one < two, two === three, lines()]).toEqual([true, true, 0]);
  waiting.shift()?.();
  expect([lines(), it.isSettled(one), it.isSettled(two)]).toEqual([1, true, false]);
  waiting.shift()?.();
  waiting.shift()?.();
  expect(lines()).toBe(3);
  it.flush();
  waiting.shift()?.();
  expect([it.isSettled(three), it.isComplete]).toEqual([true, true]);
});

const types = (objects: unknown[]) => objects.map((object) => (object as { type: string }).type);

test('what is recorded is written at the end of the burst, one write a file', () => {
  let writes = 0;
  const writeSync: typeof realFileSystem.writeSync = (...args) => {
    writes++;
    return realFileSystem.writeSync(...args);
  };
  const { it, diary, objects } = journal({}, { writeSync });
  for (const transition of life(BASIC_CALL)) it.record(transition);
  expect(diary()).toBe('');
  it.flush();
  expect(writes).toBe(2);
  expect(diary()).toBe(
    [
      '2026-05-04 11:07:09,042: Incomming Call From: sip:a@h >> To: sip:b@h (Call-ID: c1@h)',
      '2026-05-04 11:07:09,192: \tCall Ringing at sip:b@h (Call-ID: c1@h)',
      '2026-05-04 11:07:12,192: \tCall Answered by sip:b@h (Call-ID: c1@h)',
      '2026-05-04 11:08:12,192: \tCall Has Ended (Call-ID: c1@h)',
      '',
    ].join('\n'),
  );
  expect(types(objects())).toEqual([...Array(6).fill('transition'), 'call']);
  it.flush();
  expect(writes).toBe(2);
});

test('calls alone, when that is the detail asked for', () => {
  const { it, objects } = journal({ detail: 'calls' });
  for (const transition of life(BASIC_CALL)) it.record(transition);
  it.close();
  expect(types(objects())).toEqual(['call']);
});

test('the calls that live can be asked for', () => {
  const { it } = journal();
  for (const transition of life(BASIC_CALL).slice(0, 2)) it.record(transition);
  expect([...it.calls.live()].map(({ state }) => state)).toEqual(['ringing']);
});

test('a disk that takes nothing is no trouble of the caller', () => {
  const writeSync = () => {
    throw new Error('EIO');
  };
  const { it } = journal({}, { writeSync });
  for (const transition of life(BASIC_CALL)) it.record(transition);
  it.flush();
  it.reopen();
  it.close();
  expect(it.failures).toBeGreaterThan(0);
});
