// What phones are owed by a server that was killed between keeping and sending, or before an answer came.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { readKept } from '../../src/kept.ts';
import { callUp, ringInTurn, SDP, twoPhones, type World } from './world.ts';

const world = (config: Record<string, unknown> = {}) => {
  const { world: w, ...phones } = twoPhones(config);
  return { w, ...phones };
};

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

describe('a refusal that was lost with the server', () => {
  it('is sent again until its ACK comes, and the call is told once', () => {
    const { w, alice, bob } = world();
    const invite = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 180);
    bob.answer(atBob, 486);
    alice.inbox.length = 0;
    w.kill(300);
    w.advance(600);
    const refusal = alice.response('INVITE', 486);
    alice.raw(invite.text);
    expect(alice.heard).toEqual(['486 INVITE']);
    alice.request('ACK', {
      ...invite,
      to: bob.aor,
      toTag: refusal.to.tag ?? '',
      cseq: 1,
      contact: null,
    });
    alice.inbox.length = 0;
    w.advance(40_000);
    expect(alice.heard).toEqual([]);
    expect(w.diary.filter((line) => line.includes('Refused as Busy'))).toHaveLength(1);
    w.expectSilence();
  });

  it('is acknowledged when the phone repeats it, and goes no further', () => {
    const { w, alice, bob } = world();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 180);
    bob.answer(atBob, 486);
    w.kill(300);
    bob.inbox.length = alice.inbox.length = 0;
    bob.answer(atBob, 486);
    expect(bob.got('ACK').via.branch).toBe(atBob.via.branch);
    expect(alice.heard).toEqual([]);
    w.advance(40_000);
    bob.answer(atBob, 486);
    expect(bob.heard).toEqual([]);
  });

  it('is over once it was acknowledged, though a phone still rings', () => {
    const { w, alice, bob } = world();
    const invite = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    const again = { ...invite, to: bob.aor, cseq: 1, contact: null };
    alice.request('CANCEL', again);
    w.advance(6_000);
    const toTag = alice.response('INVITE', 487).to.tag ?? '';
    alice.request('ACK', { ...again, toTag });
    w.kill();
    alice.inbox.length = 0;
    bob.answer(atBob, 183);
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(atBob, 487);
    w.kill();
    w.kill();
    w.advance(40_000);
    expect(alice.heard).toEqual([]);
    w.expectSilence();
  });

  it('that the server said itself is one call when the INVITE comes again', () => {
    const { w, alice } = world();
    const { text } = alice.request('INVITE', { to: 'sip:nobody@example.org', body: SDP.audio });
    alice.inbox.length = 0;
    w.kill(300);
    alice.raw(text);
    alice.response('INVITE', 480);
    expect(w.diary.filter((line) => line.includes('Incomming'))).toHaveLength(1);
    w.expectSilence();
  });
});

describe('a request inside a call whose answer was lost with the server', () => {
  it('is told once when it comes again, and its answer goes back', () => {
    const { w, alice, bob } = world();
    const { dialog, back } = callUp(w, alice, bob);
    alice.request('REFER', { ...dialog, cseq: 2, headers: ['Refer-To: <sip:carol@example.org>'] });
    bob.answer(bob.got('REFER'), 202);
    alice.response('REFER', 202);
    const notify = bob.request('NOTIFY', {
      ...back,
      cseq: 1,
      headers: ['Event: refer', 'Subscription-State: active'],
      type: 'message/sipfrag',
      body: 'SIP/2.0 100 Trying\r\n',
    });
    const first = alice.got('NOTIFY');
    w.kill(200);
    bob.raw(notify.text);
    const again = alice.got('NOTIFY');
    expect(again.via.branch).toBe(first.via.branch);
    alice.answer(again, 200);
    bob.response('NOTIFY', 200);
    expect(w.diary.filter((line) => line.includes('In Progress'))).toHaveLength(1);
    alice.request('BYE', { ...dialog, cseq: 3 });
    bob.answer(bob.got('BYE'), 200);
    w.expectSilence();
  });

  it('the answer that comes after the restart is told of and goes back', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    alice.request('BYE', { ...dialog, cseq: 2 });
    const bye = bob.got('BYE');
    w.kill(200);
    bob.answer(bye, 200);
    alice.response('BYE', 200);
    expect(w.diary.at(-1)).toBe('\tCall Has Ended');
    expect(w.core.supervisor.size).toBe(0);
    w.expectSilence();
  });
});

describe('an answer that comes after a restart', () => {
  /** alice's INFO at bob, and bob's answer with these two Vias. */
  function asked() {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    alice.request('INFO', { ...dialog, cseq: 2 });
    const info = bob.got('INFO');
    w.kill(200);
    alice.inbox.length = 0;
    const [ours = '', alices = ''] = info.all('via');
    const rest = info.headers.filter(({ key }) => ['from', 'to', 'call-id', 'cseq'].includes(key));
    const answer = (...vias: string[]) =>
      bob.raw(
        [
          'SIP/2.0 200 OK',
          ...vias.map((via) => `Via: ${via}`),
          ...rest.map(({ raw }) => raw),
          'Content-Length: 0\r\n\r\n',
        ].join('\r\n'),
      );
    return { w, alice, ours, alices, answer };
  }

  it('goes back when its branch is ours', () => {
    const { alice, ours, alices, answer } = asked();
    answer(ours, alices);
    expect(alice.heard).toEqual(['200 INFO']);
  });

  it('is dropped when its branch is not', () => {
    const { alice, ours, alices, answer } = asked();
    answer(ours.replace(/branch=[^;]*/, 'branch=z9hG4bK-ccforged'), alices);
    expect(alice.heard).toEqual([]);
  });

  it.each([
    'SIP/2.0/UDP 10.0.0.77:99;branch=z9hG4bKx',
    (via: string) => via.replace(/received=[^;]*/, 'received=10.0.0.77'),
    (via: string) => via.replace(/rport=\d+/, 'rport=99'),
  ])('is dropped when the Via beneath leads elsewhere than the request came from', (other) => {
    const { w, alice, ours, alices, answer } = asked();
    answer(ours, typeof other === 'string' ? other : other(alices));
    expect(alice.heard).toEqual([]);
    expect(w.lost).toEqual([]);
  });
});

describe('a state that most calls leave in a moment', () => {
  const stored = (w: World, kind: string) => [...w.kept.keys()].filter((key) => key.startsWith(kind)).length;

  it('is kept from the first message on, with its INVITE', () => {
    const { w, alice, bob } = world();
    const { branch, callId, fromTag } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    expect([stored(w, 'd:'), stored(w, 'i:')]).toEqual([1, 1]);
    bob.answer(atBob, 180);
    expect([stored(w, 'd:'), stored(w, 'i:')]).toEqual([1, 1]);
    w.kill();
    alice.inbox.length = 0;
    alice.request('CANCEL', { to: bob.aor, branch, callId, fromTag, cseq: 1, contact: null });
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(atBob, 487);
    expect(alice.response('INVITE').status).toBe(487);
    expect(w.diary.at(-1)).toBe('\tCall Cancelled by sip:alice@example.org');
  });

  it('is kept while it tries, and answered after a restart', () => {
    const { w, alice, bob } = world();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    // bob's phone says nothing: its INVITE is sent again
    w.advance(500);
    expect([stored(w, 'd:'), stored(w, 'i:')]).toEqual([1, 1]);
    w.kill();
    bob.answer(atBob, 200, { body: SDP.audio });
    expect(alice.response('INVITE', 200).to.tag).toBe('bobto');
    expect(w.diary.at(-1)).toBe('\tCall Answered by sip:bob@example.org');
  });

  it('leaves nothing behind when it is refused at once', () => {
    const { w, alice, bob } = world();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 486);
    expect(stored(w, 'd:')).toBe(0);
    w.expectSilence();
  });

  it('forgets a call that ended though its Call-ID is used again at once', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    alice.request('BYE', { ...dialog, cseq: 2 });
    const bye = bob.got('BYE');
    w.burst(() => {
      bob.answer(bye, 200);
      alice.request('INVITE', { to: bob.aor, body: SDP.audio, callId: dialog.callId });
    });
    bob.answer(bob.got('INVITE'), 486);
    expect(stored(w, 'd:')).toBe(0);
    w.expectSilence();
  });

  it('keeps the new call of a Call-ID that is used again at once', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    alice.request('BYE', { ...dialog, cseq: 2 });
    const bye = bob.got('BYE');
    w.burst(() => {
      bob.answer(bye, 200);
      alice.request('INVITE', { to: bob.aor, body: SDP.audio, callId: dialog.callId });
    });
    w.kill();
    bob.answer(bob.got('INVITE'), 486);
    expect(w.diary.at(-1)).toBe('\tCall Refused as Busy by sip:bob@example.org');
    w.expectSilence();
  });

  it('a BYE that is answered after a restart ends the call', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    alice.request('BYE', { ...dialog, cseq: 2 });
    const bye = bob.got('BYE');
    w.kill();
    bob.answer(bye, 200);
    alice.response('BYE', 200);
    expect(w.diary.at(-1)).toBe('\tCall Has Ended');
    w.expectSilence();
  });

  it('a BYE that comes again after a restart ends the call once', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    const { text } = alice.request('BYE', { ...dialog, cseq: 2 });
    bob.got('BYE');
    w.kill();
    alice.raw(text);
    bob.answer(bob.got('BYE'), 200);
    alice.response('BYE', 200);
    expect(w.diary.filter((line) => line === '\tCall Has Ended')).toHaveLength(1);
    w.expectSilence();
  });
});

describe('a SUBSCRIBE under way when the server died', () => {
  it('is told of its answer when it comes again', () => {
    const { w, alice, bob } = world();
    const headers = ['Event: conference', 'Expires: 600'];
    const { text } = alice.request('SUBSCRIBE', { to: bob.aor, headers });
    bob.got('SUBSCRIBE');
    w.kill(200);
    alice.raw(text);
    bob.answer(bob.got('SUBSCRIBE'), 200, { headers: ['Expires: 600'] });
    alice.response('SUBSCRIBE', 200);
    expect(w.states().at(-1)).toBe('conference-subscribed');
    expect(w.diary).toEqual(['Conference Joined by sip:alice@example.org >> At: sip:bob@example.org']);
    w.advance(1_000_000);
    w.expectSilence();
  });
});

describe('a bug while something is kept', () => {
  it('is told, and what was to be sent is sent', () => {
    const { w, alice, bob } = world();
    w.core.supervisor.save = () => {
      throw new Error('a bug');
    };
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 486);
    expect(alice.response('INVITE', 486).status).toBe(486);
    expect(w.bugs.map(String)).toContain('Error: a bug');
  });
});

describe('a call that rings at one phone after another', () => {
  it('goes on to the next when the way to the first is gone after a restart', () => {
    const { w, alice, bob } = world();
    const carol = ringInTurn(w, alice, bob);
    alice.inbox.length = 0;
    w.kill(0, (kept) => {
      for (const [key, text] of kept)
        if (key.startsWith('i:')) kept.set(key, text.replaceAll(bob.address, '2001:db8::1'));
    });
    const atCarol = carol.got('INVITE');
    carol.answer(atCarol, 180);
    carol.answer(atCarol, 200, { body: SDP.audio });
    expect(alice.response('INVITE', 180).status).toBe(180);
    expect(alice.response('INVITE', 200).status).toBe(200);
    expect(w.bugs).toEqual([]);
  });
});

describe('what is kept part by part', () => {
  it('tells nothing of a cancelling that came too late', () => {
    const { w, alice, bob } = world();
    const invite = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    bob.answer(atBob, 180);
    alice.request('CANCEL', { to: bob.aor, ...invite, contact: null });
    while (w.states().at(-1) !== 'given-up') w.advance(500);
    bob.answer(atBob, 200, { body: SDP.audio });
    w.kill();
    const [kept] = readKept(w.kept).dialogs;
    expect(kept?.record).toMatchObject({ answeredAt: expect.any(Number), state: kept?.dialog.state });
    expect(kept?.record?.outcome).toBeUndefined();
    expect(w.bugs).toEqual([]);
  });

  it('stays as small as it is, however often a phone says that it rings', () => {
    const { w, alice, bob } = world();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    const atBob = bob.got('INVITE');
    const size = () => [...w.kept.values()].join('').length;
    bob.answer(atBob, 180);
    const once = size();
    for (let n = 0; n < 300; n++) bob.answer(atBob, 183, { headers: [`X-Nth: ${n}`] });
    expect(size()).toBeLessThan(once * 5);
    w.kill();
    bob.answer(atBob, 200, { body: SDP.audio });
    expect(alice.response('INVITE', 200).status).toBe(200);
  });
});

it('a bug while a call is kept leaves nothing of it in what is kept of the next', () => {
  const { w, alice, bob } = world();
  callUp(w, alice, bob);
  const { supervisor } = w.core;
  const save = vi.spyOn(supervisor, 'save').mockImplementationOnce((out) => {
    out.plain('{"half":');
    throw new Error('a bug');
  });
  onTestFinished(() => save.mockRestore());
  alice.request('INVITE', { to: bob.aor, body: SDP.audio });
  expect(w.bugs.splice(0)).toEqual([new Error('a bug')]);
  bob.answer(bob.got('INVITE'), 180);
  const { dialogs, damaged } = readKept(w.kept);
  expect([dialogs.map(({ dialog }) => dialog.state), damaged]).toEqual([
    ['confirmed.media.audio|transfer.idle', 'ringing'],
    [],
  ]);
});

it('a bug while one call is kept costs no other call and no binding, and that call is kept when it changes again', () => {
  const { w, alice, bob } = world();
  const [one, other] = [callUp(w, alice, bob).dialog, callUp(w, bob, alice).dialog];
  const states = () => readKept(w.kept).dialogs.map(({ dialog }) => dialog.state);
  const [up] = states();
  vi.spyOn(w.core.supervisor, 'save').mockImplementationOnce((out) => {
    out.plain('{"half":');
    throw new Error('a bug');
  });
  w.burst(() => {
    alice.request('BYE', { ...one, cseq: 2 });
    bob.request('BYE', { ...other, cseq: 2 });
    alice.request('REGISTER', { uri: 'sip:example.org', to: alice.aor, headers: ['Expires: 0'] });
  });
  expect(w.bugs.splice(0)).toEqual([new Error('a bug')]);
  expect(states()).toEqual([up, 'terminating']);
  expect(readKept(w.kept).aors).toEqual([bob.aor]);
  alice.response('REGISTER', 200);
  bob.answer(bob.got('BYE'), 200);
  alice.answer(alice.got('BYE'), 200);
  expect(states()).toEqual([]);
  w.expectSilence();
});

describe('what a call has no more since the server came back', () => {
  it('is the interval of its refreshes: it does not end for want of one after the next restart', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    alice.request('UPDATE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('UPDATE'), 200, { headers: ['Session-Expires: 1800;refresher=uac'] });
    alice.request('UPDATE', { ...dialog, cseq: 3 });
    const atBob = bob.got('UPDATE');
    w.kill();
    bob.answer(atBob, 200);
    w.kill();
    alice.request('UPDATE', { ...dialog, cseq: 4 });
    bob.answer(bob.got('UPDATE'), 500);
    w.advance(2 * 3_600_000);
    expect(w.core.supervisor.size).toBe(1);
    alice.request('BYE', { ...dialog, cseq: 5 });
    bob.answer(bob.got('BYE'), 200);
    expect(w.diary.at(-1)).toContain('Call Has Ended');
    w.expectSilence();
  });
});

describe('a transfer that has led to its call', () => {
  it.each([
    ['before a restart', false],
    ['between two restarts', true],
  ])('%s is not waited for once more', (_, isKilledFirst) => {
    const { w, alice, bob } = world();
    const carol = w.phone('carol', '10.0.0.4');
    carol.register();
    const { dialog } = callUp(w, alice, bob);
    alice.request('REFER', { ...dialog, cseq: 2, headers: [`Refer-To: <${carol.aor}>`] });
    bob.answer(bob.got('REFER'), 202);
    const origins = () => [...w.core.supervisor.dialogs()].map(({ facts }) => facts.origin?.why);
    if (isKilledFirst) w.kill();
    callUp(w, bob, carol);
    expect(origins()).toEqual([undefined, 'transfer']);
    w.kill();
    callUp(w, bob, carol);
    expect(origins()).toEqual([undefined, 'transfer', undefined]);
  });
});

describe('a call that nobody ends', () => {
  const MINUTE = 60_000;
  const TIMED_OUT = '\tCall Has Timed Out';
  const halfAnHour = () => world({ timers: { life: '30m' } });
  const ofNinetySeconds = ['Session-Expires: 90;refresher=uac'];

  /** Answered with these headers, and acknowledged 2 s later. */
  function answered({ w, alice, bob }: ReturnType<typeof world>, headers: readonly string[] = []) {
    const invite = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 200, { headers, body: SDP.audio });
    const answeredAt = w.clock.now();
    w.advance(2000);
    const toTag = alice.response('INVITE', 200).to.tag ?? '';
    const { callId, fromTag } = invite;
    const dialog = { callId, fromTag, toTag, to: bob.aor, uri: bob.contact };
    alice.request('ACK', { ...dialog, cseq: 1 });
    return { dialog, answeredAt };
  }

  /** Its last moment is `at`. */
  function expectEndAt(w: World, at: number) {
    w.advance(at - w.clock.now() - 1);
    expect(w.core.supervisor.size).toBe(1);
    w.advance(1);
    expect(w.core.supervisor.size).toBe(0);
    expect(w.diary.filter((line) => line === TIMED_OUT)).toHaveLength(1);
    expect(w.diary.at(-1)).toBe(TIMED_OUT);
    expect(w.transitions.at(-1)).toMatchObject({ at, cause: 'timer life' });
    w.expectSilence();
  }

  it('has one life from its answer on, however often the server is killed', () => {
    const of = halfAnHour();
    const { w } = of;
    const { answeredAt } = answered(of);
    for (let times = 0; times < 5; times++) {
      w.advance(3 * MINUTE);
      expect(w.kill(2 * MINUTE)).toBe(0);
    }
    expectEndAt(w, answeredAt + 30 * MINUTE);
  });

  it('has one session from its answer on, however often the server is killed', () => {
    const of = world();
    const { w } = of;
    const { answeredAt } = answered(of, ofNinetySeconds);
    for (let times = 0; times < 3; times++) {
      w.advance(10_000);
      expect(w.kill(20_000)).toBe(0);
    }
    expectEndAt(w, answeredAt + 122_000);
  });

  it.each([
    ['life', [], 30 * MINUTE],
    ['session', ofNinetySeconds, 122_000],
  ])('is over at once when its %s came to an end while no server ran', (_, headers, ms) => {
    const of = halfAnHour();
    const { w } = of;
    answered(of, headers);
    expect(w.kill(ms - 2000 - 1)).toBe(0);
    expect(w.core.supervisor.size).toBe(1);
    expect(w.kill(1)).toBe(1);
    expect(w.diary.at(-1)).toBe(TIMED_OUT);
    w.expectSilence();
  });

  it('keeps its end when it is kept anew between two restarts', () => {
    const of = halfAnHour();
    const { w, alice, bob } = of;
    const { dialog, answeredAt } = answered(of);
    w.kill(5 * MINUTE);
    alice.request('REFER', { ...dialog, cseq: 2, headers: ['Refer-To: <sip:carol@example.org>'] });
    bob.answer(bob.got('REFER'), 202);
    const due = answeredAt + 30 * MINUTE;
    expect(readKept(w.kept).dialogs.map(({ dialog }) => dialog.timers)).toEqual([[['life', due]]]);
    w.kill(5 * MINUTE);
    w.kill(5 * MINUTE);
    expectEndAt(w, due);
  });

  it.each([
    ['an UPDATE', 'UPDATE', ''],
    ['a re-INVITE', 'INVITE', SDP.audio],
  ])('lasts from %s on that was answered, no longer and no less', (_, method, body) => {
    const of = world();
    const { w, alice, bob } = of;
    const { dialog } = answered(of, ofNinetySeconds);
    w.kill(40_000);
    const refreshedAt = w.clock.now();
    alice.request(method, { ...dialog, cseq: 2, body });
    bob.answer(bob.got(method), 200, { headers: ofNinetySeconds, body });
    if (method === 'INVITE') alice.request('ACK', { ...dialog, cseq: 2 });
    w.kill(50_000);
    w.kill(20_000);
    expectEndAt(w, refreshedAt + 122_000);
  });

  it('lasts from an UPDATE on that came before the ACK', () => {
    const { w, alice, bob } = halfAnHour();
    const { callId, fromTag } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 200, { body: SDP.audio });
    const toTag = alice.response('INVITE', 200).to.tag ?? '';
    w.advance(10_000);
    const updatedAt = w.clock.now();
    alice.request('UPDATE', { callId, fromTag, toTag, to: bob.aor, uri: bob.contact, cseq: 2 });
    bob.answer(bob.got('UPDATE'), 200);
    w.kill(MINUTE);
    w.kill(MINUTE);
    expectEndAt(w, updatedAt + 30 * MINUTE);
  });

  it('has its life from its answer on, though it was kept anew before the ACK', () => {
    const { w, alice, bob } = halfAnHour();
    const { callId, fromTag } = alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 200, { body: SDP.audio });
    const answeredAt = w.clock.now();
    const toTag = alice.response('INVITE', 200).to.tag ?? '';
    w.advance(10_000);
    const headers = ['Refer-To: <sip:carol@example.org>'];
    alice.request('REFER', { callId, fromTag, toTag, to: bob.aor, uri: bob.contact, cseq: 2, headers });
    w.kill(MINUTE);
    expectEndAt(w, answeredAt + 30 * MINUTE);
  });

  it('was answered no later than it was kept, whatever 64*T1 was then', () => {
    const of = halfAnHour();
    const { w } = of;
    const { answeredAt } = answered(of);
    w.kill(MINUTE, (kept) => {
      for (const [key, text] of kept)
        kept.set(
          key,
          text.replace(/\["ack",(\d+)\]/, (_, due) => `["ack",${Number(due) + MINUTE}]`),
        );
    });
    expectEndAt(w, answeredAt + 30 * MINUTE);
  });

  it('goes on when its ACK was not heard before the server was killed, and has a life all the same', () => {
    const { w, alice, bob } = halfAnHour();
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 200, { body: SDP.audio });
    const answeredAt = w.clock.now();
    expect(w.kill(MINUTE)).toBe(0);
    expectEndAt(w, answeredAt + 30 * MINUTE);
  });
});
