// What the first look at a capture tells of one Call-ID: what reached the server, what left it, and so which side is missing.
import { detached, type SipMessage, type SipRequest, type SipResponse } from '../sip/message.ts';
import { parseNameAddr, parseUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointOf, endpointOfVia, endpointText } from './endpoint.ts';
import type { ServerNames } from './server-names.ts';
import { vias } from './vias.ts';

interface Asked {
  readonly source: Endpoint;
  readonly uri: string;
  readonly maxForwards: string;
}

export class CallFacts {
  /** Requests that reached the server. */
  readonly #asked = new Map<string, Asked>();
  /** Requests that left it, and where to. */
  readonly #passed = new Map<string, Endpoint[]>();
  /** Responses that reached it, those that left it. */
  readonly #heard = new Set<string>();
  readonly #answered = new Set<string>();
  /** To tags that phones gave: all others are the server's. */
  readonly #phoneTags = new Set<string>();
  /** INVITEs that were refused, by number and From tag: the server's final response, or a phone's. */
  readonly #refused = new Set<string>();
  readonly #rang = new Set<string>();
  /** Requests the server itself asked credentials for. */
  readonly #challenged = new Set<string>();
  /** Who got the answers to a request: who asked. */
  readonly #askers = new Map<string, Endpoint>();
  /** Requests that got an answer no server gives by itself: somebody was there. */
  readonly #spokenTo = new Set<string>();
  /** Answers to INVITEs that the capture does not show. */
  readonly #answers = new Map<string, Buffer>();
  readonly #peers = new Set<string>();
  #isRelayed = false;
  #isCall = false;
  #followsRoutes = false;
  #missingContact: string | undefined;
  #missingAt: Endpoint | undefined;

  // ---- first look

  askedBy(request: SipRequest, source: Endpoint, names: ServerNames): void {
    const key = requestKey(request);
    this.#isCall ||= OF_CALLS.has(request.method);
    this.#peers.add(endpointText(source));
    if (!this.#asked.has(key))
      this.#asked.set(key, {
        source,
        uri: detached(request.uri),
        maxForwards: detached(request.first('max-forwards') ?? ''),
      });
    if (this.#passed.has(key)) this.#isRelayed = true;
    if (request.has('route') && request.to.tag !== undefined)
      this.#followsRoutes ||= request.all('route').some((value) => names.hasValue(value));
  }

  heardFrom(response: SipResponse): void {
    const key = responseKey(response);
    this.#isCall ||= OF_CALLS.has(response.cseq.method);
    this.#heard.add(key);
    this.#heard.add(statusKey(response));
    if (this.#answered.has(key) && response.status > 100) this.#isRelayed = true;
    if (response.to.tag !== undefined) this.#phoneTags.add(detached(response.to.tag));
    this.#noteInvite(response);
    this.#challenged.delete(requestKey(response));
  }

  passedTo(request: SipRequest, destination: Endpoint): void {
    const key = requestKey(request);
    this.#isCall ||= OF_CALLS.has(request.method);
    const to = this.#passed.get(key);
    this.#peers.add(endpointText(destination));
    if (to === undefined) this.#passed.set(key, [destination]);
    else if (!to.some((each) => endpointText(each) === endpointText(destination))) to.push(destination);
    if (this.#asked.has(key)) this.#isRelayed = true;
    this.#noteMissing(request);
    const below = vias(request)[1];
    if (below !== undefined) this.#missingAt ??= endpointOfVia(below);
  }

  answeredTo(response: SipResponse, destination: Endpoint): void {
    const key = responseKey(response);
    const request = requestKey(response);
    this.#isCall ||= OF_CALLS.has(response.cseq.method);
    this.#answered.add(key);
    this.#peers.add(endpointText(destination));
    if (!this.#askers.has(request)) this.#askers.set(request, destination);
    if (!saysServer(response.status)) this.#spokenTo.add(request);
    if (this.#heard.has(key) && response.status > 100) this.#isRelayed = true;
    this.#noteInvite(response);
    if (response.cseq.method === 'INVITE' && response.status < 300) this.#noteMissing(response);
    const isChallenge = response.status === 401 || response.status === 407;
    if (isChallenge && !this.#heard.has(key)) this.#challenged.add(requestKey(response));
  }

  // ---- what follows

  /** Both sides are in the capture. */
  get isRelayed(): boolean {
    return this.#isRelayed;
  }

  /** Somebody who is not in the capture spoke, or was spoken to, through the server. */
  get hasMissingSide(): boolean {
    return !this.#isRelayed && (this.#spokenTo.size > 0 || this.#passed.size > 0);
  }

  /** Does this Call-ID's traffic with the server show the endpoint? */
  shows(at: Endpoint): boolean {
    return this.#peers.has(endpointText(at));
  }

  /** An INVITE made it; not a subscription, a registration or a single message. */
  get isCall(): boolean {
    return this.#isCall;
  }

  /** Phones send their later requests through the server: its Record-Route was followed. */
  get followsRoutes(): boolean {
    return this.#followsRoutes;
  }

  wasAsked(message: SipMessage): boolean {
    return this.#asked.has(requestKey(message));
  }

  /** The same request as it reached the server. */
  asked(request: SipRequest): Asked | undefined {
    return this.#asked.get(requestKey(request));
  }

  /** Where the server sent this very request. */
  passedOn(message: SipMessage): readonly Endpoint[] {
    return this.#passed.get(requestKey(message)) ?? NOWHERE;
  }

  /** The INVITE that an ACK or CANCEL belongs to. */
  wasInviteAsked(message: SipMessage): boolean {
    return this.#asked.has(inviteKey(message));
  }

  /** Where the server sent that INVITE. */
  invitePassedOn(message: SipMessage): readonly Endpoint[] {
    return this.#passed.get(inviteKey(message)) ?? NOWHERE;
  }

  wasHeard(response: SipResponse): boolean {
    return this.#heard.has(responseKey(response));
  }

  /** Did any phone answer so, whatever its tag? */
  wasHeardAs(response: SipResponse): boolean {
    return this.#heard.has(statusKey(response));
  }

  wasAnswered(response: SipResponse): boolean {
    return this.#answered.has(responseKey(response));
  }

  /** Who asked what this answers. */
  asker(response: SipResponse): Endpoint | undefined {
    return this.#asked.get(requestKey(response))?.source ?? this.#askers.get(requestKey(response));
  }

  /** Was somebody there to answer this request? */
  wasSpokenTo(request: SipMessage): boolean {
    return this.#spokenTo.has(requestKey(request));
  }

  /** The SDP that answered an INVITE which is not in the capture. */
  answerSdp(response: SipResponse): Buffer | undefined {
    return this.#answers.get(inviteKey(response));
  }

  isPhoneTag(tag: string): boolean {
    return this.#phoneTags.has(tag);
  }

  /** Did the INVITE with this number and From tag ring, as far as anybody heard? */
  rang(message: SipMessage): boolean {
    return this.#rang.has(inviteKey(message));
  }

  /** Was the INVITE that this belongs to refused? Then its ACK ends hop by hop. */
  wasRefused(message: SipMessage): boolean {
    return this.#refused.has(inviteKey(message));
  }

  /** The same by number and From tag. */
  refusedInvite(number: number, fromTag: string): boolean {
    return this.#refused.has(keyOf(number, 'INVITE', fromTag));
  }

  /** The server asked for credentials: the phone's next try is the one that counts. Also the ACK of such an INVITE. */
  wasChallenged(request: SipRequest): boolean {
    if (this.#challenged.size === 0) return false;
    const { number, method } = request.cseq;
    return this.#challenged.has(keyOf(number, method === 'ACK' ? 'INVITE' : method, request.from.tag));
  }

  /** Did a phone ask the same with a higher number later? */
  wasRetried(request: SipRequest): boolean {
    const { number, method } = request.cseq;
    for (const key of this.#asked.keys()) {
      const [n, m] = key.split(' ', 2);
      if (m === method && Number(n) > number) return true;
    }
    return false;
  }

  /** The Contact of a side that is not in the capture, and where it sits if that can be told. */
  missing(names: ServerNames): { readonly contact: string | undefined; readonly at: Endpoint | undefined } {
    const uri = parseUri(this.#missingContact ?? '');
    const named = uri === undefined || names.has(uri) ? undefined : endpointOf(uri);
    const at = this.#missingAt ?? named;
    return {
      contact: uri === undefined || names.has(uri) ? undefined : this.#missingContact,
      at:
        at === undefined || names.isPeer(at) || names.has({ host: at.address, port: at.port })
          ? undefined
          : at,
    };
  }

  #noteMissing(message: SipMessage): void {
    const contact = parseNameAddr(message.first('contact') ?? '')?.uri;
    if (contact !== undefined) this.#missingContact ??= detached(contact);
  }

  #noteInvite(response: SipResponse): void {
    if (response.cseq.method !== 'INVITE' || response.status === 100) return;
    const key = inviteKey(response);
    const hasSdp = /^application\/sdp\b/i.test(response.first('content-type') ?? '');
    if (hasSdp && !this.#asked.has(key) && !this.#answers.has(key))
      this.#answers.set(key, Buffer.from(response.body));
    if (response.status >= 300) this.#refused.add(key);
    else if (response.status < 200) this.#rang.add(key);
  }
}

const OF_CALLS: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE']);

/** Statuses that a server gives by itself: challenges, nobody there, routing, overload. */
export function saysServer(status: number): boolean {
  return status === 100 || SERVER_STATUSES.has(status) || (status >= 500 && status < 600);
}

const SERVER_STATUSES: ReadonlySet<number> = new Set([
  400, 401, 403, 404, 407, 408, 413, 414, 416, 420, 421, 422, 423, 430, 439, 440, 480, 481, 482, 483, 484,
]);

const NOWHERE: readonly Endpoint[] = [];

function keyOf(number: number, method: string, fromTag: string | undefined): string {
  return `${number} ${method} ${fromTag ?? ''}`;
}

/** A request on its way through servers, and its answers. */
function requestKey(message: SipMessage): string {
  const { number, method } = message.cseq;
  return keyOf(number, method, message.from.tag);
}

function inviteKey(message: SipMessage): string {
  return keyOf(message.cseq.number, 'INVITE', message.from.tag);
}

function statusKey(response: SipResponse): string {
  return `${response.status} ${requestKey(response)}`;
}

function responseKey(response: SipResponse): string {
  return `${response.status} ${requestKey(response)} ${response.to.tag ?? ''}`;
}
