// What both file formats are read into: packets in file order, and the one way in which a file can be bad.

export interface CaptureInterface {
  /** Counts over the whole file, from 0. */
  readonly index: number;
  /** As the file names it; '' when it does not. */
  readonly name: string;
  /** https://www.tcpdump.org/linktypes.html */
  readonly linkType: number;
  /** Longest packet it kept; 0: no limit known. */
  readonly snaplen: number;
}

export interface Packet {
  /** From 1, as Wireshark counts frames. */
  readonly number: number;
  /** Whole µs since the epoch. */
  readonly time: number;
  readonly interface: CaptureInterface;
  /** A view, valid until the next packet is asked for. */
  readonly bytes: Buffer;
  /** Length on the wire: more than there are bytes when the capture cut it. */
  readonly originalLength: number;
  /** Byte in the file where its record or block begins. */
  readonly offset: number;
}

export type CaptureProblemCode =
  | 'unreadable'
  | 'unknown-format'
  | 'unsupported-version'
  | 'unsupported-link'
  | 'truncated'
  | 'bad-block'
  | 'bad-packet'
  | 'bad-interface'
  | 'bad-time';

/** Why a capture cannot be used. */
export interface CaptureProblem {
  readonly code: CaptureProblemCode;
  /** The packet it happened in (from 1), or the one that would have come next; 0: before there could be any. */
  readonly packet: number;
  /** Byte in the file where that packet or block begins. */
  readonly offset: number;
  /** A whole phrase for people, packet and byte included where there are any. */
  readonly message: string;
}

/** Yields packets; returns why it ended early, or undefined at the file's proper end. */
export type Packets = Generator<Packet, CaptureProblem | undefined>;

export function captureProblem(
  code: CaptureProblemCode,
  packet: number,
  offset: number,
  what: string,
): CaptureProblem {
  const where = packet === 0 ? `byte ${offset}` : `packet ${packet}, byte ${offset}`;
  return { code, packet, offset, message: `${where}: ${what}` };
}

/** No packet of a sane file is longer, whatever its snaplen says; beyond it a length is damage. */
export const LONGEST_PACKET = 16 * 1024 * 1024;

/** Longest packet believed when the file names no snaplen above it. */
export const USUAL_LONGEST_PACKET = 262_144;

export function longestPacket(snaplen: number): number {
  return Math.min(Math.max(snaplen, USUAL_LONGEST_PACKET), LONGEST_PACKET);
}
