// SIP URIs and the name-addrs that carry them: parsing, comparison, and the address of record.
import { closingQuote, escapedAllOf, is, isSpace, skipSpace, trimmed, URI, USER } from './chars.ts';
import { canonicalHost, hostEnd, portOf } from './host.ts';
import { MAX_PARAMS, NO_PARAMS, ParamCursor, type Params, param, parseParams } from './params.ts';
import type { NameAddr } from './values.ts';

export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** As written, without the password. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Lower case; IPv6 canonical, without brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** Names in lower case, values as written. */
  readonly params: Params;
  /** What follows `?`, as written. */
  readonly headers: string | undefined;
}

export type Aor = string & { readonly __brand: 'Aor' };

/** The scheme in lower case, or undefined when s[from, to) has none. */
export function schemeOf(s: string, from = 0, to = s.length): string | undefined {
  if (s.startsWith('sip:', from) && from + 4 <= to) return 'sip';
  const first = s.charCodeAt(from) | 0x20;
  if (from >= to || first < 0x61 || first > 0x7a) return undefined;
  for (let i = from + 1; i < to && i < from + 64; i++) {
    const code = s.charCodeAt(i);
    if (code === 0x3a) return s.slice(from, i).toLowerCase();
    const letter = code | 0x20;
    if (
      (letter < 0x61 || letter > 0x7a) &&
      (code < 0x30 || code > 0x39) &&
      code !== 0x2b &&
      code !== 0x2d &&
      code !== 0x2e
    )
      return undefined;
  }
  return undefined;
}

/** URIs that were parsed of late: a request's own are asked for again and again while it is checked and routed. */
const recent: { text: string; uri: SipUri | undefined }[] = Array.from({ length: 32 }, () => ({
  text: '',
  uri: undefined,
}));

/** Longer ones are not worth comparing with. */
const MAX_REMEMBERED = 256;

/** RFC 3261 §19.1.1. undefined: another scheme, or malformed. */
export function parseUri(s: string): SipUri | undefined {
  const { length } = s;
  if (length === 0 || length > MAX_REMEMBERED) return readUri(s);
  // Names differ at their ends, numbers in their last digits.
  const slot =
    3 * s.charCodeAt(length - 1) + 5 * s.charCodeAt(length >> 1) + s.charCodeAt(length >> 2) + length;
  const one = recent[slot & 31];
  if (one === undefined) return readUri(s);
  if (one.text !== s) {
    one.uri = readUri(s);
    one.text = s;
  }
  return one.uri;
}

function readUri(s: string): SipUri | undefined {
  const scheme = schemeOf(s);
  if (scheme !== 'sip' && scheme !== 'sips') return undefined;
  const start = scheme.length + 1;
  let user: string | undefined;
  let password: string | undefined;
  let hostStart = start;
  const at = s.indexOf('@', start);
  if (at >= 0) {
    const colon = s.indexOf(':', start);
    const userEnd = colon >= 0 && colon < at ? colon : at;
    if (userEnd === start || !escapedAllOf(USER, s, start, userEnd)) return undefined;
    user = s.slice(start, userEnd);
    if (userEnd < at) {
      if (!escapedAllOf(USER, s, userEnd + 1, at)) return undefined;
      password = s.slice(userEnd + 1, at);
    }
    hostStart = at + 1;
  }
  let i = hostEnd(s, hostStart);
  if (i < 0) return undefined;
  const host = canonicalHost(s.slice(hostStart, i));
  let port: number | undefined;
  if (i < s.length && s.charCodeAt(i) === 0x3a) {
    const from = ++i;
    while (i < s.length && s.charCodeAt(i) !== 0x3b && s.charCodeAt(i) !== 0x3f) i++;
    port = portOf(s, from, i);
    if (port === undefined) return undefined;
  }
  if (i === s.length) return { scheme, user, password, host, port, params: NO_PARAMS, headers: undefined };
  const question = s.indexOf('?', i);
  const paramsEnd = question < 0 ? s.length : question;
  if (!escapedAllOf(URI, s, i, s.length)) return undefined;
  const params = i < paramsEnd ? uriParams(s, i, paramsEnd) : NO_PARAMS;
  if (params === undefined) return undefined;
  return {
    scheme,
    user,
    password,
    host,
    port,
    params,
    headers: question < 0 ? undefined : s.slice(question + 1),
  };
}

const LOOSE: Params = [['lr', undefined]];

function uriParams(s: string, from: number, to: number): Params | undefined {
  if (s.charCodeAt(from) !== 0x3b) return undefined;
  // Most have this one alone.
  if (to - from === 3 && s.startsWith(';lr', from)) return LOOSE;
  const params: [string, string | undefined][] = [];
  for (let i = from + 1; i <= to; ) {
    if (params.length >= MAX_PARAMS) return undefined;
    let end = s.indexOf(';', i);
    if (end < 0 || end > to) end = to;
    const equals = s.indexOf('=', i);
    // Deviation: `;;` and a trailing `;` are skipped; phones register such Contacts and get them back as Request-URI.
    if (equals >= i && equals < end) {
      if (equals === i) return undefined;
      params.push([unescaped(s.slice(i, equals)).toLowerCase(), s.slice(equals + 1, end)]);
    } else if (end > i) params.push([unescaped(s.slice(i, end)).toLowerCase(), undefined]);
    i = end + 1;
  }
  return params;
}

/** Every `%HH` as its byte. */
export function unescaped(s: string): string {
  if (!s.includes('%')) return s;
  return s.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

// RFC 3261 §19.1.4: escapes of reserved characters differ from the characters; all others are the same.
function comparable(s: string | undefined): string | undefined {
  if (s === undefined || !s.includes('%')) return s;
  return s.replace(/%([0-9a-fA-F]{2})/g, (written, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return ';/?:@&=+$,%'.includes(char) ? written.toUpperCase() : char;
  });
}

const matter: ReadonlySet<string> = new Set(['user', 'ttl', 'method', 'maddr', 'transport']);

/** RFC 3261 §19.1.4. */
export function sameUri(a: SipUri, b: SipUri): boolean {
  return (
    a.scheme === b.scheme &&
    a.host === b.host &&
    a.port === b.port &&
    comparable(a.user) === comparable(b.user) &&
    comparable(a.password) === comparable(b.password) &&
    paramsAgree(a.params, b.params) &&
    paramsAgree(b.params, a.params) &&
    sameHeaders(a.headers, b.headers)
  );
}

function paramsAgree(a: Params, b: Params): boolean {
  for (const [name, value] of a) {
    const other = param(b, name);
    if (other === undefined) {
      if (matter.has(name)) return false;
    } else if (comparable(value)?.toLowerCase() !== comparable(other ?? undefined)?.toLowerCase())
      return false;
  }
  return true;
}

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return sortedHeaders(a) === sortedHeaders(b);
}

function sortedHeaders(headers: string): string {
  return headers
    .split('&')
    .map((header) => {
      const equals = header.indexOf('=');
      const name = comparable(equals < 0 ? header : header.slice(0, equals)) ?? '';
      return `${name.toLowerCase()}=${equals < 0 ? '' : comparable(header.slice(equals + 1))}`;
    })
    .sort()
    .join('&');
}

/** `sip:` + unescaped user + `@` + host, without port and parameters; `sips:` leads to the same address. */
export function aorOf(uri: SipUri): Aor {
  const host = uri.host.includes(':') ? `[${uri.host}]` : uri.host;
  return (uri.user === undefined ? `sip:${host}` : `sip:${unescaped(uri.user)}@${host}`) as Aor;
}

/** The tag stands there; the rest is cut out of the text when somebody asks. */
class NameAddrValue implements NameAddr {
  readonly tag: string | undefined;
  readonly #text: string;
  readonly #from: number;
  readonly #to: number;
  readonly #uriFrom: number;
  readonly #uriTo: number;
  readonly #paramsFrom: number;
  #uri: string | undefined;

  constructor(
    tag: string | undefined,
    text: string,
    from: number,
    to: number,
    uriFrom: number,
    uriTo: number,
    paramsFrom: number,
  ) {
    this.tag = tag;
    this.#text = text;
    this.#from = from;
    this.#to = to;
    this.#uriFrom = uriFrom;
    this.#uriTo = uriTo;
    this.#paramsFrom = paramsFrom;
  }

  get uri(): string {
    this.#uri ??= this.#text.slice(this.#uriFrom, this.#uriTo);
    return this.#uri;
  }

  get display(): string | undefined {
    const start = skipSpace(this.#text, this.#from, this.#to);
    // What stands before a URI without brackets is nothing.
    if (start >= this.#uriFrom - 1) return undefined;
    if (this.#text.charCodeAt(start) !== 0x22) return trimmed(this.#text, start, this.#uriFrom - 1);
    const quoted = this.#text.slice(start + 1, closingQuote(this.#text, start, this.#to));
    return quoted.includes('\\') ? quoted.replace(/\\([\s\S])/g, '$1') : quoted;
  }

  get params(): Params {
    return parseParams(this.#text, this.#paramsFrom, this.#to) ?? NO_PARAMS;
  }

  get raw(): string {
    return this.#text.slice(this.#from, this.#to);
  }
}

/** RFC 3261 §20.10: `[display] <uri>;params` or `uri;params`. undefined: malformed. The URI itself is not parsed. */
export function parseNameAddr(s: string): NameAddr | undefined {
  return readNameAddr(s, 0, s.length);
}

/** The same of s[from, to). */
export function readNameAddr(s: string, from: number, to: number): NameAddr | undefined {
  const start = skipSpace(s, from, to);
  const open = openBracket(s, start, to);
  if (open === MALFORMED) return undefined;
  const uriFrom = open < 0 ? start : open + 1;
  let uriTo = uriFrom;
  let paramsFrom: number;
  if (open >= 0) {
    while (uriTo < to && is(URI, s.charCodeAt(uriTo))) uriTo++;
    if (uriTo >= to || s.charCodeAt(uriTo) !== 0x3e) return undefined;
    paramsFrom = uriTo + 1;
  } else {
    for (; uriTo < to; uriTo++) {
      const code = s.charCodeAt(uriTo);
      if (code === 0x3b || isSpace(code)) break;
      // RFC 3261 §20: a URI with a comma or question mark must stand in angle brackets.
      if (code === 0x3f || code === 0x2c || !is(URI, code)) return undefined;
    }
    paramsFrom = uriTo;
  }
  if (schemeOf(s, uriFrom, uriTo) === undefined) return undefined;
  let tag: string | undefined;
  let tagged = false;
  let left = MAX_PARAMS;
  for (let i = skipSpace(s, paramsFrom, to); i < to; ) {
    if (left-- <= 0) return undefined;
    i = cursor.read(s, i, to);
    if (i < 0) return undefined;
    if (tagged || !cursor.named(s, 'tag')) continue;
    tag = cursor.valueIn(s);
    tagged = true;
  }
  return new NameAddrValue(tag, s, from, to, uriFrom, uriTo, paramsFrom);
}

const cursor = new ParamCursor();
const NONE = -1;
const MALFORMED = -2;

/** Where the `<` stands, behind a display name or none. */
function openBracket(s: string, start: number, to: number): number {
  if (start < to && s.charCodeAt(start) === 0x22) {
    const close = closingQuote(s, start, to);
    const open = close < 0 ? to : skipSpace(s, close + 1, to);
    return open < to && s.charCodeAt(open) === 0x3c ? open : MALFORMED;
  }
  let ends = false;
  for (let i = start; i < to; i++) {
    const code = s.charCodeAt(i);
    // Deviation: unquoted display names may hold what no token may (UTF-8, dots), but nothing that ends a value.
    if (code === 0x3c) return ends ? MALFORMED : i;
    if (code === 0x22 || code === 0x2c || code === 0x3b || code === 0x3e) ends = true;
  }
  return NONE;
}
