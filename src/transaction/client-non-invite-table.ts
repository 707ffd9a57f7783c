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

/** What leads out of the transaction comes last on every way: it may lead back in. */
export const clientNonInvite: Table<State, Event, Action> = {
  trying: {
    'response.provisional': { to: 'proceeding', do: ['tell'] },
    'response.final': { to: 'completed', do: ['startK', 'tell'] },
    'timer.e': { do: ['doubleE', 'sendAgain'] },
    'timer.f': { to: 'terminated', do: ['tellTimeout'] },
    'transport.failed': { to: 'terminated', do: ['tellTransportFailed'] },
  },
  proceeding: {
    'response.provisional': { do: ['tell'] },
    'response.final': { to: 'completed', do: ['startK', 'tell'] },
    'timer.e': { do: ['setE', 'sendAgain'] },
    'timer.f': { to: 'terminated', do: ['tellTimeout'] },
    'transport.failed': { to: 'terminated', do: ['tellTransportFailed'] },
  },
  completed: {
    'timer.k': { to: 'terminated' },
  },
  terminated: {},
};
