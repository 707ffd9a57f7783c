import { describe, expect, it } from 'vitest';
import { ALICE, audio, BOB, CAROL, type Call, type ServerStyle, Tape } from './captured-calls.ts';
import { diary, only, replayed, states, whys } from './replayed.ts';

const TALK = ['trying', 'ringing', 'audio', 'terminating', 'terminated'];
const SAME = {};

/** A whole call. */
function talk(call: Call): Call {
  return call.invite().answer(100).answer(180).answer(200).ack().bye();
}

function tape(style?: ServerStyle): Tape {
  return new Tape(style);
}

describe('a whole call, seen on the server', () => {
  it('goes through its states, and the two servers say the same', () => {
    const t = tape().register(ALICE).register(BOB);
    talk(t.call(ALICE, BOB));
    const result = replayed(t);
    const call = only(result);
    expect(states(call)).toEqual(TALK);
    expect(diary(call)).toEqual([
      'Incomming Call From: sip:alice@192.0.2.14 >> To: sip:bob@192.0.2.14',
      'Call Ringing at sip:bob@192.0.2.14',
      'Call Answered by sip:bob@192.0.2.14',
      'Call Has Ended',
    ]);
    expect(call).toMatchObject({ adopted: '', missing: undefined, over: true, outcome: 'answered' });
    expect(result.inferred).toEqual([]);
    expect(whys(result)).toEqual(SAME);
  });

  const STYLES: readonly [string, ServerStyle][] = [
    ['on another port', { at: '192.0.2.14:5062' }],
    ['on IPv6', { at: '[2001:db8::14]:5060' }],
    ['of a named domain', { domain: 'example.com' }],
    [
      'that names another address of its own',
      { domain: '203.0.113.9', recordRoute: ['<sip:203.0.113.9;lr>'] },
    ],
    [
      'that record-routes twice, once for each side',
      { recordRoute: ['<sip:192.0.2.14;r2=on;lr>', '<sip:203.0.113.9:5060;r2=on;lr>'] },
    ],
    ['with parameters in its Record-Route', { recordRoute: ['<sip:192.0.2.14:5060;lr=on;ftag=x;did=e5.1>'] }],
  ];
  it.each(STYLES)('is understood with a server %s', (_, style) => {
    const v6 = style.at?.startsWith('[');
    const [alice, bob] = v6
      ? [
          { ...ALICE, at: '[2001:db8::1]:5070' },
          { ...BOB, at: '[2001:db8::2]:5080' },
        ]
      : [ALICE, BOB];
    for (const registers of [true, false]) {
      const t = tape(style);
      if (registers) t.register(alice).register(bob);
      talk(t.call(alice, bob));
      const result = replayed(t);
      expect(states(only(result))).toEqual(TALK);
      expect(whys(result)).toEqual(SAME);
      expect(result.inferred).toHaveLength(registers ? 0 : 1);
    }
  });

  it('reaches phones behind a NAT, by registration or without', () => {
    const alice = { ...ALICE, contact: '10.0.0.5:5070' };
    const bob = { ...BOB, contact: '10.0.0.5:5080' };
    for (const registers of [true, false]) {
      const t = tape();
      if (registers) t.register(alice).register(bob);
      talk(t.call(alice, bob));
      const result = replayed(t);
      expect(states(only(result))).toEqual(TALK);
      expect(whys(result)).toEqual(SAME);
    }
  });

  it('keeps calls apart that the same phones have at once', () => {
    const t = tape();
    const one = t.call(ALICE, BOB, 'one').invite().answer(180);
    const two = t.call(ALICE, BOB, 'two').invite();
    one.answer(200).ack();
    two.answer(180).answer(486).ackRefusal();
    one.bye('callee');
    const result = replayed(t);
    expect(result.calls.map(states)).toEqual([TALK, ['trying', 'ringing', 'declined']]);
    expect(result.calls.map(({ outcome }) => outcome)).toEqual(['answered', 'busy']);
    expect(whys(result)).toEqual({ 'no-trying': 2 });
  });

  it('is one call where the server asked for credentials, and says what was left out', () => {
    const t = tape().register(ALICE, { status: 401, cseq: 1 }).register(ALICE, { cseq: 2 }).register(BOB);
    talk(t.call(ALICE, BOB).challenged());
    const result = replayed(t);
    expect(states(only(result))).toEqual(TALK);
    expect(result.challenged).toBe(2);
    expect(whys(result)).toEqual({ challenged: 2 });
  });

  it('shows holds, video and their parties', () => {
    const t = tape();
    const call = t.call(ALICE, BOB).invite().answer(100).answer(180).answer(200).ack();
    call.inside('INVITE', 'callee', { body: audio('sendonly') }).answerInside('INVITE', 'callee', 100);
    call.answerInside('INVITE', 'callee', 200, { body: audio('recvonly') });
    call.inside('ACK', 'callee');
    const result = replayed(t);
    expect(states(only(result))).toEqual(['trying', 'ringing', 'audio', 'reinvite', 'held']);
    expect(diary(only(result)).at(-1)).toBe('Call Put On Hold by sip:bob@192.0.2.14');
  });

  it('cancels', () => {
    const t = tape();
    t.call(ALICE, BOB).invite().answer(100).answer(180).cancel().answer(487).ackRefusal();
    const result = replayed(t);
    expect(only(result).outcome).toBe('cancelled');
    expect(whys(result)).toEqual(SAME);
  });

  it('rings every phone of a user, and says why a refusal is not passed on', () => {
    const second = { ...BOB, at: '192.0.2.22:5080' };
    const t = tape()
      .register(ALICE)
      .register(BOB)
      .register({ ...second });
    const call = t.call(ALICE, BOB).invite();
    const fork = t.call(ALICE, second).invite();
    t.messages.splice(-2, 1);
    call.answer(180).answer(200).ack().bye();
    expect(fork.id).toBe(call.id);
    const result = replayed(t);
    expect(states(only(result))).toEqual(TALK);
    expect(whys(result).unexplained).toBeUndefined();
  });

  it('takes registrations as they come and go', () => {
    const t = tape().register(BOB).register(BOB, { cseq: 2 }).register(BOB, { cseq: 3, expires: 0 });
    const result = replayed(t);
    expect(result.calls).toEqual([]);
    expect(result.others).toMatchObject([{ what: '200 OK', times: 3 }]);
    expect(whys(result)).toEqual(SAME);
  });

  it('absorbs what is sent again, and names a server that does not', () => {
    const t = tape();
    t.call(ALICE, BOB).invite().again(2).answer(100).answer(180).answer(200).again(2).ack().bye().again(4);
    const result = replayed(t);
    expect(states(only(result))).toEqual(TALK);
    expect(Object.keys(whys(result))).toEqual(['passed-retransmissions']);
  });

  it('stays in the path of what went from phone to phone', () => {
    const t = tape({ recordRoute: [] });
    const call = t.call(ALICE, BOB).invite().answer(100).answer(180).answer(200);
    const before = t.messages.length;
    call.ack().bye();
    const direct = t.messages.splice(before).filter((_, n) => n % 2 === 0);
    const past = direct.map((one) =>
      one.from === ALICE.at ? { ...one, to: BOB.at } : { ...one, to: ALICE.at },
    );
    // the 200 to the BYE knows no server
    t.messages.push(
      ...past.map((one) => ({ ...one, message: String(one.message).replace(/Via: [^\r]*-s\r\n/, '') })),
    );
    const result = replayed(t);
    expect(states(only(result))).toEqual(TALK);
    expect(Object.keys(whys(result))).toEqual(['bypassed']);
  });
});

describe('a capture that begins in mid-call', () => {
  // 0 INVITE, 2 100, 4 180, 6 200, 8 ACK, 10 re-INVITE, 12 200, 14 ACK, 16 REFER, 18 202, 20 NOTIFY, 22 200, 24 BYE, 26 200
  function long(style?: ServerStyle): Tape {
    const t = tape(style);
    const call = t.call(ALICE, BOB).invite().answer(100).answer(180).answer(200).ack();
    call.inside('INVITE', 'callee', { body: audio('sendonly') });
    call.answerInside('INVITE', 'callee', 200, { body: audio('recvonly') }).inside('ACK', 'callee');
    call
      .inside('REFER', 'caller', { headers: ['Refer-To: <sip:carol@192.0.2.14>'] })
      .answerInside('REFER', 'caller', 202);
    const notify = ['Event: refer', 'Subscription-State: terminated'];
    call.inside('NOTIFY', 'callee', { headers: notify, type: 'message/sipfrag', body: 'SIP/2.0 200 OK' });
    call.answerInside('NOTIFY', 'callee').bye();
    return t;
  }

  it.each([
    [4, '180', ['(trying)', 'ringing', 'audio', 'reinvite', 'held']],
    [6, '200', ['(trying)', 'audio', 'reinvite', 'held']],
    [8, 'ACK', ['(audio)', 'reinvite', 'held']],
    [10, 're-INVITE', ['(audio)', 'reinvite', 'held']],
    [16, 'REFER', ['(audio)', 'audio|transfer.referring']],
    [20, 'NOTIFY', ['(audio)']],
    [24, 'BYE', ['(audio)', 'terminating']],
    [26, "a BYE's answer", ['(terminating)', 'terminated']],
  ])('adopts it with message %i, %s', (n, _, expected) => {
    const result = replayed(long().from(n), { address: '192.0.2.14', port: 5060 });
    const call = only(result);
    expect(states(call).slice(0, expected.length)).toEqual(expected);
    expect(states(call).at(-1)).toBe('terminated');
    expect(call.over).toBe(true);
    expect(whys(result).unexplained).toBeUndefined();
  });

  it("knows an answer to a re-INVITE from the opening one's", () => {
    const t = long().from(12);
    // only the opening INVITE is record-routed
    for (const [n, one] of t.messages.entries())
      if (n < 2)
        t.messages[n] = { ...one, message: String(one.message).replace(/Record-Route: [^\r]*\r\n/g, '') };
    const call = only(replayed(t));
    expect(states(call).slice(0, 2)).toEqual(['(reinvite)', 'held']);
    expect(diary(call)[0]).toBe('Call Put On Hold by sip:bob@192.0.2.14');
  });

  it('adopts it with a CANCEL', () => {
    const t = tape();
    t.call(ALICE, BOB).invite().answer(100).answer(180).cancel().answer(487).ackRefusal();
    const call = only(replayed(t.from(6)));
    expect(states(call)[0]).toBe('(ringing)');
    expect(call).toMatchObject({ outcome: 'cancelled', over: true, callerGuessed: false });
  });

  it('leaves the ACK of a refusal alone', () => {
    const t = tape();
    t.call(ALICE, BOB).invite().answer(486).ackRefusal();
    expect(replayed(t.from(4), { address: '192.0.2.14', port: 5060 }).calls.map(states)).toEqual([
      ['(audio)'],
    ]);
  });

  it('says when nothing tells who called whom', () => {
    const guessed = (n: number) => only(replayed(long().from(n))).callerGuessed;
    expect([guessed(4), guessed(10), guessed(24)]).toEqual([false, true, true]);
  });
});

describe('a capture of one side', () => {
  it.each([
    ['caller', ALICE, 'callee'],
    ['callee', BOB, 'caller'],
  ] as const)("tells the whole call from the %s's phone, and which side is missing", (_, phone, side) => {
    for (const style of [{}, { hides: true }, { domain: 'example.com' }] satisfies ServerStyle[]) {
      const t = tape(style).register(ALICE).register(BOB);
      const call = t.call(ALICE, BOB).invite().answer(100).answer(180).answer(200).ack();
      call.inside('INVITE', 'callee', { body: audio('sendonly') });
      call.answerInside('INVITE', 'callee', 100);
      call
        .answerInside('INVITE', 'callee', 200, { body: audio('recvonly') })
        .inside('ACK', 'callee')
        .bye('callee');
      const result = replayed(t.seenBy(phone));
      const told = only(result);
      expect(states(told)).toEqual([
        'trying',
        'ringing',
        'audio',
        'reinvite',
        'held',
        'terminating',
        'terminated',
      ]);
      expect(told.missing?.side).toBe(side);
      expect(told.missing?.at).toBe(style.hides ? '' : side === 'callee' ? BOB.at : ALICE.at);
      expect(whys(result).unexplained).toBeUndefined();
    }
  });

  it.each([
    [486, 'busy'],
    [603, 'declined'],
    [404, 'unreachable'],
    [480, 'unreachable'],
  ])('takes a %i without ringing for what it is', (status, outcome) => {
    const t = tape();
    t.call(ALICE, BOB).invite().answer(100).answer(status).ackRefusal();
    expect(only(replayed(t.seenBy(ALICE), { address: '192.0.2.14', port: 5060 })).outcome).toBe(outcome);
  });

  it.each([ALICE, BOB])('cancels, seen at $user', (phone) => {
    const t = tape();
    t.call(ALICE, BOB).invite().answer(100).answer(180).cancel().answer(487).ackRefusal();
    const result = replayed(t.seenBy(phone), { address: '192.0.2.14', port: 5060 });
    expect(only(result)).toMatchObject({ outcome: 'cancelled', over: true });
    expect(states(only(result)).slice(0, 3)).toEqual(['trying', 'ringing', 'cancelling']);
    expect(whys(result).unexplained).toBeUndefined();
  });

  it('begins in mid-call too', () => {
    const whole = () => {
      const t = tape();
      talk(t.call(ALICE, BOB));
      return t;
    };
    for (const phone of [ALICE, BOB]) {
      const length = whole().seenBy(phone).messages.length;
      for (let n = 1; n < length; n++) {
        const result = replayed(whole().seenBy(phone).from(n), { address: '192.0.2.14', port: 5060 });
        const call = only(result);
        expect(states(call).at(-1), `${phone.user} from ${n}`).toBe('terminated');
      }
    }
  });
});

describe('a server with a Call-ID for each leg', () => {
  it('is told as two legs of one call', () => {
    const t = tape({ hides: true }).register(ALICE).register(BOB);
    const [a, b] = [tape({ hides: true }), tape({ hides: true })];
    talk(a.call(ALICE, BOB, 'leg-a'));
    talk(b.call(ALICE, BOB, 'leg-b'));
    a.seenBy(ALICE);
    b.seenBy(BOB);
    for (const [n, one] of a.messages.entries()) {
      t.say(one.from, one.to, String(one.message));
      const other = b.messages[n];
      if (other !== undefined) t.say(other.from, other.to, String(other.message));
    }
    const result = replayed(t);
    expect(result.calls.map(states)).toEqual([TALK, TALK]);
    expect(result.calls.map(({ legOf, missing }) => [legOf, missing?.side])).toEqual([
      [undefined, 'callee'],
      ['leg-a', 'caller'],
    ]);
    expect(whys(result).unexplained).toBeUndefined();
  });
});

describe('what else a capture may hold', () => {
  it('keeps servers apart: one is played, what others say is not', () => {
    const other = '198.51.100.1:5060';
    const t = tape().register(ALICE).register(BOB);
    talk(t.call(ALICE, BOB));
    const foreign = new Tape({ at: other });
    talk(foreign.call({ ...ALICE, at: '198.51.100.7:5060' }, { ...BOB, at: '198.51.100.8:5060' }, 'foreign'));
    t.messages.push(...foreign.messages.map((one) => ({ ...one, at: one.at + 50_000 })));
    const result = replayed(t);
    expect(states(only(result))).toEqual(TALK);
    expect(result.past).toBe(foreign.messages.length);
  });

  it('outlives what is no SIP, or nearly', () => {
    const t = tape();
    const call = t.call(ALICE, BOB).invite().answer(100).answer(180);
    t.say(ALICE.at, t.at, 'INVITE sip:bob@192.0.2.14 SIP/2.0\r\nVia: nonsense\r\n\r\n');
    t.say(t.at, ALICE.at, 'SIP/2.0 200 So\r\n\r\n');
    t.say(ALICE.at, t.at, 'OPTIONS sip:192.0.2.14 SIP/2.0\r\nTo: <sip:a@b\r\n\r\n');
    call.answer(200).ack().bye();
    const result = replayed(t);
    expect(states(only(result))).toEqual(TALK);
    expect(result.drops).toEqual({ malformed: 2 });
  });

  it('plays a message of which the capture kept only the beginning', () => {
    const t = tape();
    talk(t.call(ALICE, BOB));
    for (const [n, one] of t.messages.entries()) t.messages[n] = { ...one, keep: 600 };
    expect(states(only(replayed(t)))).toEqual(TALK);
  });

  it('names what the captured server does of its own', () => {
    const t = tape().register(CAROL);
    const head = (via: string) => [
      `Via: SIP/2.0/UDP ${via};branch=z9hG4bK-ping`,
      'From: <sip:ping@192.0.2.14>;tag=p',
      'To: <sip:carol@192.0.2.3:5090>',
      'Call-ID: ping',
      'CSeq: 1 OPTIONS',
    ];
    t.say(
      t.at,
      CAROL.at,
      [`OPTIONS sip:carol@${CAROL.at} SIP/2.0`, ...head(t.at), 'Content-Length: 0', '', ''].join('\r\n'),
    );
    t.say(CAROL.at, t.at, ['SIP/2.0 200 OK', ...head(t.at), 'Content-Length: 0', '', ''].join('\r\n'));
    const result = replayed(t);
    expect(result.calls).toEqual([]);
    expect(whys(result)).toEqual({ 'its-own': 1 });
  });
});
