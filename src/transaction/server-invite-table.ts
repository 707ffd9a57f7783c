// The INVITE server transaction: RFC 3261 §17.2.1 figure 7 as RFC 6026 figure 4 corrects it.
import type { Table } from './table.ts';

export type State = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';
export type Event =
  | 'request.again'
  | 'request.ack'
  | 'respond.provisional'
  | 'respond.success'
  | 'respond.failure'
  | 'abandon'
  | 'timer.g'
  | 'timer.h'
  | 'timer.i'
  | 'timer.l';
export type Action = 'send' | 'sendAgain' | 'passAck' | 'startG' | 'restartG' | 'startI' | 'startL';

/**
 * A 2xx is sent in every state: a proxy owes its caller each one (RFC 3261 §16.7 step 5), also after a 487.
 * A transport error ends nothing (RFC 6026 §8.8): the timers do.
 */
export const serverInvite: Table<State, Event, Action> = {
  proceeding: {
    'request.again': ['proceeding', 'sendAgain'],
    'respond.provisional': ['proceeding', 'send'],
    'respond.success': ['accepted', 'startL', 'send'],
    'respond.failure': ['completed', 'startG', 'send'],
    abandon: ['terminated'],
  },
  completed: {
    'request.again': ['completed', 'sendAgain'],
    'request.ack': ['confirmed', 'startI'],
    'respond.success': ['completed', 'send'],
    'timer.g': ['completed', 'sendAgain', 'restartG'],
    'timer.h': ['terminated'],
  },
  confirmed: {
    'respond.success': ['confirmed', 'send'],
    'timer.i': ['terminated'],
  },
  accepted: {
    'request.ack': ['accepted', 'passAck'],
    'respond.success': ['accepted', 'send'],
    'timer.l': ['terminated'],
  },
  terminated: {
    'respond.success': ['terminated', 'send'],
  },
};
