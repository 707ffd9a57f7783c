// Final responses that no transaction remembers (RFC 3261 §26.3.2.4): refusing strangers must cost next to nothing.
import type { KeyedHash } from '../routing/keyed-hash.ts';
import type { HeaderLine, SipRequest } from '../sip/message.ts';
import { makeResponse } from '../sip/reply.ts';
import { serialize } from '../sip/serialize.ts';

const PREFIX = 'cc0.';

export class Refusals {
  readonly #hash: KeyedHash;

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  response(request: SipRequest, status: number, phrase: string, headers: readonly HeaderLine[] = []): Buffer {
    const more = { toTag: this.#tag(request), headers: [...headers] };
    return serialize(makeResponse(request, status, phrase, more));
  }

  /** Is this ACK for one of them? It carries the tag that the response had. */
  absorbs(ack: SipRequest): boolean {
    const { tag } = ack.to;
    return tag?.startsWith(PREFIX) === true && tag === this.#tag(ack);
  }

  #tag(request: SipRequest): string {
    return `${PREFIX}${this.#hash(`${request.callId}\0${request.from.tag ?? ''}`)}`;
  }
}
