// A SIP message: start line, header lines as they stood on the wire, body; with lazy views of what is routed on.
// All strings are latin1, one char per byte, so that nothing is lost; `text` and `wire` lead to UTF-8 and back.
import { decimal, isSpace, skipSpace, trimmed } from './chars.ts';
import { firstOfList, splitList, valueEnd } from './list.ts';
import { isList, keyOf } from './names.ts';
import type { Params } from './params.ts';
import { parseNameAddr, parseUri, type SipUri } from './uri.ts';
import { parseVia } from './via.ts';

export { type Params, param } from './params.ts';

export type CallId = string & { readonly __brand: 'CallId' };

export interface Via {
  /** Upper case. */
  readonly transport: string;
  /** The sent-by host as written, IPv6 with its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly branch: string | undefined;
  /** Without brackets. */
  readonly received: string | undefined;
  /** null: asked for, without a value. */
  readonly rport: number | null | undefined;
  readonly maddr: string | undefined;
  readonly params: Params;
  readonly raw: string;
}

/** From, To, Contact, Route, Refer-To ... */
export interface NameAddr {
  /** Without quotes and backslashes. */
  readonly display: string | undefined;
  readonly uri: string;
  readonly tag: string | undefined;
  readonly params: Params;
  readonly raw: string;
}

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

/** Stand for what is absent or malformed, so that the views never throw. `parse` lets no such message pass as good. */
export const NO_VIA: Via = {
  transport: '',
  host: '',
  port: undefined,
  branch: undefined,
  received: undefined,
  rport: undefined,
  maddr: undefined,
  params: [],
  raw: '',
};
export const NO_CSEQ: CSeq = { number: -1, method: '' };
const NO_ADDRESS: NameAddr = { display: undefined, uri: '', tag: undefined, params: [], raw: '' };

/** One header as it stood on the wire. Immutable, shared between copies; remembers what it was parsed to. */
export class HeaderLine {
  /** Lower case, long form: `via` for `v:`, `Via:`, `VIA :`. */
  readonly key: string;
  /** As on the wire, name and folding included, without the last CRLF: what serialize writes. */
  readonly raw: string;
  readonly #colon: number;
  #value: string | undefined;
  #via: Via | undefined;
  #address: NameAddr | undefined;
  #cseq: CSeq | undefined;

  constructor(key: string, raw: string, colon: number) {
    this.key = key;
    this.raw = raw;
    this.#colon = colon;
  }

  /** Index of the colon in `raw`. */
  get colon(): number {
    return this.#colon;
  }

  /** As on the wire. */
  get name(): string {
    return trimmed(this.raw, 0, this.#colon);
  }

  /** Unfolded and trimmed. */
  get value(): string {
    this.#value ??= unfolded(trimmed(this.raw, this.#colon + 1));
    return this.#value;
  }

  /** The first value as a Via. One whose parameters are malformed still says where an answer goes. */
  get via(): Via {
    this.#via ??= viaOf(trimmed(this.value, 0, valueEnd(this.value, 0)));
    return this.#via;
  }

  /** The value as a name-addr. A malformed one has an empty `uri`. */
  get address(): NameAddr {
    this.#address ??= parseNameAddr(this.value) ?? { ...NO_ADDRESS, raw: this.value };
    return this.#address;
  }

  get cseq(): CSeq {
    this.#cseq ??= cseqOf(this.value);
    return this.#cseq;
  }
}

/** A header line made by us. A line break in the value becomes a space: no value may open a header of its own. */
export function headerLine(name: string, value: string): HeaderLine {
  const safe = value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]+/g, ' ') : value;
  return new HeaderLine(keyOf(name), `${name}: ${safe}`, name.length);
}

function unfolded(value: string): string {
  return value.includes('\n') ? value.replace(/\r?\n[ \t]*/g, ' ') : value;
}

function viaOf(value: string): Via {
  const via = parseVia(value);
  if (via !== undefined) return via;
  const semicolon = value.indexOf(';');
  const bare = semicolon < 0 ? undefined : parseVia(trimmed(value, 0, semicolon));
  return bare === undefined ? NO_VIA : { ...bare, raw: value };
}

function cseqOf(value: string): CSeq {
  let end = 0;
  while (end < value.length && !isSpace(value.charCodeAt(end))) end++;
  const number = decimal(value, 0, end);
  const method = value.slice(skipSpace(value, end));
  // RFC 3261 §8.1.1.5: less than 2**31.
  return number === undefined || number > 0x7fffffff || method === '' ? NO_CSEQ : { number, method };
}

abstract class Message {
  headers: HeaderLine[];
  body: Buffer;

  constructor(headers: HeaderLine[], body: Buffer) {
    this.headers = headers;
    this.body = body;
  }

  /** The first line of that key. */
  line(key: string): HeaderLine | undefined {
    const headers = this.headers;
    for (let i = 0; i < headers.length; i++) {
      const line = headers[i];
      if (line !== undefined && line.key === key) return line;
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.line(key) !== undefined;
  }

  /** The value of the first line of that key; for list headers its first value. */
  first(key: string): string | undefined {
    const line = this.line(key);
    if (line === undefined) return undefined;
    return isList(key) ? (firstOfList(line.value) ?? this.all(key)[0]) : line.value;
  }

  /** Every value of that key in order; comma-separated values of list headers one by one, empty ones left out. */
  all(key: string): string[] {
    const values: string[] = [];
    const list = isList(key);
    for (const line of this.headers) {
      if (line.key !== key) continue;
      if (!list) values.push(line.value);
      else if (line.value.includes(',')) for (const value of splitList(line.value)) values.push(value);
      else if (line.value !== '') values.push(line.value);
    }
    return values;
  }

  /** The top Via. */
  get via(): Via {
    return this.line('via')?.via ?? NO_VIA;
  }

  get from(): NameAddr {
    return this.line('from')?.address ?? NO_ADDRESS;
  }

  get to(): NameAddr {
    return this.line('to')?.address ?? NO_ADDRESS;
  }

  get callId(): CallId {
    return (this.line('call-id')?.value ?? '') as CallId;
  }

  get cseq(): CSeq {
    return this.line('cseq')?.cseq ?? NO_CSEQ;
  }
}

export class SipRequest extends Message {
  readonly kind = 'request';
  method: string;
  /** The Request-URI as written. */
  uri: string;
  #parsedFrom: string | undefined;
  #parsed: SipUri | undefined;

  constructor(method: string, uri: string, headers: HeaderLine[], body: Buffer) {
    super(headers, body);
    this.method = method;
    this.uri = uri;
  }

  /** The Request-URI, parsed; undefined when it is no SIP URI or malformed. Follows changes of `uri`. */
  get requestUri(): SipUri | undefined {
    if (this.#parsedFrom !== this.uri) {
      this.#parsedFrom = this.uri;
      this.#parsed = parseUri(this.uri);
    }
    return this.#parsed;
  }

  /** Own headers array, shared lines and body. */
  copy(): SipRequest {
    return new SipRequest(this.method, this.uri, this.headers.slice(), this.body);
  }
}

export class SipResponse extends Message {
  readonly kind = 'response';
  status: number;
  reason: string;

  constructor(status: number, reason: string, headers: HeaderLine[], body: Buffer) {
    super(headers, body);
    this.status = status;
    this.reason = reason;
  }

  /** Own headers array, shared lines and body. */
  copy(): SipResponse {
    return new SipResponse(this.status, this.reason, this.headers.slice(), this.body);
  }
}

export type SipMessage = SipRequest | SipResponse;

/** Wire bytes as people read them: UTF-8 decoded. */
export function text(latin1: string): string {
  for (let i = 0; i < latin1.length; i++) {
    if (latin1.charCodeAt(i) > 0x7f) return Buffer.from(latin1, 'latin1').toString('utf8');
  }
  return latin1;
}

/** What people write, as wire bytes: UTF-8 encoded, one char per byte. */
export function wire(people: string): string {
  for (let i = 0; i < people.length; i++) {
    if (people.charCodeAt(i) > 0x7f) return Buffer.from(people, 'utf8').toString('latin1');
  }
  return people;
}

/** The same text without a tie to the datagram it was cut from: for what outlives the message by long. */
export function detached<S extends string>(s: S): S {
  return Buffer.from(s, 'latin1').toString('latin1') as S;
}

/** RFC 3261 §8.1.1.7: true for a branch that its maker says is unique. The bare cookie is none. */
export function hasMagicCookie(branch: string | undefined): branch is string {
  return branch !== undefined && branch.length > 7 && branch.slice(0, 7).toLowerCase() === 'z9hg4bk';
}
