// Lines and bodies are copied in pieces of the datagram they came from: only what stands together there is one piece.
import { describe, expect, test } from 'vitest';
import { removeHeader, setHeader, stampReceived } from '../../src/sip/edit.ts';
import { parse } from '../../src/sip/parse.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { invite, request } from './wire.ts';

const text = (bytes: Buffer): string => bytes.toString('latin1');
const came = invite({ X: ['X-A: 1', 'X-B: 2', 'X-C: 3'] }, 'a body');

describe('an edited message', () => {
  test('without a line holds those around it', () => {
    expect(text(serialize(removeHeader(request(came), 'X-B')))).toBe(text(came).replace('X-B: 2\r\n', ''));
  });

  test('has its lines in the order they are in now', () => {
    const r = request(came);
    r.headers.reverse();
    const lines = r.headers.map(({ raw }) => `${raw}\r\n`).join('');
    expect(text(serialize(r))).toBe(`INVITE sip:eva@kosice.example SIP/2.0\r\n${lines}\r\na body`);
  });

  test('may hold lines of another', () => {
    const r = request(came);
    const other = request(invite({ X: ['X-A: 4', 'X-B: 5', 'X-C: 6'] }, 'a body'));
    r.headers = r.headers.map((line, i) => (line.key === 'x-b' ? (other.headers[i] ?? line) : line));
    expect(text(serialize(r))).toBe(text(came).replace('X-B: 2', 'X-B: 5'));
  });

  test('has the body it was given', () => {
    const r = setHeader(request(came), 'Content-Length', '3');
    r.body = Buffer.from('new');
    expect(text(serialize(r))).toBe(
      text(came).replace('Content-Length: 6', 'Content-Length: 3').replace('a body', 'new'),
    );
    expect(text(serialize(request(serialize(r.copy()))))).toBe(text(serialize(r)));
  });
});

test('a head without end has no body', () => {
  const result = parse(Buffer.from(`${text(invite()).slice(0, -2)}! `, 'latin1'));
  if (result.ok || result.request === undefined) expect.fail('no refused request');
  expect(text(serialize(result.request))).toBe(text(invite()));
});

test('a folded Via that was stamped is seen unfolded', () => {
  const r = request(invite({ Via: 'Via: SIP/2.0/UDP\r\n a.example;branch=z9hG4bK1' }));
  expect(stampReceived(r, '203.0.113.9', 4).via.raw).toBe(
    'SIP/2.0/UDP a.example;branch=z9hG4bK1;received=203.0.113.9',
  );
});
