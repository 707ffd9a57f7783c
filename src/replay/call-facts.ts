// What the first look at a capture tells of one Call-ID: what reached the server, what left it, and so which side is missing.
import { detached, type SipMessage, type SipRequest, type SipResponse } from '../sip/message.ts';
import { parseNameAddr, parseUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointOf, endpointOfVia, same } from './endpoint.ts';
import type { ServerNames } from './server-names.ts';
import { vias } from './vias.ts';

/** What became of one request on its way. */
interface RequestFacts {
  /** Who sent it to the server. */
  source: Endpoint | undefined;
  /** Its Request-URI then, if it opens something. */
  uri: string;
  maxForwards: string;
  /** Where the server sent it. */
  passed: readonly Endpoint[];
  /** Who got the answers to it. */
  asker: Endpoint | undefined;
  /** Its responses that reached the server, those that left it: status and To tag in one number. */
  heard: readonly number[];
  answered: readonly number[];
  /** It got an answer no server gives by itself: somebody was there. */
  spokenTo: boolean;
  refused: boolean;
  rang: boolean;
  /** The server itself asked for credentials. */
  challenged: boolean;
  /** The SDP that answered it, where the capture does not show itself. */
  sdp: Buffer | undefined;
}

/** To tags are numbers here: of a hundred thousand calls all tags would be much to keep. */
const TAGS = 4096;

export class CallFacts {
  readonly #requests = new Map<string, RequestFacts>();
  #tags: readonly string[] = [];
  /** To tags that phones gave: all others are the server's. */
  #phoneTags: readonly number[] = [];
  /** Who talks with the server. */
  #peers: readonly Endpoint[] = [];
  #isRelayed = false;
  #isCall = false;
  #followsRoutes = false;
  #missingContact: string | undefined;
  #missingAt: Endpoint | undefined;

  // ---- first look

  askedBy(request: SipRequest, source: Endpoint, names: ServerNames): void {
    const facts = this.#of(request);
    this.#peer(source);
    if (facts.source === undefined) {
      facts.source = source;
      if (request.to.tag === undefined) facts.uri = detached(request.uri);
      const hops = request.first('max-forwards') ?? '';
      facts.maxForwards = hops === '70' ? '70' : detached(hops);
    }
    if (facts.passed.length > 0) this.#isRelayed = true;
    if (request.has('proxy-authorization') || request.has('authorization')) this.#wasAskedWho(request);
    if (!this.#followsRoutes && request.to.tag !== undefined && request.has('route'))
      this.#followsRoutes = request.all('route').some((value) => names.hasValue(value));
  }

  heardFrom(response: SipResponse): void {
    const facts = this.#of(response);
    const code = this.#codeOf(response);
    facts.heard = withOne(facts.heard, code);
    if (response.status > 100 && facts.answered.includes(code)) this.#isRelayed = true;
    if (response.to.tag !== undefined) this.#phoneTags = withOne(this.#phoneTags, code % TAGS);
    noteInvite(facts, response);
    facts.challenged = false;
  }

  passedTo(request: SipRequest, destination: Endpoint): void {
    const facts = this.#of(request);
    this.#peer(destination);
    if (!facts.passed.some((each) => same(each, destination))) facts.passed = [...facts.passed, destination];
    if (facts.source !== undefined) this.#isRelayed = true;
    this.#noteMissing(request);
    if (this.#missingAt !== undefined) return;
    const below = vias(request)[1];
    if (below !== undefined) this.#missingAt = endpointOfVia(below);
  }

  answeredTo(response: SipResponse, destination: Endpoint): void {
    const facts = this.#of(response);
    const code = this.#codeOf(response);
    this.#peer(destination);
    facts.asker ??= destination;
    facts.answered = withOne(facts.answered, code);
    if (!saysServer(response.status)) facts.spokenTo = true;
    const wasHeard = facts.heard.includes(code);
    if (wasHeard && response.status > 100) this.#isRelayed = true;
    noteInvite(facts, response);
    if (response.cseq.method === 'INVITE' && response.status < 300) this.#noteMissing(response);
    if ((response.status === 401 || response.status === 407) && !wasHeard) facts.challenged = true;
  }

  // ---- what follows

  /** Both sides are in the capture. */
  get isRelayed(): boolean {
    return this.#isRelayed;
  }

  /** Somebody who is not in the capture spoke, or was spoken to, through the server. */
  get hasMissingSide(): boolean {
    if (this.#isRelayed) return false;
    for (const { spokenTo, passed } of this.#requests.values())
      if (spokenTo || passed.length > 0) return true;
    return false;
  }

  /** Does this Call-ID's traffic with the server show the endpoint? */
  shows(at: Endpoint): boolean {
    return this.#peers.some((peer) => same(peer, at));
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
    return this.#get(message)?.source !== undefined;
  }

  /** The same request as it reached the server; its URI only if it opens something. */
  asked(request: SipRequest): { readonly uri: string; readonly maxForwards: string } | undefined {
    const facts = this.#get(request);
    return facts?.source === undefined ? undefined : facts;
  }

  /** Where the server sent this very request. */
  passedOn(message: SipMessage): readonly Endpoint[] {
    return this.#get(message)?.passed ?? [];
  }

  /** The INVITE that an ACK or CANCEL belongs to. */
  wasInviteAsked(message: SipMessage): boolean {
    return this.#inviteOf(message)?.source !== undefined;
  }

  /** Where the server sent that INVITE. */
  invitePassedOn(message: SipMessage): readonly Endpoint[] {
    return this.#inviteOf(message)?.passed ?? [];
  }

  /** The server acknowledged a refusal to whom it had sent the INVITE: somebody refused it. */
  wasRefusalAcknowledged(response: SipResponse): boolean {
    const key = keyOf(response.cseq.number, 'ACK', this.#indexOf(response.from.tag));
    return (this.#requests.get(key)?.passed.length ?? 0) > 0;
  }

  wasHeard(response: SipResponse): boolean {
    return this.#get(response)?.heard.includes(this.#codeOf(response)) === true;
  }

  /** Did any phone answer so, whatever its tag? */
  wasHeardAs(response: SipResponse): boolean {
    const heard = this.#get(response)?.heard ?? [];
    return heard.some((code) => Math.floor(code / TAGS) === response.status);
  }

  wasAnswered(response: SipResponse): boolean {
    return this.#get(response)?.answered.includes(this.#codeOf(response)) === true;
  }

  /** Who asked what this answers. */
  asker(response: SipResponse): Endpoint | undefined {
    const facts = this.#get(response);
    return facts?.source ?? facts?.asker;
  }

  /** Was somebody there to answer this request? */
  wasSpokenTo(request: SipMessage): boolean {
    return this.#get(request)?.spokenTo === true;
  }

  /** The SDP that answered an INVITE which is not in the capture. */
  answerSdp(response: SipResponse): Buffer | undefined {
    return this.#inviteOf(response)?.sdp;
  }

  isPhoneTag(tag: string): boolean {
    const index = this.#tags.indexOf(tag);
    return index >= 0 && this.#phoneTags.includes(index);
  }

  /** Did the INVITE with this number and From tag ring, as far as anybody heard? */
  rang(message: SipMessage): boolean {
    return this.#inviteOf(message)?.rang === true;
  }

  /** Was the INVITE that this belongs to refused? Then its ACK ends hop by hop. */
  wasRefused(message: SipMessage): boolean {
    return this.#inviteOf(message)?.refused === true;
  }

  /** The same by number and From tag. */
  refusedInvite(number: number, fromTag: string): boolean {
    return this.#requests.get(keyOf(number, 'INVITE', this.#indexOf(fromTag)))?.refused === true;
  }

  /** The server asked for credentials: the phone's next try is the one that counts. Also the ACK of such an INVITE. */
  wasChallenged(request: SipRequest): boolean {
    const facts = request.method === 'ACK' ? this.#inviteOf(request) : this.#get(request);
    return facts?.challenged === true;
  }

  /** The Contact of a side that is not in the capture, and where it sits if that can be told. */
  missing(names: ServerNames): { readonly contact: string | undefined; readonly at: Endpoint | undefined } {
    const uri = parseUri(this.#missingContact ?? '');
    const named = uri === undefined || names.has(uri) ? undefined : endpointOf(uri);
    const at = this.#missingAt ?? named;
    const isKnown = at === undefined || names.isPeer(at) || names.has({ host: at.address, port: at.port });
    return {
      contact: uri === undefined || names.has(uri) ? undefined : this.#missingContact,
      at: isKnown ? undefined : at,
    };
  }

  #of(message: SipMessage): RequestFacts {
    const { number, method } = message.cseq;
    const key = keyOf(number, method, this.#tagOf(message.from.tag ?? ''));
    this.#isCall ||= OF_CALLS.has(method);
    let facts = this.#requests.get(key);
    if (facts === undefined) {
      facts = {
        source: undefined,
        uri: '',
        maxForwards: '',
        passed: NONE,
        asker: undefined,
        heard: NONE,
        answered: NONE,
        spokenTo: false,
        refused: false,
        rang: false,
        challenged: false,
        sdp: undefined,
      };
      this.#requests.set(key, facts);
    }
    return facts;
  }

  #get(message: SipMessage): RequestFacts | undefined {
    const { number, method } = message.cseq;
    return this.#requests.get(keyOf(number, method, this.#indexOf(message.from.tag)));
  }

  #inviteOf(message: SipMessage): RequestFacts | undefined {
    return this.#requests.get(keyOf(message.cseq.number, 'INVITE', this.#indexOf(message.from.tag)));
  }

  #codeOf(response: SipResponse): number {
    return response.status * TAGS + this.#tagOf(response.to.tag ?? '');
  }

  #tagOf(tag: string): number {
    const index = this.#tags.indexOf(tag);
    if (index >= 0) return index;
    if (this.#tags.length >= TAGS - 1) return TAGS - 1;
    this.#tags = [...this.#tags, detached(tag)];
    return this.#tags.length - 1;
  }

  /** -1: never seen. */
  #indexOf(tag = ''): number {
    const index = this.#tags.indexOf(tag);
    return index < 0 && this.#tags.length >= TAGS - 1 ? TAGS - 1 : index;
  }

  #peer(at: Endpoint): void {
    if (!this.shows(at)) this.#peers = [...this.#peers, at];
  }

  /** Credentials come after a challenge, whether the capture has it or not. */
  #wasAskedWho({ cseq, from }: SipRequest): void {
    const tried = this.#requests.get(keyOf(cseq.number - 1, cseq.method, this.#indexOf(from.tag)));
    if (tried === undefined || tried.passed.length > 0) return;
    if (tried.answered.every((code) => code < 200 * TAGS)) tried.challenged = true;
  }

  #noteMissing(message: SipMessage): void {
    if (this.#missingContact !== undefined) return;
    const contact = parseNameAddr(message.first('contact') ?? '')?.uri;
    if (contact !== undefined) this.#missingContact = detached(contact);
  }
}

const NONE: readonly never[] = [];

const OF_CALLS: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE']);

/** Statuses that a server gives by itself: challenges, nobody there, routing, overload. */
export function saysServer(status: number): boolean {
  return status === 100 || SERVER_STATUSES.has(status) || (status >= 500 && status < 600);
}

const SERVER_STATUSES: ReadonlySet<number> = new Set([
  400, 401, 403, 404, 407, 408, 413, 414, 416, 420, 421, 422, 423, 430, 439, 440, 480, 481, 482, 483, 484,
]);

function noteInvite(facts: RequestFacts, response: SipResponse): void {
  if (response.cseq.method !== 'INVITE' || response.status === 100) return;
  if (response.status >= 300) facts.refused = true;
  else if (response.status < 200) facts.rang = true;
  const hasSdp = /^application\/sdp\b/i.test(response.first('content-type') ?? '');
  if (hasSdp && facts.source === undefined) facts.sdp ??= Buffer.from(response.body);
}

function keyOf(number: number, method: string, tag: number): string {
  return `${number} ${method} ${tag}`;
}

function withOne<T>(all: readonly T[], one: T): readonly T[] {
  return all.includes(one) ? all : [...all, one];
}
