// A server that is to end: nothing new is taken in, what there is goes on, and it is over when the last call has ended.
import { describe, expect, test } from 'vitest';
import type { Drained } from '../../src/limits/drain.ts';
import { callUp, type Phone, SDP, World } from './world.ts';

function office(config: Record<string, unknown> = {}) {
  const world = new World({ config });
  const [alice, bob, carol] = [
    world.phone('alice', '10.0.0.2'),
    world.phone('bob', '10.0.0.3'),
    world.phone('carol', '10.0.0.4'),
  ];
  for (const phone of [alice, bob, carol]) phone.register();
  // their transactions linger
  world.advance(40_000);
  const over: Drained[] = [];
  world.core.drain.onOver((drained) => over.push(drained));
  const drain = (timeout = 60_000) => {
    const first = world.core.drain.begin(timeout);
    world.settle();
    return first;
  };
  return { world, alice, bob, carol, over, drain };
}

function refused(phone: Phone, method: string): void {
  const answer = phone.response(method, 503);
  expect(answer.first('retry-after')).toMatch(/^\d+$/);
  expect(phone.heard).toEqual([]);
}

describe('while it drains', () => {
  test.each(['INVITE', 'SUBSCRIBE', 'REFER', 'MESSAGE', 'NOTIFY', 'PUBLISH'])(
    'a new %s is answered 503',
    (method) => {
      const { world, alice, bob, carol, drain } = office();
      callUp(world, alice, bob);
      drain();
      alice.inbox.length = 0;
      alice.request(method, { to: carol.aor, headers: ['Event: presence', 'Refer-To: <sip:x@example.org>'] });
      if (method === 'INVITE') alice.response('INVITE', 100);
      refused(alice, method);
      expect(carol.heard).toEqual([]);
      expect(world.core.drops.get('draining')).toBe(1);
    },
  );

  test('a balancer that asks with OPTIONS learns it', () => {
    const { world, alice, bob, carol, drain } = office();
    callUp(world, alice, bob);
    carol.request('OPTIONS', { to: 'sip:example.org' });
    expect(carol.response('OPTIONS').status).toBe(200);
    drain();
    carol.request('OPTIONS', { to: 'sip:example.org' });
    refused(carol, 'OPTIONS');
  });

  test('what is refused anyway is told why: nobody of ours', () => {
    const { world, alice, bob, drain } = office();
    callUp(world, alice, bob);
    drain();
    alice.inbox.length = 0;
    alice.request('INVITE', { to: 'sip:x@elsewhere.example' });
    alice.response('INVITE', 100);
    expect(alice.response('INVITE').status).toBe(403);
    expect(world.core.drops.get('draining')).toBeUndefined();
  });

  test('phones register, stay registered, and leave', () => {
    const { world, alice, bob, carol, drain } = office();
    callUp(world, alice, bob);
    drain();
    expect(carol.register().status).toBe(200);
    expect(carol.register({ headers: ['Expires: 0'] }).status).toBe(200);
    expect(world.phone('dave', '10.0.0.5').register().status).toBe(200);
  });

  test('a call is held, answered, transferred and ended', () => {
    const { world, alice, bob, over, drain } = office();
    const { dialog, back } = callUp(world, alice, bob);
    drain();
    alice.request('INVITE', { ...dialog, cseq: 2, body: SDP.held });
    bob.answer(bob.got('INVITE'), 200, { body: SDP.heldAnswer });
    alice.response('INVITE', 200);
    alice.request('ACK', { ...dialog, cseq: 2 });
    bob.got('ACK');
    bob.request('INFO', { ...back, cseq: 1 });
    alice.answer(alice.got('INFO'), 200);
    bob.response('INFO', 200);
    alice.request('REFER', { ...dialog, cseq: 3, headers: ['Refer-To: <sip:carol@example.org>'] });
    bob.answer(bob.got('REFER'), 603);
    alice.response('REFER', 603);
    expect(over).toEqual([]);
    bob.request('BYE', { ...back, cseq: 2 });
    alice.answer(alice.got('BYE'), 200);
    bob.response('BYE', 200);
    world.advance(1100);
    expect(over).toEqual([{ left: 0 }]);
  });

  test('a call that rings is answered, or cancelled', () => {
    const { world, alice, bob, carol, over, drain } = office();
    alice.request('INVITE', { to: bob.aor });
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 180);
    const cancelled = carol.request('INVITE', { to: bob.aor });
    const second = bob.got('INVITE');
    bob.answer(second, 180);
    drain();
    world.advance(5000);
    expect(over).toEqual([]);
    carol.request('CANCEL', {
      to: bob.aor,
      callId: cancelled.callId,
      fromTag: cancelled.fromTag,
      branch: cancelled.branch,
    });
    carol.response('CANCEL', 200);
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(second, 487);
    carol.response('INVITE', 487);
    bob.answer(atBob, 200);
    expect(alice.response('INVITE', 200).status).toBe(200);
    world.advance(5000);
    expect(over).toEqual([]);
  });

  test('a call tries again with its password', () => {
    const { world, alice, bob, carol, drain } = office();
    callUp(world, carol, bob);
    const { callId, fromTag } = alice.request('INVITE', { to: bob.aor });
    const challenged = bob.got('INVITE');
    bob.answer(challenged, 407, { headers: ['Proxy-Authenticate: Digest realm="elsewhere", nonce="1"'] });
    const refusal = alice.response('INVITE', 407);
    alice.request('ACK', { to: bob.aor, toTag: refusal.to.tag ?? '', callId, fromTag });
    drain();
    alice.request('INVITE', { to: bob.aor, callId, fromTag, cseq: 2 });
    expect(bob.got('INVITE').callId).toBe(callId);
    expect(world.core.drops.get('draining')).toBeUndefined();
  });

  test('a call takes the place of one that lives (RFC 3891)', () => {
    const { world, alice, bob, carol, drain } = office();
    const { invite, dialog } = callUp(world, alice, bob);
    drain();
    carol.request('INVITE', {
      to: bob.aor,
      headers: [`Replaces: ${invite.callId};to-tag=${dialog.toTag};from-tag=${dialog.fromTag}`],
    });
    expect(bob.got('INVITE').has('replaces')).toBe(true);
  });
});

describe('it is over', () => {
  test('at once where there are no calls', () => {
    const { over, drain } = office();
    expect(drain()).toBe(true);
    expect(over).toEqual([{ left: 0 }]);
  });

  test('soon where somebody who is nobody on the phone waits for an answer', () => {
    const { world, alice, bob, over, drain } = office();
    alice.request('MESSAGE', { to: bob.aor });
    const message = bob.got('MESSAGE');
    drain();
    world.advance(100);
    expect(over).toEqual([]);
    bob.answer(message, 200);
    alice.response('MESSAGE', 200);
    world.advance(50);
    expect(over).toEqual([{ left: 0 }]);
  });

  test('within half a second though that answer does not come', () => {
    const { world, alice, bob, over, drain } = office();
    alice.request('MESSAGE', { to: bob.aor });
    drain();
    world.advance(449);
    expect(over).toEqual([]);
    world.advance(51);
    expect(over).toEqual([{ left: 0 }]);
  });

  test('a second after the last call, so that a lost answer can be asked for again', () => {
    const { world, alice, bob, over, drain } = office();
    const { dialog } = callUp(world, alice, bob);
    drain();
    world.advance(10_000);
    const { text } = alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    alice.response('BYE', 200);
    world.advance(900);
    alice.raw(text);
    alice.response('BYE', 200);
    expect(over).toEqual([]);
    world.advance(150);
    expect(over).toEqual([{ left: 0 }]);
  });

  test('four seconds after it where a refused caller is silent', () => {
    const { world, alice, bob, over, drain } = office();
    alice.request('INVITE', { to: bob.aor });
    const invite = bob.got('INVITE');
    drain();
    bob.answer(invite, 486);
    bob.got('ACK');
    alice.response('INVITE', 486);
    world.advance(3900);
    // said again and again while it lasts
    expect(alice.heard).toContain('486 INVITE');
    expect(over).toEqual([]);
    world.advance(150);
    expect(over).toEqual([{ left: 0 }]);
  });

  test('when the time is over, with the calls that were left', () => {
    const { world, alice, bob, over, drain } = office();
    callUp(world, alice, bob);
    drain(30_000);
    world.advance(29_999);
    expect(over).toEqual([]);
    world.advance(1);
    expect(over).toEqual([{ left: 1 }]);
  });

  test('at once where calls get no time', () => {
    const { world, alice, bob, over, drain } = office();
    callUp(world, alice, bob);
    drain(0);
    expect(over).toEqual([{ left: 1 }]);
  });

  test('whatever subscriptions live, and whoever was asked for a password and may never come back', () => {
    const { world, alice, bob, carol, over, drain } = office();
    alice.request('SUBSCRIBE', { to: bob.aor, headers: ['Event: presence', 'Expires: 3600'] });
    bob.answer(bob.got('SUBSCRIBE'), 200, { headers: ['Expires: 3600'] });
    const { callId, fromTag, branch } = carol.request('INVITE', { to: bob.aor });
    bob.answer(bob.got('INVITE'), 401, { headers: ['WWW-Authenticate: Digest realm="x", nonce="1"'] });
    const toTag = carol.response('INVITE', 401).to.tag ?? '';
    carol.request('ACK', { to: bob.aor, toTag, callId, fromTag, branch });
    expect(world.core.supervisor.size).toBe(2);
    drain();
    expect(over).toEqual([{ left: 0 }]);
  });

  test('once: who asks again is told that it goes on already, and of two ends the earlier holds', () => {
    const { world, alice, bob, over, drain } = office();
    callUp(world, alice, bob);
    expect(drain(60_000)).toBe(true);
    world.advance(1000);
    expect(drain(600_000)).toBe(false);
    expect(drain(10_000)).toBe(false);
    world.advance(9999);
    expect(over).toEqual([]);
    world.advance(1);
    expect(over).toEqual([{ left: 1 }]);
    drain(1000);
    world.advance(5000);
    expect(over).toEqual([{ left: 1 }]);
  });
});
