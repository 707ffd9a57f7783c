// Recognises that one SIP message is another one forwarded, by what a proxy leaves as it was: RFC 3261 §16.6, §16.7.
import { sipHead } from './sip-head.ts';

/** `whole` of a request's cause is the `inner` of its forwarded copy; with a response it is the other way round. */
export interface RelayKeys {
  readonly isRequest: boolean;
  /** The message with all its Vias. */
  readonly whole: string;
  /** The message without its topmost Via; undefined: it has only one. */
  readonly inner: string | undefined;
}

/** undefined: not enough stands there to recognise it. */
export function relayKeys(bytes: Buffer): RelayKeys | undefined {
  const head = sipHead(bytes);
  if (head.callId === '' || head.vias.length === 0) return undefined;
  // forked responses differ in nothing but the To tag
  const message = `${head.method ?? head.status}\n${head.callId}\n${head.cseq}\n${head.method === undefined ? head.toTag : ''}`;
  const keys = head.vias.map((via) => via.key);
  return {
    isRequest: head.method !== undefined,
    whole: `${message}\n${keys.join('\n')}`,
    inner: keys.length < 2 ? undefined : `${message}\n${keys.slice(1).join('\n')}`,
  };
}

/** Finds the message that a forwarded one came from. */
export function causeOf<T>(
  keys: RelayKeys,
  byWhole: ReadonlyMap<string, T>,
  byInner: ReadonlyMap<string, T>,
): T | undefined {
  if (!keys.isRequest) return byInner.get(keys.whole);
  return keys.inner === undefined ? undefined : byWhole.get(keys.inner);
}

/** Finds the forwarded copy of a message. */
export function effectOf<T>(
  keys: RelayKeys,
  byWhole: ReadonlyMap<string, T>,
  byInner: ReadonlyMap<string, T>,
): T | undefined {
  if (keys.isRequest) return byInner.get(keys.whole);
  return keys.inner === undefined ? undefined : byWhole.get(keys.inner);
}
