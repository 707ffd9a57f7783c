// Brings datagrams into one order of time, without holding more of them than the file's disorder needs.
import type { ClockOffsets } from './clocks.ts';
import type { Endpoint, Sighting } from './datagrams.ts';
import { causeOf, type RelayKeys, relayKeys } from './relay.ts';

export interface Datagram {
  /** Whole µs since the epoch; never less than the one before it. */
  readonly time: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: Buffer;
  /** Number of the packet as Wireshark counts them; of the last piece when it came in fragments. */
  readonly packet: number;
  /** Other packets in which the same datagram was seen, on other interfaces. */
  readonly copies: readonly number[];
  /** Its end is missing: the capture kept only the beginning of each packet. */
  readonly cut: boolean;
  /** Begins like a SIP message. */
  readonly sip: boolean;
  /** Index among the capture's interfaces. */
  readonly interface: number;
}

export interface OrderPlan {
  /** µs by which a datagram may stand in the file behind a later one. */
  readonly lateness: number;
  readonly offsets: ClockOffsets;
  /** More than one point of view: look for datagrams seen twice. */
  readonly mayRepeat: boolean;
  /** More than one clock: look for causes that come after their effects. */
  readonly manyClocks: boolean;
  /** Bytes held at the most; beyond, order is given up before memory is. */
  readonly heldBytes: number;
}

/** µs within which two interfaces see one datagram. Far below T1, so that no retransmission (which has a new id) is lost. */
const SAME_DATAGRAM = 100_000;
/** µs by which clocks that agree on the whole may still put a cause behind its effect. */
const CLOCK_JITTER = 20_000;
/** What a held datagram costs beside its bytes: without, and with the keys that recognise its cause. */
const HELD_COST = 500;
const KEYS_COST = 1500;

interface Held {
  readonly sighting: Sighting;
  readonly bytes: Buffer;
  time: number;
  readonly sequence: number;
  /** First in time of the same datagram; the others are its copies. */
  readonly seenAt: string[];
  readonly copies: number[];
  readonly keys: RelayKeys | undefined;
  state: 'waiting' | 'replaced' | 'out';
}

/** Stable: what bears the same time stays in file order. */
export function* inOrder(sightings: Iterable<Sighting>, plan: OrderPlan): Generator<Datagram> {
  const order = new Order(plan);
  for (const sighting of sightings) {
    order.add(sighting);
    yield* order.ready();
  }
  yield* order.rest();
}

class Order {
  readonly #plan: OrderPlan;
  readonly #patience: number;
  readonly #heap: Held[] = [];
  readonly #same = new Map<string, Held[]>();
  readonly #byWhole = new Map<string, Held>();
  readonly #byInner = new Map<string, Held>();
  #sequence = 0;
  #newest = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;
  #heldBytes = 0;

  constructor(plan: OrderPlan) {
    this.#plan = plan;
    this.#patience =
      plan.lateness + Math.max(plan.mayRepeat ? SAME_DATAGRAM : 0, plan.manyClocks ? CLOCK_JITTER : 0);
  }

  add(sighting: Sighting): void {
    const time = sighting.time - (this.#plan.offsets.get(sighting.interface) ?? 0);
    this.#newest = Math.max(this.#newest, time);
    const twin = this.#plan.mayRepeat ? this.#twin(sighting, time) : undefined;
    if (twin !== undefined && twin.time <= time) {
      twin.seenAt.push(sighting.seenAt);
      twin.copies.push(sighting.packet);
      return;
    }
    const held: Held = {
      sighting,
      bytes: Buffer.from(sighting.bytes),
      time,
      sequence: this.#sequence,
      seenAt: [sighting.seenAt, ...(twin?.seenAt ?? [])],
      copies: twin === undefined ? [] : [twin.sighting.packet, ...twin.copies],
      keys: this.#plan.manyClocks && sighting.sip ? relayKeys(sighting.bytes) : undefined,
      state: 'waiting',
    };
    this.#sequence += 1;
    if (twin !== undefined) this.#forget(twin, 'replaced');
    this.#remember(held);
    push(this.#heap, held);
  }

  *ready(): Generator<Datagram> {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return;
      const isDue = this.#newest - first.time > this.#patience;
      if (!isDue && this.#heldBytes <= this.#plan.heldBytes && first.state === 'waiting') return;
      pop(this.#heap);
      if (first.state === 'waiting') yield* this.#release(first, first.time);
    }
  }

  *rest(): Generator<Datagram> {
    for (let first = pop(this.#heap); first !== undefined; first = pop(this.#heap)) {
      if (first.state === 'waiting') yield* this.#release(first, first.time);
    }
  }

  /** The cause goes first when jitter alone has put it behind; it then happened no later than its effect. */
  *#release(held: Held, time: number): Generator<Datagram> {
    this.#forget(held, 'out');
    const cause = held.keys && causeOf(held.keys, this.#byWhole, this.#byInner);
    if (
      cause?.state === 'waiting' &&
      cause.sighting.interface !== held.sighting.interface &&
      cause.time - held.time <= CLOCK_JITTER
    ) {
      yield* this.#release(cause, time);
    }
    this.#last = Math.max(this.#last, time);
    const { source, destination, packet, cut, sip, interface: index } = held.sighting;
    yield {
      time: this.#last,
      source,
      destination,
      bytes: held.bytes,
      packet,
      copies: held.copies,
      cut,
      sip,
      interface: index,
    };
  }

  #twin(sighting: Sighting, time: number): Held | undefined {
    return this.#same
      .get(identity(sighting))
      ?.find(
        (held) =>
          !held.seenAt.includes(sighting.seenAt) &&
          Math.abs(held.time - time) <= SAME_DATAGRAM &&
          held.bytes.equals(sighting.bytes),
      );
  }

  #remember(held: Held): void {
    this.#heldBytes += costOf(held);
    if (this.#plan.mayRepeat) {
      const key = identity(held.sighting);
      const same = this.#same.get(key);
      if (same === undefined) this.#same.set(key, [held]);
      else same.push(held);
    }
    if (held.keys !== undefined) {
      if (!this.#byWhole.has(held.keys.whole)) this.#byWhole.set(held.keys.whole, held);
      if (held.keys.inner !== undefined && !this.#byInner.has(held.keys.inner))
        this.#byInner.set(held.keys.inner, held);
    }
  }

  #forget(held: Held, state: 'replaced' | 'out'): void {
    held.state = state;
    this.#heldBytes -= costOf(held);
    if (this.#plan.mayRepeat) {
      const key = identity(held.sighting);
      const same = this.#same.get(key)?.filter((other) => other !== held) ?? [];
      if (same.length === 0) this.#same.delete(key);
      else this.#same.set(key, same);
    }
    if (held.keys !== undefined) {
      if (this.#byWhole.get(held.keys.whole) === held) this.#byWhole.delete(held.keys.whole);
      const { inner } = held.keys;
      if (inner !== undefined && this.#byInner.get(inner) === held) this.#byInner.delete(inner);
    }
  }
}

function identity({ source, destination, ipId, bytes }: Sighting): string {
  return `${ipId} ${source.address} ${source.port} ${destination.address} ${destination.port} ${bytes.length}`;
}

function costOf({ bytes, keys }: Held): number {
  return bytes.length + HELD_COST + (keys === undefined ? 0 : KEYS_COST);
}

function isBefore(a: Held, b: Held): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}

function push(heap: Held[], held: Held): void {
  let at = heap.length;
  heap.push(held);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(held, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = held;
}

function pop(heap: Held[]): Held | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = at * 2 + 1;
    const left = heap[below];
    if (left === undefined) break;
    const right = heap[below + 1];
    const smaller = right !== undefined && isBefore(right, left) ? right : left;
    if (smaller === right) below += 1;
    if (!isBefore(smaller, last)) break;
    heap[at] = smaller;
    at = below;
  }
  heap[at] = last;
  return first;
}
