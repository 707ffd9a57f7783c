import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expected, ha1 } from '../../src/auth/algorithms.ts';
import { parseCredentials } from '../../src/auth/credentials.ts';

const HEX = '0123456789abcdef0123456789abcdef';
const LEAST = `username="u", realm="r", nonce="n", uri="sip:r", response="${HEX}"`;

describe('credentials', () => {
  test('as phones write them', () => {
    const value = `Digest username="al\\"ice", realm="example.org", nonce="a.b.c" ,uri="sip:b;x=1,2@example.org",response="${HEX.toUpperCase()}", algorithm=SHA-256,qop=auth , nc=0000000A, cnonce="x", opaque=""`;
    expect(parseCredentials(value)).toEqual({
      username: 'al"ice',
      realm: 'example.org',
      nonce: 'a.b.c',
      uri: 'sip:b;x=1,2@example.org',
      response: HEX,
      algorithm: 'SHA-256',
      qop: 'auth',
      cnonce: 'x',
      nc: '0000000A',
    });
    expect(parseCredentials(`digest\t${LEAST}`)).toMatchObject({ algorithm: 'MD5', qop: undefined });
  });

  test.each([
    ['another scheme', `Basic ${LEAST}`],
    ['no space', `Digest${LEAST}`],
    ['nothing', 'Digest '],
    ['a field twice', `Digest ${LEAST}, realm="other"`],
    ['an open quote', `Digest ${LEAST}, cnonce="x`],
    ['something after a quote', `Digest ${LEAST}, cnonce="x"y`],
    ['no response', 'Digest username="u", realm="r", nonce="n", uri="sip:r"'],
    ['a response that is no hash', `Digest ${LEAST.replace(HEX, 'xyz')}`],
    ['a count that is no count', `Digest ${LEAST}, nc=1`],
    ['too much', `Digest ${LEAST}, cnonce="${'x'.repeat(5000)}"`],
  ])('are none with %s', (_, value) => expect(parseCredentials(value)).toBeUndefined());

  test('whatever stands there, nothing is thrown', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseCredentials(`Digest ${text}`)));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('username', '=', '"', ',', '\\', ' ', 'a', 'nc', '1')),
        (parts) => void parseCredentials(`Digest ${parts.join('')}`),
      ),
    );
  });
});

test("the examples of RFC 7616 §3.9.1, and RFC 2617's without qop", () => {
  const given = {
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    nc: '00000001',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    qop: 'auth',
  };
  const secret = (algorithm: 'MD5' | 'SHA-256') =>
    ha1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life');
  expect(expected('MD5', secret('MD5'), given)).toBe('8ca523f5e9506fed4657c9700eebdbec');
  expect(expected('SHA-256', secret('SHA-256'), given)).toBe(
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});
