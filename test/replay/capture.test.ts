import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readCapture } from '../../src/replay/capture/capture.ts';
import { looksLikeSip } from '../../src/replay/capture/sip-head.ts';
import { readAll } from './read-all.ts';
import { type CapturedMessage, capture, framed, ipv4, pcap, udp, writeCapture } from './write-capture.ts';

const folder = mkdtempSync(join(tmpdir(), 'capture-'));
afterAll(() => rmSync(folder, { recursive: true }));

const T = 1_700_000_000_000_000;
const ENDS = { from: '192.0.2.1:5070', to: '192.0.2.2:5060' };
const SIP = 'OPTIONS sip:b@192.0.2.2 SIP/2.0\r\n\r\n';
const RTP = Buffer.alloc(172, 0x80);

describe('a capture', () => {
  const mixed: CapturedMessage[] = [
    { at: T, ...ENDS, message: SIP },
    { at: T + 1, ...ENDS, message: RTP },
    { at: T + 2, ...ENDS, message: '\r\n\r\n' },
  ];

  it('gives SIP alone, or every datagram', () => {
    expect(readAll(capture(mixed)).datagrams.map((d) => d.packet)).toEqual([1]);
    expect(readAll(capture(mixed), { only: 'udp' }).datagrams.map((d) => d.sip)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('can be gone through again, and left early', () => {
    const path = join(folder, 'again.pcapng');
    writeCapture(path, mixed);
    const result = readCapture(path, { only: 'udp' });
    if (!result.ok) throw new Error(result.problem.message);
    for (const datagram of result.capture) {
      expect(datagram.packet).toBe(1);
      break;
    }
    expect([...result.capture].map((d) => d.packet)).toEqual([1, 2, 3]);
  });

  it('reads the same from a file much longer than a piece as from memory', () => {
    const messages = Array.from({ length: 3000 }, (_, i) => ({
      at: T + ((i * 7919) % 3000) * 1000,
      ...ENDS,
      message: `OPTIONS sip:${i} SIP/2.0\r\nSubject: ${'x'.repeat((i * 31) % 900)}\r\n\r\n`,
      interface: i % 2,
    }));
    for (const style of [{ format: 'pcap' }, { format: 'pcapng', links: ['ethernet', 'cooked'] }] as const) {
      const path = join(folder, `long.${style.format}`);
      writeCapture(path, messages, style);
      const { datagrams } = readAll(path);
      expect(datagrams).toHaveLength(3000);
      const text = (all: typeof datagrams) =>
        all.map((d) => [d.packet, d.time, d.interface, d.bytes.toString('latin1')].join(' '));
      expect(text(datagrams)).toEqual(text(readAll(capture(messages, style)).datagrams));
    }
  });

  it('tells of SIP that it does not give: over TCP, and quoted in ICMP errors', () => {
    const tcp = Buffer.concat([
      Buffer.from('13ce13c4000000000000000050180000000000 00'.replace(' ', ''), 'hex'),
      Buffer.from(SIP),
    ]);
    const quoted = Buffer.concat([
      Buffer.from('0303000000000000', 'hex'),
      ipv4(ENDS, udp(ENDS, Buffer.from(SIP)), { id: 1 }),
    ]);
    const packets = [
      ipv4({ ...ENDS, protocol: 6 }, tcp, { id: 2 }),
      ipv4({ ...ENDS, protocol: 1 }, quoted, { id: 3 }),
    ];
    const bytes = pcap(packets.map((ip) => ({ at: T, bytes: framed('ethernet', ip) })));
    expect(readAll(bytes)).toMatchObject({ datagrams: [], summary: { sip: 0, sipOverTcp: 1, sipInIcmp: 1 } });
  });

  it('that cannot be opened is a bad file', () => {
    const missing = readCapture(join(folder, 'missing.pcap'));
    expect(missing).toMatchObject({ ok: false, problem: { code: 'unreadable', packet: 0, offset: 0 } });
    expect(missing.ok ? '' : missing.problem.message).toContain('no such file');
    expect(readCapture(folder)).toMatchObject({ ok: false, problem: { code: 'unreadable' } });
  });

  it('that shrinks while it is used throws what happened', () => {
    const path = join(folder, 'shrinks.pcapng');
    writeCapture(path, mixed);
    const result = readCapture(path);
    if (!result.ok) throw new Error(result.problem.message);
    truncateSync(path, 150);
    expect(() => [...result.capture]).toThrow(/changed while it was read/);
  });

  it('that grows while it is used is read as it was', () => {
    const path = join(folder, 'grows.pcapng');
    writeCapture(path, mixed);
    const result = readCapture(path);
    if (!result.ok) throw new Error(result.problem.message);
    writeFileSync(path, Buffer.concat([capture(mixed), Buffer.from('half a block')]));
    expect([...result.capture]).toHaveLength(1);
  });
});

it('a damaged file gives a problem or datagrams, and never throws', () => {
  const messages: CapturedMessage[] = [0, 1, 2, 3].flatMap((n) => [
    { at: T + n, ...ENDS, message: SIP + 'x'.repeat(n * 900), mtu: 1000, interface: n % 2 },
    {
      at: T + n,
      from: '[2001:db8::1]:5060',
      to: '[2001:db8::2]:5060',
      message: SIP,
      interface: n % 2,
      vlans: [n],
    },
  ]);
  const links = ['ethernet', 'cooked2'] as const;
  const files = [capture(messages, { links }), capture(messages, { format: 'pcap' })];
  const damage = fc.record({
    file: fc.constantFrom(...files),
    flips: fc.array(fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) }), { maxLength: 20 }),
    length: fc.option(fc.nat(), { freq: 3 }),
  });
  fc.assert(
    fc.property(damage, ({ file, flips, length }) => {
      const bytes = Buffer.from(file);
      for (const { at, value } of flips) bytes[at % bytes.length] = value;
      const result = readCapture(bytes.subarray(0, length === null ? undefined : length % bytes.length), {
        only: 'udp',
      });
      if (result.ok) for (const datagram of result.capture) expect(datagram.packet).toBeGreaterThan(0);
      else expect(result.problem.message).toMatch(/byte \d+: /);
    }),
    { numRuns: 1000 },
  );
});

it.each([
  ['INVITE sip:b@example.com SIP/2.0\r\n', true],
  ['INVITE sip:b@example.com SIP/2.0\n', true],
  ['FOO tel:+12025550123 SIP/2.0', true],
  ['SIP/2.0 200 OK\r\n', true],
  ['SIP/2.0 200 \r\n', true],
  ['SIP/2.0 2000 OK\r\n', false],
  ['SIP/2.0 OK\r\n', false],
  ['INVITE sip:b@example.com SIP/3.0\r\n', false],
  ['INVITE nobody SIP/2.0\r\n', false],
  ['M-SEARCH * HTTP/1.1\r\n', false],
  ['GET http://example.com/ HTTP/1.1\r\n', false],
  ['\r\n\r\n', false],
  ['', false],
])('%j begins like SIP: %s', (text, answer) => {
  expect(looksLikeSip(Buffer.from(text))).toBe(answer);
});
