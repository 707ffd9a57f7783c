// A chart as plain data: the states and arrows of a machine, with guards, effects and sources in words.
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { wordsOf } from './wording.ts';

export interface Chart {
  readonly name: string;
  /** What it is the chart of, in a few words. */
  readonly about: string;
  /** The whole; its own arrows hold in every state that has no other for their event. */
  readonly root: ChartState;
  readonly arrows: readonly Arrow[];
}

export interface ChartState {
  /** `dialog.confirmed.media.video`. */
  readonly id: string;
  readonly name: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final';
  /** Id of the state it begins in. */
  readonly initial?: string;
  readonly tags: readonly string[];
  /** `3261#13.2.2.4`. */
  readonly rfc?: string;
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly states: readonly ChartState[];
}

export interface Arrow {
  /** `dialog.ringing:response.failure:isChallenge`: state, event, guard. Stays the same while these do. */
  readonly id: string;
  readonly from: string;
  /** Id of a state; absent: the state stays, only the effects happen. */
  readonly to?: string;
  readonly event: string;
  /** Asked in the order of the arrows; without one it is taken. */
  readonly guard?: string;
  readonly effects: readonly string[];
  readonly rfc?: string;
}

export function chartOf(machine: AnyStateMachine, about: string): Chart {
  const arrows: Arrow[] = [];
  const root = stateOf(machine.root, machine, arrows);
  return { name: machine.id, about, root, arrows };
}

/** Every state, the whole first, each before its children. */
export function statesOf(state: ChartState): ChartState[] {
  return [state, ...state.states.flatMap(statesOf)];
}

/** Is this state the other, or inside of it? */
export function isIn(id: string, state: string): boolean {
  return id === state || id.startsWith(`${state}.`);
}

/** The outermost state around `to` that does not hold `from`. */
export function borderOf(from: string, to: string, chart: Chart): string {
  return statesOf(chart.root).find(({ id }) => isIn(to, id) && !isIn(from, id))?.id ?? to;
}

function stateOf(node: AnyStateNode, machine: AnyStateMachine, arrows: Arrow[]): ChartState {
  for (const [event, candidates] of node.transitions) {
    for (const candidate of candidates) arrows.push(arrowOf(node, event, candidate, machine));
  }
  const states = Object.values(node.states).map((child) => stateOf(child, machine, arrows));
  const initial = node.type === 'compound' ? node.initial.target?.[0]?.id : undefined;
  return {
    id: node.id,
    name: node.key,
    kind: kindOf(node.type),
    ...(initial !== undefined && { initial }),
    tags: node.tags,
    ...rfcOf(node.meta),
    entry: node.entry.map((action) => wordsOf(action, { type: 'xstate.init' }, machine)),
    exit: node.exit.map((action) => wordsOf(action, { type: 'xstate.stop' }, machine)),
    states,
  };
}

type Candidate = AnyStateNode['transitions'] extends Map<string, (infer One)[]> ? One : never;

function arrowOf(node: AnyStateNode, event: string, candidate: Candidate, machine: AnyStateMachine): Arrow {
  const { guard, target, actions } = candidate;
  if (target !== undefined && target.length > 1)
    throw new Error(`${node.id}: the arrow of ${event} leads to several states at once: it cannot be drawn`);
  const to = target?.[0]?.id;
  const asks = guard === undefined ? undefined : typeof guard === 'string' ? guard : guardName(guard);
  return {
    id: [node.id, event, ...(asks === undefined ? [] : [asks])].join(':'),
    from: node.id,
    ...(to !== undefined && { to }),
    event,
    ...(asks !== undefined && { guard: asks }),
    effects: actions.map((action) => wordsOf(action, { type: event }, machine)),
    ...rfcOf('meta' in candidate ? candidate.meta : undefined),
  };
}

function guardName(guard: { readonly type?: string } | ((...args: never) => unknown)): string {
  return typeof guard === 'function' ? guard.name : (guard.type ?? '');
}

function rfcOf(meta: unknown): { rfc?: string } {
  const rfc = typeof meta === 'object' && meta !== null && 'rfc' in meta ? meta.rfc : undefined;
  return typeof rfc === 'string' ? { rfc } : {};
}

function kindOf(type: AnyStateNode['type']): ChartState['kind'] {
  return type === 'history' ? 'atomic' : type;
}
