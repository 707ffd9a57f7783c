// What the captured server is called: its address, the domains it serves, and what it wrote of itself into Via and Record-Route.
import type { SipMessage, SipRequest } from '../sip/message.ts';
import { parseNameAddr, parseUri, type SipUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { isAddress } from './endpoint.ts';

export class ServerNames {
  readonly #server: Endpoint;
  /** Hosts that are the server's, on any of its ports. */
  readonly #domains = new Set<string>();
  /** `host port` */
  readonly #at = new Set<string>();
  /** `host port` of whoever talks with the server: never the server, whatever a Record-Route says. */
  readonly #peers = new Set<string>();

  constructor(server: Endpoint) {
    this.#server = server;
    this.#at.add(`${server.address} ${server.port}`);
  }

  /** Is this URI one of the server itself, or an AOR of its domain? */
  has({ host, port }: Pick<SipUri, 'host' | 'port'>): boolean {
    const at = `${host} ${port ?? 5060}`;
    if (this.#at.has(at)) return !this.#peers.has(at);
    if (port === undefined && host === this.#server.address) return true;
    return this.#domains.has(host) && (port === undefined || port === this.#server.port || port === 5060);
  }

  /** Does this Route, Record-Route or Contact value name the server? */
  hasValue(value: string): boolean {
    const uri = parseUri(parseNameAddr(value)?.uri ?? value);
    return uri !== undefined && this.has(uri);
  }

  peer({ address, port }: Endpoint): void {
    if (address !== this.#server.address || port !== this.#server.port) this.#peers.add(`${address} ${port}`);
  }

  isPeer({ address, port }: Endpoint): boolean {
    return this.#peers.has(`${address} ${port}`);
  }

  /** A phone asked for this URI. */
  asked(request: SipRequest, uri: SipUri): void {
    if (this.has(uri) || this.#peers.has(`${uri.host} ${uri.port ?? 5060}`)) return;
    // Who calls within its own domain, or registers with it, has the domain from the server.
    const isDomain =
      request.method === 'REGISTER' || !isAddress(uri.host) || parseUri(request.from.uri)?.host === uri.host;
    if (!isDomain) return;
    this.#domains.add(uri.host);
    if (uri.port !== undefined) this.#at.add(`${uri.host} ${uri.port}`);
  }

  /** The server sent this: what stands nearest to it in a Record-Route is its own (RFC 3261 §16.6 step 4). */
  sent(message: SipMessage): void {
    if (message.kind === 'request') {
      const { host, port } = message.via;
      const written = host.replace(/^\[|\]$/g, '').toLowerCase();
      if (written !== '') this.#at.add(`${written} ${port ?? 5060}`);
    }
    if (!message.has('record-route')) return;
    const all = message.all('record-route');
    const nearest = message.kind === 'request' ? all : all.toReversed();
    this.#recordRouted(nearest[0]);
    // One for each side (RFC 5658), as Kamailio and OpenSIPS write them.
    if (/;r2=on/i.test(nearest[0] ?? '')) this.#recordRouted(nearest[1]);
  }

  /** For the server that stands in for this one: hosts without port. */
  get domains(): string[] {
    return [this.#server.address, ...this.#domains];
  }

  /** Hosts with the port the server has there. */
  get sockets(): Endpoint[] {
    return [...this.#at]
      .filter((at) => !this.#peers.has(at))
      .map((at) => {
        const [address = '', port] = at.split(' ');
        return { address, port: Number(port) };
      });
  }

  #recordRouted(value: string | undefined): void {
    const uri = value === undefined ? undefined : parseUri(parseNameAddr(value)?.uri ?? '');
    if (uri !== undefined) this.#at.add(`${uri.host} ${uri.port ?? 5060}`);
  }
}
