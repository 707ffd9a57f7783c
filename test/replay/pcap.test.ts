import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/replay/capture/capture.ts';
import { readAll } from './read-all.ts';
import { capture, LINK, packetsOf, pcap } from './write-capture.ts';

const AT = 1_700_000_000_123_456;
const OPTIONS = 'OPTIONS sip:b@192.0.2.2 SIP/2.0\r\n\r\n';
const ONE = { at: AT, from: '192.0.2.1:5070', to: '192.0.2.2:5060', message: OPTIONS };
const TWO = { ...ONE, at: AT + 1_000_000, message: 'SIP/2.0 200 OK\r\n\r\n', from: ONE.to, to: ONE.from };

describe('a pcap file', () => {
  for (const byteOrder of ['little', 'big'] as const) {
    for (const digits of [6, 9]) {
      it(`is read in ${byteOrder}-endian order with times of ${digits} digits`, () => {
        const { datagrams, summary } = readAll(capture([ONE, TWO], { format: 'pcap', byteOrder, digits }));
        expect(summary).toMatchObject({ format: 'pcap', packets: 2, sip: 2 });
        expect(datagrams).toEqual([
          {
            time: AT,
            source: { address: '192.0.2.1', port: 5070 },
            destination: { address: '192.0.2.2', port: 5060 },
            bytes: Buffer.from(OPTIONS),
            packet: 1,
            copies: [],
            cut: false,
            sip: true,
            interface: 0,
          },
          expect.objectContaining({
            time: AT + 1_000_000,
            packet: 2,
            source: { address: '192.0.2.2', port: 5060 },
          }),
        ]);
      });
    }
  }

  it('is read when its records have the eight bytes more of the modified format', () => {
    const [packet] = packetsOf(ONE, 'ethernet', 1);
    const plain = pcap(packet === undefined ? [] : [packet]);
    plain.writeUInt32LE(0xa1b2cd34, 0);
    const modified = Buffer.concat([plain.subarray(0, 40), Buffer.alloc(8), plain.subarray(40)]);
    expect(readAll(modified).datagrams).toHaveLength(1);
  });

  it('ignores the flags above the link type', () => {
    const bytes = capture([ONE], { format: 'pcap' });
    bytes.writeUInt32LE((0x54000000 | LINK.ethernet) >>> 0, 20);
    expect(readAll(bytes).datagrams).toHaveLength(1);
  });

  it('without packets is a good file', () => {
    expect(readAll(pcap([]))).toMatchObject({ datagrams: [], summary: { packets: 0, sip: 0 } });
  });
});

describe('a bad pcap file', () => {
  const good = capture([ONE, TWO], { format: 'pcap' });
  const secondAt = 24 + 16 + good.readUInt32LE(32);

  it('that ends inside a packet says in which, and where it began', () => {
    expect(readCapture(good.subarray(0, good.length - 5))).toEqual({
      ok: false,
      problem: {
        code: 'truncated',
        packet: 2,
        offset: secondAt,
        message: `packet 2, byte ${secondAt}: the file ends inside the packet (${good.readUInt32LE(secondAt + 8) - 5} of ${good.readUInt32LE(secondAt + 8)} bytes)`,
      },
    });
  });

  it("that ends inside a packet's header says so", () => {
    expect(readCapture(good.subarray(0, secondAt + 7))).toMatchObject({
      ok: false,
      problem: { code: 'truncated', packet: 2, offset: secondAt },
    });
  });

  it('that ends inside its own header has no packet yet', () => {
    expect(readCapture(good.subarray(0, 20))).toMatchObject({
      problem: { code: 'truncated', packet: 0, offset: 0 },
    });
  });

  it('with an absurd length is not believed', () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(0x7fffffff, secondAt + 8);
    expect(readCapture(bytes)).toMatchObject({
      problem: { code: 'bad-packet', packet: 2, offset: secondAt },
    });
  });

  it('of another version is refused', () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16LE(3, 4);
    expect(readCapture(bytes)).toMatchObject({ problem: { code: 'unsupported-version' } });
  });

  it('of a link type nobody here understands is refused by its number', () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(105, 20);
    const result = readCapture(bytes);
    expect(result).toMatchObject({ problem: { code: 'unsupported-link', packet: 1, offset: 24 } });
    expect(result.ok ? '' : result.problem.message).toContain('link type 105');
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'the file has 0 bytes'],
    ['text', Buffer.from('INVITE sip:a@b SIP/2.0'), 'it begins with 494e5649'],
    ['a packed file', Buffer.from([0x1f, 0x8b, 8, 0, 0]), 'gzip: unpack it first'],
  ])('that is %s is refused', (_, bytes, words) => {
    const result = readCapture(bytes);
    expect(result).toMatchObject({ problem: { code: 'unknown-format', packet: 0, offset: 0 } });
    expect(result.ok ? '' : result.problem.message).toContain(words);
  });
});
