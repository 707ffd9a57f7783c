// Reads a capture that a test believes to be good.
import { type CaptureOptions, type CaptureSummary, readCapture } from '../../src/replay/capture/capture.ts';
import type { Datagram } from '../../src/replay/capture/order.ts';

export function readAll(
  from: string | Uint8Array,
  options?: CaptureOptions,
): { datagrams: Datagram[]; summary: CaptureSummary } {
  const result = readCapture(from, options);
  if (!result.ok) throw new Error(result.problem.message);
  return { datagrams: [...result.capture], summary: result.capture.summary };
}

/** First lines of what is in it, in order. */
export function startLines(from: string | Uint8Array, options?: CaptureOptions): string[] {
  return readAll(from, options).datagrams.map(({ bytes }) => bytes.toString('latin1').split('\r\n')[0] ?? '');
}
