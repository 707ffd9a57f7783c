// A capture's UDP datagrams as they stand in the file: links and IP headers taken off, fragments joined, nothing ordered yet.
import { Reassembly } from './fragments.ts';
import { addressText, ICMP, ICMPV6, type IpPacket, parseIp, skipExtensions, TCP, UDP } from './ip.ts';
import { ipOffset, isKnownLink, viewpoint } from './link.ts';
import type { CaptureProblem, Packet, Packets } from './packet.ts';
import { looksLikeSip } from './sip-head.ts';

export interface Endpoint {
  /** IPv6 without brackets, RFC 5952. */
  readonly address: string;
  readonly port: number;
}

/** One sight of a datagram. */
export interface Sighting {
  readonly time: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** A view, valid until the next one is asked for. */
  readonly bytes: Buffer;
  readonly packet: number;
  readonly cut: boolean;
  readonly sip: boolean;
  readonly interface: number;
  /** Point of the machine where it was seen: within one, nothing is seen twice. */
  readonly seenAt: string;
  /** IP identification; -1: none. */
  readonly ipId: number;
}

/** What was met on the way and is not among the datagrams. */
export interface Passed {
  /** Packets of link types that are not understood: their number by link type. */
  readonly unknownLinks: Record<number, number>;
  /** IP packets of which pieces are missing. */
  incomplete: number;
  /** TCP segments that begin like a SIP message. */
  sipOverTcp: number;
  /** ICMP errors that quote a SIP message: it did not arrive. Packet analysers count them as SIP too. */
  sipInIcmp: number;
}

export function nothingPassed(): Passed {
  return { unknownLinks: {}, incomplete: 0, sipOverTcp: 0, sipInIcmp: 0 };
}

/** `onlySip`: others are not even looked at closely. Returns what `packets` returned. */
export function* datagrams(
  packets: Packets,
  onlySip: boolean,
  passed: Passed,
  onPacket?: (packet: Packet) => void,
): Generator<Sighting, CaptureProblem | undefined> {
  const reassembly = new Reassembly();
  for (;;) {
    const next = packets.next();
    if (next.done === true) {
      passed.incomplete = reassembly.lost + reassembly.unfinished;
      return next.value;
    }
    const packet = next.value;
    onPacket?.(packet);
    const { linkType, index } = packet.interface;
    const start = ipOffset(linkType, packet.bytes);
    if (start < 0) {
      if (!isKnownLink(linkType)) passed.unknownLinks[linkType] = (passed.unknownLinks[linkType] ?? 0) + 1;
      continue;
    }
    const seen = parseIp(packet.bytes.subarray(start), packet.originalLength > packet.bytes.length);
    if (seen === undefined) continue;
    const seenAt = `${index}.${viewpoint(linkType, packet.bytes)}`;
    const whole = joined(seen, reassembly, seenAt, packet.time);
    if (whole === undefined) continue;
    if (whole.protocol === UDP) {
      const udp = readUdp(whole);
      if (udp === undefined) continue;
      const sip = looksLikeSip(udp.bytes);
      if (onlySip && !sip) continue;
      yield {
        time: packet.time,
        source: { address: addressText(whole.source), port: udp.sourcePort },
        destination: { address: addressText(whole.destination), port: udp.destinationPort },
        bytes: udp.bytes,
        packet: packet.number,
        cut: udp.cut,
        sip,
        interface: index,
        seenAt,
        ipId: whole.id,
      };
    } else if (whole.protocol === TCP) {
      if (looksLikeSip(tcpPayload(whole.payload))) passed.sipOverTcp += 1;
    } else if (whole.protocol === ICMP || whole.protocol === ICMPV6) {
      if (quotesSip(whole)) passed.sipInIcmp += 1;
    }
  }
}

function joined(seen: IpPacket, reassembly: Reassembly, seenAt: string, time: number): IpPacket | undefined {
  if (!seen.fragmented) return seen;
  // a first fragment that the capture has cut is all there will ever be of its datagram
  if (seen.cut) return seen.fragmentOffset === 0 ? seen : undefined;
  const whole = reassembly.add(seen, seenAt, time);
  if (whole === undefined || whole.version === 4) return whole;
  // IPv6: more extension headers may stand inside what was fragmented
  const upper = skipExtensions(whole.payload, whole.protocol);
  return upper === undefined || upper.fragmented
    ? undefined
    : { ...whole, protocol: upper.protocol, payload: upper.payload };
}

interface Udp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly bytes: Buffer;
  readonly cut: boolean;
}

function readUdp({ payload, cut }: IpPacket): Udp | undefined {
  if (payload.length < 8) return undefined;
  const named = payload.readUInt16BE(4);
  // 0: left for the network card to fill in
  const length = named === 0 ? payload.length : named;
  if (length < 8) return undefined;
  return {
    sourcePort: payload.readUInt16BE(0),
    destinationPort: payload.readUInt16BE(2),
    bytes: payload.subarray(8, length),
    cut: length > payload.length || (named === 0 && cut),
  };
}

const NOTHING = Buffer.alloc(0);

function tcpPayload(segment: Buffer): Buffer {
  return segment.length < 20 ? NOTHING : segment.subarray((segment.readUInt8(12) >> 2) & 0x3c);
}

/** RFC 792, RFC 4443 §3: errors carry the packet they are about from byte 8 on. */
function quotesSip({ version, payload }: IpPacket): boolean {
  const type = payload[0];
  if (type === undefined) return false;
  const isError =
    version === 4 ? type === 3 || type === 5 || type === 11 || type === 12 : type >= 1 && type <= 4;
  const about = isError ? parseIp(payload.subarray(8), true) : undefined;
  return about?.protocol === UDP && about.fragmentOffset === 0 && looksLikeSip(about.payload.subarray(8));
}
