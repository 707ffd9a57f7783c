// Timers of a few fixed durations for very many owners: one queue for each duration, one clock timer for each queue.
import type { Clock, Timer } from './clock.ts';

/** An owner carries the links of its queue itself, and so has one deadline at a time. */
export abstract class Timed {
  due = 0;
  previous: Timed | undefined = undefined;
  next: Timed | undefined = undefined;

  /** The deadline has come. */
  abstract expire(): void;
}

const RECENT = 32;

/** Starting and stopping move a few pointers; a deadline that is stopped in time never meets the clock. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #queues = new Map<number, Queue>();
  readonly #recent: (Queue | undefined)[] = new Array(RECENT).fill(undefined);
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets the deadline of `owner` to `ms` (at least 1) from now, in place of the one it had. */
  start(owner: Timed, ms: number): void {
    this.stop(owner);
    if (this.#closed) return;
    const duration = Math.max(1, ms);
    // A handful of durations make up nearly all: each is found where it was found before.
    const place = duration & (RECENT - 1);
    let queue = this.#recent[place];
    if (queue === undefined || queue.duration !== duration || queue.isGone) {
      queue = this.#queueOf(duration);
      this.#recent[place] = queue;
    }
    queue.append(owner);
  }

  #queueOf(duration: number): Queue {
    let queue = this.#queues.get(duration);
    if (queue === undefined) {
      queue = new Queue(this.#clock, duration, this.#queues);
      this.#queues.set(duration, queue);
    }
    return queue;
  }

  stop(owner: Timed): void {
    const { previous, next } = owner;
    if (previous === undefined || next === undefined) return;
    previous.next = next;
    next.previous = previous;
    owner.previous = undefined;
    owner.next = undefined;
  }

  /** No deadline comes any more, and none is taken. */
  close(): void {
    this.#closed = true;
    for (const queue of this.#queues.values()) queue.clear();
    this.#queues.clear();
  }
}

/** Deadlines handled in one go: when thousands of calls time out together, datagrams are read in between. */
const AT_ONCE = 32;

/** A ring of owners in order of deadline, closed by the queue itself. It goes when a tick finds it empty. */
class Queue extends Timed {
  readonly #clock: Clock;
  readonly duration: number;
  /** It was found empty. */
  isGone = false;
  readonly #queues: Map<number, Queue>;
  /** Set while a tick is due or being handled: the tick itself sees to the next one. */
  #timer: Timer | undefined;
  readonly #tick = (): void => this.expire();

  constructor(clock: Clock, duration: number, queues: Map<number, Queue>) {
    super();
    this.#clock = clock;
    this.duration = duration;
    this.#queues = queues;
    this.previous = this;
    this.next = this;
  }

  append(owner: Timed): void {
    const last = this.previous ?? this;
    owner.due = this.#clock.now() + this.duration;
    owner.previous = last;
    owner.next = this;
    last.next = owner;
    this.previous = owner;
    this.#timer ??= this.#clock.after(this.duration, this.#tick);
  }

  override expire(): void {
    try {
      let left = AT_ONCE;
      for (let first = this.#first(); first !== undefined; first = this.#first()) {
        if (first.due > this.#clock.now() || left-- === 0) break;
        this.#remove(first);
        first.expire();
      }
    } finally {
      const first = this.#first();
      if (first !== undefined) this.#timer = this.#clock.after(first.due - this.#clock.now(), this.#tick);
      else {
        this.isGone = true;
        this.#queues.delete(this.duration);
      }
    }
  }

  clear(): void {
    this.#timer?.cancel();
    for (let first = this.#first(); first !== undefined; first = this.#first()) this.#remove(first);
  }

  #first(): Timed | undefined {
    return this.next === this ? undefined : this.next;
  }

  #remove(owner: Timed): void {
    this.next = owner.next;
    if (owner.next !== undefined) owner.next.previous = this;
    owner.previous = undefined;
    owner.next = undefined;
  }
}
