// The clocks that are handed in: real time for the server, stepped time for tests and replay.

export interface Timer {
  /** Harmless when the timer has fired or was cancelled before. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic time in whole milliseconds, from an arbitrary start. */
  now(): number;
  /** Calls `fire` once, `ms` milliseconds from now, never earlier; less than 0 counts as 0. */
  after(ms: number, fire: () => void): Timer;
}

/** Milliseconds since the epoch: for what is written down, never for timers. */
export type WallClock = () => number;

/** Longer than this, setTimeout fires at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Real time. An error thrown by `fire` reaches the process as an uncaught exception: it is not swallowed here. */
export function systemClock(): Clock {
  return { now: systemNow, after: (ms, fire) => new SystemTimer(ms, fire) };
}

// Whole milliseconds stay small integers in V8: no heap number for each deadline that is kept.
const systemNow = (): number => Math.floor(performance.now());

class SystemTimer implements Timer {
  readonly #deadline: number;
  readonly #fire: () => void;
  #handle: NodeJS.Timeout;

  constructor(ms: number, fire: () => void) {
    this.#deadline = systemNow() + wait(ms);
    this.#fire = fire;
    this.#handle = this.#sleep();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #sleep(): NodeJS.Timeout {
    const left = Math.max(0, this.#deadline - systemNow());
    return setTimeout(wake, Math.min(left, LONGEST_TIMEOUT), this);
  }

  /** Node counts from the start of the event loop's turn, so a timeout can come early; a long one comes in parts. */
  wake(): void {
    if (systemNow() < this.#deadline) this.#handle = this.#sleep();
    else this.#fire();
  }
}

function wake(timer: SystemTimer): void {
  timer.wake();
}

/**
 * Time that passes only when told to. Timers fire one at a time in the order (deadline, creation), each with `now()`
 * at its own deadline; one that is started for now while time passes fires in the same pass, after the earlier ones.
 */
export class VirtualClock implements Clock {
  #now: number;
  #created = 0;
  /** Binary heap: the earliest first. Every timer knows its place, so that cancelling leaves nothing behind. */
  readonly #heap: VirtualTimer[] = [];

  constructor(start = 0) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fire: () => void): Timer {
    const timer = new VirtualTimer(this, this.#now + wait(ms), this.#created++, fire);
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
    return timer;
  }

  /** Lets `ms` milliseconds pass. An error thrown by a timer comes out here; time then stands at its deadline. */
  advance(ms: number): void {
    this.runUntil(this.#now + wait(ms));
  }

  /** Lets time pass until `t`; nothing happens when `t` is over. */
  runUntil(t: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.deadline <= t; first = this.#heap[0]) {
      this.remove(first);
      this.#now = Math.max(this.#now, first.deadline);
      first.fire();
    }
    this.#now = Math.max(this.#now, t);
  }

  /** The earliest deadline. */
  next(): number | undefined {
    return this.#heap[0]?.deadline;
  }

  get pending(): number {
    return this.#heap.length;
  }

  /** For the timers' own use. */
  remove(timer: VirtualTimer): void {
    const hole = timer.place;
    if (hole < 0) return;
    timer.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    this.#sink(last, hole);
    if (last.place === hole) this.#rise(last, hole);
  }

  #rise(timer: VirtualTimer, from: number): void {
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = this.#heap[up];
      if (parent === undefined || !timer.before(parent)) break;
      this.#put(parent, at);
      at = up;
    }
    this.#put(timer, at);
  }

  #sink(timer: VirtualTimer, from: number): void {
    let at = from;
    for (;;) {
      let down = 2 * at + 1;
      let child = this.#heap[down];
      const right = this.#heap[down + 1];
      if (child !== undefined && right?.before(child)) {
        child = right;
        down++;
      }
      if (child === undefined || !child.before(timer)) break;
      this.#put(child, at);
      at = down;
    }
    this.#put(timer, at);
  }

  #put(timer: VirtualTimer, at: number): void {
    this.#heap[at] = timer;
    timer.place = at;
  }
}

class VirtualTimer implements Timer {
  readonly #clock: VirtualClock;
  readonly deadline: number;
  readonly #number: number;
  readonly fire: () => void;
  /** Index in the heap; -1 when it has left. */
  place = 0;

  constructor(clock: VirtualClock, deadline: number, number: number, fire: () => void) {
    this.#clock = clock;
    this.deadline = deadline;
    this.#number = number;
    this.fire = fire;
  }

  before(other: VirtualTimer): boolean {
    return this.deadline !== other.deadline ? this.deadline < other.deadline : this.#number < other.#number;
  }

  cancel(): void {
    this.#clock.remove(this);
  }
}

/** NaN counts as 0. */
function wait(ms: number): number {
  return Math.max(0, ms || 0);
}
