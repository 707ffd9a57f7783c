import { describe, expect, it } from 'vitest';
import { addressText, parseIp } from '../../src/replay/capture/ip.ts';
import { readAll } from './read-all.ts';
import { capture, framed, ipv4, ipv6, pcap, udp } from './write-capture.ts';

const V4 = { from: '192.0.2.1:5070', to: '192.0.2.2:5060' };
const V6 = { from: '[2001:db8::1]:5070', to: '[2001:db8::2]:5060' };
const MESSAGE = Buffer.from('OPTIONS sip:b@example.com SIP/2.0\r\n\r\n');

function datagramsOf(ip: Buffer) {
  return readAll(pcap([{ at: 1, bytes: framed('raw', ip) }], { link: 'raw' })).datagrams;
}

describe('IPv6 extension headers', () => {
  const eight = Buffer.from([0, 1, 4, 0, 0, 0, 0]);
  const sixteen = Buffer.concat([Buffer.from([1]), Buffer.alloc(14)]);
  const authentication = Buffer.concat([Buffer.from([4]), Buffer.alloc(22)]);

  it.each([
    ['hop-by-hop options', [[0, eight]]],
    ['a routing header', [[43, sixteen]]],
    ['destination options', [[60, eight]]],
    ['authentication, in its own units', [[51, authentication]]],
    [
      'several',
      [
        [0, eight],
        [43, sixteen],
        [60, eight],
      ],
    ],
    ['an atomic fragment', [[44, Buffer.alloc(7)]]],
  ] as const)('are passed over: %s', (_, extensions) => {
    const [only] = datagramsOf(ipv6({ ...V6, extensions }, udp(V6, MESSAGE)));
    expect(only?.bytes).toEqual(MESSAGE);
  });

  it('that run past the packet end it', () => {
    expect(
      datagramsOf(
        ipv6({ ...V6, extensions: [[60, Buffer.from([200, 0, 0, 0, 0, 0, 0])]] }, udp(V6, MESSAGE)),
      ),
    ).toEqual([]);
  });

  it('that hide what follows (ESP) end it', () => {
    expect(datagramsOf(ipv6({ ...V6, protocol: 50 }, udp(V6, MESSAGE)))).toEqual([]);
  });
});

describe('lengths', () => {
  it('bytes after the IP packet are not the message’s', () => {
    const short = Buffer.from('A sip:b SIP/2.0');
    const ip = ipv4(V4, udp(V4, short), { id: 1 });
    const [only] = datagramsOf(Buffer.concat([ip, Buffer.alloc(10)]));
    expect(only?.bytes).toEqual(short);
  });

  it('a length left for the network card is the packet’s own', () => {
    const ip = ipv4(V4, udp(V4, MESSAGE), { id: 1 });
    ip.writeUInt16BE(0, 2);
    expect(datagramsOf(ip)).toMatchObject([{ bytes: MESSAGE, cut: false }]);
  });

  it('IPv4 options are passed over', () => {
    const ip = ipv4(V4, udp(V4, MESSAGE), { id: 1 });
    const long = Buffer.concat([ip.subarray(0, 20), Buffer.alloc(8), ip.subarray(20)]);
    long[0] = 0x47;
    long.writeUInt16BE(long.length, 2);
    expect(datagramsOf(long)).toMatchObject([{ bytes: MESSAGE }]);
  });

  it('a packet that the capture has cut is flagged', () => {
    const message = { at: 1, ...V4, message: MESSAGE };
    expect(readAll(capture([message, { ...message, keep: 14 + 20 + 8 + 35 }])).datagrams).toMatchObject([
      { cut: false, bytes: MESSAGE },
      { cut: true, bytes: MESSAGE.subarray(0, 35) },
    ]);
  });

  it('nonsense is no packet', () => {
    expect(parseIp(Buffer.alloc(0), false)).toBeUndefined();
    expect(parseIp(Buffer.from([0x45]), false)).toBeUndefined();
    expect(parseIp(Buffer.alloc(60, 0x60).subarray(0, 39), false)).toBeUndefined();
    expect(parseIp(Buffer.alloc(60, 0x43), false)).toBeUndefined();
    expect(parseIp(Buffer.alloc(60, 0x55), false)).toBeUndefined();
  });
});

it.each([
  ['20010db8000000000000000000000001', '2001:db8::1'],
  ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
  ['20010db8000100010001000100010001', '2001:db8:1:1:1:1:1:1'],
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['fe800000000000000000000000000000', 'fe80::'],
  ['c0000201', '192.0.2.1'],
])('the address %s is written %s', (hex, text) => {
  expect(addressText(Buffer.from(hex, 'hex'))).toBe(text);
});
