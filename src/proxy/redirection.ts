// RFC 3261 §16.7 step 4: which Contacts of a 3xx the server tries itself, and what is left of the response.
import { askedContact, withoutHeaders } from '../registrar/contacts.ts';
import type { Target } from '../routing/router.ts';
import { detached, headerLine, type SipResponse } from '../sip/message.ts';

export interface Way {
  readonly target: Target;
  /** The Contact's URI that leads there. */
  readonly contact: string;
}

export interface Redirection {
  /** q descending; never empty. */
  readonly ways: readonly Way[];
  /** The response with the Contacts that somebody else may try; undefined: there are none. */
  readonly rest: SipResponse | undefined;
}

export interface RedirectionRules {
  /** Where a URI leads, by the rules for any request; empty: nowhere that we relay to. */
  readonly lead: (uri: string) => readonly Target[];
  /** Is this place in the target set already? */
  readonly knows: (target: Target) => boolean;
  /** Places there is room for. */
  readonly room: number;
}

/** Contacts of one response that are tried. */
const MOST_CONTACTS = 10;

/** undefined: nothing of it is followed; the response is one like any other. */
export function redirection(response: SipResponse, rules: RedirectionRules): Redirection | undefined {
  // "Use Proxy" and "Alternative Service" ask the caller for more than another target (§21.3.4, §21.3.5).
  if (response.status === 305 || response.status === 380) return undefined;
  const expires = response.first('expires')?.trim();
  const header = expires !== undefined && /^\d{1,10}$/.test(expires) ? Number(expires) : undefined;
  const ways: Way[] = [];
  const left: string[] = [];
  const contacts = response.all('contact').map((value) => ({ value, asked: askedContact(value, header) }));
  contacts.sort((a, b) => qOf(b.asked) - qOf(a.asked));
  let tried = 0;
  for (const { value, asked } of contacts) {
    if (typeof asked === 'string') continue;
    if (asked.seconds === 0) continue;
    const contact = detached(withoutHeaders(asked.uri));
    const targets = tried < MOST_CONTACTS ? rules.lead(contact) : [];
    if (targets.length === 0) left.push(value);
    else tried++;
    for (const target of targets) {
      if (ways.length >= rules.room || rules.knows(target)) continue;
      if (ways.some((way) => isSamePlace(way.target, target))) continue;
      ways.push({ target: { ...target, q: (asked.q * target.q) / 1000 }, contact });
    }
  }
  if (ways.length === 0) return undefined;
  ways.sort((a, b) => b.target.q - a.target.q);
  return { ways, rest: left.length === 0 ? undefined : withContacts(response, left) };
}

/** §16.5: a target set has no duplicates. */
export function isSamePlace(a: Target, b: Target): boolean {
  if (a.uri !== b.uri) return false;
  return a.hop?.address === b.hop?.address && a.hop?.port === b.hop?.port;
}

function qOf(asked: ReturnType<typeof askedContact>): number {
  return typeof asked === 'string' ? 0 : asked.q;
}

function withContacts(response: SipResponse, values: readonly string[]): SipResponse {
  const rest = response.copy();
  rest.headers = [
    ...rest.headers.filter(({ key }) => key !== 'contact'),
    ...values.map((value) => headerLine('Contact', value)),
  ];
  return rest;
}
