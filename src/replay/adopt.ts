// A capture that starts in mid-call: the INVITE, 200 and ACK that must have been, so that the call has its chart.
import type { SipMessage, SipRequest, SipResponse } from '../sip/message.ts';
import { aorOf, parseNameAddr, parseUri } from '../sip/uri.ts';
import { parseVia } from '../sip/via.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointText, type Known } from './known.ts';

/** What the parties must have said before the capture began, in our words. */
export interface Prelude {
  readonly caller: Endpoint;
  readonly callee: Endpoint;
  readonly calleeAor: string;
  readonly calleeContact: string;
  readonly invite: string;
  /** Only when the call was up already: the callee's 200 without its Via and Record-Route lines, and the caller's ACK. */
  readonly answer: { readonly ok: string; readonly ack: string } | undefined;
}

/** The call a request inside an unknown dialog belongs to; its sender is taken for the caller. undefined: no telling. */
export function beforeRequest(
  request: SipRequest,
  from: Endpoint,
  to: Endpoint | undefined,
  known: Known,
): Prelude | undefined {
  const tag = request.to.tag;
  const calleeUri = parseUri(request.to.uri);
  if (tag === undefined || calleeUri?.user === undefined || to === undefined) return undefined;
  const calleeAor = aorOf(calleeUri);
  const callerContact =
    parseNameAddr(request.first('contact') ?? '')?.uri ?? known.contactOf(from, request.from.uri);
  const common = [
    `From: ${request.from.raw}`,
    `Call-ID: ${request.callId}`,
    'Max-Forwards: 70',
    `Contact: <${callerContact}>`,
    'Content-Length: 0',
  ];
  const via = (what: string) =>
    `Via: SIP/2.0/UDP ${endpointText(from)};branch=z9hG4bK-before-${what}-${request.callId}`;
  const cseq = Math.max(0, request.cseq.number - 1);
  return {
    caller: from,
    callee: to,
    calleeAor,
    calleeContact: known.contactOf(to, calleeAor),
    invite: lines(
      `INVITE ${calleeAor} SIP/2.0`,
      via('invite'),
      `To: <${calleeAor}>`,
      `CSeq: ${cseq} INVITE`,
      ...common,
    ),
    answer: {
      ok: lines(
        'SIP/2.0 200 OK',
        `From: ${request.from.raw}`,
        `To: ${request.to.raw}`,
        `Call-ID: ${request.callId}`,
        `CSeq: ${cseq} INVITE`,
        `Contact: <${known.contactOf(to, calleeAor)}>`,
        'Content-Length: 0',
      ),
      ack: lines(
        `ACK ${known.contactOf(to, calleeAor)} SIP/2.0`,
        via('ack'),
        `To: ${request.to.raw}`,
        `CSeq: ${cseq} ACK`,
        ...common,
      ),
    },
  };
}

/** The INVITE whose response is the first thing seen. undefined: it is no response to an INVITE, or tells no caller. */
export function beforeResponse(response: SipResponse, from: Endpoint, known: Known): Prelude | undefined {
  const calleeUri = parseUri(response.to.uri);
  const callerVia = response.all('via')[1];
  const via = callerVia === undefined ? undefined : parseVia(callerVia);
  if (response.cseq.method !== 'INVITE' || calleeUri?.user === undefined || via === undefined)
    return undefined;
  const address = via.received ?? via.host.replace(/^\[|\]$/g, '');
  const caller = { address, port: (via.rport ?? undefined) || via.port || 5060 };
  const calleeAor = aorOf(calleeUri);
  // An answer names the streams that were offered: the closest there is to the offer itself.
  const offer = /^application\/sdp\b/i.test(response.first('content-type') ?? '')
    ? response.body.toString('latin1')
    : '';
  return {
    caller,
    callee: from,
    calleeAor,
    calleeContact: known.contactOf(from, calleeAor),
    invite:
      lines(
        `INVITE ${calleeAor} SIP/2.0`,
        `Via: ${bare(via.raw)}`,
        `From: ${response.from.raw}`,
        `To: <${response.to.uri}>`,
        `Call-ID: ${response.callId}`,
        `CSeq: ${response.cseq.number} INVITE`,
        'Max-Forwards: 70',
        `Contact: <${known.contactOf(caller, response.from.uri)}>`,
        ...(offer === '' ? [] : ['Content-Type: application/sdp']),
        `Content-Length: ${offer.length}`,
      ) + offer,
    answer: undefined,
  };
}

/** The callee's 200, once it is known which Vias and Record-Routes our INVITE bore. */
export function answered(ok: string, sentInvite: SipMessage): string {
  const copied = sentInvite.headers
    .filter((line) => line.key === 'via' || line.key === 'record-route')
    .map((l) => l.raw);
  const [first = '', ...rest] = ok.split('\r\n');
  return [first, ...copied, ...rest].join('\r\n');
}

/** A Via as its maker wrote it. */
function bare(via: string): string {
  return via.replace(/;\s*(received|rport)\s*=\s*[^;,\s]+/gi, (_, name: string) =>
    name.toLowerCase() === 'rport' ? ';rport' : '',
  );
}

function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`;
}
