// Paths made by xstate/graph: the shortest to every situation, and tours that walk every arrow of a chart.
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph';
import { statePath } from '../../machines/state-path.ts';
import type { DialogEvent } from '../../machines/types.ts';

/** The events worth trying in a situation. */
export type Choice = (snapshot: AnyMachineSnapshot) => readonly DialogEvent[];

/**
 * State and what of the context still matters there: offers count while they are under way, those before the answer by
 * whether there are any, nothing does after a BYE.
 */
function situation({ value, context, status }: AnyMachineSnapshot): string {
  const path = statePath(value);
  if (status !== 'active' || /^(terminating|transferring)/.test(path)) return path;
  if (!/^confirmed\.media\.(audio|video|held)/.test(path)) {
    const { early, crossed, ...others } = context;
    const further = path === 'ringing' && early ? [Object.keys(early.offers), early.terms !== null] : [];
    return path + JSON.stringify([others, crossed?.side, crossed?.by, ...further]);
  }
  return path + JSON.stringify(context.terms);
}

function options(choice: Choice) {
  return {
    // xstate/graph would go on from a final state
    events: (snapshot: AnyMachineSnapshot) => (snapshot.status === 'active' ? [...choice(snapshot)] : []),
    serializeState: situation,
  };
}

/** The shortest path to every situation. */
export function shortestPaths(machine: AnyStateMachine, choice: Choice): DialogEvent[][] {
  return getShortestPaths(machine, options(choice)).map(({ steps }) =>
    steps.map(({ event }) => event as DialogEvent).filter(({ type }) => !type.startsWith('xstate.')),
  );
}

/** `dialog.confirmed.media.audio` for each state that has none inside. */
export function leavesOf(machine: AnyStateMachine): string[] {
  const leaves = (node: AnyStateMachine['root']): string[] => {
    const children = Object.values(node.states);
    return children.length === 0 ? [node.id] : children.flatMap(leaves);
  };
  return leaves(machine.root);
}

/** The same for the states that a path like `confirmed.media.audio|transfer.idle` names. */
export function leavesIn(machine: AnyStateMachine, state: string): string[] {
  const [first = '', ...others] = state.split('|');
  const parent = others.length === 0 ? '' : `${first.slice(0, first.indexOf('.'))}.`;
  return [first, ...others.map((other) => parent + other)].map((path) => `${machine.id}.${path}`);
}

/** Every arrow of a chart: `dialog.trying response.success #1`. */
export function arrowsOf(machine: AnyStateMachine): Set<string> {
  const arrows = new Set<string>();
  const visit = (node: AnyStateMachine['root']): void => {
    for (const [type, list] of node.transitions)
      list.forEach((_, index) => {
        arrows.add(`${node.id} ${type} #${index}`);
      });
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(machine.root);
  return arrows;
}

/** The arrows that an event takes. */
function taken(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: DialogEvent): string[] {
  return machine.getTransitionData(snapshot, event).map((transition) => {
    const list = transition.source.transitions.get(transition.eventType) ?? [];
    return `${transition.source.id} ${transition.eventType} #${list.indexOf(transition)}`;
  });
}

interface Situated {
  readonly event: DialogEvent;
  readonly state: AnyMachineSnapshot;
}

interface Edge {
  readonly event: DialogEvent;
  readonly next: string;
  readonly arrows: readonly string[];
}

export interface Cover {
  readonly tours: DialogEvent[][];
  readonly walked: Set<string>;
}

/** Greedy: from where it is to the nearest arrow not walked yet; from the beginning once nothing new is in reach. */
export function tours(machine: AnyStateMachine, choice: Choice): Cover {
  const map = getAdjacencyMap(machine, options(choice));
  const nodes = new Map<string, Edge[]>(
    Object.entries(map).map(([key, { state, transitions }]) => [
      key,
      (Object.values(transitions) as Situated[]).map(({ event, state: next }) => ({
        event,
        next: situation(next),
        arrows: taken(machine, state, event),
      })),
    ]),
  );
  const start = Object.keys(map)[0] ?? '';
  const walked = new Set<string>();
  const found: DialogEvent[][] = [];

  /** Breadth first to the nearest new arrow. */
  const nearest = (from: string): { events: DialogEvent[]; to: string } | undefined => {
    const seen = new Set([from]);
    let front: { at: string; events: DialogEvent[] }[] = [{ at: from, events: [] }];
    while (front.length > 0) {
      const next: typeof front = [];
      for (const { at, events } of front) {
        for (const edge of nodes.get(at) ?? []) {
          const path = [...events, edge.event];
          if (edge.arrows.some((arrow) => !walked.has(arrow))) return { events: path, to: edge.next };
          if (seen.has(edge.next)) continue;
          seen.add(edge.next);
          next.push({ at: edge.next, events: path });
        }
      }
      front = next;
    }
    return undefined;
  };

  const mark = (from: string, events: readonly DialogEvent[]): void => {
    let at = from;
    for (const event of events) {
      const edge = nodes.get(at)?.find((candidate) => candidate.event === event);
      if (edge === undefined) return;
      for (const arrow of edge.arrows) walked.add(arrow);
      at = edge.next;
    }
  };

  for (;;) {
    let at = start;
    const tour: DialogEvent[] = [];
    for (;;) {
      const leg = nearest(at);
      if (leg === undefined) break;
      mark(at, leg.events);
      tour.push(...leg.events);
      at = leg.to;
    }
    if (tour.length === 0) break;
    found.push(tour);
  }
  return { tours: found, walked };
}
