import { describe, expect, it } from 'vitest';
import { makeResponse } from '../../src/sip/reply.ts';
import { answer, outgoing, Rig, request, T1 } from './rig.ts';

describe('users that call back from within', () => {
  it('relay a call: requests and responses made in the middle of callbacks', () => {
    const rig: Rig = new Rig({
      on: {
        onRequest: (tx, r) => {
          rig.send(outgoing(r.method, `z9hG4bK-out-${r.method}`), {
            onResponse: (_, response) => {
              if (response.status > 100)
                tx.respond(makeResponse(request(r.method), response.status, 'Passed', { toTag: 'b' }));
            },
          });
        },
      },
    });
    rig.receive(request('INVITE'));
    for (const status of [100, 180, 200])
      rig.receive(answer(outgoing('INVITE', 'z9hG4bK-out-INVITE'), status));
    rig.receive(request('BYE', { via: 'SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-2' }));
    rig.receive(answer(outgoing('BYE', 'z9hG4bK-out-BYE'), 200));
    expect(rig.sent()).toBe('100 INVITE 180 200 BYE 200');
    rig.expectNothingLeft();
  });

  it('may try the next target when one fails, at once or in time', () => {
    const rig: Rig = new Rig({ failAtOnce: true });
    let left = 3;
    const next = (): void => {
      if (left-- > 0)
        rig.send(outgoing('INVITE', `z9hG4bK-try-${left}`), { onTransportFailed: next, onTimeout: next });
    };
    next();
    expect(rig.told()).toBe('transport failed, transport failed, transport failed');
    left = 2;
    rig.failAtOnce = false;
    next();
    rig.clock.advance(128 * T1);
    expect(rig.told()).toBe('timeout, timeout');
    rig.expectNothingLeft();
  });

  it('may take the same branch again from within', () => {
    const rig: Rig = new Rig();
    let again = true;
    for (const method of ['INVITE', 'OPTIONS']) {
      again = true;
      rig.send(outgoing(method), {
        onResponse: () => {
          if (again) rig.send(outgoing(method));
          again = false;
        },
      });
      rig.receive(answer(outgoing(method), 404));
      rig.receive(answer(outgoing(method), 404));
    }
    expect(rig.told()).toBe('response 404, response 404, response 404, response 404');
    rig.expectNothingLeft();
  });

  it('see their own errors come out, and harm nobody else', () => {
    const rig = new Rig({
      on: {
        onRequest: () => {
          throw new Error('bug');
        },
      },
    });
    expect(() => rig.receive(request('INVITE'))).toThrow('bug');
    expect(() => rig.receive(request('INVITE'))).not.toThrow();
    const boom = (): never => {
      throw new Error('bug');
    };
    rig.send(outgoing('INVITE', 'z9hG4bK-a'), { onTimeout: boom });
    rig.send(outgoing('INVITE', 'z9hG4bK-b'));
    rig.fresh();
    expect(() => rig.clock.advance(64 * T1)).toThrow('bug');
    rig.clock.advance(1);
    expect(rig.told()).toBe('timeout, timeout');
    rig.expectNothingLeft();
  });
});

describe('the layer', () => {
  it('counts what is alive, with what only lingers', () => {
    const rig = new Rig();
    rig.receive(request('INVITE'));
    rig.receive(request('OPTIONS', { via: 'SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-2' }));
    rig.send(outgoing('INVITE', 'z9hG4bK-3'));
    rig.send(outgoing('BYE', 'z9hG4bK-4'));
    const all = { serverInvite: 1, serverNonInvite: 1, clientInvite: 1, clientNonInvite: 1 };
    expect(rig.layer.size).toEqual(all);
    rig.servers[0]?.respond(makeResponse(request('INVITE'), 404, 'x', { toTag: 'b' }));
    rig.receive(answer(outgoing('INVITE', 'z9hG4bK-3'), 404));
    expect(rig.layer.size).toEqual(all);
    rig.expectNothingLeft();
  });

  it('knows an INVITE by its ACK and its CANCEL, too, and no news', () => {
    const rig = new Rig();
    const all = ['INVITE', 'ACK', 'CANCEL', 'BYE'];
    const known = (): boolean[] => all.map((method) => rig.layer.knows(request(method)));
    expect(known()).toEqual([false, false, false, false]);
    rig.receive(request('INVITE'));
    expect(known()).toEqual([true, true, true, false]);
    rig.expectNothingLeft();
    expect(known()).toEqual([false, false, false, false]);
  });

  it('stops at once when it is closed: no timer, no callback, and what comes later is harmless', () => {
    const rig = new Rig();
    rig.receive(request('INVITE'));
    const tx = rig.send(outgoing('INVITE'));
    rig.layer.close();
    rig.fresh();
    expect(rig.clock.pending).toBe(0);
    rig.respond(486);
    tx.cancel();
    tx.abandon();
    rig.clock.advance(64 * T1);
    expect(rig.clock.pending).toBe(0);
    expect([rig.alive, rig.told()]).toEqual([0, '']);
  });

  it('keeps no timer of the clock for each transaction', () => {
    const rig = new Rig();
    for (let i = 0; i < 1000; i++) {
      rig.receive(request('BYE', { via: `SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-${i}` }));
      rig.respond(200);
      rig.clock.advance(3);
    }
    expect(rig.layer.size.serverNonInvite).toBe(1000);
    expect(rig.clock.pending).toBeLessThan(5);
    rig.clock.advance(64 * T1 - 3000);
    expect(rig.layer.size.serverNonInvite).toBe(999);
    rig.expectNothingLeft();
  });
});
