// Offer and answer (RFC 3264) as far as people notice it: is there video, and who holds whom. Pure.
import type { Direction, Entry, Media, Side } from './types.ts';

/** What both sides agreed upon. */
export interface Terms {
  readonly video: boolean;
  readonly heldBy: 'nobody' | Side | 'both';
}

/** An offer on its way. `media` null: the request brought none, so the answer's sender makes the offer. */
export interface Offer {
  readonly side: Side;
  readonly by: 'INVITE' | 'UPDATE' | 'PRACK';
  readonly media: Media | null;
}

export interface Change {
  readonly entry: Entry;
  readonly side: Side;
}

export const PLAIN: Media = { audio: 'sendrecv', video: 'off' };
export const NOTHING_AGREED: Terms = { video: false, heldBy: 'nobody' };

/** A call with sound both ways and no picture: what nearly every call is. */
export function isPlain(media: Media): boolean {
  return media.audio === 'sendrecv' && media.video === 'off';
}

export function otherSide(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}

/** The direction that tells a hold: the sound's; the picture's where there is no sound. */
function direction(media: Media): Direction {
  return media.audio === 'off' ? media.video : media.audio;
}

/** RFC 3264 §8.4: who says sendonly or inactive puts the other on hold. */
function holds(media: Media): boolean {
  const said = direction(media);
  return said === 'sendonly' || said === 'inactive';
}

/** During a hold a picture may rest: only port 0 takes it away then. */
function hasVideo(media: Media, terms: Terms, onHold: boolean): boolean {
  if (media.video === 'inactive') return onHold && terms.video;
  return media.video !== 'off';
}

function sideHolds(terms: Terms, side: Side): boolean {
  return terms.heldBy === side || terms.heldBy === 'both';
}

function holder(caller: boolean, callee: boolean): Terms['heldBy'] {
  if (caller) return callee ? 'both' : 'caller';
  return callee ? 'callee' : 'nobody';
}

/** Does the offer want a picture? */
function wantsVideo(terms: Terms, side: Side, offer: Media): boolean {
  return hasVideo(offer, terms, holds(offer) || sideHolds(terms, otherSide(side)));
}

/** A picture where there is none, or none where there is one? */
export function asks(terms: Terms, side: Side, offer: Media): 'on' | 'off' | undefined {
  const wanted = wantsVideo(terms, side, offer);
  if (wanted === terms.video) return undefined;
  return wanted ? 'on' : 'off';
}

/** The terms once an offer is answered. An answer without SDP leaves them as they are. */
export function agreed(terms: Terms, offer: Offer, answer: Media | undefined): Terms {
  const { side, media } = offer;
  if (media === null || answer === undefined) return terms;
  const offererHolds = holds(media);
  // Only a sendrecv offer leaves the answerer free to say whether it holds (RFC 3264 §6.1).
  const answererHolds = direction(media) === 'sendrecv' ? holds(answer) : sideHolds(terms, otherSide(side));
  const heldBy =
    side === 'caller' ? holder(offererHolds, answererHolds) : holder(answererHolds, offererHolds);
  const onHold = heldBy !== 'nobody';
  const bothHave = hasVideo(media, terms, onHold) && hasVideo(answer, terms, onHold);
  return { video: bothHave && wantsVideo(terms, side, media), heldBy };
}

/** What to tell when `before` becomes `after`; `offerer` asked for it. */
export function changes(before: Terms, after: Terms, offerer: Side): Change[] {
  const told: Change[] = [];
  if (before.video !== after.video)
    told.push({ entry: after.video ? 'video.on' : 'video.off', side: offerer });
  for (const side of ['caller', 'callee'] as const) {
    if (sideHolds(before, side) === sideHolds(after, side)) continue;
    told.push({ entry: sideHolds(after, side) ? 'hold' : 'resume', side });
  }
  return told;
}
