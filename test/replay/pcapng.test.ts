import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/replay/capture/capture.ts';
import { readAll } from './read-all.ts';
import { type CapturedPacket, capture, Pcapng, packetsOf } from './write-capture.ts';

const AT = 1_700_000_000_123_456;

function packet(text: string, at = AT, on = 0): CapturedPacket {
  const [only] = packetsOf(
    { at, from: '192.0.2.1:5060', to: '192.0.2.2:5060', message: text, interface: on },
    'ethernet',
    7,
  );
  if (only === undefined) throw new Error('no packet');
  return only;
}

const options = (n: number) => `OPTIONS sip:${n}@192.0.2.2 SIP/2.0\r\n\r\n`;

describe('a pcapng file', () => {
  for (const order of ['little', 'big'] as const) {
    it(`is read in ${order}-endian order, from all three kinds of packet block`, () => {
      const bytes = new Pcapng(order)
        .section()
        .interface('ethernet')
        .enhanced(packet(options(1)))
        .obsolete(packet(options(2), AT + 5))
        .simple(packet(options(3)))
        .enhanced(packet(options(4), AT + 9))
        .bytes();
      const { datagrams, summary } = readAll(bytes);
      expect(summary).toMatchObject({ format: 'pcapng', packets: 4, sip: 4 });
      // a simple packet has no time: it gets that of the one before it
      expect(datagrams.map(({ time, packet: n }) => [n, time - AT])).toEqual([
        [1, 0],
        [2, 5],
        [3, 5],
        [4, 9],
      ]);
      expect(datagrams.map(({ bytes }) => bytes.toString())).toEqual([1, 2, 3, 4].map(options));
    });
  }

  it('may have sections of different byte order, each with interfaces of its own', () => {
    const first = new Pcapng('little')
      .section()
      .interface('ethernet', { name: 'eth0' })
      .enhanced(packet(options(1)));
    const raw = packetsOf(
      { at: AT + 1, from: '192.0.2.1:5060', to: '192.0.2.2:5060', message: options(2) },
      'raw',
      8,
    );
    const second = new Pcapng('big').section().interface('raw', { name: 'tun0' });
    for (const one of raw) second.enhanced(one);
    const { datagrams, summary } = readAll(Buffer.concat([first.bytes(), second.bytes()]));
    expect(datagrams.map((d) => d.interface)).toEqual([0, 1]);
    expect(summary.interfaces).toMatchObject([
      { index: 0, name: 'eth0', linkType: 1, packets: 1, sip: 1 },
      { index: 1, name: 'tun0', linkType: 101, packets: 1, sip: 1 },
    ]);
  });

  it('may contain blocks nobody knows: they are skipped and are no packets', () => {
    const ng = new Pcapng().section();
    ng.block(0x0bad, [Buffer.alloc(100)])
      .interface('ethernet')
      .block(4, [Buffer.alloc(8)])
      .block(0x7fff_fff0, []);
    ng.enhanced(packet(options(1))).block(5, [Buffer.alloc(12)]);
    expect(readAll(ng.bytes()).datagrams.map((d) => d.packet)).toEqual([1]);
  });

  it.each([
    ['nanoseconds', 9, BigInt(AT) * 1000n + 999n, 0],
    ['tenths of µs', 7, BigInt(AT) * 10n + 9n, 0],
    ['milliseconds', 3, BigInt(AT) / 1000n, -456],
    ['seconds', 0, BigInt(AT) / 1_000_000n, -123_456],
    ['powers of two', 0x80 | 20, (BigInt(AT) << 20n) / 1_000_000n, -1],
  ])('tells time in %s', (_, resolution, ticks, difference) => {
    const bytes = new Pcapng()
      .section()
      .interface('ethernet', { resolution })
      .enhancedAt(packet(options(1)), ticks)
      .bytes();
    expect(readAll(bytes).datagrams.map((d) => d.time - AT)).toEqual([difference]);
  });

  it('tells time from another beginning, before or after the epoch', () => {
    const ng = new Pcapng('big').section();
    ng.interface('ethernet', { timeOffset: 1_700_000_000n }).interface('ethernet', {
      timeOffset: -10n,
      resolution: 9,
    });
    ng.enhancedAt({ ...packet(options(1)), interface: 0 }, 123_456n);
    ng.enhancedAt({ ...packet(options(2)), interface: 1 }, (BigInt(AT) + 10_000_001n) * 1000n);
    expect(readAll(ng.bytes()).datagrams.map((d) => d.time - AT)).toEqual([0, 1]);
  });

  it('gives a simple packet no more bytes than its interface keeps', () => {
    const { bytes, wire } = packet(options(1));
    const ng = new Pcapng().section().interface('ethernet', { snaplen: 60 });
    ng.simple({ bytes: bytes.subarray(0, 60), wire: wire ?? 0 });
    expect(readAll(ng.bytes(), { only: 'udp' }).datagrams.map((d) => [d.cut, d.bytes.length])).toEqual([
      [true, 18],
    ]);
  });
});

describe('a bad pcapng file', () => {
  const first = new Pcapng()
    .section()
    .interface('ethernet')
    .enhanced(packet(options(1)));
  const secondAt = first.bytes().length;
  const good = first.enhanced(packet(options(2))).bytes();

  function broken(change: (bytes: Buffer) => void): Buffer {
    const bytes = Buffer.from(good);
    change(bytes);
    return bytes;
  }

  it.each([
    ['ends inside a packet', good.subarray(0, good.length - 9), 'truncated'],
    ["ends inside a block's header", good.subarray(0, secondAt + 10), 'truncated'],
    [
      'has a block with two lengths',
      broken((bytes) => bytes.writeUInt32LE(8, bytes.length - 4)),
      'bad-block',
    ],
    ['has a block too short to be one', broken((bytes) => bytes.writeUInt32LE(8, secondAt + 4)), 'bad-block'],
    [
      'names an interface it has not described',
      broken((bytes) => bytes.writeUInt32LE(1, secondAt + 8)),
      'bad-interface',
    ],
    [
      'has a packet longer than its block',
      broken((bytes) => bytes.writeUInt32LE(5000, secondAt + 20)),
      'bad-packet',
    ],
    [
      'has a time that no clock shows',
      broken((bytes) => bytes.writeUInt32LE(0xffffffff, secondAt + 12)),
      'bad-time',
    ],
  ])('that %s says so, with packet and byte', (_, bytes, code) => {
    const result = readCapture(bytes);
    expect(result).toMatchObject({ ok: false, problem: { code, packet: 2, offset: secondAt } });
    expect(result.ok ? '' : result.problem.message).toContain(`packet 2, byte ${secondAt}: `);
  });

  it('of another version is refused', () => {
    expect(readCapture(broken((bytes) => bytes.writeUInt16LE(2, 12)))).toMatchObject({
      problem: { code: 'unsupported-version', offset: 0 },
    });
  });

  it('without a byte-order mark is refused', () => {
    expect(readCapture(broken((bytes) => bytes.writeUInt32LE(7, 8)))).toMatchObject({
      problem: { code: 'bad-block', offset: 0 },
    });
  });

  it('is refused when all its packets have links nobody understands, and not when only some have', () => {
    const wifi = new Pcapng()
      .section()
      .interface('ethernet', { linkType: 105 })
      .enhanced(packet(options(1)));
    expect(readCapture(wifi.bytes())).toMatchObject({ problem: { code: 'unsupported-link', packet: 1 } });
    const both = wifi.interface('ethernet').enhanced({ ...packet(options(2)), interface: 1 });
    expect(readAll(both.bytes())).toMatchObject({
      datagrams: [{ packet: 2 }],
      summary: { unknownLinks: { 105: 1 } },
    });
  });
});

it('the same messages read the same from either format', () => {
  const messages = [1, 2, 3].map((n) => ({
    at: AT + n,
    from: '192.0.2.1:5060',
    to: '192.0.2.2:5060',
    message: options(n),
  }));
  expect(readAll(capture(messages, { format: 'pcap' })).datagrams).toEqual(
    readAll(capture(messages)).datagrams,
  );
});
