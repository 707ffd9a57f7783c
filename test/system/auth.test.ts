// Passwords at the door: who gets in, who is asked, who is refused, and what of it goes further.
import { describe, expect, test } from 'vitest';
import { type Answer, challenge, credentials } from '../auth/digest.ts';
import { callUp, type Phone, type RequestOptions, SDP, World } from './world.ts';

const USERS = [
  { user: 'alice', password: 'alice secret' },
  { user: 'bob', password: 'bob secret' },
];

function world(auth: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  const all = new World({ config: { auth: { mode: 'required', users: USERS, ...auth }, ...more } });
  return { all, alice: all.phone('alice', '10.0.0.2'), bob: all.phone('bob', '10.0.0.3') };
}

/** Sends a request, answers the challenge, and gives the second one. */
function proven(phone: Phone, method: string, options: RequestOptions, answer: Partial<Answer> = {}) {
  const uri = options.uri ?? options.to ?? '';
  const first = phone.request(method, options);
  const [status, header, key] =
    method === 'REGISTER'
      ? ([401, 'www-authenticate', 'Authorization'] as const)
      : ([407, 'proxy-authenticate', 'Proxy-Authorization'] as const);
  if (method === 'INVITE') phone.response('INVITE', 100);
  const to = challenge(phone.response(method, status).first(header) ?? '');
  const value = credentials(to, {
    user: phone.user,
    password: `${phone.user} secret`,
    method,
    uri,
    ...answer,
  });
  const again = phone.request(method, {
    ...options,
    callId: first.callId,
    fromTag: first.fromTag,
    cseq: (options.cseq ?? 1) + 1,
    headers: [...(options.headers ?? []), `${key}: ${value}`],
  });
  return { ...again, challenged: to, value, key };
}

function register(phone: Phone, answer: Partial<Answer> = {}) {
  proven(phone, 'REGISTER', { uri: 'sip:example.org', to: phone.aor }, answer);
  return phone.response('REGISTER');
}

describe('registering', () => {
  test('takes the password of the user whose address it is', () => {
    const { all, alice } = world();
    expect(register(alice).status).toBe(200);
    expect(all.core.location.size).toBe(1);
    all.advance(40_000);
    expect({ ...all.core.layer.size }).toMatchObject({ serverInvite: 0, serverNonInvite: 0 });
  });

  test.each([-3_600_000, 3_600_000])('goes on when the wall clock is put %i ms further', (step) => {
    const { all, alice } = world();
    all.wallShift += step;
    expect(register(alice).status).toBe(200);
  });

  test.each(['MD5', 'SHA-256', 'SHA-512-256'])('with %s', (algorithm) => {
    const { alice } = world({ algorithms: [algorithm] });
    expect(register(alice).status).toBe(200);
  });

  test('is offered each algorithm in a challenge of its own, with one nonce', () => {
    const { alice } = world({ algorithms: 'SHA-256,MD5' });
    const asked = alice.register().headers.filter((h) => h.key === 'www-authenticate');
    const offered = asked.map((h) => challenge(h.value));
    expect(offered.map((c) => c.algorithm)).toEqual(['SHA-256', 'MD5']);
    expect(offered.map((c) => c.realm)).toEqual(['example.org', 'example.org']);
    expect(new Set(offered.map((c) => c.nonce)).size).toBe(1);
    expect(asked[0]?.value).toMatch(
      /^Digest realm="example\.org", nonce="[^"]+", algorithm=SHA-256, qop="auth"$/,
    );
  });

  test('MD5 alone is offered to a phone that gives up over anything else', () => {
    const { alice } = world();
    const asked = alice.register({ headers: ['User-Agent: baresip v1.0.0 (x86_64/linux)'] });
    expect(asked.headers.filter((h) => h.key === 'www-authenticate')).toHaveLength(1);
  });

  test.each([
    ['a wrong password', { password: 'x' }],
    ['a user nobody knows', { user: 'eve' }],
    ['another method', { method: 'INVITE' }],
    ['a quality that was not offered', { qop: 'auth-int' }],
  ])('with %s is asked again, and not told that the nonce is stale', (_, answer) => {
    const { all, alice } = world();
    const refused = register(alice, answer);
    expect(refused.status).toBe(401);
    expect(challenge(refused.first('www-authenticate') ?? '').stale).toBe(false);
    expect(all.core.location.size).toBe(0);
  });

  test("somebody else's address is refused with 403, with a right password", () => {
    const { all, bob } = world();
    proven(bob, 'REGISTER', { uri: 'sip:example.org', to: 'sip:alice@example.org' });
    expect(bob.response('REGISTER').status).toBe(403);
    expect(all.core.location.size).toBe(0);
  });

  test('at a Request-URI with a user takes a password all the same', () => {
    const { alice } = world();
    expect(alice.register({ uri: 'sip:alice@example.org' }).status).toBe(401);
  });

  test('by a phone that knows neither qop nor count works, once for each nonce', () => {
    const { alice } = world();
    const again = proven(alice, 'REGISTER', { uri: 'sip:example.org', to: alice.aor }, { qop: undefined });
    expect(alice.response('REGISTER').status).toBe(200);
    const replayed = alice.register({ cseq: 9, headers: [`${again.key}: ${again.value}`] });
    expect(replayed.status).toBe(401);
    expect(challenge(replayed.first('www-authenticate') ?? '').stale).toBe(true);
  });

  test('a count that was used is refused as stale; the next one is good', () => {
    const { alice } = world();
    const { challenged, value } = proven(alice, 'REGISTER', { uri: 'sip:example.org', to: alice.aor });
    expect(alice.response('REGISTER').status).toBe(200);
    const replayed = alice.register({ cseq: 7, headers: [`Authorization: ${value}`] });
    expect(challenge(replayed.first('www-authenticate') ?? '').stale).toBe(true);
    const answer = {
      user: 'alice',
      password: 'alice secret',
      method: 'REGISTER',
      uri: 'sip:example.org',
      nc: 2,
    };
    const next = `Authorization: ${credentials(challenged, answer)}`;
    expect(alice.register({ cseq: 8, headers: [next] }).status).toBe(200);
  });

  test('a nonce from another address, or too old, is stale', () => {
    const { all, alice } = world({ nonceLife: '10s' });
    const { value } = proven(alice, 'REGISTER', { uri: 'sip:example.org', to: alice.aor });
    alice.response('REGISTER');
    const elsewhere = all.phone('alice', '10.0.0.9');
    const stolen = elsewhere.register({
      cseq: 9,
      headers: [`Authorization: ${value.replace('00000001', '00000002')}`],
    });
    expect(stolen.status).toBe(401);
    const to = challenge(alice.register().first('www-authenticate') ?? '');
    all.advance(10_001);
    const answer = { user: 'alice', password: 'alice secret', method: 'REGISTER', uri: 'sip:example.org' };
    const late = alice.register({ headers: [`Authorization: ${credentials(to, answer)}`] });
    expect(challenge(late.first('www-authenticate') ?? '').stale).toBe(true);
  });

  test('many lines of credentials are not all worked through', () => {
    const { alice } = world();
    const to = challenge(alice.register().first('www-authenticate') ?? '');
    const answer = { user: 'alice', password: 'alice secret', method: 'REGISTER', uri: 'sip:example.org' };
    const good = `Authorization: ${credentials(to, answer)}`;
    const bad = `Authorization: ${credentials(to, { ...answer, password: 'x' })}`;
    expect(alice.register({ headers: [bad, bad, bad, bad, good] }).status).toBe(401);
    expect(alice.register({ headers: [bad, bad, bad, good] }).status).toBe(200);
  });
});

describe('calling', () => {
  function both(auth: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
    const it = world(auth, more);
    register(it.alice);
    register(it.bob);
    return it;
  }

  test('takes a password; a refusal leaves no actor, no transaction and no line in the diary', () => {
    const { all, alice } = both();
    const invite = alice.request('INVITE', { to: 'sip:bob@example.org', body: SDP.audio });
    alice.response('INVITE', 100);
    const refused = alice.response('INVITE', 407);
    expect([all.core.supervisor.size, all.core.layer.size.serverInvite]).toEqual([0, 0]);
    expect(all.diary).toEqual([]);
    all.advance(5000);
    expect(alice.heard).toEqual([]);
    alice.request('ACK', {
      ...invite,
      to: 'sip:bob@example.org',
      toTag: refused.to.tag ?? '',
      contact: null,
    });
    expect(alice.heard).toEqual([]);
    expect(all.core.drops.size).toBe(0);
  });

  test('goes through, is one call, and the password stays here', () => {
    const { all, alice, bob } = both();
    const foreign =
      'Proxy-Authorization: Digest username="x", realm="far", nonce="n", uri="sip:x", response="00000000000000000000000000000000"';
    const again = proven(alice, 'INVITE', { to: bob.aor, body: SDP.audio, headers: [foreign] });
    const atBob = bob.got('INVITE');
    expect(atBob.headers.filter((h) => h.key === 'proxy-authorization').map((h) => h.raw)).toEqual([foreign]);
    bob.answer(atBob, 200, { body: SDP.audio });
    alice.response('INVITE', 100);
    const ok = alice.response('INVITE', 200);
    const dialog = {
      callId: again.callId,
      fromTag: again.fromTag,
      toTag: ok.to.tag ?? '',
      routes: ok.all('record-route').reverse(),
      to: bob.aor,
      uri: bob.contact,
      headers: [`Proxy-Authorization: ${again.value}`, foreign],
    };
    // RFC 3261 §22.1: the ACK has the credentials of its INVITE.
    alice.request('ACK', { ...dialog, cseq: 2 });
    expect(bob.got('ACK').headers.filter((h) => h.key === 'proxy-authorization')).toHaveLength(1);
    alice.request('BYE', { ...dialog, cseq: 3 });
    const bye = bob.got('BYE');
    expect(bye.headers.filter((h) => h.key === 'proxy-authorization')).toHaveLength(1);
    bob.answer(bye, 200);
    expect(all.diary).toHaveLength(3);
    all.expectSilence();
  });

  test('in a call nobody is asked again: not for a re-INVITE, nor for a BYE of the callee', () => {
    const { all, alice, bob } = both();
    proven(alice, 'INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 200, { body: SDP.audio });
    const ok = alice.response('INVITE', 200);
    const dialog = {
      callId: atBob.callId,
      fromTag: atBob.from.tag ?? '',
      toTag: ok.to.tag ?? '',
      routes: ok.all('record-route').reverse(),
      to: bob.aor,
      uri: bob.contact,
    };
    alice.request('ACK', { ...dialog, cseq: 2 });
    alice.request('INVITE', { ...dialog, cseq: 3, body: SDP.held });
    bob.got('INVITE');
    bob.request('BYE', {
      callId: atBob.callId,
      fromTag: ok.to.tag ?? '',
      toTag: atBob.from.tag ?? '',
      routes: atBob.all('record-route'),
      to: alice.aor,
      uri: alice.contact,
    });
    expect(alice.got('BYE').method).toBe('BYE');
    expect(all.bugs).toEqual([]);
  });

  test('a CANCEL needs none', () => {
    const { alice, bob } = both();
    const again = proven(alice, 'INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 180);
    alice.request('CANCEL', { ...again, to: bob.aor, cseq: 2, contact: null });
    expect(alice.response('CANCEL').status).toBe(200);
    expect(bob.got('CANCEL').has('proxy-authorization')).toBe(false);
  });

  test("in somebody else's name is refused with 403", () => {
    const { all, alice, bob } = both();
    proven(alice, 'INVITE', { to: bob.aor }, { user: 'bob', password: 'bob secret' });
    expect(alice.response('INVITE', 403).reason).toBe('Not Your Own Address');
    expect(all.diary).toEqual([]);
  });

  test('without a name passes with a password (RFC 3323)', () => {
    const { all, alice, bob } = both();
    const invite = (headers: string[], cseq: number) =>
      all.receive(
        `INVITE ${bob.aor} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKan${cseq}\r\nMax-Forwards: 70\r\nFrom: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=an\r\nTo: <${bob.aor}>\r\nCall-ID: anon\r\nCSeq: ${cseq} INVITE\r\nContact: <${alice.contact}>\r\n${headers.map((h) => `${h}\r\n`).join('')}Content-Length: 0\r\n\r\n`,
        alice,
      );
    invite([], 1);
    const to = challenge(alice.response('INVITE', 407).first('proxy-authenticate') ?? '');
    expect(to.realm).toBe('example.org');
    const answer = { user: 'alice', password: 'alice secret', method: 'INVITE', uri: bob.aor };
    invite([`Proxy-Authorization: ${credentials(to, answer)}`], 2);
    expect(bob.got('INVITE').from.uri).toBe('sip:anonymous@anonymous.invalid');
  });

  test('a cookie of an earlier call opens nothing', () => {
    const { alice, bob } = both();
    proven(alice, 'INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 486);
    bob.request('INVITE', { to: alice.aor, callId: atBob.callId, routes: atBob.all('record-route') });
    expect(bob.response('INVITE', 407).status).toBe(407);
  });

  test.each(['MESSAGE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'OPTIONS', 'PUBLISH', 'FOO'])(
    'and so does %s to somebody',
    (method) => {
      const { alice, bob } = both();
      alice.request(method, { to: bob.aor });
      expect(alice.response(method).status).toBe(407);
      expect(bob.heard).toEqual([]);
    },
  );

  test('OPTIONS to the server itself is answered to anybody', () => {
    const { alice } = world();
    alice.request('OPTIONS', { to: 'sip:example.org' });
    expect(alice.response('OPTIONS').status).toBe(200);
  });

  test('with a To tag but without a way through us is asked as well', () => {
    const { alice, bob } = both();
    alice.request('BYE', { to: bob.aor, toTag: 'made-up' });
    expect(alice.response('BYE').status).toBe(407);
    expect(bob.heard).toEqual([]);
  });
});

describe('modes', () => {
  test('register: registering takes a password, calling does not', () => {
    const { alice, bob } = world({ mode: 'register' });
    expect(alice.register().status).toBe(401);
    register(alice);
    register(bob);
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    expect(bob.got('INVITE').method).toBe('INVITE');
  });

  test('open is open, and touches no credentials', () => {
    const { all, alice, bob } = world({ mode: 'open' });
    expect([alice.register().status, bob.register().status]).toEqual([200, 200]);
    const own =
      'Proxy-Authorization: Digest username="a", realm="example.org", nonce="n", uri="sip:x", response="00000000000000000000000000000000"';
    alice.request('INVITE', { to: bob.aor, headers: [own] });
    expect(bob.got('INVITE').headers.some((h) => h.raw === own)).toBe(true);
    expect(all.bugs).toEqual([]);
  });

  test('a domain has its own: what it requires it requires of those who call it, too', () => {
    const { alice, bob } = world(
      { mode: 'open', domains: { 'safe.example': 'required' } },
      { domains: ['example.org', 'safe.example'] },
    );
    expect(alice.register().status).toBe(200);
    expect(bob.register({ to: 'sip:bob@safe.example', uri: 'sip:safe.example' }).status).toBe(401);
    alice.request('INVITE', { to: 'sip:bob@safe.example' });
    expect(alice.response('INVITE', 407).status).toBe(407);
  });

  test('public addresses come in with a password, and not without', () => {
    const { all } = world({ mode: 'required' });
    const far = all.phone('alice', '203.0.113.5');
    expect(register(far).status).toBe(200);
    const { all: open } = world({ mode: 'open' });
    expect(open.phone('alice', '203.0.113.5').register().status).toBe(403);
  });

  test('networks.allow leaves out all others, with a password or without', () => {
    const { all, alice } = world({}, { networks: { allow: ['10.0.0.2/31'] } });
    expect(register(alice).status).toBe(200);
    expect(register(all.phone('bob', '10.0.0.9')).status).toBe(403);
  });
});

describe('trusted networks', () => {
  const TRUNK = '203.0.113.20';
  const trunk = (more: Record<string, unknown> = {}) => {
    const { all, bob } = world({ trusted: ['203.0.113.16/28'] }, more);
    register(bob);
    return { all, bob, gateway: all.phone('gateway', TRUNK), stranger: all.phone('gateway', '203.0.113.40') };
  };

  test.each(['any', 'registered'])(
    'call without a password, from a public address, too (callers: %s)',
    (callers) => {
      const { all, bob, gateway } = trunk({ callers });
      const { dialog } = callUp(all, gateway, bob);
      gateway.request('BYE', { ...dialog, cseq: 2 });
      bob.answer(bob.got('BYE'), 200);
      all.expectSilence();
    },
  );

  test('do not register without one', () => {
    const { gateway } = trunk();
    expect(gateway.register().status).toBe(401);
  });

  test('nobody else does', () => {
    const { bob, stranger } = trunk();
    stranger.request('INVITE', { to: bob.aor });
    stranger.response('INVITE', 407);
    expect(bob.heard).toEqual([]);
  });
});

describe('a wrong password is told', () => {
  test('with its source and whom it was tried for, once a minute, and how often', () => {
    const { all, alice } = world();
    for (let i = 0; i < 5; i++) register(alice, { password: 'x' });
    expect(all.wrongPasswords).toEqual([
      { source: '10.0.0.2', aor: 'sip:alice@example.org', times: 1, others: 0 },
    ]);
    all.advance(60_000);
    register(alice, { password: 'x' });
    expect(all.wrongPasswords[1]).toMatchObject({ times: 5 });
  });

  test('of a call, too; not where none was given, nor where it is stale', () => {
    const { all, alice, bob } = world();
    proven(alice, 'INVITE', { to: bob.aor }, { password: 'x' });
    expect(all.wrongPasswords).toHaveLength(1);
    bob.register();
    const { key, value } = proven(bob, 'REGISTER', { uri: 'sip:example.org', to: bob.aor });
    bob.response('REGISTER', 200);
    expect(bob.register({ cseq: 7, headers: [`${key}: ${value}`] }).status).toBe(401);
    expect(all.wrongPasswords).toHaveLength(1);
  });
});

test('a call between two who proved themselves ends with nothing left', () => {
  const all = new World({ config: { auth: { mode: 'register', users: USERS } } });
  const [alice, bob] = [all.phone('alice', '10.0.0.2'), all.phone('bob', '10.0.0.3')];
  register(alice);
  register(bob);
  const { dialog } = callUp(all, alice, bob);
  alice.request('BYE', { ...dialog, cseq: 2 });
  bob.answer(bob.got('BYE'), 200);
  all.expectSilence();
});
