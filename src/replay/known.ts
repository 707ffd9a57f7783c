// What a capture tells as a whole, before any of it is played: who sits where, what was relayed, what was answered.
import { isIP } from 'node:net';
import type { SipMessage, SipRequest, SipResponse } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { type Aor, aorOf, parseNameAddr, parseUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';

export interface Seen {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: Buffer;
}

/** Where an AOR is reached though no REGISTER in the capture says so. */
export interface InferredBinding {
  readonly aor: Aor;
  readonly contact: string;
  readonly at: Endpoint;
}

export class Known {
  readonly server: Endpoint;
  /** Names (not addresses) that phones use as the server's domain. */
  readonly domains = new Set<string>();
  /** First Contact URI an endpoint gave, by endpoint. */
  readonly #contacts = new Map<string, string>();
  readonly #registered = new Set<string>();
  /** AORs that called from somewhere, with the endpoint they called from. */
  readonly #callers = new Map<string, Endpoint>();
  /** AORs that somebody asked for; false: the captured server itself said that nobody is there. */
  readonly #wanted = new Map<string, boolean>();
  /** Out-of-dialog requests to the server, by what stays when they are relayed. */
  readonly #asked = new Map<string, string>();
  /** Requests inside a dialog that the server passed on: where to. */
  readonly #relayed = new Map<string, Endpoint>();
  readonly #bindings = new Map<string, { aor: Aor; at: Endpoint }>();
  /** `Call-ID tag` of every To tag a phone gave. */
  readonly #phoneTags = new Set<string>();

  constructor(server: Endpoint) {
    this.server = server;
  }

  /** One datagram of the first pass. */
  look({ source, destination, bytes }: Seen): void {
    const parsed = parse(bytes);
    if (!parsed.ok) return;
    const { message } = parsed;
    if (same(destination, this.server)) this.#fromPhone(message, source);
    else if (same(source, this.server)) {
      if (message.kind === 'request') this.#toPhone(message, destination);
      else this.#refused(message);
    }
  }

  /** Bindings without which the captured server could not have relayed as it did. */
  inferred(): InferredBinding[] {
    const all: InferredBinding[] = [];
    // Whoever calls from an AOR and is asked for by it sits there, though nothing was relayed to it.
    for (const [aor, at] of this.#callers) {
      const known = [...this.#bindings.values()].some((b) => b.aor === aor);
      if (this.#wanted.get(aor) && !known)
        this.#bindings.set(`${aor} ${endpointText(at)}`, { aor: aor as Aor, at });
    }
    for (const { aor, at } of this.#bindings.values()) {
      if (this.#registered.has(`${aor} ${endpointText(at)}`)) continue;
      all.push({ aor, contact: this.contactOf(at, aor), at });
    }
    return all.sort((a, b) => (a.aor + endpointText(a.at) < b.aor + endpointText(b.at) ? -1 : 1));
  }

  /** The Contact an endpoint gave, or the one it would give. */
  contactOf(at: Endpoint, aor: string): string {
    const known = this.#contacts.get(endpointText(at));
    if (known !== undefined) return known;
    const user = parseUri(aor)?.user;
    return `sip:${user === undefined ? '' : `${user}@`}${endpointText(at)}`;
  }

  /** Where the other phone of a dialog sits: where the server relayed this very request, else the Request-URI's address. */
  farEnd(request: SipRequest): Endpoint | undefined {
    const relayed = this.#relayed.get(relayKey(request));
    if (relayed !== undefined) return relayed;
    const uri = parseUri(request.uri);
    if (uri === undefined || isIP(uri.host) === 0) return undefined;
    const at = { address: uri.host, port: uri.port ?? 5060 };
    return same(at, this.server) ? undefined : at;
  }

  /** Was this To tag made by a phone? If not, the captured server made it. */
  isPhoneTag(callId: string, tag: string): boolean {
    return this.#phoneTags.has(`${callId} ${tag}`);
  }

  #fromPhone(message: SipMessage, source: Endpoint): void {
    const contact = parseNameAddr(message.first('contact') ?? '')?.uri;
    const at = endpointText(source);
    if (contact !== undefined && parseUri(contact) !== undefined && !this.#contacts.has(at)) {
      // A focus gives a Contact of the conference first; what registers is the phone itself.
      if (!/;conf-id=/i.test(contact)) this.#contacts.set(at, contact);
    }
    if (message.kind === 'response') {
      if (message.to.tag !== undefined) this.#phoneTags.add(`${message.callId} ${message.to.tag}`);
      return;
    }
    const uri = parseUri(message.uri);
    if (uri === undefined) return;
    if (message.method === 'REGISTER') {
      const to = parseUri(message.to.uri);
      if (to !== undefined && contact !== undefined) this.#registered.add(`${aorOf(to)} ${at}`);
      if (isIP(uri.host) === 0) this.domains.add(uri.host);
    } else if (message.to.tag === undefined) {
      if (isIP(uri.host) === 0) this.domains.add(uri.host);
      this.#asked.set(relayKey(message), message.uri);
      if (uri.user !== undefined && !this.#wanted.has(aorOf(uri))) this.#wanted.set(aorOf(uri), true);
      const from = parseUri(message.from.uri);
      if (from?.user !== undefined) this.#callers.set(aorOf(from), source);
    }
  }

  #refused(response: SipResponse): void {
    if (response.status !== 404 && response.status !== 480) return;
    if (response.to.tag !== undefined && this.isPhoneTag(response.callId, response.to.tag)) return;
    const to = parseUri(response.to.uri);
    if (to?.user !== undefined) this.#wanted.set(aorOf(to), false);
  }

  #toPhone(request: SipRequest, destination: Endpoint): void {
    if (request.to.tag !== undefined) {
      this.#relayed.set(relayKey(request), destination);
      return;
    }
    const asked = parseUri(this.#asked.get(relayKey(request)) ?? request.uri);
    if (asked?.user === undefined) return;
    const isPhone = asked.host === destination.address && (asked.port ?? 5060) === destination.port;
    if (isPhone) return;
    const aor = aorOf(asked);
    this.#bindings.set(`${aor} ${endpointText(destination)}`, { aor, at: destination });
  }
}

function relayKey(request: SipRequest): string {
  return `${request.callId} ${request.cseq.number} ${request.method} ${request.from.tag ?? ''}`;
}

export function same(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

export function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
