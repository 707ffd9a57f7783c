import { describe, expect, it } from 'vitest';
import { Reassembly } from '../../src/replay/capture/fragments.ts';
import { type IpPacket, parseIp } from '../../src/replay/capture/ip.ts';
import { readAll } from './read-all.ts';
import { capture, endpoint, ipPackets, packetsOf, pcap, udp } from './write-capture.ts';

const LONG = `INVITE sip:b@example.com SIP/2.0\r\nSubject: ${'long '.repeat(700)}\r\n\r\n`;
const V4 = { at: 1_000_000, from: '192.0.2.1:5070', to: '192.0.2.2:5060', message: LONG, mtu: 1500 };
const V6 = { ...V4, from: '[2001:db8::1]:5070', to: '[2001:db8::2]:5060' };

describe.each([
  ['IPv4', V4],
  ['IPv6', V6],
])('%s fragments', (_, message) => {
  const pieces = packetsOf(message, 'ethernet', 9);

  it('are joined, and the datagram bears the number of the last that came', () => {
    expect(pieces.length).toBe(3);
    expect(readAll(capture([message])).datagrams).toMatchObject([
      { bytes: Buffer.from(LONG), packet: 3, cut: false },
    ]);
  });

  it('are joined in whatever order they come, and repeated ones count once', () => {
    const [first, second, third] = pieces;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three pieces');
    for (const order of [
      [third, second, first],
      [second, third, first],
      [third, third, first, first, second],
    ]) {
      expect(readAll(pcap(order)).datagrams).toMatchObject([
        { bytes: Buffer.from(LONG), packet: order.length },
      ]);
    }
  });

  it('of which one is missing are no datagram, and are counted', () => {
    expect(readAll(pcap(pieces.slice(1)))).toMatchObject({ datagrams: [], summary: { incomplete: 1 } });
  });

  it('of two interleaved datagrams are kept apart by their id', () => {
    const other = packetsOf({ ...message, message: LONG.replace('INVITE', 'UPDATE') }, 'ethernet', 10);
    const mixed = pieces.flatMap((piece, i) => [piece, other[i] ?? piece]);
    expect(readAll(pcap(mixed)).datagrams.map((d) => d.bytes.toString('latin1', 0, 6))).toEqual([
      'INVITE',
      'UPDATE',
    ]);
  });

  it('seen by two interfaces are joined for each', () => {
    const both = [message, { ...message, interface: 1, at: message.at + 10, id: 1 }].map((one) => ({
      ...one,
      id: 1,
    }));
    const { datagrams, summary } = readAll(capture(both, { links: ['ethernet', 'raw'] }));
    expect(datagrams).toMatchObject([{ packet: 3, copies: [6] }]);
    expect(summary).toMatchObject({ sip: 2, incomplete: 0 });
  });
});

it('a first fragment that the capture has cut stands for its datagram, flagged', () => {
  const datagrams = readAll(capture([{ ...V4, keep: 200 }])).datagrams;
  expect(datagrams).toMatchObject([{ packet: 1, cut: true, bytes: Buffer.from(LONG).subarray(0, 200 - 42) }]);
});

describe('bounds', () => {
  const fragments = (id: number): IpPacket[] =>
    ipPackets(V4, udp(V4, Buffer.from(LONG)), id).map((bytes) => {
      const ip = parseIp(bytes, false);
      if (ip === undefined) throw new Error(`no IP for ${endpoint(V4.from).address}`);
      return ip;
    });

  it('an id that comes again after the time limit begins a new datagram', () => {
    const reassembly = new Reassembly({ bytes: 1_000_000, age: 1000 });
    const [first, second, third] = fragments(1);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three pieces');
    expect(reassembly.add(first, '0', 0)).toBeUndefined();
    expect(reassembly.add(second, '0', 1000)).toBeUndefined();
    expect(reassembly.add(third, '0', 1001)).toBeUndefined();
    expect(reassembly.lost).toBe(1);
    expect(reassembly.add(first, '0', 1001)).toBeUndefined();
    expect(reassembly.add(second, '0', 1002)?.payload.length).toBe(LONG.length + 8);
  });

  it('the oldest go when too many bytes wait', () => {
    const reassembly = new Reassembly({ bytes: 20_000, age: 1000 });
    for (let id = 1; id <= 100; id += 1) {
      const [first] = fragments(id);
      if (first !== undefined) reassembly.add(first, '0', 0);
    }
    expect(reassembly.unfinished).toBeLessThan(15);
    expect(reassembly.lost + reassembly.unfinished).toBe(100);
    const [, second, third] = fragments(100);
    if (second === undefined || third === undefined) throw new Error('three pieces');
    reassembly.add(second, '0', 0);
    expect(reassembly.add(third, '0', 0)).toBeDefined();
  });

  it('pieces that overlap, or lie behind the last, spoil the datagram', () => {
    const [first, , third] = fragments(1);
    if (first === undefined || third === undefined) throw new Error('three pieces');
    const overlap = new Reassembly();
    overlap.add(first, '0', 0);
    overlap.add({ ...first, fragmentOffset: 8 }, '0', 0);
    expect([overlap.lost, overlap.unfinished]).toEqual([1, 0]);

    const behind = new Reassembly();
    behind.add({ ...first, fragmentOffset: 8000 }, '0', 0);
    expect(behind.add({ ...third, fragmentOffset: first.payload.length }, '0', 0)).toBeUndefined();
    expect([behind.lost, behind.unfinished]).toEqual([1, 0]);
  });

  it('no datagram is longer than IP allows', () => {
    const reassembly = new Reassembly();
    const [first] = fragments(1);
    if (first === undefined) throw new Error('a piece');
    expect(reassembly.add({ ...first, fragmentOffset: 65_528 }, '0', 0)).toBeUndefined();
    expect(reassembly.unfinished).toBe(0);
  });
});
