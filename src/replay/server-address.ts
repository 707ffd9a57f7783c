// Finds which address in a capture is the server's: where phones register, else who talks with most and relays.
import type { Endpoint } from './capture/datagrams.ts';
import { type SipHead, sipHead } from './capture/sip-head.ts';

/** What speaks for an address being the server's. */
export interface ServerCandidate {
  readonly server: Endpoint;
  /** Endpoints that sent it a REGISTER and were answered. */
  readonly registered: number;
  /** Endpoints that sent it a REGISTER. */
  readonly registering: number;
  /** Endpoints that exchanged SIP messages with it. */
  readonly peers: number;
  /** It passed on messages of others (a Via below its own), or stands in a Record-Route. RFC 3261 §16.6. */
  readonly relays: boolean;
  /** Both From and To are users at its address: it is their domain. */
  readonly named: boolean;
  /** It has the port that servers have. */
  readonly port: boolean;
}

export type ServerAddress =
  | {
      readonly kind: 'found';
      readonly server: Endpoint;
      readonly because: Reason;
      readonly candidates: readonly ServerCandidate[];
    }
  /** The candidates are those between which nothing decides. */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly ServerCandidate[] }
  /** There is no SIP. */
  | { readonly kind: 'none' };

/** The first of these in which the found one is ahead of the next best. */
export type Reason = 'registered' | 'registering' | 'peers' | 'relays' | 'named' | 'port';

const REASONS: readonly Reason[] = ['registered', 'registering', 'peers', 'relays', 'named', 'port'];

/** A server shows itself early; what comes later only costs time and memory. */
const LOOKED_AT = 20_000;
const CANDIDATES_SHOWN = 10;

interface Signs {
  readonly server: Endpoint;
  readonly registered: Set<string>;
  readonly registering: Set<string>;
  readonly peers: Set<string>;
  relays: boolean;
  named: boolean;
}

/** Looks at the first 20,000 SIP messages. `candidates` come best first. */
export function findServerAddress(
  datagrams: Iterable<{
    readonly source: Endpoint;
    readonly destination: Endpoint;
    readonly bytes: Buffer;
    readonly sip: boolean;
  }>,
): ServerAddress {
  const all = new Map<string, Signs>();
  const recordRouted = new Set<string>();
  let seen = 0;
  for (const datagram of datagrams) {
    if (!datagram.sip) continue;
    const source = signsOf(all, datagram.source);
    const destination = signsOf(all, datagram.destination);
    note(sipHead(datagram.bytes), source, destination, recordRouted);
    const domain = domainOf(datagram.bytes);
    if (domain === source.server.address) source.named = true;
    if (domain === destination.server.address) destination.named = true;
    seen += 1;
    if (seen === LOOKED_AT) break;
  }
  const candidates = [...all.values()]
    .map((signs) => ({
      server: signs.server,
      registered: signs.registered.size,
      registering: signs.registering.size,
      peers: signs.peers.size,
      relays: signs.relays || recordRouted.has(keyOf(signs.server)),
      named: signs.named,
      port: signs.server.port === 5060,
    }))
    .sort(compare);
  const [best, second] = candidates;
  if (best === undefined) return { kind: 'none' };
  const tied = candidates.filter((candidate) => compare(candidate, best) === 0);
  if (tied.length > 1) return { kind: 'ambiguous', candidates: tied };
  const because = REASONS.find((reason) => best[reason] !== second?.[reason]) ?? 'peers';
  return { kind: 'found', server: best.server, because, candidates: candidates.slice(0, CANDIDATES_SHOWN) };
}

function note(head: SipHead, source: Signs, destination: Signs, recordRouted: Set<string>): void {
  if (source !== destination) {
    source.peers.add(keyOf(destination.server));
    destination.peers.add(keyOf(source.server));
    if (head.method === 'REGISTER') destination.registering.add(keyOf(source.server));
    if (head.status >= 200 && /\bREGISTER$/.test(head.cseq)) source.registered.add(keyOf(destination.server));
  }
  if (head.vias.length > 1) {
    if (head.method === undefined) destination.relays = true;
    else source.relays = true;
  }
  for (const value of head.recordRoutes) {
    for (const [, address, port] of value.matchAll(ROUTE)) {
      if (address !== undefined) recordRouted.add(`${address.toLowerCase()} ${port ?? 5060}`);
    }
  }
}

/** Host and port of each URI; the host of an IPv6 one without its brackets. */
const ROUTE = /sips?:(?:[^@>;,\s]*@)?\[?([^\]>;,?\s]+?)\]?(?::(\d+))?(?=[>;,?\s]|$)/gi;

const PARTY = /^(?:from|f|to|t)[ \t]*:[^\r\n]*?sips?:[^@>;\r\n]*@(?:\[([^\]\r\n]+)\]|([^>;:?\s]+))/gim;

/** The host that both parties of a message share; '': they do not. */
function domainOf(bytes: Buffer): string {
  const empty = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, empty < 0 ? bytes.length : empty);
  const hosts = [...head.matchAll(PARTY)].map(([, v6, host]) => (v6 ?? host ?? '').toLowerCase());
  return hosts.length === 2 && hosts[0] === hosts[1] ? (hosts[0] ?? '') : '';
}

function compare(a: ServerCandidate, b: ServerCandidate): number {
  for (const reason of REASONS) {
    const difference = Number(b[reason]) - Number(a[reason]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function signsOf(all: Map<string, Signs>, server: Endpoint): Signs {
  const key = keyOf(server);
  const known = all.get(key);
  if (known !== undefined) return known;
  const fresh: Signs = {
    server,
    registered: new Set(),
    registering: new Set(),
    peers: new Set(),
    relays: false,
    named: false,
  };
  all.set(key, fresh);
  return fresh;
}

function keyOf({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
