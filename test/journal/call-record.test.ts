import { describe, expect, test } from 'vitest';
import {
  type CallRecord,
  CallRecords,
  ringMs,
  saveRecord,
  setupMs,
  talkMs,
} from '../../src/journal/call-record.ts';
import type { Note, Transition } from '../../src/journal/transition.ts';
import { BASIC_CALL, DIALOG, life, START } from './transitions.ts';

/** The record that comes out at the end, and nowhere before. */
const ANSWERED_BY_ANOTHER: typeof BASIC_CALL = [
  [0, [{ entry: 'incoming' }], { from: '', to: 'trying', event: 'request.invite', cause: 'INVITE' }],
  [9, [{ entry: 'answered' }, { entry: 'video.on' }], { to: 'confirmed', cause: '200', callee: 'sip:"q"@h' }],
  [50, [], { from: 'confirmed', to: 'terminating', event: 'request.bye', cause: 'BYE', side: 'callee' }],
  [60, [{ entry: 'ended' }], { from: 'terminating', to: 'terminated', cause: '200' }],
];

function recordOf(transitions: readonly Transition[], records = new CallRecords()): CallRecord {
  const out = transitions.map((transition) => records.take(transition));
  expect(out.slice(0, -1).every((record) => record === undefined)).toBe(true);
  const record = out.at(-1);
  if (record === undefined) throw new Error('no record');
  return record;
}

test('an answered call: who, how long, and who hung up', () => {
  const records = new CallRecords();
  const record = recordOf(life(BASIC_CALL), records);
  expect(record).toMatchObject({
    outcome: 'answered',
    endedBy: 'callee',
    video: false,
    transitions: 6,
    startedAt: START,
    dialog: DIALOG,
  });
  expect([setupMs(record), ringMs(record), talkMs(record)]).toEqual([3150, 3000, 60_000]);
  expect(records.size).toBe(0);
});

describe('calls that nobody answered', () => {
  test.each<[Note, Partial<CallRecord>]>([
    [
      { entry: 'declined', status: 603 },
      { outcome: 'declined', endedBy: 'callee', status: 603 },
    ],
    [
      { entry: 'busy', status: 486 },
      { outcome: 'busy', endedBy: 'callee', status: 486 },
    ],
    [
      { entry: 'no-answer', status: 408 },
      { outcome: 'no-answer', endedBy: undefined, status: 408 },
    ],
    [{ entry: 'cancelled' }, { outcome: 'cancelled', endedBy: 'caller' }],
    [
      { entry: 'unreachable', status: 480 },
      { outcome: 'unreachable', endedBy: undefined, status: 480 },
    ],
    [
      { entry: 'redirected', status: 302 },
      { outcome: 'redirected', endedBy: 'callee', status: 302 },
    ],
    [
      { entry: 'failed', status: 500 },
      { outcome: 'failed', endedBy: undefined, status: 500 },
    ],
  ])('%j', (end, expected) => {
    const record = recordOf(
      life([
        [0, [{ entry: 'incoming' }]],
        [100, [{ entry: 'ringing' }]],
        [2100, [end]],
      ]),
    );
    expect(record).toMatchObject(expected);
    expect([setupMs(record), ringMs(record), talkMs(record)]).toEqual([2100, 2000, undefined]);
  });

  test('one that ends without a word has failed', () =>
    expect(
      recordOf(
        life([
          [0, [{ entry: 'incoming' }]],
          [10, []],
        ]),
      ),
    ).toMatchObject({ outcome: 'failed', endedAt: START + 10 }));
});

describe('ends that come in pieces', () => {
  const answered = [
    [0, [{ entry: 'incoming' }]],
    [10, [{ entry: 'answered' }]],
  ] as const;

  test('a call ends for people with the BYE, though it is told when that is answered', () => {
    const bye = { event: 'request.bye', side: 'callee' } as const;
    const record = recordOf(
      life([...answered, [1010, [], bye], [3000, [{ entry: 'ended', side: 'callee', status: 200 }]]]),
    );
    expect(record).toMatchObject({ outcome: 'answered', endedBy: 'callee', status: undefined });
    expect(talkMs(record)).toBe(1000);
    const unanswered = recordOf(life([...answered, [1010, [], bye], [33_010, [{ entry: 'ended' }]]]));
    expect(unanswered).toMatchObject({ endedBy: 'callee', endedAt: START + 1010 });
  });

  test('a BYE that nobody answers ended its call all the same', () => {
    const record = recordOf(
      life([...answered, [1010, [{ entry: 'ended', side: 'caller' }]], [33_010, [{ entry: 'timed-out' }]]]),
    );
    expect(record).toMatchObject({ outcome: 'answered', endedBy: 'caller' });
    expect(talkMs(record)).toBe(1000);
  });

  test('a call that falls silent timed out, ended by nobody', () =>
    expect(recordOf(life([...answered, [1010, [{ entry: 'timed-out' }]]]))).toMatchObject({
      outcome: 'timed-out',
      endedBy: undefined,
    }));

  test('a transfer that succeeded is the outcome', () =>
    expect(
      recordOf(
        life([...answered, [20, [{ entry: 'transfer.done' }]], [30, [{ entry: 'ended', side: 'callee' }]]]),
      ),
    ).toMatchObject({
      outcome: 'transferred',
      endedBy: 'callee',
    }));

  test('an answer that crossed the CANCEL is an answer', () =>
    expect(
      recordOf(
        life([
          [0, [{ entry: 'incoming' }]],
          [10, [{ entry: 'cancelled' }]],
          [11, [{ entry: 'answered' }]],
          [20, [{ entry: 'ended', side: 'caller' }]],
        ]),
      ),
    ).toMatchObject({ outcome: 'answered', endedAt: START + 20, endedBy: 'caller' }));

  test('a wall clock that was set back makes no negative times', () => {
    const record = recordOf(
      life([
        [0, [{ entry: 'incoming' }]],
        [-5000, [{ entry: 'answered' }]],
        [-9000, [{ entry: 'ended' }]],
      ]),
    );
    expect([setupMs(record), talkMs(record)]).toEqual([0, 0]);
  });

  test('a subscription that was there was subscribed', () => {
    const dialog = { ...DIALOG, machine: 'subscription' as const };
    expect(
      recordOf(
        life(
          [
            [0, []],
            [10, [{ entry: 'conference.joined' }]],
            [20, [{ entry: 'conference.left', side: 'caller' }]],
          ],
          dialog,
        ),
      ),
    ).toMatchObject({
      outcome: 'subscribed',
      endedBy: 'caller',
    });
    expect(
      recordOf(
        life(
          [
            [0, []],
            [10, [{ entry: 'refused', status: 489 }]],
          ],
          dialog,
        ),
      ),
    ).toMatchObject({ outcome: 'refused', status: 489 });
  });
});

test('while they live, calls are listed with what is known', () => {
  const records = new CallRecords();
  const [first, second] = life(BASIC_CALL);
  for (const callId of ['x', 'y'])
    for (const t of [first, second]) if (t) records.take({ ...t, dialog: { ...DIALOG, callId } });
  expect(
    [...records.live()].map(({ dialog, state, ringingAt }) => [dialog.callId, state, ringingAt]),
  ).toEqual([
    ['x', 'ringing', START + 150],
    ['y', 'ringing', START + 150],
  ]);
});

test('a call met in its middle is told from there', () => {
  const records = new CallRecords();
  const record = recordOf(life(BASIC_CALL).slice(4), records);
  expect(record).toMatchObject({ startedAt: START + 63_150, endedBy: 'callee' });
});

test.each([
  ['a call', BASIC_CALL],
  ['a call that somebody else answered', ANSWERED_BY_ANOTHER],
])('%s is told the same when its record was saved and restored after each step', (_what, steps) => {
  const whole = new CallRecords();
  let saved = new CallRecords();
  for (const transition of life(steps)) {
    const { callId } = transition.dialog;
    expect(saved.take(transition)).toEqual(whole.take(transition));
    const record = saved.of(callId);
    if (record === undefined) continue;
    const { dialog, state, transitions } = record;
    saved = new CallRecords();
    saved.restore({ ...JSON.parse(saveRecord(record)), dialog, state, transitions });
  }
});
