// Makes a machine of XState quick: compiled once into tables, and run by XState's own actors as custom logic.
import type { ActorLogic, AnyStateMachine, EventObject, Snapshot, StateValue } from 'xstate';
import { Chart } from './compiled-chart.ts';
import { type ChartSnapshot, ChartState } from './compiled-snapshot.ts';
import { Now } from './compiled-words.ts';

/**
 * What the machine does, event by event, is the same as with XState's interpreter; what is kept of the one can be
 * restored by the other. Observers hear of events and snapshots, not of single actions and microsteps. Throws
 * `ChartRefused` when the machine uses what is not known here.
 */
export function compiledLogic<Event extends EventObject>(
  machine: AnyStateMachine,
): ActorLogic<ChartSnapshot, Event, unknown> {
  const chart = new Chart(machine);
  return {
    config: machine.config,
    getInitialSnapshot: () => chart.initial.snapshot(chart.context) as ChartSnapshot,
    transition: (snapshot, event, { self, system }) => {
      const from = ChartState.configurationOf(snapshot);
      if (event.type === 'xstate.stop') {
        return new ChartState(from, snapshot.context, 'stopped', undefined) as ChartSnapshot;
      }
      let now = new Now(snapshot.context, event, self, system);
      const step = from.step(now);
      if (step === undefined) return snapshot;
      for (const act of step.acts) now = act(now);
      if (step.to === from && now.context === snapshot.context) return snapshot;
      return step.to.snapshot(now.context) as ChartSnapshot;
    },
    getPersistedSnapshot: ({ status, output, error, value, context }) =>
      ({ status, output, error, value, historyValue: {}, context, children: {} }) as Snapshot<unknown>,
    restoreSnapshot: (kept) => {
      const { status, error, value, context } = kept as Kept;
      return new ChartState(chart.at(value), context, status, error) as ChartSnapshot;
    },
  };
}

/** What `restoreSnapshot` needs of a live actor. */
export function keptSnapshot(value: unknown, context: unknown): Snapshot<unknown> {
  return {
    status: 'active',
    output: undefined,
    error: undefined,
    value,
    historyValue: {},
    context,
    children: {},
  } as Snapshot<unknown>;
}

type Kept = Snapshot<unknown> & { readonly value: StateValue; readonly context: object };
