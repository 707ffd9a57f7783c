// What the captured server sent that ours would not, and the other way round: by message, not by instant.
import type { SipMessage } from '../sip/message.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointText } from './known.ts';

/** How a difference came about, as far as the messages tell. */
export type Why =
  /** It answered a request that was a phone's to answer; the phone never saw it. */
  | 'answered-itself'
  /** It kept a request to itself that we would pass to the phone it was meant for. */
  | 'never-forwarded'
  /** It passed on every retransmission; ours absorbs them. */
  | 'passed-retransmissions'
  /** It passed an ACK on that ends hop by hop (RFC 3261 §17.1.1.3), or a response that does (100). */
  | 'passed-hop-by-hop'
  /** A request that nobody in the capture answers: ours asks again, as RFC 3261 §17 says. */
  | 'asked-again'
  /** Another status. */
  | 'other-status'
  | 'unexplained';

export interface Difference {
  readonly who: 'captured' | 'callchart';
  readonly what: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: string;
  /** How many more than the other server. */
  readonly times: number;
  readonly why: Why;
}

interface Tally {
  readonly what: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: string;
  readonly isRequest: boolean;
  readonly method: string;
  readonly status: number;
  captured: number;
  ours: number;
}

export class Differences {
  readonly #all = new Map<string, Tally>();
  /** `Call-ID CSeq` of requests a phone answered itself. */
  readonly #answered = new Set<string>();

  sent(who: 'captured' | 'callchart', message: SipMessage, to: Endpoint): void {
    const { number, method } = message.cseq;
    const what = message.kind === 'request' ? message.method : `${message.status}`;
    const key = `${endpointText(to)} ${what} ${message.callId} ${number} ${method}`;
    let tally = this.#all.get(key);
    if (tally === undefined) {
      tally = {
        what: message.kind === 'request' ? `${message.method} ${message.uri}` : `${message.status} ${method}`,
        to: endpointText(to),
        callId: message.callId,
        cseq: `${number} ${method}`,
        isRequest: message.kind === 'request',
        method,
        status: message.kind === 'request' ? 0 : message.status,
        captured: 0,
        ours: 0,
      };
      this.#all.set(key, tally);
    }
    if (who === 'captured') tally.captured++;
    else tally.ours++;
  }

  /** A final response of a phone. */
  phoneAnswered(callId: string, cseq: string): void {
    this.#answered.add(`${callId} ${cseq}`);
  }

  list(): Difference[] {
    const found: Difference[] = [];
    for (const t of this.#all.values()) {
      const times = t.captured - t.ours;
      if (times === 0) continue;
      const { what, to, callId, cseq } = t;
      const who = times > 0 ? 'captured' : 'callchart';
      found.push({ who, what, to, callId, cseq, times: Math.abs(times), why: this.#why(t) });
    }
    return found;
  }

  #why(t: Tally): Why {
    const byPhone = this.#answered.has(`${t.callId} ${t.cseq}`);
    if (t.captured > t.ours) {
      if (t.ours > 0) return 'passed-retransmissions';
      if (t.isRequest && t.method === 'ACK') return 'passed-hop-by-hop';
      if (t.status === 100) return 'passed-hop-by-hop';
      if (!t.isRequest && !byPhone) return 'answered-itself';
      return t.isRequest ? 'unexplained' : 'other-status';
    }
    // RFC 4320 §4.1: 100 to a non-INVITE that takes long.
    if ((t.isRequest && t.captured > 0) || (t.status === 100 && t.method !== 'INVITE')) return 'asked-again';
    if (t.isRequest) return byPhone ? 'unexplained' : 'never-forwarded';
    return 'other-status';
  }
}
