// One datagram of a capture as it is played: its message, made whole where the capture kept only its beginning.
import type { SipMessage } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import type { Endpoint } from './capture/datagrams.ts';

export interface Played {
  /** µs since the epoch. */
  readonly time: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: Buffer;
  /** The capture kept only its beginning. */
  readonly cut?: boolean;
}

/** undefined: no SIP that anybody could make sense of. */
export function readMessage(datagram: Played): SipMessage | undefined {
  const parsed = parse(wholeBytes(datagram));
  return parsed.ok ? parsed.message : undefined;
}

const LENGTH = /^(content-length|l)[ \t]*:[ \t]*\d+[ \t]*$/im;

/** A body that was cut is as long as what is left of it: only who called whom is played, not what was offered. */
export function wholeBytes({ bytes, cut }: Played): Buffer {
  if (cut !== true) return bytes;
  const end = bytes.indexOf('\r\n\r\n');
  const head = end < 0 ? headOf(bytes) : bytes.toString('latin1', 0, end);
  if (head === '') return bytes;
  const body = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4);
  const mended = head.replace(LENGTH, `Content-Length: ${body.length}`);
  return Buffer.concat([Buffer.from(`${mended}\r\n\r\n`, 'latin1'), body]);
}

/** Whole lines only. */
function headOf(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.slice(0, Math.max(0, text.lastIndexOf('\r\n')));
}
