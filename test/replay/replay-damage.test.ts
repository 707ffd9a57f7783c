import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ALICE, audio, BOB, CAROL, Tape } from './captured-calls.ts';
import { replayed, states, whys } from './replayed.ts';

const SERVER = { address: '192.0.2.14', port: 5060 };

function busy(hides: boolean): Tape {
  const t = new Tape({ hides }).register(ALICE).register(BOB);
  const one = t.call(ALICE, BOB, 'one').challenged().invite().answer(100).answer(180);
  const two = t.call(CAROL, BOB, 'two').invite().answer(180).cancel().answer(487).ackRefusal();
  one
    .answer(200)
    .ack()
    .inside('INVITE', 'callee', { body: audio('sendonly') });
  one.answerInside('INVITE', 'callee').inside('ACK', 'callee');
  one
    .inside('REFER', 'caller', { headers: ['Refer-To: <sip:carol@192.0.2.14>'] })
    .answerInside('REFER', 'caller', 202);
  one.inside('NOTIFY', 'callee', {
    headers: ['Event: refer', 'Subscription-State: active'],
    type: 'message/sipfrag',
    body: 'SIP/2.0 100 Trying',
  });
  one.answerInside('NOTIFY', 'callee').bye();
  two.bye('callee');
  return t;
}

const LENGTH = busy(false).messages.length;
const place = fc.nat({ max: LENGTH - 1 });
const damage = fc.oneof(
  fc.record({ kind: fc.constant('lost' as const), at: place }),
  fc.record({ kind: fc.constant('twice' as const), at: place }),
  fc.record({ kind: fc.constant('swapped' as const), at: place }),
  fc.record({ kind: fc.constant('cut' as const), at: place, keep: fc.integer({ min: 60, max: 700 }) }),
  fc.record({
    kind: fc.constant('flipped' as const),
    at: place,
    byte: fc.nat({ max: 600 }),
    to: fc.nat({ max: 255 }),
  }),
);
type Damage = typeof damage extends fc.Arbitrary<infer D> ? D : never;

function damaged(tape: Tape, all: readonly Damage[]): Tape {
  const { messages } = tape;
  for (const one of all) {
    const message = messages[one.at];
    const next = messages[one.at + 1];
    if (message === undefined) continue;
    if (one.kind === 'lost') messages.splice(one.at, 1);
    else if (one.kind === 'twice') messages.splice(one.at, 0, message);
    else if (one.kind === 'cut') messages[one.at] = { ...message, keep: one.keep };
    else if (one.kind === 'flipped') {
      const bytes = Buffer.from(message.message);
      if (one.byte < bytes.length) bytes[one.byte] = one.to;
      messages[one.at] = { ...message, message: bytes };
    } else if (next !== undefined)
      messages.splice(one.at, 2, { ...next, at: message.at }, { ...message, at: next.at });
  }
  return tape;
}

it('tells the same calls whichever message the capture has lost, and what it put in its place', () => {
  const whole = replayed(busy(false), SERVER).calls.map(states);
  let put = 0;
  for (let n = 0; n < LENGTH; n++) {
    const tape = busy(false);
    const [gone] = tape.messages.splice(n, 1);
    const words = String(gone?.message).split('\r\n', 1)[0];
    const result = replayed(tape, SERVER);
    expect(whys(result).unexplained, `${n} ${words}`).toBeUndefined();
    // nothing else shows that the caller cancelled
    if (words?.startsWith('CANCEL') && gone?.from === CAROL.at) continue;
    expect(result.calls.map(states), `${n} ${words}`).toEqual(whole);
    for (const { lost } of result.calls) put += lost;
  }
  expect(put).toBeGreaterThan(10);
});

it('outlives whatever is lost, doubled, swapped, cut and flipped, and says the same each time', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom(undefined, ALICE, BOB),
      place,
      fc.array(damage, { maxLength: 12 }),
      (hides, phone, begin, all) => {
        const tape = () => {
          const t = damaged(busy(hides), all).from(begin);
          return phone === undefined ? t : t.seenBy(phone);
        };
        const first = replayed(tape(), SERVER);
        expect(replayed(tape(), SERVER)).toEqual(first);
        for (const call of first.calls) expect(call.states.length + call.adopted.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: Number(process.env.FUZZ ?? 60), seed: 20_260_504 },
  );
});
