// From a datagram to a SipMessage, or to a problem: a value that says what a server owes for it. Never throws.
import { allOf, decimal, TOKEN } from './chars.ts';
import { firstOfList } from './list.ts';
import { HeaderLine, NO_CSEQ, NO_VIA, type SipMessage, SipRequest, SipResponse } from './message.ts';
import { CALL_ID, CONTENT_LENGTH, CSEQ, FROM, knownName, MAX_FORWARDS, TO, VIA } from './names.ts';
import { parseVia } from './uri.ts';

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

/** More header lines than this are refused: no phone sends them, and each costs memory. */
export const MAX_HEADER_LINES = 512;

const REQUIRED = VIA | FROM | TO | CALL_ID | CSEQ;
const ONCE = FROM | TO | CALL_ID | CSEQ | MAX_FORWARDS;
const NOTHING = Buffer.alloc(0);

type Trouble = readonly [code: string, phrase: string, status: number];

/** What the line scan brings together before the message is judged as a whole. */
interface Scan {
  readonly headers: HeaderLine[];
  seen: number;
  contentLength: string | undefined;
  /** The first problem found, and where. */
  trouble: Trouble | undefined;
  at: number;
}

/** RFC 3261 §7, framed as §18.3 says for datagrams. */
export function parse(bytes: Buffer): Parsed {
  let start = 0;
  while (start < bytes.length && (bytes[start] === 0x0d || bytes[start] === 0x0a)) start++;
  if (start === bytes.length) return refuse(['empty', 'Empty datagram', 0], start);
  const blank = bytes.indexOf('\r\n\r\n', start, 'latin1');
  const head = bytes.toString('latin1', start, blank < 0 ? bytes.length : blank + 4);
  const scan: Scan = { headers: [], seen: 0, contentLength: undefined, trouble: undefined, at: 0 };

  const newline = head.indexOf('\n');
  const lineEnd =
    newline < 0 ? head.length : newline > 0 && head.charCodeAt(newline - 1) === 0x0d ? newline - 1 : newline;
  const message = startLine(head.slice(0, lineEnd), scan);
  if (message === undefined) return refuse(scan.trouble ?? ['not-sip', 'Not SIP', 0], start);

  const bodyStart = start + headerLines(head, newline < 0 ? head.length : newline + 1, scan);
  message.headers = scan.headers;
  judgeHeaders(message, scan);
  message.body = bodyOf(bytes, bodyStart, scan);
  if (scan.trouble === undefined) return { ok: true, message };
  return refuse(scan.trouble, start + scan.at, message);
}

function note(scan: Scan, at: number, code: string, phrase: string, status = 400): void {
  if (scan.trouble !== undefined) return;
  scan.trouble = [code, phrase, status];
  scan.at = at;
}

function refuse([code, phrase, status]: Trouble, offset: number, message?: SipMessage): Parsed {
  // An ACK is never answered, nor is a response, nor what does not say where it came from.
  if (message?.kind !== 'request' || message.method === 'ACK' || message.via === NO_VIA) {
    return { ok: false, problem: { code, status: 0, phrase }, offset };
  }
  return { ok: false, problem: { code, status, phrase }, offset, request: message };
}

/** Request-Line or Status-Line; undefined when it is neither, and nothing can be made of the rest. */
function startLine(line: string, scan: Scan): SipMessage | undefined {
  if (line.startsWith('SIP/')) return statusLine(line, scan);
  const first = line.indexOf(' ');
  const last = line.lastIndexOf(' ');
  if (first <= 0 || !allOf(TOKEN, line, 0, first)) {
    note(scan, 0, 'bad-start-line', 'Not a SIP start line');
    return undefined;
  }
  const method = line.slice(0, first);
  const uri = first < last ? line.slice(first + 1, last) : '';
  const version = line.slice(last + 1);
  if (version !== 'SIP/2.0' && version.toUpperCase() !== 'SIP/2.0') {
    if (/^SIP\/\d{1,9}\.\d{1,9}$/i.test(version))
      note(scan, last + 1, 'bad-version', 'Version Not Supported', 505);
    else note(scan, last + 1, 'bad-start-line', 'Malformed Request-Line');
  } else if (uri === '') note(scan, first, 'no-request-uri', 'Missing Request-URI');
  else {
    for (let i = 0; i < uri.length; i++) {
      const code = uri.charCodeAt(i);
      if (code > 0x20 && code !== 0x7f) continue;
      note(scan, first + 1 + i, 'request-line-space', 'White Space or Control Character in Request-Line');
      break;
    }
  }
  return new SipRequest(method, uri, scan.headers, NOTHING);
}

function statusLine(line: string, scan: Scan): SipResponse | undefined {
  const code = line.slice(8, 11);
  if (!line.startsWith('SIP/2.0 ')) note(scan, 0, 'bad-version', 'Response of another SIP version');
  else if (
    decimal(code) === undefined ||
    code.length < 3 ||
    (line.length > 11 && line.charCodeAt(11) !== 0x20)
  )
    note(scan, 8, 'bad-status', 'Malformed Status-Code');
  else {
    const status = Number(code);
    if (status >= 100 && status < 700) return new SipResponse(status, line.slice(12), scan.headers, NOTHING);
    note(scan, 8, 'bad-status', 'Status-Code out of range');
  }
  return undefined;
}

/** Reads header lines from `from` up to the empty line; answers where the body begins. */
function headerLines(head: string, from: number, scan: Scan): number {
  let pos = from;
  let nextCr = head.indexOf('\r');
  const bareCr = (end: number): boolean => {
    if (nextCr >= 0 && nextCr < pos) nextCr = head.indexOf('\r', pos);
    return nextCr >= 0 && nextCr < end;
  };
  while (true) {
    let newline = head.indexOf('\n', pos);
    if (newline < 0) break;
    let end = head.charCodeAt(newline - 1) === 0x0d ? newline - 1 : newline;
    if (end === pos) return newline + 1;
    let bareLf = false;
    const start = pos;
    // A line that begins with white space belongs to the one before (RFC 3261 §7.3.1).
    for (;;) {
      if (bareCr(end)) note(scan, nextCr, 'bare-cr', 'Carriage Return inside a Header');
      bareLf ||= end === newline;
      const next = head.charCodeAt(newline + 1);
      if (next !== 0x20 && next !== 0x09) break;
      pos = newline + 1;
      newline = head.indexOf('\n', pos);
      if (newline < 0) {
        note(scan, pos, 'no-end-of-headers', 'Headers without End');
        return head.length;
      }
      end = head.charCodeAt(newline - 1) === 0x0d ? newline - 1 : newline;
    }
    pos = newline + 1;
    if (scan.headers.length >= MAX_HEADER_LINES) {
      note(scan, start, 'too-many-headers', 'Too Many Headers');
      return head.length;
    }
    headerLine(head, start, end, bareLf, scan);
  }
  note(scan, pos, 'no-end-of-headers', 'Headers without End');
  return head.length;
}

function headerLine(head: string, start: number, end: number, bareLf: boolean, scan: Scan): void {
  const colon = head.indexOf(':', start);
  if (colon < 0 || colon >= end) {
    note(scan, start, 'bad-header', 'Header Line without Colon');
    return;
  }
  let nameEnd = colon;
  while (nameEnd > start && (head.charCodeAt(nameEnd - 1) === 0x20 || head.charCodeAt(nameEnd - 1) === 0x09))
    nameEnd--;
  const name = head.slice(start, nameEnd);
  const known = knownName(name);
  if (known === undefined && !allOf(TOKEN, name)) {
    note(scan, start, 'bad-header', 'Malformed Header Name');
    return;
  }
  let raw = head.slice(start, end);
  if (bareLf && raw.includes('\n')) raw = raw.replace(/\r?\n/g, '\r\n');
  const line = new HeaderLine(known?.key ?? name.toLowerCase(), raw, colon - start);
  scan.headers.push(line);
  if (known === undefined || known.flag === 0) return;
  if ((scan.seen & known.flag & ONCE) !== 0)
    note(scan, start, 'repeated-header', `Repeated ${titles[known.key] ?? known.key}`);
  scan.seen |= known.flag;
  if (known.flag === CONTENT_LENGTH) {
    if (scan.contentLength !== undefined && decimal(scan.contentLength) !== decimal(line.value))
      note(scan, start, 'content-length-differs', 'Contradictory Content-Length');
    scan.contentLength ??= line.value;
  }
}

const titles: Readonly<Record<string, string>> = {
  via: 'Via',
  from: 'From',
  to: 'To',
  'call-id': 'Call-ID',
  cseq: 'CSeq',
  'max-forwards': 'Max-Forwards',
};

/** What every message must carry, and what must hold before anything can be matched to it. */
function judgeHeaders(message: SipMessage, scan: Scan): void {
  if (scan.trouble !== undefined) return;
  const missing = REQUIRED & ~scan.seen;
  if (missing !== 0) {
    const names = [
      [VIA, 'Via'],
      [FROM, 'From'],
      [TO, 'To'],
      [CALL_ID, 'Call-ID'],
      [CSEQ, 'CSeq'],
    ] as const;
    note(
      scan,
      0,
      'missing-header',
      `Missing ${names.flatMap(([flag, name]) => ((missing & flag) !== 0 ? [name] : [])).join(', ')}`,
    );
    return;
  }
  const via = message.via;
  if (
    via === NO_VIA ||
    (via.params.length === 0 && via.raw.includes(';') && parseVia(firstOfList(via.raw) ?? '') === undefined)
  )
    note(scan, 0, 'bad-via', 'Malformed Via');
  const cseq = message.cseq;
  if (cseq === NO_CSEQ || !allOf(TOKEN, cseq.method)) note(scan, 0, 'bad-cseq', 'Malformed CSeq');
  else if (message.kind === 'request' && cseq.method !== message.method)
    note(scan, 0, 'cseq-mismatch', 'CSeq Method Does Not Match');
  if (message.callId === '' || !printable(message.callId)) note(scan, 0, 'bad-call-id', 'Malformed Call-ID');
}

function printable(s: string): boolean {
  for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) <= 0x20 || s.charCodeAt(i) === 0x7f) return false;
  return true;
}

/** RFC 3261 §18.3: without Content-Length the body reaches to the end of the datagram; what goes beyond is cut. */
function bodyOf(bytes: Buffer, start: number, scan: Scan): Buffer {
  const there = bytes.length - start;
  if (scan.contentLength === undefined) return there > 0 ? bytes.subarray(start) : NOTHING;
  const length = decimal(scan.contentLength);
  if (length === undefined) note(scan, 0, 'bad-content-length', 'Malformed Content-Length');
  else if (length > there) note(scan, start, 'body-too-short', 'Body Shorter Than Content-Length');
  else return length === 0 ? NOTHING : bytes.subarray(start, start + length);
  return NOTHING;
}
