// Request-Line and Status-Line, RFC 3261 §7.1 and §7.2.
import { allOf, DIGIT, TOKEN } from './chars.ts';
import { type SipMessage, SipRequest, SipResponse } from './message.ts';
import type { HeadScan } from './scan.ts';

const NOTHING = Buffer.alloc(0);

/** A message without headers yet; undefined (with the trouble noted) when nothing can be made of the rest. */
export function parseStartLine(line: string, scan: HeadScan): SipMessage | undefined {
  return line.startsWith('SIP/') ? statusLine(line, scan) : requestLine(line, scan);
}

/** A bad Request-Line still gives a request: with a Via it can be answered. */
function requestLine(line: string, scan: HeadScan): SipRequest | undefined {
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  const method = line.slice(0, Math.max(first, 0));
  const version = line.slice(last + 1);
  const sip = version === 'SIP/2.0' || version.toUpperCase() === 'SIP/2.0';
  if (!allOf(TOKEN, method)) {
    scan.note(0, 'bad-start-line', sip ? 'Malformed Method' : 'Not a SIP start line');
    if (!sip) return undefined;
  }
  const uri = first < last ? line.slice(first + 1, last) : '';
  if (!sip) {
    if (allOf(DIGIT, version.replace(/^SIP\/|\./gi, '')))
      scan.note(last + 1, 'bad-version', 'Version Not Supported', 505);
    else scan.note(last + 1, 'bad-start-line', 'Malformed Request-Line');
  } else if (uri === '') scan.note(Math.max(first, 0), 'no-request-uri', 'Missing Request-URI');
  else refuseSpace(uri, first + 1, scan);
  return new SipRequest(method, uri, scan.headers, NOTHING);
}

function refuseSpace(uri: string, at: number, scan: HeadScan): void {
  for (let i = 0; i < uri.length; i++) {
    const code = uri.charCodeAt(i);
    if (code > 0x20 && code !== 0x7f) continue;
    scan.note(at + i, 'request-line-space', 'White Space or Control Character in Request-Line');
    return;
  }
}

function statusLine(line: string, scan: HeadScan): SipResponse | undefined {
  if (!line.startsWith('SIP/2.0 ')) {
    scan.note(0, 'bad-version', 'Response of another SIP version');
    return undefined;
  }
  const status = allOf(DIGIT, line, 8, Math.min(11, line.length)) ? Number(line.slice(8, 11)) : 0;
  const separated = line.length === 11 || line.charCodeAt(11) === 0x20;
  if (status < 100 || status > 699 || !separated || line.includes('\r')) {
    scan.note(8, 'bad-status', 'Malformed Status-Line');
    return undefined;
  }
  return new SipResponse(status, line.slice(12), scan.headers, NOTHING);
}
