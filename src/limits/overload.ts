// How full the server is: whether what is new is still taken in, and whether what belongs to a call is.

/** `busy`: nothing new. `full`: nothing at all, but for what ends or repeats what there is. */
export type Load = 'calm' | 'busy' | 'full';

export interface OverloadParts {
  readonly maxTransactions: number;
  /** Of all kinds, with those that linger. */
  readonly transactions: () => number;
  /** Bytes; undefined: memory is not watched. */
  readonly maxMemory: number;
  readonly memory: (() => number) | undefined;
  /** Frees what nobody holds any more. */
  readonly collect: (() => void) | undefined;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** What is kept free of the transactions for the calls there are. */
const KEPT_FREE = 0.1;
/** How often memory is looked at, ms. */
const LOOK = 100;
/** A look that finds too much counts garbage too; only after this time, ms, is that worth a collection that stops all. */
const COLLECT = 10_000;

export class Overload {
  readonly #parts: OverloadParts;
  readonly #busyFrom: number;
  #looked = Number.NEGATIVE_INFINITY;
  #collected = Number.NEGATIVE_INFINITY;
  #memory = 0;

  constructor(parts: OverloadParts) {
    this.#parts = parts;
    this.#busyFrom = Math.max(1, Math.floor(parts.maxTransactions * (1 - KEPT_FREE)));
  }

  get load(): Load {
    const { transactions, maxTransactions, maxMemory } = this.#parts;
    const count = transactions();
    if (count >= maxTransactions) return 'full';
    const memory = this.#memoryNow();
    if (memory >= maxMemory * (1 + KEPT_FREE)) return 'full';
    return count >= this.#busyFrom || memory >= maxMemory ? 'busy' : 'calm';
  }

  #memoryNow(): number {
    const { memory, now, collect, maxMemory } = this.#parts;
    if (memory === undefined || now() - this.#looked < LOOK) return this.#memory;
    this.#looked = now();
    this.#memory = memory();
    if (this.#memory < maxMemory || collect === undefined || now() - this.#collected < COLLECT)
      return this.#memory;
    collect();
    this.#collected = now();
    this.#memory = memory();
    return this.#memory;
  }
}
