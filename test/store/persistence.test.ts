// What a start finds in the store of the process before, and what a store that takes nothing does to ended calls.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { configSchema } from '../../src/config/config.ts';
import { CallRecords } from '../../src/journal/call-record.ts';
import { realSync } from '../../src/journal/sync.ts';
import { Ended } from '../../src/kept.ts';
import { Persistence } from '../../src/persistence.ts';
import { LiveLog } from '../../src/store/live-log.ts';
import { readLogOffline } from '../../src/store/log-offline.ts';
import { Records } from '../../src/store/records.ts';
import { systemClock } from '../../src/time/clock.ts';
import { BASIC_CALL, DIALOG, life } from '../journal/transitions.ts';
import { begin, type Call, DOMAIN, insideLines, register } from '../soak/calls.ts';
import { House } from '../soak/house.ts';
import { putText } from './keyed-log.ts';
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
  for (const [key, text] of Object.entries(entries)) putText(log, log.item(key), text);
  log.flush();
  log.close();
  return folder;
}

function savedBinding(aor: string, expires: number) {
  const flow = { transport: 'udp', localAddress: HERE.address, localPort: HERE.port };
  return {
    ...{ v: 1, aor, contact: '<sip:phone@10.0.0.9>', callId: 'a registration', cseq: 1, expires },
    flow: { ...flow, remoteAddress: '10.0.0.9', remotePort: 5060 },
    ...{ path: [], follow: 'contact' },
  };
}

async function opened(folder: string, config: Record<string, unknown> = {}) {
  const persistence = await Persistence.open({
    folder,
    config: configSchema.parse(config),
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

it('lines that the file does not take at the start are kept on, however many', async () => {
  const line = 'x'.repeat(9_000_000);
  const folder = left({ 'j:0.0': `100 0 7 0 7 0 100\x1f${line}\x1e\x1f` });
  mkdirSync(join(folder, 'dennik-hovorov.log'));
  const house = await House.open({
    ...{ folder, at: HERE, key: 'a key' },
    config: { domains: [DOMAIN], open: true, durability: 'power' },
  });
  onTestFinished(() => house.close());
  begin(house, 0, 'unreachable', { user: 'a', ...HERE }, { user: 'b', ...HERE });
  const kept = [...readLogOffline(join(folder, 'store')).values()];
  expect(kept.filter((text) => text.includes(line))).toHaveLength(1);
});

it('what came to its end while there was no server, or cannot be read, is not kept for ever', async () => {
  const config = { domains: [DOMAIN], open: true };
  const folder = left({
    'b:sip:guest@example.org': JSON.stringify([savedBinding('sip:guest@example.org', Date.now() - 1)]),
    'b:sip:alice@example.org': JSON.stringify([savedBinding('sip:alice@example.org', Date.now() + 60_000)]),
    'b:sip:bob@example.org': '[{',
    'd:1': 'null',
    'i:1': JSON.stringify({ callId: 'a call', role: 'opening', side: 'caller', forwarding: { base: 'x' } }),
    'i:2': JSON.stringify({ callId: 'another', role: 'opening', side: 'caller' }),
    'j:1': '{}',
  });
  const house = await House.open({ folder, at: HERE, key: 'a key', config });
  expect(house.core.location.size).toBe(1);
  await house.close();
  expect([...readLogOffline(join(folder, 'store')).keys()]).toEqual(['b:sip:alice@example.org']);
});

it('what the journal has at the start is on the disk before its lines are forgotten', async () => {
  const [file, names] = [vi.spyOn(realSync, 'syncSync'), vi.spyOn(realSync, 'syncFolderSync')];
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  await opened(left(), { durability: 'process' });
  expect(file).not.toHaveBeenCalled();
  const folder = left({ 'j:0.0': '100 0 7 0 7 0 100\x1fa\x1e\x1f{}\x1e' });
  writeFileSync(join(folder, 'journal.ndjson.1'), '');
  await opened(folder, { durability: 'power' });
  expect(file).toHaveBeenCalledTimes(3);
  expect(names).toHaveBeenCalledTimes(2);
});

it('lines of the window before it are written too when they may not have been on the disk', async () => {
  const entry = (head: string, text: string) => `${head}\x1f${text}\x1e\x1f`;
  const folder = left({
    'j:1.0': entry('101 0 7 0 100', 'c'),
    'j:0.1': entry('100 1', 'b'),
    'j:0.0': entry('100 0 7 0 99', 'a'),
    'j:1.1': entry('99 1', 'of a window that was on the disk'),
    'r:100-4': JSON.stringify(ended(1)),
    'r:99-3': JSON.stringify(ended(2)),
  });
  await opened(folder, { durability: 'power' });
  expect(readFileSync(join(folder, 'dennik-hovorov.log'), 'utf8')).toBe('a\nb\nc\n');
  expect(JSON.parse(readFileSync(join(folder, 'journal.ndjson'), 'utf8')).callId).toBe(ended(1).callId);
});

describe('the record of an ended call that is stored', () => {
  const phone = (n: number) => ({ user: `user${n}`, address: `10.0.0.${n}`, port: 5060 });

  async function house(durability: string) {
    let onStored: (ended: readonly Ended[]) => void = () => undefined;
    const added: Ended[] = [];
    const open = vi.spyOn(Records, 'open').mockImplementation(async (options) => {
      onStored = options.onStored as unknown as typeof onStored;
      return { add: (ended: Ended) => added.push(ended), close: async () => undefined } as never;
    });
    onTestFinished(() => open.mockRestore());
    const folder = left();
    const it = await House.open({
      ...{ folder, at: HERE, key: 'a key' },
      config: { domains: [DOMAIN], open: true, durability },
    });
    onTestFinished(() => it.close());
    let calls = 0;
    let known = 0;
    const call = () => void begin(it, calls++, 'unreachable', phone(1), phone(2));
    const keys = () => [...readLogOffline(join(folder, 'store')).keys()];
    const kept = () => keys().filter((key) => key.startsWith('d:'));
    /** Those that have ended so far, and more. */
    const stored = async (more: readonly Ended[] = []) => {
      // the database hears of them when the log is safe
      await vi.waitFor(() => expect(known + added.length).toBe(calls));
      known = calls;
      onStored([...added.splice(0), ...more]);
    };
    return { journal: it.journal, call, kept, keys, stored, close: () => it.close() };
  }

  it('is needed no more', async () => {
    const { journal, call, kept, stored } = await house('process');
    for (let n = 0; n < 3; n++) {
      call();
      journal.flush();
      await stored();
    }
    expect(kept()).toHaveLength(1);
  });

  it('is needed until its lines are in the file', async () => {
    const { journal, call, kept, stored } = await house('process');
    for (let n = 0; n < 3; n++) {
      call();
      await stored();
    }
    expect(kept()).toHaveLength(3);
    journal.flush();
    call();
    expect(kept()).toHaveLength(1);
  });

  it('is needed until the disk has its line when the power may fail', async () => {
    const { journal, call, kept, stored } = await house('power');
    for (let n = 0; n < 3; n++) {
      call();
      await stored();
    }
    const before = kept();
    expect(before).toHaveLength(3);
    const { window } = journal;
    journal.flush();
    await vi.waitFor(() => expect(journal.isSettled(window)).toBe(true));
    call();
    expect(kept()).toHaveLength(1);
    expect(before).not.toContain(kept()[0]);
  });

  it.each(['process', 'power'])(
    'is needed no more when the journal is closed, nor are its lines: %s',
    async (durability) => {
      const { call, stored, close, keys } = await house(durability);
      call();
      await stored();
      expect(keys().filter((key) => key.startsWith('j:'))).toHaveLength(1);
      await close();
      expect(keys().filter((key) => /^[jd]:/.test(key))).toEqual([]);
    },
  );

  it('fills no store when the disk never has its line', async () => {
    const { journal, call, kept, stored } = await house('power');
    call();
    await stored();
    const [first] = kept();
    await stored(Array.from({ length: 10_000 }, () => new Ended(journal.window)));
    call();
    expect(kept()).toHaveLength(1);
    expect(kept()).not.toContain(first);
  });
});

it('the database hears of an ended call when the log has its end, not before', async () => {
  const persistence = await opened(left());
  const add = vi.spyOn(Records.prototype, 'add');
  onTestFinished(() => add.mockRestore());
  const records = new CallRecords();
  const over = life(BASIC_CALL)
    .map((transition) => records.take(transition))
    .at(-1);
  if (over === undefined) throw new Error('it has not ended');
  persistence.ended(over, undefined);
  expect([add.mock.calls.length, persistence.standing.ended, persistence.waiting]).toEqual([0, 1, 1]);
  persistence.keep();
  expect([add.mock.calls.length, persistence.standing.ended]).toEqual([1, 1]);
});

it('what neither database nor log has room for is counted, and fills no memory', async () => {
  const persistence = await opened(left());
  const dialog = { ...DIALOG, from: 'x'.repeat(8_300_000) };
  const records = new CallRecords();
  let record: ReturnType<CallRecords['take']>;
  for (const transition of life(BASIC_CALL, dialog)) record = records.take(transition);
  if (record === undefined) throw new Error('it has not ended');
  // three wait for the database, three more stand in the log alone
  for (let n = 0; n < 6; n++) persistence.ended(record, undefined);
  persistence.keep();
  expect(persistence.standing).toMatchObject({ ended: 6 });
  expect(persistence.standing.lost).toBeUndefined();
  for (let n = 0; n < 2; n++) persistence.ended(record, undefined);
  persistence.keep();
  expect(persistence.standing.lost).toBe(2);
});

it('windows go on behind those of before, though the wall clock was put back', async () => {
  const dialog = { v: 1, facts: DIALOG, opened: {}, calleeTags: [], state: 'ringing', seq: 1, timers: [] };
  const last = Date.now() + 1e9;
  const told = [[0, last, 'ringing', 'response.provisional', '180', 0, ['ringing']]];
  const folder = left({ 'd:1': JSON.stringify({ dialog, window: last, told }) });
  const house = await House.open({ folder, at: HERE, key: 'a key', config: {} });
  onTestFinished(() => house.close());
  expect(house.journal.window).toBe(last + 1);
});

it('calls are listed as they began, whichever changed last', async () => {
  const config = { domains: [DOMAIN], open: true };
  const folder = left();
  const [alice, bob] = [
    { user: 'alice', address: '10.0.0.2', port: 5060 },
    { user: 'bob', address: '10.0.0.3', port: 5060 },
  ];
  const first = await House.open({ folder, at: HERE, key: 'a key', config });
  for (const phone of [alice, bob]) register(first, phone);
  const calls = [1, 2].map((n) => {
    first.pass(10);
    return begin(first, n, 'answered', alice, bob);
  });
  const ids = (house: House) => [...house.journal.calls.live()].map(({ dialog }) => dialog.callId);
  const before = ids(first);
  // the first one changes last
  first.receive(alice, insideLines(calls[0] as Call, 'INVITE', 2));
  await first.close();
  const second = await House.open({ folder, at: HERE, key: 'a key', config });
  onTestFinished(() => second.close());
  expect(ids(second)).toEqual(before);
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
