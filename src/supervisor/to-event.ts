// Messages into the chart's closed vocabulary: nothing from the wire becomes an event type.
import type { DialogEvent, Package, Side } from '../../machines/types.ts';
import type { Failure } from '../proxy/forwarding.ts';
import type { SipRequest, SipResponse } from '../sip/message.ts';
import { mediaOf } from '../sip/sdp.ts';

/** What a request is to its dialog; `opening`: it began it, or tries again after a challenge. */
export type Role = 'opening' | 'reinvite' | 'update' | 'bye' | 'refer' | 'subscribe' | 'notify' | 'other';

export function roleOf(request: Pick<SipRequest, 'method'>, opening: boolean): Role {
  if (opening) return 'opening';
  switch (request.method) {
    case 'INVITE':
      return 'reinvite';
    case 'UPDATE':
      return 'update';
    case 'BYE':
      return 'bye';
    case 'REFER':
      return 'refer';
    case 'SUBSCRIBE':
      return 'subscribe';
    case 'NOTIFY':
      return 'notify';
    default:
      return 'other';
  }
}

export function requestEvent(request: SipRequest, side: Side, again: boolean, opening: boolean): DialogEvent {
  switch (request.method) {
    case 'INVITE':
      return opening
        ? { type: 'request.invite', side, media: mediaOf(request), again }
        : { type: 'request.reinvite', side, media: mediaOf(request) };
    case 'UPDATE':
      return { type: 'request.update', side, media: mediaOf(request) };
    case 'PRACK':
      return { type: 'request.prack', side, media: mediaOf(request) };
    case 'BYE':
      return { type: 'request.bye', side };
    case 'REFER':
      return { type: 'request.refer', side };
    case 'SUBSCRIBE':
      return {
        type: 'request.subscribe',
        side,
        package: packageOf(request),
        expires: expiresOf(request, 3600),
      };
    case 'NOTIFY':
      return {
        type: 'request.notify',
        side,
        package: packageOf(request),
        progress: sipfragStatus(request),
        terminated: /^\s*terminated\b/i.test(request.first('subscription-state') ?? ''),
      };
    default:
      return { type: 'request.other', side, method: request.method };
  }
}

export function provisionalEvent(
  role: Role,
  method: string,
  side: Side,
  fork: number,
  response: SipResponse,
): DialogEvent {
  if (role === 'opening' && method === 'INVITE') {
    return { type: 'response.provisional', fork, status: response.status, media: mediaOf(response) };
  }
  return { type: 'response.other', side, method, status: response.status };
}

export function successEvent(
  role: Role,
  method: string,
  side: Side,
  fork: number,
  response: SipResponse,
  again: boolean,
): DialogEvent {
  const status = response.status;
  switch (role) {
    case 'opening':
      if (method === 'INVITE')
        return { type: 'response.success', fork, status, media: mediaOf(response), again };
      if (method === 'SUBSCRIBE')
        return { type: 'subscribe.accepted', side, status, expires: expiresOf(response, 3600) };
      return { type: 'refer.accepted', side, status };
    case 'reinvite':
      return { type: 'reinvite.accepted', side, status, media: mediaOf(response), again };
    case 'update':
      return { type: 'update.accepted', side, status, media: mediaOf(response) };
    case 'bye':
      return { type: 'bye.answered', side, status };
    case 'refer':
      return { type: 'refer.accepted', side, status };
    case 'subscribe':
      return { type: 'subscribe.accepted', side, status, expires: expiresOf(response, 3600) };
    case 'notify':
      return { type: 'response.other', side, method, status };
    case 'other':
      return method === 'PRACK'
        ? { type: 'response.other', side, method, status, media: mediaOf(response) }
        : { type: 'response.other', side, method, status };
  }
}

export function failureEvent(role: Role, method: string, side: Side, failure: Failure): DialogEvent {
  const status = failure.status;
  switch (role) {
    case 'opening':
      if (method === 'INVITE') return { type: 'response.failure', status, origin: failure.origin };
      if (method === 'SUBSCRIBE') return { type: 'subscribe.refused', side, status };
      return { type: 'refer.refused', side, status };
    case 'reinvite':
      return { type: 'reinvite.refused', side, status };
    case 'update':
      return { type: 'update.refused', side, status };
    case 'bye':
      return { type: 'bye.answered', side, status };
    case 'refer':
      return { type: 'refer.refused', side, status };
    case 'subscribe':
      return { type: 'subscribe.refused', side, status };
    case 'notify':
      return { type: 'notify.refused', side, status };
    case 'other':
      return { type: 'response.other', side, method, status };
  }
}

function packageOf(request: SipRequest): Package {
  const name = /^[^;\s]*/.exec(request.first('event') ?? '')?.[0]?.toLowerCase();
  if (name === 'refer') return 'refer';
  return name === 'conference' ? 'conference' : 'other';
}

/** Seconds; `otherwise` where the header is absent or malformed (RFC 3261 §20.19). */
function expiresOf(message: SipRequest | SipResponse, otherwise: number): number {
  const value = message.first('expires')?.trim();
  return value !== undefined && /^\d{1,10}$/.test(value) ? Math.min(Number(value), 2 ** 31) : otherwise;
}

/** RFC 4028 §4, seconds; undefined: no session timer. */
export function sessionExpires(response: SipResponse): number | undefined {
  const value = /^\d{1,9}/.exec(response.first('session-expires')?.trim() ?? '')?.[0];
  return value === undefined || Number(value) === 0 ? undefined : Number(value);
}

/** The status line of a message/sipfrag body (RFC 3420, RFC 3515 §2.4.5). */
function sipfragStatus(request: SipRequest): number | undefined {
  if (request.body.length === 0) return undefined;
  if (!/^\s*message\/sipfrag\b/i.test(request.first('content-type') ?? '')) return undefined;
  const status = /^SIP\/2\.0 ([1-6]\d\d)\b/i.exec(request.body.toString('latin1', 0, 64))?.[1];
  return status === undefined ? undefined : Number(status);
}
