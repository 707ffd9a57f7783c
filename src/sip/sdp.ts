// What an SDP body says of audio and video: a line scan, as far as a call's chart cares.
import type { Direction, Media } from '../../machines/types.ts';
import { isSpace, trimmed } from './chars.ts';
import type { SipMessage } from './message.ts';
import { keyOf } from './names.ts';
import { param, parseParams } from './params.ts';

/** RFC 3264, RFC 4566. undefined: the message carries no SDP. Also looks into multipart bodies. */
export function mediaOf(m: SipMessage): Media | undefined {
  if (m.body.length === 0 || m.has('content-encoding')) return undefined;
  const contentType = m.line('content-type')?.value;
  const type = contentType === undefined ? undefined : typeOf(contentType);
  if (type !== undefined && type !== 'application/sdp' && !type.startsWith('multipart/')) return undefined;
  const sdp = sdpIn(contentType, m.body.toString('latin1'), 0);
  return sdp === undefined ? undefined : scan(sdp);
}

function typeOf(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  const type = semicolon < 0 ? contentType : contentType.slice(0, semicolon);
  return type.replace(/[ \t]/g, '').toLowerCase();
}

function sdpIn(contentType: string | undefined, body: string, depth: number): string | undefined {
  // Some old phones leave the type out.
  if (contentType === undefined) return body.startsWith('v=0') ? body : undefined;
  const type = typeOf(contentType);
  if (type === 'application/sdp') return body;
  const semicolon = contentType.indexOf(';');
  if (!type.startsWith('multipart/') || semicolon < 0 || depth > 2) return undefined;
  const boundary = param(parseParams(contentType, semicolon) ?? [], 'boundary')?.replace(/^"(.*)"$/, '$1');
  return boundary ? sdpInParts(body, `--${boundary}`, depth) : undefined;
}

/** RFC 2046 §5.1.1: the first part that holds SDP. */
function sdpInParts(body: string, delimiter: string, depth: number): string | undefined {
  let open = delimiterFrom(body, delimiter, 0);
  while (open >= 0) {
    const start = body.indexOf('\n', open + delimiter.length) + 1;
    if (start === 0) return undefined;
    const next = delimiterFrom(body, delimiter, start);
    const sdp = sdpInPart(body.slice(start, next < 0 ? body.length : next), depth);
    if (sdp !== undefined) return sdp;
    open = next;
  }
  return undefined;
}

/** Where the next line begins that is a delimiter, or -1. */
function delimiterFrom(body: string, delimiter: string, from: number): number {
  for (let at = body.indexOf(delimiter, from); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    const end = at + delimiter.length;
    const ends = end === body.length || isSpace(body.charCodeAt(end)) || body.startsWith('--', end);
    if (ends && (at === 0 || body.charCodeAt(at - 1) === 0x0a)) return at;
  }
  return -1;
}

function sdpInPart(part: string, depth: number): string | undefined {
  // A part without headers of its own is plain text.
  const blank = /\r?\n\r?\n/.exec(part);
  if (blank === null || /^\r?\n/.test(part)) return undefined;
  const heads = part
    .slice(0, blank.index)
    .replace(/\r?\n[ \t]+/g, ' ')
    .split('\n');
  for (const head of heads) {
    const colon = head.indexOf(':');
    if (colon < 0 || keyOf(trimmed(head, 0, colon)) !== 'content-type') continue;
    return sdpIn(trimmed(head, colon + 1), part.slice(blank.index + blank[0].length), depth + 1);
  }
  return undefined;
}

const directions: ReadonlyMap<string, Direction> = new Map([
  ['a=sendrecv', 'sendrecv'],
  ['a=sendonly', 'sendonly'],
  ['a=recvonly', 'recvonly'],
  ['a=inactive', 'inactive'],
]);

interface Stream {
  readonly kind: string;
  readonly off: boolean;
  direction: Direction | undefined;
  nowhere: boolean | undefined;
}

function scan(sdp: string): Media {
  let sessionDirection: Direction | undefined;
  let sessionNowhere = false;
  const streams: Stream[] = [];
  let stream: Stream | undefined;
  for (let pos = 0; pos < sdp.length; ) {
    let end = sdp.indexOf('\n', pos);
    if (end < 0) end = sdp.length;
    const line = sdp.slice(pos, sdp.charCodeAt(end - 1) === 0x0d ? end - 1 : end);
    pos = end + 1;
    if (line.startsWith('m=')) {
      const [kind = '', port = ''] = line.slice(2, 64).split(' ');
      stream = {
        kind: kind.toLowerCase(),
        off: /^0+(\/|$)/.test(port),
        direction: undefined,
        nowhere: undefined,
      };
      if (streams.length < 64) streams.push(stream);
    } else if (line.startsWith('c=')) {
      const nowhere = /^c=IN IP4 0\.0\.0\.0\b|^c=IN IP6 ::\s*$/i.test(line);
      if (stream === undefined) sessionNowhere = nowhere;
      else stream.nowhere = nowhere;
    } else if (line.startsWith('a=')) {
      const direction = directions.get(line.trimEnd().toLowerCase());
      if (direction === undefined) continue;
      if (stream === undefined) sessionDirection = direction;
      else stream.direction = direction;
    }
  }
  const of = (kind: string): Direction => {
    const live = streams.find((candidate) => candidate.kind === kind && !candidate.off);
    if (live === undefined) return 'off';
    const direction = live.direction ?? sessionDirection ?? 'sendrecv';
    // RFC 3264 §8.4: hold as RFC 2543 had it, by an address that leads nowhere.
    return direction === 'sendrecv' && (live.nowhere ?? sessionNowhere) ? 'inactive' : direction;
  };
  return { audio: of('audio'), video: of('video') };
}
