import { describe, expect, it } from 'vitest';
import { makeResponse } from '../../src/sip/reply.ts';
import { ServerNonInvite } from '../../src/transaction/server-non-invite.ts';
import { type Event, type State, serverNonInvite } from '../../src/transaction/server-non-invite-table.ts';
import { walk } from './arrows.ts';
import { Rig, type RigOptions, request, T1, T4 } from './rig.ts';

/** When Timer E of the client reaches T2: 500 + 1000 + 2000. */
const TRYING = 3500;

function trying(options: RigOptions = {}): Rig {
  const rig = new Rig(options);
  rig.receive(request('MESSAGE'));
  return rig;
}

function proceeding(): Rig {
  const rig = trying();
  rig.clock.advance(TRYING);
  return rig;
}

function completed(options: RigOptions = {}): Rig {
  const rig = trying(options);
  rig.respond(200);
  return rig;
}

function terminated(): Rig {
  const rig = completed();
  rig.clock.advance(64 * T1);
  return rig;
}

function stateOf(rig: Rig): State {
  const tx = rig.servers[0];
  if (!(tx instanceof ServerNonInvite)) throw new Error('no request came up');
  return tx.state;
}

walk<State, Event>('non-INVITE server transaction', {
  table: serverNonInvite,
  state: stateOf,
  reach: { trying: () => trying(), proceeding, completed: () => completed(), terminated },
  cause: {
    'request.again': (rig) => rig.receive(request('MESSAGE')),
    'respond.final': (rig) => rig.respond(404),
    abandon: (rig) => rig.server.abandon(),
    'timer.trying': (rig) => rig.clock.advance(TRYING),
    'timer.expired': (rig) => rig.lastMillisecondOf(64 * T1 - (stateOf(rig) === 'trying' ? 0 : TRYING)),
    'timer.j': (rig) => rig.clock.advance(64 * T1),
  },
  only: {
    'request.again': ['trying', 'proceeding', 'completed'],
    'timer.trying': ['trying'],
    'timer.expired': ['proceeding'],
    'timer.j': ['completed'],
  },
  elsewhere: ['trying timer.expired'],
  rows: [
    ['trying', 'respond.final', 'completed', '404', ''],
    ['trying', 'abandon', 'terminated', '', ''],
    ['trying', 'timer.trying', 'proceeding', '100', ''],
    ['proceeding', 'request.again', 'proceeding', '100', ''],
    ['proceeding', 'respond.final', 'completed', '404', ''],
    ['proceeding', 'abandon', 'terminated', '', ''],
    ['proceeding', 'timer.expired', 'terminated', '', ''],
    ['completed', 'request.again', 'completed', '200', ''],
    ['completed', 'timer.j', 'terminated', '', ''],
  ],
});

describe('a request that is no INVITE', () => {
  it('is handed up once; a retransmission is absorbed in silence until there is a response', () => {
    const rig = trying();
    rig.receive(request('MESSAGE'));
    expect(rig.heard).toEqual(['request MESSAGE']);
    expect(rig.sent()).toBe('');
    rig.respond(200);
    const first = rig.last.bytes;
    rig.receive(request('MESSAGE'));
    expect(rig.last.bytes.equals(first)).toBe(true);
    expect(rig.sent()).toBe('200 200');
    rig.expectNothingLeft();
  });

  it.each([
    [500, 4000, 3500],
    [100, 400, 300],
    [500, 500, 500],
    [4000, 500, 4000],
  ])(
    'with T1 %i ms and T2 %i ms gets 100 after %i ms (RFC 4320 §4.1), not a millisecond early',
    (t1, t2, at) => {
      const rig = trying({ timers: { t1, t2, t4: T4 } });
      rig.clock.advance(at - 1);
      expect(rig.sent()).toBe('');
      rig.clock.advance(1);
      expect(rig.sent()).toBe('100');
      expect(rig.last.message).toMatchObject({ reason: 'Skusam' });
      expect(rig.last.message.to.tag).toBeUndefined();
      rig.expectNothingLeft();
    },
  );

  it('gets no provisional from the user: neither a 180, nor 100 before it is due', () => {
    const rig = trying();
    rig.respond(100);
    rig.respond(180);
    expect(rig.sent()).toBe('');
    expect(stateOf(rig)).toBe('trying');
    rig.respond(200);
    expect(rig.sent()).toBe('200');
    rig.expectNothingLeft();
  });

  it('gets one final response', () => {
    const rig = completed();
    rig.respond(200);
    rig.respond(500);
    expect(rig.sent()).toBe('200');
    expect(rig.server.finalStatus).toBe(200);
    rig.expectNothingLeft();
  });

  it('may be answered while it is being handed up', () => {
    const rig = new Rig({ on: { onRequest: (tx, r) => tx.respond(makeResponse(r, 405, 'No')) } });
    rig.receive(request('PUBLISH'));
    expect(rig.sent()).toBe('405');
    rig.expectNothingLeft();
  });

  it('lets go of its request with the final response', () => {
    const rig = proceeding();
    expect(rig.server.request.method).toBe('MESSAGE');
    rig.respond(200);
    expect(() => rig.server.request).toThrowError(expect.objectContaining({ code: 'request-released' }));
    rig.expectNothingLeft();
  });
});

describe('what ends it', () => {
  it('Timer J, 64*T1 after the final response, not a millisecond early', () => {
    for (const answeredAfter of [1234, TRYING + 10_000]) {
      const rig = trying();
      rig.clock.advance(answeredAfter);
      rig.respond(200);
      rig.clock.advance(64 * T1 - 1);
      expect(rig.alive).toBe(1);
      rig.clock.advance(1);
      expect(rig.alive).toBe(0);
      rig.expectNothingLeft();
    }
  });

  it('the end of the client: without a final response nothing is sent, and 64*T1 after the request it is gone', () => {
    const rig = trying();
    rig.clock.advance(TRYING);
    rig.fresh();
    rig.clock.advance(64 * T1 - TRYING - 1);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect(rig.alive).toBe(0);
    expect(rig.sent()).toBe('');
    rig.respond(200);
    expect(rig.sent()).toBe('');
    rig.expectNothingLeft();
  });

  it('the end of the client also where T2 is so long that 100 never comes due', () => {
    const rig = trying({ timers: { t1: 10, t2: 4000, t4: T4 } });
    rig.clock.advance(639);
    expect(rig.alive).toBe(1);
    rig.clock.advance(1);
    expect([rig.alive, rig.sent()]).toEqual([0, '']);
    rig.expectNothingLeft();
  });

  it('its user, who has nothing to say: the next request is new', () => {
    const rig = trying();
    rig.server.abandon();
    expect(rig.alive).toBe(0);
    rig.receive(request('MESSAGE'));
    expect(rig.heard).toEqual(['request MESSAGE', 'request MESSAGE']);
    rig.expectNothingLeft();
  });

  it('no failing transport (RFC 6026 §8.8)', () => {
    const rig = completed({ failAtOnce: true });
    for (const { fail } of rig.wire) fail();
    expect(stateOf(rig)).toBe('completed');
    rig.expectNothingLeft();
  });
});
