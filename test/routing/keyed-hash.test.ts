import { expect, it } from 'vitest';
import { keyedHash } from '../../src/routing/keyed-hash.ts';

it('keyed hashes differ by key, use and text, and stay the same over restarts', () => {
  const hash = keyedHash('key', 'use', 14);
  expect(hash('text')).toHaveLength(14);
  expect(keyedHash('key', 'use', 14)('text')).toBe(hash('text'));
  for (const other of [keyedHash('other', 'use', 14), keyedHash('key', 'other', 14)]) {
    expect(other('text')).not.toBe(hash('text'));
  }
  expect(hash('texu')).not.toBe(hash('text'));
});
