// One binding: a Contact under which an AOR can be reached for a while (RFC 3261 §10).
import { canonicalIpv6 } from '../sip/host.ts';
import type { Params } from '../sip/message.ts';
import type { Aor } from '../sip/uri.ts';
import type { Flow } from '../transport/flow.ts';

/** How a request to a binding leaves: to the first hop's URI (Path, else Contact), or back along the flow. */
export type Follow = 'contact' | 'flow';

export interface BindingFields {
  readonly aor: Aor;
  /** Contact URI as given, without `?headers`, which a Request-URI may not hold. RFC 3261 §19.1.1. */
  readonly uri: string;
  /** Contact value as given, in angle brackets and without `expires`: what a 200 lists. */
  readonly contact: string;
  /** Thousandths, 0 to 1000. */
  readonly q: number;
  readonly callId: string;
  readonly cseq: number;
  /** Monotonic clock, ms; at this moment it is gone. */
  readonly expiresAt: number;
  /** Where the REGISTER came from. */
  readonly flow: Flow;
  /** RFC 3327, topmost first. */
  readonly path: readonly string[];
  readonly follow: Follow;
  /** `+sip.instance` as written, quotes included, and `reg-id` (RFC 5626 §4). */
  readonly instance: string | undefined;
  readonly regId: string | undefined;
  /** Host and port of a sip or sips Contact (see `addressKey`); undefined: listed, but no SIP request goes there. */
  readonly address: string | undefined;
}

export interface Binding extends BindingFields {
  /** Parameters of the Contact value; parsed at each call. */
  readonly params: Params;
}

/** One string for a host (IPv6 without brackets) and a port. */
export function addressKey(host: string, port: number): string {
  return `${host.includes(':') ? plainIpv6(host) : host} ${port}`;
}

/** Canonical, without zone; an IPv4 address in IPv6 form, as a dual-stack socket tells it, in its own form. */
function plainIpv6(host: string): string {
  const address = canonicalIpv6(host.split('%', 1)[0] ?? host) ?? host;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped === null) return address;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
