// A busy server gathers datagrams: between two bursts its thread sleeps, and wakes up once for all that came meanwhile.

export interface CoalescingOptions {
  /** ms from one burst to the next while it is busy; 0: never. Asked for each time. */
  readonly gap: () => number;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Runs a function when the datagrams at hand are served and the answers are out: `setImmediate`. */
  readonly afterBurst?: (run: () => void) => void;
  /** Holds the thread, and with it the event loop, for so many ms. */
  readonly sleep?: (ms: number) => void;
}

/** Datagrams a second that make a server busy. */
const BUSY = 1000;
/** ms over which they are counted. */
const WINDOW = 100;
/** A burst like this is no end of what waits: libuv leaves a socket after 32. */
const FULL = 32;
/** ms. Less is not worth a timer of the system. */
const LEAST = 0.25;

/**
 * What network cards do with interrupts (and for the same reason). To be woken costs more than to serve a datagram: the
 * switch itself, and caches that others have used since. Callers notice nothing of a few ms: SIP counts in half seconds.
 * A server that is not busy serves each datagram as it comes; one that is busy all the time never sleeps.
 *
 * The thread sleeps since Node has no other way to leave a socket alone: meanwhile the kernel queues what comes.
 */
export class Coalescing {
  readonly #gap: () => number;
  readonly #now: () => number;
  readonly #afterBurst: (run: () => void) => void;
  readonly #sleep: (ms: number) => void;
  #burst = 0;
  #counted = 0;
  #windowBegan = 0;
  #isBusy = false;
  /** When the burst at hand began. */
  #began = 0;

  constructor({ gap, now, afterBurst = setImmediate, sleep = holdThread }: CoalescingOptions) {
    this.#gap = gap;
    this.#now = now;
    this.#afterBurst = afterBurst;
    this.#sleep = sleep;
  }

  /** A datagram was served. */
  served(): void {
    if (this.#burst++ > 0) return;
    this.#began = this.#now();
    this.#afterBurst(this.#rest);
  }

  readonly #rest = (): void => {
    const burst = this.#burst;
    this.#burst = 0;
    const now = this.#now();
    this.#count(burst, now);
    if (!this.#isBusy || burst >= FULL) return;
    const left = this.#gap() - (now - this.#began);
    if (left >= LEAST) this.#sleep(left);
  };

  #count(burst: number, now: number): void {
    this.#counted += burst;
    const passed = now - this.#windowBegan;
    if (passed < WINDOW) return;
    this.#isBusy = (this.#counted / passed) * 1000 >= BUSY;
    this.#counted = 0;
    this.#windowBegan = now;
  }
}

const NOTHING = new Int32Array(new SharedArrayBuffer(4));

function holdThread(ms: number): void {
  Atomics.wait(NOTHING, 0, 0, ms);
}
