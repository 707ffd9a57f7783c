// What a capture tells as a whole, before any of it is played: who sits where, what was relayed, what was answered.
import { detached, type SipRequest, type SipResponse } from '../sip/message.ts';
import { type Aor, aorOf, parseNameAddr, parseUri, type SipUri } from '../sip/uri.ts';
import { CallFacts } from './call-facts.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointOf, endpointText, isAddress, same } from './endpoint.ts';
import { Habits } from './habits.ts';
import { type Played, readMessage } from './played.ts';
import { ServerNames } from './server-names.ts';

/** Where an AOR is reached though no REGISTER in the capture says so. */
export interface InferredBinding {
  readonly aor: Aor;
  readonly contact: string;
  readonly at: Endpoint;
}

export class Known {
  readonly server: Endpoint;
  readonly names: ServerNames;
  readonly habits = new Habits();
  readonly #calls = new Map<string, CallFacts>();
  readonly #endpoints = new Map<string, Endpoint>();
  /** Contact URIs as phones gave them: by endpoint and user, and by endpoint alone. */
  readonly #contacts = new Map<string, string>();
  /** `AOR endpoint` that registered. */
  readonly #registered = new Set<string>();
  /** The first AOR that registered from an endpoint. */
  readonly #aors = new Map<string, Aor>();
  /** AORs that called from somewhere, with the endpoint they called from. */
  readonly #callers = new Map<string, Endpoint>();
  /** AORs that somebody asked for; false: the captured server itself said that nobody is there. */
  readonly #wanted = new Map<string, boolean>();
  /** By `AOR endpoint`; without these the server could not have relayed as it did. */
  readonly #needed = new Map<string, { aor: Aor; contact: string | undefined; at: Endpoint }>();
  /** AORs of phones that are in the capture. */
  readonly #seen = new Set<string>();
  /** Where the server sent requests that name a host. */
  readonly hosts = new Map<string, Endpoint>();
  messages = 0;
  fromPhones = 0;
  fromServer = 0;
  /** Went from phone to phone, past the server. */
  past = 0;

  constructor(server: Endpoint) {
    this.server = server;
    this.names = new ServerNames(server);
  }

  /** One datagram of the first look. */
  look(datagram: Played): void {
    const source = this.#known(datagram.source);
    const destination = this.#known(datagram.destination);
    this.messages++;
    const toServer = same(destination, this.server);
    if (same(source, this.server)) this.fromServer++;
    else if (toServer) this.fromPhones++;
    else this.past++;
    const message = readMessage(datagram);
    if (message === undefined) return;
    const facts = toServer || same(source, this.server) ? this.#factsOf(message.callId) : undefined;
    if (facts === undefined) return;
    if (same(source, this.server)) {
      this.names.peer(destination);
      this.names.sent(message);
      this.habits.sent(message, facts, this.names);
      if (message.kind === 'request') {
        facts.passedTo(message, destination);
        this.#relayed(message, destination, facts);
      } else {
        this.#refused(message, facts);
        facts.answeredTo(message, destination);
      }
    } else if (toServer) {
      this.names.peer(source);
      this.#noteContact(message.first('contact'), source);
      if (message.kind === 'response') facts.heardFrom(message);
      else {
        facts.askedBy(message, source, this.names);
        this.#asked(message, source);
      }
    }
  }

  /** Its call is told: nothing more is asked of it. */
  forget(callId: string): void {
    this.#calls.delete(callId);
  }

  call(callId: string): CallFacts | undefined {
    return this.#calls.get(callId);
  }

  /** Bindings without which the captured server could not have relayed as it did. */
  inferred(): InferredBinding[] {
    const bound = new Set([...this.#needed.values()].map(({ aor }) => aor as string));
    for (const key of this.#registered) bound.add(key.slice(0, key.lastIndexOf(' ')));
    // Whoever calls from an AOR and is asked for by it sits there, though nothing was relayed to it.
    for (const [aor, at] of this.#callers) {
      if (!this.#wanted.get(aor) || bound.has(aor)) continue;
      this.#needed.set(`${aor} ${endpointText(at)}`, { aor: aor as Aor, contact: undefined, at });
    }
    return [...this.#needed.values()]
      .map(({ aor, contact, at }) => ({ aor, contact: contact ?? this.contactOf(at, aor), at }))
      .sort((a, b) => (a.aor + endpointText(a.at) < b.aor + endpointText(b.at) ? -1 : 1));
  }

  /** The Contact that a user of an endpoint gave, or the one it would give. */
  contactOf(at: Endpoint, aor: string): string {
    const user = parseUri(aor)?.user;
    return (
      this.#contacts.get(`${endpointText(at)} ${user ?? ''}`) ??
      `sip:${user === undefined ? '' : `${user}@`}${endpointText(at)}`
    );
  }

  /** Is a phone in the capture that has this AOR? */
  isSeen(aor: Aor): boolean {
    return this.#seen.has(aor);
  }

  /** Where the other phone of a request's dialog sits: where the server relayed this very request, else the Request-URI's address. */
  farEnd(request: SipRequest): Endpoint | undefined {
    const relayed = this.#calls.get(request.callId)?.passedOn(request)[0];
    if (relayed !== undefined) return relayed;
    const uri = parseUri(request.uri);
    if (uri === undefined || this.names.has(uri)) return undefined;
    return endpointOf(uri);
  }

  /** One object for each endpoint, however many packets name it. */
  #known(at: Endpoint): Endpoint {
    const key = endpointText(at);
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    this.#endpoints.set(key, at);
    return at;
  }

  #factsOf(callId: string): CallFacts {
    let facts = this.#calls.get(callId);
    if (facts === undefined) {
      facts = new CallFacts();
      this.#calls.set(detached(callId), facts);
    }
    return facts;
  }

  #noteContact(value: string | undefined, source: Endpoint): void {
    const contact = parseNameAddr(value ?? '')?.uri;
    const uri = parseUri(contact ?? '');
    // A focus gives a Contact of the conference first; what registers is the phone itself.
    if (contact === undefined || uri === undefined || /;conf-id=/i.test(contact)) return;
    const key = `${endpointText(source)} ${uri.user ?? ''}`;
    if (!this.#contacts.has(key)) this.#contacts.set(key, detached(contact));
  }

  #asked(request: SipRequest, source: Endpoint): void {
    const uri = parseUri(request.uri);
    if (uri === undefined) return;
    if (request.method === 'REGISTER') {
      this.names.asked(request, uri);
      const to = parseUri(request.to.uri);
      if (to !== undefined && registers(request)) {
        this.#registered.add(`${aorOf(to)} ${endpointText(source)}`);
        this.#seen.add(aorOf(to));
        if (!this.#aors.has(endpointText(source))) this.#aors.set(endpointText(source), aorOf(to));
      }
      return;
    }
    if (request.to.tag !== undefined) return;
    this.names.asked(request, uri);
    if (uri.user !== undefined && !this.#wanted.has(aorOf(uri))) this.#wanted.set(aorOf(uri), true);
    const from = parseUri(request.from.uri);
    if (from?.user === undefined || this.#callers.has(aorOf(from))) return;
    this.#callers.set(aorOf(from), source);
    this.#seen.add(aorOf(from));
  }

  #refused(response: SipResponse, facts: CallFacts): void {
    if (response.status !== 404 && response.status !== 480) return;
    if (facts.wasHeard(response)) return;
    const to = parseUri(response.to.uri);
    if (to?.user !== undefined) this.#wanted.set(aorOf(to), false);
  }

  /** A request that opens something came out of the server: who it was for sits there. */
  #relayed(request: SipRequest, destination: Endpoint, facts: CallFacts): void {
    if (request.to.tag !== undefined || request.method === 'REGISTER') return;
    const uri = parseUri(request.uri);
    if (uri !== undefined && !isAddress(uri.host)) this.hosts.set(detached(uri.host), destination);
    const aor = this.wantedAor(request, facts, destination);
    if (uri === undefined || aor === undefined) return;
    const key = `${aor} ${endpointText(destination)}`;
    this.#seen.add(aor);
    if (this.#registered.has(key) || this.#needed.has(key)) return;
    // The Request-URI is the Contact that was registered, unless the server left it as it was asked for.
    const isContact = !this.names.has(uri);
    this.#needed.set(key, { aor, contact: isContact ? detached(request.uri) : undefined, at: destination });
  }

  /** Whom a request that left the server was for; undefined: for a phone's address itself. */
  wantedAor(request: SipRequest, facts: CallFacts | undefined, destination: Endpoint): Aor | undefined {
    const asked = parseUri(facts?.asked(request)?.uri ?? '');
    if (asked !== undefined)
      return asked.user !== undefined && this.names.has(asked) ? aorOf(asked) : undefined;
    const to = parseUri(request.to.uri);
    if (to?.user !== undefined && this.names.has(to)) return aorOf(to);
    const registered = this.#aors.get(endpointText(destination));
    if (registered !== undefined) return registered;
    const uri = parseUri(request.uri);
    return uri?.user === undefined ? undefined : aorAt(uri, this.server);
  }

  /** An AOR as the server would know it, whatever host a message names. */
  ownAor(party: string): Aor | undefined {
    const uri = parseUri(party);
    if (uri?.user === undefined) return undefined;
    return this.names.has(uri) ? aorOf(uri) : aorAt(uri, this.server);
  }
}

/** The AOR a user has at a server that goes by its address. */
function aorAt(uri: SipUri, { address }: Endpoint): Aor {
  return aorOf({ ...uri, scheme: 'sip', host: address, port: undefined });
}

/** Does it bind a Contact, rather than ask for the bindings or take them away? */
function registers(request: SipRequest): boolean {
  const contacts = request.all('contact');
  if (contacts.length === 0 || contacts[0] === '*') return false;
  const expires = request.first('expires')?.trim();
  return contacts.some((value) => {
    const own = /;\s*expires\s*=\s*"?(\d+)/i.exec(value)?.[1];
    return (own ?? expires ?? '1') !== '0';
  });
}
