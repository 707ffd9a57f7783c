// Whatever comes in whatever order: the layer does not throw, says each thing once, and in the end nobody is alive.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SipMessage } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { VirtualClock } from '../../src/time/clock.ts';
import { TransactionLayer } from '../../src/transaction/layer.ts';
import type { ClientTransaction } from '../../src/transaction/transaction.ts';
import { alice, answer, bob, outgoing, Rig, request } from './rig.ts';

const methods = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'MESSAGE'] as const;
const vias = [
  '192.0.2.10:5062;branch=z9hG4bK-1',
  '192.0.2.10:5062;branch=z9hG4bK-2;rport',
  '192.0.2.11:5062;branch=z9hG4bK-1',
  'old.example.com',
  'old.example.com;branch=z9hG4bK',
].map((rest) => `SIP/2.0/UDP ${rest}`);
const branches = ['z9hG4bK-x', 'z9hG4bK-y'];
const statuses = [100, 180, 199, 200, 202, 302, 404, 487, 503, 603];

const method = fc.constantFrom(...methods);
const status = fc.constantFrom(...statuses);
const tag = fc.constantFrom('b', 'c');
const index = fc.nat(7);

/** One thing that happens. What is done from within a callback is of the same kind, without callbacks of its own. */
type Step =
  | { do: 'receive request'; method: string; via: string; tag: string }
  | { do: 'receive response'; method: string; branch: string; status: number; tag: string }
  | { do: 'respond'; to: number; status: number; tag: string }
  | { do: 'request'; method: string; branch: string }
  | { do: 'cancel' | 'abandon' | 'abandon server' | 'fail'; which: number }
  | { do: 'wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('receive request' as const), method, via: fc.constantFrom(...vias), tag }),
  fc.record({
    do: fc.constant('receive response' as const),
    method,
    branch: fc.constantFrom(...branches, 'z9hG4bK-z'),
    status,
    tag,
  }),
  fc.record({ do: fc.constant('respond' as const), to: index, status, tag }),
  fc.record({
    do: fc.constant('request' as const),
    method: fc.constantFrom('INVITE', 'BYE', 'CANCEL', 'MESSAGE'),
    branch: fc.constantFrom(...branches),
  }),
  fc.record({
    do: fc.constantFrom('cancel' as const, 'abandon' as const, 'abandon server' as const, 'fail' as const),
    which: index,
  }),
  fc.record({
    do: fc.constant('wait' as const),
    ms: fc.constantFrom(0, 1, 499, 500, 1000, 4000, 5000, 31_999, 32_000),
  }),
);

/** The last of them counts as number 0: what just happened is what matters most. */
function pick<T>(from: readonly T[], which: number): T | undefined {
  return from.at(-1 - which);
}

function run(steps: readonly Step[], within: readonly Step[], failAtOnce: boolean): void {
  let inside = 0;
  const ends = new Map<ClientTransaction, string[]>();
  const note = (tx: ClientTransaction, what: string): void => {
    ends.set(tx, [...(ends.get(tx) ?? []), what]);
    reenter();
  };
  const reenter = (): void => {
    const next = within[inside++];
    if (next !== undefined) perform(next);
  };
  const rig: Rig = new Rig({
    failAtOnce,
    on: {
      onRequest: reenter,
      onCancel: reenter,
      onStrayCancel: reenter,
      onAck: reenter,
      onStrayResponse: reenter,
    },
  });
  const perform = (s: Step): void => {
    switch (s.do) {
      case 'receive request':
        return rig.receive(
          request(s.method, { via: s.via, to: `<sip:b@h>${s.method === 'ACK' ? `;tag=${s.tag}` : ''}` }),
        );
      case 'receive response':
        return rig.receive(answer(outgoing(s.method, s.branch), s.status, s.tag));
      case 'respond': {
        const tx = pick(rig.servers, s.to);
        return tx?.respond(answer(request(tx.method), s.status, s.tag));
      }
      case 'request':
        rig.send(outgoing(s.method, s.branch), {
          onResponse: (tx, r) => note(tx, r.status < 200 ? 'provisional' : `${Math.trunc(r.status / 100)}`),
          onTimeout: (tx) => note(tx, 'timeout'),
          onTransportFailed: (tx) => note(tx, 'failed'),
        });
        return;
      case 'cancel':
        return pick(rig.clients, s.which)?.cancel();
      case 'abandon':
        return pick(rig.clients, s.which)?.abandon();
      case 'abandon server':
        return pick(rig.servers, s.which)?.abandon();
      case 'fail':
        return pick(rig.wire, s.which)?.fail();
      case 'wait':
        return rig.clock.advance(s.ms);
    }
  };
  for (const s of steps) perform(s);
  rig.expectNothingLeft();
  for (const [tx, told] of ends) expectEachOnce(tx, told);
}

/** Provisionals, then one end; only a 2xx to INVITE may come more than once, and after another final response. */
function expectEachOnce(tx: ClientTransaction, told: readonly string[]): void {
  const end = told.findIndex((what) => what !== 'provisional');
  if (end < 0) return;
  const rest = told.slice(end + 1);
  if (tx.method !== 'INVITE' || told[end] === 'timeout' || told[end] === 'failed') expect(rest).toEqual([]);
  else expect(rest.filter((what) => what !== '2')).toEqual([]);
}

describe('whatever happens', () => {
  it('nothing throws, each end is told once, and nobody is left alive', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 8 }), fc.boolean(), run),
      { numRuns: 400 },
    );
  });

  it('a message that is broken but readable is taken as it is', () => {
    const good = [request('INVITE', { via: vias[0] ?? '' }), answer(outgoing('INVITE', 'z9hG4bK-x'), 200)];
    const texts = good.map(textOf);
    const damage = fc.record({ at: fc.nat(400), cut: fc.nat(12), put: fc.string({ maxLength: 6 }) });
    const clock = new VirtualClock();
    const nothing = (): void => {};
    const user = { onStrayCancel: nothing, onCancel: nothing, onAck: nothing, onStrayResponse: nothing };
    const layer = new TransactionLayer({
      clock,
      timers: { t1: 500, t2: 4000, t4: 5000 },
      send: nothing,
      reason: () => 'Trying',
      user: { ...user, onRequest: (tx) => tx.abandon() },
    });
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(damage, { maxLength: 3 }), (text, damages) => {
        let bad = text;
        for (const { at, cut, put } of damages)
          bad = bad.slice(0, at % bad.length) + put + bad.slice((at % bad.length) + cut);
        const parsed = parse(Buffer.from(bad, 'latin1'));
        const message = parsed.ok ? parsed.message : parsed.request;
        if (message === undefined) return;
        taken++;
        layer.receive(message, message.kind === 'request' ? alice : bob);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(200);
    clock.advance(64_000);
    expect([layer.size.serverInvite, layer.size.serverNonInvite, clock.pending]).toEqual([0, 0, 0]);
  });
});

function textOf(m: SipMessage): string {
  const start = m.kind === 'request' ? `${m.method} ${m.uri} SIP/2.0` : `SIP/2.0 ${m.status} ${m.reason}`;
  return [start, ...m.headers.map(({ raw }) => raw), '', ''].join('\r\n');
}
