// Who waits for what was flushed, and for how long: a disk that takes nothing holds nobody up for ever.

/** True: what was promised holds. False: the disk took too long. */
export type Safe = (isSafe: boolean) => void;

interface Waiter {
  readonly mark: number;
  readonly since: number;
  readonly done: Safe;
}

export interface LogWaitersOptions {
  readonly now: () => number;
  /** Nobody waits longer. Ms. */
  readonly latest: number;
  /** So many are told in a moment although what they wait for may not be there. */
  readonly onLate?: (count: number) => void;
}

export class LogWaiters {
  readonly #options: LogWaitersOptions;
  /** In the order of their marks, which is that of their time. */
  #waiters: Waiter[] = [];
  #late: NodeJS.Timeout | undefined;

  constructor(options: LogWaitersOptions) {
    this.#options = options;
  }

  /** What the first of them waits for; undefined: nobody waits. */
  get firstMark(): number | undefined {
    return this.#waiters[0]?.mark;
  }

  /** Calls back when all up to the mark is there, or when that takes too long. */
  add(mark: number, done: Safe): void {
    this.#waiters.push({ mark, since: this.#options.now(), done });
    this.#arm();
  }

  /** All up to the mark is there. */
  reached(mark: number): void {
    if (this.#waiters.length > 0) for (const { done } of this.#leading((one) => one.mark <= mark)) done(true);
  }

  /** Everyone. */
  letGo(isSafe: boolean): void {
    clearTimeout(this.#late);
    this.#late = undefined;
    for (const { done } of this.#waiters.splice(0)) done(isSafe);
  }

  #arm(): void {
    const [first] = this.#waiters;
    if (first === undefined || this.#late !== undefined) return;
    const left = Math.max(1, first.since + this.#options.latest - this.#options.now());
    // after a pause of our own what they wait for may have come already: its callback goes first
    this.#late = setTimeout(() => setImmediate(() => this.#giveUp()), left).unref();
  }

  #giveUp(): void {
    this.#late = undefined;
    const { now, latest, onLate } = this.#options;
    const before = now() - latest + 1;
    const late = this.#leading(({ since }) => since <= before);
    if (late.length > 0) onLate?.(late.length);
    for (const { done } of late) done(false);
    this.#arm();
  }

  /** Takes those at the front that may go. */
  #leading(mayGo: (waiter: Waiter) => boolean): Waiter[] {
    const end = this.#waiters.findIndex((waiter) => !mayGo(waiter));
    return this.#waiters.splice(0, end < 0 ? this.#waiters.length : end);
  }
}
