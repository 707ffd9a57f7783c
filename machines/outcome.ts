// What an INVITE's final refusal means to people: which entry tells it.
import type { Entry, Origin } from './types.ts';

/** By us, these mean that no phone could be asked: nobody registered, no branch reached. */
const NOBODY_REACHED = new Set([404, 408, 410, 430, 480, 502, 503, 504]);

const BY_PHONE: Readonly<Record<number, Entry>> = {
  403: 'declined',
  433: 'declined',
  603: 'declined',
  607: 'declined',
  608: 'declined',
  486: 'busy',
  600: 'busy',
  408: 'no-answer',
  480: 'no-answer',
  487: 'cancelled',
};

/** RFC 3261 §21.4-21.6, RFC 5079, 8197, 8688. Whatever has no word of its own is `failed`. */
export function outcomeOf(status: number, origin: Origin): Entry {
  if (origin === 'us') return NOBODY_REACHED.has(status) ? 'unreachable' : 'failed';
  return BY_PHONE[status] ?? 'failed';
}

/** The caller is expected to try the same call again: RFC 3261 §22.2, §22.3; RFC 4028 §6. */
export function isChallenge(status: number): boolean {
  return status === 401 || status === 407 || status === 422;
}

export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** RFC 6665 §4.1.2.2: these answers to a refresh end the subscription; others leave it until it runs out. */
export function endsSubscription(status: number): boolean {
  return [404, 405, 410, 416, 489, 501, 604].includes(status) || (status >= 480 && status <= 485);
}
