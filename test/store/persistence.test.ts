// What a start finds in the store of the process before, and what a store that takes nothing does to ended calls.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { configSchema } from '../../src/config/config.ts';
import { CallRecords } from '../../src/journal/call-record.ts';
import { Persistence } from '../../src/persistence.ts';
import { LiveLog } from '../../src/store/live-log.ts';
import { systemClock } from '../../src/time/clock.ts';
import { BASIC_CALL, DIALOG, life } from '../journal/transitions.ts';
import { House } from '../soak/house.ts';
import { ended } from './records-thread.ts';

const HERE = { address: '127.0.0.1', port: 5060 };

/** A data folder whose store has these entries. */
function left(entries: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'store'));
  const { log } = LiveLog.open({
    folder: join(folder, 'store'),
    durability: 'process',
    onTrouble: () => {},
  });
  for (const [key, text] of Object.entries(entries)) log.put(key, text);
  log.flush();
  log.close();
  return folder;
}

async function opened(folder: string) {
  const persistence = await Persistence.open({
    folder,
    config: configSchema.parse({}),
    clock: systemClock(),
    wall: Date.now,
    log: pino({ level: 'silent' }),
  });
  if (persistence === undefined) throw new Error('nothing is kept');
  onTestFinished(() => persistence.close());
  return persistence;
}

it('the record of an ended call is written only if it may not have reached the journal', async () => {
  const folder = left({
    'r:l4k2x-7': JSON.stringify(ended(0)),
    'r:100-0': JSON.stringify(ended(1)),
    'j:0': '100 0\x1fof a window before\x1e\x1f{"seq":1}\x1e',
    'r:105-1': JSON.stringify(ended(2)),
  });
  await opened(folder);
  const lines = readFileSync(join(folder, 'journal.ndjson'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).callId)).toEqual([ended(2).callId]);
});

it('lines of the last window are written', async () => {
  const folder = left({ 'j:0': '100 0\x1fa line\x1e\x1f{"seq":1}\x1e', 'j:1': '99 1\x1fold\x1e\x1f\x1e' });
  await opened(folder);
  expect(readFileSync(join(folder, 'dennik-hovorov.log'), 'utf8')).toBe('a line\n');
});

it('what neither database nor log has room for is counted, and fills no memory', async () => {
  const persistence = await opened(left());
  const dialog = { ...DIALOG, from: 'x'.repeat(33_000_000) };
  const records = new CallRecords();
  let record: ReturnType<CallRecords['take']>;
  for (const transition of life(BASIC_CALL, dialog)) record = records.take(transition);
  if (record === undefined) throw new Error('it has not ended');
  for (let n = 0; n < 3; n++) persistence.ended(record, undefined);
  expect(persistence.standing.lost).toBeUndefined();
  for (let n = 0; n < 2; n++) persistence.ended(record, undefined);
  expect(persistence.standing.lost).toBe(2);
});

it('a call whose chart knows its state no more is over, and told so once', async () => {
  const dialog = {
    v: 1,
    facts: DIALOG,
    opened: { callId: DIALOG.callId, callerTag: 'a', method: 'INVITE', cseq: 1 },
    calleeTags: ['b'],
    value: 'no such state',
    context: {},
    state: 'ringing',
    seq: 2,
    timers: [],
  };
  let record: unknown;
  const records = new CallRecords();
  for (const transition of life(BASIC_CALL).slice(0, 2)) {
    records.take(transition);
    record = records.of(DIALOG.callId);
  }
  const folder = left({ [`d:${DIALOG.callId}`]: JSON.stringify({ dialog, record }) });
  for (const _start of ['the first', 'another']) {
    const house = await House.open({ folder, at: HERE, key: 'a key', config: {} });
    await house.close();
    expect([house.bugs, house.core.supervisor.size, house.journal.calls.size]).toEqual([0, 0, 0]);
  }
  const diary = readFileSync(join(folder, 'dennik-hovorov.log'), 'utf8');
  expect(diary.match(/Call Has Failed/g)).toHaveLength(1);
  const [ended] = readFileSync(join(folder, 'journal.ndjson'), 'utf8').match(/.*"type":"call".*/g) ?? [];
  expect(JSON.parse(ended ?? '{}')).toMatchObject({ callId: DIALOG.callId, outcome: 'failed' });
});
