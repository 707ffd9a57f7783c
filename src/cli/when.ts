// A point in time as people write it: so long ago, a day, or a day and a time.
import { StartError } from '../config/start-error.ts';
import { parseDuration } from '../config/units.ts';

const DATE =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * ms since the epoch of `2h`, `3d`, `2026-05-04`, `2026-05-04T13:07`, with seconds, `Z` or `+02:00` if they matter; else
 * local time. A day is its first moment, or with `isEnd` its last. undefined: none of that.
 */
export function parseWhen(raw: string, now: number, isEnd = false): number | undefined {
  const text = raw.trim();
  const ago = /^\d+(\.\d+)?\s*[a-z]+$/i.test(text) ? parseDuration(text, 'ms') : undefined;
  if (ago !== undefined) return now - ago;
  const parts = DATE.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, h = 0, m = 0, s = 0] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const isDay = parts[4] === undefined;
  const utc = new Date(Date.UTC(year, month - 1, day, h, m, s));
  // the 31st of April, 25:00
  if (utc.getUTCMonth() !== month - 1 || utc.getUTCDate() !== day || h > 23 || m > 59 || s > 59)
    return undefined;
  const ms = Number((parts[7] ?? '').padEnd(3, '0'));
  const zone = parts[8];
  if (zone === undefined)
    return new Date(year, month - 1, isDay && isEnd ? day + 1 : day, h, m, s, ms).getTime();
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone) ?? [];
  const east = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  return utc.getTime() + ms - east * 60_000;
}

/** The same of a flag's value. Throws StartError. */
export function whenOf(flag: string, raw: unknown, now: number, isEnd = false): number | undefined {
  if (raw === undefined) return undefined;
  const at = parseWhen(String(raw), now, isEnd);
  if (at === undefined)
    throw new StartError(
      'usage',
      `--${flag}: ${JSON.stringify(raw)} is not a time such as 2h, 3d, 2026-05-04 or 2026-05-04T13:07`,
    );
  return at;
}
