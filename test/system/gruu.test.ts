// A Contact that is an AOR of ours, with `gr` (RFC 5627) or without: inside a call it means the phone that is in the call.
import { expect, it } from 'vitest';
import { routeSet, SDP, World } from './world.ts';

const instance = (n: number) => `+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf${n}>"`;

/** Alice has two phones on one AOR; the second calls Bob, and gives `contact`. */
function called(contact: string) {
  const world = new World();
  const phones = [1, 2].map((n) => {
    const phone = world.phone('alice', `10.0.0.${n + 1}`);
    phone.register({ contact: null, headers: [`Contact: <${phone.contact}>;${instance(n)}`] });
    return phone;
  });
  const [other, alice] = phones as [(typeof phones)[0], (typeof phones)[0]];
  const bob = world.phone('bob', '10.0.0.9');
  bob.register();
  other.inbox.length = 0;
  const { callId, fromTag } = alice.request('INVITE', { to: bob.aor, contact, body: SDP.audio });
  const atBob = bob.got('INVITE');
  bob.answer(atBob, 200, { body: SDP.audio });
  const ok = alice.response('INVITE', 200);
  const dialog = { callId, fromTag, toTag: 'bobto', uri: bob.contact, routes: routeSet(ok) };
  alice.request('ACK', dialog);
  bob.got('ACK');
  const back = { callId, fromTag: 'bobto', toTag: fromTag, to: alice.aor, routes: atBob.all('record-route') };
  return { world, other, alice, bob, atBob, back };
}

it.each([
  ['a GRUU', 'sip:alice@example.org;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf2'],
  ['a GRUU nobody registered', 'sip:alice@example.org;gr=urn:uuid:none'],
  ['the AOR itself', 'sip:alice@example.org'],
])('%s is left as it is, and leads to the phone of the call alone', (_what, contact) => {
  const { world, other, alice, bob, atBob, back } = called(contact);
  expect(atBob.first('contact')).toBe(`<${contact}>`);
  bob.request('INFO', { ...back, uri: contact, cseq: 2 });
  alice.answer(alice.got('INFO'), 200);
  bob.response('INFO', 200);
  bob.request('BYE', { ...back, uri: contact, cseq: 3 });
  alice.answer(alice.got('BYE'), 200);
  expect(other.heard).toEqual([]);
  expect(world.diary.at(-1)).toBe('\tCall Has Ended');
  world.expectSilence();
});

it('a GRUU of a phone that is not there rings at no other phone of its user', () => {
  const { other, alice, bob } = called('sip:alice@10.0.0.3');
  other.inbox.length = 0;
  bob.request('INVITE', { to: 'sip:alice@example.org', uri: 'sip:alice@example.org;gr=urn:uuid:none' });
  expect(bob.response('INVITE', 480).status).toBe(480);
  bob.request('OPTIONS', {
    to: 'sip:alice@example.org',
    uri: 'sip:alice@example.org;gr=urn:uuid:F81D4FAE-7dec-11d0-a765-00a0c91e6bf2',
  });
  alice.got('OPTIONS');
  expect(other.heard).toEqual([]);
});
