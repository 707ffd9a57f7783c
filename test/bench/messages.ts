// Owns the SIP texts that the benchmark's phones say, and the little that they read of what they hear.

/** What a phone needs of a message. Servers do not fold header lines, so a line is a header here. */
export interface Heard {
  method: string; // '' for a response
  status: number; // 0 for a request
  callId: string;
  from: string;
  to: string;
  cseq: number;
  cseqMethod: string;
  vias: string; // whole lines, each with its CRLF, as a response gives them back
  recordRoutes: string; // likewise
  routes: string[]; // the values of Record-Route, in order
  contact: string; // its URI
}

export function read(text: string): Heard | undefined {
  let end = text.indexOf('\r\n');
  if (end < 0) return undefined;
  const start = text.slice(0, end);
  const response = start.startsWith('SIP/2.0 ');
  const heard: Heard = {
    method: response ? '' : start.slice(0, start.indexOf(' ')),
    status: response ? Number(start.slice(8, 11)) : 0,
    callId: '',
    from: '',
    to: '',
    cseq: 0,
    cseqMethod: '',
    vias: '',
    recordRoutes: '',
    routes: [],
    contact: '',
  };
  for (let at = end + 2; ; at = end + 2) {
    end = text.indexOf('\r\n', at);
    if (end <= at) break;
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon > end) continue;
    note(heard, text.slice(at, colon).trimEnd().toLowerCase(), text.slice(colon + 1, end).trim(), () =>
      text.slice(at, end + 2),
    );
  }
  return heard;
}

function note(heard: Heard, name: string, value: string, line: () => string): void {
  switch (name) {
    case 'via':
    case 'v':
      heard.vias += line();
      break;
    case 'record-route':
      heard.recordRoutes += line();
      heard.routes.push(...value.split(/,(?=\s*[<"])/).map((route) => route.trim()));
      break;
    case 'from':
    case 'f':
      heard.from = value;
      break;
    case 'to':
    case 't':
      heard.to = value;
      break;
    case 'call-id':
    case 'i':
      heard.callId = value;
      break;
    case 'contact':
    case 'm':
      heard.contact = uriIn(value);
      break;
    case 'cseq': {
      const space = value.indexOf(' ');
      heard.cseq = Number(value.slice(0, space));
      heard.cseqMethod = value.slice(space + 1).trim();
    }
  }
}

function uriIn(value: string): string {
  const open = value.indexOf('<');
  return open < 0 ? (value.split(';', 1)[0] ?? '') : value.slice(open + 1, value.indexOf('>', open));
}

/** Port of the next hop (RFC 3261 §12.2.1.1: the first route, else the target); undefined: it leaves 127.0.0.1. */
export function hopOf(routes: readonly string[], target: string): number | undefined {
  const first = routes[0];
  const match = /^sip:(?:[^@>]*@)?127\.0\.0\.1(?::(\d+))?(?:[;>?]|$)/i.exec(
    first === undefined ? target : uriIn(first),
  );
  return match ? Number(match[1] ?? 5060) : undefined;
}

/** About 400 bytes, as a phone with two codecs and DTMF offers. */
export function sdp(port: number): string {
  return [
    'v=0',
    `o=- ${20518 + port} ${20518 + port} IN IP4 127.0.0.1`,
    's=Talk',
    'c=IN IP4 127.0.0.1',
    'b=AS:380',
    't=0 0',
    'a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics',
    `m=audio ${port} RTP/AVP 96 0 8 101`,
    'a=rtpmap:96 opus/48000/2',
    'a=fmtp:96 useinbandfec=1',
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=ptime:20',
    'a=sendrecv',
    'a=rtcp-fb:* trr-int 1000',
    '',
  ].join('\r\n');
}

const AGENT = 'User-Agent: callchart-bench\r\n';
const ALLOW = 'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, INFO, UPDATE\r\n';

export interface RequestParts {
  method: string;
  uri: string;
  sentBy: number;
  branch: string;
  routes: readonly string[];
  from: string;
  to: string;
  callId: string;
  cseq: number;
  contact: string;
  more?: string;
  body?: string;
}

export function request(p: RequestParts): string {
  const body = p.body ?? '';
  let routes = '';
  for (const route of p.routes) routes += `Route: ${route}\r\n`;
  return (
    `${p.method} ${p.uri} SIP/2.0\r\n` +
    `Via: SIP/2.0/UDP 127.0.0.1:${p.sentBy};rport;branch=z9hG4bK${p.branch}\r\n` +
    `Max-Forwards: 70\r\n${routes}From: ${p.from}\r\nTo: ${p.to}\r\nCall-ID: ${p.callId}\r\n` +
    `CSeq: ${p.cseq} ${p.method}\r\nContact: <${p.contact}>\r\n${p.more ?? ''}${AGENT}` +
    (body === '' ? '' : `${ALLOW}Supported: replaces, outbound\r\nContent-Type: application/sdp\r\n`) +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

/** `tag` goes on To unless one is there. */
export function response(r: Heard, status: string, tag: string, contact: string, body = ''): string {
  return (
    `SIP/2.0 ${status}\r\n${r.vias}${r.recordRoutes}From: ${r.from}\r\n` +
    `To: ${r.to}${r.to.includes(';tag=') ? '' : `;tag=${tag}`}\r\nCall-ID: ${r.callId}\r\n` +
    `CSeq: ${r.cseq} ${r.cseqMethod}\r\n${contact === '' ? '' : `Contact: <${contact}>\r\n`}${AGENT}` +
    (body === '' ? '' : `${ALLOW}Content-Type: application/sdp\r\n`) +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}
