// RFC 3261 §16.7 steps 6 and 7: which of several failures the caller gets.
import type { SipResponse } from '../sip/message.ts';

/** Responses that tell the caller how to try again come before those that do not. */
const TELLING = new Set([401, 407, 415, 420, 484]);

/** undefined for an empty list. The 401 or 407 chosen carries the challenges of all. */
export function chooseBest(responses: readonly SipResponse[]): SipResponse | undefined {
  let best: SipResponse | undefined;
  for (const response of responses) {
    if (best === undefined || rank(response.status) < rank(best.status)) best = response;
  }
  if (best !== undefined && responses.length > 1 && (best.status === 401 || best.status === 407)) {
    return withChallenges(best, responses);
  }
  return best;
}

/** Smaller is better: 6xx, then the lowest class; inside 4xx those that tell, then what a phone says, then time-outs. */
function rank(status: number): number {
  if (status >= 600) return 0;
  const base = Math.floor(status / 100) * 10;
  if (TELLING.has(status)) return base;
  if (status === 503) return base + 5;
  return status === 408 || status === 487 ? base + 2 : base + 1;
}

/** §16.7 step 7: WWW-Authenticate and Proxy-Authenticate of every 401 and 407 are collected. */
function withChallenges(best: SipResponse, responses: readonly SipResponse[]): SipResponse {
  const all = best.copy();
  for (const other of responses) {
    if (other === best || (other.status !== 401 && other.status !== 407)) continue;
    for (const line of other.headers) {
      if (line.key === 'www-authenticate' || line.key === 'proxy-authenticate') all.headers.push(line);
    }
  }
  return all;
}
