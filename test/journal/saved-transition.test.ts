// A transition that was kept is the same when it is read, whatever was in it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Numbered, readTransition, saveTransition } from '../../src/journal/saved-transition.ts';
import type { Transition } from '../../src/journal/transition.ts';
import { JsonWriter } from '../../src/json/json-writer.ts';
import { SEPARATOR } from '../../src/store/log-entry.ts';
import { anyTransition } from './any-transition.ts';
import { BASIC_CALL, life, telling } from './transitions.ts';

function saved(numbered: Numbered): string {
  const out = new JsonWriter();
  saveTransition(out, numbered);
  return out.toString();
}

function again({ number, transition }: Numbered): Numbered {
  const { dialog, seq, from } = transition;
  return readTransition(JSON.parse(saved({ number, transition })), dialog, seq, from);
}

/** What is undefined is not there. */
function fields(transition: Transition): unknown {
  return JSON.parse(JSON.stringify(transition));
}

test('any transition is read as it was told', () => {
  fc.assert(
    fc.property(anyTransition, fc.maxSafeInteger().map(Math.abs), (transition, number) => {
      const read = again({ number, transition });
      expect(read.number).toBe(number);
      expect(fields(read.transition)).toEqual(fields(transition));
      // the parties are not told twice
      expect(read.transition.dialog).toBe(transition.dialog);
    }),
    { numRuns: 500 },
  );
});

test('each transition of a call is read as it was told', () => {
  for (const [number, transition] of life(BASIC_CALL).entries())
    expect(fields(again({ number, transition }).transition)).toEqual(fields(transition));
});

test.each<readonly [what: string, more: Partial<Transition>]>([
  ['nothing but what each has', {}],
  ['its end', { done: true }],
  ['who was called instead', { callee: 'sip:"ž"@h' }],
  ['where it goes on', { forwardedTo: 'sip:c@h, sip:d@h' }],
  ['media', { media: { audio: 'sendrecv', video: 'off' } }],
  ['the caller', { side: 'caller' }],
  ['the callee', { side: 'callee' }],
  ['no notes', { notes: [] }],
  ['a note with a status and no side', { notes: [{ entry: 'failed', status: 500 }] }],
  ['a note with a side and no status', { notes: [{ entry: 'ended', side: 'callee' }] }],
  [
    'a note with both, behind one with none',
    { notes: [{ entry: 'ringing' }, { entry: 'hold', side: 'caller', status: 200 }] },
  ],
])('a transition with %s has that, and no more', (_what, more) => {
  const transition = telling([{ entry: 'ringing' }], more);
  const read = again({ number: 7, transition }).transition;
  expect(fields(read)).toEqual(fields(transition));
});

test('it takes little room, and no character that keeps things apart in the store', () => {
  const [, ringing] = life(BASIC_CALL);
  if (ringing === undefined) throw new Error('it never rang');
  expect(saved({ number: 12, transition: ringing })).toBe(
    `[12,${ringing.at},"ringing","response.provisional","180",0,["ringing"]]`,
  );
  const odd = telling([], { cause: SEPARATOR, callee: SEPARATOR, forwardedTo: SEPARATOR });
  expect(saved({ number: 0, transition: odd })).not.toContain(SEPARATOR);
});
