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
    'request.again': { do: ['sendAgain'] },
    'respond.provisional': { do: ['send'] },
    'respond.success': { to: 'accepted', do: ['startL', 'send'] },
    'respond.failure': { to: 'completed', do: ['startG', 'send'] },
    abandon: { to: 'terminated' },
  },
  completed: {
    'request.again': { do: ['sendAgain'] },
    'request.ack': { to: 'confirmed', do: ['startI'] },
    'respond.success': { do: ['send'] },
    'timer.g': { do: ['restartG', 'sendAgain'] },
    'timer.h': { to: 'terminated' },
  },
  confirmed: {
    'respond.success': { do: ['send'] },
    'timer.i': { to: 'terminated' },
  },
  accepted: {
    'request.ack': { do: ['passAck'] },
    'respond.success': { do: ['send'] },
    'timer.l': { to: 'terminated' },
  },
  terminated: {
    'respond.success': { do: ['send'] },
  },
};
