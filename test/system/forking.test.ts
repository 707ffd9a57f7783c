import { describe, expect, it } from 'vitest';
import { type Phone, SDP, World } from './world.ts';

/** Bob has several phones. */
function bobs(qs: readonly string[], config: Record<string, unknown> = {}) {
  const world = new World({ config });
  const alice = world.phone('alice', '10.0.0.2');
  const phones = qs.map((q, i) => {
    const phone = world.phone('bob', `10.0.0.${10 + i}`);
    phone.request('REGISTER', {
      uri: 'sip:example.org',
      to: phone.aor,
      contact: null,
      headers: [`Contact: <${phone.contact}>${q === '' ? '' : `;q=${q}`}`],
    });
    phone.response('REGISTER', 200);
    return phone;
  });
  return { world, alice, phones: phones as [Phone, Phone, Phone] };
}

describe('parallel forking', () => {
  it('rings every phone; the first 2xx wins and the others are cancelled', () => {
    const { alice, phones } = bobs(['', '', '']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const invites = phones.map((p) => p.got('INVITE'));
    expect(new Set(invites.map((i) => i.via.branch)).size).toBe(3);
    for (const [i, phone] of phones.entries()) phone.answer(invites[i] as never, 180, { tag: `t${i}` });
    phones[1].answer(invites[1] as never, 200, { tag: 't1', body: SDP.audio });
    expect(alice.response('INVITE', 200).to.tag).toBe('t1');
    for (const i of [0, 2]) {
      const phone = phones[i] as Phone;
      const cancel = phone.got('CANCEL');
      expect(cancel.first('reason')).toContain('cause=200');
      phone.answer(cancel, 200);
      phone.answer(invites[i] as never, 487, { tag: `t${i}` });
      phone.got('ACK');
    }
    expect(alice.heard).not.toContain('487 INVITE');
  });

  it('passes every 2xx, also of a phone that answered at the same moment', () => {
    const { alice, phones } = bobs(['', '']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const invites = phones.map((p) => p.got('INVITE'));
    phones[0].answer(invites[0] as never, 200, { tag: 'a' });
    phones[1].answer(invites[1] as never, 200, { tag: 'b' });
    phones[1].answer(invites[1] as never, 200, { tag: 'b' });
    expect([0, 1, 2].map(() => alice.response('INVITE', 200).to.tag)).toEqual(['a', 'b', 'b']);
  });

  it('chooses the best failure when all have failed, and not before', () => {
    const { alice, phones } = bobs(['', '', '']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const invites = phones.map((p) => p.got('INVITE'));
    phones[0].answer(invites[0] as never, 503);
    phones[1].answer(invites[1] as never, 486);
    expect(alice.heard).toEqual(['100 INVITE']);
    phones[2].answer(invites[2] as never, 500);
    expect(alice.response('INVITE', 486).status).toBe(486);
  });

  it('collects the challenges of all', () => {
    const { alice, phones } = bobs(['', '']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const invites = phones.map((p) => p.got('INVITE'));
    phones[0].answer(invites[0] as never, 401, {
      headers: ['WWW-Authenticate: Digest realm="one", nonce="1"'],
    });
    phones[1].answer(invites[1] as never, 407, {
      headers: ['Proxy-Authenticate: Digest realm="two", nonce="2"'],
    });
    const refusal = alice.inbox.find((m) => m.kind === 'response' && m.status > 400);
    expect(refusal?.first('www-authenticate')).toContain('one');
    expect(refusal?.first('proxy-authenticate')).toContain('two');
  });

  it('a 6xx stops all', () => {
    const { alice, phones } = bobs(['', '']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const invites = phones.map((p) => p.got('INVITE'));
    phones[1].answer(invites[1] as never, 180);
    phones[0].answer(invites[0] as never, 603);
    phones[1].answer(phones[1].got('CANCEL'), 200);
    phones[1].answer(invites[1] as never, 487);
    expect(alice.response('INVITE', 603).status).toBe(603);
  });

  it('a lone 503 is not passed as 503', () => {
    const { alice, phones } = bobs(['']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    phones[0].answer(phones[0].got('INVITE'), 503);
    expect(alice.response('INVITE', 500).status).toBe(500);
  });
});

describe('serial forking', () => {
  it('goes in q order, the next after the one before has failed', () => {
    const { world, alice, phones } = bobs(['0.2', '0.9', '0.5']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    expect(phones.map((p) => p.heard.length)).toEqual([0, 1, 0]);
    phones[1].answer(phones[1].got('INVITE'), 486);
    expect(phones[2].heard).toEqual(['INVITE']);
    phones[2].answer(phones[2].got('INVITE'), 404);
    phones[0].answer(phones[0].got('INVITE'), 200, { body: SDP.audio });
    alice.response('INVITE', 200);
    expect(world.diary.filter((line) => line.startsWith('Incomming'))).toHaveLength(1);
  });

  it('a phone that rings too long is cancelled and the next one rings', () => {
    const { world, alice, phones } = bobs(['0.9', '0.5'], { timers: { serial: '20s' } });
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const first = phones[0].got('INVITE');
    phones[0].answer(first, 180);
    world.advance(19_999);
    expect(phones[1].heard).toEqual([]);
    world.advance(1);
    phones[0].answer(phones[0].got('CANCEL'), 200);
    phones[0].answer(first, 487);
    phones[1].answer(phones[1].got('INVITE'), 200, { body: SDP.audio });
    alice.response('INVITE', 200);
  });

  it('CANCEL stops it: nobody else rings', () => {
    const { world, alice, phones } = bobs(['0.9', '0.5']);
    const { callId, fromTag, branch } = alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const first = phones[0].got('INVITE');
    phones[0].answer(first, 180);
    alice.request('CANCEL', { to: phones[0].aor, callId, fromTag, branch });
    phones[0].answer(phones[0].got('CANCEL'), 200);
    phones[0].answer(first, 487);
    alice.response('INVITE', 487);
    expect(phones[1].heard).toEqual([]);
    world.expectSilence();
  });
});

describe('nobody answers', () => {
  it('Timer B: a phone that is silent gives the caller 408', () => {
    const { world, alice, phones } = bobs(['']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    world.advance(31_999);
    expect(alice.heard).not.toContain('408 INVITE');
    world.advance(1);
    expect(alice.heard).toContain('408 INVITE');
    world.expectSilence();
  });

  it('Timer C: a phone that rings for ever is cancelled, the caller gets 408', () => {
    const { world, alice, phones } = bobs(['']);
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    const invite = phones[0].got('INVITE');
    phones[0].inbox.length = 0;
    phones[0].answer(invite, 180);
    world.advance(180_999);
    expect(phones[0].heard).not.toContain('CANCEL');
    world.advance(1);
    phones[0].answer(phones[0].got('CANCEL'), 200);
    phones[0].answer(invite, 487);
    alice.response('INVITE', 408);
    world.expectSilence();
  });

  it('a non-INVITE that nobody answers gets nothing from us (RFC 4320)', () => {
    const { world, alice, phones } = bobs(['']);
    alice.request('MESSAGE', { to: phones[0].aor, contact: null, headers: ['Content-Type: text/plain'] });
    world.advance(40_000);
    expect(alice.heard.filter((h) => !h.startsWith('100'))).toEqual([]);
    world.expectSilence();
  });
});
