// From a SipMessage to its bytes.
import type { SipMessage } from './message.ts';

/** The datagram of a message: every header line as it stands in `raw`. Identity on valid messages that came from parse. */
export function serialize(m: SipMessage): Buffer {
  let head =
    m.kind === 'request' ? `${m.method} ${m.uri} SIP/2.0\r\n` : `SIP/2.0 ${m.status} ${m.reason}\r\n`;
  for (const line of m.headers) head += `${line.raw}\r\n`;
  head += '\r\n';
  const bytes = Buffer.allocUnsafe(head.length + m.body.length);
  bytes.write(head, 0, 'latin1');
  if (m.body.length > 0) m.body.copy(bytes, head.length);
  return bytes;
}
