// RFC 3261 §14.1, §14.2: two re-INVITEs that cross, and what the diary says of them.
import { expect, it } from 'vitest';
import { callUp, SDP, World } from './world.ts';

function crossing() {
  const world = new World();
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3');
  alice.register();
  bob.register();
  const { dialog, back } = callUp(world, alice, bob);
  alice.request('INVITE', { ...dialog, cseq: 2, body: SDP.video });
  bob.request('INVITE', { ...back, cseq: 1, body: SDP.held });
  return { world, alice, bob, dialog, back, atBob: bob.got('INVITE'), atAlice: alice.got('INVITE') };
}

const ASKED = '\tRequested Video Call ON From: sip:alice@example.org >> To: sip:bob@example.org';
const HELD = '\tCall Put On Hold by sip:bob@example.org';

it('both are refused with 491, and one comes again', () => {
  const { world, alice, bob, dialog, atBob, atAlice } = crossing();
  bob.answer(atBob, 491);
  alice.answer(atAlice, 491);
  alice.response('INVITE', 491);
  bob.response('INVITE', 491);
  expect(world.states().at(-1)).toBe('confirmed.media.audio|transfer.idle');
  alice.request('INVITE', { ...dialog, cseq: 3, body: SDP.video });
  bob.got('ACK');
  bob.answer(bob.got('INVITE'), 200, { body: SDP.video });
  alice.request('ACK', { ...dialog, cseq: 3 });
  expect(world.states().at(-1)).toBe('confirmed.media.video|transfer.idle');
  expect(world.diary.slice(3)).toEqual([ASKED, ASKED, '\t\tVideo Call ON']);
});

it('the 491 of one arrives before the other: that one is taken, and is the state of the call', () => {
  const { world, alice, bob, back, atBob, atAlice } = crossing();
  bob.answer(atBob, 491);
  alice.response('INVITE', 491);
  alice.answer(atAlice, 200, { body: SDP.heldAnswer });
  bob.response('INVITE', 200);
  bob.request('ACK', { ...back, cseq: 1 });
  expect(world.states().at(-1)).toBe('confirmed.media.held|transfer.idle');
  expect(world.diary.slice(3)).toEqual([ASKED, HELD]);
});
