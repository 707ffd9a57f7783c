// The chart of a subscription: what a SUBSCRIBE, or a REFER outside any call, opens (RFC 6665, RFC 3515).
import { expiresOf } from './event-facts.ts';
import { tell, tellOf } from './journal.ts';
import {
  recordPackage,
  recordRefusal,
  type SubscriptionContext,
  subscription,
} from './subscription-setup.ts';
import { LINGER, startTimer, stopTimer } from './timers.ts';
import type { DialogEvent } from './types.ts';

const plain = { actions: 'forward' } as const;

/** Seconds: what a notifier grants beyond a week, nobody is kept in mind for. */
const LONGEST = 7 * 24 * 3600;

/** What was accepted, and a little: the refresh may come in the last second. */
const startExpiry = {
  type: 'startTimer',
  params: ({ event }: { event: DialogEvent }) => ({
    name: 'subscription' as const,
    after: Math.min(expiresOf(event) ?? 0, LONGEST) * 1000 + LINGER,
  }),
} as const;

/** The 200 may be lost behind its NOTIFY; Timer F ends the wait before this does. */
const startAnswerWait = startTimer('subscription', 2 * LINGER);

/** How long the last answer and the last NOTIFY may take. */
const startFarewell = startTimer('subscription', LINGER);

/** Nobody came again: told with the status that asked for it. */
function tellRefusal(entry: 'refused' | 'transfer.refused') {
  return {
    type: 'journal',
    params: ({ context }: { context: SubscriptionContext }) => ({ entry, status: context.refusal }),
  } as const;
}

const toBeAskedAgain = ['forward', stopTimer('subscription'), recordRefusal] as const;

/** Before the opening request. */
const idle = subscription.createStateConfig({
  on: {
    'request.subscribe': [
      { guard: 'isFetch', target: 'fetching', actions: ['forward', recordPackage] },
      { target: 'subscribing', actions: ['forward', recordPackage] },
    ],
    'request.refer': { target: 'referring', actions: ['forward', recordPackage, tellOf('transfer.asked')] },
  },
});

/** RFC 6665 §4.1.2: asked, not answered. A NOTIFY may overtake the 200 and makes the subscription, too. */
const subscribing = subscription.createStateConfig({
  tags: ['early'],
  meta: { rfc: '6665#4.1.2' },
  entry: startAnswerWait,
  on: {
    'request.subscribe': plain,
    'subscribe.accepted': [
      { guard: 'isConference', target: 'conference-subscribed', actions: ['forward', startExpiry] },
      { target: 'subscribed', actions: ['forward', startExpiry] },
    ],
    'subscribe.refused': [
      { guard: 'isChallenge', target: 'challenged', actions: toBeAskedAgain },
      { target: 'terminated', actions: ['forward', tellOf('refused')] },
    ],
    'request.notify': [
      { guard: 'isLastNotify', target: 'terminated', actions: ['forward', tell('refused')] },
      { guard: 'isConferenceNotify', target: 'conference-subscribed', actions: 'forward' },
      { guard: 'isOfThisPackage', target: 'subscribed', actions: 'forward' },
      plain,
    ],
    'timer.subscription': { target: 'terminated', actions: tell('timed-out') },
  },
});

/** What both kinds of subscription share: the refresh, and the ways it ends. */
function lasting<Target extends string>(left: 'conference.left' | 'unsubscribed', leaving: Target) {
  return {
    'request.subscribe': [{ guard: 'isUnsubscribe', target: leaving, actions: 'forward' }, plain],
    'subscribe.accepted': { actions: ['forward', startExpiry] },
    'subscribe.refused': [
      { guard: 'endsSubscription', target: 'terminated', actions: ['forward', tell(left)] },
      plain,
    ],
    'request.notify': [
      { guard: 'isLastNotify', target: 'terminated', actions: ['forward', tell(left)] },
      plain,
    ],
    'notify.refused': [{ guard: 'isGone', target: 'terminated', actions: ['forward', tell(left)] }, plain],
    'timer.subscription': { target: 'terminated', actions: tell(left) },
    'request.other': plain,
  } as const;
}

/** RFC 4575: the phone sees who is in the conference. */
const conferenceSubscribed = subscription.createStateConfig({
  tags: ['answered'],
  meta: { rfc: '4575#3' },
  entry: tell('conference.joined'),
  on: lasting('conference.left', 'leaving-conference'),
});

/** RFC 6665 §4.1.2.1: any other package. */
const subscribed = subscription.createStateConfig({
  tags: ['answered'],
  meta: { rfc: '6665#4.1.2.1' },
  entry: tell('subscribed'),
  on: lasting('unsubscribed', 'unsubscribing'),
});

/** RFC 6665 §4.1.2.3: Expires 0 is under way. */
function ending(left: 'conference.left' | 'unsubscribed') {
  return {
    'request.subscribe': plain,
    'subscribe.accepted': { target: 'unsubscribed', actions: ['forward', tell(left)] },
    'subscribe.refused': [
      // comes again with credentials, else the farewell timer ends it
      { guard: 'isChallenge', actions: 'forward' },
      { target: 'terminated', actions: ['forward', tell(left)] },
    ],
    'request.notify': [
      { guard: 'isLastNotify', target: 'terminated', actions: ['forward', tell(left)] },
      plain,
    ],
    'timer.subscription': { target: 'terminated', actions: tell(left) },
  } as const;
}

const leavingConference = subscription.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '6665#4.1.2.3' },
  entry: startFarewell,
  on: ending('conference.left'),
});

const unsubscribing = subscription.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '6665#4.1.2.3' },
  entry: startFarewell,
  on: ending('unsubscribed'),
});

/** RFC 6665 §4.4.1: only the last NOTIFY is still to come. */
const unsubscribed = subscription.createStateConfig({
  tags: ['ending'],
  meta: { rfc: '6665#4.4.1' },
  entry: startFarewell,
  on: {
    'request.subscribe': plain,
    'request.notify': [{ guard: 'isLastNotify', target: 'terminated', actions: 'forward' }, plain],
    'timer.subscription': 'terminated',
  },
});

/** RFC 6665 §4.4.3: one NOTIFY is asked for, no subscription. */
const fetching = subscription.createStateConfig({
  tags: ['early'],
  meta: { rfc: '6665#4.4.3' },
  entry: startFarewell,
  on: {
    'request.subscribe': plain,
    'subscribe.accepted': plain,
    'subscribe.refused': [
      { guard: 'isChallenge', target: 'challenged', actions: toBeAskedAgain },
      { target: 'terminated', actions: ['forward', tellOf('refused')] },
    ],
    'request.notify': [{ guard: 'isLastNotify', target: 'terminated', actions: 'forward' }, plain],
    'timer.subscription': 'terminated',
  },
});

/** RFC 3261 §22.2: the one who asked was told to come again. */
const challenged = subscription.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#22.2' },
  entry: startTimer('retry'),
  exit: stopTimer('retry'),
  on: {
    'request.subscribe': [
      { guard: 'isFetch', target: 'fetching', actions: 'forward' },
      { target: 'subscribing', actions: 'forward' },
    ],
    'request.refer': { target: 'referring', actions: 'forward' },
    'timer.retry': [
      { guard: 'isRefer', target: 'terminated', actions: tellRefusal('transfer.refused') },
      { target: 'terminated', actions: tellRefusal('refused') },
    ],
  },
});

/** RFC 3515 §2.4.2: a REFER outside a call, not answered. */
const referring = subscription.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3515#2.4.2' },
  entry: startTimer('usage'),
  on: {
    'request.refer': plain,
    'refer.accepted': { target: 'referred', actions: 'forward' },
    'refer.refused': [
      {
        guard: 'isChallenge',
        target: 'challenged',
        actions: ['forward', stopTimer('usage'), recordRefusal],
      },
      { target: 'terminated', actions: ['forward', tellOf('transfer.refused')] },
    ],
    'request.notify': [
      { guard: 'endsUnknown', target: 'terminated', actions: 'forward' },
      { guard: 'reportsProgress', target: 'referred', actions: ['forward', tellOf('transfer.progress')] },
      { guard: 'reportsSuccess', target: 'terminated', actions: ['forward', tellOf('transfer.done')] },
      { guard: 'reportsFailure', target: 'terminated', actions: ['forward', tellOf('transfer.failed')] },
      plain,
    ],
    'timer.usage': 'terminated',
  },
});

/** RFC 3515 §2.4.4: accepted, which is not success; NOTIFYs tell how it goes. */
const referred = subscription.createStateConfig({
  tags: ['answered'],
  meta: { rfc: '3515#2.4.4' },
  on: {
    'request.refer': plain,
    'request.subscribe': plain,
    'request.notify': [
      { guard: 'endsUnknown', target: 'terminated', actions: 'forward' },
      { guard: 'reportsProgress', actions: ['forward', tellOf('transfer.progress')] },
      { guard: 'reportsSuccess', target: 'terminated', actions: ['forward', tellOf('transfer.done')] },
      { guard: 'reportsFailure', target: 'terminated', actions: ['forward', tellOf('transfer.failed')] },
      plain,
    ],
    'notify.refused': [{ guard: 'isGone', target: 'terminated', actions: 'forward' }, plain],
    'timer.usage': 'terminated',
    'request.other': plain,
  },
});

const terminated = subscription.createStateConfig({ type: 'final' });

export const subscriptionMachine = subscription.createMachine({
  id: 'subscription',
  context: { package: 'other', refusal: 0 },
  initial: 'idle',
  states: {
    idle,
    subscribing,
    'conference-subscribed': conferenceSubscribed,
    subscribed,
    'leaving-conference': leavingConference,
    unsubscribing,
    unsubscribed,
    fetching,
    challenged,
    referring,
    referred,
    terminated,
  },
  on: {
    // Answers to what was asked before are never a surprise: the state may have gone on meanwhile.
    'response.other': plain,
    'response.redirect': {},
    'subscribe.accepted': plain,
    'subscribe.refused': plain,
    'refer.accepted': plain,
    'refer.refused': plain,
    'notify.refused': plain,
    'reinvite.accepted': plain,
    'reinvite.refused': plain,
    'update.accepted': plain,
    'update.refused': plain,
    'bye.answered': plain,
    // Only an INVITE can be cancelled.
    'request.cancel': { meta: { rfc: '3261#9.1' } },
    // A timer that outlived its state.
    'timer.*': {},
    // Forwarding never depends on an arrow.
    '*': { actions: ['forward', tellOf('unexpected')] },
  },
});
