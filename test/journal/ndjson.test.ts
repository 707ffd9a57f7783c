import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallRecords } from '../../src/journal/call-record.ts';
import { NdjsonWriter } from '../../src/journal/ndjson.ts';
import { anyText } from '../any-text.ts';
import { BASIC_CALL, DIALOG, life, telling } from './transitions.ts';

const writer = new NdjsonWriter();

test('a transition', () => {
  const [first] = life(BASIC_CALL);
  const line = first ? writer.transition(first) : '';
  expect(line.endsWith('}\n')).toBe(true);
  expect(JSON.parse(line)).toEqual({
    v: 1,
    type: 'transition',
    time: '2026-05-04T11:07:09.042Z',
    callId: 'c1@h',
    seq: 1,
    machine: 'dialog',
    from: '',
    to: 'trying',
    cause: 'INVITE',
    event: 'request.invite',
    side: 'caller',
    parties: { from: 'sip:a@h', to: 'sip:b@h' },
    media: { audio: 'sendrecv', video: 'off' },
    notes: [{ entry: 'incoming' }],
  });
});

test('the last transition says so', () =>
  expect(JSON.parse(writer.transition(telling([], { done: true })))).toMatchObject({ done: true }));

test('a call record', () => {
  const records = new CallRecords();
  const dialog = { ...DIALOG, origin: { callId: 'c0@h', why: 'transfer' as const } };
  const record = life(BASIC_CALL, dialog)
    .map((transition) => records.take(transition))
    .at(-1);
  expect(record && JSON.parse(writer.record(record))).toEqual({
    v: 1,
    type: 'call',
    time: '2026-05-04T11:08:12.192Z',
    callId: 'c1@h',
    parties: { from: 'sip:a@h', to: 'sip:b@h' },
    started: '2026-05-04T11:07:09.042Z',
    answered: '2026-05-04T11:07:12.192Z',
    setupMs: 3150,
    ringMs: 3000,
    talkMs: 60_000,
    outcome: 'answered',
    endedBy: 'callee',
    video: false,
    transitions: 6,
    origin: { callId: 'c0@h', why: 'transfer' },
  });
});

test('whatever came over the wire is one line, and reads back as it was', () => {
  fc.assert(
    fc.property(anyText, anyText, anyText, fc.integer(), (callId, from, cause, status) => {
      const line = writer.transition(
        telling([{ entry: 'failed', status }], { dialog: { ...DIALOG, callId, from }, cause }),
      );
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(JSON.parse(line)).toMatchObject({
        callId,
        parties: { from },
        cause,
        notes: [{ entry: 'failed', status }],
      });
    }),
  );
});
