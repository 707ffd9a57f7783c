// Addresses as they stand in the configuration: where to listen, what to advertise, whom to relay to.
import { BlockList, isIP } from 'node:net';

export interface ListenAddress {
  readonly transport: 'udp';
  /** An IP address without brackets, or a host name that the server resolves. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface HostPort {
  readonly host: string;
  readonly port: number | undefined;
}

/** Whom to relay to: one host, every host below a domain, or a network. Without a port any port will do. */
export type OutboundRule =
  | { readonly kind: 'host'; readonly host: string; readonly port: number | undefined }
  | { readonly kind: 'below'; readonly domain: string; readonly port: number | undefined }
  | { readonly kind: 'network'; readonly address: string; readonly bits: number };

/** A host name, or an IP address with or without brackets: lower case, IPv6 in its canonical form. undefined: neither. */
export function parseHost(raw: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(raw)?.[1];
  const host = (bare ?? raw).toLowerCase();
  if (isIP(host) === 6) return host.includes('%') ? host : new URL(`http://[${host}]/`).hostname.slice(1, -1);
  if (bare !== undefined) return undefined;
  if (isIP(host) === 4) return host;
  // a last label of digits only is a mistyped address, RFC 3696 §2
  return /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.?$/.test(
    host,
  ) && !/(^|\.)\d+\.?$/.test(host)
    ? host.replace(/\.$/, '')
    : undefined;
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 address. */
export function parseHostPort(raw: string): HostPort | undefined {
  const split = isIP(raw) === 6 ? null : /^(.*?)(?::(\d{1,5}))?$/.exec(raw);
  const host = parseHost(split?.[1] ?? raw);
  const port = split?.[2] === undefined ? undefined : Number(split[2]);
  return host === undefined || (port !== undefined && port > 65535) ? undefined : { host, port };
}

/** `udp:HOST:PORT`, `udp:[::1]:PORT`; without a port 5060. */
export function parseListen(raw: string): ListenAddress | undefined {
  const rest = /^udp:(?:\/\/)?(.+)$/i.exec(raw.trim())?.[1];
  const at = rest === undefined ? undefined : parseHostPort(rest);
  return at && { transport: 'udp', host: at.host, port: at.port ?? 5060 };
}

/** `host`, `host:port`, `*.domain`, `*.domain:port`, `10.0.0.0/8`, `2001:db8::/32`. */
export function parseOutbound(raw: string): OutboundRule | undefined {
  const network = /^(.+)\/(\d{1,3})$/.exec(raw);
  if (network) {
    const address = parseHost(network[1] ?? '');
    const family = address === undefined ? 0 : isIP(address);
    const bits = Number(network[2]);
    return address === undefined || family === 0 || bits > (family === 4 ? 32 : 128)
      ? undefined
      : { kind: 'network', address, bits };
  }
  const below = raw.startsWith('*.');
  const at = parseHostPort(below ? raw.slice(2) : raw);
  if (at === undefined) return undefined;
  return below
    ? { kind: 'below', domain: at.host, port: at.port }
    : { kind: 'host', host: at.host, port: at.port };
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address: as text with its bits. undefined: none of that. */
export function parseNetworkText(raw: string): string | undefined {
  const rule = parseOutbound(raw.includes('/') ? raw : `${raw}/${raw.includes(':') ? 128 : 32}`);
  return rule?.kind === 'network' ? formatOutbound(rule) : undefined;
}

/** May requests that concern nobody of ours be relayed to this host (lower case, IPv6 without brackets) and port? */
export function outboundAllows(rules: readonly OutboundRule[]): (host: string, port: number) => boolean {
  const networks = new BlockList();
  for (const rule of rules)
    if (rule.kind === 'network')
      networks.addSubnet(rule.address, rule.bits, isIP(rule.address) === 6 ? 'ipv6' : 'ipv4');
  return (host, port) => {
    const family = isIP(host);
    if (family !== 0 && networks.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true;
    return rules.some((rule) => {
      if (rule.kind === 'network' || (rule.port !== undefined && rule.port !== port)) return false;
      return rule.kind === 'host' ? rule.host === host : host.endsWith(`.${rule.domain}`);
    });
  };
}

export function formatHostPort({ host, port }: HostPort): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

export function formatListen(address: ListenAddress): string {
  return `${address.transport}:${formatHostPort(address)}`;
}

export function formatOutbound(rule: OutboundRule): string {
  if (rule.kind === 'network') return `${rule.address}/${rule.bits}`;
  return rule.kind === 'host'
    ? formatHostPort(rule)
    : `*.${formatHostPort({ host: rule.domain, port: rule.port })}`;
}
