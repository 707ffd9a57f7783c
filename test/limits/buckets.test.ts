import { describe, expect, test } from 'vitest';
import { Buckets } from '../../src/limits/buckets.ts';

function buckets(count: number, ms: number, most?: number) {
  const time = { now: 5000 };
  return { time, all: new Buckets({ count, ms }, () => time.now, most) };
}

function taken(all: Buckets, address: string, tries: number): number {
  return Array.from({ length: tries }, () => all.take(address)).filter(Boolean).length;
}

describe('a source', () => {
  test('has its count at once, and then one by one as time passes', () => {
    const { all, time } = buckets(10, 1000);
    expect(taken(all, '192.0.2.1', 20)).toBe(10);
    time.now += 99;
    expect(all.take('192.0.2.1')).toBe(false);
    time.now += 1;
    expect(taken(all, '192.0.2.1', 2)).toBe(1);
    time.now += 1_000_000;
    expect(taken(all, '192.0.2.1', 20)).toBe(10);
  });

  test('takes nothing from another', () => {
    const { all } = buckets(1, 1000);
    expect([all.take('192.0.2.1'), all.take('192.0.2.2'), all.take('192.0.2.1')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('of IPv6 is a /64', () => {
    const { all } = buckets(1, 1000);
    expect([all.take('2001:db8::1'), all.take('2001:db8:0:0:ffff::2'), all.take('2001:db8:0:1::1')]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

test('no more sources are remembered than allowed; who was heard of last stays', () => {
  const { all } = buckets(1, 1000, 3);
  for (const address of ['a', 'b', 'c', 'a', 'd']) all.take(address);
  expect(all.size).toBe(3);
  expect([all.take('a'), all.take('b')]).toEqual([false, true]);
});
