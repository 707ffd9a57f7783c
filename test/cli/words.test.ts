import { describe, expect, it } from 'vitest';
import { told } from '../../src/cli/call.ts';
import { listed } from '../../src/cli/calls.ts';
import { harmless, lasted, localTime, stateWords, table } from '../../src/cli/words.ts';

describe('words for people', () => {
  it.each([
    ['trying', 'trying'],
    ['confirmed.media.audio|transfer.idle', 'confirmed, audio'],
    ['confirmed.media.reinvite-video|transfer.idle', 'confirmed, reinvite-video'],
    ['confirmed.media.held|transfer.referred', 'confirmed, held, referred'],
  ])('say %s as %s', (path, words) => expect(stateWords(path)).toBe(words));

  it.each([
    [0, '0:00'],
    [7_999, '0:07'],
    [62_000, '1:02'],
    [3_600_000 * 27 + 5_000, '27:00:05'],
    [-5, '0:00'],
  ])('say %d ms as %s', (ms, words) => expect(lasted(ms)).toBe(words));

  it('from the wire begin no line and move no cursor', () => {
    expect(harmless('a\u001b[2Jb\nc\u202ed')).toBe('a\\u001b[2Jb\\u000ac\\u202ed');
    expect(harmless('sip:Žofia@example.org')).toBe('sip:Žofia@example.org');
  });

  it('stand in columns, numbers to the right', () => {
    expect(
      table(
        ['A', ' N', 'LAST'],
        [
          ['x', '1', 'y'],
          ['long one', '100', 'z'],
        ],
      ),
    ).toBe('A           N  LAST\nx           1  y\nlong one  100  z\n');
  });
});

const call = {
  callId: 'abc@192.0.2.7',
  machine: 'dialog',
  parties: { from: 'sip:alice@example.org', to: 'sip:bob@example.org' },
  state: 'confirmed.media.video|transfer.idle',
  started: '2026-05-04T11:07:09.042Z',
  ringing: '2026-05-04T11:07:09.092Z',
  answered: '2026-05-04T11:07:12.192Z',
  talkMs: 62_000,
  video: true,
  transitions: 3,
} as const;

describe('calls', () => {
  it('that live stand one on a line, today’s without their date', () => {
    const [head, first] = listed([call], Date.parse(call.started)).split('\n');
    expect(head).toMatch(/^STARTED +TALK +STATE +FROM +TO +CALL-ID$/);
    expect(first?.split(/ {2,}/)).toEqual([
      localTime(call.started).slice(11, 19),
      '1:02',
      'confirmed, video',
      'sip:alice@example.org',
      'sip:bob@example.org',
      'abc@192.0.2.7',
    ]);
    expect(listed([call], Date.parse(call.started) + 86_400_000)).toContain(
      localTime(call.started).slice(0, 19),
    );
  });

  it('may be none', () => expect(listed([], 0)).toBe('no calls\n'));
});

describe('one call', () => {
  it('is told with its states', () => {
    const text = told({
      ...call,
      origin: { callId: 'before', why: 'transfer' },
      states: [
        { time: call.started, state: 'trying', cause: 'INVITE', by: 'caller' },
        { time: call.ringing, state: 'ringing', cause: '180' },
      ],
    });
    expect(text).toContain('call from sip:alice@example.org to sip:bob@example.org\n');
    expect(text).toContain(`  ringing     ${localTime(call.ringing)} (after 50 ms)\n`);
    expect(text).toContain(`  answered    ${localTime(call.answered)} (after 3.1 s)\n`);
    expect(text).toContain('  outcome     answered so far (1:02 of talk)\n');
    expect(text).toContain('  comes from  before (transfer)\n');
    expect(text).toMatch(/ {2}[\d:,]+ {2}trying {3}INVITE of the caller\n {2}[\d:,]+ {2}ringing {2}180\n$/);
  });

  it('that is over for people says how it ended', () => {
    const text = told({ ...call, state: 'terminating', outcome: 'answered', endedBy: 'callee', states: [] });
    expect(text).toContain('answered (ended by the callee, 1:02 of talk)');
  });

  it('says how many states are left out', () => {
    const states = Array.from({ length: 40 }, () => ({ time: call.started, state: 'x', cause: 'y' }));
    expect(
      told({ ...call, states, skippedStates: 7 })
        .split('\n')
        .indexOf('  ...           7 more'),
    ).toBeGreaterThan(10);
  });
});
