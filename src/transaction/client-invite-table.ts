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
  | 'stopAB'
  | 'ack'
  | 'ackAgain'
  | 'startD'
  | 'startM'
  | 'sendCancel'
  | 'waitForFinal';

/** Telling the user comes last on every way: it may call back. */
export const clientInvite: Table<State, Event, Action> = {
  calling: {
    'response.provisional': ['proceeding', 'stopAB', 'tell'],
    'response.success': ['accepted', 'startM', 'tell'],
    'response.failure': ['completed', 'ack', 'startD', 'tell'],
    abandon: ['abandoned', 'waitForFinal'],
    'timer.a': ['calling', 'sendAgain', 'restartA'],
    'timer.b': ['terminated', 'tellTimeout'],
    'transport.failed': ['terminated', 'tellTransportFailed'],
  },
  proceeding: {
    'response.provisional': ['proceeding', 'tell'],
    'response.success': ['accepted', 'startM', 'tell'],
    'response.failure': ['completed', 'ack', 'startD', 'tell'],
    cancel: ['cancelling', 'sendCancel', 'waitForFinal'],
    abandon: ['cancelling', 'sendCancel', 'waitForFinal'],
  },
  cancelling: {
    'response.provisional': ['cancelling', 'tell'],
    'response.success': ['accepted', 'startM', 'tell'],
    'response.failure': ['completed', 'ack', 'startD', 'tell'],
    'timer.cancelled': ['terminated', 'tellTimeout'],
  },
  abandoned: {
    'response.provisional': ['cancelling', 'sendCancel', 'waitForFinal'],
    'response.success': ['accepted', 'startM'],
    'response.failure': ['completed', 'ack', 'startD'],
    'timer.cancelled': ['terminated'],
    'transport.failed': ['terminated'],
  },
  accepted: {
    'response.success': ['accepted', 'tell'],
    'timer.m': ['terminated'],
  },
  // A 2xx after another final response: a proxy further on owes us each one, as we owe it our caller (§16.7 step 5).
  completed: {
    'response.success': ['completed', 'tell'],
    'response.failure': ['completed', 'ackAgain'],
    'timer.d': ['terminated'],
    'transport.failed': ['terminated'],
  },
  terminated: {},
};
