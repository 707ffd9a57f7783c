// What a REGISTER asks for each Contact: URI, q, seconds, instance; or why it cannot be understood.
import { closingQuote, trimmed } from '../sip/chars.ts';
import { detached, param, type SipRequest } from '../sip/message.ts';
import { parseNameAddr, parseUri, type SipUri, schemeOf } from '../sip/uri.ts';
import { addressKey } from './binding.ts';

export interface AskedContact {
  /** Value as given, in angle brackets, without `expires`. */
  readonly text: string;
  /** URI as given, with `?headers`. */
  readonly uri: string;
  /** undefined: another scheme than sip and sips (RFC 3261 §10.2.1 allows any). */
  readonly sip: SipUri | undefined;
  /** Thousandths. */
  readonly q: number;
  /** Seconds asked for; undefined: the choice is ours. */
  readonly seconds: number | undefined;
  /** `+sip.instance` as written, quotes included (RFC 5626 §4.1). */
  readonly instance: string | undefined;
  readonly regId: string | undefined;
}

export type Asked =
  | { readonly kind: 'query' }
  | { readonly kind: 'remove-all' }
  | { readonly kind: 'contacts'; readonly contacts: readonly AskedContact[] }
  | { readonly kind: 'bad'; readonly why: string };

/** RFC 3261 §10.2 and §20.19: what malformed times count as. */
const MALFORMED_SECONDS = 3600;
const MOST_SECONDS = 0xffff_ffff;
const DEFAULT_PORT = 5060;

/** RFC 3261 §10.3 step 6 and the syntax of step 7. */
export function askedContacts(request: SipRequest): Asked {
  const expires = request.first('expires');
  const header = expires === undefined ? undefined : seconds(expires);
  if (!request.has('contact')) return { kind: 'query' };
  const values = request.all('contact');
  if (values.some((value) => value === '*')) {
    if (values.length > 1) return bad('Contact * With Other Contacts');
    return header === 0 ? { kind: 'remove-all' } : bad('Contact * Needs Expires 0');
  }
  const contacts: AskedContact[] = [];
  for (const value of values) {
    const contact = askedContact(value, header);
    if (typeof contact === 'string') return bad(contact);
    contacts.push(contact);
  }
  return contacts.length === 0 ? bad('Empty Contact') : { kind: 'contacts', contacts };
}

/** One Contact value; `header` is the Expires header. A string says what is wrong with it. */
export function askedContact(value: string, header: number | undefined): AskedContact | string {
  const address = parseNameAddr(value);
  if (address === undefined) return 'Malformed Contact';
  const { uri, params } = address;
  const scheme = schemeOf(uri);
  const sip = parseUri(uri);
  if (sip === undefined && (scheme === 'sip' || scheme === 'sips')) return 'Malformed Contact URI';
  const q = qvalue(param(params, 'q'));
  if (q === undefined) return 'Malformed q In Contact';
  const expires = param(params, 'expires');
  const instance = param(params, '+sip.instance') || undefined;
  return {
    text: withoutExpires(value, uri),
    uri,
    sip,
    q,
    seconds: expires === undefined ? header : seconds(expires ?? ''),
    instance,
    regId: instance && (param(params, 'reg-id') || undefined),
  };
}

/** What a binding holds of its Contact: pieces of one text that is not tied to the datagram it came in. */
export function contactFields({ text, uri, sip, q, instance, regId }: AskedContact) {
  const contact = detached(text);
  const within = (piece: string): string => {
    const at = contact.indexOf(piece);
    return at === -1 ? detached(piece) : contact.slice(at, at + piece.length);
  };
  return {
    contact,
    uri: within(withoutHeaders(uri)),
    q,
    instance: instance && within(instance),
    regId: regId && within(regId),
    address: sip && addressKey(sip.host, sip.port ?? DEFAULT_PORT),
  };
}

/** A Request-URI may not hold headers (§19.1.1); what a Contact asks to add to its requests is not added. */
export function withoutHeaders(uri: string): string {
  const question = uri.indexOf('?', uri.indexOf('@') + 1);
  return question === -1 ? uri : uri.slice(0, question);
}

function bad(why: string): Asked {
  return { kind: 'bad', why };
}

function seconds(text: string): number {
  return /^\d+$/.test(text) ? Math.min(Number(text), MOST_SECONDS) : MALFORMED_SECONDS;
}

/** RFC 3261 §25.1 qvalue, in thousandths; 1000 when absent, undefined when malformed. */
function qvalue(text: string | null | undefined): number | undefined {
  if (text === undefined) return 1000;
  return text !== null && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text)
    ? Math.round(Number(text) * 1000)
    : undefined;
}

/** The URI of a Contact value in angle brackets. */
export function uriOf(contact: string): string {
  const open = openingBracket(contact);
  return contact.slice(open + 1, contact.indexOf('>', open));
}

/** Where the `<` before the URI stands, past a quoted display name; -1: none. */
function openingBracket(value: string): number {
  return value.indexOf('<', value.startsWith('"') ? closingQuote(value, 0) : 0);
}

function withoutExpires(value: string, uri: string): string {
  const semicolon = value.indexOf(';');
  const open = openingBracket(value);
  const isBare = open === -1 || (semicolon !== -1 && semicolon < open && !value.startsWith('"'));
  const end = isBare ? (semicolon === -1 ? value.length : semicolon) : value.indexOf('>', open) + 1;
  return (isBare ? `<${uri}>` : value.slice(0, end)) + keptParams(value, end);
}

/** The parameters from `start` on as they are written, `expires` left out. */
function keptParams(value: string, start: number): string {
  let kept = '';
  for (let from = value.indexOf(';', start); from >= 0 && from < value.length; ) {
    let to = from + 1;
    while (to < value.length && value[to] !== ';')
      to = value[to] === '"' ? closingQuote(value, to) + 1 : to + 1;
    const one = value.slice(from, to);
    if (!/^;\s*expires\s*(=|$)/i.test(one)) kept += one;
    from = to;
  }
  return trimmed(kept);
}
