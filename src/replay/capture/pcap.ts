// The classic pcap file: one link type, records of seconds and µs (or ns) in either byte order.
import { type CaptureInterface, captureProblem, longestPacket, type Packets } from './packet.ts';
import type { CaptureSource } from './source.ts';

const FILE_HEADER = 24;

interface Variant {
  readonly little: boolean;
  /** Divides the record's fraction of a second down to µs. */
  readonly perMicro: number;
  readonly recordHeader: number;
}

/** The magic number's four bytes as they stand in the file. */
const VARIANTS: ReadonlyMap<string, Variant> = new Map([
  ['a1b2c3d4', { little: false, perMicro: 1, recordHeader: 16 }],
  ['d4c3b2a1', { little: true, perMicro: 1, recordHeader: 16 }],
  ['a1b23c4d', { little: false, perMicro: 1000, recordHeader: 16 }],
  ['4d3cb2a1', { little: true, perMicro: 1000, recordHeader: 16 }],
  // "modified" pcap of old Linux distributions: eight more bytes in each record
  ['a1b2cd34', { little: false, perMicro: 1, recordHeader: 24 }],
  ['34cdb2a1', { little: true, perMicro: 1, recordHeader: 24 }],
]);

export function isPcap(magic: Buffer): boolean {
  return VARIANTS.has(magic.toString('hex'));
}

/** The draft draft-ietf-opsawg-pcap. The caller has checked `isPcap`. */
export function* readPcap(source: CaptureSource): Packets {
  const header = source.read(0, FILE_HEADER);
  if (header.length < FILE_HEADER) {
    return captureProblem(
      'truncated',
      0,
      0,
      `the file ends inside its header (${header.length} of ${FILE_HEADER} bytes)`,
    );
  }
  const variant = VARIANTS.get(header.toString('hex', 0, 4));
  if (variant === undefined) return captureProblem('unknown-format', 0, 0, 'not a pcap file');
  const { little, perMicro, recordHeader } = variant;
  const u32 = (at: Buffer, offset: number) => (little ? at.readUInt32LE(offset) : at.readUInt32BE(offset));
  const major = little ? header.readUInt16LE(4) : header.readUInt16BE(4);
  if (major !== 2)
    return captureProblem('unsupported-version', 0, 4, `pcap version ${major} (only 2 is known)`);
  const snaplen = u32(header, 16);
  // the upper half says whether frame checksums follow; IP lengths make that irrelevant
  const only: CaptureInterface = { index: 0, name: '', linkType: u32(header, 20) & 0xffff, snaplen };
  const longest = longestPacket(snaplen);

  let offset = FILE_HEADER;
  for (let number = 1; offset < source.size; number += 1) {
    const record = source.read(offset, recordHeader);
    if (record.length < recordHeader) {
      return captureProblem(
        'truncated',
        number,
        offset,
        `the file ends inside a packet's header (${record.length} of ${recordHeader} bytes)`,
      );
    }
    const time = u32(record, 0) * 1_000_000 + Math.floor(u32(record, 4) / perMicro);
    const length = u32(record, 8);
    const originalLength = u32(record, 12);
    if (length > longest) {
      return captureProblem(
        'bad-packet',
        number,
        offset,
        `its length of ${length} bytes is more than ${longest}`,
      );
    }
    const bytes = source.read(offset + recordHeader, length);
    if (bytes.length < length) {
      return captureProblem(
        'truncated',
        number,
        offset,
        `the file ends inside the packet (${bytes.length} of ${length} bytes)`,
      );
    }
    yield { number, time, interface: only, bytes, originalLength, offset };
    offset += recordHeader + length;
  }
  return undefined;
}
