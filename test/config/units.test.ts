import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.ts';

test.each([
  ['500ms', 500],
  ['5s', 5000],
  ['1.5 s', 1500],
  ['2m', 120_000],
  ['2min', 120_000],
  ['12H', 43_200_000],
  ['1d', 86_400_000],
  ['250', 250],
  [250, 250],
])('%s is %d milliseconds', (written, ms) => expect(parseDuration(written, 'ms')).toBe(ms));

test.each(['', 'abc', '5 parsecs', '-5s', '1e3', '5s5', Number.NaN, -1, null, true, [], '0x10'])(
  '%j is no duration',
  (written) => expect(parseDuration(written, 'ms')).toBeUndefined(),
);

test('a plain number stands for the unit of its key', () => {
  expect(parseDuration(90, 's')).toBe(90);
  expect(parseDuration('2m', 's')).toBe(120);
});

test.each([
  ['10MB', 10_000_000],
  ['512KiB', 524_288],
  ['1gb', 1_000_000_000],
  [4096, 4096],
])('%s is %d bytes', (written, bytes) => expect(parseSize(written)).toBe(bytes));

test('what is written reads back as the same number', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('ms' as const, 's' as const), (value, unit) => {
      expect(parseDuration(formatDuration(value, unit), unit)).toBe(value);
      expect(parseSize(formatSize(value))).toBe(value);
    }),
  );
});
