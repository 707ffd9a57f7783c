// The digest algorithms of RFC 8760 §2.1 and what they are made of.
import { createHash } from 'node:crypto';

export const ALGORITHMS = ['SHA-512-256', 'SHA-256', 'MD5'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const NODE_NAMES: Readonly<Record<Algorithm, string>> = {
  'SHA-512-256': 'sha512-256',
  'SHA-256': 'sha256',
  MD5: 'md5',
};

/** The algorithm of that name, in whatever case; `-sess` variants are not served. */
export function algorithmOf(name: string): Algorithm | undefined {
  const upper = name.toUpperCase();
  return ALGORITHMS.find((algorithm) => algorithm === upper);
}

/** Lower-case hex of a hash over latin1 text (wire bytes). */
export function hex(algorithm: Algorithm, text: string): string {
  return createHash(NODE_NAMES[algorithm]).update(text, 'latin1').digest('hex');
}

/** H(username:realm:password), RFC 7616 §3.4.2: what is kept instead of a password. All three as wire bytes. */
export function ha1(algorithm: Algorithm, username: string, realm: string, password: string): string {
  return hex(algorithm, `${username}:${realm}:${password}`);
}

export interface Challenge {
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly nc: string | undefined;
  readonly cnonce: string | undefined;
  readonly qop: string | undefined;
}

/** The response a client that knows HA1 gives: RFC 7616 §3.4.1, without qop RFC 2069's. */
export function expected(
  algorithm: Algorithm,
  kept: string,
  { method, uri, nonce, nc, cnonce, qop }: Challenge,
): string {
  const ha2 = hex(algorithm, `${method}:${uri}`);
  return qop === undefined
    ? hex(algorithm, `${kept}:${nonce}:${ha2}`)
    : hex(algorithm, `${kept}:${nonce}:${nc ?? ''}:${cnonce ?? ''}:${qop}:${ha2}`);
}
