// A chart as tables: for each configuration and type of event the arrows in question, and where each of them leads.
import type { AnyStateMachine, AnyStateNode, StateValue } from 'xstate';
import { ChartRefused, checkChart } from './compiled-limits.ts';
import { ChartState } from './compiled-snapshot.ts';
import {
  type Arrow,
  entered,
  everyState,
  exited,
  inOrder,
  inside,
  namedBy,
  stateValueOf,
  withoutConflicts,
} from './compiled-tree.ts';
import { type Act, type Guard, type Now, Words } from './compiled-words.ts';

/** What an event does in a configuration. */
export interface Step {
  readonly to: Configuration;
  /** Exits, arrows, entries, in the order they are done in. */
  readonly acts: readonly Act[];
  /** Nothing is done and nothing moves: the event is forbidden, not unknown. */
  readonly isIdle: boolean;
}

/** An arrow as seen from one configuration. */
interface Candidate {
  readonly id: number;
  readonly guard: Guard | undefined;
  readonly arrow: Arrow & { readonly actions: readonly unknown[] };
  step: Step | undefined;
}

/** Tried from the inside out: what lies inside of a parallel state first, region by region, then its own arrows. */
interface Choice {
  readonly regions: readonly Choice[];
  readonly own: readonly Candidate[];
}

/** Follows from the chart alone: so many states, so many configurations. Each is made when it is first reached. */
export class Chart {
  readonly machine: AnyStateMachine;
  readonly context: object;
  readonly initial: Configuration;
  readonly words: Words;
  readonly #configurations = new Map<string, Configuration>();
  /** The event types that the chart names, wildcards among them. */
  readonly #descriptors: ReadonlySet<string>;
  readonly #wildcards: readonly string[];

  /** Throws when the chart uses what is not known here. */
  constructor(machine: AnyStateMachine) {
    checkChart(machine);
    this.machine = machine;
    this.context = machine.config.context ?? {};
    this.words = new Words(machine);
    const nodes = everyState(machine.root);
    for (const node of nodes) this.#checkWords(node);
    this.#descriptors = new Set(nodes.flatMap((node) => [...node.transitions.keys()]));
    this.#wildcards = [...this.#descriptors].filter((descriptor) => descriptor.endsWith('*'));
    const first = [machine.root, ...inside(machine.root, [])];
    if (first.some(({ entry }) => entry.length > 0))
      throw new ChartRefused('entry actions on its very beginning');
    this.initial = this.configuration(first);
  }

  /** Throws when the chart has no such state. */
  at(value: StateValue): Configuration {
    const { root } = this.machine;
    return this.configuration([root, ...inside(root, namedBy(root, value))]);
  }

  /** The one object for these active states. */
  configuration(nodes: readonly AnyStateNode[]): Configuration {
    const active = inOrder(nodes);
    const key = active.map(({ order }) => order).join();
    const known = this.#configurations.get(key) ?? new Configuration(this, active);
    this.#configurations.set(key, known);
    return known;
  }

  /** The same for all event types that the chart cannot tell apart, so that what comes never makes a table grow. */
  kindOf(type: string): string {
    if (this.#descriptors.has(type)) return type;
    return this.#wildcards.filter((descriptor) => matches(type, descriptor)).join(' ');
  }

  #checkWords({ entry, exit, transitions }: AnyStateNode): void {
    const arrows = [...transitions.values()].flat();
    for (const action of [...entry, ...exit, ...arrows.flatMap(({ actions }) => actions)])
      this.words.act(action);
    for (const { guard } of arrows) if (guard !== undefined) this.words.guard(guard);
  }
}

/** The states that are active together. There is one object for each set, and one value. */
export class Configuration {
  readonly chart: Chart;
  readonly value: StateValue;
  readonly tags: ReadonlySet<string>;
  readonly isFinal: boolean;
  readonly #active: readonly AnyStateNode[];
  readonly #choices = new Map<string, Choice>();
  readonly #steps = new Map<string, Step>();
  #candidates = 0;
  /** Nearly every call never changes its context: they all share this. */
  #resting: ChartState | undefined;

  constructor(chart: Chart, active: readonly AnyStateNode[]) {
    this.chart = chart;
    this.#active = active;
    this.value = stateValueOf(chart.machine.root, new Set(active));
    this.tags = new Set(active.flatMap(({ tags }) => tags));
    this.isFinal = active.some(({ type }) => type === 'final');
  }

  snapshot(context: object): ChartState {
    const status = this.isFinal ? 'done' : 'active';
    if (context !== this.chart.context) return new ChartState(this, context, status, undefined);
    this.#resting ??= new ChartState(this, context, status, undefined);
    return this.#resting;
  }

  /** What the event does here; undefined: the chart does not know it. */
  step(now: Now): Step | undefined {
    const { type } = now.event;
    const { regions, own } = this.#choices.get(type) ?? this.#choice(type);
    if (regions.length > 0) {
      const taken: Candidate[] = [];
      for (const region of regions) take(region, now, taken);
      if (taken.length > 1) return this.#together(taken);
      if (taken[0] !== undefined) return this.#stepOf(taken[0]);
    }
    const candidate = firstOf(own, now);
    return candidate && this.#stepOf(candidate);
  }

  #stepOf(candidate: Candidate): Step {
    candidate.step ??= this.#make([candidate.arrow]);
    return candidate.step;
  }

  /** Several regions react at once. */
  #together(taken: readonly Candidate[]): Step {
    const key = taken.map(({ id }) => id).join();
    const step = this.#steps.get(key) ?? this.#make(taken.map(({ arrow }) => arrow));
    this.#steps.set(key, step);
    return step;
  }

  #make(taken: readonly Candidate['arrow'][]): Step {
    const { chart } = this;
    const arrows = withoutConflicts(taken, this.#active);
    const left = new Set(arrows.flatMap((arrow) => exited(arrow, this.#active)));
    const come = inOrder(arrows.flatMap(entered));
    const to = chart.configuration([...this.#active.filter((node) => !left.has(node)), ...come]);
    const actions = [
      ...inOrder(left)
        .reverse()
        .flatMap(({ exit }) => exit),
      ...arrows.flatMap((arrow) => arrow.actions),
      ...come.flatMap(({ entry }) => entry),
      ...(to.isFinal ? to.#active.toReversed().flatMap(({ exit }) => exit) : []),
    ];
    const isIdle = arrows.every(({ target, actions }) => target === undefined && actions.length === 0);
    return { to, acts: actions.map((action) => chart.words.act(action)), isIdle };
  }
  #choice(type: string): Choice {
    const kind = this.chart.kindOf(type);
    const choice = this.#choices.get(kind) ?? this.#choiceIn(this.chart.machine.root, type);
    this.#choices.set(kind, choice);
    return choice;
  }

  #choiceIn(node: AnyStateNode, type: string): Choice {
    const arrows = descriptorsFor(node, type).flatMap((descriptor) => node.transitions.get(descriptor) ?? []);
    const own = arrows.map(
      (arrow): Candidate => ({
        id: this.#candidates++,
        guard: arrow.guard === undefined ? undefined : this.chart.words.guard(arrow.guard),
        arrow,
        step: undefined,
      }),
    );
    const regions = this.#active
      .filter(({ parent }) => parent === node)
      .map((child) => this.#choiceIn(child, type))
      .filter(({ regions, own }) => regions.length > 0 || own.length > 0);
    const [only] = regions;
    if (only === undefined || regions.length > 1) return { regions, own };
    return { regions: only.regions, own: [...only.own, ...own] };
  }
}

function firstOf(candidates: readonly Candidate[], now: Now): Candidate | undefined {
  for (const candidate of candidates) {
    if (candidate.guard === undefined || candidate.guard(now)) return candidate;
  }
  return undefined;
}

function take({ regions, own }: Choice, now: Now, taken: Candidate[]): void {
  const before = taken.length;
  for (const region of regions) take(region, now, taken);
  if (taken.length > before) return;
  const candidate = firstOf(own, now);
  if (candidate !== undefined) taken.push(candidate);
}

/** The exact one, then wildcards, the longest first. */
function descriptorsFor({ transitions }: AnyStateNode, type: string): string[] {
  const wildcards = [...transitions.keys()].filter((key) => key !== type && matches(type, key));
  return [type, ...wildcards.sort((a, b) => b.length - a.length)];
}

/** `*`, or `timer.*` */
function matches(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  return descriptor.endsWith('.*') && `${type}.`.startsWith(descriptor.slice(0, -1));
}
