// Plays what must have been before, or beside, what a capture shows: registrations, and calls that had begun. Nothing of it is told.
import type { SipMessage, SipRequest } from '../sip/message.ts';
import { parseUri } from '../sip/uri.ts';
import { type Beginning, Script } from './adopt.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointOf, endpointText, same } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { Known } from './known.ts';
import type { MissingSide } from './missing.ts';
import type { VirtualServer } from './virtual-server.ts';

/** Seconds: longer than any capture. */
const FOR_EVER = 80_000_000;

export class Before {
  readonly #server: VirtualServer;
  readonly #exchange: Exchange;
  readonly #known: Known;
  readonly #missing: MissingSide;
  /** What the server sent since this began to play; undefined: the capture itself is played. */
  #sent: { readonly message: SipMessage; readonly to: Endpoint }[] | undefined;

  constructor(server: VirtualServer, exchange: Exchange, known: Known, missing: MissingSide) {
    this.#server = server;
    this.#exchange = exchange;
    this.#known = known;
    this.#missing = missing;
  }

  get isPlaying(): boolean {
    return this.#sent !== undefined;
  }

  /** A message of the server's; true: it answers what is played here, and is not told. */
  takes(message: SipMessage, to: Endpoint): boolean {
    this.#sent?.push({ message, to });
    return this.#sent !== undefined;
  }

  register(aor: string, contact: string, at: Endpoint): void {
    const n = `${aor}-${endpointText(at)}`.replace(/[^\w.]/g, '-');
    const host = aor.slice(aor.lastIndexOf('@') + 1);
    const request = [
      `REGISTER sip:${host} SIP/2.0`,
      `Via: SIP/2.0/UDP ${endpointText(at)};branch=z9hG4bK-inferred-${n};rport`,
      `From: <${aor}>;tag=inferred`,
      `To: <${aor}>`,
      `Call-ID: inferred-${n}`,
      'CSeq: 1 REGISTER',
      'Max-Forwards: 70',
      `Contact: <${contact}>`,
      `Expires: ${FOR_EVER}`,
      'Content-Length: 0',
    ];
    this.#quietly(() => {
      this.#server.receive(Buffer.from(`${request.join('\r\n')}\r\n\r\n`, 'latin1'), at);
    });
  }

  /** Somebody answers who is not in the capture: without a registration nobody would be asked. */
  expect(request: SipRequest): void {
    const uri = parseUri(request.uri);
    const aor = this.#known.ownAor(request.uri);
    if (uri === undefined || aor === undefined || !this.#known.names.has(uri)) return;
    if (this.#server.core.location.lookup(aor).length > 0) return;
    const facts = this.#known.call(request.callId);
    const at = this.#missing.placeOf(facts, request.to.uri);
    this.register(aor, this.#missing.contactOf(facts, aor, at), at);
  }

  /** Puts a call in the state it had come to. False: nothing tells whom it was to. */
  adopt(message: SipMessage, beginning: Beginning): boolean {
    const { opener, other, depth, method } = beginning;
    const script = new Script(beginning, message);
    const [openerUri, otherUri] = beginning.fromIsOpener
      ? [message.from.uri, message.to.uri]
      : [message.to.uri, message.from.uri];
    const aor = this.#known.ownAor(otherUri);
    if (aor === undefined) return false;
    const contact = this.#contactAt(other, aor, message.callId);
    const openerContact = this.#contactAt(opener, openerUri, message.callId);
    this.#quietly((sent) => {
      if (this.#server.core.location.isBoundAddress(other.address, other.port) === undefined)
        this.register(aor, contact, other);
      // The very phone, where it can be named: others of its AOR took no part.
      const named = endpointOf(parseUri(contact) ?? { host: '', port: undefined });
      const uri = named !== undefined && same(named, other) ? contact : aor;
      this.#server.receive(script.opening(uri, openerContact), opener);
      const answer = (status: 180 | 200) => {
        const asked = sent.findLast(({ message: m, to }) => m.kind === 'request' && same(to, other));
        if (asked !== undefined) this.#server.receive(script.answer(status, contact, asked.message), other);
      };
      const inside = (what: 'ACK' | 'BYE' | 'INVITE') => {
        const routes = this.#exchange.routesOf(message.callId, opener);
        this.#server.receive(script.inside(what, contact, openerContact, routes, message), opener);
      };
      if (depth === 'ringing') answer(180);
      else if (depth !== 'asked') {
        answer(200);
        if (depth === 'up' && method === 'INVITE') inside('ACK');
      }
      if (beginning.inside !== undefined) inside(beginning.inside);
    });
    return true;
  }

  #quietly(play: (sent: readonly { readonly message: SipMessage; readonly to: Endpoint }[]) => void): void {
    const outer = this.#sent;
    const sent: { readonly message: SipMessage; readonly to: Endpoint }[] = [];
    this.#sent = sent;
    play(sent);
    this.#sent = outer;
  }

  #contactAt(at: Endpoint, party: string, callId: string): string {
    if (!this.#missing.isPlace(at)) return this.#known.contactOf(at, party);
    return this.#missing.contactOf(this.#known.call(callId), party, at);
  }
}
