// RFC 5118: torture messages for IPv6, in words of our own.
import { describe, expect, test } from 'vitest';
import { bracketed, canonicalHost, canonicalIpv6 } from '../../src/sip/host.ts';
import { mediaOf } from '../../src/sip/sdp.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { checkRequest } from '../../src/sip/validate.ts';
import { parseVia } from '../../src/sip/via.ts';
import { invite, request } from './wire.ts';

describe('IPv6 references', () => {
  test('§4.1: a reference is good in every place', () => {
    const r = request(
      invite({
        start: 'REGISTER sip:[2001:db8::a1] SIP/2.0',
        CSeq: 'CSeq: 7 REGISTER',
        Via: 'Via: SIP/2.0/UDP [2001:db8::b:2]:5070;branch=z9hG4bK1',
        To: 'To: <sip:eva@[2001:db8::a1]>',
      }),
    );
    expect(checkRequest(r)).toBeUndefined();
    expect(r.requestUri).toMatchObject({ host: '2001:db8::a1', port: undefined });
    expect(r.via).toMatchObject({ host: '[2001:db8::b:2]', port: 5070 });
  });

  test('§4.2: without brackets it is no host', () => {
    expect(parseUri('sip:2001:db8::a1')).toBeUndefined();
    expect(parseUri('sip:eva@2001:db8::a1')).toBeUndefined();
    expect(parseVia('SIP/2.0/UDP 2001:db8::a1;branch=z')).toBeUndefined();
  });

  test('§4.3, §4.4: what stands inside the brackets is no port', () => {
    expect(parseUri('sip:[2001:db8::a1:5070]')).toMatchObject({ host: '2001:db8::a1:5070', port: undefined });
    expect(parseUri('sip:[2001:db8::a1]:5070')).toMatchObject({ host: '2001:db8::a1', port: 5070 });
  });

  test('§4.5: received with and without brackets is the same', () => {
    expect(parseVia('SIP/2.0/UDP [2001:db8::1];received=[2001:db8::c:9];branch=z')?.received).toBe(
      '2001:db8::c:9',
    );
    expect(parseVia('SIP/2.0/UDP [2001:db8::1];received=2001:db8::c:9;branch=z')?.received).toBe(
      '2001:db8::c:9',
    );
  });

  test('§4.6: SDP with IPv6 is read', () => {
    const body =
      'v=0\r\no=- 1 1 IN IP6 2001:db8::3\r\ns=-\r\nc=IN IP6 2001:db8::3\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0\r\n';
    expect(mediaOf(request(invite({ 'Content-Type': 'c: application/sdp' }, body)))).toEqual({
      audio: 'sendrecv',
      video: 'off',
    });
  });

  test('§4.7: IPv4 and IPv6 Vias stand beside each other', () => {
    const r = request(
      invite({
        Via: [
          'Via: SIP/2.0/UDP [2001:db8::9]:6000;branch=a',
          'Via: SIP/2.0/UDP 192.0.2.1, SIP/2.0/TCP [::1]',
        ],
      }),
    );
    expect(r.all('via').map((value) => parseVia(value)?.host)).toEqual([
      '[2001:db8::9]',
      '192.0.2.1',
      '[::1]',
    ]);
  });

  test('§4.9: an IPv4-mapped address', () => {
    expect(parseUri('sip:eva@[::ffff:192.0.2.10]:7000')).toMatchObject({
      host: '::ffff:c000:20a',
      port: 7000,
    });
  });

  test('§4.10: three colons before an embedded IPv4 address are read as two', () => {
    expect(parseUri('sip:eva@[2001:db8:::192.0.2.1]')?.host).toBe('2001:db8::c000:201');
    expect(parseUri('sip:eva@[2001:db8::192.0.2.1]')?.host).toBe('2001:db8::c000:201');
    expect(parseUri('sip:eva@[2001:::1]')).toBeUndefined();
    expect(parseUri('sip:eva@[2001::::192.0.2.1]')).toBeUndefined();
  });
});

describe('canonical text, RFC 5952', () => {
  test.each([
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['fe80:0:0:0:0:0:0:0', 'fe80::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ])('%s is %s', (written, canonical) => {
    expect(canonicalIpv6(written)).toBe(canonical);
  });
  test.each([
    '',
    ':',
    ':::',
    '1',
    '1:2',
    'g::1',
    '::1%eth0',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3',
    '[::1]',
    ' ::1',
    `::${'0'.repeat(60)}`,
  ])('%j is none', (written) => {
    expect(canonicalIpv6(written)).toBeUndefined();
  });
  test('hosts are compared in it', () => {
    expect(canonicalHost('[2001:DB8::0]')).toBe(canonicalHost('2001:db8::'));
    expect(canonicalHost('Kosice.Example.')).toBe('kosice.example');
    expect(bracketed('::1')).toBe('[::1]');
    expect(bracketed('[::1]')).toBe('[::1]');
    expect(bracketed('192.0.2.1')).toBe('192.0.2.1');
  });
});
