// How much memory the server may fill, and how many of what fit into it when nobody says.
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** Bytes that the machine, the container and the JavaScript heap leave: the least of the three. */
export function memoryThereIs(): number {
  const heap = getHeapStatistics().heap_size_limit;
  // 0 or absurdly much where there is no container.
  const container = process.constrainedMemory();
  return Math.min(heap, totalmem(), container > 0 ? container : Number.POSITIVE_INFINITY);
}

/** Bytes used now, garbage that was not collected yet included. */
export function memoryUsed(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

export interface Shares {
  readonly calls: number;
  readonly bindings: number;
  readonly transactions: number;
}

/** What one of them takes at most, in bytes: a ringing call with its transactions' state, a binding, a transaction. */
export const EACH: Shares = { calls: 16_000, bindings: 2_000, transactions: 1_500 };
/** What part of the memory each may fill. */
const PART: Shares = { calls: 0.5, bindings: 0.125, transactions: 0.375 };

/** Three quarters: the rest is for what is being worked on, and for the collector. */
export function autoMemory(there = memoryThereIs()): number {
  return round(there * 0.75);
}

/** How many fit into `memory` bytes. */
export function shares(memory: number): Shares {
  const share = (of: keyof Shares) => round(Math.max(100, (memory * PART[of]) / EACH[of]));
  return { calls: share('calls'), bindings: share('bindings'), transactions: share('transactions') };
}

/** Down to two digits: nobody should take it for a measurement. */
function round(n: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(n)) - 1);
  return Math.floor(n / step) * step;
}
