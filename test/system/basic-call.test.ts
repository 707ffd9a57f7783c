import { describe, expect, it } from 'vitest';
import { callUp, SDP, twoPhones } from './world.ts';

describe('a basic call', () => {
  it('is carried from INVITE to BYE, its diary written, nobody left alive', () => {
    const { world, alice, bob } = twoPhones();
    const { dialog } = callUp(world, alice, bob);
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    alice.response('BYE', 200);
    expect(world.diary).toEqual([
      'Incomming Call From: sip:alice@example.org >> To: sip:bob@example.org',
      '\tCall Ringing at sip:bob@example.org',
      '\tCall Answered by sip:bob@example.org',
      '\tCall Has Ended',
    ]);
    world.expectSilence();
  });

  it('may be hung up by the callee', () => {
    const { world, alice, bob } = twoPhones();
    const { back } = callUp(world, alice, bob);
    bob.request('BYE', { ...back, cseq: 1 });
    alice.answer(alice.got('BYE'), 200);
    bob.response('BYE', 200);
    expect(world.diary.at(-1)).toBe('\tCall Has Ended');
    world.expectSilence();
  });

  it("declined gives the phone's own words to the caller", () => {
    const { world, alice, bob } = twoPhones();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 603);
    expect(alice.response('INVITE', 603).status).toBe(603);
    expect(bob.got('ACK').cseq.method).toBe('ACK');
    expect(world.diary.at(-1)).toBe('\tCall Declined by sip:bob@example.org');
    world.expectSilence();
  });

  it('to nobody gets 480', () => {
    const { world, alice } = twoPhones();
    alice.request('INVITE', { to: 'sip:carol@example.org', body: SDP.audio });
    expect(alice.response('INVITE', 480).status).toBe(480);
    expect(world.states().at(-1)).toBe('declined');
    world.expectSilence();
  });

  it('cancelled while ringing is cancelled at the phone and 487 for the caller', () => {
    const { world, alice, bob } = twoPhones();
    const { callId, fromTag, branch } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const invite = bob.got('INVITE');
    bob.answer(invite, 180);
    alice.request('CANCEL', { to: bob.aor, callId, fromTag, branch });
    alice.response('CANCEL', 200);
    const cancel = bob.got('CANCEL');
    expect(cancel.via.branch).toBe(invite.via.branch);
    bob.answer(cancel, 200);
    bob.answer(invite, 487);
    alice.response('INVITE', 487);
    expect(world.diary.filter((line) => /ancel/.test(line))).toHaveLength(1);
    world.expectSilence();
  });

  it('cancelled before the phone spoke gets its 487 after 5 s, and the late 180 is cancelled', () => {
    const { world, alice, bob } = twoPhones();
    const { callId, fromTag, branch } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const invite = bob.got('INVITE');
    alice.request('CANCEL', { to: bob.aor, callId, fromTag, branch });
    alice.inbox.length = 0;
    world.advance(4_999);
    expect(alice.heard).not.toContain('487 INVITE');
    world.advance(1);
    expect(alice.heard).toContain('487 INVITE');
    bob.answer(invite, 180);
    expect(bob.heard).toContain('CANCEL');
    world.expectSilence();
  });

  it('a phone that rang and is slow with its 487 is waited for', () => {
    const { world, alice, bob } = twoPhones();
    const { callId, fromTag, branch } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const invite = bob.got('INVITE');
    bob.answer(invite, 180);
    alice.request('CANCEL', { to: bob.aor, callId, fromTag, branch });
    bob.answer(bob.got('CANCEL'), 200);
    world.advance(9_000);
    expect(alice.heard).not.toContain('487 INVITE');
    bob.answer(invite, 487, { tag: 'slow' });
    expect(alice.response('INVITE', 487).to.tag).toBe('slow');
    world.expectSilence();
  });
});
