// Where a compiled chart stands: what XState's own snapshot of a machine shows, without what is made anew for each.
import { type AnyStateMachine, matchesState, type Snapshot, type StateValue } from 'xstate';
import type { Configuration } from './compiled-chart.ts';
import { Now } from './compiled-words.ts';

export type ChartSnapshot = Snapshot<undefined> & ChartState;

const NONE: Readonly<Record<string, never>> = Object.freeze({});

/** Never changes; calls share it. */
export class ChartState {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output = undefined;
  readonly error: unknown;
  readonly context: object;
  /** The same object whenever the same states are active. */
  readonly value: StateValue;
  readonly #configuration: Configuration;

  constructor(configuration: Configuration, context: object, status: ChartState['status'], error: unknown) {
    this.status = status;
    this.error = error;
    this.context = context;
    this.value = configuration.value;
    this.#configuration = configuration;
  }

  static configurationOf(state: ChartState): Configuration {
    return state.#configuration;
  }

  get machine(): AnyStateMachine {
    return this.#configuration.chart.machine;
  }

  get tags(): ReadonlySet<string> {
    return this.#configuration.tags;
  }

  get children(): Readonly<Record<string, never>> {
    return NONE;
  }

  get historyValue(): Readonly<Record<string, never>> {
    return NONE;
  }

  matches(value: StateValue): boolean {
    return matchesState(value, this.value);
  }

  hasTag(tag: string): boolean {
    return this.tags.has(tag);
  }

  /** Would the event do anything here? */
  can(event: { readonly type: string }): boolean {
    const step = this.#configuration.step(new Now(this.context, event, undefined, undefined));
    return step !== undefined && !step.isIdle;
  }

  /** As XState writes it for its inspectors. */
  toJSON(): object {
    const { status, output, error, context, value, children, historyValue } = this;
    return { status, output, error, context, value, children, historyValue, tags: [...this.tags] };
  }
}
