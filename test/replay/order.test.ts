import { describe, expect, it } from 'vitest';
import { inOrder } from '../../src/replay/capture/order.ts';
import { readAll, startLines } from './read-all.ts';
import { type CapturedMessage, capture } from './write-capture.ts';

const T = 1_700_000_000_000_000;
const PHONE = '192.0.2.1:5070';
const SERVER = '192.0.2.14:5060';
const TWO_INTERFACES = { links: ['ethernet', 'null'] } as const;

function numbered(n: number, at: number, more: Partial<CapturedMessage> = {}): CapturedMessage {
  return { at: T + at, from: PHONE, to: SERVER, message: `OPTIONS sip:${n} SIP/2.0\r\n\r\n`, ...more };
}

const order = (messages: readonly CapturedMessage[], style = {}) =>
  startLines(capture(messages, style)).map((line) => Number(/\d+/.exec(line)?.[0]));

describe('order', () => {
  it('is that of time, whatever the order in the file', () => {
    const late = [numbered(3, 300), numbered(1, 100), numbered(4, 90_000_000), numbered(2, 200)];
    expect(order(late)).toEqual([1, 2, 3, 4]);
    expect(order(late, { format: 'pcap' })).toEqual([1, 2, 3, 4]);
  });

  it('is that of the file for what bears the same time', () => {
    expect(order([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => numbered(n, 5)))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });

  it('holds when a file has one interface after the other', () => {
    const ids = Array.from({ length: 500 }, (_, i) => i);
    const even = ids.filter((n) => n % 2 === 0).map((n) => numbered(n, n * 50_000));
    const odd = ids.filter((n) => n % 2 === 1).map((n) => numbered(n, n * 50_000, { interface: 1 }));
    expect(order([...even, ...odd], TWO_INTERFACES)).toEqual(ids);
  });

  it('never goes back in time, even where memory is too short to sort everything', () => {
    const messages = Array.from({ length: 300 }, (_, i) =>
      numbered(i, i < 150 ? i * 2000 : (i - 150) * 2000 + 1000),
    );
    const { datagrams } = readAll(capture(messages), { heldBytes: 10_000 });
    expect(datagrams).toHaveLength(300);
    const times = datagrams.map((d) => d.time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

describe('what is held', () => {
  /** Datagrams read before the first of them could go, at the most. */
  function furthestAhead(lateness: number, plan: { heldBytes?: number; mayRepeat?: boolean } = {}): number {
    let ahead = 0;
    let furthest = 0;
    function* sightings() {
      for (let n = 0; n < 5000; n += 1) {
        ahead += 1;
        furthest = Math.max(furthest, ahead);
        const end = { address: '192.0.2.1', port: 5060 };
        const rest = { cut: false, sip: true, interface: 0, seenAt: '0', ipId: n };
        yield {
          time: n * 1000,
          source: end,
          destination: end,
          bytes: Buffer.alloc(500),
          packet: n + 1,
          ...rest,
        };
      }
    }
    const rest = { offsets: new Map(), mayRepeat: false, manyClocks: false, heldBytes: 1e9 };
    for (const _ of inOrder(sightings(), { ...rest, ...plan, lateness })) ahead -= 1;
    expect(ahead).toBe(0);
    return furthest;
  }

  it('is no more than the disorder of the file asks for, however long the file', () => {
    expect(furthestAhead(0)).toBeLessThan(5);
    expect(furthestAhead(250_000)).toBeLessThan(255);
    expect(furthestAhead(0, { mayRepeat: true })).toBeLessThan(105);
  });

  it('is no more than was allowed, however disordered the file', () => {
    expect(furthestAhead(60_000_000, { heldBytes: 100_000 })).toBeLessThan(105);
  });
});

describe('one datagram on two interfaces', () => {
  const same = (at: number, more: Partial<CapturedMessage> = {}) => numbered(1, at, { id: 77, ...more });

  it('counts once, at the time it was seen first', () => {
    const { datagrams, summary } = readAll(capture([same(40, { interface: 1 }), same(0)], TWO_INTERFACES));
    expect(datagrams).toMatchObject([{ time: T, packet: 2, copies: [1], interface: 0 }]);
    expect(summary.sip).toBe(2);
  });

  it('counts once on three', () => {
    const links = ['ethernet', 'null', 'raw'] as const;
    const seen = [same(40, { interface: 1 }), same(0), same(20, { interface: 2 })];
    expect(readAll(capture(seen, { links })).datagrams).toMatchObject([{ packet: 2, copies: [1, 3] }]);
  });

  it('counts once in a capture on "any" interface, told apart by direction or number', () => {
    const v1 = [same(0), same(10, { outgoing: true })];
    expect(readAll(capture(v1, { links: ['cooked'] })).datagrams).toHaveLength(1);
    const v2 = [same(0, { ifindex: 2 }), same(10, { ifindex: 3 })];
    expect(readAll(capture(v2, { links: ['cooked2'] })).datagrams).toHaveLength(1);
  });

  it.each([
    ['on one interface', same(10)],
    ['with another IP id', same(10, { interface: 1, id: 78 })],
    ['from another port', same(10, { interface: 1, from: '192.0.2.1:5071' })],
    ['with other bytes', same(10, { interface: 1, message: 'OPTIONS sip:2 SIP/2.0\r\n\r\n' })],
    ['after more than a moment', same(100_001, { interface: 1 })],
  ])('is another datagram %s', (_, second) => {
    expect(readAll(capture([same(0), second], TWO_INTERFACES)).datagrams).toHaveLength(2);
  });

  it('is known even where the sender leaves the id 0, while its retransmission stays', () => {
    const all = [0, 500_000].flatMap((at) => [same(at, { id: 0 }), same(at + 30, { id: 0, interface: 1 })]);
    const { datagrams } = readAll(capture(all, TWO_INTERFACES));
    expect(datagrams.map((d) => [d.time - T, d.copies])).toEqual([
      [0, [2]],
      [500_000, [4]],
    ]);
  });

  it('pairs up when it was sent twice', () => {
    const all = [same(0), same(5), same(8, { interface: 1 }), same(9, { interface: 1 })];
    const { datagrams } = readAll(capture(all, TWO_INTERFACES));
    expect(datagrams.map((d) => [d.packet, d.copies])).toEqual([
      [1, [3]],
      [2, [4]],
    ]);
  });
});
