// A SIP message: start line, header lines as they stood on the wire, body; with lazy views of what is routed on.
// All strings are latin1, one char per byte, so that nothing is lost; `text` and `wire` lead to UTF-8 and back.
import { Body } from './body.ts';
import type { HeaderLine } from './header-line.ts';
import { firstOfList, splitList } from './list.ts';
import { isList } from './names.ts';
import { parseUri, type SipUri } from './uri.ts';
import { type CSeq, type NameAddr, NO_ADDRESS, NO_CSEQ, NO_VIA, type Via } from './values.ts';

export { HeaderLine, headerLine } from './header-line.ts';
export { type Params, param } from './params.ts';
export { type CSeq, type NameAddr, NO_CSEQ, NO_VIA, type Via } from './values.ts';

export type CallId = string & { readonly __brand: 'CallId' };

abstract class Message {
  headers: HeaderLine[];
  /** The body as it is kept; `body` are its bytes. */
  content: Body;

  constructor(headers: HeaderLine[], body: Buffer | Body) {
    this.headers = headers;
    this.content = body instanceof Body ? body : Body.of(body);
  }

  get body(): Buffer {
    return this.content.bytes;
  }

  set body(bytes: Buffer) {
    this.content = Body.of(bytes);
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

  constructor(method: string, uri: string, headers: HeaderLine[], body: Buffer | Body) {
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
    const copy = new SipRequest(this.method, this.uri, this.headers.slice(), this.content);
    copy.#parsedFrom = this.#parsedFrom;
    copy.#parsed = this.#parsed;
    return copy;
  }
}

export class SipResponse extends Message {
  readonly kind = 'response';
  status: number;
  reason: string;

  constructor(status: number, reason: string, headers: HeaderLine[], body: Buffer | Body) {
    super(headers, body);
    this.status = status;
    this.reason = reason;
  }

  /** Own headers array, shared lines and body. */
  copy(): SipResponse {
    return new SipResponse(this.status, this.reason, this.headers.slice(), this.content);
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
  if (s.length > scratch.length) return Buffer.from(s, 'latin1').toString('latin1') as S;
  scratch.write(s, 'latin1');
  return scratch.toString('latin1', 0, s.length) as S;
}

const scratch = Buffer.alloc(512);

/** RFC 3261 §8.1.1.7: true for a branch that its maker says is unique. The bare cookie is none. */
export function hasMagicCookie(branch: string | undefined): branch is string {
  return branch !== undefined && branch.length > 7 && branch.slice(0, 7).toLowerCase() === 'z9hg4bk';
}
