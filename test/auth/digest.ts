// The client's half of digest authentication, written from RFC 7616 without the server's code.
import { createHash } from 'node:crypto';

const NODE: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
};

export interface Challenged {
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: string;
  readonly stale: boolean;
}

/** Fields of a WWW-Authenticate or Proxy-Authenticate value. */
export function challenge(value: string): Challenged {
  const field = (name: string) =>
    new RegExp(`[ ,]${name}=(?:"([^"]*)"|([^, ]+))`).exec(value)?.slice(1).find(Boolean) ?? '';
  return {
    realm: field('realm'),
    nonce: field('nonce'),
    algorithm: field('algorithm'),
    stale: field('stale') === 'true',
  };
}

export interface Answer {
  readonly user: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nc?: number;
  readonly qop?: string | undefined;
}

/** The value of Authorization or Proxy-Authorization. */
export function credentials(to: Challenged, answer: Answer): string {
  const { user, password, method, uri, nc = 1 } = answer;
  const qop = 'qop' in answer ? answer.qop : 'auth';
  const h = (text: string) =>
    createHash(NODE[to.algorithm] ?? '')
      .update(text)
      .digest('hex');
  const ha1 = h(`${user}:${to.realm}:${password}`);
  const ha2 = h(`${method}:${uri}`);
  const count = nc.toString(16).padStart(8, '0');
  const response =
    qop === undefined
      ? h(`${ha1}:${to.nonce}:${ha2}`)
      : h(`${ha1}:${to.nonce}:${count}:c0ffee:${qop}:${ha2}`);
  const tail = qop === undefined ? '' : `, qop=${qop}, nc=${count}, cnonce="c0ffee"`;
  return `Digest username="${user}", realm="${to.realm}", nonce="${to.nonce}", uri="${uri}", response="${response}", algorithm=${to.algorithm}${tail}`;
}
