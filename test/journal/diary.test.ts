import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Diary } from '../../src/journal/diary.ts';
import type { Note } from '../../src/journal/transition.ts';
import { namedZone } from '../../src/journal/wall-time.ts';
import { anyText } from '../any-text.ts';
import { BASIC_CALL, DIALOG, life, START, telling } from './transitions.ts';

const zone = namedZone('Europe/Bratislava');
const classic = new Diary({ style: 'classic', zone });
const plain = new Diary({ style: 'plain', zone });
const TIME = '2026-05-04 13:07:09,042: ';

test('a call reads as it always has', () => {
  const notes: Note[] = [
    { entry: 'incoming' },
    { entry: 'answered' },
    { entry: 'video.asked-on', side: 'callee' },
    { entry: 'video.on' },
    { entry: 'video.asked-off', side: 'caller' },
    { entry: 'video.off' },
    { entry: 'ended', side: 'caller' },
  ];
  expect(notes.map((note) => classic.lines(telling([note]))).join('')).toBe(
    [
      `${TIME}Incomming Call From: sip:a@h >> To: sip:b@h (Call-ID: c1@h)`,
      `${TIME}\tCall Answered by sip:b@h (Call-ID: c1@h)`,
      `${TIME}\tRequested Video Call ON From: sip:b@h >> To: sip:a@h (Call-ID: c1@h)`,
      `${TIME}\t\tVideo Call ON (Call-ID: c1@h)`,
      `${TIME}\tRequested Video Call OFF From: sip:a@h >> To: sip:b@h (Call-ID: c1@h)`,
      `${TIME}\t\tVideo Call OFF (Call-ID: c1@h)`,
      `${TIME}\tCall Has Ended (Call-ID: c1@h)`,
      '',
    ].join('\n'),
  );
  expect(classic.lines(telling([{ entry: 'declined', status: 603 }]))).toBe(
    `${TIME}\tCall Declined by sip:b@h (Call-ID: c1@h)\n`,
  );
});

test('a side that the note leaves out is the side of the event', () =>
  expect(classic.lines(telling([{ entry: 'hold' }], { side: 'callee' }))).toContain(
    '\tCall Put On Hold by sip:b@h ',
  ));

test('several notes of one transition are lines in their order', () =>
  expect(
    classic.lines(telling([{ entry: 'answered' }, { entry: 'video.on' }])).match(/Answered|Video/g),
  ).toEqual(['Answered', 'Video']));

test('only what is told makes lines', () =>
  expect(
    life(BASIC_CALL)
      .map((t) => classic.lines(t))
      .join('')
      .split('\n'),
  ).toHaveLength(5));

test.each(['unexpected', 'subscribed', 'unsubscribed', 'refused'] as const)(
  '%s is no matter for the diary',
  (entry) => {
    expect(classic.lines(telling([{ entry }]))).toBe('');
    expect(plain.lines(telling([{ entry }]))).toBe('');
  },
);

test('a subscription that ran out of time is no call that did', () => {
  const dialog = { ...DIALOG, machine: 'subscription' as const };
  expect(classic.lines(telling([{ entry: 'timed-out' }], { dialog }))).toBe('');
  expect(classic.lines(telling([{ entry: 'timed-out' }]))).toContain('\tCall Has Timed Out (');
});

test('the plain style tells the same things in other words', () => {
  expect(plain.lines(telling([{ entry: 'incoming' }]))).toBe(
    `${TIME}Incoming call from sip:a@h to sip:b@h (Call-ID: c1@h)\n`,
  );
  expect(plain.lines(telling([{ entry: 'ended', side: 'callee' }]))).toContain('\tEnded by sip:b@h ');
  expect(plain.lines(telling([{ entry: 'ended' }], { side: 'callee' }))).toContain('\tEnded (');
});

test('a status is told where it says more than the words', () => {
  expect(classic.lines(telling([{ entry: 'failed', status: 500 }]))).toContain('\tCall Has Failed (500) (');
  expect(classic.lines(telling([{ entry: 'transfer.failed', status: 486 }]))).toContain(
    '\t\tCall Transfer FAILED (486) (',
  );
});

describe('what came over the wire', () => {
  test('cannot begin a line of its own', () => {
    const dialog = {
      ...DIALOG,
      from: 'sip:a\n2026-05-04 13:07:09,042: forged@h',
      callId: 'x\r\u2028y\u001b[2J',
    };
    const lines = classic.lines(telling([{ entry: 'incoming' }], { dialog }));
    expect(lines).toBe(
      `${TIME}Incomming Call From: sip:a\\u000a2026-05-04 13:07:09,042: forged@h >> To: sip:b@h (Call-ID: x\\u000d\\u2028y\\u001b[2J)\n`,
    );
  });

  test('keeps its letters', () =>
    expect(
      classic.lines(telling([{ entry: 'incoming' }], { dialog: { ...DIALOG, from: 'sip:ján@h' } })),
    ).toContain('sip:ján@h'));

  test('whatever it is, a note is one line', () => {
    fc.assert(
      fc.property(anyText, anyText, (from, callId) => {
        const lines = classic.lines(
          telling([{ entry: 'incoming' }], { dialog: { ...DIALOG, from, callId } }),
        );
        expect(lines.split(/[\r\n\v\f\u0085\u2028\u2029]/)).toHaveLength(2);
        expect(lines).not.toMatch(/[\t\0\u001b]/);
      }),
    );
  });
});

test('local time follows the zone through its changes', () => {
  const lines = (at: number) => classic.lines(telling([{ entry: 'ended' }], { at })).slice(0, 23);
  // 2026-03-29 01:00 UTC: summer time begins
  const change = Date.UTC(2026, 2, 29, 1);
  expect(lines(change - 1)).toBe('2026-03-29 01:59:59,999');
  expect(lines(change)).toBe('2026-03-29 03:00:00,000');
  expect(lines(START)).toBe('2026-05-04 13:07:09,042');
});
