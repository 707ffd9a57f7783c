// What strangers can take: who is not read, not answered, or told to come later, and what is kept for calls.
import { describe, expect, test } from 'vitest';
import { callUp, type Phone, SDP, World } from './world.ts';

function world(config: Record<string, unknown>) {
  const all = new World({ config });
  return { all, alice: all.phone('alice', '10.0.0.2'), bob: all.phone('bob', '10.0.0.3') };
}

function dropped(all: World): Record<string, number> {
  return Object.fromEntries(all.core.drops);
}

describe('networks', () => {
  test('refused: nothing of them is read or answered', () => {
    const { all, alice, bob } = world({ networks: { refuse: ['10.0.0.2', '2001:db8::/32'] } });
    alice.request('OPTIONS', { to: 'sip:example.org' });
    alice.raw('\r\n\r\n');
    alice.raw('rubbish');
    expect(alice.heard).toEqual([]);
    expect(dropped(all)).toEqual({ 'refused-network': 3 });
    expect(bob.register().status).toBe(200);
  });

  test('allowed: those alone register and call', () => {
    const { alice, bob } = world({ networks: { allow: ['10.0.0.3/32'] } });
    expect(bob.register().status).toBe(200);
    expect(alice.register().status).toBe(403);
    alice.request('MESSAGE', { to: bob.aor });
    expect(alice.response('MESSAGE').status).toBe(403);
    expect(bob.heard).toEqual([]);
  });

  test('allowed takes the place of private networks, and of --open', () => {
    const { all } = world({ open: true, networks: { allow: ['203.0.113.0/24'] } });
    expect(all.phone('a', '203.0.113.9').register().status).toBe(200);
    expect(all.phone('a', '10.0.0.2').register().status).toBe(403);
  });
});

describe('scanners', () => {
  test.each(['friendly-scanner', 'sipcli/v1.8', 'Evil SIPVicious 1'])('%s hears nothing', (name) => {
    const { all, alice } = world({});
    alice.request('OPTIONS', { to: 'sip:100@example.org', headers: [`User-Agent: ${name}`] });
    alice.request('REGISTER', { to: 'sip:100@example.org', headers: [`User-Agent: ${name}`] });
    expect(alice.heard).toEqual([]);
    expect(dropped(all)).toEqual({ scanner: 2 });
  });

  test('are whom the configuration says', () => {
    const { all, alice } = world({ limits: { scanners: [] } });
    alice.request('OPTIONS', { to: 'sip:example.org', headers: ['User-Agent: friendly-scanner'] });
    expect(alice.response('OPTIONS').status).toBe(200);
    expect(dropped(all)).toEqual({});
  });
});

describe('rates', () => {
  test('requests: more are dropped, responses never', () => {
    const { all, alice, bob } = world({ limits: { requests: '2/s' } });
    for (let i = 0; i < 5; i++) alice.request('OPTIONS', { to: 'sip:example.org' });
    expect(alice.heard).toEqual(['200 OPTIONS', '200 OPTIONS']);
    expect(dropped(all)).toEqual({ 'rate-requests': 3 });
    expect(bob.register().status).toBe(200);
    all.advance(500);
    alice.request('MESSAGE', { to: bob.aor });
    const message = bob.got('MESSAGE');
    bob.request('OPTIONS', { to: 'sip:example.org' });
    bob.answer(message, 200);
    expect(alice.response('MESSAGE').status).toBe(200);
  });

  test('registrations and calls: more are told to come later, and leave nothing', () => {
    const { all, alice, bob } = world({ limits: { registrations: '1/m', newCalls: '1/m' } });
    expect([bob.register().status, alice.register().status]).toEqual([200, 200]);
    const refused = alice.register();
    expect([refused.status, refused.first('retry-after')]).toEqual([503, '10']);
    alice.request('INVITE', { to: bob.aor });
    bob.answer(bob.got('INVITE'), 486);
    const second = alice.request('INVITE', { to: bob.aor });
    expect(alice.response('INVITE', 503).first('retry-after')).toBe('10');
    expect(dropped(all)).toEqual({ 'rate-registrations': 1, 'rate-calls': 1 });
    expect(all.states(second.callId)).toEqual([]);
    all.advance(60_000);
    expect(alice.register().status).toBe(200);
    all.expectSilence();
  });

  test('being asked for a password is no call yet', () => {
    const auth = { mode: 'required', users: [{ user: 'alice', password: 'x' }] };
    const { all, alice, bob } = world({ auth, limits: { newCalls: '1/h' } });
    for (let i = 0; i < 3; i++) alice.request('INVITE', { to: bob.aor });
    expect(alice.heard.filter((h) => h === '407 INVITE')).toHaveLength(3);
    expect(dropped(all)).toEqual({});
  });
});

describe('overload', () => {
  function invite(phone: Phone, times: number) {
    return Array.from({ length: times }, () => phone.request('INVITE', { to: 'sip:bob@example.org' }));
  }

  test('more calls than allowed: 503, no actor, no line; the calls there are go on', () => {
    const { all, alice, bob } = world({ limits: { calls: 1 } });
    alice.register();
    bob.register();
    const { dialog } = callUp(all, alice, bob);
    invite(alice, 2);
    expect(alice.heard).toEqual(['100 INVITE', '503 INVITE', '100 INVITE', '503 INVITE']);
    expect(dropped(all)).toEqual({ 'too-many-calls': 2 });
    expect(all.core.supervisor.size).toBe(1);
    alice.request('INVITE', { ...dialog, cseq: 2, body: SDP.held });
    expect(bob.got('INVITE').to.tag).toBeDefined();
  });

  test('nearly full of transactions: what is new is refused, what belongs to a call passes, forgeries do not', () => {
    const { all, alice, bob } = world({ limits: { transactions: 20 } });
    alice.register();
    bob.register();
    const { dialog } = callUp(all, alice, bob);
    const flood = all.phone('flood', '10.0.0.66');
    // Each takes one transaction: nobody is there.
    for (let i = 0; i < 30; i++) flood.request('MESSAGE', { to: 'sip:nobody@example.org' });
    expect(flood.heard.filter((h) => h === '503 MESSAGE').length).toBeGreaterThan(5);
    expect(all.core.drops.get('overload')).toBeGreaterThan(5);
    expect(alice.register({ cseq: 2 }).first('retry-after')).toBe('10');
    flood.request('BYE', { to: bob.aor, toTag: 'x', routes: ['<sip:cc1-x~y~z~0@10.0.0.1;lr>'] });
    expect(flood.response('BYE').status).toBe(503);
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    expect(alice.response('BYE').status).toBe(200);
    all.advance(40_000);
    expect(alice.register({ cseq: 3 }).status).toBe(200);
  });

  test('an ACK for what was refused so is known, and goes nowhere', () => {
    const { all, alice, bob } = world({ limits: { transactions: 1 } });
    bob.register();
    const [sent] = invite(alice, 1);
    const refused = alice.response('INVITE', 503);
    alice.request('ACK', { ...sent, to: bob.aor, toTag: refused.to.tag ?? '', contact: null });
    expect(bob.heard.filter((h) => h === 'ACK')).toEqual([]);
    expect(dropped(all)).toEqual({ overload: 1 });
  });
});
