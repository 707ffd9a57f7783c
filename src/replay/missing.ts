// The side of a call that the capture does not show: what it must have sent, told from what the server sent on.
import {
  detached,
  type HeaderLine,
  headerLine,
  type SipMessage,
  SipRequest,
  type SipResponse,
} from '../sip/message.ts';
import { makeResponse } from '../sip/reply.ts';
import { type Aor, aorOf, parseNameAddr, parseUri } from '../sip/uri.ts';
import { type CallFacts, saysServer } from './call-facts.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointOfVia, endpointText, same } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { Known } from './known.ts';
import { bareVia, vias } from './vias.ts';

/** Something the missing side must have sent. */
export interface Inferred {
  readonly message: SipMessage;
  readonly from: Endpoint;
}

/** Methods whose requests a server makes, and answers, by itself. */
const OWN: ReadonlySet<string> = new Set(['OPTIONS', 'REGISTER', 'PUBLISH']);

export class MissingSide {
  readonly #known: Known;
  readonly #exchange: Exchange;
  /** Where those sit of whom not even the address is known: no address that anybody has. */
  readonly #invented = new Map<string, Endpoint>();
  /** By Call-ID: number, Vias and Request-URI of the INVITE that was made, which its CANCEL repeats (RFC 3261 §9.1). */
  readonly #invites = new Map<string, { number: number; vias: readonly HeaderLine[]; uri: string }>();
  /** Texts of places nobody in the capture was seen at. */
  readonly #places = new Set<string>();

  constructor(known: Known, exchange: Exchange) {
    this.#known = known;
    this.#exchange = exchange;
  }

  isPlace(at: Endpoint): boolean {
    return this.#places.has(endpointText(at));
  }

  /** True for an address that stands for an unknown one. */
  isInvented(at: Endpoint): boolean {
    return at.address === INVENTED_4 || at.address.startsWith(INVENTED_6);
  }

  /** Must the server's request to a phone have come from a side that is not in the capture? */
  madeRequest(request: SipRequest): boolean {
    const facts = this.#known.call(request.callId);
    if (facts === undefined || facts.wasAsked(request) || OWN.has(request.method)) return false;
    if (facts.isRelayed)
      return vias(request).length > 1 && !(request.method === 'ACK' && facts.wasRefused(request));
    switch (request.method) {
      case 'ACK':
        return !facts.wasRefused(request);
      case 'CANCEL':
        return !facts.wasInviteAsked(request);
      case 'NOTIFY':
        return facts.isCall;
      case 'SUBSCRIBE':
        return !this.#isForServer(request);
      default:
        return true;
    }
  }

  /** Must the server's response to a phone have come from a side that is not in the capture? */
  madeResponse(response: SipResponse): boolean {
    const { method } = response.cseq;
    const { status } = response;
    const facts = this.#known.call(response.callId);
    if (facts === undefined || status === 100 || status === 401 || status === 407) return false;
    if (OWN.has(method) || method === 'CANCEL' || facts.wasHeard(response)) return false;
    // Both sides are there: one answer of a phone that is there too was lost by the capture.
    if (facts.isRelayed) {
      const wasSent = status < 300 || (method === 'INVITE' && facts.wasRefusalAcknowledged(response));
      return wasSent && facts.passedOn(response).length > 0 && !facts.wasHeardAs(response);
    }
    if (method === 'INVITE') return !saysServer(status) || facts.rang(response);
    if (facts.isCall) return true;
    return !saysServer(status) && !this.#isForServer(response);
  }

  /** Somebody who is not in the capture answered this request. */
  answers(request: SipRequest): boolean {
    const facts = this.#known.call(request.callId);
    if (facts === undefined || facts.isRelayed || OWN.has(request.method)) return false;
    if (request.method !== 'INVITE' && this.#isForServer(request)) return false;
    return facts.wasSpokenTo(request);
  }

  /** The request as the missing side sent it. */
  request(request: SipRequest, destination: Endpoint): Inferred {
    const { names } = this.#known;
    const facts = this.#known.call(request.callId);
    const from = this.senderOf(request);
    const out = request.copy();
    const [top, ...below] = vias(request);
    const invite = this.#invites.get(request.callId);
    const repeats =
      request.method === 'CANCEL' && invite?.number === request.cseq.number ? invite : undefined;
    const made =
      repeats !== undefined
        ? repeats.vias
        : below.length > 0
          ? below.map((via) => headerLine('Via', bareVia(via)))
          : [
              headerLine(
                'Via',
                `SIP/2.0/UDP ${endpointText(from)};branch=${top?.branch ?? 'z9hG4bK'}-missing`,
              ),
            ];
    const others = out
      .all('record-route')
      .filter((value) => !names.hasValue(value))
      .map((value) => headerLine('Record-Route', value));
    out.headers = [
      ...made,
      ...others,
      ...out.headers.filter(({ key }) => key !== 'via' && key !== 'record-route'),
    ];
    if (request.to.tag === undefined)
      out.uri = this.#known.wantedAor(request, facts, destination) ?? request.uri;
    if (repeats !== undefined) out.uri = repeats.uri;
    if (request.method === 'INVITE') {
      const number = request.cseq.number;
      this.#invites.set(detached(request.callId), { number, vias: made, uri: out.uri });
    }
    this.#ownContact(out, from);
    return { message: this.#exchange.request(out, from), from };
  }

  /** The response as the missing side sent it; undefined: we sent nobody the request. */
  response(response: SipResponse): Inferred | undefined {
    const place = this.placeOf(this.#known.call(response.callId), response.to.uri);
    const receivers = this.#exchange.receivers(response);
    const from = receivers.find((at) => endpointText(at) === endpointText(place)) ?? receivers[0];
    if (from === undefined) return undefined;
    const out = response.copy();
    this.#ownContact(out, from);
    return { message: this.#exchange.response(out, from), from };
  }

  /** What ends hop by hop and so never shows: the missing side's answer to our CANCEL, its ACK of our refusal. */
  reactionTo(sent: SipMessage, to: Endpoint): SipMessage[] {
    const facts = this.#known.call(sent.callId);
    if (facts === undefined || facts.isRelayed) return [];
    if (sent.kind === 'response') {
      if (sent.cseq.method !== 'INVITE' || sent.status < 300 || !this.isPlace(to)) return [];
      const ack = new SipRequest('ACK', sent.to.uri, [], Buffer.alloc(0));
      ack.headers = [
        ...sent.headers.filter(({ key }) => key === 'via').slice(0, 1),
        ...sent.headers.filter(({ key }) => key === 'from' || key === 'to' || key === 'call-id'),
        headerLine('CSeq', `${sent.cseq.number} ACK`),
        headerLine('Max-Forwards', '70'),
        headerLine('Content-Length', '0'),
      ];
      return [ack];
    }
    const isSeen = facts.invitePassedOn(sent).some((at) => same(at, to));
    if (sent.method !== 'CANCEL' || isSeen) return [];
    return [makeResponse(sent, 200, 'OK', { toTag: 'missing' })];
  }

  /** Who sent what the server passed on: the Via below its own tells, else what is known of the call. */
  senderOf(request: SipRequest): Endpoint {
    const facts = this.#known.call(request.callId);
    const below = vias(request)[1];
    const seen = facts?.isRelayed && below !== undefined ? endpointOfVia(below) : undefined;
    return seen ?? this.placeOf(facts, request.from.uri);
  }

  forget(callId: string): void {
    this.#invites.delete(callId);
  }

  /** Where the missing side of a call sits: as its messages told, else an address that stands for the unknown one. */
  placeOf(facts: CallFacts | undefined, party: string): Endpoint {
    const uri = parseUri(party);
    const aor: string = uri === undefined ? party : aorOf(uri);
    let at = facts?.missing(this.#known.names).at ?? this.#invented.get(aor);
    if (at === undefined) {
      const n = this.#invented.size;
      const v6 = this.#known.server.address.includes(':');
      at = v6 ? { address: INVENTED_6, port: 5060 + n } : { address: INVENTED_4, port: 5060 + n };
      this.#invented.set(aor, at);
    }
    this.#places.add(endpointText(at));
    return at;
  }

  contactOf(facts: CallFacts | undefined, party: string, at: Endpoint): string {
    return facts?.missing(this.#known.names).contact ?? this.#known.contactOf(at, party);
  }

  /** What asks the server itself for a service: its own presence, messages waiting, a room it keeps. */
  #isForServer(message: SipMessage): boolean {
    const to = parseUri(message.kind === 'request' ? message.uri : message.to.uri);
    const from = parseUri(message.from.uri);
    if (to?.user === undefined) return true;
    const aor: Aor = aorOf(to);
    return (from !== undefined && aor === aorOf(from)) || this.#known.isSeen(aor);
  }

  /** A server that hides its phones puts its own address into Contact: the missing side has one of its own. */
  #ownContact(message: SipRequest | SipResponse, at: Endpoint): void {
    const value = message.first('contact');
    const uri = parseUri(parseNameAddr(value ?? '')?.uri ?? '');
    if (uri === undefined || !this.#known.names.has(uri)) return;
    const user = uri.user === undefined ? '' : `${uri.user}@`;
    message.headers = message.headers.map((line) =>
      line.key === 'contact' ? headerLine(line.name, `<sip:${user}${endpointText(at)}>`) : line,
    );
  }
}

/** RFC 1112 §4: reserved, so nobody is there. */
const INVENTED_4 = '240.0.0.1';
/** RFC 6666: what is sent there is thrown away. */
const INVENTED_6 = '100::1';
