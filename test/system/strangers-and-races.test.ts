import { describe, expect, it } from 'vitest';
import { callUp, SDP, twoPhones } from './world.ts';

describe('nothing is left behind', () => {
  it('by a re-INVITE that gets a 183 and nothing more', () => {
    const { world, alice, bob } = twoPhones();
    const { dialog } = callUp(world, alice, bob);
    alice.request('INVITE', { ...dialog, cseq: 2, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 183);
    alice.request('BYE', { ...dialog, cseq: 3 });
    bob.answer(bob.got('BYE'), 200);
    world.expectSilence();
  });

  it("by INVITEs with a live call's Call-ID and other tags that ring for ever", () => {
    const { world, alice, bob } = twoPhones();
    const { dialog } = callUp(world, alice, bob);
    for (let n = 0; n < 5; n++) {
      alice.request('INVITE', { to: bob.aor, callId: dialog.callId, fromTag: `other${n}`, body: SDP.audio });
      bob.answer(bob.got('INVITE'), 180);
    }
    alice.request('BYE', { ...dialog, cseq: 3 });
    bob.answer(bob.got('BYE'), 200);
    world.expectSilence();
  });

  it('by a second INVITE without a To tag in a live call, and its CANCEL is carried out', () => {
    const { world, alice, bob } = twoPhones();
    const { dialog } = callUp(world, alice, bob);
    const { branch } = alice.request('INVITE', {
      to: bob.aor,
      callId: dialog.callId,
      fromTag: dialog.fromTag,
      cseq: 2,
      body: SDP.audio,
    });
    const again = bob.got('INVITE');
    bob.answer(again, 180, { tag: 'second' });
    alice.request('CANCEL', { to: bob.aor, callId: dialog.callId, fromTag: dialog.fromTag, cseq: 2, branch });
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(again, 487, { tag: 'second' });
    alice.response('INVITE', 487);
    expect(world.states().at(-1)).toContain('confirmed');
  });

  it('by REFERs and conference Contacts without number', () => {
    const { world, alice, bob } = twoPhones();
    const { dialog } = callUp(world, alice, bob);
    for (let n = 0; n < 50; n++) {
      alice.request('REFER', {
        ...dialog,
        to: `sip:r${n}@example.org`,
        cseq: 10 + n,
        headers: ['Refer-To: <sip:carol@example.org>'],
      });
      bob.answer(bob.got('REFER'), 202);
    }
    for (let n = 0; n < 50; n++) {
      const contact = `Contact: <sip:alice@10.0.0.2:5060;conf-id=c${n}>;isfocus`;
      alice.request('INVITE', {
        ...dialog,
        cseq: 100 + n,
        contact: null,
        headers: [contact],
        body: SDP.audio,
      });
      bob.answer(bob.got('INVITE'), 488);
    }
    expect(world.core.supervisor.links.size).toBeLessThan(50);
  });

  it('by a MESSAGE whose phones answer after its sender has given up', () => {
    const { world, alice } = twoPhones();
    const [first, second] = [world.phone('carol', '10.0.0.7'), world.phone('carol', '10.0.0.8')];
    for (const [phone, q] of [
      [first, '1'],
      [second, '0.5'],
    ] as const) {
      phone.register({ contact: null, headers: [`Contact: <${phone.contact}>;q=${q}`] });
      phone.inbox.length = 0;
    }
    alice.request('MESSAGE', { to: first.aor });
    world.advance(10_000);
    first.answer(first.got('MESSAGE'), 503);
    world.advance(25_000);
    second.answer(second.got('MESSAGE'), 503);
    expect(world.bugs).toEqual([]);
    world.expectSilence();
  });
});

describe('strangers', () => {
  it('get each refusal once, for they may be somebody else', () => {
    const { world } = twoPhones();
    const eve = world.phone('eve', '203.0.113.9');
    for (const to of ['sip:x@foreign.example', 'sip:bob@example.org']) {
      eve.request('INVITE', { to, body: SDP.audio });
      world.advance(40_000);
      expect(eve.heard.filter((h) => !h.startsWith('100'))).toHaveLength(1);
      eve.inbox.length = 0;
    }
  });

  it('send no ACK to a phone, and with the cookie of one call nothing to anybody else', () => {
    const { world, alice, bob } = twoPhones();
    const { dialog } = callUp(world, alice, bob);
    const carol = world.phone('carol', '10.0.0.7');
    carol.register();
    carol.inbox.length = 0;
    const eve = world.phone('eve', '203.0.113.9');
    eve.request('ACK', { to: bob.aor, toTag: 'zz' });
    eve.request('MESSAGE', { to: carol.aor, toTag: 'any', callId: dialog.callId, routes: dialog.routes });
    expect([bob.heard, carol.heard]).toEqual([[], []]);
  });

  it('do not become the focus of somebody else by a Contact with a conf-id', () => {
    const { alice, bob, world } = twoPhones();
    const mallory = world.phone('mallory', '10.0.0.9');
    const linphone = world.phone('linpc', '10.0.0.10');
    mallory.register();
    linphone.register();
    linphone.inbox.length = 0;
    alice.request('INVITE', { uri: mallory.aor, to: linphone.aor, body: SDP.audio });
    mallory.answer(mallory.got('INVITE'), 200, { contact: `${mallory.contact};conf-id=r5`, body: SDP.audio });
    mallory.inbox.length = 0;
    bob.request('SUBSCRIBE', { to: `${linphone.aor};conf-id=r5`, headers: ['Event: conference'] });
    expect(mallory.heard).toEqual([]);
    expect(linphone.heard).toEqual(['SUBSCRIBE']);
  });
});

describe('serial forking', () => {
  it('a phone that rang too long is a time-out, not a cancelled call', () => {
    const { world, alice } = twoPhones({ timers: { serial: '20s' } });
    const [first, second] = [world.phone('carol', '10.0.0.7'), world.phone('carol', '10.0.0.8')];
    first.register({ contact: null, headers: [`Contact: <${first.contact}>;q=1`] });
    second.register({ contact: null, headers: [`Contact: <${second.contact}>;q=0.5`] });
    alice.request('INVITE', { to: first.aor, body: SDP.audio });
    const invite = first.got('INVITE');
    first.answer(invite, 180);
    world.advance(20_000);
    first.answer(first.got('CANCEL'), 200);
    first.answer(invite, 487);
    second.answer(second.got('INVITE'), 503);
    alice.response('INVITE', 408);
    expect(world.diary.at(-1)).toContain('Not Answered');
  });

  it('a fork that speaks after another answered hears that the call was completed elsewhere', () => {
    const { world, alice } = twoPhones();
    const [first, second] = [world.phone('carol', '10.0.0.7'), world.phone('carol', '10.0.0.8')];
    first.register();
    second.register();
    alice.request('INVITE', { to: first.aor, body: SDP.audio });
    const late = second.got('INVITE');
    first.answer(first.got('INVITE'), 200, { body: SDP.audio });
    second.answer(late, 180);
    expect(second.got('CANCEL').first('reason')).toContain('cause=200');
  });
});
