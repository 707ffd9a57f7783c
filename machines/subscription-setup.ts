// The words of the subscription's chart: what it remembers and its guards.
import { setup } from 'xstate';
import { effects } from './effects.ts';
import { endsUnknown, expiresOf, progressOf, statusOf } from './event-facts.ts';
import { endsSubscription, isChallenge } from './outcome.ts';
import type { DialogEvent, Package } from './types.ts';

/** JSON-safe facts. */
export interface SubscriptionContext {
  readonly package: Package;
  /** Why the opening request has to come again; 0: it has not. */
  readonly refusal: number;
}

interface Now {
  readonly context: SubscriptionContext;
  readonly event: DialogEvent;
}

function isOfThisPackage({ context, event }: Now): boolean {
  return 'package' in event && event.package === context.package;
}

export const subscription = setup({
  types: {
    context: {} as SubscriptionContext,
    events: {} as DialogEvent,
    tags: {} as 'early' | 'answered' | 'ending',
    meta: {} as { readonly rfc: string },
  },
  actions: effects,
  guards: {
    isConference: ({ context }) => context.package === 'conference',
    isConferenceNotify: (now) => isOfThisPackage(now) && now.context.package === 'conference',
    isOfThisPackage,
    isRefer: ({ context }) => context.package === 'refer',
    isFetch: ({ event }) => expiresOf(event) === 0,
    isUnsubscribe: (now) => expiresOf(now.event) === 0 && isOfThisPackage(now),
    // RFC 6665 §4.1.2.1: 423 asks for a longer interval
    isChallenge: ({ event }) => isChallenge(statusOf(event)) || statusOf(event) === 423,
    endsSubscription: ({ event }) => endsSubscription(statusOf(event)),
    isGone: ({ event }) => statusOf(event) === 481,
    isLastNotify: (now) =>
      now.event.type === 'request.notify' && now.event.terminated && isOfThisPackage(now),
    // a REFER's NOTIFYs, RFC 3515 §2.4.5
    reportsProgress: ({ event }) => progressOf(event) >= 100 && progressOf(event) < 200,
    reportsSuccess: ({ event }) => progressOf(event) >= 200 && progressOf(event) < 300,
    reportsFailure: ({ event }) => progressOf(event) >= 300,
    endsUnknown: ({ event }) => endsUnknown(event),
  },
});

export const recordPackage = subscription.assign(({ event }) => ({
  package: 'package' in event ? event.package : 'refer',
}));

export const recordRefusal = subscription.assign(({ event }) => ({ refusal: statusOf(event) }));
