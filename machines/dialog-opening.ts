// The first half of a call: from its INVITE to the answer, the refusal, or the end of patience (RFC 3261 §13, §16).
import {
  type DialogContext,
  dialog,
  recordEarlyAnswer,
  recordEarlyMedia,
  recordEarlyTerms,
  recordFurtherOffer,
  recordLateOffer,
  recordOpeningOffer,
  recordRefusal,
  recordRing,
  recordTerms,
  tellTerms,
} from './dialog-setup.ts';
import { tell, tellBy, tellOf } from './journal.ts';
import { outcomeOf } from './outcome.ts';
import { startTimer, stopTimer } from './timers.ts';

const tellOutcome = tellBy((event) =>
  event.type === 'response.failure' ? outcomeOf(event.status, event.origin) : 'failed',
);

/** Nobody came again: told with the status that asked for it. */
function tellRefusal(entry: 'failed' | 'redirected') {
  return {
    type: 'journal',
    params: ({ context }: { context: DialogContext }) => ({ entry, status: context.refusal }),
  } as const;
}

const answered = ['forward', tellOf('answered')] as const;
const answeredWithMedia = [...answered, tellTerms, recordTerms] as const;

/** The first 2xx makes the call, whenever it comes; its SDP says with what media. */
const byFirstSuccess = [
  { guard: 'startsPlain', target: 'confirmed', actions: answered, meta: { rfc: '3261#13.2.2.4' } },
  {
    guard: 'isLateOffer',
    target: '#dialog.confirmed.media.late-offer',
    actions: [...answered, recordLateOffer],
  },
  { guard: 'startsHeld', target: '#dialog.confirmed.media.held', actions: answeredWithMedia },
  { guard: 'startsWithVideo', target: '#dialog.confirmed.media.video', actions: answeredWithMedia },
  { target: 'confirmed', actions: answered },
] as const;

/** The best refusal, before anybody answered. */
const byFailure = [
  { guard: 'isChallenge', target: 'challenged', actions: ['forward', recordRefusal] },
  { guard: 'isRedirect', target: 'redirected', actions: ['forward', recordRefusal] },
  { target: 'declined', actions: ['forward', tellOutcome], meta: { rfc: '3261#16.7' } },
] as const;

/** The same call once more, with credentials or for another address; no second entry. */
const newAttempt = {
  target: 'trying',
  actions: ['forward', recordOpeningOffer],
  meta: { rfc: '3261#22.1' },
} as const;

/** What belongs to an early dialog: RFC 3262, RFC 3311, and a BYE that ends one fork of it (RFC 3261 §15). */
const earlyTraffic = {
  'request.prack': { actions: 'forward' },
  'request.update': { actions: 'forward' },
  'request.other': { actions: 'forward' },
  'request.bye': { actions: 'forward' },
} as const;

/** A phone sent the call on, and the server asks there; the wait begins anew (§16.6 step 11). */
const byRedirect = {
  actions: [startTimer('ring'), tellOf('forwarded')],
  meta: { rfc: '3261#16.7' },
} as const;

const byEarlyAnswer = [
  { guard: 'agreesEarly', actions: ['forward', recordEarlyTerms] },
  { actions: 'forward' },
] as const;

/** Before the opening INVITE. */
export const idle = dialog.createStateConfig({
  on: {
    'request.invite': [
      { guard: 'bringsPlainOffer', target: 'trying', actions: ['forward', tellOf('incoming')] },
      { target: 'trying', actions: ['forward', tellOf('incoming'), recordOpeningOffer] },
    ],
  },
});

/** The INVITE is on its way; Timer C guards the wait. */
export const trying = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#16.6' },
  entry: startTimer('ring'),
  on: {
    'response.provisional': [
      { guard: 'isRingingAgain', target: 'ringing', actions: ['forward', recordEarlyMedia] },
      {
        guard: 'isRingingWithMedia',
        target: 'ringing',
        actions: ['forward', tellOf('ringing'), recordEarlyMedia],
      },
      { guard: 'isRinging', target: 'ringing', actions: ['forward', tellOf('ringing')] },
      { actions: ['forward', startTimer('ring')] },
    ],
    'response.redirect': byRedirect,
    'response.success': byFirstSuccess,
    'response.failure': byFailure,
    'request.cancel': 'cancelling',
    'timer.ring': 'unanswered',
  },
});

/** An 18x made an early dialog; each provisional restarts Timer C (§16.7 step 2). */
export const ringing = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#13.2.2.1' },
  entry: startTimer('ring'),
  on: {
    ...earlyTraffic,
    'response.provisional': [
      { guard: 'bringsEarlyMedia', actions: ['forward', startTimer('ring'), recordEarlyMedia] },
      { actions: ['forward', startTimer('ring')] },
    ],
    'response.redirect': byRedirect,
    'response.failure': [
      { guard: 'isChallenge', target: 'challenged', actions: ['forward', recordRefusal, recordRing] },
      { guard: 'isRedirect', target: 'redirected', actions: ['forward', recordRefusal, recordRing] },
      { target: 'declined', actions: ['forward', tellOutcome], meta: { rfc: '3261#16.7' } },
    ],
    'request.prack': [
      { guard: 'answersEarlyOffer', actions: ['forward', recordEarlyAnswer] },
      { guard: 'offersEarly', actions: ['forward', recordFurtherOffer] },
      { actions: 'forward' },
    ],
    'request.update': [
      { guard: 'offersEarly', actions: ['forward', recordFurtherOffer], meta: { rfc: '3311#5.1' } },
      { actions: 'forward' },
    ],
    'update.accepted': byEarlyAnswer,
    'response.other': byEarlyAnswer,
    'response.success': byFirstSuccess,
    'request.cancel': 'cancelling',
    'timer.ring': 'unanswered',
  },
});

/** The caller was told to come again with credentials (401, 407) or a longer interval (422, RFC 4028 §6). */
export const challenged = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#22.2' },
  entry: [stopTimer('ring'), startTimer('retry')],
  exit: stopTimer('retry'),
  on: {
    'request.invite': newAttempt,
    'response.success': byFirstSuccess,
    'timer.retry': { target: 'declined', actions: tellRefusal('failed') },
  },
});

/** The caller was told another address, and may try it under the same Call-ID. */
export const redirected = dialog.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#8.1.3.4' },
  entry: [stopTimer('ring'), startTimer('retry')],
  exit: stopTimer('retry'),
  on: {
    'request.invite': newAttempt,
    'response.success': byFirstSuccess,
    'timer.retry': { target: 'declined', actions: tellRefusal('redirected') },
  },
});

/** The caller gave up before an answer; a 200 may still win the race (§9.1). */
export const cancelling = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#16.10' },
  entry: ['cancelBranches', stopTimer('ring'), startTimer('cancel')],
  exit: stopTimer('cancel'),
  on: {
    ...earlyTraffic,
    'response.provisional': { actions: 'forward' },
    'response.success': byFirstSuccess,
    'response.failure': { target: 'terminated', actions: ['forward', tellOf('cancelled')] },
    'timer.cancel': {
      target: 'given-up',
      actions: [{ type: 'giveUp', params: { status: 487 } }, tell('cancelled')],
    },
  },
});

/** Timer C fired: nobody answered, the branches are being cancelled. */
export const unanswered = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#16.8' },
  entry: ['cancelBranches', startTimer('cancel')],
  exit: stopTimer('cancel'),
  on: {
    ...earlyTraffic,
    'response.provisional': { actions: 'forward' },
    'response.success': byFirstSuccess,
    'response.failure': { target: 'declined', actions: ['forward', tellOf('no-answer')] },
    'timer.cancel': {
      target: 'given-up',
      actions: [{ type: 'giveUp', params: { status: 408 } }, tell('no-answer')],
    },
  },
});

/** The caller has its final answer from us; only a late 2xx changes anything now (§16.7 step 5). */
export const givenUp = dialog.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '3261#16.7' },
  entry: startTimer('late'),
  exit: stopTimer('late'),
  on: {
    ...earlyTraffic,
    'response.provisional': {},
    'response.success': byFirstSuccess,
    'response.failure': 'terminated',
    'timer.late': 'terminated',
  },
});
