import { expect, test } from 'vitest';
import { Overload } from '../../src/limits/overload.ts';

function overload(more: Partial<ConstructorParameters<typeof Overload>[0]> = {}) {
  const now = { transactions: 0, memory: 0, ms: 0, looks: 0, collected: 0 };
  const it = new Overload({
    maxTransactions: 100,
    transactions: () => now.transactions,
    maxMemory: 1000,
    memory: () => {
      now.looks++;
      return now.memory;
    },
    collect: () => void now.collected++,
    now: () => now.ms,
    ...more,
  });
  return { it, now };
}

test.each([
  [89, 'calm'],
  [90, 'busy'],
  [99, 'busy'],
  [100, 'full'],
])('%i of 100 transactions: %s', (transactions, load) => {
  const { it, now } = overload();
  now.transactions = transactions;
  expect(it.load).toBe(load);
});

test.each([
  [999, 'calm'],
  [1000, 'busy'],
  [1100, 'full'],
])('%i of 1000 bytes: %s', (memory, load) => {
  const { it, now } = overload();
  now.memory = memory;
  expect(it.load).toBe(load);
});

test('memory is looked at now and then, garbage is collected before anybody is refused for it, not again at once', () => {
  const { it, now } = overload({
    collect: () => {
      now.collected++;
      now.memory = 500;
    },
  });
  for (let i = 0; i < 1000; i++) it.load;
  expect(now.looks).toBe(1);
  now.memory = 5000;
  now.ms += 100;
  expect([it.load, now.collected]).toEqual(['calm', 1]);
  now.memory = 5000;
  now.ms += 9_999;
  expect([it.load, now.collected]).toEqual(['full', 1]);
  now.ms += 100;
  expect([it.load, now.collected]).toEqual(['calm', 2]);
});

test('without a watch on memory transactions count alone', () =>
  expect(overload({ memory: undefined, collect: undefined }).it.load).toBe('calm'));
