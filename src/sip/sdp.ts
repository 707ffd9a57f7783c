// What an SDP body says of audio and video: a line scan, as far as a call's chart cares.
import type { Direction, Media } from '../../machines/types.ts';
import { isSpace, trimmed } from './chars.ts';
import type { SipMessage } from './message.ts';
import { keyOf } from './names.ts';
import { param, parseParams } from './params.ts';

/** RFC 3264, RFC 4566. undefined: the message carries no SDP. Also looks into multipart bodies. */
export function mediaOf(m: SipMessage): Media | undefined {
  const { content } = m;
  if (content.length === 0 || m.has('content-encoding')) return undefined;
  const contentType = m.line('content-type')?.value;
  if (contentType === SDP) return scan(content.source, content.from, content.from + content.length);
  const type = contentType === undefined ? undefined : typeOf(contentType);
  if (type !== undefined && type !== SDP && !type.startsWith('multipart/')) return undefined;
  const sdp = sdpIn(contentType, content.text, 0);
  return sdp === undefined ? undefined : scan(sdp, 0, sdp.length);
}

const SDP = 'application/sdp';

function typeOf(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  const type = semicolon < 0 ? contentType : contentType.slice(0, semicolon);
  return type.replace(/[ \t]/g, '').toLowerCase();
}

function sdpIn(contentType: string | undefined, body: string, depth: number): string | undefined {
  // Some old phones leave the type out.
  if (contentType === undefined) return body.startsWith('v=0') ? body : undefined;
  const type = typeOf(contentType);
  if (type === SDP) return body;
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

/** Reads s[from, to) line by line, in place: no more than two or three of its lines are of interest. */
function scan(s: string, from: number, to: number): Media {
  let sessionDirection: Direction | undefined;
  let sessionNowhere = false;
  const streams: Stream[] = [];
  let stream: Stream | undefined;
  for (let pos = from; pos < to; ) {
    const start = pos;
    let end = s.indexOf('\n', start);
    if (end < 0 || end > to) end = to;
    pos = end + 1;
    if (end - start < 2 || s.charCodeAt(start + 1) !== 0x3d) continue;
    if (end > start && s.charCodeAt(end - 1) === 0x0d) end--;
    switch (s.charCodeAt(start)) {
      case 0x6d:
        stream = streamOf(s.slice(start + 2, Math.min(end, start + 64)));
        if (streams.length < 64) streams.push(stream);
        break;
      case 0x63: {
        const nowhere = isNowhere(s, start, end);
        if (stream === undefined) sessionNowhere = nowhere;
        else stream.nowhere = nowhere;
        break;
      }
      case 0x61: {
        const direction = directionOf(s, start, end);
        if (direction === undefined) break;
        if (stream === undefined) sessionDirection = direction;
        else stream.direction = direction;
      }
    }
  }
  return {
    audio: directionOfKind('audio', streams, sessionDirection, sessionNowhere),
    video: directionOfKind('video', streams, sessionDirection, sessionNowhere),
  };
}

function streamOf(line: string): Stream {
  const [kind = '', port = ''] = line.split(' ', 2);
  const off = port.charCodeAt(0) === 0x30 && /^0+(\/|$)/.test(port);
  return { kind: kind.toLowerCase(), off, direction: undefined, nowhere: undefined };
}

/** RFC 3264 §8.4: hold as RFC 2543 had it, by an address that leads nowhere. */
function isNowhere(s: string, start: number, end: number): boolean {
  const first = s.charCodeAt(start + 9);
  if (first !== 0x30 && first !== 0x3a) return false;
  return /^c=IN IP4 0\.0\.0\.0\b|^c=IN IP6 ::\s*$/i.test(s.slice(start, end));
}

/** All four are of one length. */
const DIRECTION_LENGTH = 10;

function directionOf(s: string, start: number, end: number): Direction | undefined {
  const length = end - start;
  if (
    length < DIRECTION_LENGTH ||
    (length > DIRECTION_LENGTH && isWord(s.charCodeAt(start + DIRECTION_LENGTH)))
  )
    return undefined;
  // `a=` and then the first letter of one of the four
  const first = s.charCodeAt(start + 2) | 0x20;
  if (first !== 0x73 && first !== 0x72 && first !== 0x69) return undefined;
  if (s.startsWith('sendrecv', start + 2) && length === DIRECTION_LENGTH) return 'sendrecv';
  return directions.get(s.slice(start, end).trimEnd().toLowerCase());
}

function isWord(code: number): boolean {
  return code > 0x20 && code < 0x7f;
}

function directionOfKind(
  kind: string,
  streams: readonly Stream[],
  sessionDirection: Direction | undefined,
  sessionNowhere: boolean,
): Direction {
  for (const stream of streams) {
    if (stream.kind !== kind || stream.off) continue;
    const direction = stream.direction ?? sessionDirection ?? 'sendrecv';
    return direction === 'sendrecv' && (stream.nowhere ?? sessionNowhere) ? 'inactive' : direction;
  }
  return 'off';
}
