// Small builders of datagrams for the tests of src/sip.
import { expect } from 'vitest';
import { type SipMessage, SipRequest, SipResponse } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';

/** Lines joined by CRLF, an empty line, a body. UTF-8. */
export function datagram(lines: readonly string[], body: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** A plain INVITE whose headers can be replaced (by name, several lines at once) or left out (undefined). */
export function invite(
  changes: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  body = '',
): Buffer {
  const parts: Record<string, string | readonly string[] | undefined> = {
    start: 'INVITE sip:eva@kosice.example SIP/2.0',
    Via: 'Via: SIP/2.0/UDP 198.51.100.7:5071;branch=z9hG4bKq1w2e3',
    'Max-Forwards': 'Max-Forwards: 31',
    From: 'From: <sip:adam@zilina.example>;tag=ad-1',
    To: 'To: <sip:eva@kosice.example>',
    'Call-ID': 'Call-ID: c0ffee@zilina.example',
    CSeq: 'CSeq: 7 INVITE',
    'Content-Length': `Content-Length: ${Buffer.byteLength(body)}`,
    ...changes,
  };
  return datagram(
    Object.values(parts).flatMap((part) => part ?? []),
    body,
  );
}

export function ringing(
  changes: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): Buffer {
  return invite({ start: 'SIP/2.0 180 Ringing', 'Max-Forwards': undefined, ...changes });
}

export function parsed(bytes: Buffer): SipMessage {
  const result = parse(bytes);
  if (!result.ok) expect.fail(`${result.problem.code} at ${result.offset}`);
  return result.message;
}

export function request(bytes: Buffer): SipRequest {
  const message = parsed(bytes);
  return message instanceof SipRequest ? message : expect.fail('a response');
}

export function response(bytes: Buffer): SipResponse {
  const message = parsed(bytes);
  return message instanceof SipResponse ? message : expect.fail('a request');
}
