import { describe, expect, test } from 'vitest';
import { Nonces } from '../../src/auth/nonces.ts';
import { keyedHash } from '../../src/routing/keyed-hash.ts';

const LIFE = 300_000;

function nonces(max = 100) {
  const time = { now: 1_700_000_000_000 };
  let salt = 0;
  const made = new Nonces({
    mac: keyedHash('secret', 'nonce', 22),
    newSalt: () => `s${++salt}`,
    wall: () => time.now,
    life: LIFE,
    max,
  });
  return { made, time };
}

describe('a nonce', () => {
  test('is good for the client and the realm that it was made for alone', () => {
    const { made } = nonces();
    const nonce = made.make('192.0.2.1', 'example.org');
    expect(made.check(nonce, '192.0.2.2', 'example.org', 1)).toBe(false);
    expect(made.check(nonce, '192.0.2.1', 'example.com', 1)).toBe(false);
    expect(made.check(nonce, '192.0.2.1', 'example.org', 1)).toBe(true);
  });

  test.each(['', '.', 'x', 'a.b.c', `${'z'.repeat(5000)}.y`])('that nobody made is not: "%.10s"', (nonce) =>
    expect(nonces().made.check(nonce, 'c', 'r', 1)).toBe(false),
  );

  test('cannot be made younger', () => {
    const { made, time } = nonces();
    const [, salt, mac] = made.make('c', 'r').split('.');
    time.now += LIFE;
    expect(made.check(`${time.now.toString(36)}.${salt}.${mac}`, 'c', 'r', 1)).toBe(false);
  });

  test('is good to the last millisecond of its life, and not one longer', () => {
    const { made, time } = nonces();
    const nonce = made.make('c', 'r');
    time.now += LIFE;
    expect(made.check(nonce, 'c', 'r', 1)).toBe(true);
    time.now += 1;
    expect(made.check(nonce, 'c', 'r', 2)).toBe(false);
  });

  test('of the future, after the clock was set back, is not believed', () => {
    const { made, time } = nonces();
    const nonce = made.make('c', 'r');
    time.now -= 1;
    expect(made.check(nonce, 'c', 'r', 1)).toBe(false);
  });

  test('of an earlier process is not believed: who knows which counts it has seen', () => {
    const { made, time } = nonces();
    const nonce = made.make('c', 'r');
    time.now += 1;
    const later = new Nonces({
      mac: keyedHash('secret', 'nonce', 22),
      newSalt: () => '',
      wall: () => time.now,
      life: LIFE,
      max: 9,
    });
    expect(later.check(nonce, 'c', 'r', 2)).toBe(false);
  });

  test('without a count is good once', () => {
    const { made } = nonces();
    const nonce = made.make('c', 'r');
    expect(made.check(nonce, 'c', 'r', undefined)).toBe(true);
    expect(made.check(nonce, 'c', 'r', undefined)).toBe(false);
  });
});

describe('each count is good once', () => {
  test('in order, out of order, and with gaps', () => {
    const { made } = nonces();
    const nonce = made.make('c', 'r');
    for (const count of [1, 2, 5, 3, 4, 40, 39, 9]) {
      expect([count, made.check(nonce, 'c', 'r', count)]).toEqual([count, true]);
      expect([count, made.check(nonce, 'c', 'r', count)]).toEqual([count, false]);
    }
  });

  test('whatever was seen: a set says the same, but for what is too far behind', () => {
    for (let seed = 1; seed < 300; seed++) {
      const { made } = nonces();
      const nonce = made.make('c', 'r');
      const seen = new Set<number>();
      let highest = 0;
      let random = seed;
      for (let i = 0; i < 60; i++) {
        random = (random * 48271) % 2147483647;
        const count = 1 + (random % 90);
        const wanted = !seen.has(count) && (seen.size === 0 || count >= highest - 32);
        expect([seed, count, made.check(nonce, 'c', 'r', count)]).toEqual([seed, count, wanted]);
        if (wanted) seen.add(count);
        if (wanted) highest = Math.max(highest, count);
      }
    }
  });
});

test('no more nonces are watched than allowed, and what was forgotten is not good again', () => {
  const { made, time } = nonces(3);
  const all = Array.from({ length: 5 }, () => {
    time.now += 1;
    return made.make('c', 'r');
  });
  for (const nonce of all) expect(made.check(nonce, 'c', 'r', 1)).toBe(true);
  expect(made.size).toBe(3);
  for (const nonce of all) expect(made.check(nonce, 'c', 'r', 1)).toBe(false);
  time.now += LIFE + 1;
  expect(made.check(made.make('c', 'r'), 'c', 'r', 1)).toBe(true);
  expect(made.size).toBe(1);
});
