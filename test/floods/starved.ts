// How long processes waited for a CPU that others had: what a busy machine adds to every answer.
import { readFileSync } from 'node:fs';

/** ms between looks, and how many of them one answer can meet. */
const LOOK = 100;
const TOGETHER = 5;

export class Starved {
  readonly #pids: readonly number[];
  readonly #waits: number[] = [];
  readonly #timer: NodeJS.Timeout;
  #before: number;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#before = this.#total();
    this.#timer = setInterval(() => {
      const now = this.#total();
      this.#waits.push(now - this.#before);
      this.#before = now;
    }, LOOK);
  }

  /** ms that they waited, together, in the worst half second. */
  stop(): number {
    clearInterval(this.#timer);
    const windows = this.#waits.map((_, at) =>
      this.#waits.slice(at, at + TOGETHER).reduce((sum, wait) => sum + wait, 0),
    );
    return Math.max(0, ...windows);
  }

  /** The second number of schedstat: ns on the run queue. 0 where there is no Linux. */
  #total(): number {
    return this.#pids.reduce((sum, pid) => {
      try {
        return sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6;
      } catch {
        return sum;
      }
    }, 0);
  }
}
