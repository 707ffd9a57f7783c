import { describe, expect, it } from 'vitest';
import { headerLine } from '../../src/sip/message.ts';
import { ClientInvite } from '../../src/transaction/client-invite.ts';
import { clientInvite, type Event, type State } from '../../src/transaction/client-invite-table.ts';
import { walk } from './arrows.ts';
import { answer, bob, outgoing, Rig, type RigOptions, T1, T4 } from './rig.ts';

const invite = (): ReturnType<typeof outgoing> => outgoing('INVITE');
const clients = new WeakMap<Rig, ClientInvite>();

function calling(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  const tx = rig.send(invite());
  if (tx instanceof ClientInvite) clients.set(rig, tx);
  return rig;
}

function after(...statuses: number[]): Rig {
  const rig = calling();
  for (const status of statuses) rig.receive(answer(invite(), status));
  return rig;
}

function cancelling(): Rig {
  const rig = after(180);
  txOf(rig).cancel();
  return rig;
}

function abandoned(): Rig {
  const rig = calling();
  txOf(rig).abandon();
  return rig;
}

function terminated(): Rig {
  const rig = after(486);
  rig.clock.advance(32_000);
  return rig;
}

function txOf(rig: Rig): ClientInvite {
  const tx = clients.get(rig);
  if (tx === undefined) throw new Error('nothing was sent');
  return tx;
}

walk<State, Event>('INVITE client transaction', {
  table: clientInvite,
  state: (rig) => txOf(rig).state,
  reach: {
    calling: () => calling(),
    proceeding: () => after(180),
    cancelling,
    abandoned,
    accepted: () => after(200),
    completed: () => after(486),
    terminated,
  },
  cause: {
    'response.provisional': (rig) => rig.receive(answer(invite(), 183)),
    'response.success': (rig) => rig.receive(answer(invite(), 200)),
    'response.failure': (rig) => rig.receive(answer(invite(), 404)),
    cancel: (rig) => txOf(rig).cancel(),
    abandon: (rig) => txOf(rig).abandon(),
    'timer.a': (rig) => rig.clock.advance(T1),
    'timer.b': (rig) => rig.lastMillisecondOf(64 * T1),
    'timer.c': (rig) => rig.clock.advance(186_000),
    'timer.d': (rig) => rig.clock.advance(32_000),
    'timer.m': (rig) => rig.clock.advance(64 * T1),
    'timer.cancelled': (rig) => rig.lastMillisecondOf(64 * T1),
    'transport.failed': (rig) => rig.wire[0]?.fail(),
  },
  only: {
    'timer.a': ['calling', 'proceeding', 'abandoned', 'accepted', 'completed', 'terminated'],
    'timer.b': ['calling', 'proceeding', 'terminated'],
    'timer.c': ['proceeding', 'terminated'],
    'timer.d': ['completed', 'proceeding', 'terminated'],
    'timer.m': ['accepted', 'proceeding', 'terminated'],
    'timer.cancelled': ['cancelling', 'abandoned', 'terminated'],
  },
  rows: [
    ['calling', 'response.provisional', 'proceeding', '', 'response 183'],
    ['calling', 'response.success', 'accepted', '', 'response 200'],
    ['calling', 'response.failure', 'completed', 'ACK', 'response 404'],
    ['calling', 'abandon', 'abandoned', '', ''],
    ['calling', 'timer.a', 'calling', 'INVITE', ''],
    ['calling', 'timer.b', 'terminated', '', 'timeout'],
    ['calling', 'transport.failed', 'terminated', '', 'transport failed'],
    ['proceeding', 'response.provisional', 'proceeding', '', 'response 183'],
    ['proceeding', 'response.success', 'accepted', '', 'response 200'],
    ['proceeding', 'response.failure', 'completed', 'ACK', 'response 404'],
    ['proceeding', 'timer.c', 'cancelling', 'CANCEL', ''],
    ['proceeding', 'cancel', 'cancelling', 'CANCEL', ''],
    ['proceeding', 'abandon', 'cancelling', 'CANCEL', ''],
    ['cancelling', 'response.provisional', 'cancelling', '', 'response 183'],
    ['cancelling', 'response.success', 'accepted', '', 'response 200'],
    ['cancelling', 'response.failure', 'completed', 'ACK', 'response 404'],
    ['cancelling', 'timer.cancelled', 'terminated', '', 'timeout'],
    ['abandoned', 'response.provisional', 'cancelling', 'CANCEL', ''],
    ['abandoned', 'response.success', 'accepted', '', ''],
    ['abandoned', 'response.failure', 'completed', 'ACK', ''],
    ['abandoned', 'timer.cancelled', 'terminated', '', ''],
    ['abandoned', 'transport.failed', 'terminated', '', ''],
    ['accepted', 'response.success', 'accepted', '', 'response 200'],
    ['accepted', 'timer.m', 'terminated', '', ''],
    ['completed', 'response.success', 'completed', '', 'response 200'],
    ['completed', 'response.failure', 'completed', 'ACK', ''],
    ['completed', 'timer.d', 'terminated', '', ''],
  ],
});

describe('Timer A', () => {
  it.each([
    [500, 4000],
    [50, 100],
    [1000, 1000],
  ])('with T1 %i ms doubles without a cap, whatever T2 (%i ms), and B ends it at 64*T1', (t1, t2) => {
    const rig = calling({ timers: { t1, t2, t4: T4 } });
    const doubled = [1, 3, 7, 15, 31, 63].map((n) => n * t1);
    expect(rig.sendingTimes(64 * t1 - 1)).toEqual(doubled);
    expect(rig.told()).toBe('');
    rig.clock.advance(1);
    expect(rig.told()).toBe('timeout');
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('sends the same bytes to the same place, not a millisecond early', () => {
    const rig = calling();
    const first = rig.last.bytes;
    rig.clock.advance(T1 - 1);
    expect(rig.sent()).toBe('INVITE');
    rig.clock.advance(1);
    expect(rig.sent()).toBe('INVITE');
    expect(rig.last.bytes.equals(first)).toBe(true);
    expect(rig.last.flow).toBe(bob);
    rig.expectNothingLeft();
  });

  it('and Timer B end with the first provisional: a phone may ring until Timer C', () => {
    const rig = calling();
    rig.clock.advance(T1 - 1);
    rig.receive(answer(invite(), 100));
    expect(txOf(rig).provisional).toBe(true);
    expect(rig.sendingTimes(185_999)).toEqual([]);
    expect(rig.told()).toBe('response 100');
    txOf(rig).cancel();
    rig.expectNothingLeft();
  });
});

describe('a final response', () => {
  it.each([300, 404, 486, 503, 603])(
    '%i is acknowledged with the To tag it brought, handed up once',
    (status) => {
      const rig = calling();
      rig.receive(answer(invite(), status, 'their-tag'));
      const ack = rig.last;
      expect(ack.message).toMatchObject({ kind: 'request', method: 'ACK', uri: 'sip:bob@example.com' });
      expect(ack.message.via.branch).toBe('z9hG4bK-ours');
      expect(ack.message.all('via')).toHaveLength(1);
      expect(ack.message.to.tag).toBe('their-tag');
      expect(ack.message.cseq).toEqual({ number: 1, method: 'ACK' });
      expect(ack.flow).toBe(bob);
      rig.receive(answer(invite(), status, 'their-tag'));
      expect(rig.last.bytes.equals(ack.bytes)).toBe(true);
      expect(rig.sent()).toBe('INVITE ACK ACK');
      expect(rig.told()).toBe(`response ${status}`);
      rig.expectNothingLeft();
    },
  );

  it('of 2xx is handed up each time it comes, from each fork, and never acknowledged here', () => {
    const rig = after(180, 200, 200);
    rig.receive(answer(invite(), 200, 'another-fork'));
    expect(rig.told()).toBe('response 180, response 200, response 200, response 200');
    expect(rig.sent()).toBe('INVITE');
    rig.expectNothingLeft();
  });

  it('of 2xx is handed up even after another final response: a proxy further on forks', () => {
    const rig = after(487, 200, 200);
    expect(rig.told()).toBe('response 487, response 200, response 200');
    expect(rig.sent()).toBe('INVITE ACK');
    rig.expectNothingLeft();
  });

  it('other than 2xx is nothing new after a 2xx: no ACK, nobody is told', () => {
    const rig = after(200, 486);
    expect(rig.told()).toBe('response 200');
    expect(rig.sent()).toBe('INVITE');
    rig.expectNothingLeft();
  });

  it('lets go of the request when its user has seen it', () => {
    for (const status of [200, 486]) {
      const rig = new Rig();
      const tx = rig.send(invite(), { onResponse: (self) => expect(self.request.method).toBe('INVITE') });
      rig.receive(answer(invite(), status));
      expect(rig.told()).toBe(`response ${status}`);
      expect(() => tx.request).toThrowError(expect.objectContaining({ code: 'request-released' }));
      rig.expectNothingLeft();
    }
  });
});

describe('what ends it', () => {
  it.each([
    ['Timer D, at least 32 s, with T1 500 ms', 486, 500, 32_000],
    ['Timer D, at least 32 s, with T1 50 ms', 486, 50, 32_000],
    ['Timer D, 64*T1 when that is longer', 486, 1000, 64_000],
    ['Timer M, 64*T1, with T1 500 ms', 200, 500, 32_000],
    ['Timer M, 64*T1, with T1 50 ms', 200, 50, 3200],
  ])('%s, not a millisecond early', (_, status, t1, ms) => {
    const rig = calling({ timers: { t1, t2: 4000, t4: T4 } });
    rig.receive(answer(invite(), status));
    rig.clock.advance(ms - 1);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    rig.receive(answer(invite(), status));
    expect(rig.told()).toBe(`response ${status}, stray ${status}`);
    rig.expectNothingLeft();
  });

  it.each([
    ['Timer M', 200],
    ['Timer D', 487],
  ])('%s, counted from the final response, also when CANCEL was sent before', (_, status) => {
    const rig = cancelling();
    rig.clock.advance(31_000);
    rig.receive(answer(invite(), status));
    rig.clock.advance(32_000 - 1);
    expect(rig.layer.size.clientInvite).toBe(1);
    rig.clock.advance(1);
    expect(rig.layer.size.clientInvite).toBe(0);
    rig.expectNothingLeft();
  });

  it('Timer M counts from the first 2xx', () => {
    const rig = after(200);
    rig.clock.advance(64 * T1 - 1);
    rig.receive(answer(invite(), 200));
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('a transport that fails, at once or while it resends; its user hears of it once', () => {
    const rig = calling({ failAtOnce: true });
    for (const { fail } of rig.wire) fail();
    expect(rig.told()).toBe('transport failed');
    expect(rig.alive).toBe(0);
    const later = calling();
    later.failAtOnce = true;
    later.clock.advance(T1);
    expect(later.told()).toBe('transport failed');
    expect(later.sendingTimes(64 * T1)).toEqual([]);
    rig.expectNothingLeft();
    later.expectNothingLeft();
  });

  it('no ACK that fails: the response is handed up, the next one gets the ACK again', () => {
    const rig = calling();
    rig.failAtOnce = true;
    rig.receive(answer(invite(), 486));
    expect(rig.told()).toBe('response 486');
    rig.failAtOnce = false;
    rig.fresh();
    rig.receive(answer(invite(), 486));
    expect(rig.sent()).toBe('ACK');
    rig.expectNothingLeft();
  });

  it('another INVITE with its branch: the former user hears of a failure unless it has its final response', () => {
    for (const [statuses, told] of [
      [[], 'transport failed'],
      [[180], 'transport failed'],
      [[486], ''],
      [[200], ''],
    ] as const) {
      const rig = after(...statuses);
      rig.fresh();
      const next = rig.send(invite());
      expect(rig.told()).toBe(told);
      expect(txOf(rig).state).toBe('terminated');
      expect(rig.layer.size.clientInvite).toBe(1);
      rig.clock.advance(64 * T1);
      expect(next.state).toBe('terminated');
      rig.expectNothingLeft();
    }
  });
});

describe('CANCEL', () => {
  it('is built from the INVITE as sent, with the headers given, on the same way (§9.1)', () => {
    const rig = new Rig();
    const sent = outgoing('INVITE', 'z9hG4bK-ours', ['Route: <sip:192.0.2.20;lr>']);
    const tx = rig.send(sent);
    rig.receive(answer(sent, 180));
    tx.cancel([headerLine('Reason', 'SIP;cause=200')]);
    const cancel = rig.last.message;
    expect(cancel).toMatchObject({ kind: 'request', method: 'CANCEL', uri: 'sip:bob@example.com' });
    expect(cancel.all('via')).toEqual(['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-ours']);
    expect(cancel.cseq).toEqual({ number: 1, method: 'CANCEL' });
    expect(cancel.all('route')).toEqual(['<sip:192.0.2.20;lr>']);
    expect(cancel.first('reason')).toBe('SIP;cause=200');
    expect(cancel.to.tag).toBeUndefined();
    expect(rig.last.flow).toBe(bob);
    rig.expectNothingLeft();
  });

  it("is a transaction of its own: repeated until answered, its answer is nobody else's", () => {
    const rig = cancelling();
    rig.fresh();
    expect(rig.layer.size).toMatchObject({ clientInvite: 1, clientNonInvite: 1 });
    expect(rig.sendingTimes(1500)).toEqual([500, 1500]);
    const cancel = rig.last.message;
    if (cancel.kind !== 'request') throw new Error('CANCEL is a request');
    rig.receive(answer(cancel, 200));
    expect(rig.told()).toBe('');
    expect(rig.sendingTimes(10_000)).toEqual([]);
    expect(txOf(rig).state).toBe('cancelling');
    rig.expectNothingLeft();
  });

  it('is sent once, and only between a provisional and the final response', () => {
    const rig = calling();
    txOf(rig).cancel();
    expect(rig.sent()).toBe('INVITE');
    rig.receive(answer(invite(), 180));
    txOf(rig).cancel();
    txOf(rig).cancel();
    expect(rig.sent()).toBe('CANCEL');
    rig.receive(answer(invite(), 487));
    txOf(rig).cancel();
    expect(rig.sent()).toBe('ACK');
    rig.expectNothingLeft();
  });

  it('meets its 487', () => {
    const rig = cancelling();
    rig.receive(answer(invite(), 487));
    expect(rig.told()).toBe('response 180, response 487');
    expect(rig.sent()).toBe('INVITE CANCEL ACK');
    rig.expectNothingLeft();
  });

  it('loses the race with a 200: it is handed up, and nothing times out', () => {
    const rig = cancelling();
    rig.receive(answer(invite(), 200));
    rig.clock.advance(64 * T1);
    expect(rig.told()).toBe('response 180, response 200');
    rig.expectNothingLeft();
  });

  it('of a phone that says nothing more: 64*T1 later its user gives up, not a millisecond early', () => {
    const rig = after(180);
    rig.clock.advance(10_000);
    txOf(rig).cancel();
    rig.fresh();
    rig.clock.advance(20_000);
    rig.receive(answer(invite(), 183));
    rig.clock.advance(64 * T1 - 20_000 - 1);
    expect(rig.told()).toBe('response 183');
    rig.clock.advance(1);
    expect(rig.told()).toBe('timeout');
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('may be asked for while a provisional is handed up', () => {
    const rig = new Rig();
    const tx = rig.send(invite(), { onResponse: (self) => self.cancel() });
    rig.receive(answer(invite(), 180));
    expect(tx.state).toBe('cancelling');
    expect(rig.sent()).toBe('INVITE CANCEL');
    rig.expectNothingLeft();
  });
});

describe('an INVITE whose user has turned away', () => {
  it('is not sent again; a phone that rings is cancelled, and its final response acknowledged', () => {
    const rig = abandoned();
    expect(rig.sendingTimes(5000)).toEqual([]);
    rig.receive(answer(invite(), 180));
    rig.receive(answer(invite(), 180));
    rig.receive(answer(invite(), 487));
    expect(rig.sent()).toBe('INVITE CANCEL ACK');
    expect(rig.told()).toBe('');
    rig.expectNothingLeft();
  });

  it('is cancelled when it is ringing already', () => {
    const rig = after(180);
    txOf(rig).abandon();
    rig.fresh();
    rig.clock.advance(64 * T1 - 1);
    expect(rig.alive).toBeGreaterThan(0);
    rig.clock.advance(1);
    expect([rig.told(), rig.layer.size.clientInvite]).toEqual(['', 0]);
    rig.expectNothingLeft();
  });

  it('absorbs what comes late', () => {
    for (const status of [200, 486]) {
      const rig = after(status);
      txOf(rig).abandon();
      rig.fresh();
      rig.receive(answer(invite(), status));
      rig.receive(answer(invite(), 200));
      expect(rig.told()).toBe('');
      rig.expectNothingLeft();
    }
  });
});
