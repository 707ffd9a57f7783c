// The end of a server that lets its calls end first: nothing new is taken in, and it is over when the last one has gone.
import type { Clock, Timer } from '../time/clock.ts';

export interface DrainParts {
  readonly clock: Clock;
  /** Calls that are worth waiting for, now. */
  readonly calls: () => number;
  /** Does anybody wait for a final response of ours, or have we not heard that it came? */
  readonly owes: () => boolean;
}

export interface Drained {
  /** Calls that the time was too short for. */
  readonly left: number;
}

/** How often it is looked at whether calls are left, ms. */
const LOOK = 50;
/** After the last call, ms: time for its last answer to be asked for again. */
const SETTLE = 1000;
/** ms after which nobody's final response is waited for; the second where there were no calls: that end is prompt. */
const OWED = 4000;
const OWED_IDLE = 500;

export class Drain {
  readonly #parts: DrainParts;
  readonly #told: ((drained: Drained) => void)[] = [];
  #began = 0;
  #until: number | undefined;
  /** When a call was last seen. */
  #lastCall: number | undefined;
  #drained: Drained | undefined;
  #timer: Timer | undefined;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  get isOn(): boolean {
    return this.#until !== undefined;
  }

  /** Monotonic ms at which it is over whatever goes on; undefined: it has not begun. */
  get until(): number | undefined {
    return this.#until;
  }

  get calls(): number {
    return this.#parts.calls();
  }

  /** `timeout` in ms. False: it has begun already, and of the two ends the earlier holds. */
  begin(timeout: number): boolean {
    const now = this.#parts.clock.now();
    const isFirst = this.#until === undefined;
    if (isFirst) this.#began = now;
    this.#until = Math.min(this.#until ?? Number.POSITIVE_INFINITY, now + timeout);
    if (this.#drained === undefined) this.#look();
    return isFirst;
  }

  /** Told once, at once when it is over already. */
  onOver(tell: (drained: Drained) => void): void {
    if (this.#drained !== undefined) tell(this.#drained);
    else this.#told.push(tell);
  }

  close(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    this.#timer?.cancel();
    const { clock, calls } = this.#parts;
    const now = clock.now();
    const left = calls();
    if (left > 0) this.#lastCall = now;
    const rest = (this.#until ?? now) - now;
    if (rest <= 0 || (left === 0 && this.#isSettled(now))) {
      this.#drained = { left };
      for (const tell of this.#told.splice(0)) tell(this.#drained);
    } else this.#timer = clock.after(Math.min(LOOK, rest), () => this.#look());
  }

  #isSettled(now: number): boolean {
    const owed = () => this.#parts.owes();
    if (this.#lastCall === undefined) return now - this.#began >= OWED_IDLE || !owed();
    const since = now - this.#lastCall;
    return since >= OWED || (since >= SETTLE && !owed());
  }
}
