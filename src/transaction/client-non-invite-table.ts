// The non-INVITE client transaction: RFC 3261 §17.1.2 figure 6.
import type { Table } from './table.ts';

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated';
export type Event =
  | 'response.provisional'
  | 'response.final'
  | 'timer.e'
  | 'timer.f'
  | 'timer.k'
  | 'transport.failed';
export type Action =
  | 'tell'
  | 'tellTimeout'
  | 'tellTransportFailed'
  | 'sendAgain'
  | 'doubleE'
  | 'setE'
  | 'startK';

/** Telling the user comes last on every way: it may call back. */
export const clientNonInvite: Table<State, Event, Action> = {
  trying: {
    'response.provisional': ['proceeding', 'tell'],
    'response.final': ['completed', 'startK', 'tell'],
    'timer.e': ['trying', 'sendAgain', 'doubleE'],
    'timer.f': ['terminated', 'tellTimeout'],
    'transport.failed': ['terminated', 'tellTransportFailed'],
  },
  proceeding: {
    'response.provisional': ['proceeding', 'tell'],
    'response.final': ['completed', 'startK', 'tell'],
    'timer.e': ['proceeding', 'sendAgain', 'setE'],
    'timer.f': ['terminated', 'tellTimeout'],
    'transport.failed': ['terminated', 'tellTransportFailed'],
  },
  completed: {
    'timer.k': ['terminated'],
  },
  terminated: {},
};
