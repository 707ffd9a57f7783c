// Durations and sizes as people write them (`500ms`, `12h`, `10MB`), to numbers and back.

const MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** The unit a plain number stands for. */
export type TimeUnit = 'ms' | 's';

/** `5s`, `500ms`, `12h`, `2d`, or a plain number of `unit`; the result is in `unit`. undefined: not a duration. */
export function parseDuration(raw: unknown, unit: TimeUnit): number | undefined {
  const ms = quantity(raw, MS, unit);
  return ms === undefined ? undefined : ms / (MS[unit] ?? 1);
}

/** `10MB`, `512KiB`, or a plain number of bytes. undefined: not a size. */
export function parseSize(raw: unknown): number | undefined {
  return quantity(raw, BYTES, 'b');
}

/** The shortest exact way to write it: 43200000 ms is `12h`. */
export function formatDuration(value: number, unit: TimeUnit): string {
  return written(
    value * (MS[unit] ?? 1),
    [
      ['h', 3_600_000],
      ['m', 60_000],
      ['s', 1000],
    ],
    'ms',
  );
}

export function formatSize(bytes: number): string {
  return written(
    bytes,
    [
      ['GB', 1e9],
      ['MB', 1e6],
      ['KB', 1e3],
    ],
    'B',
  );
}

function quantity(raw: unknown, units: Readonly<Record<string, number>>, plain: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(
    typeof raw === 'number' ? String(raw) : typeof raw === 'string' ? raw : '',
  );
  const size = units[(match?.[2] || plain).toLowerCase()];
  return match === null || size === undefined ? undefined : Number(match[1]) * size;
}

function written(value: number, units: readonly (readonly [string, number])[], smallest: string): string {
  for (const [name, size] of units) if (value >= size && value % size === 0) return `${value / size}${name}`;
  return `${value}${smallest}`;
}
