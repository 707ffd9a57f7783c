// The pcapng file: sections of either byte order, each with interfaces of its own and packets in three kinds of block.
import {
  type CaptureInterface,
  type CaptureProblem,
  captureProblem,
  LONGEST_PACKET,
  longestPacket,
  type Packet,
  type Packets,
} from './packet.ts';
import { INTERFACE_TIME, type InterfaceTime, interfaceTime, micros } from './pcapng-time.ts';
import type { CaptureSource } from './source.ts';

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_LITTLE = 0x4d3c2b1a;
const BYTE_ORDER_BIG = 0x1a2b3c4d;

const OPTION_NAME = 2;
const OPTION_DESCRIPTION = 3;

/** Bytes before the packet's own in its block, the block's type and length included. */
const PACKET_HEADER: ReadonlyMap<number, number> = new Map([
  [OLD_PACKET, 28],
  [SIMPLE_PACKET, 12],
  [ENHANCED_PACKET, 28],
]);

interface SectionInterface extends CaptureInterface {
  readonly clock: InterfaceTime;
}

/** Integers in the byte order of the section they stand in. */
interface Numbers {
  u16(at: Buffer, offset: number): number;
  u32(at: Buffer, offset: number): number;
  i64(at: Buffer, offset: number): bigint;
}

const LITTLE: Numbers = {
  u16: (at, offset) => at.readUInt16LE(offset),
  u32: (at, offset) => at.readUInt32LE(offset),
  i64: (at, offset) => at.readBigInt64LE(offset),
};
const BIG: Numbers = {
  u16: (at, offset) => at.readUInt16BE(offset),
  u32: (at, offset) => at.readUInt32BE(offset),
  i64: (at, offset) => at.readBigInt64BE(offset),
};

export function isPcapng(magic: Buffer): boolean {
  return magic.length >= 4 && magic.readUInt32BE(0) === SECTION;
}

/** The draft draft-ietf-opsawg-pcapng. The caller has checked `isPcapng`. */
export function* readPcapng(source: CaptureSource): Packets {
  let numbers = LITTLE;
  let interfaces: SectionInterface[] = [];
  let interfacesBefore = 0;
  let number = 1;
  let lastTime = 0;
  let offset = 0;

  while (offset < source.size) {
    const left = source.size - offset;
    const head = source.read(offset, 12);
    if (head.length < 12) return truncated(number, offset, 'a block', left, 12);
    const isSection = head.readUInt32BE(0) === SECTION;
    if (isSection) {
      const order = head.readUInt32BE(8);
      if (order !== BYTE_ORDER_BIG && order !== BYTE_ORDER_LITTLE) {
        return captureProblem('bad-block', number, offset, 'a section header without a byte-order mark');
      }
      numbers = order === BYTE_ORDER_BIG ? BIG : LITTLE;
      interfacesBefore += interfaces.length;
      interfaces = [];
    }
    const type = isSection ? SECTION : numbers.u32(head, 0);
    const length = numbers.u32(head, 4);
    if (length < 12)
      return captureProblem('bad-block', number, offset, `a block of ${length} bytes is no block`);
    if (length > left)
      return truncated(number, offset, PACKET_HEADER.has(type) ? 'the packet' : 'a block', left, length);
    // what is not understood is skipped without being read
    const understood = isSection || type === INTERFACE || PACKET_HEADER.has(type);
    if (understood && length > LONGEST_PACKET) {
      return captureProblem(
        'bad-block',
        number,
        offset,
        `a block of ${length} bytes is more than ${LONGEST_PACKET}`,
      );
    }
    const block = understood ? source.read(offset, length) : source.read(offset + length - 4, 4);
    if (numbers.u32(block, block.length - 4) !== length) {
      return captureProblem(
        'bad-block',
        number,
        offset,
        `the block's two lengths differ (the first is ${length})`,
      );
    }

    if (isSection) {
      if (length < 28)
        return captureProblem('bad-block', number, offset, `a section header of ${length} bytes`);
      const major = numbers.u16(block, 12);
      if (major !== 1) {
        return captureProblem(
          'unsupported-version',
          number,
          offset,
          `pcapng version ${major} (only 1 is known)`,
        );
      }
    } else if (type === INTERFACE) {
      if (length < 20) {
        return captureProblem('bad-block', number, offset, `an interface description of ${length} bytes`);
      }
      interfaces.push(readInterface(block, numbers, interfacesBefore + interfaces.length));
    } else if (PACKET_HEADER.has(type)) {
      const packet = readPacket(type, block, numbers, interfaces, { number, offset, lastTime });
      if ('code' in packet) return packet;
      yield packet;
      lastTime = packet.time;
      number += 1;
    }
    offset += length;
  }
  return undefined;
}

function readInterface(block: Buffer, numbers: Numbers, index: number): SectionInterface {
  let name = '';
  let description = '';
  let resolution: number | undefined;
  let seconds: bigint | undefined;
  for (let at = 16; at + 4 <= block.length - 4; ) {
    const code = numbers.u16(block, at);
    const length = numbers.u16(block, at + 2);
    if (code === 0 || at + 4 + length > block.length - 4) break;
    const value = block.subarray(at + 4, at + 4 + length);
    if (code === OPTION_NAME) name = value.toString('utf8');
    else if (code === OPTION_DESCRIPTION) description = value.toString('utf8');
    else if (code === INTERFACE_TIME.resolution && length === 1) resolution = value[0];
    else if (code === INTERFACE_TIME.offset && length === 8) seconds = numbers.i64(value, 0);
    at += 4 + length + (-length & 3);
  }
  return {
    index,
    // Windows names are device paths; what people call the interface is the description
    name: name === '' || name.startsWith('\\Device\\') ? description || name : name,
    linkType: numbers.u16(block, 8),
    snaplen: numbers.u32(block, 12),
    clock: interfaceTime(resolution, seconds),
  };
}

interface Place {
  readonly number: number;
  readonly offset: number;
  /** A simple packet has no time of its own: it gets that of the packet before it. */
  readonly lastTime: number;
}

function readPacket(
  type: number,
  block: Buffer,
  numbers: Numbers,
  interfaces: readonly SectionInterface[],
  { number, offset, lastTime }: Place,
): Packet | CaptureProblem {
  const headerLength = PACKET_HEADER.get(type) ?? 0;
  const room = block.length - 4 - headerLength;
  if (room < 0) {
    return captureProblem('bad-block', number, offset, `a packet block of ${block.length} bytes`);
  }
  const simple = type === SIMPLE_PACKET;
  const index = simple ? 0 : type === OLD_PACKET ? numbers.u16(block, 8) : numbers.u32(block, 8);
  const on = interfaces[index];
  if (on === undefined) {
    return captureProblem(
      'bad-interface',
      number,
      offset,
      `it names interface ${index}, of ${interfaces.length} described`,
    );
  }
  const originalLength = numbers.u32(block, simple ? 8 : 24);
  const length = simple
    ? Math.min(originalLength, on.snaplen === 0 ? originalLength : on.snaplen, room)
    : numbers.u32(block, 20);
  if (length > room) {
    return captureProblem(
      'bad-packet',
      number,
      offset,
      `its ${length} bytes do not fit the ${room} of its block`,
    );
  }
  if (length > longestPacket(on.snaplen)) {
    return captureProblem('bad-packet', number, offset, `its length of ${length} bytes is not believable`);
  }
  const time = simple ? lastTime : micros(on.clock, numbers.u32(block, 12), numbers.u32(block, 16));
  if (!Number.isSafeInteger(time)) {
    return captureProblem('bad-time', number, offset, 'its time is beyond the year 2255');
  }
  return {
    number,
    time,
    interface: on,
    bytes: block.subarray(headerLength, headerLength + length),
    originalLength,
    offset,
  };
}

function truncated(
  number: number,
  offset: number,
  what: string,
  left: number,
  wanted: number,
): CaptureProblem {
  return captureProblem(
    'truncated',
    number,
    offset,
    `the file ends inside ${what} (${left} of ${wanted} bytes)`,
  );
}
