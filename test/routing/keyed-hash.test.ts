import { describe, expect, it } from 'vitest';
import { keyedHash, quickHash } from '../../src/routing/keyed-hash.ts';
import { halfSipHash } from '../../src/routing/siphash.ts';

/** The authors' own vectors: key 00..07, text 00, 01, 02 ..., read as two little-endian words. */
const VECTORS: ReadonlyArray<readonly [length: number, first: number, second: number]> = [
  [0, 0x591f8d21, 0xc83cb8b9],
  [1, 0x122455be, 0x157338f8],
  [7, 0x282720ff, 0x84c67bb0],
  [8, 0x20e8feed, 0x8c85e4bc],
  [63, 0x713ca62e, 0x876032bf],
];

function digits(n: number): string {
  const all = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
  return [30, 24, 18, 12, 6, 0].map((shift) => all[(n >>> shift) & 63]).join('');
}

describe('keyed hashes', () => {
  it('HalfSipHash-2-4 gives the published values', () => {
    for (const [length, first, second] of VECTORS) {
      const text = String.fromCharCode(...Array(length).keys());
      expect(halfSipHash(text, { k0: 0x03020100, k1: 0x07060504 })).toBe(digits(first) + digits(second));
    }
  });

  it('differ by key and by use, and stay the same over restarts', () => {
    for (const make of [quickHash, (key: string, use: string) => keyedHash(key, use, 14)]) {
      expect(make('key', 'use')('text')).toBe(make('key', 'use')('text'));
      expect(make('other', 'use')('text')).not.toBe(make('key', 'use')('text'));
      expect(make('key', 'other')('text')).not.toBe(make('key', 'use')('text'));
      expect(make('key', 'use')('texu')).not.toBe(make('key', 'use')('text'));
    }
  });
});
