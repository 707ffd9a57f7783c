// Reads a capture file: its UDP datagrams in one true order, each once, whatever format, links and interfaces it has.
import { type ClockOffsets, clockOffsets } from './clocks.ts';
import { datagrams, nothingPassed, type Passed, type Sighting } from './datagrams.ts';
import { type CaptureFormat, formatOf, packetsOf } from './format.ts';
import { type Datagram, inOrder, type OrderPlan } from './order.ts';
import type { CaptureProblem } from './packet.ts';
import { type OpenSource, sourceOf } from './source.ts';
import { type InterfaceCounts, takeSurvey } from './survey.ts';

export interface CaptureOptions {
  /** `sip` (default): only datagrams that begin like a SIP message. `udp`: all. */
  readonly only?: 'sip' | 'udp';
  /** Bytes of datagrams held at a time; a file of more disorder than fits comes out of order in part. Default 256 MiB. */
  readonly heldBytes?: number;
}

export interface CaptureSummary extends Passed {
  readonly format: CaptureFormat;
  readonly packets: number;
  /** Sights of SIP messages: what `tshark -Y sip | wc -l` counts, but for `sipOverTcp` and `sipInIcmp`. */
  readonly sip: number;
  /** Only those that have packets. */
  readonly interfaces: readonly InterfaceSummary[];
}

export interface InterfaceSummary extends InterfaceCounts {
  /** µs by which its clock is ahead of the others; taken off its datagrams' times. */
  readonly clockOffset: number;
}

/** Can be gone through any number of times; each time the file is read anew, in pieces. */
export interface Capture extends Iterable<Datagram> {
  readonly summary: CaptureSummary;
}

export type CaptureResult =
  | { readonly ok: true; readonly capture: Capture }
  | { readonly ok: false; readonly problem: CaptureProblem };

/**
 * Looks the whole file through once (twice when several interfaces carry SIP), so that a bad file is known before its first
 * datagram is used. Throws only when a file that was good changes while it is gone through.
 */
export function readCapture(from: string | Uint8Array, options: CaptureOptions = {}): CaptureResult {
  const onlySip = (options.only ?? 'sip') === 'sip';
  try {
    const open = sourceOf(from);
    const survey = takeSurvey(open, onlySip);
    if ('code' in survey) return { ok: false, problem: survey };
    const clocks = new Map(survey.interfaces.filter((one) => one.sip > 0).map((one) => [one.index, one.sip]));
    const manyClocks = clocks.size > 1;
    const offsets: ClockOffsets = manyClocks ? clockOffsets(sightings(open, true), clocks) : new Map();
    const known = [0, ...offsets.values()];
    const plan: OrderPlan = {
      lateness: survey.lateness + Math.max(...known) - Math.min(...known),
      offsets,
      mayRepeat: survey.viewpoints > 1,
      manyClocks,
      heldBytes: options.heldBytes ?? 256 * 1024 * 1024,
    };
    const { format, packets, sip, passed } = survey;
    const interfaces = survey.interfaces.map((one) => ({ ...one, clockOffset: offsets.get(one.index) ?? 0 }));
    return {
      ok: true,
      capture: {
        summary: { format, packets, sip, interfaces, ...passed },
        [Symbol.iterator]: () => inOrder(sightings(open, onlySip), plan),
      },
    };
  } catch (error) {
    return { ok: false, problem: unreadable(error) };
  }
}

function* sightings(open: OpenSource, onlySip: boolean): Generator<Sighting> {
  const source = open();
  try {
    const format = formatOf(source);
    const problem =
      typeof format !== 'string'
        ? format
        : yield* datagrams(packetsOf(source, format), onlySip, nothingPassed());
    if (problem !== undefined) throw new CaptureChanged(problem);
  } finally {
    source.close();
  }
}

export class CaptureChanged extends Error {
  readonly code = 'CAPTURE_CHANGED';
  readonly problem: CaptureProblem;

  constructor(problem: CaptureProblem) {
    super(
      `The capture file changed while it was read: ${problem.message}. Copy it first, then read the copy.`,
    );
    this.problem = problem;
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a folder',
};

function unreadable(error: unknown): CaptureProblem {
  if (error instanceof CaptureChanged) return error.problem;
  // the file system's own errors bear a code; anything else is a defect here
  if (!(error instanceof Error) || !('syscall' in error)) throw error;
  const code = 'code' in error ? String(error.code) : '';
  const message = UNREADABLE[code] ?? `cannot be read (${code || error.message})`;
  return { code: 'unreadable', packet: 0, offset: 0, message };
}
