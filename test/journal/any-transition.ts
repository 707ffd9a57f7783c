// Transitions as no chart would tell them: whatever may stand in one.
import fc from 'fast-check';
import type { Entry, Side } from '../../machines/types.ts';
import type { DialogFacts, Note, Transition } from '../../src/journal/transition.ts';
import { anyText } from '../any-text.ts';
import { START } from './transitions.ts';

const ENTRIES: readonly Entry[] = [
  ...([
    'incoming',
    'ringing',
    'forwarded',
    'answered',
    'declined',
    'busy',
    'no-answer',
    'cancelled',
  ] as const),
  ...(['unreachable', 'redirected', 'failed', 'ended'] as const),
];

const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });
const side = maybe(fc.constantFrom<Side>('caller', 'callee'));
const state = fc.constantFrom('', 'trying', 'ringing', 'confirmed.media.audio|transfer.idle', 'terminated');
const direction = fc.constantFrom('sendrecv', 'sendonly', 'recvonly', 'inactive', 'off');

const note: fc.Arbitrary<Note> = fc.record({
  entry: fc.constantFrom(...ENTRIES),
  side,
  status: maybe(fc.constantFrom(180, 200, 486, 500)),
});

export const anyFacts: fc.Arbitrary<DialogFacts> = fc
  .record({
    callId: anyText,
    machine: fc.constantFrom<DialogFacts['machine']>('dialog', 'subscription'),
    from: anyText,
    to: anyText,
    origin: maybe(
      fc.record({
        callId: anyText,
        why: fc.constantFrom<'transfer' | 'replaces' | 'conference'>('transfer', 'replaces', 'conference'),
      }),
    ),
  })
  .map(({ origin, ...facts }) => ({ ...facts, ...(origin && { origin }) }));

export const anyTransition: fc.Arbitrary<Transition> = fc.record({
  dialog: anyFacts,
  seq: fc.integer({ min: 1, max: 1000 }),
  at: fc.integer({ min: START, max: START + 100_000_000 }),
  from: state,
  to: state,
  event: fc.constantFrom('request.invite', 'request.bye', 'response.provisional', 'timer.ring'),
  cause: anyText,
  side,
  media: maybe(fc.record({ audio: direction, video: direction })),
  notes: fc.array(note, { maxLength: 3 }),
  callee: maybe(anyText),
  forwardedTo: maybe(anyText),
  done: fc.boolean(),
});
