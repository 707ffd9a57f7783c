// One pass over a whole capture, before anything is used of it: is it sound, what is in it, and how disordered is it.
import { datagrams, nothingPassed, type Passed } from './datagrams.ts';
import { type CaptureFormat, formatOf, packetsOf } from './format.ts';
import { type CaptureProblem, captureProblem } from './packet.ts';
import type { OpenSource } from './source.ts';

export interface InterfaceCounts {
  /** Over the whole file, from 0. */
  readonly index: number;
  readonly name: string;
  readonly linkType: number;
  readonly packets: number;
  readonly sip: number;
}

export interface Survey {
  readonly format: CaptureFormat;
  readonly packets: number;
  readonly sip: number;
  /** µs by which a datagram stands behind a later one, at the most. */
  readonly lateness: number;
  /** Points from which datagrams were seen. */
  readonly viewpoints: number;
  /** Only those that have packets. */
  readonly interfaces: readonly InterfaceCounts[];
  readonly passed: Passed;
}

/** One pass over everything: is the file sound, and how disordered is it. */
export function takeSurvey(open: OpenSource, onlySip: boolean): Survey | CaptureProblem {
  const source = open();
  try {
    const format = formatOf(source);
    if (typeof format !== 'string') return format;
    const passed = nothingPassed();
    const interfaces = new Map<number, { -readonly [K in keyof InterfaceCounts]: InterfaceCounts[K] }>();
    const viewpoints = new Set<string>();
    let packets = 0;
    let firstOffset = 0;
    let sip = 0;
    let lateness = 0;
    let newest = 0;
    const found = datagrams(packetsOf(source, format), onlySip, passed, (packet) => {
      packets += 1;
      if (packets === 1) firstOffset = packet.offset;
      const { index, name, linkType } = packet.interface;
      const counts = interfaces.get(index) ?? { index, name, linkType, packets: 0, sip: 0 };
      if (counts.packets === 0) interfaces.set(index, counts);
      counts.packets += 1;
    });
    let next = found.next();
    for (; next.done !== true; next = found.next()) {
      const seen = next.value;
      newest = Math.max(newest, seen.time);
      lateness = Math.max(lateness, newest - seen.time);
      viewpoints.add(seen.seenAt);
      if (!seen.sip) continue;
      sip += 1;
      const counts = interfaces.get(seen.interface);
      if (counts !== undefined) counts.sip += 1;
    }
    if (next.value !== undefined) return next.value;
    const unknown = Object.entries(passed.unknownLinks);
    if (packets > 0 && unknown.reduce((sum, [, count]) => sum + count, 0) === packets) {
      const types = unknown.map(([linkType]) => linkType).join(', ');
      const what = `link type ${types} is not understood (Ethernet, Linux cooked, BSD loopback and raw IP are)`;
      return captureProblem('unsupported-link', 1, firstOffset, what);
    }
    return {
      format,
      packets,
      sip,
      lateness,
      viewpoints: viewpoints.size,
      interfaces: [...interfaces.values()].sort((a, b) => a.index - b.index),
      passed,
    };
  } finally {
    source.close();
  }
}
