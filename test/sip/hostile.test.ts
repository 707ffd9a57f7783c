// Inputs of the largest datagram's size, made to hurt: time must grow with length, not with its square.
import { describe, expect, test } from 'vitest';
import { popVia, routes, setRoutes, stampReceived } from '../../src/sip/edit.ts';
import { parse } from '../../src/sip/parse.ts';
import { makeResponse } from '../../src/sip/reply.ts';
import { mediaOf } from '../../src/sip/sdp.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { parseNameAddr, parseUri, sameUri } from '../../src/sip/uri.ts';
import { checkRequest } from '../../src/sip/validate.ts';
import { invite } from './wire.ts';

const SIZE = 60_000;
const fill = (piece: string): string => piece.repeat(Math.floor(SIZE / piece.length));
const boundary = 'Content-Type: multipart/mixed;boundary=b';

const inputs: Readonly<Record<string, Buffer>> = {
  '100 Vias': invite({
    X: Array.from({ length: 100 }, (_, i) => `Via: SIP/2.0/UDP h${i}.example;branch=z9hG4bK${i}`),
  }),
  '10,000 header lines': invite({ X: Array.from({ length: 10_000 }, () => 'a:b') }),
  'Vias in one line': invite({ X: `Via: ${fill('SIP/2.0/UDP h,')}` }),
  'commas in the top Via': invite({ Via: `Via: SIP/2.0/UDP h${fill(',')}` }),
  'Routes in one line': invite({ X: `Route: ${fill('<sip:h>,')}` }),
  'Route: commas': invite({ X: `Route: ${fill(',')}` }),
  'Route: quotes': invite({ X: `Route: ${fill('"')}` }),
  'Route: backslashes': invite({ X: `Route: "${fill('\\')}` }),
  'Route: angle brackets': invite({ X: `Route: ${fill('<')}` }),
  'Via parameters': invite({ Via: `Via: SIP/2.0/UDP h${fill(';a=b')}` }),
  'Via semicolons': invite({ Via: `Via: SIP/2.0/UDP h${fill(';')}` }),
  'From quotes': invite({ From: `From: ${fill('"')}` }),
  'From spaces': invite({ From: `From: <sip:a@b>${fill(' ')};tag=1` }),
  'From parameters': invite({ From: `From: <sip:a@b>${fill(';p="x"')}` }),
  'URI parameters': invite({ start: `INVITE sip:a@b${fill(';p=1')} SIP/2.0` }),
  'URI escapes': invite({ start: `INVITE sip:${fill('%61')}@b SIP/2.0` }),
  'URI colons': invite({ start: `INVITE sip:${fill(':')} SIP/2.0` }),
  'URI brackets': invite({ start: `INVITE sip:${fill('[')} SIP/2.0` }),
  'folds in To': invite({ To: `To: <sip:a@b>${fill('\r\n ')};tag=1` }),
  'folds in Via': invite({ Via: `Via: SIP/2.0/UDP${fill('\r\n ')}h` }),
  'bare LF folds': invite({ X: `X: a${fill('\n ')}b` }),
  'bare CRs': invite({ X: `X: ${fill('\r')}` }),
  'CSeq zeros': invite({ CSeq: `CSeq: ${fill('0')}1 INVITE` }),
  'Content-Length zeros': invite({ 'Content-Length': `Content-Length: ${fill('0')}` }),
  'no line end at all': Buffer.from(fill('A')),
  'line ends alone': Buffer.from(fill('\r\n')),
  'lone LF without end': Buffer.from(`INVITE sip:a@b SIP/2.0\n${fill('a:b\n')}`),
  'header name of 60 KB': invite({ X: `${fill('x')}: y` }),
  'spaces before the colon': invite({ X: `X${fill(' ')}: y` }),
  'SDP lines': invite(
    { 'Content-Type': 'Content-Type: application/sdp' },
    `v=0\r\n${fill('m=audio 1 RTP/AVP 0\r\n')}`,
  ),
  'SDP spaces': invite({ 'Content-Type': 'Content-Type: application/sdp' }, `v=0\r\na=${fill(' ')}`),
  'multipart delimiters': invite({ 'Content-Type': boundary }, fill('--b\r\n')),
  'multipart blank lines': invite({ 'Content-Type': boundary }, `--b\r\n${fill('\r\n')}`),
  'multipart header folds': invite(
    { 'Content-Type': boundary },
    `--b\r\nContent-Type: ${fill('\r\n ')}x\r\n\r\ny`,
  ),
  'multipart in multipart': invite(
    { 'Content-Type': boundary },
    fill('--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n'),
  ),
};

function handle(bytes: Buffer): void {
  const result = parse(bytes);
  const m = result.ok ? result.message : result.request;
  if (m?.kind !== 'request') return;
  checkRequest(m);
  mediaOf(m);
  for (const line of m.headers) m.first(line.key);
  for (const key of ['via', 'route', 'contact']) m.all(key);
  serialize(makeResponse(m, 400, 'Bad Request', { toTag: 'x' }));
  stampReceived(m, '203.0.113.9', 4);
  setRoutes(m, routes(m).slice(1));
  setRoutes(m, []);
  serialize(popVia(m));
}

/** CPU time, the best of a few runs: the machine may be busy with others, the compiler with us. */
function milliseconds(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 4; i++) {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

describe('60 KB of', () => {
  test.each(Object.entries(inputs))('%s is dealt with at once', (_, bytes) => {
    expect(milliseconds(() => handle(bytes))).toBeLessThan(100);
  });

  test('two long URIs are compared at once', () => {
    const uri = (n: number) =>
      parseUri(`sip:a@b${Array.from({ length: 20_000 }, (_, i) => `;p${n}${i}`).join('')}`);
    expect(uri(1)).toBeUndefined();
    const [a, b] = [1, 2].map((n) =>
      parseUri(`sip:a@b?${Array.from({ length: 9_000 }, (_, i) => `h${(i * 7919) % 9000}=${n}`).join('&')}`),
    );
    if (a === undefined || b === undefined) expect.fail('malformed');
    expect(milliseconds(() => sameUri(a, b))).toBeLessThan(200);
  });

  test('a name-addr is refused at once', () => {
    for (const piece of ['<', '"', '\\', ';', ' ', '<sip:a>', ';a="', ';a= '])
      expect(milliseconds(() => parseNameAddr(fill(piece)))).toBeLessThan(50);
  });
});

test('what is refused for its many headers can still be answered', () => {
  const result = parse(invite({ X: Array.from({ length: 10_000 }, () => 'a:b') }));
  expect(result).toMatchObject({ ok: false, problem: { status: 400, code: 'too-many-headers' } });
  if (!result.ok) expect(result.request?.headers.length).toBe(512);
});

test('a hundred Vias are no fault', () => {
  const result = parse(inputs['100 Vias'] ?? Buffer.alloc(0));
  expect(result.ok && result.message.all('via').length).toBe(101);
});
