// The non-INVITE server transaction: RFC 3261 §17.2.2 figure 8 with RFC 4320 §4.1.
import type { Table } from './table.ts';

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
export type Event =
  | 'request.again'
  | 'respond.final'
  | 'abandon'
  | 'timer.trying'
  | 'timer.expired'
  | 'timer.j';
export type Action = 'send' | 'sendTrying' | 'sendAgain' | 'waitOn' | 'startJ';

/**
 * Without a final response it ends with the client's Timer F: nobody would hear a later one.
 * A transport error ends nothing (RFC 6026 §8.8): the timers do.
 */
export const serverNonInvite: Table<State, Event, Action> = {
  trying: {
    'respond.final': { to: 'completed', do: ['startJ', 'send'] },
    abandon: { to: 'terminated' },
    'timer.trying': { to: 'proceeding', do: ['waitOn', 'sendTrying'] },
    'timer.expired': { to: 'terminated' },
  },
  proceeding: {
    'request.again': { do: ['sendAgain'] },
    'respond.final': { to: 'completed', do: ['startJ', 'send'] },
    abandon: { to: 'terminated' },
    'timer.expired': { to: 'terminated' },
  },
  completed: {
    'request.again': { do: ['sendAgain'] },
    'timer.j': { to: 'terminated' },
  },
  terminated: {},
};
