// Addresses of a capture as texts and keys.
import { canonicalHost } from '../sip/host.ts';
import type { Via } from '../sip/message.ts';
import type { SipUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';

export function same(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

export function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What a numeric host and its port name; undefined: a name, whose address a capture does not tell. */
export function endpointOf({ host, port }: Pick<SipUri, 'host' | 'port'>): Endpoint | undefined {
  return isAddress(host) ? { address: host, port: port ?? 5060 } : undefined;
}

/** Where the maker of a Via sits, as the server below it saw it (RFC 3581); undefined: it says a name. */
export function endpointOfVia(via: Via): Endpoint | undefined {
  const host = canonicalHost((via.received ?? via.host).replace(/^\[|\]$/g, ''));
  return endpointOf({ host, port: (via.rport ?? undefined) || via.port });
}

export function isAddress(host: string): boolean {
  return host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}
