// The chart of a subscription: what a SUBSCRIBE, or a REFER outside any call, opens (RFC 6665, RFC 3515).
import { setup } from 'xstate';
import { effects } from './effects.ts';
import { tell, tellOf } from './journal.ts';
import { endsSubscription, isChallenge } from './outcome.ts';
import type { DialogEvent, Package } from './types.ts';

/** JSON-safe facts. */
export interface SubscriptionContext {
  readonly package: Package;
  /** Why the opening request has to come again; 0: it has not. */
  readonly refusal: number;
}

/** A refresh may be this late before the subscription counts as lost: RFC 3261's 64*T1, in ms. */
const GRACE = 32_000;

interface Now {
  readonly context: SubscriptionContext;
  readonly event: DialogEvent;
}

function statusOf(event: DialogEvent): number {
  return 'status' in event ? event.status : 0;
}

function expiresOf(event: DialogEvent): number | undefined {
  return 'expires' in event ? event.expires : undefined;
}

function isOfThisPackage({ context, event }: Now): boolean {
  return 'package' in event && event.package === context.package;
}

function progressOf(event: DialogEvent): number {
  return event.type === 'request.notify' && event.package === 'refer' ? (event.progress ?? 0) : 0;
}

const subscription = setup({
  types: {
    context: {} as SubscriptionContext,
    events: {} as DialogEvent,
    tags: {} as 'early' | 'answered' | 'ending',
    meta: {} as { readonly rfc: string },
  },
  actions: effects,
  guards: {
    isConference: ({ context }) => context.package === 'conference',
    isConferenceNotify: ({ event }) => 'package' in event && event.package === 'conference',
    // RFC 6665 §4.4.3: asks once, subscribes to nothing
    isFetch: ({ event }) => expiresOf(event) === 0,
    isUnsubscribe: (now) => expiresOf(now.event) === 0 && isOfThisPackage(now),
    // RFC 6665 §4.1.2.2: 423 asks for a longer interval
    isChallenge: ({ event }) => isChallenge(statusOf(event)) || statusOf(event) === 423,
    endsSubscription: ({ event }) => endsSubscription(statusOf(event)),
    isGone: ({ event }) => statusOf(event) === 481,
    isRefer: ({ context }) => context.package === 'refer',
    endsThis: (now) => now.event.type === 'request.notify' && now.event.terminated && isOfThisPackage(now),
    endsUnknown: ({ event }) =>
      event.type === 'request.notify' &&
      event.package === 'refer' &&
      event.terminated &&
      progressOf(event) < 200,
    reportsProgress: ({ event }) => progressOf(event) >= 100 && progressOf(event) < 200,
    reportsSuccess: ({ event }) => progressOf(event) >= 200 && progressOf(event) < 300,
    reportsFailure: ({ event }) => progressOf(event) >= 300,
  },
});

const recordPackage = subscription.assign(({ event }) => ({
  package: 'package' in event ? event.package : 'refer',
}));

const recordRefusal = subscription.assign(({ event }) => ({ refusal: statusOf(event) }));

/** What was accepted, and a little: RFC 6665 §4.1.2.1 has the notifier's word count. */
const startExpiry = {
  type: 'startTimer',
  params: ({ event }: { event: DialogEvent }) => ({
    name: 'subscription' as const,
    after: (expiresOf(event) ?? 0) * 1000 + GRACE,
  }),
} as const;

/** How long a last NOTIFY may take. */
const startFarewell = { type: 'startTimer', params: { name: 'subscription', after: GRACE } } as const;
/** The 200 may be lost behind its NOTIFY; timer F ends the wait before this does. */
const startAnswerWait = { type: 'startTimer', params: { name: 'subscription', after: 2 * GRACE } } as const;
const startUsage = { type: 'startTimer', params: { name: 'usage' } } as const;
const startRetryTimer = { type: 'startTimer', params: { name: 'retry' } } as const;
const stopRetryTimer = { type: 'stopTimer', params: { name: 'retry' } } as const;

/** Nobody came again: told with the status that asked for it. */
function tellRefusal(entry: 'refused' | 'transfer.refused') {
  return {
    type: 'journal',
    params: ({ context }: { context: SubscriptionContext }) => ({ entry, status: context.refusal }),
  } as const;
}

const plain = { actions: 'forward' } as const;

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
      { guard: 'isChallenge', target: 'challenged', actions: ['forward', recordRefusal] },
      { target: 'terminated', actions: ['forward', tellOf('refused')] },
    ],
    'request.notify': [
      { guard: 'endsThis', target: 'terminated', actions: ['forward', tell('refused')] },
      { guard: 'isConferenceNotify', target: 'conference-subscribed', actions: 'forward' },
      { target: 'subscribed', actions: 'forward' },
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
    'request.notify': [{ guard: 'endsThis', target: 'terminated', actions: ['forward', tell(left)] }, plain],
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
    'request.notify': [{ guard: 'endsThis', target: 'terminated', actions: ['forward', tell(left)] }, plain],
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
    'request.notify': [{ guard: 'endsThis', target: 'terminated', actions: 'forward' }, plain],
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
      { guard: 'isChallenge', target: 'challenged', actions: ['forward', recordRefusal] },
      { target: 'terminated', actions: ['forward', tellOf('refused')] },
    ],
    'request.notify': [{ guard: 'endsThis', target: 'terminated', actions: 'forward' }, plain],
    'timer.subscription': 'terminated',
  },
});

/** RFC 3261 §22.2: the one who asked was told to come again. */
const challenged = subscription.createStateConfig({
  tags: ['early'],
  meta: { rfc: '3261#22.2' },
  entry: startRetryTimer,
  exit: stopRetryTimer,
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
  entry: startUsage,
  on: {
    'request.refer': plain,
    'refer.accepted': { target: 'referred', actions: 'forward' },
    'refer.refused': [
      { guard: 'isChallenge', target: 'challenged', actions: ['forward', recordRefusal] },
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
    'subscribe.accepted': plain,
    'subscribe.refused': plain,
    'refer.accepted': plain,
    'refer.refused': plain,
    'notify.refused': plain,
    'bye.answered': plain,
    // A timer that outlived its state.
    'timer.*': {},
    // Forwarding never depends on an arrow.
    '*': { actions: ['forward', tellOf('unexpected')] },
  },
});
