// Tells the two capture formats apart by their first bytes.
import { type CaptureProblem, captureProblem, type Packets } from './packet.ts';
import { isPcap, readPcap } from './pcap.ts';
import { isPcapng, readPcapng } from './pcapng.ts';
import type { CaptureSource } from './source.ts';

export type CaptureFormat = 'pcap' | 'pcapng';

export function packetsOf(source: CaptureSource, format: CaptureFormat): Packets {
  return format === 'pcap' ? readPcap(source) : readPcapng(source);
}

export function formatOf(source: CaptureSource): CaptureFormat | CaptureProblem {
  const magic = Buffer.from(source.read(0, 4));
  if (isPcap(magic)) return 'pcap';
  if (isPcapng(magic)) return 'pcapng';
  const what =
    magic.length < 4 ? `the file has ${magic.length} bytes` : `it begins with ${magic.toString('hex')}`;
  const hint = magic.toString('hex', 0, 2) === '1f8b' ? '; gzip: unpack it first' : '';
  return captureProblem('unknown-format', 0, 0, `neither pcap nor pcapng: ${what}${hint}`);
}
