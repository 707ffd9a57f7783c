import { describe, expect, it } from 'vitest';
import { ipOffset } from '../../src/replay/capture/link.ts';
import { readAll } from './read-all.ts';
import { capture, framed, ipv4, LINK, type Link, udp } from './write-capture.ts';

const MESSAGE = 'OPTIONS sip:b@example.com SIP/2.0\r\n\r\n';
const V4 = { at: 1_000_000, from: '192.0.2.1:5070', to: '192.0.2.2:5060', message: MESSAGE };
const V6 = { at: 1_000_001, from: '[2001:db8::1]:5070', to: '[2001:db8::2]:5060', message: MESSAGE };

describe('links', () => {
  it.each(Object.keys(LINK) as Link[])('%s carries IPv4 and IPv6', (link) => {
    const { datagrams } = readAll(capture([V4, V6], { links: [link] }));
    expect(datagrams.map(({ source, bytes }) => [source.address, bytes.toString()])).toEqual([
      ['192.0.2.1', MESSAGE],
      ['2001:db8::1', MESSAGE],
    ]);
  });

  it.each([[[5]], [[5, 6]], [[5, 6, 7]]])('Ethernet may have VLAN tags %j', (vlans) => {
    expect(readAll(capture([{ ...V4, vlans }])).datagrams).toHaveLength(1);
  });

  const ip = ipv4(V4, udp(V4, Buffer.from(MESSAGE)), { id: 1 });

  it('BSD loopback is read in either byte order and with any system’s number for IPv6', () => {
    const header = (family: number, little: boolean) => {
      const bytes = Buffer.alloc(4);
      if (little) bytes.writeUInt32LE(family);
      else bytes.writeUInt32BE(family);
      return Buffer.concat([bytes, ip]);
    };
    for (const little of [true, false]) {
      for (const family of [2, 10, 23, 24, 28, 30])
        expect(ipOffset(LINK.null, header(family, little))).toBe(4);
      expect(ipOffset(LINK.null, header(7, little))).toBe(-1);
    }
  });

  it('Ethernet with an 802.3 length and a SNAP header carries IP too', () => {
    const frame = framed('ethernet', ip);
    const snap = Buffer.concat([
      frame.subarray(0, 12),
      Buffer.from('0064aaaa030000000800', 'hex'),
      frame.subarray(14),
    ]);
    expect(ipOffset(LINK.ethernet, snap)).toBe(22);
  });

  it('PPPoE carries IP too', () => {
    const frame = framed('ethernet', ip);
    const pppoe = Buffer.concat([
      frame.subarray(0, 12),
      Buffer.from('88641100000100640021', 'hex'),
      frame.subarray(14),
    ]);
    expect(ipOffset(LINK.ethernet, pppoe)).toBe(22);
  });

  it('what is no IP, or too short for its header, is passed over', () => {
    const arp = framed('ethernet', ip);
    arp.writeUInt16BE(0x0806, 12);
    expect(ipOffset(LINK.ethernet, arp)).toBe(-1);
    for (const link of Object.values(LINK)) {
      if (link !== LINK.raw) expect(ipOffset(link, Buffer.alloc(3))).toBe(-1);
    }
    expect(
      ipOffset(LINK.ethernet, Buffer.concat([arp.subarray(0, 12), Buffer.from('810000058100', 'hex')])),
    ).toBe(-1);
  });
});
