// Dates as the journal writes them, formatted once a second and not once a line.

/** Minutes east of UTC at an instant (ms since the epoch). */
export type ZoneOffset = (at: number) => number;

/** The zone this process runs in. */
export const localZone: ZoneOffset = (at) => 0 - new Date(at).getTimezoneOffset();

/** An IANA zone such as `Europe/Bratislava`. Throws RangeError for a name nobody knows. */
export function namedZone(name: string): ZoneOffset {
  const format = new Intl.DateTimeFormat('en', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const there = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'));
    return Math.round((there - Math.floor(at / 60_000) * 60_000) / 60_000);
  };
}

const MILLIS = Array.from({ length: 1000 }, (_, ms) => String(ms).padStart(3, '0'));

/** No zone moves its clock at another instant than a quarter of an hour. */
const QUARTER = 900_000;

/** Ready prefixes for the second that is being written. */
export class WallTime {
  readonly #zone: ZoneOffset;
  #quarter = Number.NaN;
  #shift = 0;
  #second = Number.NaN;
  #local = '';
  #iso = '';

  constructor(zone: ZoneOffset = localZone) {
    this.#zone = zone;
  }

  /** `2026-05-04 13:07:09,042`, local time. */
  local(at: number): string {
    return `${this.#at(at).#local},${MILLIS[millis(at)]}`;
  }

  /** `2026-05-04T11:07:09.042Z`. */
  iso(at: number): string {
    return `${this.#at(at).#iso}.${MILLIS[millis(at)]}Z`;
  }

  #at(at: number): this {
    const second = Math.floor(at / 1000);
    if (second === this.#second) return this;
    const quarter = Math.floor(at / QUARTER);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      this.#shift = this.#zone(at) * 60_000;
    }
    this.#second = second;
    this.#iso = new Date(second * 1000).toISOString().slice(0, -5);
    this.#local = new Date(second * 1000 + this.#shift).toISOString().slice(0, -5).replace('T', ' ');
    return this;
  }
}

function millis(at: number): number {
  return Math.floor(at) - Math.floor(at / 1000) * 1000;
}
