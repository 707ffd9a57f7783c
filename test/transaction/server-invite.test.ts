import { describe, expect, it } from 'vitest';
import { makeResponse } from '../../src/sip/reply.ts';
import { ServerInvite } from '../../src/transaction/server-invite.ts';
import { type Event, type State, serverInvite } from '../../src/transaction/server-invite-table.ts';
import { walk } from './arrows.ts';
import { alice, answer, Rig, request, T1, T4 } from './rig.ts';

const invite = (): ReturnType<typeof request> => request('INVITE', { body: 'v=0\r\n' });
const ack = (): ReturnType<typeof request> => request('ACK', { to: '<sip:bob@example.com>;tag=b' });

function proceeding(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  const rig = new Rig(options);
  rig.receive(invite());
  return rig;
}

function after(status: number, options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  const rig = proceeding(options);
  rig.respond(status);
  return rig;
}

function confirmed(): Rig {
  const rig = after(486);
  rig.receive(ack());
  return rig;
}

function terminated(): Rig {
  const rig = confirmed();
  rig.clock.advance(T4);
  return rig;
}

function stateOf(rig: Rig): State {
  const tx = rig.servers[0];
  if (!(tx instanceof ServerInvite)) throw new Error('no INVITE came up');
  return tx.state;
}

walk<State, Event>('INVITE server transaction', {
  table: serverInvite,
  state: stateOf,
  reach: {
    proceeding: () => proceeding(),
    completed: () => after(486),
    confirmed,
    accepted: () => after(200),
    terminated,
  },
  cause: {
    'request.again': (rig) => rig.receive(invite()),
    'request.ack': (rig) => rig.receive(ack()),
    'respond.provisional': (rig) => rig.respond(183),
    'respond.success': (rig) => rig.respond(200),
    'respond.failure': (rig) => rig.respond(404),
    abandon: (rig) => rig.server.abandon(),
    'timer.g': (rig) => rig.clock.advance(T1),
    'timer.h': (rig) => rig.lastMillisecondOf(64 * T1),
    'timer.i': (rig) => rig.clock.advance(T4),
    'timer.l': (rig) => rig.clock.advance(64 * T1),
  },
  only: {
    'request.again': ['proceeding', 'completed', 'confirmed', 'accepted'],
    'timer.g': ['completed'],
    'timer.h': ['completed'],
    'timer.i': ['confirmed'],
    'timer.l': ['accepted'],
  },
  rows: [
    ['proceeding', 'request.again', 'proceeding', '100', ''],
    ['proceeding', 'respond.provisional', 'proceeding', '183', ''],
    ['proceeding', 'respond.success', 'accepted', '200', ''],
    ['proceeding', 'respond.failure', 'completed', '404', ''],
    ['proceeding', 'abandon', 'terminated', '', ''],
    ['completed', 'request.again', 'completed', '486', ''],
    ['completed', 'request.ack', 'confirmed', '', ''],
    ['completed', 'respond.success', 'completed', '200', ''],
    ['completed', 'timer.g', 'completed', '486', ''],
    ['completed', 'timer.h', 'terminated', '', ''],
    ['confirmed', 'respond.success', 'confirmed', '200', ''],
    ['confirmed', 'timer.i', 'terminated', '', ''],
    ['accepted', 'request.ack', 'accepted', '', 'ack'],
    ['accepted', 'respond.success', 'accepted', '200', ''],
    ['accepted', 'timer.l', 'terminated', '', ''],
    ['terminated', 'respond.success', 'terminated', '200', ''],
  ],
});

describe('an INVITE that arrives', () => {
  it('gets 100 Trying at once, in the configured words and without a To tag, before the user hears of it', () => {
    const rig = new Rig({ on: { onRequest: () => expect(rig.wire).toHaveLength(1) } });
    rig.receive(request('INVITE', { more: ['Timestamp: 54.2'] }));
    const trying = rig.last.message;
    expect(trying).toMatchObject({ kind: 'response', status: 100, reason: 'Skusam' });
    expect(trying.to.tag).toBeUndefined();
    expect(trying.first('timestamp')).toBe('54.2');
    expect(rig.last.flow).toEqual(alice);
    expect(rig.told()).toBe('request INVITE');
    rig.expectNothingLeft();
  });

  it('is answered with the last response, byte for byte, when it comes again', () => {
    const rig = proceeding();
    for (const status of [180, 183, 486]) {
      rig.respond(status);
      const first = rig.last.bytes;
      rig.receive(invite());
      expect(rig.last.bytes.equals(first)).toBe(true);
      expect(rig.last.flow).toEqual(alice);
    }
    expect(rig.heard).toEqual(['request INVITE']);
    rig.expectNothingLeft();
  });

  it('is absorbed in silence once it was accepted or its failure acknowledged', () => {
    for (const rig of [after(200), confirmed()]) {
      rig.fresh();
      rig.receive(invite());
      expect(rig.sent()).toBe('');
      expect(rig.told()).toBe('');
      rig.expectNothingLeft();
    }
  });

  it('keeps a response that holds every byte there is, and sends it again as it was', () => {
    const rig = proceeding();
    const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    rig.server.respond(makeResponse(rig.server.request, 486, 'Nie \xc4\x8d', { toTag: 'b', body }));
    const first = rig.last.bytes;
    rig.receive(invite());
    expect(rig.last.bytes.equals(first)).toBe(true);
    rig.expectNothingLeft();
  });

  it('may be answered while it is being handed up', () => {
    const rig = new Rig({ on: { onRequest: (tx, r) => tx.respond(makeResponse(r, 404, 'Nobody')) } });
    rig.receive(invite());
    expect(rig.sent()).toBe('100 404');
    expect(stateOf(rig)).toBe('completed');
    expect(rig.server.finalStatus).toBe(404);
    rig.expectNothingLeft();
  });
});

describe('Timer G', () => {
  it.each([
    [500, 4000],
    [100, 1000],
    [1000, 1000],
  ])('with T1 %i ms and T2 %i ms doubles up to T2, and H ends it at 64*T1', (t1, t2) => {
    const rig = after(486, { timers: { t1, t2, t4: T4 } });
    const expected: number[] = [];
    for (let at = t1, interval = t1; at < 64 * t1; at += interval) {
      expected.push(at);
      interval = Math.min(interval * 2, t2);
    }
    expect(rig.sendingTimes(64 * t1 - 1)).toEqual(expected);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('fires at 500 ms and not at 499, then at 1500, 3500, 7500, and every 4 s', () => {
    const rig = after(486);
    expect(rig.sendingTimes(T1 - 1)).toEqual([]);
    expect(rig.sendingTimes(1)).toEqual([1]);
    expect(rig.sendingTimes(19_500).map((at) => at + T1)).toEqual([1500, 3500, 7500, 11_500, 15_500, 19_500]);
    rig.expectNothingLeft();
  });

  it('goes silent with the ACK', () => {
    const rig = after(486);
    rig.clock.advance(700);
    rig.receive(ack());
    expect(rig.sendingTimes(64_000)).toEqual([]);
    rig.expectNothingLeft();
  });
});

describe('what ends it', () => {
  it.each([
    ['Timer H', () => after(486), 64 * T1],
    ['Timer I', confirmed, T4],
    ['Timer L', () => after(200), 64 * T1],
  ])('%s, not a millisecond early', (_, reach, ms) => {
    const rig = reach();
    rig.clock.advance(ms - 1);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('Timer L counts from the first 2xx: later ones do not prolong it', () => {
    const rig = after(200);
    rig.clock.advance(20_000);
    rig.respond(200);
    rig.clock.advance(64 * T1 - 20_000 - 1);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
  });

  it('nothing, while it is ringing: the phone may ring for an hour', () => {
    const rig = after(180);
    rig.clock.advance(3_600_000);
    expect(stateOf(rig)).toBe('proceeding');
    expect(rig.clock.pending).toBe(0);
    rig.expectNothingLeft();
  });
});

describe('final responses', () => {
  it('pass every 2xx as it is: retransmitted, from another fork, and after a 487', () => {
    const rig = after(200);
    rig.respond(200);
    rig.respond(200, 'other-fork');
    expect(rig.sent()).toBe('100 200 200 200');
    expect(rig.last.message.to.tag).toBe('other-fork');
    const cancelled = after(487);
    cancelled.respond(200, 'late');
    expect(cancelled.sent()).toBe('100 487 200');
    expect(cancelled.server.finalStatus).toBe(487);
    cancelled.receive(invite());
    expect(cancelled.sent()).toBe('487');
    rig.expectNothingLeft();
    cancelled.expectNothingLeft();
  });

  it('are sent once: a second failure, a provisional afterwards, a failure after 2xx stay here', () => {
    const rig = after(486);
    rig.respond(603);
    rig.respond(180);
    expect(rig.sent()).toBe('100 486');
    expect(rig.server.finalStatus).toBe(486);
    const accepted = after(200);
    accepted.respond(487);
    accepted.respond(180);
    expect(accepted.sent()).toBe('100 200');
    expect(accepted.server.finalStatus).toBe(200);
    rig.expectNothingLeft();
    accepted.expectNothingLeft();
  });

  it('let go of the request', () => {
    const rig = proceeding();
    expect(rig.server.request.method).toBe('INVITE');
    rig.respond(486);
    expect(() => rig.server.request).toThrowError(expect.objectContaining({ code: 'request-released' }));
    rig.expectNothingLeft();
  });

  it('survive a transport that fails (RFC 6026 §8.8): the next retransmission gets them', () => {
    const rig = after(486, { failAtOnce: true });
    for (const { fail } of rig.wire) fail();
    expect(stateOf(rig)).toBe('completed');
    rig.failAtOnce = false;
    rig.fresh();
    rig.receive(invite());
    expect(rig.sent()).toBe('486');
    rig.expectNothingLeft();
  });
});

describe('ACK', () => {
  it('finds its INVITE whatever address it comes from', () => {
    const rig = after(486);
    rig.receive(ack(), { ...alice, remoteAddress: '198.51.100.7', remotePort: 1 });
    expect(stateOf(rig)).toBe('confirmed');
    expect(rig.told()).toBe('request INVITE');
    rig.expectNothingLeft();
  });

  it('is absorbed as often as it comes, and passed up when it belongs to nothing', () => {
    const rig = after(486);
    rig.receive(ack());
    rig.receive(ack());
    rig.clock.advance(T4);
    rig.fresh();
    rig.receive(ack());
    expect(rig.told()).toBe('ack');
    expect(rig.sent()).toBe('');
    expect(rig.alive).toBe(0);
    rig.expectNothingLeft();
  });

  it('for a 2xx, with its own branch, is passed up with the way it came', () => {
    const flows: unknown[] = [];
    const rig = after(200, { on: { onAck: (_, flow) => flows.push(flow) } });
    rig.receive(request('ACK', { via: 'SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-ack' }));
    expect(flows).toEqual([alice]);
    rig.expectNothingLeft();
  });

  it('is dropped while there is no final response', () => {
    const rig = proceeding();
    rig.fresh();
    rig.receive(ack());
    expect(rig.told()).toBe('');
    expect(stateOf(rig)).toBe('proceeding');
    rig.expectNothingLeft();
  });
});

describe('a response that is no answer of ours', () => {
  it('does not reach a server transaction', () => {
    const rig = proceeding();
    rig.fresh();
    rig.receive(answer(invite(), 200), alice);
    expect(rig.told()).toBe('stray 200');
    expect(stateOf(rig)).toBe('proceeding');
    rig.expectNothingLeft();
  });
});
