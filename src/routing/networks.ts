// Networks in CIDR notation, and whether an address lies in one of them; which networks are private.
import { isIPv6 } from 'node:net';

/** IPv4 networks are held in their IPv6 form (`::ffff:0:0/96` and what follows). */
export interface Network {
  /** Eight groups of 16 bits. */
  readonly groups: readonly number[];
  /** 0 to 128. */
  readonly bits: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address. Bits beyond the prefix do not matter. undefined: malformed. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = slash === -1 ? text : text.slice(0, slash);
  const v4 = ipv4Number(address);
  const width = v4 === undefined ? 128 : 32;
  const bits = slash === -1 ? width : wholeNumber(text.slice(slash + 1));
  const groups = v4 === undefined ? ipv6Groups(address) : mappedGroups(v4);
  if (groups === undefined || bits === undefined || bits > width) return undefined;
  return { groups, bits: bits + 128 - width };
}

/** IPv6 addresses whose answer is remembered. Their parsing costs fifty times an IPv4 address's. */
const REMEMBERED = 4096;

export class Networks {
  readonly #networks: readonly Network[];
  /** Pairs of network and mask, for IPv4 alone. */
  readonly #v4: readonly (readonly [network: number, mask: number])[];
  readonly #remembered = new Map<string, boolean>();

  constructor(networks: readonly Network[]) {
    this.#networks = networks;
    this.#v4 = networks.filter(coversMapped).map(({ groups, bits }) => {
      const mask = bits <= 96 ? 0 : (-1 << (128 - bits)) >>> 0;
      return [(((groups[6] ?? 0) * 0x10000 + (groups[7] ?? 0)) & mask) >>> 0, mask];
    });
  }

  /** IPv6 without brackets, a zone (`%eth0`) is ignored. What is no address lies nowhere. */
  includes(address: string): boolean {
    const v4 = ipv4Number(address);
    if (v4 !== undefined) {
      for (const [network, mask] of this.#v4) if ((v4 & mask) >>> 0 === network) return true;
      return false;
    }
    const known = this.#remembered.get(address);
    if (known !== undefined) return known;
    const groups = ipv6Groups(address);
    if (groups === undefined) return false;
    const included = this.#networks.some((network) => lies(groups, network));
    if (this.#remembered.size >= REMEMBERED) this.#remembered.clear();
    this.#remembered.set(address, included);
    return included;
  }
}

/** undefined: none are named. Malformed ones are left out. */
export function networksOf(texts: readonly string[]): Networks | undefined {
  return texts.length === 0 ? undefined : new Networks(texts.flatMap((text) => parseNetwork(text) ?? []));
}

/** Loopback, RFC 1918, link-local (RFC 3927, RFC 4291) and unique local (RFC 4193) addresses. */
const PRIVATE = new Networks(
  [
    '127.0.0.0/8',
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '169.254.0.0/16',
    '::1/128',
    'fe80::/10',
    'fc00::/7',
  ].flatMap((text) => parseNetwork(text) ?? []),
);

/** May this source register and call when nothing else is said? */
export function isTrusted(address: string): boolean {
  return PRIVATE.includes(address);
}

/** Four decimal bytes as one unsigned number, or undefined. */
function ipv4Number(text: string): number | undefined {
  if (text.length > 15) return undefined;
  let number = 0;
  let byte = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      if (digits === 0 || ++dots > 3) return undefined;
      number = number * 256 + byte;
      byte = 0;
      digits = 0;
    } else if (code >= 0x30 && code <= 0x39) {
      byte = byte * 10 + code - 0x30;
      if (++digits > 3 || byte > 255) return undefined;
    } else return undefined;
  }
  return dots === 3 && digits > 0 ? number * 256 + byte : undefined;
}

function ipv6Groups(address: string): number[] | undefined {
  const text = address.split('%', 1)[0] ?? '';
  if (!isIPv6(text)) return undefined;
  const [head = '', tail] = text.split('::');
  const left = groupsOf(head);
  if (tail === undefined) return left;
  const right = groupsOf(tail);
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function groupsOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    const v4 = ipv4Number(group);
    return v4 === undefined ? [Number.parseInt(group, 16)] : [v4 >>> 16, v4 & 0xffff];
  });
}

function mappedGroups(v4: number): number[] {
  return [0, 0, 0, 0, 0, 0xffff, v4 >>> 16, v4 & 0xffff];
}

/** Does it hold IPv4 addresses, some or all? */
function coversMapped(network: Network): boolean {
  return lies(mappedGroups(0), { ...network, bits: Math.min(network.bits, 96) });
}

function lies(groups: readonly number[], network: Network): boolean {
  for (let i = 0, left = network.bits; left > 0; i++, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff;
    if ((((groups[i] ?? 0) ^ (network.groups[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}
