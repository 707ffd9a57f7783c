// From a datagram to a SipMessage, or to a problem: a value that says what a server owes for it. Never throws.
import { Body, NO_BODY } from './body.ts';
import { allOf, TOKEN } from './chars.ts';
import { NO_CSEQ, NO_VIA, type SipMessage, type SipRequest } from './message.ts';
import { CALL_ID, CSEQ, FROM, TO, VIA } from './names.ts';
import { HeadScan, type Trouble } from './scan.ts';
import { parseStartLine } from './start-line.ts';

export interface ParseProblem {
  /** Stable, kebab-case. */
  readonly code: string;
  /** What a server owes: 400, 505, 416 ...; 0: it cannot or must not be answered. */
  readonly status: number;
  /** Telling words, for the status line or as the reason of the drop. */
  readonly phrase: string;
}

export type Parsed =
  | { readonly ok: true; readonly message: SipMessage }
  | {
      readonly ok: false;
      readonly problem: ParseProblem;
      /** Where in the datagram, in bytes. */
      readonly offset: number;
      /** There when it can be answered: its top Via says where to; From, To, Call-ID and CSeq are as they came. */
      readonly request?: SipRequest;
    };

const EMPTY: Parsed = {
  ok: false,
  problem: { code: 'empty', status: 0, phrase: 'Empty datagram' },
  offset: 0,
};

/** RFC 3261 §7, framed as §18.3 says for datagrams. Empty lines before the start line are skipped. */
export function parse(bytes: Buffer): Parsed {
  let start = 0;
  while (bytes[start] === 0x0d || bytes[start] === 0x0a) start++;
  if (start === bytes.length) return EMPTY;
  const scan = new HeadScan(bytes.toString('latin1', start));
  const message = parseStartLine(scan);
  if (message !== undefined) {
    const headEnd = scan.headerLines();
    if (scan.trouble === undefined) judge(message, scan);
    if (headEnd !== undefined) message.content = bodyOf(headEnd, scan);
    if (scan.trouble === undefined) return { ok: true, message };
  }
  return refuse(scan.trouble, start, message);
}

function refuse(trouble: Trouble | undefined, start: number, message: SipMessage | undefined): Parsed {
  if (trouble === undefined) return EMPTY;
  const { code, phrase, status, at } = trouble;
  // An ACK is never answered, nor is a response, nor what does not say where it came from.
  if (message?.kind !== 'request' || message.method === 'ACK' || message.via === NO_VIA)
    return { ok: false, problem: { code, status: 0, phrase }, offset: start + at };
  return { ok: false, problem: { code, status, phrase }, offset: start + at, request: message };
}

const required: ReadonlyArray<readonly [flag: number, name: string]> = [
  [VIA, 'Via'],
  [FROM, 'From'],
  [TO, 'To'],
  [CALL_ID, 'Call-ID'],
  [CSEQ, 'CSeq'],
];
const REQUIRED = VIA | FROM | TO | CALL_ID | CSEQ;

/** What every message must carry, and what must hold before it can be matched to anything. */
function judge(message: SipMessage, scan: HeadScan): void {
  const missing = REQUIRED & ~scan.seen;
  if (missing !== 0) {
    const names = required.filter(([flag]) => (missing & flag) !== 0).map(([, name]) => name);
    scan.note(0, 'missing-header', `Missing ${names.join(', ')}`);
    return;
  }
  const via = scan.via?.via ?? NO_VIA;
  const cseq = scan.cseq?.cseq ?? NO_CSEQ;
  // The view of a Via with bad parameters has none: it says where an answer goes, and no more.
  if (via === NO_VIA || (via.branch === undefined && via.params.length === 0 && via.raw.includes(';')))
    scan.note(scan.indexOf('via'), 'bad-via', 'Malformed Via');
  if (cseq === NO_CSEQ || !allOf(TOKEN, cseq.method))
    scan.note(scan.indexOf('cseq'), 'bad-cseq', 'Malformed CSeq');
  else if (message.kind === 'request' && cseq.method !== message.method)
    scan.note(scan.indexOf('cseq'), 'cseq-mismatch', 'CSeq Method Does Not Match');
  if (!oneWord(scan.callId?.value ?? ''))
    scan.note(scan.indexOf('call-id'), 'bad-call-id', 'Malformed Call-ID');
}

function oneWord(s: string): boolean {
  for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) <= 0x20 || s.charCodeAt(i) === 0x7f) return false;
  return s !== '';
}

/** RFC 3261 §18.3: without Content-Length the body reaches to the end of the datagram; what goes beyond is cut. */
function bodyOf(start: number, scan: HeadScan): Body {
  const { text, contentLength } = scan;
  const there = text.length - start;
  if (contentLength === undefined) return Body.in(text, start, text.length);
  if (contentLength < 0)
    scan.note(scan.indexOf('content-length'), 'bad-content-length', 'Malformed Content-Length');
  else if (contentLength > there) scan.note(start, 'body-too-short', 'Body Shorter Than Content-Length');
  else return Body.in(text, start, start + contentLength);
  return NO_BODY;
}
