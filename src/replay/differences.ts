// What the captured server sent that ours would not, and the other way round: transaction by transaction, each with its cause.
import { detached, type SipMessage } from '../sip/message.ts';
import { saysServer } from './call-facts.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointText, same } from './endpoint.ts';
import type { Known } from './known.ts';

/** How a difference came about, as far as the messages tell. */
export type Why =
  /** It answered a request that was a phone's to answer; the phone never saw it. */
  | 'answered-itself'
  /** It refused what ours passes on: nobody there, not allowed, too much to do. */
  | 'refused-itself'
  /** It gave up waiting for an answer, sooner than ours. */
  | 'gave-up'
  /** A request in a dialog that only the captured server knows: it made it by answering itself. */
  | 'own-dialog'
  /** It kept a request to itself and did not answer it either. */
  | 'never-forwarded'
  /** It passed on every retransmission; ours absorbs them. */
  | 'passed-retransmissions'
  /** It asked or answered again of itself. */
  | 'sent-again'
  /** It passed on an ACK that ends hop by hop: RFC 3261 §17.1.1.3. */
  | 'passed-ack'
  /** It passed on the 100 of each hop: RFC 3261 §16.7 step 5. */
  | 'passed-trying'
  /** It did not say 100 at once, or not at all: RFC 3261 §17.2.1. */
  | 'no-trying'
  /** Nobody in the capture answers in time: ours asks again, and gives up in the end, as RFC 3261 §17 says. */
  | 'asked-again'
  /** It wanted credentials (401, 407); ours is open. */
  | 'challenged'
  /** A request of its own: OPTIONS to keep a phone awake, NOTIFY of a service of its own. */
  | 'its-own'
  /** It sent the request to other phones. */
  | 'other-way'
  /** The message went from phone to phone; ours stays in the path. */
  | 'bypassed'
  /** CANCELs and what they answer: it cancelled other branches, or at another time. */
  | 'cancelled-otherwise'
  /** Ours refuses what it let pass. */
  | 'refused-by-ours'
  /** Another status. */
  | 'other-answer'
  /** What belongs to it is not in the capture, or was never sent: nothing tells which. */
  | 'outside-capture'
  | 'unexplained';

export interface Difference {
  /** Request and number, as in CSeq. */
  readonly cseq: string;
  readonly callId: string;
  readonly why: Why;
  /** What only it sent, and what only we send: `200 to 192.0.2.1:5060`, with the number of times. */
  readonly captured: readonly Sent[];
  readonly ours: readonly Sent[];
}

export interface Sent {
  readonly what: string;
  readonly to: string;
  readonly times: number;
}

interface Tally {
  /** Method or status. */
  readonly what: string;
  readonly status: number;
  readonly to: Endpoint;
  captured: number;
  ours: number;
}

/** All that was seen of one CSeq. */
interface Transaction {
  readonly method: string;
  readonly number: number;
  readonly fromTag: string;
  /** Times the request reached the server, and the final answers of phones. */
  asked: number;
  heard: number;
  /** The request went from phone to phone. */
  past: boolean;
  toTag: string;
  last: number;
  readonly tallies: Map<string, Tally>;
}

export class Differences {
  readonly #known: Known;
  readonly #calls = new Map<string, Map<string, Transaction>>();

  constructor(known: Known) {
    this.#known = known;
  }

  sent(who: 'captured' | 'ours', message: SipMessage, to: Endpoint, at: number): void {
    const transaction = this.#transaction(message, at);
    const status = message.kind === 'request' ? 0 : message.status;
    const what = message.kind === 'request' ? message.method : String(status);
    const key = `${what} ${endpointText(to)}`;
    let tally = transaction.tallies.get(key);
    if (tally === undefined) {
      tally = { what, status, to, captured: 0, ours: 0 };
      transaction.tallies.set(key, tally);
    }
    tally[who]++;
  }

  /** A phone sent this to the server, or past it. */
  received(message: SipMessage, at: number, past: boolean): void {
    const transaction = this.#transaction(message, at);
    if (message.kind === 'request') transaction.asked++;
    else if (message.status >= 200) transaction.heard++;
    if (past) transaction.past = true;
  }

  /** All of a call, which is forgotten. */
  take(callId: string): Difference[] {
    const transactions = this.#calls.get(callId);
    this.#calls.delete(callId);
    return transactions === undefined
      ? []
      : [...transactions.values()].flatMap((one) => this.#of(callId, one));
  }

  /** Those last heard of before an instant, outside of calls that `isLive` knows; forgotten. */
  takeOlder(than: number, isLive: (callId: string) => boolean): Difference[] {
    const found: Difference[] = [];
    for (const [callId, transactions] of this.#calls) {
      if (isLive(callId)) continue;
      for (const [key, transaction] of transactions) {
        if (transaction.last >= than) continue;
        found.push(...this.#of(callId, transaction));
        transactions.delete(key);
      }
      if (transactions.size === 0) this.#calls.delete(callId);
    }
    return found;
  }

  #transaction(message: SipMessage, at: number): Transaction {
    const { number, method } = message.cseq;
    const fromTag = message.from.tag ?? '';
    let transactions = this.#calls.get(message.callId);
    if (transactions === undefined) {
      transactions = new Map();
      this.#calls.set(detached(message.callId), transactions);
    }
    const key = `${number} ${method} ${fromTag}`;
    let transaction = transactions.get(key);
    if (transaction === undefined) {
      transaction = {
        method: detached(method),
        number,
        fromTag: detached(fromTag),
        asked: 0,
        heard: 0,
        past: false,
        toTag: '',
        last: at,
        tallies: new Map(),
      };
      transactions.set(key, transaction);
    }
    transaction.last = at;
    if (message.kind === 'request' && message.to.tag !== undefined)
      transaction.toTag = detached(message.to.tag);
    return transaction;
  }

  #of(callId: string, transaction: Transaction): Difference[] {
    const differing = [...transaction.tallies.values()].filter(({ captured, ours }) => captured !== ours);
    if (differing.length === 0) return [];
    const byWhy = new Map<Why, Tally[]>();
    for (const tally of differing) {
      const why = this.#why(callId, transaction, tally);
      const same = byWhy.get(why);
      if (same === undefined) byWhy.set(why, [tally]);
      else same.push(tally);
    }
    const cseq = `${transaction.number} ${transaction.method}`;
    return [...byWhy].map(([why, tallies]) => ({
      cseq,
      callId,
      why,
      captured: tallies.filter((t) => t.captured > t.ours).map((t) => sentOf(t, t.captured - t.ours)),
      ours: tallies.filter((t) => t.ours > t.captured).map((t) => sentOf(t, t.ours - t.captured)),
    }));
  }

  /** Ordered: the first that fits. */
  #why(callId: string, t: Transaction, tally: Tally): Why {
    const { method } = t;
    const more = tally.captured > tally.ours ? 'captured' : 'ours';
    const all = [...t.tallies.values()];
    const finals = all.filter(({ status }) => status >= 200);
    const captured = finals.filter((one) => one.captured > 0);
    const ours = finals.filter((one) => one.ours > 0);
    const passed = all.some((one) => one.status === 0 && one.captured > 0);
    const forwarded = all.some((one) => one.status === 0 && one.ours > 0);
    const facts = this.#known.call(callId);

    if (t.past) return 'bypassed';
    if (captured.some(({ status }) => status === 401 || status === 407) && t.heard === 0) return 'challenged';
    if (method === 'ACK') {
      if (facts?.refusedInvite(t.number, t.fromTag) === true)
        return more === 'captured' ? 'passed-ack' : 'asked-again';
      if (tally.captured > 0 && tally.ours > 0)
        return more === 'captured' ? 'passed-retransmissions' : 'sent-again';
      if (t.asked === 0) return 'outside-capture';
      return more === 'ours' && !passed ? 'never-forwarded' : 'other-way';
    }
    const itself = t.asked > 0 && t.heard === 0 && !passed && captured.length > 0;
    if (itself && forwarded)
      return captured.some(({ status }) => status < 300) ? 'answered-itself' : 'refused-itself';
    if (itself && method !== 'REGISTER') {
      const theirs = captured.every(({ status }) => status < 300);
      if (theirs && t.toTag !== '' && facts?.isPhoneTag(t.toTag) !== true && ours.length > 0)
        return 'own-dialog';
    }
    if (t.asked > 0 && !passed && forwarded && captured.length === 0) return 'never-forwarded';
    if (tally.status === 100) {
      if (more === 'ours' && method === 'INVITE')
        return tally.captured > 0 ? 'passed-retransmissions' : 'no-trying';
      if (more === 'ours') return 'asked-again';
      return tally.ours > 0 || method !== 'INVITE' ? 'passed-trying' : 'outside-capture';
    }
    if (tally.status === 0 && t.asked === 0 && more === 'captured' && tally.ours === 0)
      return method === 'CANCEL' ? 'cancelled-otherwise' : 'its-own';
    if (tally.captured > 0 && tally.ours > 0) {
      if (more === 'ours') return t.asked > 1 && tally.status > 0 ? 'passed-retransmissions' : 'asked-again';
      return t.asked > 1 || t.heard > 1 ? 'passed-retransmissions' : 'sent-again';
    }
    if (method === 'CANCEL') return 'cancelled-otherwise';
    if (tally.status === 0) {
      if (
        ours.some(
          ({ status, to }) =>
            saysServer(status) && !captured.some((one) => one.status === status && same(one.to, to)),
        ) &&
        !forwarded
      )
        return 'refused-by-ours';
      if (passed && forwarded) return 'other-way';
      // A phone answered it: it was passed on, and the capture lost it.
      if (more === 'ours' && t.heard > 0) return 'outside-capture';
      return this.#kept(more, t);
    }
    if (more === 'captured' && tally.status === 408 && t.heard === 0) return 'gave-up';
    if (tally.status === 487) return 'cancelled-otherwise';
    if (more === 'ours' && tally.status === 408) return 'asked-again';
    if (more === 'ours' && tally.status < 200) return 'outside-capture';
    if (more === 'ours' && captured.length === 0)
      return saysServer(tally.status) && t.heard === 0 && !forwarded ? 'refused-by-ours' : 'outside-capture';
    if (ours.length > 0 && captured.length > 0)
      return ours.every(({ status }) => saysServer(status)) && passed ? 'refused-by-ours' : 'other-answer';
    return this.#kept(more, t);
  }

  /** Nothing in the messages says why. */
  #kept(more: 'captured' | 'ours', t: Transaction): Why {
    return more === 'captured' && t.asked === 0 ? 'outside-capture' : 'unexplained';
  }
}

function sentOf({ what, to }: Tally, times: number): Sent {
  return { what, to: endpointText(to), times };
}
