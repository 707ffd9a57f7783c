// DESIGN 'What must never happen': whatever the phones leave unanswered, nothing of it stays.
import { describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/sip/message.ts';
import { callUp, type Phone, SDP, World } from '../system/world.ts';

function stage() {
  const world = new World();
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3', 5070);
  alice.register();
  bob.register();
  return { world, alice, bob };
}

/** What a phone may leave behind with an INVITE that came in. */
const endings: ReadonlyArray<readonly [string, (bob: Phone, invite: SipRequest, world: World) => void]> = [
  ['nothing', () => {}],
  ['100', (bob, invite) => bob.answer(invite, 100)],
  ['180', (bob, invite) => bob.answer(invite, 180)],
  [
    '180 again and again for an hour',
    (bob, invite, world) => {
      for (let i = 0; i < 60; i++) {
        bob.answer(invite, 180);
        world.advance(60_000);
      }
    },
  ],
  ['200, whose ACK never comes', (bob, invite) => bob.answer(invite, 200, { body: SDP.audio })],
  ['486, whose ACK never comes', (bob, invite) => bob.answer(invite, 486)],
];

describe('an INVITE that is answered with', () => {
  for (const [what, ending] of endings) {
    it(`${what}, as a new call`, () => {
      const { world, alice, bob } = stage();
      alice.request('INVITE', { to: bob.aor, body: SDP.audio });
      ending(bob, bob.got('INVITE'), world);
      world.expectSilence();
    });

    it(`${what}, inside a call`, () => {
      const { world, alice, bob } = stage();
      const { dialog } = callUp(world, alice, bob);
      alice.request('INVITE', { ...dialog, cseq: 2, body: SDP.audio });
      ending(bob, bob.got('INVITE'), world);
      alice.request('BYE', { ...dialog, cseq: 3 });
      bob.answer(bob.got('BYE'), 200);
      world.expectSilence();
    });

    it(`${what}, inside a call whose actor has gone`, () => {
      const { world, alice, bob } = stage();
      const { dialog } = callUp(world, alice, bob);
      alice.request('BYE', { ...dialog, cseq: 2 });
      bob.answer(bob.got('BYE'), 200);
      alice.request('INVITE', { ...dialog, cseq: 3, body: SDP.audio });
      ending(bob, bob.got('INVITE'), world);
      world.expectSilence();
    });

    it(`${what}, beside a call of the same Call-ID`, () => {
      const { world, alice, bob } = stage();
      const { dialog, invite } = callUp(world, alice, bob);
      alice.request('INVITE', { to: bob.aor, callId: invite.callId, fromTag: 'other', body: SDP.audio });
      ending(bob, bob.got('INVITE'), world);
      alice.request('BYE', { ...dialog, cseq: 3 });
      bob.answer(bob.got('BYE'), 200);
      world.expectSilence();
    });
  }
});

const methods = [
  'MESSAGE',
  'OPTIONS',
  'INFO',
  'UPDATE',
  'PRACK',
  'REFER',
  'SUBSCRIBE',
  'NOTIFY',
  'BYE',
  'XTRA',
];

describe('another request that is answered with', () => {
  for (const status of [undefined, 100, 183, 200, 202, 401, 500]) {
    it(`${status ?? 'nothing'}, outside and inside a call`, () => {
      const { world, alice, bob } = stage();
      const headers = ['Event: refer', 'Refer-To: <sip:x@example.org>'];
      for (const method of methods) {
        alice.request(method, { to: bob.aor, headers });
        if (status !== undefined) bob.answer(bob.got(method), status);
      }
      const { dialog, back } = callUp(world, alice, bob);
      for (const [i, method] of methods.entries()) {
        alice.request(method, { ...dialog, cseq: 10 + i, headers });
        if (status !== undefined) bob.answer(bob.got(method), status);
        bob.request(method, { ...back, cseq: 10 + i, headers });
        if (status !== undefined) alice.answer(alice.got(method), status);
      }
      world.advance(12 * 3_600_000);
      world.expectSilence();
    });
  }
});

describe('a call', () => {
  it('that is never ended ends by itself', () => {
    const { world, alice, bob } = stage();
    callUp(world, alice, bob);
    world.advance(12 * 3_600_000 - 1);
    expect(world.core.supervisor.size).toBe(1);
    world.expectSilence();
    expect(world.diary.at(-1)).toBe('\tCall Has Timed Out');
  });

  it('whose BYE is lost ends with the BYE', () => {
    const { world, alice, bob } = stage();
    const { dialog } = callUp(world, alice, bob);
    alice.request('BYE', { ...dialog, cseq: 2 });
    world.advance(32_000);
    expect(world.core.supervisor.size).toBe(0);
    expect(world.diary.at(-1)).toBe('\tCall Has Ended');
    world.expectSilence();
  });
});
