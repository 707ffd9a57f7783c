// Who waits until what was flushed is written, and for how long: a disk that takes nothing holds nobody up for ever.
import type { Safe } from './log-sync.ts';

/** Nobody waits longer. Ms. */
const LATEST_MS = 2000;

interface Waiter {
  readonly mark: number;
  readonly since: number;
  readonly done: Safe;
}

export class LogWritten {
  readonly #now: () => number;
  /** In the order of their marks, which is that of their time. */
  readonly #waiters: Waiter[] = [];
  #late: NodeJS.Timeout | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls back when all up to the mark is written, or when that takes too long. */
  when(mark: number, done: Safe): void {
    this.#waiters.push({ mark, since: this.#now(), done });
    this.#arm();
  }

  upTo(mark: number): void {
    if (this.#waiters.length > 0) this.#release((one) => one.mark <= mark, true);
  }

  /** Everyone. */
  letGo(isWritten: boolean): void {
    this.#release(() => true, isWritten);
  }

  #release(isDue: (one: Waiter) => boolean, isSafe: boolean): void {
    for (let [first] = this.#waiters; first !== undefined && isDue(first); [first] = this.#waiters) {
      this.#waiters.shift();
      first.done(isSafe);
    }
    if (this.#waiters.length > 0) return;
    clearTimeout(this.#late);
    this.#late = undefined;
  }

  #arm(): void {
    const [first] = this.#waiters;
    if (first === undefined) return;
    this.#late ??= setTimeout(() => this.#tooLate(), first.since + LATEST_MS - this.#now()).unref();
  }

  #tooLate(): void {
    this.#late = undefined;
    const now = this.#now();
    this.#release((one) => now - one.since >= LATEST_MS, false);
    this.#arm();
  }
}
