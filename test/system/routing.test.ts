import { describe, expect, it } from 'vitest';
import { callUp, type Phone, routeSet, SDP, World } from './world.ts';

function phones(config: Record<string, unknown> = {}) {
  const world = new World({ config });
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3', 5070);
  alice.register();
  bob.register();
  return { world, alice, bob };
}

function finals(phone: Phone): string[] {
  return phone.heard.filter((h) => !h.startsWith('100'));
}

describe('for whom we relay', () => {
  it('a foreign Request-URI gets 403, whoever asks', () => {
    const { world, alice } = phones();
    const stranger = world.phone('eve', '10.0.0.66');
    for (const uri of ['sip:victim@192.0.2.1', 'sip:victim@example.com', 'sip:x@10.0.0.3:9999']) {
      alice.request('INVITE', { to: uri, body: SDP.audio });
      stranger.request('MESSAGE', { to: uri });
    }
    expect(finals(alice)).toEqual(['403 INVITE', '403 INVITE', '403 INVITE']);
    expect(finals(stranger)).toEqual(['403 MESSAGE', '403 MESSAGE', '403 MESSAGE']);
    expect(world.lost).toEqual([]);
  });

  it('a Route behind ours, or a first Route that is not ours, leads nowhere', () => {
    const { world, alice, bob } = phones();
    alice.request('INVITE', { to: bob.aor, routes: ['<sip:10.0.0.1;lr>', '<sip:192.0.2.7;lr>'] });
    alice.request('INVITE', { to: bob.aor, routes: ['<sip:192.0.2.7;lr>'] });
    expect(finals(alice)).toEqual(['403 INVITE', '403 INVITE']);
    expect(world.lost).toEqual([]);
    expect(bob.heard).toEqual([]);
  });

  it('maddr leads nowhere else', () => {
    const { world, alice, bob } = phones();
    alice.request('MESSAGE', { to: bob.aor, uri: `${bob.aor};maddr=192.0.2.7` });
    expect(bob.heard).toEqual(['MESSAGE']);
    expect(world.lost).toEqual([]);
  });

  it("a live binding's own address is reached as it was given", () => {
    const { alice, bob } = phones();
    alice.request('INVITE', { to: 'sip:focus@10.0.0.3:5070', uri: 'sip:focus@10.0.0.3:5070;conf-id=a1' });
    expect(bob.got('INVITE').uri).toBe('sip:focus@10.0.0.3:5070;conf-id=a1');
  });

  it('configuration may allow more', () => {
    const { world, alice } = phones({ outbound: ['192.0.2.0/24'] });
    const trunk = world.phone('trunk', '192.0.2.9');
    alice.request('INVITE', { to: 'sip:123@192.0.2.9', body: SDP.audio });
    expect(trunk.got('INVITE').uri).toBe('sip:123@192.0.2.9');
  });

  it('public source addresses may neither register nor call, unless the server is open', () => {
    for (const [open, status] of [
      [false, 403],
      [true, 200],
    ] as const) {
      const { world, bob } = phones({ open });
      const eve = world.phone('eve', '198.51.100.4');
      expect(eve.register().status).toBe(status);
      eve.request('INVITE', { to: bob.aor, body: SDP.audio });
      expect(bob.heard).toEqual(open ? ['INVITE'] : []);
    }
  });

  it('callers: registered refuses a caller who is not, with 400', () => {
    const { world, alice, bob } = phones({ callers: 'registered' });
    const eve = world.phone('eve', '10.0.0.66');
    eve.request('INVITE', { to: bob.aor, body: SDP.audio });
    expect(finals(eve)).toEqual(['400 INVITE']);
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    expect(bob.heard).toEqual(['INVITE']);
  });
});

describe('inside a dialog', () => {
  it('a request is routed by its cookie alone, after every state is gone', () => {
    const { world, alice, bob } = phones();
    const { dialog, back } = callUp(world, alice, bob);
    // Another server with the same key knows nothing of the call, nor of any binding.
    const later = new World();
    const alice2 = later.phone('alice', '10.0.0.2');
    const bob2 = later.phone('bob', '10.0.0.3', 5070);
    alice2.request('INFO', { ...dialog, cseq: 5 });
    expect(bob2.got('INFO').uri).toBe(bob.contact);
    bob2.request('BYE', { ...back, cseq: 6 });
    expect(alice2.got('BYE').uri).toBe(alice.contact);
  });

  it('a cookie of another call, or a forged one, is worth nothing', () => {
    const { world, alice, bob } = phones();
    const { dialog } = callUp(world, alice, bob);
    const foreign = { ...dialog, uri: 'sip:bob@10.0.0.77:5070' };
    alice.request('INFO', { ...foreign, callId: 'another', cseq: 5 });
    expect(finals(alice)).toEqual(['481 INFO']);
    const forged = dialog.routes.map((r) => r.replace(/~[^~@]*@/, '~AAAAAAAAAAAAAA@'));
    alice.request('INFO', { ...foreign, routes: forged, cseq: 5 });
    expect(finals(alice)).toEqual(['481 INFO', '481 INFO']);
    expect(world.lost).toEqual([]);
  });

  it('a valid cookie leads to the two sides only, whatever the Request-URI says', () => {
    const { world, alice, bob } = phones();
    const { dialog } = callUp(world, alice, bob);
    alice.request('INFO', { ...dialog, uri: 'sip:victim@192.0.2.1:9', cseq: 5 });
    expect(world.lost).toEqual([]);
    expect(bob.heard).toEqual(['INFO']);
  });

  it('without a cookie it gets 481, an ACK nothing', () => {
    const { world, alice } = phones();
    alice.request('BYE', { to: 'sip:x@10.0.0.9', toTag: 'zz', cseq: 2 });
    alice.request('ACK', { to: 'sip:x@10.0.0.9', toTag: 'zz', cseq: 2 });
    expect(alice.heard).toEqual(['481 BYE']);
    expect(world.lost).toEqual([]);
  });

  it('a Request-URI that is an AOR of ours passes without a cookie', () => {
    const { alice, bob } = phones();
    alice.request('BYE', { to: bob.aor, toTag: 'zz', cseq: 2 });
    expect(bob.heard).toEqual(['BYE']);
  });

  it('every request of a call reaches the other phone, and its answer comes back', () => {
    const { world, alice, bob } = phones();
    const { dialog, back } = callUp(world, alice, bob);
    let cseq = 10;
    for (const method of [
      'INFO',
      'UPDATE',
      'MESSAGE',
      'OPTIONS',
      'REFER',
      'NOTIFY',
      'SUBSCRIBE',
      'PRACK',
      'PUBLISH',
      'FROBNICATE',
    ]) {
      alice.request(method, {
        ...dialog,
        cseq: ++cseq,
        headers: ['Event: x', 'Refer-To: <sip:c@example.org>'],
      });
      const there = bob.got(method);
      expect(there.uri).toBe(bob.contact);
      bob.answer(there, 202);
      expect(alice.response(method, 202).status).toBe(202);
      bob.request(method, { ...back, cseq, headers: ['Event: x', 'Refer-To: <sip:c@example.org>'] });
      alice.answer(alice.got(method), 488);
      expect(bob.response(method, 488).status).toBe(488);
    }
  });

  it('known Call-ID with foreign tags is not that dialog', () => {
    const { world, alice, bob } = phones();
    const { dialog } = callUp(world, alice, bob);
    alice.request('BYE', { ...dialog, fromTag: 'other', toTag: 'another', cseq: 2 });
    bob.answer(bob.got('BYE'), 481);
    expect(world.states().at(-1)).toContain('confirmed');
  });
});

describe('strict routers (RFC 2543)', () => {
  it('upstream: our Record-Route in the Request-URI, the target in the last Route', () => {
    const { world, alice, bob } = phones();
    const { dialog } = callUp(world, alice, bob);
    const ours = (dialog.routes[0] ?? '').slice(1, -1).replace(';lr', '');
    alice.request('BYE', { ...dialog, uri: ours, routes: [`<${bob.contact}>`], cseq: 2 });
    const bye = bob.got('BYE');
    expect(bye.uri).toBe(bob.contact);
    expect(bye.has('route')).toBe(false);
  });

  it('downstream: a next Route without lr becomes the Request-URI', () => {
    const { world, alice } = phones({ outbound: ['192.0.2.0/24'] });
    const strict = world.phone('strict', '192.0.2.5');
    alice.request('INVITE', {
      to: 'sip:far@192.0.2.8',
      routes: ['<sip:10.0.0.1;lr>', '<sip:192.0.2.5>'],
      body: SDP.audio,
    });
    const invite = strict.got('INVITE');
    expect(invite.uri).toBe('sip:192.0.2.5');
    expect(invite.all('route')).toEqual(['<sip:far@192.0.2.8>']);
  });
});

describe('hops and loops', () => {
  it('Max-Forwards 0 gets 483, an absent one becomes 70, another is one less', () => {
    const { alice, bob } = phones();
    alice.request('INVITE', { to: bob.aor, maxForwards: 0 });
    expect(finals(alice)).toEqual(['483 INVITE']);
    alice.request('MESSAGE', { to: bob.aor, maxForwards: null });
    expect(bob.got('MESSAGE').first('max-forwards')).toBe('70');
    alice.request('MESSAGE', { to: bob.aor, maxForwards: 9 });
    expect(bob.got('MESSAGE').first('max-forwards')).toBe('8');
  });

  it('a request that comes back unchanged is a loop (482), one that changed a spiral', () => {
    const { world, alice, bob } = phones();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const out = bob.got('INVITE');
    const lines = out.headers.map((h) => h.raw).filter((raw) => !raw.startsWith('Record-Route'));
    const again = (uri: string) =>
      bob.raw(
        `INVITE ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.3:5070;branch=z9hG4bKback${uri.length}\r\n${lines.join('\r\n')}\r\n\r\n${SDP.audio}`,
      );
    again(bob.aor);
    expect(finals(bob)).toEqual(['482 INVITE']);
    again('sip:alice@example.org');
    expect(alice.got('INVITE').uri).toBe(alice.contact);
    world.advance(1);
  });

  it('Proxy-Require names what is not understood, all of it', () => {
    const { alice, bob } = phones();
    alice.request('INVITE', { to: bob.aor, headers: ['Proxy-Require: foo, bar', 'Proxy-Require: baz'] });
    const refusal = alice.response('INVITE', 420);
    expect(refusal.all('unsupported')).toEqual(['foo', 'bar', 'baz']);
  });

  it('two AORs that point at each other end, and the caller hears 480', () => {
    const { world, alice } = phones();
    const carol = world.phone('carol', '10.0.0.7');
    carol.register({ contact: 'sip:dave@example.org' });
    carol.request('REGISTER', {
      uri: 'sip:example.org',
      to: 'sip:dave@example.org',
      contact: 'sip:carol@example.org',
    });
    alice.request('INVITE', { to: carol.aor, body: SDP.audio });
    expect(finals(alice)).toEqual(['480 INVITE']);
  });
});

describe('where a URI leads', () => {
  it('a Contact that names a third party is not followed: the flow is', () => {
    const { world, alice, bob } = phones();
    const eve = world.phone('eve', '10.0.0.66');
    eve.register({ contact: 'sip:eve@10.0.0.3:5070' });
    eve.inbox.length = 0;
    alice.request('INVITE', { to: eve.aor, body: SDP.audio });
    expect(bob.heard).toEqual([]);
    expect(eve.got('INVITE').uri).toBe('sip:eve@10.0.0.3:5070');
  });

  it('a Contact that is the AOR itself means the phone that registered it', () => {
    const { world, alice } = phones();
    const carol = world.phone('carol', '10.0.0.7', 5099);
    carol.register({ contact: carol.aor });
    alice.request('INVITE', { to: carol.aor, body: SDP.audio });
    expect(carol.got('INVITE').uri).toBe(carol.aor);
  });

  it('a phone behind NAT that asks for no rport is reached by the port it really uses', () => {
    const { world, alice } = phones();
    const dave = world.phone('dave', '10.0.0.8', 40_000);
    dave.raw(
      [
        'REGISTER sip:example.org SIP/2.0',
        'Via: SIP/2.0/UDP 10.0.0.8:5060;branch=z9hG4bKnat',
        'From: <sip:dave@example.org>;tag=n',
        'To: <sip:dave@example.org>',
        'Call-ID: nat',
        'CSeq: 1 REGISTER',
        'Contact: <sip:dave@10.0.0.8:5060>',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
    alice.request('INVITE', { to: dave.aor, body: SDP.audio });
    expect(dave.got('INVITE').uri).toBe('sip:dave@10.0.0.8:5060');
  });

  it('a Path beats all and becomes the Route', () => {
    const { world, alice } = phones();
    const edge = world.phone('carol', '10.0.0.20');
    edge.register({
      contact: 'sip:carol@172.16.0.9',
      headers: ['Path: <sip:10.0.0.20;lr>', 'Supported: path'],
    });
    edge.inbox.length = 0;
    alice.request('INVITE', { to: edge.aor, body: SDP.audio });
    const invite = edge.got('INVITE');
    expect(invite.uri).toBe('sip:carol@172.16.0.9');
    expect(invite.all('route')).toEqual(['<sip:10.0.0.20;lr>']);
  });

  it('PUBLISH, and SUBSCRIBE of a package we do not serve, to oneself are not sent back', () => {
    const { alice } = phones();
    alice.request('PUBLISH', { to: alice.aor, headers: ['Event: presence'] });
    alice.request('SUBSCRIBE', { to: alice.aor, headers: ['Event: presence'] });
    expect(finals(alice)).toEqual(['405 PUBLISH', '489 SUBSCRIBE']);
  });

  it('SUBSCRIBE to a conference arrives at the focus with its conf-id, NOTIFYs come back', () => {
    const { world, alice, bob } = phones();
    const focus = 'sip:alice@10.0.0.2:5060;conf-id=r5';
    alice.request('INVITE', {
      to: bob.aor,
      contact: null,
      headers: [`Contact: <${focus}>;isfocus`],
      body: SDP.audio,
    });
    const invite = bob.got('INVITE');
    bob.answer(invite, 200, { body: SDP.audio });
    const ok = alice.response('INVITE', 200);
    bob.request('SUBSCRIBE', {
      to: 'sip:alice@example.org;conf-id=r5',
      headers: ['Event: conference', 'Expires: 600'],
    });
    const subscribe = alice.got('SUBSCRIBE');
    expect(subscribe.uri).toBe(focus);
    alice.answer(subscribe, 200, { contact: focus, headers: ['Expires: 600'], tag: 'focus' });
    bob.response('SUBSCRIBE', 200);
    alice.request('NOTIFY', {
      uri: bob.contact,
      to: bob.aor,
      toTag: subscribe.from.tag ?? '',
      fromTag: 'focus',
      callId: subscribe.callId,
      routes: subscribe.all('record-route'),
      headers: ['Event: conference', 'Subscription-State: active'],
    });
    bob.answer(bob.got('NOTIFY'), 200);
    alice.response('NOTIFY', 200);
    expect(world.states(subscribe.callId).at(-1)).toBe('conference-subscribed');
    expect(world.transitions.find((t) => t.dialog.callId === subscribe.callId)?.dialog.origin?.why).toBe(
      'conference',
    );
    expect(routeSet(ok)).toHaveLength(1);
  });
});
