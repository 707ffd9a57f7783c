// From a SipMessage to its bytes.
import type { HeaderLine } from './header-line.ts';
import type { SipMessage } from './message.ts';

/** The datagram of a message: every header line as it stands in `raw`. Identity on valid messages that came from parse. */
export function serialize(m: SipMessage): Buffer {
  return Buffer.from(wireText(m), 'latin1');
}

/** The same with one char for each byte. Lines that stood together in the datagram are copied as one piece of it, with the body if they are its last. */
export function wireText(m: SipMessage): string {
  const { headers, content } = m;
  let text =
    m.kind === 'request' ? `${m.method} ${m.uri} SIP/2.0\r\n` : `SIP/2.0 ${m.status} ${m.reason}\r\n`;
  for (let i = 0; i < headers.length; ) {
    const { source, start, end: firstEnd } = headers[i++] as HeaderLine;
    if (start === 0) {
      text += `${source}\r\n`;
      continue;
    }
    let end = firstEnd;
    for (; i < headers.length; i++) {
      const following = headers[i] as HeaderLine;
      if (following.start !== end + 2 || following.source !== source) break;
      end = following.end;
    }
    if (i === headers.length && content.isIn(source) && content.from === end + 4)
      return text + source.slice(start, content.from + content.length);
    text += source.slice(start, end + 2);
  }
  return `${text}\r\n${content.text}`;
}
