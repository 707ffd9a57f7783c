import { expect, it } from 'vitest';
import { tryConfig } from '../../src/config/load.ts';
import { printConfig } from '../../src/config/print.ts';

const tried = (keep: unknown, maxSize: unknown) =>
  tryConfig({ flags: { 'records-keep': keep, 'records-max-size': maxSize }, env: {} });

it.each([
  ['90d', '1GB', { keep: 7_776_000_000, maxSize: 1e9 }, ['keep: 90d', 'maxSize: 1GB']],
  ['36h', '10MB', { keep: 129_600_000, maxSize: 1e7 }, ['keep: 36h', 'maxSize: 10MB']],
  ['off', 'off', { keep: 0, maxSize: 0 }, ['keep: off', 'maxSize: off']],
])('ended calls are kept for %s and up to %s', (keep, maxSize, records, written) => {
  const [loaded] = tried(keep, maxSize);
  expect(loaded?.config.records).toEqual(records);
  for (const line of written) expect(loaded && printConfig(loaded)).toContain(`  ${line} `);
});

it.each([
  [
    '1s',
    '1GB',
    '--records-keep: "1s" is not off (for ever), or a time of at least 60000 milliseconds, such as 90d or 12h',
  ],
  [
    '90d',
    '1KB',
    '--records-max-size: "1KB" is not off (without end), or a size of at least 1000000 bytes, such as 500MB or 1GB',
  ],
  [
    '0',
    'off',
    '--records-keep: "0" is not off (for ever), or a time of at least 60000 milliseconds, such as 90d or 12h',
  ],
  [
    'off',
    0,
    '--records-max-size: 0 is not off (without end), or a size of at least 1000000 bytes, such as 500MB or 1GB',
  ],
])('%s and %s are refused in words', (keep, maxSize, said) => {
  expect(tried(keep, maxSize)[1]).toEqual([said]);
});
