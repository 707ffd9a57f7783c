// The chart of a call: what one INVITE opens, until its last usage ends.
import { terminating, terminatingTransfer, transferring } from './dialog-ending.ts';
import { acknowledged, media } from './dialog-media.ts';
import {
  cancelling,
  challenged,
  givenUp,
  idle,
  redirected,
  ringing,
  trying,
  unanswered,
} from './dialog-opening.ts';
import { dialog, INITIAL_CONTEXT } from './dialog-setup.ts';
import { transfer } from './dialog-transfer.ts';
import { tell, tellOf } from './journal.ts';
import { startTimer, stopTimer } from './timers.ts';

const plain = { actions: 'forward' } as const;

/** Two parties speak; what flows and who is being transferred go on side by side. */
const confirmed = dialog.createStateConfig({
  type: 'parallel',
  tags: ['answered'],
  meta: { rfc: '3261#12.1' },
  entry: [stopTimer('ring'), startTimer('ack')],
  exit: [stopTimer('ack'), stopTimer('life')],
  on: {
    'request.ack': { actions: acknowledged, meta: { rfc: '3261#13.3.1.4' } },
    'request.bye': { target: 'terminating', actions: 'forward', meta: { rfc: '3261#15' } },
    'timer.ack': { target: 'terminated', actions: tell('timed-out') },
    'timer.life': { target: 'terminated', actions: tell('timed-out') },
    // another fork's, or late
    'response.provisional': plain,
    'request.prack': plain,
    'request.notify': plain,
    'request.subscribe': plain,
    'request.other': plain,
  },
  states: { media, transfer },
});

/** Refused for good; the outcome says how. */
const declined = dialog.createStateConfig({ type: 'final' });

const terminated = dialog.createStateConfig({ type: 'final' });

export const dialogMachine = dialog.createMachine({
  id: 'dialog',
  context: INITIAL_CONTEXT,
  initial: 'idle',
  states: {
    idle,
    trying,
    ringing,
    challenged,
    redirected,
    cancelling,
    unanswered,
    'given-up': givenUp,
    confirmed,
    terminating,
    'terminating-transfer': terminatingTransfer,
    transferring,
    terminated,
    declined,
  },
  on: {
    // Answers to what was asked before are never a surprise: the state may have gone on meanwhile.
    'response.success': plain,
    'response.other': plain,
    'reinvite.accepted': plain,
    'reinvite.refused': plain,
    'update.accepted': plain,
    'update.refused': plain,
    'bye.answered': plain,
    'refer.accepted': plain,
    'refer.refused': plain,
    'subscribe.accepted': plain,
    'subscribe.refused': plain,
    'notify.refused': plain,
    // Meanwhile the call was ended or answered: that is told, not where it would have gone.
    'response.redirect': {},
    // A CANCEL that comes too late has no effect, and it goes hop by hop: there is nothing to forward.
    'request.cancel': { meta: { rfc: '3261#9.2' } },
    // A timer that outlived its state.
    'timer.*': {},
    // Forwarding never depends on an arrow.
    '*': { actions: ['forward', tellOf('unexpected')] },
  },
});
