// One Via value, RFC 3261 §20.42: who sent a message hop by hop, and where its answer goes.
import { decimal, is, skipSpace, TOKEN } from './chars.ts';
import { hostEnd, portOf } from './host.ts';
import { MAX_PARAMS, NO_PARAMS, ParamCursor, type Params, parseParams } from './params.ts';
import type { Via } from './values.ts';

/** What is asked of every Via stands there; the rest is read from the text when somebody asks. */
class ViaValue implements Via {
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
  branch: string | undefined = undefined;
  received: string | undefined = undefined;
  rport: number | null | undefined = undefined;
  maddr: string | undefined = undefined;
  readonly #text: string;
  readonly #from: number;
  readonly #to: number;
  readonly #paramsFrom: number;

  constructor(
    transport: string,
    host: string,
    port: number | undefined,
    text: string,
    from: number,
    to: number,
    paramsFrom: number,
  ) {
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.#text = text;
    this.#from = from;
    this.#to = to;
    this.#paramsFrom = paramsFrom;
  }

  get params(): Params {
    return parseParams(this.#text, this.#paramsFrom, this.#to) ?? NO_PARAMS;
  }

  get raw(): string {
    return this.#text.slice(this.#from, this.#to);
  }
}

const cursor = new ParamCursor();

/** undefined: malformed. Any protocol version is accepted, so that it can be answered. */
export function parseVia(s: string): Via | undefined {
  return readVia(s, 0, s.length);
}

/** One whose parameters are malformed: the host still says where an answer goes. */
export function parseBareVia(s: string): Via | undefined {
  const semicolon = s.indexOf(';');
  return semicolon < 0 ? undefined : readVia(s, 0, semicolon, s.length);
}

/** The same of s[from, to). `rawTo`: where its text ends, when that is not where reading ends. */
export function readVia(s: string, from: number, to: number, rawTo = to): Via | undefined {
  let i: number;
  if (s.startsWith('SIP/2.0/', from) && from + 8 < to) i = from + 8;
  else {
    const name = tokenEnd(s, from, to);
    const first = skipSpace(s, name, to);
    const version = skipSpace(s, first + 1, to);
    const versionEnd = tokenEnd(s, version, to);
    const second = skipSpace(s, versionEnd, to);
    if (name === from || versionEnd === version || second >= to) return undefined;
    if (s.charCodeAt(first) !== 0x2f || s.charCodeAt(second) !== 0x2f) return undefined;
    i = skipSpace(s, second + 1, to);
  }
  const transportEnd = tokenEnd(s, i, to);
  const hostStart = skipSpace(s, transportEnd, to);
  if (transportEnd === i || hostStart === transportEnd) return undefined;
  const transport = isUdp(s, i, transportEnd) ? 'UDP' : s.slice(i, transportEnd).toUpperCase();
  const hostTo = hostEnd(s, hostStart, to);
  if (hostTo < 0) return undefined;
  i = skipSpace(s, hostTo, to);
  let port: number | undefined;
  if (i < to && s.charCodeAt(i) === 0x3a) {
    const start = skipSpace(s, i + 1, to);
    i = start;
    while (i < to && s.charCodeAt(i) >= 0x30 && s.charCodeAt(i) <= 0x39) i++;
    port = portOf(s, start, i);
    if (port === undefined) return undefined;
  }
  const paramsFrom = rawTo === to ? i : rawTo;
  const via = new ViaValue(transport, s.slice(hostStart, hostTo), port, s, from, rawTo, paramsFrom);
  return readParams(via, s, i, to) ? via : undefined;
}

function readParams(via: ViaValue, s: string, from: number, to: number): boolean {
  let left = MAX_PARAMS;
  for (let i = skipSpace(s, from, to); i < to; ) {
    if (left-- <= 0) return false;
    i = cursor.read(s, i, to);
    if (i < 0) return false;
    if (cursor.named(s, 'branch')) via.branch ??= cursor.valueIn(s);
    else if (cursor.named(s, 'maddr')) via.maddr ??= cursor.valueIn(s);
    else if (cursor.named(s, 'received')) via.received ??= unbracketed(cursor.valueIn(s));
    else if (cursor.named(s, 'rport')) {
      const number = cursor.valueFrom < 0 ? null : decimal(s, cursor.valueFrom, cursor.valueTo);
      if (number === undefined || (number ?? 0) > 65535) return false;
      via.rport ??= number;
    }
  }
  return true;
}

/** RFC 5118 §4.5: some write brackets in `received`, the grammar has none. */
function unbracketed(value: string | undefined): string | undefined {
  return value?.startsWith('[') ? value.slice(1, -1) : value;
}

function isUdp(s: string, from: number, to: number): boolean {
  return (
    to - from === 3 &&
    s.charCodeAt(from) === 0x55 &&
    s.charCodeAt(from + 1) === 0x44 &&
    s.charCodeAt(from + 2) === 0x50
  );
}

function tokenEnd(s: string, from: number, to: number): number {
  let i = from;
  while (i < to && is(TOKEN, s.charCodeAt(i))) i++;
  return i;
}

/** The view of `via` once the transport has written what it saw into its text, now text[from, to). */
export function stampedVia(
  via: Via,
  text: string,
  from: number,
  to: number,
  host: string,
  port: number,
): Via {
  const semicolon = text.indexOf(';', from);
  const stamped = new ViaValue(via.transport, via.host, via.port, text, from, to, semicolon);
  stamped.branch = via.branch;
  stamped.maddr = via.maddr;
  stamped.received = host;
  if (via.rport !== undefined) stamped.rport = port;
  return stamped;
}
