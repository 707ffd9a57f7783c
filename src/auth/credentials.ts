// Digest credentials as they stand in Authorization and Proxy-Authorization: RFC 3261 §20.7, RFC 8760 §2.
import { closingQuote, skipSpace } from '../sip/chars.ts';

export interface Credentials {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** Lower-case hex. */
  readonly response: string;
  /** As written; MD5 when absent. */
  readonly algorithm: string;
  readonly qop: string | undefined;
  readonly cnonce: string | undefined;
  /** Eight hex digits, as written. */
  readonly nc: string | undefined;
}

/** undefined: another scheme, or something is missing or malformed. Never throws. */
export function parseCredentials(value: string): Credentials | undefined {
  if (!/^digest\s/i.test(value) || value.length > 4096) return undefined;
  const fields = fieldsOf(value, 6);
  const [username, realm, nonce, uri, response] = ['username', 'realm', 'nonce', 'uri', 'response'].map((n) =>
    fields?.get(n),
  );
  if (fields === undefined || username === undefined || realm === undefined) return undefined;
  if (nonce === undefined || uri === undefined || !response || !/^[0-9a-f]{32,128}$/i.test(response))
    return undefined;
  const nc = fields.get('nc');
  if (nc !== undefined && !/^[0-9a-f]{8}$/i.test(nc)) return undefined;
  return {
    username,
    realm,
    nonce,
    uri,
    response: response.toLowerCase(),
    algorithm: fields.get('algorithm') ?? 'MD5',
    qop: fields.get('qop'),
    cnonce: fields.get('cnonce'),
    nc,
  };
}

/** `name=token` and `name="quoted"`, by commas. The first of a name counts: a second is refused. */
function fieldsOf(text: string, from: number): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  let at = skipSpace(text, from);
  while (at < text.length) {
    const equals = text.indexOf('=', at);
    if (equals < 0) return undefined;
    const name = text.slice(at, equals).trim().toLowerCase();
    at = skipSpace(text, equals + 1);
    let value: string;
    if (text[at] === '"') {
      const close = closingQuote(text, at);
      if (close < 0) return undefined;
      value = text.slice(at + 1, close).replace(/\\(.)/gs, '$1');
      at = skipSpace(text, close + 1);
      if (at < text.length && text[at] !== ',') return undefined;
    } else {
      const comma = text.indexOf(',', at);
      const end = comma < 0 ? text.length : comma;
      value = text.slice(at, end).trim();
      at = end;
    }
    if (name === '' || fields.has(name)) return undefined;
    fields.set(name, value);
    at = skipSpace(text, at + 1);
  }
  return fields;
}
