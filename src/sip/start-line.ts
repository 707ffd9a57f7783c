// Request-Line and Status-Line, RFC 3261 §7.1 and §7.2.
import { NO_BODY } from './body.ts';
import { allOf, DIGIT, decimal, is, TOKEN } from './chars.ts';
import { type SipMessage, SipRequest, SipResponse } from './message.ts';
import { methodOf } from './methods.ts';
import type { HeadScan } from './scan.ts';

/** A message without headers yet; undefined (with the trouble noted) when nothing can be made of the rest. */
export function parseStartLine(scan: HeadScan): SipMessage | undefined {
  const end = scan.startLine();
  const { text } = scan;
  if (text.startsWith('SIP/')) return statusLine(text, end, scan);
  return plainRequestLine(text, end, scan) ?? requestLine(text.slice(0, end), scan);
}

/** A Request-Line that leaves nothing to say: token, space, no spaces, ` SIP/2.0`. */
function plainRequestLine(text: string, end: number, scan: HeadScan): SipRequest | undefined {
  let first = 0;
  while (is(TOKEN, text.charCodeAt(first))) first++;
  const last = end - 8;
  if (first === 0 || text.charCodeAt(first) !== 0x20 || last <= first + 1) return undefined;
  if (!text.startsWith(' SIP/2.0', last)) return undefined;
  for (let i = first + 1; i < last; i++) if (isNoUriChar(text.charCodeAt(i))) return undefined;
  return new SipRequest(methodOf(text, 0, first), text.slice(first + 1, last), scan.headers, NO_BODY);
}

function isNoUriChar(code: number): boolean {
  return code <= 0x20 || code === 0x7f;
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
  return new SipRequest(method, uri, scan.headers, NO_BODY);
}

function refuseSpace(uri: string, at: number, scan: HeadScan): void {
  for (let i = 0; i < uri.length; i++) {
    if (!isNoUriChar(uri.charCodeAt(i))) continue;
    scan.note(at + i, 'request-line-space', 'White Space or Control Character in Request-Line');
    return;
  }
}

function statusLine(text: string, end: number, scan: HeadScan): SipResponse | undefined {
  if (!text.startsWith('SIP/2.0 ')) {
    scan.note(0, 'bad-version', 'Response of another SIP version');
    return undefined;
  }
  const status = end >= 11 && allOf(DIGIT, text, 8, 11) ? (decimal(text, 8, 11) ?? 0) : 0;
  const separated = end === 11 || text.charCodeAt(11) === 0x20;
  const reason = text.slice(12, Math.max(12, end));
  if (status < 100 || status > 699 || !separated || reason.includes('\r')) {
    scan.note(8, 'bad-status', 'Malformed Status-Line');
    return undefined;
  }
  return new SipResponse(status, reason, scan.headers, NO_BODY);
}
