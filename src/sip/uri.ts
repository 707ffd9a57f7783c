// SIP URIs and the name-addrs that carry them: parsing, comparison, and the address of record.
import { closingQuote, escapedAllOf, is, isSpace, skipSpace, trimmed, URI, USER } from './chars.ts';
import { canonicalHost, hostEnd, portOf } from './host.ts';
import type { NameAddr } from './message.ts';
import { MAX_PARAMS, NO_PARAMS, type Params, param, parseParams } from './params.ts';

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

/** The scheme in lower case, or undefined when the text has none. */
export function schemeOf(s: string): string | undefined {
  if (s.startsWith('sip:')) return 'sip';
  const first = s.charCodeAt(0) | 0x20;
  if (first < 0x61 || first > 0x7a) return undefined;
  for (let i = 1; i < s.length && i < 64; i++) {
    const code = s.charCodeAt(i);
    if (code === 0x3a) return s.slice(0, i).toLowerCase();
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

/** RFC 3261 §19.1.1. undefined: another scheme, or malformed. */
export function parseUri(s: string): SipUri | undefined {
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
  if (s.charCodeAt(i) === 0x3a) {
    const from = ++i;
    while (i < s.length && s.charCodeAt(i) !== 0x3b && s.charCodeAt(i) !== 0x3f) i++;
    port = portOf(s, from, i);
    if (port === undefined) return undefined;
  }
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

function uriParams(s: string, from: number, to: number): Params | undefined {
  if (s.charCodeAt(from) !== 0x3b) return undefined;
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

/** RFC 3261 §20.10: `[display] <uri>;params` or `uri;params`. undefined: malformed. The URI itself is not parsed. */
export function parseNameAddr(s: string): NameAddr | undefined {
  let i = skipSpace(s, 0);
  let display: string | undefined;
  let open: number;
  if (s.charCodeAt(i) === 0x22) {
    const close = closingQuote(s, i);
    if (close < 0) return undefined;
    display = s.slice(i + 1, close);
    if (display.includes('\\')) display = display.replace(/\\([\s\S])/g, '$1');
    open = skipSpace(s, close + 1);
    if (s.charCodeAt(open) !== 0x3c) return undefined;
  } else {
    open = s.indexOf('<', i);
    if (open > i) {
      display = trimmed(s, i, open);
      // Deviation: unquoted display names may hold what no token may (UTF-8, dots), but nothing that ends a value.
      if (/[",;>]/.test(display)) return undefined;
    }
  }
  let uri: string;
  if (open >= 0) {
    const close = s.indexOf('>', open);
    if (close < 0) return undefined;
    uri = s.slice(open + 1, close);
    i = close + 1;
  } else {
    const start = i;
    while (i < s.length && s.charCodeAt(i) !== 0x3b && !isSpace(s.charCodeAt(i))) i++;
    uri = s.slice(start, i);
    // RFC 3261 §20: a URI with a comma or question mark must stand in angle brackets.
    if (uri.includes('?') || uri.includes(',')) return undefined;
  }
  if (schemeOf(uri) === undefined) return undefined;
  for (let k = 0; k < uri.length; k++) if (!is(URI, uri.charCodeAt(k))) return undefined;
  const params = parseParams(s, i);
  if (params === undefined) return undefined;
  return { display, uri, tag: param(params, 'tag') ?? undefined, params, raw: s };
}
