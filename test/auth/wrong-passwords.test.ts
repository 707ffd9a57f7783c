import { expect, test } from 'vitest';
import { type WrongPassword, WrongPasswords } from '../../src/auth/wrong-passwords.ts';

function listening() {
  let now = 0;
  const told: WrongPassword[] = [];
  const wrong = new WrongPasswords({ now: () => now, tell: (one) => told.push(one) });
  return { told, wrong, at: (ms: number) => (now = ms) };
}

test('each source is told of once a minute', () => {
  const { told, wrong, at } = listening();
  wrong.note('a', 'sip:x@h');
  wrong.note('b', 'sip:x@h');
  at(59_999);
  wrong.note('a', 'sip:y@h');
  expect(told.map((one) => one.source)).toEqual(['a', 'b']);
  at(60_000);
  wrong.note('a', 'sip:z@h');
  expect(told.at(-1)).toEqual({ source: 'a', aor: 'sip:z@h', times: 2, others: 0 });
});

test('a flood of sources is neither remembered nor written out', () => {
  const { told, wrong, at } = listening();
  for (let minute = 0; minute < 50; minute++) {
    at(minute * 60_000);
    for (let i = 0; i < 5000; i++) wrong.note(`${minute}.${i}`, 'sip:x@h');
  }
  expect(told).toHaveLength(50 * 30);
  expect(told[30]).toMatchObject({ source: '1.0', times: 1, others: 4970 });
  expect(wrong.size).toBe(1000);
});

test('what was not told yet is told at the end, in as many lines as a minute has', () => {
  const { told, wrong, at } = listening();
  for (let i = 0; i < 3; i++) wrong.note('a', `sip:${i}@h`);
  wrong.note('b', 'sip:x@h');
  told.length = 0;
  wrong.close();
  expect(told).toEqual([{ source: 'a', aor: 'sip:2@h', times: 2, others: 0 }]);
  for (let minute = 1; minute <= 2; minute++) {
    at(minute * 60_000);
    for (let i = 0; i < 60; i++) wrong.note(`${minute}.${i % 40}`, 'sip:x@h');
  }
  told.length = 0;
  wrong.close();
  expect(told).toHaveLength(30);
  expect(told.reduce((sum, { times, others }) => sum + times + others, 0)).toBe(20 + 20 + 10);
});
