// RFC 3261 §9, §10, §16: the waits of a call, a search and a binding, a millisecond before each is over and when it is.
import { describe, expect, it } from 'vitest';
import { callUp, type Phone, routeSet, SDP, twoPhones, type World } from '../system/world.ts';

const GIVE_UP = 32_000;
const TIMER_C = 181_000;

const stage = (config: Record<string, unknown> = {}) => twoPhones(config, 5070);

const heard = (phone: Phone, what: string): number => phone.heard.filter((h) => h === what).length;

/** It comes exactly then. */
function due(world: World, phone: Phone, what: string, ms: number): void {
  world.advance(ms - 1);
  expect(heard(phone, what), `${what} before ${ms} ms`).toBe(0);
  world.advance(1);
  expect(heard(phone, what), `${what} after ${ms} ms`).toBe(1);
}

function invited() {
  const scene = stage();
  const invite = scene.alice.request('INVITE', { to: scene.bob.aor, body: SDP.audio });
  const atBob = scene.bob.got('INVITE');
  const cancel = () => {
    const { branch, callId, fromTag } = invite;
    scene.alice.request('CANCEL', { to: scene.bob.aor, branch, callId, fromTag, cseq: 1, contact: null });
    scene.alice.response('CANCEL', 200);
  };
  return { ...scene, invite, atBob, cancel };
}

describe('§16.8, timer C', () => {
  it('a phone that rings too long is cancelled, and the caller hears 408', () => {
    const { world, alice, bob, atBob } = invited();
    bob.answer(atBob, 180);
    due(world, bob, 'CANCEL', TIMER_C);
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(atBob, 487);
    expect(heard(alice, '408 INVITE')).toBe(1);
    world.expectSilence();
  });

  it.each([180, 183, 199])('§16.7 step 2: each %d begins it anew', (status) => {
    const { world, bob, atBob } = invited();
    bob.answer(atBob, 180);
    world.advance(TIMER_C - 1);
    bob.answer(atBob, status);
    due(world, bob, 'CANCEL', TIMER_C);
  });

  it('§16.7 step 2: a 100 does not', () => {
    const { world, bob, atBob } = invited();
    bob.answer(atBob, 180);
    world.advance(100_000);
    bob.answer(atBob, 100);
    due(world, bob, 'CANCEL', TIMER_C - 100_000);
  });

  it('a 200 that crosses the CANCEL wins', () => {
    const { world, alice, bob, atBob } = invited();
    bob.answer(atBob, 180);
    world.advance(TIMER_C);
    bob.answer(atBob, 200, { body: SDP.audio });
    expect(heard(alice, '200 INVITE')).toBe(1);
    expect(heard(alice, '408 INVITE')).toBe(0);
  });
});

describe('§9.1: CANCEL to a phone that says nothing', () => {
  it('the caller has its 487 after 5 s', () => {
    const { world, alice, bob, cancel } = invited();
    cancel();
    due(world, alice, '487 INVITE', 5_000);
    expect(heard(bob, 'CANCEL')).toBe(0);
    world.expectSilence();
  });

  it('a late provisional is cancelled then', () => {
    const { world, alice, bob, atBob, cancel } = invited();
    cancel();
    world.advance(5_000);
    bob.answer(atBob, 180);
    expect(heard(bob, 'CANCEL')).toBe(1);
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(atBob, 487);
    expect(heard(alice, '487 INVITE')).toBe(1);
    expect(heard(alice, '180 INVITE')).toBe(0);
    world.expectSilence();
  });

  it('a late 2xx is passed on then', () => {
    const { world, alice, bob, atBob, cancel } = invited();
    cancel();
    world.advance(5_000);
    bob.answer(atBob, 200, { body: SDP.audio });
    expect(heard(alice, '200 INVITE')).toBe(1);
    const ok = alice.response('INVITE', 200);
    const { callId, fromTag } = { callId: ok.callId, fromTag: ok.from.tag ?? '' };
    const dialog = { callId, fromTag, toTag: ok.to.tag ?? '', routes: routeSet(ok), uri: bob.contact };
    alice.request('ACK', { ...dialog, cseq: 1 });
    bob.got('ACK');
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    world.expectSilence();
  });

  it('the INVITE goes on being repeated meanwhile: it may have been lost', () => {
    const { world, bob, cancel } = invited();
    cancel();
    world.advance(1_500);
    expect(heard(bob, 'INVITE')).toBe(2);
  });

  it('§9.1: one that rings and does not answer the CANCEL: 487 at 64*T1, and not later', () => {
    const { world, alice, bob, atBob, cancel } = invited();
    bob.answer(atBob, 180);
    cancel();
    due(world, alice, '487 INVITE', GIVE_UP);
    world.expectSilence();
  });
});

describe('§16.6: a serial search', () => {
  function search() {
    const { world, alice } = stage();
    const desk = world.phone('carol', '10.0.0.7');
    const mobile = world.phone('carol', '10.0.0.8');
    desk.register({ contact: null, headers: ['Contact: <sip:carol@10.0.0.7>;q=0.9'] });
    mobile.register({ contact: null, headers: ['Contact: <sip:carol@10.0.0.8>;q=0.1'] });
    for (const phone of [desk, mobile]) phone.inbox.length = 0;
    const invite = alice.request('INVITE', { to: desk.aor, body: SDP.audio });
    return { world, alice, desk, mobile, invite };
  }

  it('goes on after 30 s, and what rang is cancelled', () => {
    const { world, alice, desk, mobile } = search();
    const atDesk = desk.got('INVITE');
    desk.answer(atDesk, 180);
    due(world, mobile, 'INVITE', 30_000);
    expect(heard(desk, 'CANCEL')).toBe(1);
    desk.answer(desk.got('CANCEL'), 200);
    desk.answer(atDesk, 487);
    mobile.answer(mobile.got('INVITE'), 200, { body: SDP.audio });
    expect(heard(alice, '200 INVITE')).toBe(1);
  });

  it('what rang and answers all the same wins', () => {
    const { world, alice, desk, mobile } = search();
    const atDesk = desk.got('INVITE');
    desk.answer(atDesk, 180);
    world.advance(30_000);
    mobile.answer(mobile.got('INVITE'), 180);
    desk.answer(atDesk, 200, { body: SDP.audio });
    expect(heard(alice, '200 INVITE')).toBe(1);
    expect(heard(mobile, 'CANCEL')).toBe(1);
  });

  it('is over when the last has rung too long: 408', () => {
    const { world, alice, desk, mobile } = search();
    const atDesk = desk.got('INVITE');
    desk.answer(atDesk, 180);
    world.advance(30_000);
    desk.answer(atDesk, 487);
    const atMobile = mobile.got('INVITE');
    mobile.answer(atMobile, 180);
    world.advance(TIMER_C);
    mobile.answer(atMobile, 487);
    expect(heard(alice, '408 INVITE')).toBe(1);
    world.expectSilence();
  });

  it('CANCEL after the first step ends it', () => {
    const { world, alice, desk, mobile, invite } = search();
    desk.answer(desk.got('INVITE'), 180);
    world.advance(29_999);
    const { branch, callId, fromTag } = invite;
    alice.request('CANCEL', { to: desk.aor, branch, callId, fromTag, cseq: 1, contact: null });
    world.advance(60_000);
    expect(heard(mobile, 'INVITE')).toBe(0);
    world.expectSilence();
  });
});

describe('§10: a binding', () => {
  const register = (phone: Phone, seconds: number) => phone.register({ headers: [`Expires: ${seconds}`] });

  it('serves until its last millisecond', () => {
    const { world, alice, bob } = stage();
    register(bob, 600);
    world.advance(600_000 - 1);
    alice.request('MESSAGE', { to: bob.aor });
    expect(heard(bob, 'MESSAGE')).toBe(1);
    world.advance(1);
    alice.request('MESSAGE', { to: bob.aor });
    expect(heard(alice, '480 MESSAGE')).toBe(1);
  });

  it('§10.3 step 8: is listed with the seconds it has left', () => {
    const { world, bob } = stage();
    register(bob, 600);
    for (const [ms, left] of [
      [0, 600],
      [59_000, 541],
      [540_999, 1],
    ]) {
      world.advance(ms ?? 0);
      const listed = bob.register({ contact: null });
      expect(listed.all('contact')[0]).toBe(`<${bob.contact}>;expires=${left}`);
    }
    world.advance(1);
    expect(bob.register({ contact: null }).all('contact')).toEqual([]);
  });

  it('a refresh begins its time anew', () => {
    const { world, alice, bob } = stage();
    register(bob, 600);
    world.advance(599_999);
    register(bob, 600);
    world.advance(599_999);
    alice.request('MESSAGE', { to: bob.aor });
    expect(heard(bob, 'MESSAGE')).toBe(1);
  });

  it('its end does not end the call it began', () => {
    const { world, alice, bob } = stage();
    register(bob, 60);
    const { dialog } = callUp(world, alice, bob);
    world.advance(120_000);
    alice.request('BYE', { ...dialog, cseq: 2 });
    expect(heard(bob, 'BYE')).toBe(1);
  });

  it('that has moved to another port of its NAT takes its calls along', () => {
    const { world, alice } = stage();
    const before = world.phone('dana', '10.0.0.50', 40_000);
    const after = world.phone('dana', '10.0.0.50', 40_001);
    const inner = { contact: 'sip:dana@192.168.1.9:5060' };
    before.register(inner);
    alice.request('INVITE', { to: before.aor, body: SDP.audio });
    before.answer(before.got('INVITE'), 200, { ...inner, body: SDP.audio });
    const ok = alice.response('INVITE', 200);
    const dialog = {
      callId: ok.callId,
      fromTag: ok.from.tag ?? '',
      toTag: ok.to.tag ?? '',
      routes: routeSet(ok),
      uri: inner.contact,
    };
    alice.request('ACK', { ...dialog, cseq: 1 });
    before.got('ACK');
    after.register(inner);
    alice.request('BYE', { ...dialog, cseq: 2 });
    expect([heard(before, 'BYE'), heard(after, 'BYE')]).toEqual([0, 1]);
  });
});

describe('§13.3.1.4, §22: the caller', () => {
  it('who never acknowledges the answer: the call ends after 64*T1', () => {
    const { world, bob, atBob } = invited();
    bob.answer(atBob, 200, { body: SDP.audio });
    world.advance(GIVE_UP - 1);
    expect(world.core.supervisor.size).toBe(1);
    world.advance(1);
    expect(world.core.supervisor.size).toBe(0);
    expect(world.diary.at(-1)).toBe('\tCall Has Timed Out');
  });

  it('who is challenged and does not come again: the call ends after 32 s', () => {
    const { world, bob, atBob } = invited();
    bob.answer(atBob, 401);
    world.advance(31_999);
    expect(world.core.supervisor.size).toBe(1);
    world.advance(1);
    expect(world.core.supervisor.size).toBe(0);
  });

  it('who comes again in time has one call and one entry', () => {
    const { world, alice, bob, atBob, invite } = invited();
    bob.answer(atBob, 407);
    world.advance(31_999);
    const { callId, fromTag } = invite;
    alice.request('INVITE', { to: bob.aor, callId, fromTag, cseq: 2, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 486);
    expect(world.diary.filter((line) => line.startsWith('Incomming'))).toHaveLength(1);
    world.expectSilence();
  });
});

describe('RFC 4028: session timers', () => {
  const REFRESH = 90_000;
  /** The last refresh and its answer may be on their way. */
  const MARGIN = GIVE_UP;

  function refreshed(seconds = 90) {
    const { world, alice, bob } = stage();
    const invite = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const headers = [`Session-Expires: ${seconds};refresher=uac`, 'Require: timer'];
    bob.answer(bob.got('INVITE'), 200, { body: SDP.audio, headers });
    const ok = alice.response('INVITE', 200);
    const { callId, fromTag } = invite;
    const dialog = {
      callId,
      fromTag,
      toTag: ok.to.tag ?? '',
      routes: routeSet(ok),
      to: bob.aor,
      uri: bob.contact,
    };
    alice.request('ACK', { ...dialog, cseq: 1 });
    bob.got('ACK');
    return { world, alice, bob, dialog };
  }

  /** The call is there until then, and not after; nobody is sent anything. */
  function endsAfter({ world, alice, bob }: ReturnType<typeof refreshed>, ms: number): void {
    alice.inbox.length = 0;
    world.advance(ms - 1);
    expect(world.core.supervisor.size).toBe(1);
    world.advance(1);
    expect(world.core.supervisor.size).toBe(0);
    expect([...alice.heard, ...bob.heard]).toEqual([]);
    expect(world.diary.at(-1)).toBe('\tCall Has Timed Out');
  }

  it('§10: a call that nobody refreshes is over, and no BYE is invented', () => {
    endsAfter(refreshed(), REFRESH + MARGIN);
  });

  it('the phones may still end it: their BYE needs no state of ours', () => {
    const { world, alice, bob, dialog } = refreshed();
    world.advance(REFRESH + MARGIN);
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    expect(alice.response('BYE').status).toBe(200);
  });

  it.each(['INVITE', 'UPDATE'])('a refresh by %s begins its time anew', (method) => {
    const scene = refreshed();
    const { world, alice, bob, dialog } = scene;
    world.advance(80_000);
    alice.request(method, { ...dialog, cseq: 2 });
    bob.answer(bob.got(method), 200, { headers: ['Session-Expires: 90;refresher=uac'] });
    alice.response(method, 200);
    if (method === 'INVITE') {
      alice.request('ACK', { ...dialog, cseq: 2 });
      bob.got('ACK');
    }
    endsAfter(scene, REFRESH + MARGIN);
  });

  it('a refresh may change how long it is, at once', () => {
    const scene = refreshed();
    const { world, alice, bob, dialog } = scene;
    world.advance(60_000);
    alice.request('UPDATE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('UPDATE'), 200, { headers: ['x: 1800'] });
    alice.response('UPDATE', 200);
    endsAfter(scene, 1_800_000 + MARGIN);
  });

  it('a refresh whose answer names no time ends the promise', () => {
    const { world, alice, bob, dialog } = refreshed();
    alice.request('UPDATE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('UPDATE'), 200);
    world.advance(11 * 3_600_000);
    expect(world.core.supervisor.size).toBe(1);
  });

  it.each(['0', 'soon', '', '-5'])('Session-Expires %j is no promise', (value) => {
    const { world, alice, bob } = stage();
    const invite = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 200, { body: SDP.audio, headers: [`Session-Expires: ${value}`] });
    const ok = alice.response('INVITE', 200);
    const { callId, fromTag } = invite;
    alice.request('ACK', { callId, fromTag, toTag: ok.to.tag ?? '', routes: routeSet(ok), uri: bob.contact });
    world.advance(3_600_000);
    expect(world.core.supervisor.size).toBe(1);
  });
});

describe('whom a public address may reach', () => {
  it.each(['REGISTER', 'INVITE', 'MESSAGE', 'SUBSCRIBE', 'ACK'])('%s leads to nobody', (method) => {
    const { world, bob } = stage();
    const eve = world.phone('eve', '198.51.100.7');
    eve.request(method, { to: bob.aor, headers: ['Event: x'] });
    expect(bob.heard).toEqual([]);
    expect(heard(eve, `403 ${method}`)).toBe(method === 'ACK' ? 0 : 1);
  });

  it('an OPTIONS for the server itself is answered', () => {
    const { world } = stage();
    const eve = world.phone('eve', '198.51.100.7');
    eve.request('OPTIONS', { to: 'sip:example.org' });
    expect(heard(eve, '200 OPTIONS')).toBe(1);
  });

  it('its own side of a call it was asked into, and nobody else by that call’s Route', () => {
    const { world, alice, bob } = stage({ outbound: ['198.51.100.0/24'] });
    const trunk = world.phone('trunk', '198.51.100.7');
    const uri = 'sip:123@198.51.100.7';
    alice.request('INVITE', { to: uri, body: SDP.audio });
    const atTrunk = trunk.got('INVITE');
    trunk.answer(atTrunk, 200, { body: SDP.audio });
    const ok = alice.response('INVITE', 200);
    const back = {
      callId: ok.callId,
      fromTag: ok.to.tag ?? '',
      toTag: ok.from.tag ?? '',
      routes: atTrunk.all('record-route'),
      to: alice.aor,
    };
    trunk.request('INFO', { ...back, uri: alice.contact, cseq: 2 });
    expect(heard(alice, 'INFO')).toBe(1);
    const { callId, routes } = back;
    trunk.request('INVITE', { to: bob.aor, callId, routes, cseq: 3, body: SDP.audio });
    expect(bob.heard).toEqual([]);
    expect(heard(trunk, '403 INVITE')).toBe(1);
  });
});
