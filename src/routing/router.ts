// Decides where a request goes: the Route set, the Request-URI, the location service, and for whom we relay.

import { addressKey } from '../registrar/binding.ts';
import type { Binding, Location } from '../registrar/location.ts';
import { routes as routesOf, setRequestUri, setRoutes } from '../sip/edit.ts';
import type { SipRequest } from '../sip/message.ts';
import { param } from '../sip/message.ts';
import type { Aor, SipUri } from '../sip/uri.ts';
import { aorOf, parseNameAddr, parseUri, schemeOf, unescaped } from '../sip/uri.ts';
import type { LocalSocket } from '../transport/flow.ts';
import type { Cookie, CookieJar, CookieSide } from './cookie.ts';
import type { Domains } from './domains.ts';

/** The address of a next hop; `local` is the socket it must leave from, when that is known. */
export interface Hop {
  readonly address: string;
  readonly port: number;
  readonly local: LocalSocket | undefined;
}

/** One place the request is sent to. */
export interface Target {
  /** Request-URI it gets. */
  readonly uri: string;
  /** Route header values it gets, before those that stay on the request: a registered Path (RFC 3327). */
  readonly path: readonly string[];
  /** Where it is sent; undefined: `host` is a name that must be resolved first. */
  readonly hop: Hop | undefined;
  readonly name?: { readonly host: string; readonly port: number | undefined };
  /** q value in thousandths. */
  readonly q: number;
  /** True: answer to the flow, whatever the Contact says (goes into the Record-Route cookie). */
  readonly exact: boolean;
  /** The Contact of the 3xx that named it, and how many 3xx led there; undefined: none did. */
  readonly redirect?: { readonly contact: string; readonly depth: number };
}

export type Verdict =
  /** It is for the server itself. */
  | { readonly kind: 'self'; readonly uri: SipUri }
  /** `targets` may be empty: an AOR of ours with nobody there. q descending. */
  | {
      readonly kind: 'forward';
      readonly targets: readonly Target[];
      /** Of the dialog that the targets belong to. */
      readonly cookie: Cookie | undefined;
      readonly byLocation: boolean;
    }
  | { readonly kind: 'refuse'; readonly status: number; readonly why: string };

export interface RouterSettings {
  /** Hosts, `*.domain`, CIDR or host:port to which requests that are nobody's of ours may be relayed. */
  outbound(host: string, port: number | undefined): boolean;
  /** Contacts of conference foci in live calls: `AOR;conf-id` to the Contact URI as it was given. */
  focusContact(aor: Aor, confId: string): string | undefined;
}

const DEFAULT_PORT = 5060;
const MAX_DEPTH = 10;
/** RFC 5393 §4: AORs that lead to AORs must not make thousands of one request, nor of its looking up. */
const MAX_TARGETS = 60;

export class Router {
  readonly #domains: Domains;
  readonly #location: Location;
  readonly #jar: CookieJar;
  readonly #settings: RouterSettings;

  constructor(domains: Domains, location: Location, jar: CookieJar, settings: RouterSettings) {
    this.#domains = domains;
    this.#location = location;
    this.#jar = jar;
    this.#settings = settings;
  }

  /**
   * RFC 3261 §16.4 and §16.5. Edits `request` (a copy of what was received): our Routes are popped, a strict router's
   * Request-URI is put right.
   */
  route(request: SipRequest): Verdict {
    const scheme = schemeOf(request.uri);
    if (scheme !== 'sip') {
      return { kind: 'refuse', status: 416, why: `scheme ${scheme ?? 'missing'} is not routed` };
    }
    let uri = parseUri(request.uri);
    if (uri === undefined) return { kind: 'refuse', status: 400, why: 'Bad Request-URI' };

    let routes = request.has('route') ? routesOf(request) : NO_ROUTES;
    const callId = request.callId;

    let cookie = this.#domains.isOurs(uri) ? this.#jar.open(callId, uri.user) : undefined;
    let local: LocalSocket | undefined;
    let own = 0;
    // A strict router put our Record-Route URI where the target belongs: the target is the last Route (§16.4).
    if (cookie !== undefined) {
      const last = routes.at(-1);
      if (last === undefined)
        return { kind: 'refuse', status: 400, why: 'Route of a strict router is missing' };
      const target = parseNameAddr(last)?.uri ?? last;
      const targetUri = parseUri(target);
      if (targetUri === undefined) return { kind: 'refuse', status: 400, why: 'Bad Route' };
      setRequestUri(request, target);
      routes = routes.slice(0, -1);
      setRoutes(request, routes);
      uri = targetUri;
      own++;
    }

    let popped = 0;
    while (popped < routes.length) {
      const routeUri = parseUri(parseNameAddr(routes[popped] as string)?.uri ?? '');
      if (routeUri === undefined) return { kind: 'refuse', status: 400, why: 'Bad Route' };
      if (!this.#domains.isOurs(routeUri)) break;
      popped++;
      own++;
      cookie ??= this.#jar.open(callId, routeUri.user);
      local = { address: routeUri.host, port: routeUri.port ?? DEFAULT_PORT };
    }
    if (popped > 0) {
      routes = routes.slice(popped);
      setRoutes(request, routes);
    }
    return this.#afterRoutes(request, uri, routes, cookie, own > 1 ? local : undefined);
  }

  #afterRoutes(
    request: SipRequest,
    uri: SipUri,
    routes: readonly string[],
    cookie: Cookie | undefined,
    local: LocalSocket | undefined,
  ): Verdict {
    const side = cookie === undefined ? undefined : this.#farSide(request, cookie);
    const first = routes[0];
    if (first !== undefined) {
      const nextText = parseNameAddr(first)?.uri;
      const next = nextText === undefined ? undefined : parseUri(nextText);
      if (nextText === undefined || next === undefined)
        return { kind: 'refuse', status: 400, why: 'Bad Route' };
      // §16.6 step 6: a next hop without `lr` is a strict router.
      if (!next.params.some(([name]) => name === 'lr')) {
        setRoutes(request, [...routes.slice(1), `<${request.uri}>`]);
        setRequestUri(request, nextText);
      }
      const target = this.#reach(next, request.uri, side, local, true);
      return target === undefined ? refuseRelay(request, cookie) : forward([target], cookie);
    }

    if (this.#domains.isOurs(uri)) {
      if (uri.user === undefined || uri.user === '') return { kind: 'self', uri };
      const found = this.lookup(uri);
      if (found.length === 0 && side !== undefined)
        return forward([this.#bySide(request.uri, side, local)], cookie);
      // A cookie speaks for its own dialog: it opens no other AOR to whoever holds it.
      const ofSide = side === undefined ? [] : atSide(found, side);
      if (ofSide.length > 0) return { kind: 'forward', targets: ofSide, cookie, byLocation: true };
      return { kind: 'forward', targets: found, cookie: undefined, byLocation: true };
    }
    const target = this.#reach(uri, request.uri, side, local, false);
    return target === undefined ? refuseRelay(request, cookie) : forward([target], cookie);
  }

  /** Does it carry a cookie of ours that is good for its call, in a Route or where a strict router puts it? */
  carriesCookie(request: SipRequest): boolean {
    const texts = [request.uri, ...routesOf(request).map((route) => parseNameAddr(route)?.uri ?? '')];
    return texts.some((one) => this.#jar.open(request.callId, parseUri(one)?.user) !== undefined);
  }

  /** Where a URI leads that no request has named, a 3xx's Contact: by the rules for any other. Empty: we relay nowhere. */
  lead(text: string): readonly Target[] {
    const uri = schemeOf(text) === 'sip' ? parseUri(text) : undefined;
    if (uri === undefined) return [];
    if (this.#domains.isOurs(uri)) return uri.user === undefined || uri.user === '' ? [] : this.lookup(uri);
    const target = this.#reach(uri, text, undefined, undefined, false);
    return target === undefined ? [] : [target];
  }

  /** The contacts of an AOR of ours, AORs of ours among them looked up again (rule 2a), q descending. */
  lookup(uri: SipUri): readonly Target[] {
    const aor = aorOf(uri);
    const confId = param(uri.params, 'conf-id') ?? undefined;
    if (confId !== undefined) {
      const contact = this.#settings.focusContact(aor, confId);
      const parsed = contact === undefined ? undefined : parseUri(contact);
      // Its own phone says so: a Contact of somebody else's makes nobody the focus.
      const at = parsed && addressKey(parsed.host, parsed.port ?? DEFAULT_PORT);
      const bound = at && this.#location.lookup(aor).find((binding) => binding.address === at);
      if (contact !== undefined && bound) return [bindingTarget(bound, contact)];
    }
    const instance = param(uri.params, 'gr') ?? undefined;
    if (instance) {
      // RFC 5627 §5.1: one phone or nobody, never another one of the same user.
      const named = `"<${unescaped(instance)}>"`.toLowerCase();
      const chosen = this.#location.lookup(aor).filter((b) => b.instance?.toLowerCase() === named);
      return chosen.map((b) => bindingTarget(b, b.uri));
    }
    const targets: Target[] = [];
    this.#collect(aor, targets, new Set(), 0, 1000);
    if (confId !== undefined) {
      return targets.map((t) =>
        parseUri(t.uri)?.params.some(([n]) => n === 'conf-id') ? t : { ...t, uri: withConfId(t.uri, confId) },
      );
    }
    return targets;
  }

  /** `q`: that of the way to this AOR; a way of several steps has the product of theirs. */
  #collect(aor: Aor, into: Target[], visited: Set<string>, depth: number, q: number): void {
    if (visited.has(aor) || visited.size >= MAX_TARGETS || depth > MAX_DEPTH) return;
    visited.add(aor);
    for (const binding of this.#location.lookup(aor)) {
      if (depth > 0 && into.length >= MAX_TARGETS) break;
      const contact = parseUri(binding.uri);
      if (
        contact !== undefined &&
        contact.user !== undefined &&
        binding.path.length === 0 &&
        this.#domains.isOurs(contact)
      ) {
        // A Contact that is the AOR itself names no other place: that phone sits where its REGISTER came from.
        if (aorOf(contact) === aor) addTarget(into, flowTarget(binding, binding.uri), q);
        else this.#collect(aorOf(contact), into, visited, depth + 1, (q * binding.q) / 1000);
      } else {
        addTarget(into, bindingTarget(binding, binding.uri), q);
      }
    }
    if (depth === 0 && into.length > 1) into.sort((a, b) => b.q - a.q);
  }

  #farSide(request: SipRequest, cookie: Cookie): CookieSide {
    return this.#jar.tagHash(request.from.tag) === cookie.callerTag ? cookie.callee : cookie.caller;
  }

  /** Rules 2 and 3 for a URI that is not an AOR of ours; undefined: we do not relay there. */
  #reach(
    next: SipUri,
    requestUri: string,
    side: CookieSide | undefined,
    local: LocalSocket | undefined,
    byRoute: boolean,
  ): Target | undefined {
    const port = next.port ?? DEFAULT_PORT;
    if (side !== undefined && !side.exact && next.host === side.address) {
      return {
        uri: requestUri,
        path: [],
        hop: { address: side.address, port, local },
        q: 1000,
        exact: false,
      };
    }
    const bound = this.#location.isBoundAddress(next.host, port);
    if (bound !== undefined && (side === undefined || !side.exact || this.#isOfSide(bound, side))) {
      const target = bindingTarget(bound, requestUri, next);
      // A Path belongs to the Contact it was registered with; the Route set says the rest of the way itself.
      return byRoute ? { ...target, path: [] } : target;
    }
    if (side !== undefined) return this.#bySide(requestUri, side, local);
    if (this.#settings.outbound(next.host, next.port)) {
      if (isNumeric(next.host)) {
        return { uri: requestUri, path: [], hop: { address: next.host, port, local }, q: 1000, exact: false };
      }
      return {
        uri: requestUri,
        path: [],
        hop: undefined,
        name: { host: next.host, port: next.port },
        q: 1000,
        exact: true,
      };
    }
    return undefined;
  }

  /**
   * Two phones behind NATs, or behind one, may have the same private address: the dialog knows which of them it means.
   * It is followed to another port once its own flow is bound no more.
   */
  #isOfSide({ flow }: Binding, side: CookieSide): boolean {
    if (flow.remoteAddress !== side.address) return false;
    return (
      flow.remotePort === side.port || this.#location.isBoundAddress(side.address, side.port) === undefined
    );
  }

  #bySide(requestUri: string, side: CookieSide, local: LocalSocket | undefined): Target {
    return {
      uri: requestUri,
      path: [],
      hop: { address: side.address, port: side.port, local },
      q: 1000,
      exact: side.exact,
    };
  }
}

const NO_ROUTES: readonly string[] = [];

/** §16.5: a target set has no duplicates; one phone may be found by two AORs. `q`: that of the way to its AOR. */
function addTarget(targets: Target[], target: Target, q: number): void {
  const { uri, hop } = target;
  const isSame = (one: Target) =>
    one.uri === uri && one.hop?.address === hop?.address && one.hop?.port === hop?.port;
  if (!targets.some(isSame)) targets.push(q === 1000 ? target : { ...target, q: (q * target.q) / 1000 });
}

/** Of the phones of one AOR those that the dialog means: the one at its address and port, else those at its address. */
function atSide(found: readonly Target[], side: CookieSide): readonly Target[] {
  const near = found.filter(({ hop }) => hop?.address === side.address);
  const exact = near.filter(({ hop }) => hop?.port === side.port);
  return exact.length > 0 ? exact : near;
}

function forward(targets: readonly Target[], cookie: Cookie | undefined): Verdict {
  return { kind: 'forward', targets, cookie, byLocation: false };
}

/** A request inside a dialog that never was ours gets 481, any other 403 (rules 3 and 5). */
function refuseRelay(request: SipRequest, cookie: Cookie | undefined): Verdict {
  if (request.to.tag !== undefined && cookie === undefined) {
    return { kind: 'refuse', status: 481, why: 'no dialog of ours' };
  }
  return { kind: 'refuse', status: 403, why: 'no relay to that destination' };
}

/** `named`: the request named the phone's address itself; the port it gave is the one it means. */
function bindingTarget(binding: Binding, uri: string, named?: SipUri): Target {
  const flow = binding.flow;
  const local = { address: flow.localAddress, port: flow.localPort };
  const q = binding.q;
  const firstPath = binding.path[0];
  if (firstPath !== undefined) {
    const edge = parseUri(parseNameAddr(firstPath)?.uri ?? '');
    const follow = edge !== undefined && edge.host === flow.remoteAddress;
    const port = follow ? (edge.port ?? DEFAULT_PORT) : flow.remotePort;
    return { uri, path: binding.path, hop: { address: flow.remoteAddress, port, local }, q, exact: true };
  }
  if (binding.follow === 'flow') return flowTarget(binding, uri);
  const contact = named ?? parseUri(binding.uri);
  if (contact === undefined || !isNumeric(contact.host)) {
    // Only a forced `contact` routing comes here with a name.
    return contact === undefined
      ? flowTarget(binding, uri)
      : { uri, path: [], hop: undefined, name: { host: contact.host, port: contact.port }, q, exact: false };
  }
  return {
    uri,
    path: [],
    hop: { address: contact.host, port: contact.port ?? DEFAULT_PORT, local },
    q,
    exact: false,
  };
}

function flowTarget({ flow, q }: Binding, uri: string): Target {
  const local = { address: flow.localAddress, port: flow.localPort };
  return {
    uri,
    path: [],
    hop: { address: flow.remoteAddress, port: flow.remotePort, local },
    q,
    exact: true,
  };
}

function isNumeric(host: string): boolean {
  return host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

/** The same URI with `;conf-id=` before any headers part. */
function withConfId(uri: string, confId: string): string {
  const question = uri.indexOf('?');
  const added = `;conf-id=${confId}`;
  return question === -1 ? uri + added : uri.slice(0, question) + added + uri.slice(question);
}
