// IPv4 and IPv6 headers, extension headers included: what a packet carries, for whom, and which piece of it.

export const UDP = 17;
export const TCP = 6;
export const ICMP = 1;
export const ICMPV6 = 58;

/** What an IP packet carries, or one fragment of it. Addresses are left as bytes: few packets need them as text. */
export interface IpPacket {
  readonly version: 4 | 6;
  readonly source: Buffer;
  readonly destination: Buffer;
  /** Next protocol after all extension headers that are there. */
  readonly protocol: number;
  /** IPv4's Identification or that of the fragment header; -1: IPv6 without one. */
  readonly id: number;
  readonly payload: Buffer;
  /** The capture holds fewer bytes than the packet had. */
  readonly cut: boolean;
  readonly fragmented: boolean;
  /** Of a fragment: where it belongs, and whether others follow. */
  readonly fragmentOffset: number;
  readonly more: boolean;
}

/** `packet` begins with the IP header; trailing bytes of the link are left out. `cut`: the capture is shorter than the wire. */
export function parseIp(packet: Buffer, cut: boolean): IpPacket | undefined {
  const first = packet[0];
  if (first === undefined) return undefined;
  if (first >> 4 === 4) return parseV4(packet, cut);
  if (first >> 4 === 6) return parseV6(packet, cut);
  return undefined;
}

function parseV4(packet: Buffer, cut: boolean): IpPacket | undefined {
  if (packet.length < 20) return undefined;
  const headerLength = (packet.readUInt8(0) & 0x0f) * 4;
  const totalLength = packet.readUInt16BE(2);
  // 0: left for the network card to fill in
  const length = totalLength === 0 ? packet.length : totalLength;
  if (headerLength < 20 || length < headerLength || packet.length < headerLength) return undefined;
  const flags = packet.readUInt16BE(6);
  const fragmentOffset = (flags & 0x1fff) * 8;
  const more = (flags & 0x2000) !== 0;
  return {
    version: 4,
    source: packet.subarray(12, 16),
    destination: packet.subarray(16, 20),
    protocol: packet.readUInt8(9),
    id: packet.readUInt16BE(4),
    payload: packet.subarray(headerLength, length),
    cut: totalLength === 0 ? cut : packet.length < length,
    fragmented: more || fragmentOffset > 0,
    fragmentOffset,
    more,
  };
}

function parseV6(packet: Buffer, cut: boolean): IpPacket | undefined {
  if (packet.length < 40) return undefined;
  const payloadLength = packet.readUInt16BE(4);
  const length = payloadLength === 0 ? packet.length : 40 + payloadLength;
  const upper = skipExtensions(packet.subarray(40, length), packet.readUInt8(6));
  if (upper === undefined) return undefined;
  return {
    version: 6,
    source: packet.subarray(8, 24),
    destination: packet.subarray(24, 40),
    protocol: upper.protocol,
    id: upper.id,
    payload: upper.payload,
    cut: payloadLength === 0 ? cut : packet.length < length,
    fragmented: upper.fragmented,
    fragmentOffset: upper.fragmentOffset,
    more: upper.more,
  };
}

interface Upper {
  readonly protocol: number;
  readonly payload: Buffer;
  readonly id: number;
  readonly fragmented: boolean;
  readonly fragmentOffset: number;
  readonly more: boolean;
}

const AUTHENTICATION = 51;
const FRAGMENT = 44;
/** Hop-by-hop, routing, destination options, mobility, HIP, shim6: all tell their length in the same way. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60, 135, 139, 140]);

/** RFC 8200 §4. Stops at a fragment that is not the first: what it carries is no header. */
export function skipExtensions(bytes: Buffer, next: number): Upper | undefined {
  let protocol = next;
  let at = 0;
  let id = -1;
  let fragmented = false;
  // each round takes eight bytes at least
  for (;;) {
    const isExtension = EXTENSIONS.has(protocol);
    if (!isExtension && protocol !== AUTHENTICATION && protocol !== FRAGMENT) {
      return { protocol, payload: bytes.subarray(at), id, fragmented, fragmentOffset: 0, more: false };
    }
    if (bytes.length < at + 8) return undefined;
    const following = bytes.readUInt8(at);
    if (protocol === FRAGMENT) {
      const place = bytes.readUInt16BE(at + 2);
      id = bytes.readUInt32BE(at + 4);
      const fragmentOffset = place & 0xfff8;
      const more = (place & 1) !== 0;
      // an "atomic" fragment (RFC 6946) is a whole packet
      fragmented = more || fragmentOffset > 0;
      if (fragmented) {
        return { protocol: following, payload: bytes.subarray(at + 8), id, fragmented, fragmentOffset, more };
      }
      at += 8;
    } else {
      const units = bytes.readUInt8(at + 1);
      at += protocol === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
    }
    protocol = following;
  }
}

const KEPT_NAMES = 10_000;
const names = new Map<string, string>();

/** As people write it; IPv6 as RFC 5952 wants it, without brackets. */
export function addressText(address: Buffer): string {
  const key = address.toString('latin1');
  const known = names.get(key);
  if (known !== undefined) return known;
  const name = address.length === 4 ? address.join('.') : ipv6Text(address);
  if (names.size >= KEPT_NAMES) names.clear();
  names.set(key, name);
  return name;
}

function ipv6Text(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(i * 2));
  let from = -1;
  let longest = 1;
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - start > longest) {
      from = start;
      longest = end - start;
    }
  }
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (from < 0) return hex(groups);
  return `${hex(groups.slice(0, from))}::${hex(groups.slice(from + longest))}`;
}
