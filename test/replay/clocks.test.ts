import { describe, expect, it } from 'vitest';
import { clockDifference } from '../../src/replay/capture/clocks.ts';
import { readAll } from './read-all.ts';
import { type CapturedMessage, capture } from './write-capture.ts';

const T = 1_700_000_000_000_000;
const OUTSIDE = '192.0.2.1:5070';
const INSIDE = '192.0.2.14:5080';
const SERVER = '192.0.2.14:5060';
const TWO_INTERFACES = { links: ['ethernet', 'null'] } as const;

const via = (hop: string, n: number) => `Via: SIP/2.0/UDP ${hop};branch=z9hG4bK${hop.at(-2)}${n}\r\n`;

/** A request from outside and its response from inside, each seen before and after the server. Interface 1 is the inside. */
function relayed(n: number, at: number, skew: number): CapturedMessage[] {
  const rest = `Call-ID: ${n}@example.com\r\nCSeq: 1 INVITE\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\r\n`;
  const request = 'INVITE sip:c@d SIP/2.0\r\n';
  const response = 'SIP/2.0 180 Ringing\r\n';
  const received = via(OUTSIDE, n).replace('\r\n', ';received=192.0.2.1;rport=5070\r\n');
  return [
    { at: T + at, from: OUTSIDE, to: SERVER, message: request + via(OUTSIDE, n) + rest },
    {
      at: T + at + 300 + skew,
      from: SERVER,
      to: INSIDE,
      message: request + via(SERVER, n) + received + rest,
      interface: 1,
    },
    {
      at: T + at + 9000 + skew,
      from: INSIDE,
      to: SERVER,
      message: response + via(SERVER, n) + received + rest,
      interface: 1,
    },
    { at: T + at + 9250, from: SERVER, to: OUTSIDE, message: response + received + rest },
  ];
}

const calls = (skew: number, count = 20) =>
  Array.from({ length: count }, (_, n) => relayed(n, n * 20_000, skew)).flat();

const packetsInOrder = (messages: CapturedMessage[]) =>
  readAll(capture(messages, TWO_INTERFACES)).datagrams.map((d) => d.packet);

const offset = (messages: CapturedMessage[]) =>
  readAll(capture(messages, TWO_INTERFACES)).summary.interfaces.map((one) => one.clockOffset);

describe('clocks of two interfaces', () => {
  it('that agree are left alone', () => {
    expect(offset(calls(0))).toEqual([0, 0]);
  });

  it.each([-3_600_000_000, -5_000_000, -2000, 2_000, 700_000, 86_400_000_000])(
    'that are %d µs apart are brought together, and causes come before what they cause',
    (skew) => {
      const messages = calls(skew);
      const [reference, other = 0] = offset(messages);
      expect(reference).toBe(0);
      expect(Math.abs(other - skew)).toBeLessThan(300);
      expect(packetsInOrder(messages)).toEqual(messages.map((_, i) => i + 1));
    },
  );

  it('are known from a single call', () => {
    const messages = calls(-1_000_000, 1);
    expect(packetsInOrder(messages)).toEqual([1, 2, 3, 4]);
  });

  it('that agree are not moved by a message the capture missed', () => {
    const messages = calls(0);
    // the first copy is lost, its retransmission comes after what was forwarded
    const [lost] = messages.splice(40, 1);
    if (lost !== undefined) messages.splice(43, 0, { ...lost, at: lost.at + 500_000 });
    expect(offset(messages)).toEqual([0, 0]);
  });

  it('are known from datagrams that both saw', () => {
    const seen = Array.from({ length: 5 }, (_, n) => {
      const message = `OPTIONS sip:b SIP/2.0\r\n${via(OUTSIDE, n)}Call-ID: ${n}\r\nCSeq: 1 OPTIONS\r\n\r\n`;
      const one = { at: T + n * 1_000_000, from: OUTSIDE, to: SERVER, message, id: n };
      return [one, { ...one, at: one.at + 400_000_000, interface: 1 }];
    }).flat();
    const { datagrams } = readAll(capture(seen, TWO_INTERFACES));
    expect(datagrams.map((d) => d.copies)).toEqual([[2], [4], [6], [8], [10]]);
  });

  it('a cause that jitter alone has put behind its effect goes before it', () => {
    const messages = calls(0);
    const [, forwarded] = messages.splice(
      20,
      2,
      ...relayed(5, 100_000, 0)
        .slice(0, 2)
        .map((m, i) => (i === 0 ? { ...m, at: m.at + 900 } : m)),
    );
    expect(forwarded).toBeDefined();
    const { datagrams } = readAll(capture(messages, TWO_INTERFACES));
    expect(datagrams.map((d) => d.packet)).toEqual(messages.map((_, i) => i + 1));
    const times = datagrams.map((d) => d.time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
});

describe('the difference of two clocks', () => {
  const atMost = (most: number) => ({ least: Number.NEGATIVE_INFINITY, most });
  const atLeast = (least: number) => ({ least, most: Number.POSITIVE_INFINITY });

  it.each([
    ['nothing known', [], 0],
    ['nothing against', [atMost(300), atLeast(-300)], 0],
    ['both directions', [atMost(1300), atLeast(700)], 1000],
    ['one direction', [atMost(-2000)], -2500],
    ['the other', [atLeast(2000)], 2500],
    ['a wide gap: near the edge', [atLeast(2000), atMost(9_000_000)], 2500],
    ['one liar among many', [...Array.from({ length: 10 }, () => atMost(300)), atMost(-500_000)], 0],
  ])('%s', (_, evidence, difference) => {
    expect(clockDifference(evidence)).toBe(difference);
  });
});
