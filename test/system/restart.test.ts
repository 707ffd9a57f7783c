// What phones are owed by a server that was killed between keeping and sending, or before an answer came.
import { describe, expect, it } from 'vitest';
import { World } from './world.ts';

function world() {
  const w = new World();
  const alice = w.phone('alice', '10.0.0.2');
  const bob = w.phone('bob', '10.0.0.3');
  alice.register();
  bob.register();
  return { w, alice, bob };
}

describe('a REGISTER whose 200 was lost with the server', () => {
  it('is answered when it comes again', () => {
    const { w, alice } = world();
    const options = { uri: 'sip:example.org', to: alice.aor, callId: 'reg', cseq: 7 };
    const { text } = alice.request('REGISTER', options);
    expect(alice.response('REGISTER').status).toBe(200);
    w.kill(300);
    alice.raw(text);
    expect(alice.response('REGISTER').status).toBe(200);
    expect(w.core.location.size).toBe(2);
  });

  it('is out of order when it comes much later, or is older', () => {
    const { w, alice } = world();
    const options = { uri: 'sip:example.org', to: alice.aor, callId: 'reg' };
    const { text } = alice.request('REGISTER', { ...options, cseq: 7 });
    alice.response('REGISTER', 200);
    w.kill();
    expect(alice.register({ ...options, cseq: 6 }).status).toBe(500);
    w.advance(40_000);
    alice.raw(text);
    expect(alice.response('REGISTER').status).toBe(500);
  });
});
