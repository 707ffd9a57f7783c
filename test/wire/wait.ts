// Waiting for a thing with a deadline: wire tests never sleep for a fixed time.
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds a peer on the same machine gets for anything it does on its own. */
export const PATIENCE = 15_000;

/** Thrown when the thing did not come in time; `seen` is what stood there instead. */
export class TooLate extends Error {
  constructor(what: string, within: number, seen = '') {
    super(`waited ${within} ms for ${what}${seen === '' ? '' : `; seen instead:\n${seen}`}`);
    this.name = 'TooLate';
  }
}

/** Asks again and again until `probe` gives something other than undefined or false. Throws TooLate. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  options: { within?: number; seen?: () => string } = {},
): Promise<Exclude<T, undefined | false>> {
  const within = options.within ?? PATIENCE;
  const end = performance.now() + within;
  for (;;) {
    const got = await probe();
    if (got !== undefined && got !== false) return got as Exclude<T, undefined | false>;
    if (performance.now() > end) throw new TooLate(what, within, options.seen?.());
    await pause(20);
  }
}

/** A growing list in which each item is claimed once, in any order, by whoever waits for it. */
export class Inbox<T> {
  readonly all: T[] = [];
  readonly #claimed = new Set<number>();
  readonly #waiters = new Set<() => void>();
  readonly #show: (item: T) => string;

  constructor(show: (item: T) => string) {
    this.#show = show;
  }

  push(item: T): void {
    this.all.push(item);
    for (const wake of [...this.#waiters]) wake();
  }

  /** The first unclaimed item that fits, now or within the deadline. Throws TooLate. */
  take<S extends T>(
    what: string,
    fits: ((item: T) => item is S) | ((item: T) => boolean),
    within = PATIENCE,
  ): Promise<S> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const at = this.all.findIndex((item, index) => !this.#claimed.has(index) && fits(item));
        if (at < 0) return false;
        this.#claimed.add(at);
        this.#waiters.delete(wake);
        clearTimeout(alarm);
        resolve(this.all[at] as S);
        return true;
      };
      const wake = (): void => void look();
      const alarm = setTimeout(() => {
        this.#waiters.delete(wake);
        reject(new TooLate(what, within, this.unclaimed().map(this.#show).join('\n')));
      }, within);
      if (!look()) this.#waiters.add(wake);
    });
  }

  unclaimed(): T[] {
    return this.all.filter((_, index) => !this.#claimed.has(index));
  }
}
