// Offers before the answer (RFC 3262, RFC 3311): what the diary says of the call that comes of them.
import { expect, it } from 'vitest';
import { type Phone, routeSet, SDP, World } from './world.ts';

/** Rings, its offer answered by a reliable 183; `ask` sends a request of the early dialog and answers it. */
function early(offer: string, answer: string) {
  const world = new World();
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3');
  alice.register();
  bob.register();
  const { callId, fromTag } = alice.request('INVITE', { to: bob.aor, body: offer });
  const atBob = bob.got('INVITE');
  bob.answer(atBob, 183, { body: answer, headers: ['Require: 100rel', 'RSeq: 1'] });
  const routes = routeSet(alice.response('INVITE', 183));
  let cseq = 1;
  const ofAlice = { callId, fromTag, toTag: 'bobto', to: bob.aor, uri: bob.contact, routes };
  const ofBob = {
    callId,
    fromTag: 'bobto',
    toTag: fromTag,
    to: alice.aor,
    uri: alice.contact,
    routes: atBob.all('record-route'),
  };
  const ask = (by: Phone, method: string, sdp = '', reply = '', status = 200) => {
    const other = by === alice ? bob : alice;
    const headers = method === 'PRACK' ? ['RAck: 1 1 INVITE'] : [];
    by.request(method, { ...(by === alice ? ofAlice : ofBob), cseq: ++cseq, body: sdp, headers });
    other.answer(other.got(method), status, { body: reply });
    by.response(method, status);
  };
  const answered = () => {
    bob.answer(atBob, 200);
    alice.request('ACK', { ...ofAlice, cseq: 1 });
    bob.got('ACK');
    return world.diary.slice(2);
  };
  return { world, alice, bob, ask, answered };
}

const ANSWERED = '\tCall Answered by sip:bob@example.org';

it('an UPDATE takes the picture away', () => {
  const { world, alice, ask, answered } = early(SDP.video, SDP.video);
  ask(alice, 'PRACK');
  ask(alice, 'UPDATE', SDP.audio, SDP.audio);
  expect(answered()).toEqual([ANSWERED]);
  expect(world.states().at(-1)).toBe('confirmed.media.audio|transfer.idle');
});

it('an UPDATE that is refused leaves it', () => {
  const { bob, alice, ask, answered } = early(SDP.video, SDP.video);
  ask(alice, 'PRACK');
  ask(bob, 'UPDATE', SDP.audio, '', 491);
  expect(answered()).toEqual([ANSWERED, '\t\tVideo Call ON']);
});

it('a PRACK asks for a picture, and its 200 agrees', () => {
  const { world, alice, ask, answered } = early(SDP.audio, SDP.audio);
  ask(alice, 'PRACK', SDP.video, SDP.video);
  expect(answered()).toEqual([ANSWERED, '\t\tVideo Call ON']);
  expect(world.states().at(-1)).toBe('confirmed.media.video|transfer.idle');
});

it('an UPDATE of the callee holds before it answers', () => {
  const { bob, alice, ask, answered } = early(SDP.audio, SDP.audio);
  ask(alice, 'PRACK');
  ask(bob, 'UPDATE', SDP.held, SDP.heldAnswer);
  expect(answered()).toEqual([ANSWERED, '\tCall Put On Hold by sip:bob@example.org']);
});

it('an UPDATE without an offer, as session timers have it, changes nothing', () => {
  const { alice, ask, answered } = early(SDP.video, SDP.video);
  ask(alice, 'PRACK');
  ask(alice, 'UPDATE');
  expect(answered()).toEqual([ANSWERED, '\t\tVideo Call ON']);
});
