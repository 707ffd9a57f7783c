import { describe, expect, test } from 'vitest';
import { checkRequest } from '../../src/sip/validate.ts';
import { invite, request } from './wire.ts';

function verdict(changes: Parameters<typeof invite>[0]): string {
  const problem = checkRequest(request(invite(changes)));
  return problem === undefined ? 'good' : `${problem.status} ${problem.phrase}`;
}

describe('a new request', () => {
  test.each([
    'From: Ján Novák <sip:jan@x.example>;tag=1',
    'From: "a \\" <b>" <sip:jan@x.example>;tag=1',
    'From: tel:+421905000001;tag=1',
    'From: <tel:+421905000001;phone-context=x.example>;tag=1',
    'From: sip:jan@[2001:db8::1]:5060',
    'From: <sips:*21#@x.example>',
    'f:<sip:x.example>;tag=a;x="a;b"',
  ])('%j is good', (From) => {
    expect(verdict({ From })).toBe('good');
  });

  test.each([
    ['From: ', '400 Malformed From'],
    ['From: <sip:a@b.example', '400 Malformed From'],
    ['From: sip:a@b.example>;tag=1', '400 Malformed From'],
    ['From: <>;tag=1', '400 Malformed From'],
    ['From: <eva>', '400 Malformed From'],
    ['From: "x" sip:a@b.example', '400 Malformed From'],
    ['From: <sip:a@b.example>x', '400 Malformed From'],
    ['From: <sip:a@b.example>;', '400 Malformed From'],
    ['From: <sip:a@b.example>;tag=', '400 Malformed From'],
    ['From: <sip:a@b.example>, <sip:c@d.example>', '400 Malformed From'],
    ['From: sip:a b@c.example', '400 Malformed From'],
    ['From: sip:@b.example', '400 Malformed URI in From'],
    ['From: <sip:a@b@c.example>', '400 Malformed URI in From'],
    ['From: <sip:a@>', '400 Malformed URI in From'],
    ['From: <sip:%4@b.example>', '400 Malformed URI in From'],
    ['From: <sip:a@b.example:port>', '400 Malformed URI in From'],
  ])('%j: %s', (From, expected) => {
    expect(verdict({ From })).toBe(expected);
  });

  test.each([
    ['sip:kosice.example', 'good'],
    ['SIPS:eva@kosice.example:5061;transport=tcp;lr', 'good'],
    ['sip:eva@kosice.example;', 'good'],
    ['tel:+421905000001', '416 Unsupported URI Scheme'],
    ['urn:service:sos', '416 Unsupported URI Scheme'],
    ['eva', '400 Malformed Request-URI'],
    ['sip:', '400 Malformed Request-URI'],
    ['sip:eva@', '400 Malformed Request-URI'],
    ['sip:eva@kosice.example:0', '400 Malformed Request-URI'],
    ['sip:eva@kosice.example:65536', '400 Malformed Request-URI'],
    ['sip:eva@kosice.example:', '400 Malformed Request-URI'],
    ['sip:eva@[2001:db8::1', '400 Malformed Request-URI'],
    ['sip:2001:db8::10', '400 Malformed Request-URI'],
    ['"sip:eva@kosice.example"', '400 Malformed Request-URI'],
    ['sip:eva@kosice.example?a=b', '400 Headers in Request-URI'],
  ])('Request-URI %j: %s', (uri, expected) => {
    expect(verdict({ start: `INVITE ${uri} SIP/2.0` })).toBe(expected);
  });

  test.each([
    ['0', 'good'],
    ['255', 'good'],
    ['0070', 'good'],
    ['256', '400 Malformed Max-Forwards'],
    ['-1', '400 Malformed Max-Forwards'],
    ['seventy', '400 Malformed Max-Forwards'],
    ['', '400 Malformed Max-Forwards'],
  ])('Max-Forwards %j: %s', (hops, expected) => {
    expect(verdict({ 'Max-Forwards': `Max-Forwards: ${hops}` })).toBe(expected);
  });

  test('every Via of a line with several must be one', () => {
    expect(verdict({ Via: 'Via: SIP/2.0/UDP a.example;branch=1 ,\r\n SIP/2.0/UDP b.example' })).toBe('good');
    for (const rest of [',', ', ,SIP/2.0/UDP b.example', ',;', ',x', ', SIP/2.0/UDP b.example;;'])
      expect(verdict({ Via: `Via: SIP/2.0/UDP a.example;branch=1${rest}` })).toBe('400 Malformed Via');
  });

  test('a Route that cannot be followed is refused', () => {
    expect(verdict({ Route: 'Route: <sip:a.example;lr>, "B" <sip:b.example>;x=1' })).toBe('good');
    expect(verdict({ Route: 'Route: <sip:a.example;lr>, sip:' })).toBe('400 Malformed Route');
    expect(verdict({ Route: 'Route: <tel:+1>' })).toBe('400 Malformed Route');
  });

  test('an ACK with a fault is dropped, never answered', () => {
    const ack = { start: 'ACK tel:1 SIP/2.0', CSeq: 'CSeq: 7 ACK' };
    expect(verdict(ack)).toBe('0 Unsupported URI Scheme');
  });
});
