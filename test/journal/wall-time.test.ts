import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localZone, namedZone, WallTime } from '../../src/journal/wall-time.ts';

const instant = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2080, 0) });

test('the ISO form is that of Date, whatever was asked before', () => {
  const time = new WallTime();
  fc.assert(
    fc.property(instant, (at) => {
      expect(time.iso(at)).toBe(new Date(at).toISOString());
    }),
  );
});

test('the local form is what the clock on the wall shows', () => {
  const time = new WallTime(namedZone('Asia/Kathmandu'));
  fc.assert(
    fc.property(instant, (at) => {
      const shown = new Date(at).toLocaleString('sv-SE', { timeZone: 'Asia/Kathmandu' });
      expect(time.local(at)).toBe(`${shown},${String(at % 1000).padStart(3, '0')}`);
    }),
  );
});

test("a named zone and the process's own agree about the same place", () => {
  const here = namedZone(Intl.DateTimeFormat().resolvedOptions().timeZone);
  fc.assert(
    fc.property(instant, (at) => {
      expect(here(at)).toBe(localZone(at));
    }),
  );
});

test('a zone that nobody knows is refused', () =>
  expect(() => namedZone('Nowhere/Land')).toThrow(RangeError));
