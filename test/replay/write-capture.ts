// Makes capture files for tests: messages with their times and addresses in, the bytes of a pcap or pcapng file out.
import { writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';

export const LINK = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  cooked: 113,
  cooked2: 276,
} as const;
export type Link = keyof typeof LINK;

export interface CapturedMessage {
  /** µs since the epoch. */
  readonly at: number;
  /** `192.0.2.1:5060` or `[2001:db8::1]:5060` */
  readonly from: string;
  readonly to: string;
  readonly message: string | Buffer;
  /** Index of the interface that saw it; default 0. */
  readonly interface?: number;
  /** IP identification; default: counts up over the capture. */
  readonly id?: number;
  /** Longest IP packet; what is longer goes in fragments. */
  readonly mtu?: number;
  /** 802.1Q or 802.1ad tags, outermost first. */
  readonly vlans?: readonly number[];
  /** Linux cooked: sent by the machine itself. */
  readonly outgoing?: boolean;
  /** Linux cooked v2: number of the interface that an "any" capture saw it on. */
  readonly ifindex?: number;
  /** Bytes of each packet that the capture keeps. */
  readonly keep?: number;
}

/** What stands in the file. */
export interface CapturedPacket {
  readonly at: number;
  readonly bytes: Buffer;
  readonly interface?: number;
  /** Length on the wire; default: all of it was kept. */
  readonly wire?: number;
}

export interface CaptureStyle {
  readonly format?: 'pcap' | 'pcapng';
  readonly byteOrder?: 'little' | 'big';
  /** Ticks per second as a power of ten: 6 (default) or, in pcap, 9. */
  readonly digits?: number;
  /** One for each interface; pcap uses the first. Default: Ethernet alone. */
  readonly links?: readonly Link[];
}

/** Packets stand in the file in the order of the messages given, whatever their times. */
export function capture(messages: readonly CapturedMessage[], style: CaptureStyle = {}): Buffer {
  const links = style.links ?? ['ethernet'];
  const packets = messages.flatMap((message, n) =>
    packetsOf(message, links[message.interface ?? 0] ?? 'ethernet', n + 1),
  );
  if (style.format === 'pcap') return pcap(packets, { ...style, link: links[0] ?? 'ethernet' });
  const ng = new Pcapng(style.byteOrder ?? 'little').section();
  for (const link of links) ng.interface(link, { resolution: style.digits ?? 6 });
  for (const packet of packets) ng.enhanced(packet, style.digits ?? 6);
  return ng.bytes();
}

export function writeCapture(
  path: string,
  messages: readonly CapturedMessage[],
  style: CaptureStyle = {},
): void {
  writeFileSync(path, capture(messages, style));
}

export function packetsOf(message: CapturedMessage, link: Link, id: number): CapturedPacket[] {
  const payload = typeof message.message === 'string' ? Buffer.from(message.message) : message.message;
  return ipPackets(message, udp(message, payload), message.id ?? id).map((ip) => {
    const bytes = framed(link, ip, message);
    const kept = bytes.subarray(0, message.keep ?? bytes.length);
    return { at: message.at, bytes: kept, interface: message.interface ?? 0, wire: bytes.length };
  });
}

// ---- packets

export function udp({ from, to }: { from: string; to: string }, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(endpoint(from).port, 0);
  header.writeUInt16BE(endpoint(to).port, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

export interface IpStyle {
  readonly from: string;
  readonly to: string;
  readonly mtu?: number;
  readonly protocol?: number;
  /** IPv6: headers before the upper one, as [next header's number, its bytes without the "next header" byte]. */
  readonly extensions?: readonly (readonly [number, Buffer])[];
}

export function ipPackets(style: IpStyle, payload: Buffer, id: number): Buffer[] {
  const v6 = isIPv6(endpoint(style.from).address);
  const header = v6 ? 40 : 20;
  const room = Math.floor(((style.mtu ?? 65_535) - header - (v6 ? 8 : 0)) / 8) * 8;
  if (payload.length + header <= (style.mtu ?? 65_535))
    return [v6 ? ipv6(style, payload) : ipv4(style, payload, { id })];
  const packets: Buffer[] = [];
  for (let offset = 0; offset < payload.length; offset += room) {
    const part = payload.subarray(offset, offset + room);
    const more = offset + room < payload.length;
    packets.push(
      v6 ? ipv6Fragment(style, part, { id, offset, more }) : ipv4(style, part, { id, offset, more }),
    );
  }
  return packets;
}

export interface Piece {
  readonly id: number;
  readonly offset?: number;
  readonly more?: boolean;
}

export function ipv4(style: IpStyle, payload: Buffer, { id, offset = 0, more = false }: Piece): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(id & 0xffff, 4);
  header.writeUInt16BE((more ? 0x2000 : 0) | (offset / 8), 6);
  header[8] = 64;
  header[9] = style.protocol ?? 17;
  address(style.from).copy(header, 12);
  address(style.to).copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

export function ipv6(style: IpStyle, payload: Buffer): Buffer {
  const protocol = style.protocol ?? 17;
  const extensions = style.extensions ?? [];
  const chain = extensions.map(([, bytes], i) =>
    Buffer.concat([Buffer.from([extensions[i + 1]?.[0] ?? protocol]), bytes]),
  );
  const body = Buffer.concat([...chain, payload]);
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(body.length, 4);
  header[6] = extensions[0]?.[0] ?? protocol;
  header[7] = 64;
  address(style.from).copy(header, 8);
  address(style.to).copy(header, 24);
  return Buffer.concat([header, body]);
}

export function ipv6Fragment(
  style: IpStyle,
  payload: Buffer,
  { id, offset = 0, more = false }: Piece,
): Buffer {
  const rest = Buffer.alloc(7);
  rest.writeUInt16BE(offset | (more ? 1 : 0), 1);
  rest.writeUInt32BE(id >>> 0, 3);
  return ipv6({ ...style, extensions: [...(style.extensions ?? []), [44, rest]] }, payload);
}

type FrameStyle = Pick<CapturedMessage, 'vlans' | 'outgoing' | 'ifindex'>;

export function framed(
  link: Link,
  ip: Buffer,
  { vlans = [], outgoing = false, ifindex = 2 }: FrameStyle = {},
): Buffer {
  const v6 = ip.readUInt8(0) >> 4 === 6;
  const etherType = v6 ? 0x86dd : 0x0800;
  switch (link) {
    case 'raw':
      return ip;
    case 'null':
      return Buffer.concat([u32(v6 ? 30 : 2, 'little'), ip]);
    case 'loop':
      return Buffer.concat([u32(v6 ? 30 : 2, 'big'), ip]);
    case 'ethernet': {
      const tags = vlans.map((vlan, i) =>
        Buffer.concat([u16(i + 1 < vlans.length ? 0x88a8 : 0x8100), u16(vlan)]),
      );
      const frame = Buffer.concat([
        Buffer.from('020000000001020000000002', 'hex'),
        ...tags,
        u16(etherType),
        ip,
      ]);
      // short frames are padded on the wire
      return frame.length < 60 ? Buffer.concat([frame, Buffer.alloc(60 - frame.length)]) : frame;
    }
    case 'cooked': {
      const header = Buffer.alloc(16);
      header.writeUInt16BE(outgoing ? 4 : 0, 0);
      header.writeUInt16BE(1, 2);
      header.writeUInt16BE(6, 4);
      header.writeUInt16BE(etherType, 14);
      return Buffer.concat([header, ip]);
    }
    case 'cooked2': {
      const header = Buffer.alloc(20);
      header.writeUInt16BE(etherType, 0);
      header.writeUInt32BE(ifindex, 4);
      header.writeUInt16BE(1, 8);
      header[10] = outgoing ? 4 : 0;
      header[11] = 6;
      return Buffer.concat([header, ip]);
    }
  }
}

// ---- files

export interface PcapStyle {
  readonly byteOrder?: 'little' | 'big';
  readonly digits?: number;
  readonly link?: Link;
  readonly snaplen?: number;
}

export function pcap(packets: readonly CapturedPacket[], style: PcapStyle = {}): Buffer {
  const order = style.byteOrder ?? 'little';
  const perSecond = style.digits === 9 ? 1_000_000_000 : 1_000_000;
  const header = [
    u32(style.digits === 9 ? 0xa1b23c4d : 0xa1b2c3d4, order),
    u16(2, order),
    u16(4, order),
    u32(0, order),
    u32(0, order),
    u32(style.snaplen ?? 262_144, order),
    u32(LINK[style.link ?? 'ethernet'], order),
  ];
  const records = packets.flatMap(({ at, bytes, wire }) => [
    u32(Math.floor(at / 1e6), order),
    u32((at % 1e6) * (perSecond / 1e6), order),
    u32(bytes.length, order),
    u32(wire ?? bytes.length, order),
    bytes,
  ]);
  return Buffer.concat([...header, ...records]);
}

export interface InterfaceStyle {
  readonly name?: string;
  readonly snaplen?: number;
  /** The option's byte: a power of ten, or of two with the high bit. Absent: no option. */
  readonly resolution?: number;
  /** Seconds. */
  readonly timeOffset?: bigint;
  /** Instead of `link`'s number. */
  readonly linkType?: number;
}

/** A pcapng file put together block by block. */
export class Pcapng {
  readonly #order: 'little' | 'big';
  readonly #blocks: Buffer[] = [];

  constructor(order: 'little' | 'big' = 'little') {
    this.#order = order;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#blocks);
  }

  section(): this {
    return this.block(0x0a0d0d0a, [
      this.u32(0x1a2b3c4d),
      this.u16(1),
      this.u16(0),
      // length not told
      Buffer.alloc(8, 0xff),
      this.options([[4, Buffer.from('test/replay')]]),
    ]);
  }

  interface(link: Link, style: InterfaceStyle = {}): this {
    const options: [number, Buffer][] = [];
    if (style.name !== undefined) options.push([2, Buffer.from(style.name)]);
    if (style.resolution !== undefined) options.push([9, Buffer.from([style.resolution])]);
    if (style.timeOffset !== undefined) options.push([14, this.i64(style.timeOffset)]);
    return this.block(1, [
      this.u16(style.linkType ?? LINK[link]),
      this.u16(0),
      this.u32(style.snaplen ?? 0),
      this.options(options),
    ]);
  }

  enhanced(packet: CapturedPacket, digits = 6): this {
    return this.enhancedAt(packet, BigInt(packet.at) * 10n ** BigInt(digits - 6));
  }

  /** With the time as it stands in the file. */
  enhancedAt({ bytes, wire, interface: on = 0 }: Omit<CapturedPacket, 'at'>, ticks: bigint): this {
    return this.block(6, [
      this.u32(on),
      this.#ticks(ticks),
      this.u32(bytes.length),
      this.u32(wire ?? bytes.length),
      padded(bytes),
    ]);
  }

  simple({ bytes, wire }: Pick<CapturedPacket, 'bytes' | 'wire'>): this {
    return this.block(3, [this.u32(wire ?? bytes.length), padded(bytes)]);
  }

  obsolete({ at, bytes, wire, interface: on = 0 }: CapturedPacket): this {
    return this.block(2, [
      this.u16(on),
      this.u16(0),
      this.#ticks(BigInt(at)),
      this.u32(bytes.length),
      this.u32(wire ?? bytes.length),
      padded(bytes),
    ]);
  }

  block(type: number, parts: readonly Buffer[]): this {
    const body = padded(Buffer.concat(parts));
    const length = this.u32(body.length + 12);
    this.#blocks.push(this.u32(type), length, body, length);
    return this;
  }

  u32(value: number): Buffer {
    return u32(value, this.#order);
  }

  u16(value: number): Buffer {
    return u16(value, this.#order);
  }

  i64(value: bigint): Buffer {
    const bytes = Buffer.alloc(8);
    if (this.#order === 'little') bytes.writeBigInt64LE(value);
    else bytes.writeBigInt64BE(value);
    return bytes;
  }

  options(options: readonly (readonly [number, Buffer])[]): Buffer {
    if (options.length === 0) return Buffer.alloc(0);
    const parts = options.flatMap(([code, value]) => [this.u16(code), this.u16(value.length), padded(value)]);
    return Buffer.concat([...parts, Buffer.alloc(4)]);
  }

  #ticks(ticks: bigint): Buffer {
    return Buffer.concat([this.u32(Number(ticks >> 32n)), this.u32(Number(ticks & 0xffffffffn))]);
  }
}

// ---- bytes

export function endpoint(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function address(text: string): Buffer {
  const { address: host } = endpoint(text);
  if (!isIPv6(host)) return Buffer.from(host.split('.').map(Number));
  const [left = '', right] = host.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const head = groups(left);
  const tail = groups(right ?? '');
  const all = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.concat(all.map((group) => u16(Number.parseInt(group, 16))));
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function u16(value: number, order: 'little' | 'big' = 'big'): Buffer {
  const bytes = Buffer.alloc(2);
  if (order === 'little') bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number, order: 'little' | 'big' = 'big'): Buffer {
  const bytes = Buffer.alloc(4);
  if (order === 'little') bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
