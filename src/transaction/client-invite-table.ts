// The INVITE client transaction: RFC 3261 §17.1.1 figure 5 as RFC 6026 figure 3 corrects it, with CANCEL (§9.1).
import type { Table } from './table.ts';

export type State =
  | 'calling'
  | 'proceeding'
  | 'cancelling'
  | 'abandoned'
  | 'accepted'
  | 'completed'
  | 'terminated';
export type Event =
  | 'response.provisional'
  | 'response.success'
  | 'response.failure'
  | 'cancel'
  | 'abandon'
  | 'timer.a'
  | 'timer.b'
  | 'timer.c'
  | 'timer.d'
  | 'timer.m'
  | 'timer.cancelled'
  | 'transport.failed';
export type Action =
  | 'tell'
  | 'tellTimeout'
  | 'tellTransportFailed'
  | 'sendAgain'
  | 'restartA'
  | 'startC'
  | 'restartC'
  | 'ack'
  | 'ackAgain'
  | 'startD'
  | 'startM'
  | 'sendCancel'
  | 'waitForFinal';

/**
 * What leads out of the transaction comes last on every way: it may lead back in. An ACK that cannot be sent ends
 * nothing: the next retransmitted response gets it again.
 */
export const clientInvite: Table<State, Event, Action> = {
  calling: {
    'response.provisional': { to: 'proceeding', do: ['startC', 'tell'] },
    'response.success': { to: 'accepted', do: ['startM', 'tell'] },
    'response.failure': { to: 'completed', do: ['startD', 'ack', 'tell'] },
    abandon: { to: 'abandoned', do: ['waitForFinal'] },
    'timer.a': { do: ['restartA', 'sendAgain'] },
    'timer.b': { to: 'terminated', do: ['tellTimeout'] },
    'transport.failed': { to: 'terminated', do: ['tellTransportFailed'] },
  },
  // RFC 3261 §16.6 step 11, §16.8: a dialog's chart gives up before; this is for the INVITEs that no chart watches.
  proceeding: {
    'response.provisional': { do: ['restartC', 'tell'] },
    'timer.c': { to: 'cancelling', do: ['waitForFinal', 'sendCancel'] },
    'response.success': { to: 'accepted', do: ['startM', 'tell'] },
    'response.failure': { to: 'completed', do: ['startD', 'ack', 'tell'] },
    cancel: { to: 'cancelling', do: ['waitForFinal', 'sendCancel'] },
    abandon: { to: 'cancelling', do: ['waitForFinal', 'sendCancel'] },
  },
  cancelling: {
    'response.provisional': { do: ['tell'] },
    'response.success': { to: 'accepted', do: ['startM', 'tell'] },
    'response.failure': { to: 'completed', do: ['startD', 'ack', 'tell'] },
    'timer.cancelled': { to: 'terminated', do: ['tellTimeout'] },
  },
  abandoned: {
    'response.provisional': { to: 'cancelling', do: ['waitForFinal', 'sendCancel'] },
    'response.success': { to: 'accepted', do: ['startM'] },
    'response.failure': { to: 'completed', do: ['startD', 'ack'] },
    'timer.cancelled': { to: 'terminated' },
    'transport.failed': { to: 'terminated' },
  },
  accepted: {
    'response.success': { do: ['tell'] },
    'timer.m': { to: 'terminated' },
  },
  // A 2xx after another final response: a proxy further on owes us each one, as we owe it our caller (§16.7 step 5).
  completed: {
    'response.success': { do: ['tell'] },
    'response.failure': { do: ['ackAgain'] },
    'timer.d': { to: 'terminated' },
  },
  terminated: {},
};
