import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { endedCall } from '../../src/cli/ended-call.ts';

function journal(...files: string[][]): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  files.forEach((lines, n) => {
    writeFileSync(
      join(folder, `journal.ndjson${n === 0 ? '' : `.${n}`}`),
      lines.map((line) => `${line}\n`).join(''),
    );
  });
  return folder;
}

let clock = Date.parse('2026-05-04T11:00:00Z');

function line(type: string, callId: string, fields: object): string {
  clock += 1000;
  const parties = { from: 'sip:a@h', to: 'sip:b@h' };
  return JSON.stringify({ v: 1, type, time: new Date(clock).toISOString(), callId, parties, ...fields });
}

const step = (callId: string, seq: number, to: string, event: string, side?: string) =>
  line('transition', callId, { seq, from: '', to, cause: 'X', event, side });

const end = (callId: string, outcome: string) =>
  line('call', callId, { started: '2026-05-04T11:00:00.000Z', outcome, video: false, transitions: 2 });

it('finds a call, its states and its end', () => {
  const folder = journal([
    step('c', 1, 'trying', 'request.invite', 'caller'),
    step('other', 1, 'trying', 'request.invite', 'caller'),
    step('c', 2, 'ringing', 'response.provisional'),
    step('c', 3, 'declined', 'response.failure'),
    end('c', 'busy'),
    end('other', 'busy'),
  ]);
  const call = endedCall(folder, 'c');
  expect(call).toMatchObject({ callId: 'c', machine: 'dialog', state: 'declined', outcome: 'busy' });
  expect(call?.ringing).toBe(call?.states[1]?.time);
  expect(call?.states.map(({ state, by }) => [state, by])).toEqual([
    ['trying', 'caller'],
    ['ringing', undefined],
    ['declined', undefined],
  ]);
});

it('finds what stands in a rotated file', () => {
  const folder = journal(
    [step('c', 2, 'declined', 'response.failure'), end('c', 'busy')],
    [step('c', 1, 'trying', 'request.invite', 'caller')],
    [step('c', 1, 'older', 'request.invite', 'caller')],
  );
  expect(endedCall(folder, 'c')?.states.map(({ state }) => state)).toEqual(['trying', 'declined']);
});

it('takes the newest of several calls of one Call-ID', () => {
  const folder = journal([
    step('c', 1, 'trying', 'request.invite'),
    end('c', 'busy'),
    step('c', 1, 'trying', 'request.invite'),
    step('c', 2, 'declined', 'response.failure'),
    end('c', 'declined'),
  ]);
  expect(endedCall(folder, 'c')).toMatchObject({ outcome: 'declined', states: [{}, {}] });
});

it('has no states where the journal keeps none', () => {
  expect(endedCall(journal([end('c', 'busy')]), 'c')).toMatchObject({ outcome: 'busy', states: [] });
});

it('knows nothing of a call that is not over, not there, or only named by another', () => {
  const folder = journal([
    step('live', 1, 'trying', 'request.invite'),
    line('call', 'c', { outcome: 'answered', origin: { callId: 'named', why: 'transfer' } }),
    '{"v":1,"type":"call","callId":"torn","par',
  ]);
  for (const callId of ['live', 'nobody', 'named', 'torn', ''])
    expect(endedCall(folder, callId), callId).toBeUndefined();
  expect(endedCall(join(folder, 'nowhere'), 'c')).toBeUndefined();
});
