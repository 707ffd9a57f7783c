// How live things are written for people: tables, lengths of time, states, and text from the wire made harmless.
import { WallTime } from '../journal/wall-time.ts';

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;

/** What came over the wire cannot move a terminal's cursor, nor begin a line of its own. */
export function harmless(text: string): string {
  return text.replace(UNSAFE, (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}

/** Columns as wide as what stands in them. A column whose head begins with a blank is set to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(harmless));
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').trimStart().length)));
  const cell = (text: string, i: number) => {
    const width = widths[i] ?? 0;
    return head[i]?.startsWith(' ') ? text.trimStart().padStart(width) : text.padEnd(width);
  };
  return all.map((row) => `${row.map(cell).join('  ').trimEnd()}\n`).join('');
}

/** `0:07`, `1:02`, `3:20:05`. */
export function lasted(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const times = new WallTime();

/** Local time of an ISO 8601 instant, `2026-05-04 13:07:09,042`. */
export function localTime(iso: string): string {
  return times.local(Date.parse(iso));
}

/** The same without date when that is today's, and without milliseconds. */
export function shortTime(iso: string, now: number): string {
  const [date, time] = localTime(iso).slice(0, 19).split(' ');
  return date === times.local(now).slice(0, 10) ? `${time}` : `${date} ${time}`;
}

/** `confirmed, video, referred` for `confirmed.media.video|transfer.referred`; a region where nothing goes on is silent. */
export function stateWords(path: string): string {
  const [first = '', ...regions] = path.split('|');
  const [state = '', ...inner] = first.split('.');
  const leaves = [inner.at(-1), ...regions.map((region) => region.split('.').at(-1))];
  return [state, ...leaves.filter((leaf) => leaf !== undefined && leaf !== 'idle')].join(', ');
}
