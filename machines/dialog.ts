// The chart of a call: what one INVITE opens, until its last usage ends (RFC 3261 §13-§16, RFC 5057).
import {
  type DialogContext,
  dialog,
  INITIAL_CONTEXT,
  recordEarlyAnswer,
  recordEarlyMedia,
  recordLateOffer,
  recordOpeningOffer,
  recordRefusal,
  recordTerms,
  tellTerms,
} from './dialog-setup.ts';
import { tell, tellBy, tellOf } from './journal.ts';
import { acknowledged, media } from './media.ts';
import { outcomeOf } from './outcome.ts';
import { byTransferResult, transfer } from './transfer.ts';
import type { Entry } from './types.ts';

const startRingTimer = { type: 'startTimer', params: { name: 'ring' } } as const;
const stopRingTimer = { type: 'stopTimer', params: { name: 'ring' } } as const;
const startRetryTimer = { type: 'startTimer', params: { name: 'retry' } } as const;
const stopRetryTimer = { type: 'stopTimer', params: { name: 'retry' } } as const;
const startByeTimer = { type: 'startTimer', params: { name: 'bye' } } as const;
const startCancelTimer = { type: 'startTimer', params: { name: 'cancel' } } as const;
const stopCancelTimer = { type: 'stopTimer', params: { name: 'cancel' } } as const;

const tellOutcome = tellBy((event) =>
  event.type === 'response.failure' ? outcomeOf(event.status, event.origin) : 'failed',
);

const answered = ['forward', tellOf('answered')] as const;

/** RFC 3261 §13.2.2.4: the first 2xx makes the call, whenever it comes; its SDP says with what media. */
const byFirstSuccess = [
  { guard: 'staysPlain', target: 'confirmed', actions: answered },
  {
    guard: 'isLateOffer',
    target: '#dialog.confirmed.media.late-offer',
    actions: [...answered, recordLateOffer],
  },
  {
    guard: 'startsOnHold',
    target: '#dialog.confirmed.media.held',
    actions: [...answered, tellTerms, recordTerms],
  },
  {
    guard: 'startsWithVideo',
    target: '#dialog.confirmed.media.video',
    actions: [...answered, tellTerms, recordTerms],
  },
  { target: 'confirmed', actions: answered },
] as const;

/** Nobody came again: told with the status that asked for it. */
function tellRefusal(entry: Entry) {
  return {
    type: 'journal',
    params: ({ context }: { context: DialogContext }) => ({ entry, status: context.refusal }),
  } as const;
}

/** What belongs to an early dialog (RFC 3262, RFC 3311). */
const earlyTraffic = {
  'request.prack': { actions: 'forward' },
  'request.update': { actions: 'forward' },
  'request.other': { actions: 'forward' },
  'request.bye': { actions: 'forward' },
} as const;

/** RFC 3261 §16.7: the final refusal of the call before anybody answered. */
const byFailure = [
  { guard: 'isChallenge', target: 'challenged', actions: ['forward', recordRefusal] },
  { guard: 'isRedirect', target: 'redirected', actions: ['forward', recordRefusal] },
  { target: 'declined', actions: ['forward', tellOutcome] },
] as const;

/** RFC 3261 §22: the same call once more, with credentials or another address; no second entry. */
const byNewAttempt = [
  { guard: 'bringsPlainOffer', target: 'trying', actions: 'forward' },
  { target: 'trying', actions: ['forward', recordOpeningOffer] },
] as const;

/** Before the opening INVITE. */
const idle = dialog.createStateConfig({
  on: {
    'request.invite': [
      { guard: 'bringsPlainOffer', target: 'trying', actions: ['forward', tellOf('incoming')] },
      { target: 'trying', actions: ['forward', tellOf('incoming'), recordOpeningOffer] },
    ],
  },
});

/** RFC 3261 §16.6: the INVITE is on its way; Timer C guards the wait. */
const trying = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#16.6' },
  entry: startRingTimer,
  on: {
    'response.provisional': [
      {
        guard: 'ringsWithMedia',
        target: 'ringing',
        actions: ['forward', tellOf('ringing'), recordEarlyMedia],
      },
      { guard: 'isRinging', target: 'ringing', actions: ['forward', tellOf('ringing')] },
      { actions: ['forward', startRingTimer] },
    ],
    'response.success': byFirstSuccess,
    'response.failure': byFailure,
    'request.cancel': 'cancelling',
    'timer.ring': 'unanswered',
  },
});

/** RFC 3261 §13.2.2.1: an 18x made an early dialog; each provisional restarts Timer C (§16.7 step 2). */
const ringing = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#13.2.2.1' },
  entry: startRingTimer,
  on: {
    'response.provisional': [
      { guard: 'bringsEarlyMedia', actions: ['forward', startRingTimer, recordEarlyMedia] },
      { actions: ['forward', startRingTimer] },
    ],
    'response.success': byFirstSuccess,
    'response.failure': byFailure,
    'request.cancel': 'cancelling',
    'timer.ring': 'unanswered',
    'request.prack': [
      { guard: 'answersEarlyOffer', actions: ['forward', recordEarlyAnswer] },
      { actions: 'forward' },
    ],
    'request.update': { actions: 'forward' },
    'request.other': { actions: 'forward' },
    // RFC 3261 §15.1.1: ends one early dialog; the INVITE's own answer (487) ends the call.
    'request.bye': { actions: 'forward' },
  },
});

/** RFC 3261 §22.2, RFC 4028 §6: the caller was told to come again with credentials or a longer interval. */
const challenged = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#22.2' },
  entry: [stopRingTimer, startRetryTimer],
  exit: stopRetryTimer,
  on: {
    'request.invite': byNewAttempt,
    'response.success': byFirstSuccess,
    'timer.retry': { target: 'declined', actions: tellRefusal('failed') },
  },
});

/** RFC 3261 §8.1.3.4: the caller was told another address, and may try it under the same Call-ID. */
const redirected = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#8.1.3.4' },
  entry: [stopRingTimer, startRetryTimer],
  exit: stopRetryTimer,
  on: {
    'request.invite': byNewAttempt,
    'response.success': byFirstSuccess,
    'timer.retry': { target: 'declined', actions: tellRefusal('redirected') },
  },
});

/** RFC 3261 §16.10: the caller hung up before an answer; a 200 may still win the race (§9.1). */
const cancelling = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#16.10' },
  entry: ['cancelBranches', stopRingTimer, startCancelTimer],
  exit: stopCancelTimer,
  on: {
    'response.provisional': { actions: 'forward' },
    'response.success': byFirstSuccess,
    'response.failure': { target: 'terminated', actions: ['forward', tellOf('cancelled')] },
    'timer.cancel': {
      target: 'given-up',
      actions: [{ type: 'giveUp', params: { status: 487 } }, tell('cancelled')],
    },
    ...earlyTraffic,
  },
});

/** RFC 3261 §16.8: Timer C fired, nobody answered; the branches are being cancelled. */
const unanswered = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#16.8' },
  entry: ['cancelBranches', startCancelTimer],
  exit: stopCancelTimer,
  on: {
    'response.provisional': { actions: 'forward' },
    'response.success': byFirstSuccess,
    'response.failure': { target: 'declined', actions: ['forward', tellOf('no-answer')] },
    'timer.cancel': {
      target: 'given-up',
      actions: [{ type: 'giveUp', params: { status: 408 } }, tell('no-answer')],
    },
    ...earlyTraffic,
  },
});

/** The caller has its final answer from us; only a late 2xx can still change anything (RFC 3261 §16.7 step 5). */
const givenUp = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#16.7' },
  entry: { type: 'startTimer', params: { name: 'late' } },
  exit: { type: 'stopTimer', params: { name: 'late' } },
  on: {
    'response.provisional': {},
    'response.success': byFirstSuccess,
    'response.failure': 'terminated',
    'timer.late': 'terminated',
    ...earlyTraffic,
  },
});

/** RFC 3261 §12, §14: two parties speak; what flows and who is being transferred go on side by side. */
const confirmed = dialog.createStateConfig({
  type: 'parallel',
  tags: ['answered'],
  meta: { rfc: '3261#12.1' },
  entry: [stopRingTimer, { type: 'startTimer', params: { name: 'ack' } }],
  on: {
    'request.ack': { actions: acknowledged },
    'request.bye': { target: 'terminating', actions: 'forward' },
    // RFC 3261 §13.3.1.4: a 2xx with no ACK; §15: a call that is silent for too long
    'timer.ack': { target: 'terminated', actions: tell('timed-out') },
    'timer.life': { target: 'terminated', actions: tell('timed-out') },
    'response.provisional': { actions: 'forward' },
    'request.prack': { actions: 'forward' },
    'request.notify': { actions: 'forward' },
    'request.subscribe': { actions: 'forward' },
    'request.other': { actions: 'forward' },
  },
  states: { media, transfer },
});

/** What may cross a BYE on its way. */
const crossingBye = {
  'request.ack': { actions: 'forward' },
  // glare, another fork's, or once more after a challenge
  'request.bye': { actions: 'forward' },
} as const;

const hungUp = ['forward', tellOf('ended')] as const;

/** RFC 3261 §15.1: a BYE is under way. */
const terminating = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#15.1' },
  entry: startByeTimer,
  on: {
    ...crossingBye,
    'request.notify': { actions: 'forward' },
    'bye.answered': [
      { guard: 'isChallenge', actions: 'forward' },
      { target: 'terminated', actions: hungUp },
    ],
    'timer.bye': { target: 'terminated', actions: tell('ended') },
  },
});

/** RFC 5057 §4: a BYE is under way while a REFER's NOTIFYs are still to come. */
const terminatingTransfer = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '5057#4.1' },
  entry: startByeTimer,
  on: {
    ...crossingBye,
    'refer.refused': { target: 'terminating', actions: ['forward', tellOf('transfer.refused')] },
    'request.notify': byTransferResult('terminating'),
    'bye.answered': [
      { guard: 'isChallenge', actions: 'forward' },
      { target: 'transferring', actions: hungUp },
    ],
    'timer.bye': { target: 'transferring', actions: tell('ended') },
  },
});

/** RFC 5057 §4: the call is over, a REFER's usage is not: its result is still told. */
const transferring = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '5057#4.1' },
  entry: { type: 'startTimer', params: { name: 'usage' } },
  on: {
    ...crossingBye,
    'refer.refused': { target: 'terminated', actions: ['forward', tellOf('transfer.refused')] },
    'request.notify': byTransferResult('terminated'),
    'timer.usage': 'terminated',
  },
});

/** Refused for good; the outcome says how. */
const declined = dialog.createStateConfig({ type: 'final' });

const terminated = dialog.createStateConfig({ type: 'final' });

const plain = { actions: 'forward' } as const;

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
    // RFC 3261 §9.2: a CANCEL that comes too late has no effect; it goes hop by hop, there is nothing to forward.
    'request.cancel': {},
    // A timer that outlived its state.
    'timer.*': {},
    // Forwarding never depends on an arrow.
    '*': { actions: ['forward', tellOf('unexpected')] },
  },
});
