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
      ['d', 86_400_000],
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

/** So many in so many ms. */
export interface Rate {
  readonly count: number;
  readonly ms: number;
}

const PER: readonly (readonly [unit: string, ms: number])[] = [
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
];

/** `50/s`, `300/m`, `1000/h`; null: `off`. undefined: none of that. */
export function parseRate(raw: unknown): Rate | null | undefined {
  if (raw === 'off' || raw === false) return null;
  const match = /^\s*(\d{1,7})\s*\/\s*([smh])\s*$/.exec(typeof raw === 'string' ? raw : '');
  const ms = PER.find(([unit]) => unit === match?.[2])?.[1];
  const count = Number(match?.[1]);
  return ms === undefined || count < 1 ? undefined : { count, ms };
}

export function formatRate(rate: Rate | null): string {
  return rate === null ? 'off' : `${rate.count}/${PER.find(([, ms]) => ms === rate.ms)?.[0]}`;
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
