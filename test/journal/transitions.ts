// Transitions for tests: one call as the charts tell it.
import type { DialogFacts, Note, Transition } from '../../src/journal/transition.ts';

/** 2026-05-04 11:07:09.042 UTC. */
export const START = Date.UTC(2026, 4, 4, 11, 7, 9, 42);

export const DIALOG: DialogFacts = { callId: 'c1@h', from: 'sip:a@h', to: 'sip:b@h', machine: 'dialog' };

/** One transition that tells the notes given. */
export function telling(notes: readonly Note[], more: Partial<Transition> = {}): Transition {
  return {
    dialog: DIALOG,
    seq: 1,
    at: START,
    from: 'trying',
    to: 'ringing',
    event: 'response.provisional',
    cause: '180',
    notes,
    done: false,
    ...more,
  };
}

/** [ms after the start, what happens]. */
type Step = readonly [after: number, notes: readonly Note[], more?: Partial<Transition>];

/** The whole life of a dialog; the last step is its end. */
export function life(steps: readonly Step[], dialog: DialogFacts = DIALOG): Transition[] {
  return steps.map(([after, notes, more], n) =>
    telling(notes, { dialog, seq: n + 1, at: START + after, done: n === steps.length - 1, ...more }),
  );
}

export const BASIC_CALL: readonly Step[] = [
  [
    0,
    [{ entry: 'incoming' }],
    {
      from: '',
      to: 'trying',
      event: 'request.invite',
      cause: 'INVITE',
      side: 'caller',
      media: { audio: 'sendrecv', video: 'off' },
    },
  ],
  [150, [{ entry: 'ringing' }], { from: 'trying', to: 'ringing' }],
  [
    3150,
    [{ entry: 'answered' }],
    { from: 'ringing', to: 'confirmed.media.audio|transfer.idle', event: 'response.success', cause: '200' },
  ],
  [
    3160,
    [],
    {
      from: 'confirmed.media.audio|transfer.idle',
      to: 'confirmed.media.audio|transfer.idle',
      event: 'request.ack',
      cause: 'ACK',
      side: 'caller',
    },
  ],
  [
    63_150,
    [{ entry: 'ended', side: 'callee' }],
    {
      from: 'confirmed.media.audio|transfer.idle',
      to: 'terminating',
      event: 'request.bye',
      cause: 'BYE',
      side: 'callee',
    },
  ],
  [
    63_170,
    [],
    { from: 'terminating', to: 'terminated', event: 'bye.answered', cause: '200', side: 'callee' },
  ],
];
