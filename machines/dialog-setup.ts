// The words of the call's chart: what it remembers, its guards, and how offers and answers are written down.
import { setup } from 'xstate';
import { effects } from './effects.ts';
import { endsUnknown, mediaOf, progressOf, sideOf, statusOf } from './event-facts.ts';
import {
  agreed,
  asks,
  changes,
  isPlain,
  NOTHING_AGREED,
  type Offer,
  otherSide,
  PLAIN,
  type Terms,
} from './offer-answer.ts';
import { isChallenge, isRedirect } from './outcome.ts';
import type { DialogEvent, Media, Side } from './types.ts';

/** JSON-safe facts. A basic call (sound only, answered in the 2xx) leaves them untouched from end to end. */
export interface DialogContext {
  /** The offer under way, or the last one. */
  readonly offer: Offer;
  /** The other side's, made meanwhile (RFC 3261 §14.2); null: there is none. */
  readonly crossed: Offer | null;
  /** An answer that came before the 2xx (reliable 18x, PRACK). */
  readonly earlyAnswer: Media | null;
  /** Further offers before the 2xx (UPDATE, PRACK): those not answered, by side, and what the others agreed upon. */
  readonly early: {
    readonly offers: Readonly<Partial<Record<Side, Offer>>>;
    readonly terms: Terms | null;
  } | null;
  readonly terms: Terms;
  /** Why the opening INVITE has to come again; 0: it has not. */
  readonly refusal: number;
  /** An earlier attempt of the same call rang already. */
  readonly rang: boolean;
}

export const INITIAL_CONTEXT: DialogContext = {
  offer: { side: 'caller', by: 'INVITE', media: PLAIN },
  crossed: null,
  earlyAnswer: null,
  early: null,
  terms: NOTHING_AGREED,
  refusal: 0,
  rang: false,
};

interface Now {
  readonly context: DialogContext;
  readonly event: DialogEvent;
}

function carrierOf(event: DialogEvent): Offer['by'] {
  if (event.type === 'request.update' || event.type.startsWith('update.')) return 'UPDATE';
  return event.type === 'request.prack' || event.type === 'response.other' ? 'PRACK' : 'INVITE';
}

/** Does this answer or refuse the offer under way (and not another one, and not once more)? */
function concernsOffer({ context, event }: Now): boolean {
  if (event.type === 'request.ack') return event.side !== context.offer.side;
  if ('again' in event && event.again) return false;
  return sideOf(event) === context.offer.side && carrierOf(event) === context.offer.by;
}

/** The same of the offer that crossed it. */
function concernsCrossed({ context: { crossed }, event }: Now): boolean {
  if (crossed === null || ('again' in event && event.again)) return false;
  return sideOf(event) === crossed.side && carrierOf(event) === crossed.by;
}

function termsAfter({ context, event }: Now): Terms {
  const further = context.early?.terms ?? null;
  if (event.type === 'response.success' && mediaOf(event) === undefined && further !== null) return further;
  const early = event.type === 'response.success' ? context.earlyAnswer : null;
  return agreed(context.terms, context.offer, mediaOf(event) ?? early ?? undefined);
}

/** RFC 3261 §13.2.1: when the INVITE brought no offer, its 2xx does. */
function isLateOffer(now: Now): boolean {
  if (mediaOf(now.event) === undefined) return false;
  const { offer, earlyAnswer } = now.context;
  if (now.event.type !== 'response.success') return offer.media === null && concernsOffer(now);
  return offer.media === null || (offer.side === 'callee' && earlyAnswer === null);
}

/** RFC 3262 §5, RFC 3311 §5.1: the INVITE's offer has been answered, and another one is made before the 2xx. */
function offersEarly({ context, event }: Now): boolean {
  if (mediaOf(event) === undefined) return false;
  return !(event.type === 'request.prack' && answersEarlyOffer({ context, event }));
}

function answersEarlyOffer({ context, event }: Now): boolean {
  return mediaOf(event) !== undefined && context.offer.side === 'callee' && context.earlyAnswer === null;
}

/** The 200 to an UPDATE or PRACK that made an offer; `side` is whose request it was. */
function agreesEarly({ context, event }: Now): boolean {
  const offer = context.early?.offers[sideOf(event)];
  return offer !== undefined && offer.by === carrierOf(event) && mediaOf(event) !== undefined;
}

/** A reliable 18x (RFC 3262) may answer the INVITE's offer, or make the offer that the INVITE asked for. */
function bringsEarlyMedia({ context, event }: Now): boolean {
  const media = mediaOf(event);
  if (media === undefined) return false;
  return context.offer.side === 'callee' || context.offer.media === null || !isPlain(media);
}

function isRinging(event: DialogEvent): boolean {
  return statusOf(event) >= 180 && statusOf(event) < 190;
}

/** RFC 3261 §14.1: 491, both offered at once; and the challenges. The same offer comes again in a moment. */
function comesAgain(now: Now): boolean {
  return concernsOffer(now) && (statusOf(now.event) === 491 || isChallenge(statusOf(now.event)));
}

function askOf({ context, event }: Now): 'on' | 'off' | undefined {
  const media = mediaOf(event);
  return media === undefined ? undefined : asks(context.terms, sideOf(event), media);
}

function isHeld({ context }: Now): boolean {
  return context.terms.heldBy !== 'nobody';
}

export const dialog = setup({
  types: {
    context: {} as DialogContext,
    events: {} as DialogEvent,
    tags: {} as 'early' | 'answered' | 'ending',
    meta: {} as { readonly rfc: string },
  },
  actions: effects,
  guards: {
    // the opening INVITE and its answers
    bringsPlainOffer: ({ event }) => {
      const media = mediaOf(event);
      return media !== undefined && isPlain(media);
    },
    isRinging: ({ event }) => isRinging(event),
    isRingingAgain: ({ context, event }) => context.rang && isRinging(event),
    isRingingWithMedia: (now) => isRinging(now.event) && bringsEarlyMedia(now),
    bringsEarlyMedia,
    answersEarlyOffer,
    offersEarly,
    agreesEarly,
    isChallenge: ({ event }) => isChallenge(statusOf(event)),
    isRedirect: ({ event }) => isRedirect(statusOf(event)),
    startsPlain: ({ context, event }) => {
      const { offer, earlyAnswer, early } = context;
      if (earlyAnswer !== null || early !== null || offer.media === null || !isPlain(offer.media))
        return false;
      const answer = mediaOf(event);
      return answer === undefined || isPlain(answer);
    },
    startsHeld: (now) => termsAfter(now).heldBy !== 'nobody',
    startsWithVideo: (now) => termsAfter(now).video,
    // offers
    bringsNoOffer: ({ event }) => mediaOf(event) === undefined,
    isLateOffer,
    concernsCrossed,
    leavesCrossed: (now) => concernsOffer(now) && now.context.crossed !== null,
    crossesOffer: ({ context, event }) => sideOf(event) !== context.offer.side,
    asksVideoOn: (now) => askOf(now) === 'on',
    asksVideoOff: (now) => askOf(now) === 'off',
    // answers
    answers: concernsOffer,
    agreesHold: (now) => concernsOffer(now) && termsAfter(now).heldBy !== 'nobody',
    agreesVideo: (now) => concernsOffer(now) && termsAfter(now).video,
    // refusals, and where they lead back to
    refuses: concernsOffer,
    refusesInHold: (now) => concernsOffer(now) && isHeld(now),
    refusesInVideo: (now) => concernsOffer(now) && now.context.terms.video,
    comesAgain,
    comesAgainInHold: (now) => comesAgain(now) && isHeld(now),
    // a REFER's NOTIFYs, RFC 3515 §2.4.5
    reportsProgress: ({ event }) => progressOf(event) >= 100 && progressOf(event) < 200,
    reportsSuccess: ({ event }) => progressOf(event) >= 200 && progressOf(event) < 300,
    reportsFailure: ({ event }) => progressOf(event) >= 300,
    endsUnknown: ({ event }) => endsUnknown(event),
  },
});

/** The opening INVITE's offer, or none. */
export const recordOpeningOffer = dialog.assign(({ event }) => ({
  offer: { side: 'caller', by: 'INVITE', media: mediaOf(event) ?? null },
  earlyAnswer: null,
  early: null,
  refusal: 0,
}));

/** An offer inside the dialog. */
export const recordOffer = dialog.assign(({ event }) => ({
  offer: { side: sideOf(event), by: carrierOf(event), media: mediaOf(event) ?? null },
  crossed: null,
}));

export const recordCrossed = dialog.assign(({ event }) => {
  const media = mediaOf(event);
  return { crossed: media === undefined ? null : { side: sideOf(event), by: carrierOf(event), media } };
});

export const forgetCrossed = dialog.assign({ crossed: null });

/** The offer under way is settled; the one that crossed it is not. */
export const takeUpCrossed = dialog.assign(({ context }) => ({
  offer: context.crossed ?? context.offer,
  crossed: null,
}));

/** The offer that came in a 2xx: made by the side that was asked. */
export const recordLateOffer = dialog.assign(({ context, event }) => ({
  offer: {
    side: event.type === 'response.success' ? 'callee' : otherSide(context.offer.side),
    by: 'INVITE',
    media: mediaOf(event) ?? null,
  },
}));

/** An 18x with SDP: the answer to the INVITE's offer, or the offer it asked for. */
export const recordEarlyMedia = dialog.assign(({ context, event }) => {
  const media = mediaOf(event);
  if (media === undefined) return {};
  return context.offer.side === 'callee' || context.offer.media === null
    ? { offer: { side: 'callee', by: 'INVITE', media } }
    : { earlyAnswer: media };
});

export const recordEarlyAnswer = dialog.assign(({ event }) => ({ earlyAnswer: mediaOf(event) ?? null }));

export const recordFurtherOffer = dialog.assign(({ context, event }) => ({
  early: {
    terms: context.early?.terms ?? null,
    offers: {
      ...context.early?.offers,
      [sideOf(event)]: { side: sideOf(event), by: carrierOf(event), media: mediaOf(event) ?? null },
    },
  },
}));

/** An early offer is answered: that is what the call begins with, if its 2xx says nothing else. */
export const recordEarlyTerms = dialog.assign(({ context, event }) => {
  const { [sideOf(event)]: offer, ...offers } = context.early?.offers ?? {};
  if (offer === undefined) return {};
  const first = agreed(NOTHING_AGREED, context.offer, context.earlyAnswer ?? undefined);
  return { early: { offers, terms: agreed(context.early?.terms ?? first, offer, mediaOf(event)) } };
});

export const recordRefusal = dialog.assign(({ event }) => ({ refusal: statusOf(event) }));

export const recordRing = dialog.assign({ rang: true });

export const recordTerms = dialog.assign(({ context, event }) => ({ terms: termsAfter({ context, event }) }));

/** The crossed offer was taken after all: its terms hold, while the other is still under way. */
export const recordCrossedTerms = dialog.assign(({ context, event }) => {
  const { crossed, terms } = context;
  return crossed === null ? {} : { terms: agreed(terms, crossed, mediaOf(event)), crossed: null };
});

/** Runs before `recordCrossedTerms`. */
export const tellCrossedTerms = dialog.enqueueActions(({ context, event, enqueue }) => {
  const { crossed, terms } = context;
  if (crossed === null) return;
  for (const change of changes(terms, agreed(terms, crossed, mediaOf(event)), crossed.side)) {
    enqueue({ type: 'journal', params: change });
  }
});

/** Tells what the answer changed. Runs before `recordTerms`. */
export const tellTerms = dialog.enqueueActions(({ context, event, enqueue }) => {
  for (const change of changes(context.terms, termsAfter({ context, event }), context.offer.side)) {
    enqueue({ type: 'journal', params: change });
  }
});

/** The same where a picture was asked for: that none comes is told, too. */
export const tellVideoTerms = dialog.enqueueActions(({ context, event, enqueue }) => {
  const after = termsAfter({ context, event });
  const { side } = context.offer;
  for (const change of changes(context.terms, after, side)) enqueue({ type: 'journal', params: change });
  if (!after.video) enqueue({ type: 'journal', params: { entry: 'video.refused', side } });
});
