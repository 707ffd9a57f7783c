// Messages we make from one that stands there: responses, and the CANCEL and ACK of a sent INVITE.
import { trimmed } from './chars.ts';
import { valueEnd } from './list.ts';
import { HeaderLine, headerLine, SipRequest, SipResponse } from './message.ts';

const NOTHING = Buffer.alloc(0);
const EMPTY_LENGTH = headerLine('Content-Length', '0');
const SEVENTY = headerLine('Max-Forwards', '70');

export interface More {
  readonly toTag?: string;
  readonly headers?: readonly HeaderLine[];
  readonly body?: Buffer;
}

/** RFC 3261 §8.2.6.2. `reason` is wire text. Of a header that stands there twice only the first is copied. */
export function makeResponse(r: SipRequest, status: number, reason: string, more: More = {}): SipResponse {
  const headers: HeaderLine[] = [];
  let from: HeaderLine | undefined;
  let to: HeaderLine | undefined;
  let callId: HeaderLine | undefined;
  let cseq: HeaderLine | undefined;
  for (const line of r.headers) {
    switch (line.key) {
      case 'via':
        headers.push(line);
        break;
      case 'from':
        from ??= line;
        break;
      case 'to':
        to ??= line;
        break;
      case 'call-id':
        callId ??= line;
        break;
      case 'cseq':
        cseq ??= line;
    }
  }
  if (from !== undefined) headers.push(from);
  if (to !== undefined) headers.push(more.toTag === undefined ? to : tagged(to, more.toTag));
  if (callId !== undefined) headers.push(callId);
  if (cseq !== undefined) headers.push(cseq);
  if (status === 100) {
    const timestamp = r.line('timestamp');
    if (timestamp !== undefined) headers.push(timestamp);
  }
  if (more.headers !== undefined) for (const line of more.headers) headers.push(line);
  const body = more.body ?? NOTHING;
  headers.push(body.length === 0 ? EMPTY_LENGTH : headerLine('Content-Length', `${body.length}`));
  return new SipResponse(status, reason, headers, body);
}

function tagged(to: HeaderLine, tag: string): HeaderLine {
  if (to.address.tag !== undefined) return to;
  return new HeaderLine(to.key, `${to.raw};tag=${tag}`, to.colon);
}

/** RFC 3261 §9.1: Request-URI, Call-ID, To, From, CSeq number, Route and the single top Via of the INVITE as sent. */
export function makeCancel(sentInvite: SipRequest): SipRequest {
  return hopByHop(sentInvite, 'CANCEL', sentInvite.line('to'), sentInvite.uri);
}

/** RFC 3261 §17.1.1.3: the ACK of a final response other than 2xx. */
export function makeAck(sentInvite: SipRequest, response: SipResponse): SipRequest {
  return hopByHop(sentInvite, 'ACK', response.line('to') ?? sentInvite.line('to'), sentInvite.uri);
}

/** The same by what the response itself says, for an INVITE that nobody remembers: its Via is what counts (§17.2.3). */
export function makeLateAck(response: SipResponse): SipRequest {
  return hopByHop(response, 'ACK', response.line('to'), response.to.uri);
}

function hopByHop(
  invite: SipRequest | SipResponse,
  method: string,
  to: HeaderLine | undefined,
  uri: string,
): SipRequest {
  const headers: HeaderLine[] = [];
  const via = invite.line('via');
  if (via !== undefined) headers.push(onlyFirst(via));
  for (const line of invite.headers) if (line.key === 'route') headers.push(line);
  headers.push(SEVENTY);
  const from = invite.line('from');
  if (from !== undefined) headers.push(from);
  if (to !== undefined) headers.push(to);
  const callId = invite.line('call-id');
  if (callId !== undefined) headers.push(callId);
  headers.push(headerLine('CSeq', `${invite.cseq.number} ${method}`), EMPTY_LENGTH);
  return new SipRequest(method, uri, headers, NOTHING);
}

function onlyFirst(via: HeaderLine): HeaderLine {
  if (!via.raw.includes(',')) return via;
  const end = valueEnd(via.raw, via.colon + 1);
  return new HeaderLine(via.key, trimmed(via.raw, 0, end), via.colon);
}

const reasons: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
  183: 'Session Progress',
  199: 'Early Dialog Terminated',
  200: 'OK',
  202: 'Accepted',
  204: 'No Notification',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  305: 'Use Proxy',
  380: 'Alternative Service',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  412: 'Conditional Request Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  417: 'Unknown Resource-Priority',
  420: 'Bad Extension',
  421: 'Extension Required',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  424: 'Bad Location Information',
  428: 'Use Identity Header',
  429: 'Provide Referrer Identity',
  430: 'Flow Failed',
  433: 'Anonymity Disallowed',
  436: 'Bad Identity-Info',
  437: 'Unsupported Certificate',
  438: 'Invalid Identity Header',
  439: 'First Hop Lacks Outbound Support',
  440: 'Max-Breadth Exceeded',
  469: 'Bad Info Package',
  470: 'Consent Needed',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  493: 'Undecipherable',
  494: 'Security Agreement Required',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  555: 'Push Notification Service Not Supported',
  580: 'Precondition Failure',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
  607: 'Unwanted',
  608: 'Rejected',
};

const classReasons = [
  'Trying',
  'Session Progress',
  'OK',
  'Multiple Choices',
  'Bad Request',
  'Server Internal Error',
  'Busy Everywhere',
];

/** The RFC's words for a status; an unknown one gets those of its class. */
export function defaultReason(status: number): string {
  return reasons[status] ?? classReasons[Math.trunc(status / 100)] ?? 'Unknown';
}
