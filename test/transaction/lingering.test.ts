import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { makeResponse } from '../../src/sip/reply.ts';
import { answer, outgoing, Rig, request } from './rig.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const COUNT = 3000;
/** Far more than what may stay: a header or a body that is held on to by a single word shows. */
const long = 'x'.repeat(8000);
const parts = { more: [`Subject: ${long}`], body: long };

/** Bytes that each of the transactions leaves behind while it lingers. */
function bytesEach(rig: Rig, make: (i: number) => void): number {
  make(-1);
  const used = (): number => {
    rig.wire.length = 0;
    rig.servers.length = 0;
    rig.clients.length = 0;
    rig.heard.length = 0;
    // Buffers are freed behind the first collection's back.
    gc();
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  for (let i = 0; i < COUNT; i++) make(i);
  const each = (used() - before) / COUNT;
  expect(rig.alive).toBe(COUNT + 1);
  return each;
}

describe('what lingers is its key and its last response', () => {
  const via = (i: number): string => `SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-${i}-524287-1---d8754z`;
  const serve = (rig: Rig, method: string, status: number) => (i: number) => {
    const r = request(method, { ...parts, via: via(i) });
    rig.receive(r);
    rig.server.respond(makeResponse(r, status, 'Own Words', { toTag: 'b' }));
  };
  const send = (rig: Rig, method: string, status: number) => (i: number) => {
    const r = outgoing(method, `z9hG4bK-${i}-0123456789abcdef`, parts.more);
    r.body = Buffer.from(long);
    rig.send(r);
    rig.receive(answer(r, status));
  };

  it.each([
    ['an INVITE that was answered', serve, 'INVITE', 200],
    ['an INVITE that was refused', serve, 'INVITE', 486],
    ['another request that was answered', serve, 'BYE', 200],
    ['one of a long method', serve, 'ALONGMETHODNAME', 200],
    ['an INVITE of ours that was answered', send, 'INVITE', 200],
    ['an INVITE of ours that was refused', send, 'INVITE', 486],
    ['another request of ours', send, 'BYE', 200],
  ])('%s', (_, kind, method, status) => {
    const rig = new Rig();
    expect(bytesEach(rig, kind(rig, method, status))).toBeLessThan(2000);
    rig.expectNothingLeft();
  });
});
