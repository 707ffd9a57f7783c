// What every forwarding needs of the server: Via, Record-Route, branches, the way to an address, our own answers.
import { isIP } from 'node:net';
import type { CookieJar, CookieSide } from '../routing/cookie.ts';
import type { KeyedHash } from '../routing/keyed-hash.ts';
import type { Hop, Target } from '../routing/router.ts';
import {
  decrementMaxForwards,
  popVia,
  pushVia,
  recordRoute,
  routes,
  setHeader,
  setRequestUri,
  setRoutes,
} from '../sip/edit.ts';
import type { HeaderLine, SipRequest, SipResponse } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { makeResponse } from '../sip/reply.ts';
import { serialize } from '../sip/serialize.ts';
import { parseNameAddr, parseUri } from '../sip/uri.ts';
import type { Clock, Timer } from '../time/clock.ts';
import type { TransactionLayer } from '../transaction/layer.ts';
import type { ClientTransaction, ClientUser, ServerTransaction } from '../transaction/transaction.ts';
import type { Flow, LocalSocket } from '../transport/flow.ts';
import { branchId, isOwnBranch, loopHash } from './branch-id.ts';
import { type Redirection, type RedirectionRules, redirection } from './redirection.ts';
import type { SavedForwarding } from './saved-forwarding.ts';

export interface ProxySettings {
  /** What the caller of an AOR of ours hears when nobody is there: 480 or 404. */
  readonly unavailable: number;
  /** ms one q group rings before the next is tried. */
  readonly serialAfter: number;
  /** Where a 3xx's Contact leads a request to; undefined: a 3xx is passed to the caller. */
  readonly redirect: ((request: SipRequest, uri: string) => readonly Target[]) | undefined;
}

export interface ProxyNetwork {
  /** The socket a datagram to `address` leaves from; undefined: no socket of that address family. */
  localFor(address: string, hint: LocalSocket | undefined): LocalSocket | undefined;
  /** `host:port` that this socket is known by in Via and Record-Route (IPv6 in brackets). */
  sentBy(local: LocalSocket): string;
  /** RFC 3263; calls back later, undefined when the name leads nowhere. */
  resolve(
    host: string,
    port: number | undefined,
    done: (hop: { address: string; port: number } | undefined) => void,
  ): void;
}

/** A branch to be sent. */
export interface Outgoing extends ClientUser {
  readonly target: Target;
  /** How many branches begin together. */
  readonly breadth: number;
  /** A provisional response has come: only after a restart, before it is sent. */
  readonly spoke: boolean;
  readonly cancelAsked: boolean;
  /** undefined: the target's name must be resolved first. */
  hop: Hop | undefined;
}

export interface ProxyParts {
  readonly clock: Clock;
  readonly layer: () => TransactionLayer;
  readonly network: ProxyNetwork;
  readonly jar: CookieJar;
  readonly branchHash: KeyedHash;
  readonly newTag: () => string;
  readonly reason: (status: number) => string;
  readonly settings: ProxySettings;
}

/** RFC 5393 §5.3.3: how many branches a request may have at the same time, over all proxies. */
const MAX_BREADTH = 60;

export class ProxyCore {
  readonly #parts: ProxyParts;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  get unavailable(): number {
    return this.#parts.settings.unavailable;
  }

  /** `due`: clock ms. `left`: ms of it, when it began before a restart; a clock that was put back makes it no longer. */
  afterSerial(fire: () => void, left = Number.POSITIVE_INFINITY): Timer & { readonly due: number } {
    const { clock, settings } = this.#parts;
    const ms = Math.min(left, settings.serialAfter);
    const timer = clock.after(ms, fire);
    return { due: clock.now() + ms, cancel: () => timer.cancel() };
  }

  get now(): number {
    return this.#parts.clock.now();
  }

  /** §16.7 step 4; undefined: nothing of this 3xx is followed. */
  redirection(
    request: SipRequest,
    response: SipResponse,
    rules: Omit<RedirectionRules, 'lead'>,
  ): Redirection | undefined {
    const { redirect } = this.#parts.settings;
    // Inside a dialog a 3xx concerns the dialog, not where its opening may go.
    if (redirect === undefined || request.to.tag !== undefined) return undefined;
    return redirection(response, { ...rules, lead: (uri) => redirect(request, uri) });
  }

  /** Words for a status. */
  reason(status: number): string {
    return this.#parts.reason(status);
  }

  /** Answers a request ourselves. */
  respond(upstream: ServerTransaction, status: number, headers: HeaderLine[] = [], phrase?: string): void {
    const more = { toTag: this.#parts.newTag(), headers };
    upstream.respond(makeResponse(upstream.request, status, phrase ?? this.#parts.reason(status), more));
  }

  /** How many of `wanted` branches may start at once (RFC 5393). */
  breadth(request: SipRequest, wanted: number): number {
    if (wanted === 1) return 1;
    return Math.max(1, Math.min(wanted, maxBreadth(request)));
  }

  /**
   * §16.6: makes the branch's copy and gives it to the transaction layer. `done` gets the transaction, at once or, when
   * a name has to be resolved, later (then only if nobody has cancelled the branch); undefined when the target cannot
   * be reached.
   */
  send(
    base: SipRequest,
    upstream: ServerTransaction,
    branch: Outgoing,
    done: (transaction: ClientTransaction | undefined) => void,
  ): void {
    const go = (hop: Hop): void => {
      branch.hop = hop;
      const local = this.#parts.network.localFor(hop.address, hop.local ?? localOf(upstream.source));
      if (local === undefined) {
        done(undefined);
        return;
      }
      const request = this.#outgoing(base, branch.target, hop, local, upstream.source, branch.breadth);
      const flow = flowTo(hop, local);
      const layer = this.#parts.layer();
      // One that was under way before a restart goes on where it was.
      done(branch.spoke ? layer.resumeClient(request, flow, branch) : layer.request(request, flow, branch));
    };
    const { hop, target } = branch;
    if (hop !== undefined) {
      go(hop);
    } else if (target.name !== undefined) {
      this.#parts.network.resolve(target.name.host, target.name.port, (found) => {
        if (found === undefined || branch.cancelAsked) done(undefined);
        else go({ ...found, local: undefined });
      });
    } else {
      done(undefined);
    }
  }

  /**
   * The INVITE that was being forwarded before a restart, without `base` when it had been refused; undefined when
   * `saved` cannot be read.
   */
  resume(
    saved: SavedForwarding,
  ): { readonly tx: ServerTransaction; readonly base: SipRequest | undefined } | undefined {
    const { base: text, key, source, finalStatus = 0, last = '' } = saved;
    const parsed = parse(Buffer.from(text === '' ? last : text, 'latin1'));
    if (text === '' && key !== undefined && parsed.ok)
      return {
        base: undefined,
        tx: this.#parts.layer().resumeRefused(key, source, { finalStatus, last }, parsed.message.via),
      };
    if (!parsed.ok || parsed.message.kind !== 'request') return undefined;
    const base = parsed.message;
    return { base, tx: this.#parts.layer().resumeServer(base, source, { finalStatus, last }) };
  }

  /** Does it answer what we sent, though no transaction knows of it? Its branch says so, for the Via beneath ours. */
  isAnswer(response: SipResponse): boolean {
    const beneath = popVia(response.copy()).via;
    return isOwnBranch(response.via.branch, beneath, response.cseq, this.#parts.branchHash);
  }

  /** An `isAnswer` on its way back by its Vias alone (§16.11). undefined: there is no way. */
  passBack(response: SipResponse, from: Flow): { bytes: Buffer; flow: Flow } | undefined {
    const back = popVia(response.copy());
    const { host, port, received, rport } = back.via;
    const address = received ?? (host.startsWith('[') ? host.slice(1, -1) : host);
    if (isIP(address) === 0) return undefined;
    const local = this.#parts.network.localFor(address, localOf(from));
    if (local === undefined) return undefined;
    const hop = { address, port: rport ?? port ?? 5060, local };
    return { bytes: serialize(back), flow: flowTo(hop, local) };
  }

  /** §16.6 for an ACK to a 2xx: no transaction, no answer. Gives the datagram and its flow, or undefined. */
  stateless(base: SipRequest, target: Target, from: Flow): { bytes: Buffer; flow: Flow } | undefined {
    if (target.hop === undefined) return undefined;
    const local = this.#parts.network.localFor(target.hop.address, target.hop.local ?? localOf(from));
    if (local === undefined) return undefined;
    const request = this.#outgoing(base, target, target.hop, local, from, 1);
    return { bytes: serialize(request), flow: flowTo(target.hop, local) };
  }

  #outgoing(
    base: SipRequest,
    target: Target,
    hop: Hop,
    local: LocalSocket,
    from: Flow,
    breadth: number,
  ): SipRequest {
    const request = base.copy();
    setRequestUri(request, target.uri);
    if (target.path.length > 0) setRoutes(request, [...target.path, ...routes(request)]);
    if (breadth > 1 || request.has('max-breadth')) {
      setHeader(request, 'Max-Breadth', String(Math.max(1, Math.floor(maxBreadth(base) / breadth))));
    }
    const sentBy = this.#parts.network.sentBy(local);
    if (recordsRoute(base)) this.#recordRoute(request, base, target, hop, local, sentBy, from);
    const loop = loopHash(base, this.#parts.branchHash);
    const branch = branchId(base, `${target.uri}\0${hop.address}:${hop.port}`, loop, this.#parts.branchHash);
    return decrementMaxForwards(pushVia(request, `SIP/2.0/UDP ${sentBy};branch=${branch}`));
  }

  #recordRoute(
    request: SipRequest,
    base: SipRequest,
    target: Target,
    hop: Hop,
    local: LocalSocket,
    sentBy: string,
    from: Flow,
  ): void {
    const sender: CookieSide = {
      address: from.remoteAddress,
      port: from.remotePort,
      exact: !followsContact(base, from),
    };
    const receiver: CookieSide = { address: hop.address, port: hop.port, exact: target.exact };
    const cookie = this.#parts.jar.seal(base.callId, {
      caller: sender,
      callee: receiver,
      callerTag: this.#parts.jar.tagHash(base.from.tag),
    });
    // Two values where the sides differ, so that each phone sees an address it can reach (RFC 5658).
    if (local.address !== from.localAddress || local.port !== from.localPort) {
      recordRoute(request, `<sip:${cookie}@${this.#parts.network.sentBy(localOf(from))};lr>`);
    }
    recordRoute(request, `<sip:${cookie}@${sentBy};lr>`);
  }
}

/** Requests that open a dialog, and NOTIFY (RFC 6665 §4.3), which may open one before its SUBSCRIBE is answered. */
function recordsRoute(request: SipRequest): boolean {
  switch (request.method) {
    case 'INVITE':
    case 'SUBSCRIBE':
    case 'REFER':
      return request.to.tag === undefined;
    case 'NOTIFY':
      return true;
    default:
      return false;
  }
}

/**
 * DESIGN rule 2b: the Contact's host is where the message came from, and no NAT on the same address shows in the top
 * Via (sent-by equal to the Contact, yet not the source).
 */
export function followsContact(request: SipRequest, from: Flow): boolean {
  const contact = request.first('contact');
  const uri = contact === undefined ? undefined : parseUri(parseNameAddr(contact)?.uri ?? '');
  if (uri === undefined || uri.host !== from.remoteAddress) return false;
  const port = uri.port ?? 5060;
  const via = request.via;
  const viaHost = via.host.startsWith('[') ? via.host.slice(1, -1) : via.host;
  return !(viaHost.toLowerCase() === uri.host && (via.port ?? 5060) === port && port !== from.remotePort);
}

function maxBreadth(request: SipRequest): number {
  const value = request.first('max-breadth');
  if (value === undefined || !/^\d{1,6}$/.test(value)) return MAX_BREADTH;
  return Math.min(Number(value), MAX_BREADTH);
}

function localOf(flow: Flow): LocalSocket {
  return { address: flow.localAddress, port: flow.localPort };
}

function flowTo(hop: Hop, local: LocalSocket): Flow {
  return {
    transport: 'udp',
    localAddress: local.address,
    localPort: local.port,
    remoteAddress: hop.address,
    remotePort: hop.port,
  };
}
