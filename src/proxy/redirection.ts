// RFC 3261 §16.7 step 4: which Contacts of a 3xx the server tries itself, and what is left of the response.
import { askedContact, withoutHeaders } from '../registrar/contacts.ts';
import type { Target } from '../routing/router.ts';
import { detached, headerLine, type SipResponse } from '../sip/message.ts';

export interface Redirection {
  /** q descending; never empty. */
  readonly targets: readonly Target[];
  /** The Contacts that lead there. */
  readonly contacts: readonly string[];
  /** The response with the Contacts that the caller may try; undefined: there are none. */
  readonly rest: SipResponse | undefined;
}

export interface RedirectionRules {
  /** Where a URI leads, by the rules for any request; empty: nowhere that we relay to. */
  readonly lead: (uri: string) => readonly Target[];
  /** The target set as it is. */
  readonly known: readonly Target[];
  /** Targets there is room for. */
  readonly room: number;
  /** How many 3xx led here, this one among them. */
  readonly depth: number;
}

/** Contacts of one response that are tried. */
const MOST_CONTACTS = 10;

/** undefined: nothing of it is followed; the response is one like any other. */
export function redirection(response: SipResponse, rules: RedirectionRules): Redirection | undefined {
  // "Use Proxy" and "Alternative Service" ask the caller for more than another target (§21.3.4, §21.3.5).
  if (response.status === 305 || response.status === 380) return undefined;
  const targets: Target[] = [];
  const contacts = new Set<string>();
  const left: string[] = [];
  let tried = 0;
  for (const { value, uri, q } of offered(response)) {
    const contact = detached(withoutHeaders(uri));
    const led = tried < MOST_CONTACTS ? rules.lead(contact) : [];
    if (led.length === 0) left.push(value);
    else tried++;
    for (const target of led) {
      const isKnown = [...rules.known, ...targets].some((one) => isSamePlace(one, target));
      if (isKnown || targets.length >= rules.room) continue;
      targets.push({ ...target, q: (q * target.q) / 1000, redirect: { contact, depth: rules.depth } });
      contacts.add(contact);
    }
  }
  if (targets.length === 0) return undefined;
  targets.sort((a, b) => b.q - a.q);
  const rest = left.length === 0 ? undefined : withContacts(response, left);
  return { targets, contacts: [...contacts], rest };
}

/** Its Contacts, q descending, without those that are malformed or have expired (§21.3.3). */
function offered(response: SipResponse) {
  const expires = response.first('expires')?.trim();
  const header = expires !== undefined && /^\d{1,10}$/.test(expires) ? Number(expires) : undefined;
  return response
    .all('contact')
    .flatMap((value) => {
      const asked = askedContact(value, header);
      return typeof asked === 'string' || asked.seconds === 0 ? [] : [{ value, ...asked }];
    })
    .sort((a, b) => b.q - a.q);
}

/** §16.5: a target set has no duplicates. */
function isSamePlace(a: Target, b: Target): boolean {
  return a.uri === b.uri && a.hop?.address === b.hop?.address && a.hop?.port === b.hop?.port;
}

function withContacts(response: SipResponse, values: readonly string[]): SipResponse {
  const rest = response.copy();
  rest.headers = [
    ...rest.headers.filter(({ key }) => key !== 'contact'),
    ...values.map((value) => headerLine('Contact', value)),
  ];
  return rest;
}
