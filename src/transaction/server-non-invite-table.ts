// The non-INVITE server transaction: RFC 3261 §17.2.2 figure 8 with RFC 4320 §4.1.
import type { Table } from './table.ts';

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
export type Event =
  | 'request.again'
  | 'respond.final'
  | 'abandon'
  | 'timer.trying'
  | 'timer.expired'
  | 'timer.j'
  | 'transport.failed';
export type Action = 'send' | 'sendTrying' | 'sendAgain' | 'waitOn' | 'startJ';

/** Without a final response it ends with the client's Timer F: nobody would hear a later one. */
export const serverNonInvite: Table<State, Event, Action> = {
  trying: {
    'respond.final': ['completed', 'startJ', 'send'],
    abandon: ['terminated'],
    'timer.trying': ['proceeding', 'waitOn', 'sendTrying'],
    'timer.expired': ['terminated'],
  },
  proceeding: {
    'request.again': ['proceeding', 'sendAgain'],
    'respond.final': ['completed', 'startJ', 'send'],
    abandon: ['terminated'],
    'timer.expired': ['terminated'],
    'transport.failed': ['terminated'],
  },
  completed: {
    'request.again': ['completed', 'sendAgain'],
    'timer.j': ['terminated'],
    'transport.failed': ['terminated'],
  },
  terminated: {},
};
