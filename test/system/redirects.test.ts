// A phone's 3xx: passed to the caller, or followed to where the server may send requests anyway (RFC 3261 §16.7 step 4).
import { describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/sip/message.ts';
import { challenge, credentials } from '../auth/digest.ts';
import { type Phone, type RequestOptions, SDP, World } from './world.ts';

function stage(config: Record<string, unknown> = {}) {
  const world = new World({ config: { redirects: 'follow', ...config } });
  const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((user, i) => {
    const phone = world.phone(user, `10.0.0.${i + 2}`);
    phone.register();
    return phone;
  }) as [Phone, Phone, Phone, Phone];
  const call = (options: RequestOptions = {}) =>
    alice.request('INVITE', { to: bob.aor, body: SDP.audio, ...options });
  return { world, alice, bob, carol, dave, call };
}

/** Answers with a 3xx that names these Contacts. */
function sendOn(phone: Phone, request: SipRequest, contacts: readonly string[], status = 302): void {
  const headers = contacts.map((contact) => `Contact: ${contact}`);
  phone.answer(request, status, { contact: null, headers });
  if (request.method === 'INVITE') phone.got('ACK');
}

const finals = (phone: Phone) => phone.heard.filter((h) => /^[2-6]/.test(h));

describe('redirects: pass', () => {
  it.each([300, 301, 302, 305, 380])('a %d goes to the caller as it came', (status) => {
    const { alice, bob, carol, call } = stage({ redirects: 'pass' });
    call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.aor}>;q=0.7`], status);
    expect(alice.response('INVITE', status).all('contact')).toEqual([`<${carol.aor}>;q=0.7`]);
    expect(carol.heard).toEqual([]);
  });
});

describe('redirects: follow', () => {
  it('is one call, and its diary says who answered', () => {
    const { world, alice, bob, carol, call } = stage();
    const { callId, fromTag } = call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.aor}>`]);
    const atCarol = carol.got('INVITE');
    expect(atCarol.uri).toBe(carol.contact);
    carol.answer(atCarol, 180);
    carol.answer(atCarol, 200, { body: SDP.audio });
    expect(alice.heard).toEqual(['100 INVITE', '180 INVITE', '200 INVITE']);
    const routes = alice.response('INVITE', 200).all('record-route').reverse();
    const dialog = { callId, fromTag, toTag: 'carolto', to: bob.aor, uri: carol.contact, routes };
    alice.request('ACK', { ...dialog, cseq: 1 });
    carol.got('ACK');
    carol.request('BYE', {
      callId,
      fromTag: 'carolto',
      toTag: fromTag,
      to: alice.aor,
      uri: alice.contact,
      routes: atCarol.all('record-route'),
    });
    alice.answer(alice.got('BYE'), 200);
    expect(world.diary).toEqual([
      'Incomming Call From: sip:alice@example.org >> To: sip:bob@example.org',
      '\tCall Forwarded by sip:bob@example.org >> To: sip:carol@example.org',
      '\tCall Ringing at sip:carol@example.org',
      '\tCall Answered by sip:carol@example.org',
      '\tCall Has Ended',
    ]);
    world.expectSilence();
  });

  it('a phone that rang before it sent the call on', () => {
    const { world, bob, carol, call } = stage();
    call();
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 180);
    sendOn(bob, atBob, [`<${carol.aor}>`]);
    carol.answer(carol.got('INVITE'), 486);
    expect(world.diary.slice(1)).toEqual([
      '\tCall Ringing at sip:bob@example.org',
      '\tCall Forwarded by sip:bob@example.org >> To: sip:carol@example.org',
      '\tCall Refused as Busy by sip:carol@example.org',
    ]);
    carol.got('ACK');
    world.expectSilence();
  });

  it('the address of a live binding, and what `outbound` allows', () => {
    const { world, bob, carol, call } = stage({ outbound: ['192.0.2.9'] });
    call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.contact};x=1>`, '<sip:pstn@192.0.2.9>']);
    expect(carol.got('INVITE').uri).toBe(`${carol.contact};x=1`);
    expect(world.lost.map((m) => (m.kind === 'request' ? m.uri : ''))).toEqual(['sip:pstn@192.0.2.9']);
  });

  it.each([
    ['a stranger', '<sip:x@192.0.2.9>'],
    ['another port of a phone', '<sip:carol@10.0.0.4:9>'],
    ['an AOR of ours with nobody there', '<sip:nobody@example.org>'],
    ['the server itself', '<sip:example.org>'],
    ['a stranger by maddr of one of ours', '<sip:x@192.0.2.9;maddr=10.0.0.4>'],
    ['another scheme', '<tel:+421905123456>'],
    ['sips', '<sips:carol@example.org>'],
    ['what has expired', '<sip:carol@example.org>;expires=0'],
    ['the phone that says so', '<sip:bob@example.org>'],
    ['what cannot be read', '<sip:@@>'],
  ])('%s is not followed: the 302 is passed as it came', (_what, contact) => {
    const { world, alice, bob, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), [contact]);
    expect(alice.response('INVITE', 302).all('contact')).toEqual([contact]);
    expect(world.lost).toEqual([]);
    expect(world.diary).toHaveLength(1);
    alice.inbox.length = 0;
  });

  it.each([305, 380])('a %d is passed', (status) => {
    const { alice, bob, carol, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.aor}>`], status);
    alice.response('INVITE', status);
    expect(carol.heard).toEqual([]);
  });

  it('what is left of the Contacts may go to the caller, if nothing better comes', () => {
    const { alice, bob, carol, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), ['<tel:+421905123456>', `<${carol.aor}>`]);
    carol.answer(carol.got('INVITE'), 480);
    expect(alice.response('INVITE', 302).all('contact')).toEqual(['<tel:+421905123456>']);
  });

  it('goes in the order of q, and each place is asked once', () => {
    const { alice, bob, carol, dave, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), [`<${dave.aor}>;q=0.1`, `<${carol.aor}>;q=0.5, <${carol.aor}>;q=0.4`]);
    expect(dave.heard).toEqual([]);
    carol.answer(carol.got('INVITE'), 486);
    expect(carol.heard).toEqual(['ACK']);
    dave.answer(dave.got('INVITE'), 200, { body: SDP.audio });
    expect(finals(alice)).toEqual(['200 INVITE']);
  });

  it('phones that send a call round in a circle end it with the last 302', () => {
    const { world, alice, bob, carol, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.aor}>`]);
    sendOn(carol, carol.got('INVITE'), [`<${bob.aor}>`]);
    expect(alice.response('INVITE', 302).first('contact')).toBe(`<${bob.aor}>`);
    world.expectSilence();
  });

  it('a chain without end is followed five times', () => {
    const { world, alice, bob, carol, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.contact};n=0>`]);
    for (let n = 1; n < 5; n++) sendOn(carol, carol.got('INVITE'), [`<${carol.contact};n=${n}>`]);
    sendOn(carol, carol.got('INVITE'), [`<${carol.contact};n=5>`]);
    expect(finals(alice)).toEqual(['302 INVITE']);
    world.expectSilence();
  });

  it('of many Contacts some are tried, and Max-Breadth bounds how many at once', () => {
    const { bob, carol, call } = stage();
    call({ headers: ['Max-Breadth: 4'] });
    const many = Array.from({ length: 40 }, (_, n) => `<${carol.contact};n=${n}>`);
    sendOn(bob, bob.got('INVITE'), many);
    const breadths: number[][] = [];
    for (let waiting = 1; waiting > 0; ) {
      waiting = carol.heard.filter((h) => h === 'INVITE').length;
      const group = Array.from({ length: waiting }, () => carol.got('INVITE'));
      if (waiting > 0) breadths.push(group.map((invite) => Number(invite.first('max-breadth'))));
      for (const invite of group) carol.answer(invite, 486);
    }
    expect(breadths).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1, 1],
      [2, 2],
    ]);
  });

  it('other methods are followed, too', () => {
    const { alice, bob, carol } = stage();
    alice.request('MESSAGE', { to: bob.aor, contact: null });
    sendOn(bob, bob.got('MESSAGE'), [`<${carol.aor}>`]);
    carol.answer(carol.got('MESSAGE'), 200);
    expect(alice.heard).toEqual(['200 MESSAGE']);
  });
});

describe('with other phones', () => {
  function fork(...qs: readonly string[]) {
    const scene = stage();
    const phones = qs.map((q, i) => {
      const phone = scene.world.phone('erin', `10.0.1.${i + 1}`);
      phone.register({ contact: null, headers: [`Contact: <${phone.contact}>;q=${q}`] });
      phone.inbox.length = 0;
      return phone;
    }) as [Phone, Phone];
    const { alice, bob, carol } = scene;
    alice.request('INVITE', { to: phones[0].aor, body: SDP.audio });
    return { ...scene, bob, carol, phones };
  }

  it('those that ring go on ringing beside the new one, and lose when it answers', () => {
    const { alice, carol, phones } = fork('1', '1');
    phones[1].answer(phones[1].got('INVITE'), 180);
    sendOn(phones[0], phones[0].got('INVITE'), [`<${carol.aor}>`]);
    carol.answer(carol.got('INVITE'), 200, { body: SDP.audio });
    phones[1].got('CANCEL');
    expect(finals(alice)).toEqual(['200 INVITE']);
  });

  it('the best of all that failed is told', () => {
    const { alice, carol, phones } = fork('1', '1');
    sendOn(phones[0], phones[0].got('INVITE'), [`<${carol.aor}>`]);
    phones[1].answer(phones[1].got('INVITE'), 404);
    expect(finals(alice)).toEqual([]);
    carol.answer(carol.got('INVITE'), 603);
    expect(finals(alice)).toEqual(['603 INVITE']);
  });

  it('the new one comes before those of a lower q, and has its time', () => {
    const { world, alice, carol, phones } = fork('0.9', '0.2');
    world.advance(20_000);
    sendOn(phones[0], phones[0].got('INVITE'), [`<${carol.aor}>;q=0.1`]);
    const atCarol = carol.got('INVITE');
    carol.answer(atCarol, 180);
    world.advance(29_999);
    expect(phones[1].heard).toEqual([]);
    world.advance(1);
    carol.answer(carol.got('CANCEL'), 200);
    carol.answer(atCarol, 487);
    phones[1].answer(phones[1].got('INVITE'), 200, { body: SDP.audio });
    expect(finals(alice)).toEqual(['200 INVITE']);
  });

  it('a 302 that crosses a CANCEL, or comes after a 6xx, is not followed', () => {
    const { world, alice, bob, carol, call } = stage();
    const { branch, callId, fromTag } = call();
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 180);
    alice.request('CANCEL', { to: bob.aor, branch, callId, fromTag, contact: null });
    sendOn(bob, atBob, [`<${carol.aor}>`]);
    expect(carol.heard).toEqual([]);
    bob.answer(bob.got('CANCEL'), 200);
    expect(finals(alice)).toEqual(['200 CANCEL', '302 INVITE']);
    world.expectSilence();

    const forked = fork('1', '1');
    const [first, second] = forked.phones;
    const atSecond = second.got('INVITE');
    second.answer(atSecond, 180);
    first.answer(first.got('INVITE'), 603);
    sendOn(second, atSecond, [`<${forked.carol.aor}>`]);
    expect(forked.carol.heard).toEqual([]);
    expect(finals(forked.alice)).toEqual(['603 INVITE']);
  });

  it('CANCEL reaches the one it was sent on to', () => {
    const { world, alice, bob, carol, call } = stage();
    const { branch, callId, fromTag } = call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.aor}>`]);
    const atCarol = carol.got('INVITE');
    carol.answer(atCarol, 180);
    alice.request('CANCEL', { to: bob.aor, branch, callId, fromTag, contact: null });
    carol.answer(carol.got('CANCEL'), 200);
    carol.answer(atCarol, 487);
    expect(finals(alice)).toEqual(['200 CANCEL', '487 INVITE']);
    expect(world.diary.at(-1)).toBe('\tCall Cancelled by sip:alice@example.org');
    world.expectSilence();
  });

  it('a place that cannot be reached: the call fails for want of it', () => {
    const { world, alice, bob, carol, call } = stage();
    call();
    sendOn(bob, bob.got('INVITE'), [`<${carol.aor}>`]);
    world.advance(32_000);
    expect(finals(alice)).toEqual(['408 INVITE']);
    expect(world.diary.at(-1)).toBe('\tCall Could Not Reach sip:carol@example.org');
  });
});

it('nobody is led past a password: a domain that asks for one is not opened by a 302 of one that does not', () => {
  const { world, alice, bob, carol, call } = stage({
    domains: ['example.org', 'example.net'],
    auth: { mode: 'open', domains: { 'example.net': 'required' }, users: [{ user: 'eve', password: 'x' }] },
  });
  const eve = world.phone('eve', '10.0.0.9');
  const toNet = { uri: 'sip:example.net', to: 'sip:eve@example.net' };
  const asked = challenge(eve.register(toNet).first('www-authenticate') ?? '');
  const value = credentials(asked, { user: 'eve', password: 'x', method: 'REGISTER', uri: toNet.uri });
  expect(eve.register({ ...toNet, cseq: 2, headers: [`Authorization: ${value}`] }).status).toBe(200);
  call();
  sendOn(bob, bob.got('INVITE'), ['<sip:eve@example.net>', `<${carol.aor}>;q=0.5`]);
  expect(eve.heard).toEqual([]);
  carol.answer(carol.got('INVITE'), 404);
  expect(alice.response('INVITE', 302).all('contact')).toEqual(['<sip:eve@example.net>']);
});
