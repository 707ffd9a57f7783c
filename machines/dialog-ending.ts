// The last part of a call: its BYE, and a transfer that outlives it (RFC 3261 §15, RFC 5057).
import { dialog } from './dialog-setup.ts';
import { byTransferResult } from './dialog-transfer.ts';
import { tell, tellOf } from './journal.ts';
import { startTimer, stopTimer } from './timers.ts';

/** What may cross a BYE on its way: the last ACK, the other side's BYE, the same BYE after a challenge. */
const crossingBye = {
  'request.ack': { actions: 'forward' },
  'request.bye': { actions: 'forward' },
} as const;

/** 2xx, 481, 408: whatever the answer, the call is over (§15.1.1); only a challenge brings the BYE again. */
function byByeAnswer<Target extends string>(over: Target) {
  return [
    { guard: 'isChallenge', actions: 'forward' },
    { target: over, actions: ['forward', tellOf('ended')] },
  ] as const;
}

/** A BYE is under way. */
export const terminating = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#15.1' },
  entry: startTimer('bye'),
  on: {
    ...crossingBye,
    'request.notify': { actions: 'forward' },
    'bye.answered': byByeAnswer('terminated'),
    'timer.bye': { target: 'terminated', actions: tell('ended') },
  },
});

/** A BYE is under way while a REFER's NOTIFYs are still to come. */
export const terminatingTransfer = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '5057#4.1' },
  entry: startTimer('bye'),
  exit: stopTimer('bye'),
  on: {
    ...crossingBye,
    'refer.refused': { target: 'terminating', actions: ['forward', tellOf('transfer.refused')] },
    'request.notify': byTransferResult('terminating'),
    'bye.answered': byByeAnswer('transferring'),
    'timer.bye': { target: 'transferring', actions: tell('ended') },
  },
});

/** The call is over, the REFER's usage is not: its result is still told. */
export const transferring = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '5057#4.1' },
  entry: startTimer('usage'),
  on: {
    ...crossingBye,
    'refer.refused': { target: 'terminated', actions: ['forward', tellOf('transfer.refused')] },
    'request.notify': byTransferResult('terminated'),
    'timer.usage': 'terminated',
  },
});
