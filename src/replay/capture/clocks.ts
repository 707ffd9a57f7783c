// Finds how far the interfaces' clocks are apart, from what cannot be: a forwarded message before its cause.
import type { Sighting } from './datagrams.ts';
import { causeOf, effectOf, type RelayKeys, relayKeys } from './relay.ts';

/** µs to subtract from an interface's times, by interface index; those that agree with the reference are absent. */
export type ClockOffsets = ReadonlyMap<number, number>;

/** Messages remembered at a time: forwarding takes milliseconds, so thousands are plenty. */
const REMEMBERED = 20_000;
/** Observations that are enough to know a clock by. */
const ENOUGH = 2_000;
/** µs between two sights of one datagram on two interfaces of one machine. */
const SAME_DATAGRAM = 1_000;
/** µs that forwarding takes at the most when nothing better is known. */
const USUAL_DELAY = 500;
/** Share of the evidence that may contradict: a message that the capture has missed looks like a wrong clock. */
const TOLERATED = 0.1;

/** Where the difference of two clocks (the second minus the first) must lie to explain one observation. */
export interface Evidence {
  readonly least: number;
  readonly most: number;
}

interface First {
  readonly clock: number;
  readonly time: number;
  /** Other clocks that have seen it since. */
  readonly again: number[];
}

/**
 * Looks at SIP messages in file order, until enough is known of every clock. `messages`: how many SIP messages each interface
 * has; the one with the most is the reference.
 */
export function clockOffsets(
  sightings: Iterable<Sighting>,
  messages: ReadonlyMap<number, number>,
): ClockOffsets {
  const byWhole = new Map<string, First>();
  const byInner = new Map<string, First>();
  const unknown = new Map([...messages.keys()].map((clock) => [clock, ENOUGH]));
  const pairs = new Map<string, { low: number; high: number; evidence: Evidence[] }>();

  const learn = (a: First, b: First, relation: 'causes' | 'equals') => {
    if (a.clock === b.clock) return;
    const [low, high] = a.clock < b.clock ? [a, b] : [b, a];
    const key = `${low.clock} ${high.clock}`;
    const pair = pairs.get(key) ?? { low: low.clock, high: high.clock, evidence: [] };
    pairs.set(key, pair);
    for (const { clock } of [a, b]) {
      const missing = (unknown.get(clock) ?? 0) - 1;
      if (missing > 0) unknown.set(clock, missing);
      else unknown.delete(clock);
    }
    if (pair.evidence.length >= ENOUGH) return;
    const apart = high.time - low.time;
    if (relation === 'equals')
      pair.evidence.push({ least: apart - SAME_DATAGRAM, most: apart + SAME_DATAGRAM });
    else if (a === low) pair.evidence.push({ least: Number.NEGATIVE_INFINITY, most: apart });
    else pair.evidence.push({ least: apart, most: Number.POSITIVE_INFINITY });
  };

  for (const sighting of sightings) {
    if (!sighting.sip || sighting.cut) continue;
    if (unknown.size === 0) break;
    const keys = relayKeys(sighting.bytes);
    if (keys === undefined) continue;
    const here: First = { clock: sighting.interface, time: sighting.time, again: [] };
    const before = byWhole.get(keys.whole);
    if (before !== undefined) {
      // a retransmission says nothing; nor does its sight on another clock
      if (before.clock !== here.clock && !before.again.includes(here.clock)) {
        before.again.push(here.clock);
        learn(before, here, 'equals');
      }
      continue;
    }
    const cause = causeOf(keys, byWhole, byInner);
    if (cause !== undefined) learn(cause, here, 'causes');
    const effect = effectOf(keys, byWhole, byInner);
    if (effect !== undefined) learn(here, effect, 'causes');
    remember(keys, here, byWhole, byInner);
  }
  return spread(messages, [...pairs.values()]);
}

function remember(
  keys: RelayKeys,
  first: First,
  byWhole: Map<string, First>,
  byInner: Map<string, First>,
): void {
  byWhole.set(keys.whole, first);
  if (keys.inner !== undefined && !byInner.has(keys.inner)) byInner.set(keys.inner, first);
  for (const index of [byWhole, byInner]) {
    if (index.size <= REMEMBERED) continue;
    for (const oldest of index.keys()) {
      index.delete(oldest);
      break;
    }
  }
}

/** From the reference outwards, along the pair of clocks about which most is known. */
function spread(
  messages: ReadonlyMap<number, number>,
  pairs: { low: number; high: number; evidence: Evidence[] }[],
): ClockOffsets {
  const offsets = new Map<number, number>();
  const [reference] = [...messages].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0] ?? [];
  if (reference === undefined) return offsets;
  const known = new Map([[reference, 0]]);
  const rest = pairs.toSorted((a, b) => b.evidence.length - a.evidence.length);
  for (;;) {
    const at = rest.findIndex((pair) => known.has(pair.low) !== known.has(pair.high));
    const pair = rest[at];
    if (pair === undefined) break;
    rest.splice(at, 1);
    const difference = clockDifference(pair.evidence);
    const low = known.get(pair.low);
    const high = known.get(pair.high);
    if (low !== undefined) known.set(pair.high, low + difference);
    else if (high !== undefined) known.set(pair.low, high - difference);
  }
  for (const [clock, offset] of known) if (offset !== 0) offsets.set(clock, offset);
  return offsets;
}

/** The difference that most of the evidence allows: 0 unless too much of it speaks against. Whole µs. */
export function clockDifference(evidence: readonly Evidence[]): number {
  const allows = (x: number) =>
    evidence.reduce((n, { least, most }) => n + (least <= x && x <= most ? 1 : 0), 0);
  const contradicting = evidence.length - allows(0);
  if (contradicting <= evidence.length * TOLERATED) return 0;

  const edges = evidence
    .flatMap(({ least, most }) => [
      { at: least, step: 1 },
      { at: most, step: -1 },
    ])
    .sort((a, b) => a.at - b.at || b.step - a.step);
  let depth = 0;
  let deepest = 0;
  let best: Evidence[] = [];
  for (const [i, { at, step }] of edges.entries()) {
    depth += step;
    const region = { least: at, most: edges[i + 1]?.at ?? Number.POSITIVE_INFINITY };
    if (depth > deepest) best = [];
    deepest = Math.max(deepest, depth);
    if (depth === deepest && step === 1) best.push(region);
  }
  const inside = best.map(({ least, most }) => {
    if (least <= 0 && most >= 0) return 0;
    const margin = Math.min((most - least) / 2, USUAL_DELAY);
    return least > 0 ? least + margin : most - margin;
  });
  const nearest = inside.sort((a, b) => Math.abs(a) - Math.abs(b))[0] ?? 0;
  return Math.round(nearest);
}
