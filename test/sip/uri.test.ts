import { describe, expect, test } from 'vitest';
import { aorOf, parseNameAddr, parseUri, type SipUri, sameUri, schemeOf } from '../../src/sip/uri.ts';

function uri(s: string): SipUri {
  return parseUri(s) ?? expect.fail(`malformed: ${s}`);
}

describe('a SIP URI', () => {
  test('has its parts', () => {
    expect(uri('sips:e%76a:heslo@KOSICE.example.:5061;Transport=TCP;lr;x=%41?subject=a&to=b')).toEqual({
      scheme: 'sips',
      user: 'e%76a',
      password: 'heslo',
      host: 'kosice.example',
      port: 5061,
      params: [
        ['transport', 'TCP'],
        ['lr', undefined],
        ['x', '%41'],
      ],
      headers: 'subject=a&to=b',
    });
    expect(uri('sip:x.example')).toMatchObject({
      user: undefined,
      port: undefined,
      params: [],
      headers: undefined,
    });
  });

  test('may have separators in the user part', () => {
    expect(uri('sip:eva;x=1?y&z,/@x.example;lr')).toMatchObject({
      user: 'eva;x=1?y&z,/',
      params: [['lr', undefined]],
    });
    expect(uri('sip:+421-905;phone-context=x@y.example;user=phone').user).toBe('+421-905;phone-context=x');
  });

  test('keeps what phones write without escapes', () => {
    expect(uri('sip:*21#@x.example').user).toBe('*21#');
    expect(uri('sip:\xc5\xbeofia@x.example').user).toBe('\xc5\xbeofia');
    expect(uri('sip:linPC@192.0.2.5;conf-id=r5rVr').params).toEqual([['conf-id', 'r5rVr']]);
    expect(uri('sip:a@192.0.2.5:5062;transport=udp;').params).toEqual([['transport', 'udp']]);
  });

  test.each([
    'http://x.example',
    'sip',
    'sip:',
    'sip:@x.example',
    'sip::pw@x.example',
    'sip:a@b@c.example',
    'sip:a@x.example:',
    'sip:a@x.example:5060x',
    'sip:a@x.example:0',
    'sip:a@x.example:123456',
    'sip:a@x.example lr',
    'sip:a@x.exa<mple',
    'sip:a@x.example;%',
    'sip:a@x.example;=1',
    'sip:a%g0@x.example',
    'sip:a@[::1',
    'sip:a@[x]',
    'sip:a@::1',
    'sip:a@x.example;a="b"',
    `sip:a@x.example${';p'.repeat(101)}`,
  ])('%j is none', (s) => {
    expect(parseUri(s)).toBeUndefined();
  });

  test('has a scheme, in lower case', () => {
    expect(schemeOf('SIP:a@b')).toBe('sip');
    expect(schemeOf('Soap.Beep://x')).toBe('soap.beep');
    expect(schemeOf('1x:y')).toBeUndefined();
    expect(schemeOf('<sip:a@b>')).toBeUndefined();
    expect(schemeOf('eva')).toBeUndefined();
    expect(schemeOf('')).toBeUndefined();
    expect(schemeOf('s@p:x')).toBeUndefined();
  });
});

describe('RFC 3261 §19.1.4: the same URI', () => {
  test.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
    ['sip:a@[2001:DB8:0::1]', 'sip:a@[2001:db8::1]'],
    ['SIP:a@b.example;LR', 'sip:a@b.example;lr'],
  ])('%s = %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(true);
    expect(sameUri(uri(b), uri(a))).toBe(true);
  });

  test.each([
    ['sip:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@b.example', 'sips:a@b.example'],
    ['sip:a:1@b.example', 'sip:a:2@b.example'],
    ['sip:a@b.example', 'sip:b.example'],
    ['sip:a%3bb@b.example', 'sip:a;b@b.example'],
    ['sip:a@b.example;maddr=x', 'sip:a@b.example'],
    ['sip:a@b.example;user=phone', 'sip:a@b.example'],
    ['sip:a@b.example;ttl=1', 'sip:a@b.example'],
    ['sip:a@b.example;method=INVITE', 'sip:a@b.example'],
  ])('%s is not %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(false);
    expect(sameUri(uri(b), uri(a))).toBe(false);
  });
});

describe('an address of record', () => {
  test.each([
    ['sip:Eva@Kosice.Example:5070;transport=tcp?x=y', 'sip:Eva@kosice.example'],
    ['sips:e%76a:pw@kosice.example', 'sip:eva@kosice.example'],
    ['sip:kosice.example:5060', 'sip:kosice.example'],
    ['sip:a@[2001:DB8::0:1]:5060', 'sip:a@[2001:db8::1]'],
    ['sip:a%00b@x.example', 'sip:a\0b@x.example'],
    ['sip:eva;x=1@x.example', 'sip:eva;x=1@x.example'],
  ])('of %s is %j', (s, aor) => {
    expect(aorOf(uri(s))).toBe(aor);
  });
});

describe('a name-addr', () => {
  test('has display name, URI and parameters', () => {
    expect(
      parseNameAddr(
        '"Eva \\"E\\" <x>, y" <sip:eva@x.example;lr?a=b> ; TAG = t1 ;+sip.instance="<urn:u;1>";q=0.3',
      ),
    ).toMatchObject({
      display: 'Eva "E" <x>, y',
      uri: 'sip:eva@x.example;lr?a=b',
      tag: 't1',
      params: [
        ['tag', 't1'],
        ['+sip.instance', '"<urn:u;1>"'],
        ['q', '0.3'],
      ],
      raw: '"Eva \\"E\\" <x>, y" <sip:eva@x.example;lr?a=b> ; TAG = t1 ;+sip.instance="<urn:u;1>";q=0.3',
    });
  });

  test('without brackets ends its URI at the semicolon', () => {
    expect(parseNameAddr('sip:eva@x.example;transport=tcp;tag=1')).toMatchObject({
      uri: 'sip:eva@x.example',
      tag: '1',
      params: [
        ['transport', 'tcp'],
        ['tag', '1'],
      ],
    });
    expect(parseNameAddr('sip:eva@x.example ; tag=1')?.tag).toBe('1');
  });

  test.each([
    '',
    '*',
    'eva',
    '<sip:a@b',
    'sip:a@b>',
    '<sip:a b>',
    '< sip:a@b >',
    'a, b <sip:a@b>',
    '"a <sip:a@b>',
    'sip:a@b?c=d',
    '<sip:a@b>;;',
    '<sip:a@b>;x="',
    `<sip:a@b>${';x'.repeat(101)}`,
  ])('%j is none', (s) => {
    expect(parseNameAddr(s)).toBeUndefined();
  });
});
