// The words of the INVITE chart: what it remembers, its guards, and how offers and answers are written down.
import { setup } from 'xstate';
import { effects } from './effects.ts';
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

/** JSON-safe facts. A basic call (sound only, answered in the 2xx) leaves it untouched from end to end. */
export interface DialogContext {
  /** The offer under way, or the last one. */
  readonly offer: Offer;
  /** An answer that came before the 2xx (reliable 18x, PRACK). */
  readonly earlyAnswer: Media | null;
  readonly terms: Terms;
  /** Why the opening INVITE has to come again; 0: it has not. */
  readonly refusal: number;
}

export const INITIAL_CONTEXT: DialogContext = {
  offer: { side: 'caller', by: 'INVITE', media: PLAIN },
  earlyAnswer: null,
  terms: NOTHING_AGREED,
  refusal: 0,
};

interface Now {
  readonly context: DialogContext;
  readonly event: DialogEvent;
}

function mediaOf(event: DialogEvent): Media | undefined {
  return 'media' in event ? event.media : undefined;
}

function sideOf(event: DialogEvent): Side {
  return 'side' in event ? event.side : 'callee';
}

function statusOf(event: DialogEvent): number {
  return 'status' in event ? event.status : 0;
}

/** What brought the offer that this event answers or refuses. */
function carrier(event: DialogEvent): Offer['by'] {
  return event.type.startsWith('update') || event.type === 'request.update' ? 'UPDATE' : 'INVITE';
}

/** Is this an answer to the request that brought the offer under way, and not a retransmission? */
function concernsOffer({ context, event }: Now): boolean {
  if (event.type === 'request.ack') return event.side !== context.offer.side;
  if ('again' in event && event.again) return false;
  return sideOf(event) === context.offer.side && carrier(event) === context.offer.by;
}

function termsAfter({ context, event }: Now): Terms {
  const answer = mediaOf(event) ?? (event.type === 'response.success' ? context.earlyAnswer : null);
  return agreed(context.terms, context.offer, answer ?? undefined);
}

/** The answer's sender makes the offer: RFC 3261 §13.2.1, second bullet. */
function isLateOffer({ context, event }: Now): boolean {
  if (mediaOf(event) === undefined) return false;
  const { offer, earlyAnswer } = context;
  if (event.type === 'response.success') {
    return offer.media === null || (offer.side === 'callee' && earlyAnswer === null);
  }
  return offer.media === null && concernsOffer({ context, event });
}

/** A reliable 18x (RFC 3262) may answer the INVITE's offer, or make the offer that the INVITE asked for. */
function bringsEarlyMedia({ context, event }: Now): boolean {
  const media = mediaOf(event);
  if (media === undefined) return false;
  return context.offer.side === 'callee' || context.offer.media === null || !isPlain(media);
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
    // opening INVITE and its answers
    bringsPlainOffer: ({ event }) => {
      const media = mediaOf(event);
      return media !== undefined && isPlain(media);
    },
    isChallenge: ({ event }) => isChallenge(statusOf(event)),
    isRedirect: ({ event }) => isRedirect(statusOf(event)),
    isRinging: ({ event }) => statusOf(event) >= 180 && statusOf(event) < 190,
    ringsWithMedia: ({ context, event }) =>
      statusOf(event) >= 180 && statusOf(event) < 190 && bringsEarlyMedia({ context, event }),
    bringsEarlyMedia,
    answersEarlyOffer: ({ context, event }) =>
      mediaOf(event) !== undefined && context.offer.side === 'callee' && context.earlyAnswer === null,
    staysPlain: ({ context, event }) => {
      const media = mediaOf(event);
      const { offer, earlyAnswer } = context;
      return (
        earlyAnswer === null &&
        offer.media !== null &&
        isPlain(offer.media) &&
        (media === undefined || isPlain(media))
      );
    },
    // offers and answers
    isLateOffer,
    bringsNoOffer: ({ event }) => mediaOf(event) === undefined,
    fromOfferer: ({ context, event }) => sideOf(event) === context.offer.side,
    fromAnswerer: ({ context, event }) => sideOf(event) !== context.offer.side,
    asksVideoOn: ({ context, event }) => askOf({ context, event }) === 'on',
    asksVideoOff: ({ context, event }) => askOf({ context, event }) === 'off',
    answers: concernsOffer,
    agreesHold: (now) => concernsOffer(now) && termsAfter(now).heldBy !== 'nobody',
    agreesVideo: (now) => concernsOffer(now) && termsAfter(now).video,
    startsOnHold: (now) => termsAfter(now).heldBy !== 'nobody',
    startsWithVideo: (now) => termsAfter(now).video,
    // refusals: where to go back to
    refuses: concernsOffer,
    refusesOnHold: (now) => concernsOffer(now) && now.context.terms.heldBy !== 'nobody',
    refusesInVideo: (now) => concernsOffer(now) && now.context.terms.video,
    mustComeAgain: (now) => concernsOffer(now) && isChallenge(statusOf(now.event)),
    // RFC 3261 §14.1: both sides offered at once, each tries again a moment later
    glares: (now) => concernsOffer(now) && statusOf(now.event) === 491,
    glaresOnHold: (now) =>
      concernsOffer(now) && statusOf(now.event) === 491 && now.context.terms.heldBy !== 'nobody',
    // NOTIFYs of a REFER, RFC 3515 §2.4.4
    reportsProgress: ({ event }) => progressOf(event) >= 100 && progressOf(event) < 200,
    reportsSuccess: ({ event }) => progressOf(event) >= 200 && progressOf(event) < 300,
    reportsFailure: ({ event }) => progressOf(event) >= 300,
    endsUnknown: ({ event }) =>
      event.type === 'request.notify' &&
      event.package === 'refer' &&
      event.terminated &&
      progressOf(event) < 200,
  },
});

function progressOf(event: DialogEvent): number {
  return event.type === 'request.notify' && event.package === 'refer' ? (event.progress ?? 0) : 0;
}

function askOf({ context, event }: Now): 'on' | 'off' | undefined {
  const media = mediaOf(event);
  return media === undefined ? undefined : asks(context.terms, sideOf(event), media);
}

/** The opening INVITE's offer, or none. Not run for a plain one. */
export const recordOpeningOffer = dialog.assign(({ event }) => ({
  offer: { side: 'caller', by: 'INVITE', media: mediaOf(event) ?? null },
}));

/** An offer inside the dialog. */
export const recordOffer = dialog.assign(({ event }) => ({
  offer: { side: sideOf(event), by: carrier(event), media: mediaOf(event) ?? null },
}));

/** The offer that came in a 2xx: its side is the one that was asked. */
export const recordLateOffer = dialog.assign(({ context, event }) => ({
  offer: {
    side: event.type === 'response.success' ? 'callee' : otherSide(context.offer.side),
    by: 'INVITE',
    media: mediaOf(event) ?? null,
  },
}));

/** An 18x with SDP: the answer to the INVITE's offer, or the offer it asked for. */
export const recordEarlyMedia = dialog.assign(({ context, event }) => {
  const media = mediaOf(event) ?? null;
  return context.offer.side === 'callee' || context.offer.media === null
    ? { offer: { side: 'callee', by: 'INVITE', media } }
    : { earlyAnswer: media };
});

export const recordEarlyAnswer = dialog.assign(({ event }) => ({ earlyAnswer: mediaOf(event) ?? null }));

export const recordTerms = dialog.assign(({ context, event }) => ({ terms: termsAfter({ context, event }) }));

export const recordRefusal = dialog.assign(({ event }) => ({ refusal: statusOf(event) }));

/** Tells what the answer changed. Runs before `recordTerms`. */
export const tellTerms = dialog.enqueueActions(({ context, event, enqueue }) => {
  for (const change of changes(context.terms, termsAfter({ context, event }), context.offer.side)) {
    enqueue({ type: 'journal', params: change });
  }
});

/** The same after a picture was asked for: that none came is worth telling too. */
export const tellVideoAnswer = dialog.enqueueActions(({ context, event, enqueue }) => {
  const after = termsAfter({ context, event });
  for (const change of changes(context.terms, after, context.offer.side)) {
    enqueue({ type: 'journal', params: change });
  }
  if (!after.video)
    enqueue({ type: 'journal', params: { entry: 'video.refused', side: context.offer.side } });
});
