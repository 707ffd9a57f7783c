// Properties over generated and damaged messages. FUZZ_RUNS=100000 for a long run.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decrementMaxForwards,
  popVia,
  pushVia,
  recordRoute,
  routes,
  setRoutes,
  stampReceived,
} from '../../src/sip/edit.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { makeAck, makeCancel, makeResponse } from '../../src/sip/reply.ts';
import { mediaOf } from '../../src/sip/sdp.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { parseNameAddr, parseUri } from '../../src/sip/uri.ts';
import { checkRequest } from '../../src/sip/validate.ts';
import { parseVia } from '../../src/sip/via.ts';
import { message, mutated, route, via } from './generate.ts';
import { torture } from './torture.ts';
import { invite, parsed, response, ringing } from './wire.ts';

const numRuns = Number(process.env.FUZZ_RUNS ?? 300);
const long = { numRuns, ...(process.env.FUZZ_SEED ? { seed: Number(process.env.FUZZ_SEED) } : {}) };
const timeout = 30_000 + 20 * numRuns;

/** Everything that is ever read from a message or made of it. */
function handle(m: SipMessage): void {
  void [m.via, m.from, m.to, m.callId, m.cseq, mediaOf(m)];
  for (const line of m.headers) {
    void [line.name, line.value, m.first(line.key)];
    for (const value of m.all(line.key)) {
      const uri = parseNameAddr(value)?.uri;
      if (uri !== undefined) parseUri(uri);
      parseVia(value);
    }
  }
  if (m.kind === 'request') {
    checkRequest(m);
    serialize(makeResponse(m, 400, 'Bad Request', { toTag: 'x' }));
    serialize(makeCancel(m));
    serialize(makeAck(m, response(ringing())));
  }
  const copy = m.copy();
  stampReceived(copy, '203.0.113.9', 4);
  pushVia(
    recordRoute(decrementMaxForwards(copy), '<sip:us.example;lr>'),
    'SIP/2.0/UDP us.example;branch=z9hG4bKx',
  );
  setRoutes(copy, routes(copy).slice(1));
  serialize(popVia(popVia(copy)));
}

function survives(bytes: Buffer): void {
  const result = parse(bytes);
  if (!result.ok) {
    expect(result.offset).toBeLessThanOrEqual(bytes.length);
    expect(result.problem.phrase).toMatch(/^[ -~]+$/);
    expect(result.request === undefined).toBe(result.problem.status === 0);
    if (result.request !== undefined) handle(result.request);
    return;
  }
  handle(result.message);
  const once = serialize(result.message);
  expect(serialize(parsed(once)).equals(once)).toBe(true);
}

describe('parse never throws, and what it takes for good can be used', { timeout }, () => {
  test('arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => survives(Buffer.from(bytes))),
      long,
    );
  });
  test('arbitrary text between the parts of a message', () => {
    const piece = fc.constantFrom(
      'INVITE',
      ' ',
      'sip:a@b',
      'SIP/2.0',
      '\r\n',
      'Via:',
      'v: SIP/2.0/UDP h',
      'f:',
      't:<',
      'i:1',
      'CSeq: 1 INVITE',
      '\n',
      '"',
      ',',
      ';',
      '>',
      '\r',
      'l:1',
      '200',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => survives(Buffer.from(pieces.join('')))),
      long,
    );
  });
  test('damaged messages', () => {
    const sources = fc.oneof(
      fc.constantFrom(...torture.map((one) => one.bytes)),
      message.map((one) => one.bytes),
    );
    fc.assert(fc.property(mutated(sources), survives), { ...long, numRuns: 3 * numRuns });
  });
});

describe('a valid message', { timeout }, () => {
  test('comes out byte for byte, and says what was put in', () => {
    fc.assert(
      fc.property(message, (one) => {
        const m = parsed(one.bytes);
        expect(serialize(m).toString('latin1')).toBe(one.bytes.toString('latin1'));
        expect(m.all('via').map((value) => parseVia(value)?.branch)).toEqual(one.branches);
        expect(m.via.branch).toBe(one.branches[0]);
        expect(m.all('route')).toEqual(one.routes);
        expect(m.cseq.number).toBe(one.number);
        expect(m.from.tag).toBe('1');
        expect(m.body.equals(one.body)).toBe(true);
        if (m.kind === 'request') expect(checkRequest(m)).toBeUndefined();
      }),
      long,
    );
  });

  test('loses its Vias one by one, and only those', () => {
    fc.assert(
      fc.property(message, (one) => {
        const m = parsed(one.bytes);
        const others = m.headers.filter((line) => line.key !== 'via');
        for (let i = 1; i <= one.branches.length; i++) {
          popVia(m);
          expect(m.all('via').map((value) => parseVia(value)?.branch)).toEqual(one.branches.slice(i));
        }
        expect(m.headers).toEqual(others);
      }),
      long,
    );
  });

  test('takes any Route set', () => {
    fc.assert(
      fc.property(message, fc.array(route, { maxLength: 4 }), fc.nat(5), (one, fresh, kept) => {
        const m = parsed(one.bytes);
        const values = [...fresh, ...routes(m).slice(kept)];
        setRoutes(m, values);
        expect(routes(m)).toEqual(values);
        expect(serialize(parsed(serialize(m))).equals(serialize(m))).toBe(true);
      }),
      long,
    );
  });

  test('is stamped and can still be read', () => {
    fc.assert(
      fc.property(fc.array(via, { minLength: 1, maxLength: 3 }), fc.boolean(), (vias, rport) => {
        const raw = vias
          .map((one, i) => (i === 0 && rport ? `${one.raw} ;\r\n rport` : one.raw))
          .join(' ,\r\n ');
        const m = parsed(invite({ Via: `v: ${raw}` }));
        stampReceived(m, '203.0.113.9', 4444);
        expect(m.via).toMatchObject({
          received: '203.0.113.9',
          branch: vias[0]?.branch,
          rport: rport ? 4444 : undefined,
        });
        expect(m.all('via')).toHaveLength(vias.length);
      }),
      long,
    );
  });
});
