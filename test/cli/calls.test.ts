import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CSV_HEAD, csvLine } from '../../src/cli/csv.ts';
import { parseWhen } from '../../src/cli/when.ts';
import { openControl } from '../../src/control/control.ts';
import { Histories } from '../../src/control/history.ts';
import { endedAnswer, type PastCalls } from '../../src/control/past.ts';
import { CallRecords } from '../../src/journal/call-record.ts';
import { type Numbered, saveTransition } from '../../src/journal/saved-transition.ts';
import { JsonWriter } from '../../src/json/json-writer.ts';
import { LiveLog } from '../../src/store/live-log.ts';
import { type StoredCall, storedCall } from '../../src/store/records-call.ts';
import { RecordsFile } from '../../src/store/records-file.ts';
import { BASIC_CALL, DIALOG, life } from '../journal/transitions.ts';
import { putText } from '../store/keyed-log.ts';
import { ended } from '../store/records-thread.ts';
import { callUp, World } from '../system/world.ts';
import { buildCommand, callchart, scratchFolder } from './command.ts';

let remove = () => {};
beforeAll(async () => {
  remove = await buildCommand();
});
afterAll(() => remove());

/** A data folder with these calls in its store, and no server. */
function store(calls: readonly StoredCall[]) {
  const data = scratchFolder();
  mkdirSync(join(data, 'store'));
  const file = new RecordsFile({ path: join(data, 'store/records.db'), onDamaged: () => {} });
  onTestFinished(() => file.close());
  const put = (...more: readonly StoredCall[]) =>
    file.use((table) => table.insert(more.map((call) => JSON.stringify(call)).join('\n')));
  if (calls.length > 0) put(...calls);
  return { data, file, put };
}

/** The same with a server that two phones are registered at; its ended calls go into the store. */
async function office(calls: readonly StoredCall[], standing: Pick<PastCalls, 'waiting' | 'problem'> = {}) {
  const { data, file, put } = store(calls);
  const world = new World();
  const records = new CallRecords();
  const histories = new Histories();
  let seen = 0;
  const observe = () => {
    for (const transition of world.transitions.slice(seen)) {
      seen++;
      const history = histories.take(transition);
      const over = records.take(transition);
      if (over !== undefined) put(storedCall(over, history));
    }
  };
  const now = () => world.clock.now();
  const control = await openControl({
    folder: data,
    core: world.core,
    calls: records,
    histories,
    past: {
      past: async (query) => file.use((table) => table.past(query)),
      find: async (callId) => file.use((table) => table.find(callId)),
      ...standing,
    },
    now,
    wall: now,
    onTrouble: (trouble) => {
      throw trouble;
    },
  });
  onTestFinished(() => control.close());
  const [alice, bob] = [world.phone('alice', '10.0.0.2'), world.phone('bob', '10.0.0.3')];
  alice.register();
  bob.register();
  const ask = (...args: string[]) => {
    observe();
    return callchart([...args, '--data', data]);
  };
  return { world, alice, bob, ask };
}

const range = (length: number) => Array.from({ length }, (_, n) => n);
const callIds = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).callId);

describe('with a server', () => {
  it('a call is told while it lives and, with all its states, when it has ended', async () => {
    const { world, alice, bob, ask } = await office([]);
    const { dialog } = callUp(world, alice, bob);
    expect(callIds((await ask('calls', '--json')).out)).toEqual([dialog.callId]);
    expect((await ask('calls', '--past')).out).toBe('no calls\n');
    world.advance(61_000);
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    expect((await ask('calls')).out).toBe('no calls\n');
    const { out } = await ask('calls', '--past');
    expect(out).toMatch(new RegExp(`1:01 +answered +${alice.aor} +${bob.aor} +${dialog.callId}\n`));
    const told = await ask('call', dialog.callId.slice(0, 5));
    expect(told.code).toBe(0);
    expect(told.out).toMatch(
      /outcome +answered \(ended by the caller, 1:01 of talk\)\n[^]*trying +INVITE of the caller\n.*ringing +180\n.*confirmed, audio +200\n.*terminating +BYE of the caller\n.*terminated +200\n$/,
    );
  });

  it('of many ended calls the newest are shown, and all are exported', async () => {
    const { ask } = await office(range(1200).map((n) => ended(n)));
    const { out, err } = await ask('calls', '--past');
    expect(out.trim().split('\n')).toHaveLength(101);
    expect(out.split('\n')[1]).toContain('call-1199@');
    expect(err).toBe('and more before these: --limit, --since, --json\n');
    expect(callIds((await ask('calls', '--past', '--json')).out)).toEqual(
      range(1200)
        .reverse()
        .map((n) => ended(n).callId),
    );
    const some = await ask('calls', '--past', '--limit', '601', '--csv');
    expect([some.out.split('\r\n').length, some.err]).toEqual([603, '']);
  });

  it('ended calls that the disk has no room for are counted', async () => {
    const { ask } = await office([ended(1)], { waiting: 64, problem: 'the disk is full' });
    const { out, err } = await ask('calls', '--past', '--json');
    expect([callIds(out), err]).toEqual([
      [ended(1).callId],
      '64 ended calls wait for the disk and are not listed\n',
    ]);
  });

  it('a call that is not found may be among those that the disk has no room for', async () => {
    const waits = async (waiting: number) => {
      const { ask } = await office([ended(1)], { waiting, problem: 'the disk is full' });
      expect((await ask('call', 'call-1')).code).toBe(0);
      return ask('call', 'nobody');
    };
    expect(await waits(64)).toMatchObject({
      code: 1,
      err: 'callchart: no call has the Call-ID nobody; 64 ended calls wait for the disk and cannot be looked up yet\n',
    });
    expect((await waits(1)).err).toMatch(/; 1 ended call waits for the disk and cannot be looked up yet\n$/);
    expect((await waits(0)).err).toMatch(/nobody\n$/);
  });

  it('one that lives goes before one that has ended; a beginning that fits both is refused', async () => {
    const { alice, bob, ask } = await office([
      ended(1, { callId: 'ab1' }),
      ended(2, { callId: 'ab2\u001b' }),
    ]);
    alice.request('INVITE', { to: bob.aor, callId: 'ab1' });
    alice.request('INVITE', { to: bob.aor, callId: 'ab3' });
    expect(JSON.parse((await ask('call', 'ab1', '--json')).out)).toMatchObject({ state: 'trying' });
    const { code, out, err } = await ask('call', 'ab');
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(
      /^callchart: these calls have a Call-ID that begins with ab; give more of it:\n {2}ab1 .*\n {2}ab3 .*\n {2}ab2\\u001b .* to sip:bob@example.org\n$/,
    );
    expect(await ask('call', 'nobody')).toMatchObject({
      code: 1,
      err: 'callchart: no call has the Call-ID nobody\n',
    });
  });

  it('live calls are chosen by user, time and number, too', async () => {
    const { alice, bob, ask } = await office([]);
    alice.request('INVITE', { to: bob.aor, callId: 'a' });
    bob.request('INVITE', { to: 'sip:carol@10.0.0.1', callId: 'b' });
    const chosen = async (...args: string[]) => (await ask('calls', '--live', '--json', ...args)).out;
    expect(callIds(await chosen('--user', 'alice'))).toEqual(['a']);
    expect(callIds(await chosen('--limit', '1'))).toHaveLength(1);
    expect(await chosen('--until', '1970-01-01T00:00Z')).toBe('');
  });
});

describe('without a server', () => {
  it('ended calls are read from the store', async () => {
    const { data } = store(range(10).map((n) => ended(n)));
    const past = async (...args: string[]) =>
      callIds((await callchart(['calls', '--past', '--json', '--data', data, ...args])).out);
    expect(await past()).toHaveLength(10);
    const [since, until] = [ended(4).startedAt, ended(6).startedAt].map((at) => new Date(at).toISOString());
    expect(await past('--since', since ?? '', '--until', until ?? '')).toEqual(
      [5, 4].map((n) => ended(n).callId),
    );
    expect(await past('--user', 'alice@example.org', '--limit', '2')).toHaveLength(2);
    const one = await callchart(['call', 'call-7', '--data', data]);
    expect([one.code, one.err]).toEqual([0, '']);
    expect(one.out).toContain('call-7@192.0.2.7');
    expect(await callchart(['call', 'call-', '--data', data])).toMatchObject({ code: 1, out: '' });
    expect(await callchart(['call', 'nobody', '--data', data])).toMatchObject({
      code: 1,
      err: `callchart: no call has the Call-ID nobody, and no server runs in ${data}\n`,
    });
  });

  function saved(transition: Numbered): unknown {
    const out = new JsonWriter();
    saveTransition(out, transition);
    return JSON.parse(out.toString());
  }

  /** Leaves a call in the log, after so many of its transitions; gives what the database would have of it. */
  function leave(data: string, callId: string, transitions: number): StoredCall | undefined {
    const dialog = { ...DIALOG, callId };
    const gone = life(BASIC_CALL, dialog).slice(0, transitions);
    const records = new CallRecords();
    const histories = new Histories();
    let stored: StoredCall | undefined;
    for (const transition of gone) {
      const over = records.take(transition);
      const history = histories.take(transition);
      if (over !== undefined) stored = storedCall(over, history);
    }
    const last = gone.at(-1);
    const kept = {
      dialog: { facts: dialog, opened: { callId }, state: last?.to, seq: last?.seq },
      told: gone.map((transition, number) => saved({ number, transition })),
      from: '',
    };
    const { log } = LiveLog.open({ folder: join(data, 'store'), durability: 'process', onTrouble: () => {} });
    putText(log, log.item(`d:${callId}`), JSON.stringify(kept));
    log.close();
    return stored;
  }

  it('a call that the last server left is told with its states, an ended one beside it', async () => {
    const { data } = store([ended(1, { callId: 'left-2' })]);
    leave(data, 'left-1@a', 2);
    const ask = (callId: string) => callchart(['call', callId, '--data', data]);
    for (const callId of ['left-1@a', 'left-1']) {
      const { code, out, err } = await ask(callId);
      expect([code, err]).toEqual([0, `no server runs in ${data}: this is what the last one left\n`]);
      expect(out).toMatch(
        /outcome +not answered; no server runs\n[^]*trying +INVITE of the caller\n.*ringing +180\n$/,
      );
    }
    expect(await ask('left-2')).toMatchObject({ code: 0, err: '' });
    expect((await ask('left')).err).toMatch(/begin[^]*\n {2}left-1@a .*\n {2}left-2 .*\n$/);
  });

  it('nobody talks in a call that nobody carries', async () => {
    const { data } = store([]);
    leave(data, 'left', 3);
    const [call, calls] = await Promise.all(
      ['call left', 'calls'].map((words) => callchart([...words.split(' '), '--data', data])),
    );
    expect(call?.out).toMatch(/\n {2}answered +.* \(after .*\)\n {2}outcome +answered; no server runs\n/);
    expect(calls?.out).toMatch(/\n\S+(?: \S+)? +- +confirmed, audio +/);
    for (const words of ['call left', 'calls']) {
      const { out } = await callchart([...words.split(' '), '--json', '--data', data]);
      expect(JSON.parse(out), words).toMatchObject({ callId: 'left', answered: expect.any(String) });
      expect(JSON.parse(out), words).not.toHaveProperty('talkMs');
    }
  });

  it('a call that ended on the way into the database is told, listed and counted, once', async () => {
    const { data, put } = store([ended(1)]);
    leave(data, 'alive', 3);
    const [late, both] = ['late', 'both'].map((callId) => leave(data, callId, 9));
    if (late === undefined || both === undefined) throw new Error('they have not ended');
    put(both);
    // as it was once kept
    const { log } = LiveLog.open({ folder: join(data, 'store'), durability: 'process', onTrouble: () => {} });
    putText(log, log.item('r:1-1'), JSON.stringify(ended(2)));
    putText(log, log.item('r:1-2'), JSON.stringify({ callId: 'no call' }));
    log.close();
    const ask = (...args: string[]) => callchart([...args, '--data', data]);
    const ids = async (...args: string[]) => callIds((await ask(...args, '--json')).out);
    const [one, two] = [ended(1).callId, ended(2).callId];
    const past = await ids('calls', '--past');
    expect(past.toSorted()).toEqual(['both', one, two, 'late'].toSorted());
    const { out } = await ask('calls', '--past', '--json');
    const started = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).started);
    expect(started).toEqual(started.toSorted().reverse());
    expect(await ids('calls', '--past', '--limit', '2')).toEqual(past.slice(0, 2));
    expect(await ids('calls', '--past', '--user', 'alice@example.org')).toEqual([two, one]);
    expect(await ids('calls', '--past', '--since', new Date(ended(2).startedAt).toISOString())).not.toContain(
      one,
    );
    for (const callId of ['late', 'both', 'lat', 'call-2'])
      expect(await ask('call', callId), callId).toMatchObject({
        code: 0,
        err: '',
        out: expect.stringMatching(/outcome +answered \(ended by the \w+, .* of talk\)\n[^]*terminated/),
      });
    expect(await ids('calls')).toEqual(['alive']);
  });

  it('without a database, what is in the log is listed', async () => {
    const data = scratchFolder();
    mkdirSync(join(data, 'store'));
    leave(data, 'late', 9);
    const past = await callchart(['calls', '--past', '--data', data]);
    expect([past.code, past.out]).toEqual([0, expect.stringMatching(/ answered .* late\n$/)]);
    expect((await callchart(['call', 'late', '--data', data])).code).toBe(0);
  });

  it('and without a store nothing can be said', async () => {
    const data = scratchFolder();
    for (const words of ['calls', 'calls --past', 'call x', 'registrations'])
      expect(await callchart([...words.split(' '), '--data', data]), words).toMatchObject({
        code: 3,
        out: '',
        err: expect.stringMatching(/^callchart: no server runs in .*\n$/),
      });
  });

  it('a store that is none is refused in one line', async () => {
    const { data } = store([]);
    writeFileSync(join(data, 'store/records.db'), 'garbage '.repeat(1000));
    expect(await callchart(['calls', '--past', '--data', data])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^callchart: .*records\.db cannot be read: .*\n$/),
    });
  });
});

it.each([
  [['call', ''], 'the Call-ID is empty'],
  [['calls', '--since', 'yesterday'], '--since: "yesterday" is not a time such as 2h'],
  [['calls', '--past', '--until', '2026-02-30'], '--until: "2026-02-30" is not a time'],
  [['calls', '--past', '--since', '1h', '--until', '2h'], 'callchart: --since 1h is not before --until 2h\n'],
  [['calls', '--live', '--past'], 'give --live or --past, not both'],
  [['calls', '--json', '--csv'], 'give --json or --csv, not both'],
  [['calls', '--limit', '0'], 'give a number of calls'],
])('%j is refused in one line, with 2', async (args, said) => {
  const { code, out, err } = await callchart([...args, '--data', scratchFolder()]);
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/^callchart: [^\n]*\n$/);
  expect(err).toContain(said);
});

describe('a point in time', () => {
  const now = Date.parse('2026-05-04T11:00:00Z');
  const local = (...parts: [number, number, number, number?, number?, number?, number?]) =>
    new Date(...parts).getTime();

  it.each<[string, number]>([
    ['2h', now - 7_200_000],
    ['1.5d', now - 129_600_000],
    ['90 min', now - 5_400_000],
    ['2026-05-04', local(2026, 4, 4)],
    ['2026-05-04T13:07', local(2026, 4, 4, 13, 7)],
    ['2026-05-04 13:07:09,042', local(2026, 4, 4, 13, 7, 9, 42)],
    ['2026-05-04T13:07:09.5Z', Date.parse('2026-05-04T13:07:09.5Z')],
    ['2026-05-04T13:07+02:00', Date.parse('2026-05-04T11:07Z')],
    ['2026-05-04T13:07-0330', Date.parse('2026-05-04T16:37Z')],
  ])('is %s', (raw, at) => expect(parseWhen(raw, now)).toBe(at));

  it('that ends something is the end of its day', () => {
    expect(parseWhen('2026-05-31', now, true)).toBe(local(2026, 5, 1));
    expect(parseWhen('2026-05-31T00:00', now, true)).toBe(local(2026, 4, 31));
  });

  it.each([
    '',
    '5',
    '2026',
    'h',
    '2 parsecs',
    '2026-13-01',
    '2026-04-31',
    '2026-05-04T25:00',
    '-2h',
    '04.05.2026',
  ])('is not %j', (raw) => expect(parseWhen(raw, now)).toBeUndefined());
});

describe('comma-separated values', () => {
  const fields = (call: StoredCall) => csvLine(endedAnswer(call));

  it('have a line of names and a value for each', () => {
    expect(CSV_HEAD).toBe(
      'callId,machine,from,to,callee,state,started,ringing,answered,ended,talkMs,outcome,status,endedBy,video,transitions,originCallId,originWhy\r\n',
    );
    expect(fields(ended(0))).toBe(
      'call-0@192.0.2.7,dialog,sip:alice@example.org,sip:bob@example.org,,terminated,2026-05-04T10:00:00.000Z,2026-05-04T10:00:00.150Z,2026-05-04T10:00:03.150Z,2026-05-04T10:01:03.150Z,60000,answered,,caller,false,5,,\r\n',
    );
  });

  it.each([
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['a\r\nb\u001b[2J', 'a\\u000d\\u000ab\\u001b[2J'],
  ])('write %j as %s', (callId, written) =>
    expect(fields(ended(0, { callId })).slice(0, written.length + 1)).toBe(`${written},`),
  );
});
