// What ends when: a heap of deadlines under one timer, from which anything may be taken out early.
import type { Clock, Timer } from '../time/clock.ts';

export interface Due {
  /** Clock ms. */
  readonly expiresAt: number;
  /** Place in the heap; belongs to the heap. */
  slot: number;
}

/** So many at most in one go: a hundred thousand that end together do not hold up the calls. */
const BATCH = 1000;

export class Deadlines<T extends Due> {
  readonly #clock: Clock;
  readonly #ended: (item: T) => void;
  readonly #heap: T[] = [];
  readonly #fire = () => this.#ring();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** `ended` is told each item once, after it was taken out. */
  constructor(clock: Clock, ended: (item: T) => void) {
    this.#clock = clock;
    this.#ended = ended;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(item: T): void {
    this.#heap.push(item);
    this.#up(item, this.#heap.length - 1);
    this.#arm();
  }

  /** The timer stays: if it fires for nothing it looks for the next deadline. What is not in the heap is left alone. */
  delete(item: T): void {
    const heap = this.#heap;
    if (heap[item.slot] !== item) return;
    const last = heap.pop();
    if (last === undefined || last === item) return;
    const parent = heap[(item.slot - 1) >> 1];
    if (parent !== undefined && item.slot > 0 && parent.expiresAt > last.expiresAt) this.#up(last, item.slot);
    else this.#down(last, item.slot);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (let left = BATCH; left > 0; left--) {
      const first = this.#heap[0];
      if (first === undefined || first.expiresAt > now) break;
      this.delete(first);
      this.#ended(first);
    }
    this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.expiresAt >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = first.expiresAt;
    this.#timer = this.#clock.after(first.expiresAt - this.#clock.now(), this.#fire);
  }

  #up(item: T, from: number): void {
    const heap = this.#heap;
    let slot = from;
    while (slot > 0) {
      const above = (slot - 1) >> 1;
      const parent = heap[above] as T;
      if (parent.expiresAt <= item.expiresAt) break;
      heap[slot] = parent;
      parent.slot = slot;
      slot = above;
    }
    heap[slot] = item;
    item.slot = slot;
  }

  #down(item: T, from: number): void {
    const heap = this.#heap;
    let slot = from;
    for (;;) {
      let below = 2 * slot + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && right.expiresAt < child.expiresAt) {
        child = right;
        below++;
      }
      if (child.expiresAt >= item.expiresAt) break;
      heap[slot] = child;
      child.slot = slot;
      slot = below;
    }
    heap[slot] = item;
    item.slot = slot;
  }
}
