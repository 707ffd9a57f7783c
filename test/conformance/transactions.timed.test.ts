// RFC 3261 §17 table 4, RFC 4320, RFC 6026: every timer of the transactions, a millisecond before it is due and when it is.
import { describe, expect, it } from 'vitest';
import { callUp, type Phone, SDP, twoPhones, type World } from '../system/world.ts';

const T1 = 500;
const T2 = 4_000;
const T4 = 5_000;
const GIVE_UP = 64 * T1;

const stage = (config: Record<string, unknown> = {}) => twoPhones(config, 5070);

const heard = (phone: Phone, what: string): number => phone.heard.filter((h) => h === what).length;

/** One more `what` comes to the phone exactly then, and not before. */
function due(world: World, phone: Phone, what: string, ms: number): void {
  const before = heard(phone, what);
  world.advance(ms - 1);
  expect(heard(phone, what), `${what} before ${ms} ms`).toBe(before);
  world.advance(1);
  expect(heard(phone, what), `${what} after ${ms} ms`).toBe(before + 1);
}

/** None comes for so long. */
function quiet(world: World, phone: Phone, what: string, ms: number): void {
  const before = heard(phone, what);
  world.advance(ms);
  expect(heard(phone, what)).toBe(before);
}

describe('§17.1.1.2: an INVITE nobody answers', () => {
  it('timer A doubles and knows no cap; timer B gives 408 at 64*T1', () => {
    const { world, alice, bob } = stage();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    expect(heard(bob, 'INVITE')).toBe(1);
    for (const after of [1, 2, 4, 8, 16, 32]) due(world, bob, 'INVITE', after * T1);
    // 63 * T1 have gone by.
    quiet(world, bob, 'INVITE', T1 - 1);
    expect(heard(alice, '408 INVITE')).toBe(0);
    world.advance(1);
    expect(heard(alice, '408 INVITE')).toBe(1);
    world.expectSilence();
  });

  it('timer A is stopped by a 100, and B with it', () => {
    const { world, alice, bob } = stage();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 100);
    quiet(world, bob, 'INVITE', GIVE_UP + 1);
    expect(heard(alice, '408 INVITE')).toBe(0);
    world.expectSilence();
  });

  it('T1 of the configuration is that of every timer', () => {
    const { world, alice, bob } = stage({ timers: { t1: 10, t2: 40, t4: 50 } });
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    due(world, bob, 'INVITE', 10);
    due(world, bob, 'INVITE', 20);
    world.advance(640 - 30 - 1);
    expect(heard(alice, '408 INVITE')).toBe(0);
    world.advance(1);
    expect(heard(alice, '408 INVITE')).toBe(1);
  });
});

describe('§17.1.1.2, timer D: after a refusal', () => {
  it('the phone’s repeats are acknowledged for 32 s, and not a millisecond longer', () => {
    const { world, alice, bob } = stage();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const invite = bob.got('INVITE');
    bob.answer(invite, 486);
    expect(heard(bob, 'ACK')).toBe(1);
    world.advance(31_999);
    bob.answer(invite, 486);
    expect(heard(bob, 'ACK')).toBe(2);
    world.advance(1);
    bob.answer(invite, 486);
    expect(heard(bob, 'ACK')).toBe(2);
    world.expectSilence();
  });
});

describe('§17.1.2.2: another request nobody answers', () => {
  it('timer E doubles up to T2; timer F ends it, and the sender hears nothing of that (RFC 4320)', () => {
    const { world, alice, bob } = stage();
    alice.request('MESSAGE', { to: bob.aor });
    expect(heard(bob, 'MESSAGE')).toBe(1);
    for (const after of [T1, 2 * T1, 4 * T1, T2, T2, T2, T2, T2, T2, T2]) due(world, bob, 'MESSAGE', after);
    // 31.5 s have gone by; what is due at 32 s is timer F.
    quiet(world, bob, 'MESSAGE', 60_000);
    expect(alice.heard.filter((h) => h.endsWith('MESSAGE') && !h.startsWith('100'))).toEqual([]);
    world.expectSilence();
  });

  it('after a provisional E is T2', () => {
    const { world, alice, bob } = stage();
    alice.request('MESSAGE', { to: bob.aor });
    bob.answer(bob.got('MESSAGE'), 100);
    due(world, bob, 'MESSAGE', T1);
    due(world, bob, 'MESSAGE', T2);
    due(world, bob, 'MESSAGE', T2);
  });

  it('timer K: the phone’s repeats are absorbed for T4, and are strays after it', () => {
    const { world, alice, bob } = stage();
    alice.request('MESSAGE', { to: bob.aor });
    const message = bob.got('MESSAGE');
    bob.answer(message, 200);
    expect(heard(alice, '200 MESSAGE')).toBe(1);
    world.advance(T4 - 1);
    expect(world.core.layer.size.clientNonInvite).toBe(1);
    bob.answer(message, 200);
    world.advance(1);
    expect(world.core.layer.size.clientNonInvite).toBe(0);
    bob.answer(message, 200);
    expect(heard(alice, '200 MESSAGE')).toBe(1);
    world.expectSilence();
  });
});

describe('RFC 4320 §4.1: a slow answer to another request than INVITE', () => {
  it('100 goes out when the sender’s timer E has reached T2, not before', () => {
    const { world, alice, bob } = stage();
    alice.request('MESSAGE', { to: bob.aor });
    due(world, alice, '100 MESSAGE', 3_500);
    bob.answer(bob.got('MESSAGE'), 200);
    expect(heard(alice, '200 MESSAGE')).toBe(1);
  });

  it('a final answer in time spares it', () => {
    const { world, alice, bob } = stage();
    alice.request('MESSAGE', { to: bob.aor });
    world.advance(3_499);
    bob.answer(bob.got('MESSAGE'), 200);
    quiet(world, alice, '100 MESSAGE', 10_000);
  });

  it('an answer that comes after 64*T1 is no longer passed on', () => {
    const { world, alice, bob } = stage();
    alice.request('MESSAGE', { to: bob.aor });
    const message = bob.got('MESSAGE');
    world.advance(GIVE_UP);
    bob.answer(message, 200);
    expect(heard(alice, '200 MESSAGE')).toBe(0);
    world.expectSilence();
  });
});

describe('§17.2.1: a refusal whose ACK does not come', () => {
  it('timer G doubles up to T2; timer H ends it', () => {
    const { world, alice, bob } = stage();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 486);
    expect(heard(alice, '486 INVITE')).toBe(1);
    for (const after of [T1, 2 * T1, 4 * T1, T2, T2, T2, T2, T2, T2, T2])
      due(world, alice, '486 INVITE', after);
    quiet(world, alice, '486 INVITE', 60_000);
    world.expectSilence();
  });

  it('timer I: further ACKs are absorbed for T4', () => {
    const { world, alice, bob } = stage();
    const { branch, callId, fromTag } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 486, { tag: 'b' });
    const ack = () => alice.request('ACK', { to: bob.aor, toTag: 'b', branch, callId, fromTag, cseq: 1 });
    ack();
    quiet(world, alice, '486 INVITE', T4 - 1);
    expect(world.core.layer.size.serverInvite).toBe(1);
    ack();
    world.advance(1);
    expect(world.core.layer.size.serverInvite).toBe(0);
    expect(heard(bob, 'ACK')).toBe(1);
  });
});

describe('§17.2.2, timer J: a request that is answered', () => {
  it('is answered again for 64*T1, and is a new one after it', () => {
    const { world, alice, bob } = stage();
    const { text } = alice.request('MESSAGE', { to: bob.aor });
    bob.answer(bob.got('MESSAGE'), 200);
    world.advance(GIVE_UP - 1);
    alice.raw(text);
    expect(heard(alice, '200 MESSAGE')).toBe(2);
    expect(heard(bob, 'MESSAGE')).toBe(0);
    world.advance(1);
    alice.raw(text);
    expect(heard(bob, 'MESSAGE')).toBe(1);
  });
});

describe('§8.2.2.2: a request to us by two ways', () => {
  it('is 482 while its transaction lasts, and is forgotten soon after', () => {
    const { world, alice } = stage();
    const again = { to: 'sip:example.org', callId: 'merged', fromTag: 'x' };
    alice.request('OPTIONS', again);
    world.advance(GIVE_UP - 1);
    alice.request('OPTIONS', again);
    world.advance(GIVE_UP + 1);
    alice.request('OPTIONS', again);
    const answers = alice.heard.filter((h) => h.endsWith('OPTIONS'));
    expect(answers).toEqual(['200 OPTIONS', '482 OPTIONS', '200 OPTIONS']);
  });
});

describe('RFC 6026: a call that is answered', () => {
  it('timer M: the phone’s repeated 2xx goes on for 64*T1, and is a stray after it', () => {
    const { world, alice, bob } = stage();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const invite = bob.got('INVITE');
    bob.answer(invite, 200, { body: SDP.audio });
    world.advance(GIVE_UP - 1);
    bob.answer(invite, 200, { body: SDP.audio });
    expect(heard(alice, '200 INVITE')).toBe(2);
    world.advance(1);
    bob.answer(invite, 200, { body: SDP.audio });
    expect(heard(alice, '200 INVITE')).toBe(2);
    world.expectSilence();
  });

  it('timer L: the repeated INVITE is absorbed for 64*T1', () => {
    const { world, alice, bob } = stage();
    const { text } = callUp(world, alice, bob).invite;
    world.advance(GIVE_UP - 1);
    alice.raw(text);
    expect(bob.heard).toEqual([]);
    expect(alice.heard).toEqual([]);
    expect(world.core.layer.size.serverInvite).toBe(1);
    world.advance(1);
    expect(world.core.layer.size.serverInvite).toBe(0);
  });
});

describe('§18.4, §17.1.4: what cannot be sent', () => {
  it('fails the branch at once: a call hears of it, without waiting for timer B', () => {
    const { world, alice } = stage();
    // Nothing can be sent to this address.
    const register = [
      'REGISTER sip:example.org SIP/2.0',
      'Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKgone',
      'From: <sip:gone@example.org>;tag=1',
      'To: <sip:gone@example.org>',
      'Call-ID: gone',
      'CSeq: 1 REGISTER',
      'Contact: <sip:gone@10.9.9.9>',
    ];
    world.receive(`${register.join('\r\n')}\r\n\r\n`, { address: '10.9.9.9', port: 5060 });
    alice.request('INVITE', { to: 'sip:gone@example.org', body: SDP.audio });
    expect(alice.heard.at(-1)).toBe('500 INVITE');
    world.expectSilence();
  });
});
