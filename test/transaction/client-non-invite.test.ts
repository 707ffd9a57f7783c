import { describe, expect, it } from 'vitest';
import { ClientNonInvite } from '../../src/transaction/client-non-invite.ts';
import { clientNonInvite, type Event, type State } from '../../src/transaction/client-non-invite-table.ts';
import { walk } from './arrows.ts';
import { answer, bob, outgoing, Rig, type RigOptions, T1, T4 } from './rig.ts';

const bye = (): ReturnType<typeof outgoing> => outgoing('BYE');
const clients = new WeakMap<Rig, ClientNonInvite>();

function trying(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  const tx = rig.send(bye());
  if (tx instanceof ClientNonInvite) clients.set(rig, tx);
  return rig;
}

function after(status: number): Rig {
  const rig = trying();
  rig.receive(answer(bye(), status));
  return rig;
}

function terminated(): Rig {
  const rig = after(200);
  rig.clock.advance(T4);
  return rig;
}

function txOf(rig: Rig): ClientNonInvite {
  const tx = clients.get(rig);
  if (tx === undefined) throw new Error('nothing was sent');
  return tx;
}

/** Timer E does not start anew with a provisional: it runs on to its first 500 ms. */
walk<State, Event>('non-INVITE client transaction', {
  table: clientNonInvite,
  state: (rig) => txOf(rig).state,
  reach: { trying: () => trying(), proceeding: () => after(100), completed: () => after(200), terminated },
  cause: {
    'response.provisional': (rig) => rig.receive(answer(bye(), 183)),
    'response.final': (rig) => rig.receive(answer(bye(), 404)),
    'timer.e': (rig) => rig.clock.advance(T1),
    'timer.f': (rig) => rig.lastMillisecondOf(64 * T1),
    'timer.k': (rig) => rig.clock.advance(T4),
    'transport.failed': (rig) => rig.wire[0]?.fail(),
  },
  only: {
    'timer.e': ['trying', 'proceeding', 'terminated'],
    'timer.f': ['trying', 'proceeding', 'terminated'],
    'timer.k': ['completed', 'terminated'],
  },
  rows: [
    ['trying', 'response.provisional', 'proceeding', '', 'response 183'],
    ['trying', 'response.final', 'completed', '', 'response 404'],
    ['trying', 'timer.e', 'trying', 'BYE', ''],
    ['trying', 'timer.f', 'terminated', '', 'timeout'],
    ['trying', 'transport.failed', 'terminated', '', 'transport failed'],
    ['proceeding', 'response.provisional', 'proceeding', '', 'response 183'],
    ['proceeding', 'response.final', 'completed', '', 'response 404'],
    ['proceeding', 'timer.e', 'proceeding', 'BYE', ''],
    ['proceeding', 'timer.f', 'terminated', '', 'timeout'],
    ['proceeding', 'transport.failed', 'terminated', '', 'transport failed'],
    ['completed', 'timer.k', 'terminated', '', ''],
  ],
});

describe('a request that is sent', () => {
  it('goes out at once, and again byte for byte', () => {
    const rig = trying();
    expect(rig.sent()).toBe('BYE');
    expect(rig.last.flow).toBe(bob);
    const first = rig.last.bytes;
    rig.clock.advance(T1);
    expect(rig.last.bytes.equals(first)).toBe(true);
    rig.expectNothingLeft();
  });

  it.each([
    [500, 4000],
    [100, 1000],
    [1000, 1000],
  ])('with T1 %i ms and T2 %i ms is repeated up to T2 apart, and given up at 64*T1', (t1, t2) => {
    const rig = trying({ timers: { t1, t2, t4: T4 } });
    const expected: number[] = [];
    for (let at = t1, interval = t1; at < 64 * t1; at += interval) {
      expected.push(at);
      interval = Math.min(interval * 2, t2);
    }
    expect(rig.sendingTimes(64 * t1 - 1)).toEqual(expected);
    expect(rig.told()).toBe('');
    rig.clock.advance(1);
    expect(rig.told()).toBe('timeout');
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('is repeated at 500, 1500, 3500, 7500 ms and every 4 s, never a millisecond early', () => {
    const rig = trying();
    expect(rig.sendingTimes(T1 - 1)).toEqual([]);
    expect(rig.sendingTimes(1)).toEqual([1]);
    expect(rig.sendingTimes(15_000).map((at) => at + T1)).toEqual([1500, 3500, 7500, 11_500, 15_500]);
    rig.expectNothingLeft();
  });

  it('is repeated every T2 once a provisional came, after the interval that runs', () => {
    const rig = trying();
    rig.clock.advance(600);
    rig.receive(answer(bye(), 100));
    expect(rig.sendingTimes(12_000).map((at) => at + 600)).toEqual([1500, 5500, 9500]);
    expect(txOf(rig).provisional).toBe(true);
    rig.fresh();
    rig.clock.advance(64 * T1 - 12_600 - 1);
    expect(rig.told()).toBe('');
    rig.clock.advance(1);
    expect(rig.told()).toBe('timeout');
    rig.expectNothingLeft();
  });

  it('stays silent after its final response; retransmitted ones are absorbed until Timer K', () => {
    const rig = after(200);
    rig.fresh();
    rig.clock.advance(T4 - 1);
    rig.receive(answer(bye(), 200));
    rig.receive(answer(bye(), 500));
    rig.receive(answer(bye(), 183));
    expect([rig.sent(), rig.told(), rig.alive]).toEqual(['', '', 1]);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    rig.receive(answer(bye(), 200));
    expect(rig.told()).toBe('stray 200');
    rig.expectNothingLeft();
  });

  it('ends by Timer K also after a provisional, not a millisecond early', () => {
    const rig = after(100);
    rig.clock.advance(20_000);
    rig.receive(answer(bye(), 200));
    rig.clock.advance(T4 - 1);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('hands its user the response, itself and the way the response came; the request is there until then', () => {
    const rig = new Rig();
    let seen = 0;
    const tx = rig.send(bye(), {
      onResponse: (self, response, flow) => {
        seen++;
        expect(self.request.method).toBe('BYE');
        expect(self.branch).toBe('z9hG4bK-ours');
        expect(response.status).toBe(481);
        expect(flow).toBe(bob);
      },
    });
    rig.receive(answer(bye(), 481));
    expect(seen).toBe(1);
    expect(() => tx.request).toThrowError(expect.objectContaining({ code: 'request-released' }));
    rig.expectNothingLeft();
  });

  it('that cannot be sent is over at once, and its user hears of it once', () => {
    const rig = trying({ failAtOnce: true });
    for (const { fail } of rig.wire) fail();
    expect(rig.told()).toBe('transport failed');
    expect(txOf(rig).state).toBe('terminated');
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
    const later = trying();
    later.failAtOnce = true;
    later.clock.advance(T1);
    expect(later.told()).toBe('transport failed');
    expect(later.sendingTimes(64 * T1)).toEqual([]);
    later.expectNothingLeft();
  });

  it('is still delivered when its user has turned away, who hears nothing more', () => {
    const rig = trying();
    txOf(rig).abandon();
    expect(rig.sendingTimes(T1)).toEqual([T1]);
    rig.receive(answer(bye(), 200));
    expect(rig.told()).toBe('');
    expect(txOf(rig).state).toBe('completed');
    rig.expectNothingLeft();
  });

  it('knows no CANCEL', () => {
    const rig = after(100);
    rig.fresh();
    txOf(rig).cancel();
    expect(rig.sent()).toBe('');
    rig.expectNothingLeft();
  });
});
