// A store as a version left it that kept of each call its record, its history and the journal's lines themselves.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { readLogOffline } from '../../src/store/log-offline.ts';
import { Records } from '../../src/store/records.ts';
import { begin, DOMAIN, type Phone, register } from '../soak/calls.ts';
import { House } from '../soak/house.ts';
import { buildThread } from './records-thread.ts';

const GOLDEN = join(import.meta.dirname, 'golden/kept-v1');
const DIARY = readFileSync(join(GOLDEN, 'diary.txt'), 'utf8');
const NDJSON = readFileSync(join(GOLDEN, 'ndjson.txt'), 'utf8');

const ALICE: Phone = { user: 'alice', address: '10.0.0.2', port: 5060 };
const BOB: Phone = { user: 'bob', address: '10.0.0.3', port: 5060 };

/** When its server was killed, wall ms. */
const KILLED_AT = 1_795_418_005_852;
const CALLED_AT = 1_795_418_003_274;
const REINVITED_AT = 1_795_418_005_774;
const RANG_AT = 1_795_418_005_474;

const AUDIO = 'confirmed.media.audio|transfer.idle';
const REINVITE = 'confirmed.media.reinvite|transfer.idle';

const parties = (callId: string) => ({
  ...{ callId, machine: 'dialog', from: `sip:alice@${DOMAIN}`, to: `sip:bob@${DOMAIN}` },
});

/** As its server had them. */
const RECORDS = [
  {
    dialog: parties('call-1@10.0.0.2'),
    ...{ state: REINVITE, startedAt: CALLED_AT, ringingAt: CALLED_AT, answeredAt: CALLED_AT },
    ...{ video: false, transitions: 4 },
  },
  {
    dialog: parties('call-3@10.0.0.2'),
    ...{ state: 'ringing', startedAt: RANG_AT, ringingAt: RANG_AT, video: false, transitions: 2 },
  },
];
const HISTORIES = [
  {
    steps: [
      { at: CALLED_AT, to: 'trying', cause: 'INVITE', by: 'caller' },
      { at: CALLED_AT, to: 'ringing', cause: '180' },
      { at: CALLED_AT, to: AUDIO, cause: '200' },
      { at: REINVITED_AT, to: REINVITE, cause: 'INVITE', by: 'caller' },
    ],
    skipped: 0,
  },
  {
    steps: [
      { at: RANG_AT, to: 'trying', cause: 'INVITE', by: 'caller' },
      { at: RANG_AT, to: 'ringing', cause: '180' },
    ],
    skipped: 0,
  },
];

let thread: Awaited<ReturnType<typeof buildThread>>;
beforeAll(async () => {
  thread = await buildThread();
});
afterAll(() => thread.remove());

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: KILLED_AT + 2000 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A data folder with that store, and files of the journal that have these lines. */
function golden(diary = '', ndjson = ''): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'store'));
  for (const name of readdirSync(GOLDEN).filter((name) => name.startsWith('live-')))
    cpSync(join(GOLDEN, name), join(folder, 'store', name.replace('.txt', '.log')));
  writeFileSync(join(folder, 'dennik-hovorov.log'), diary);
  writeFileSync(join(folder, 'journal.ndjson'), ndjson);
  return folder;
}

function copyOf(folder: string): string {
  const copy = emptyFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
}

async function open(folder: string): Promise<House> {
  const at = { address: '127.0.0.1', port: 5060 };
  const house = await House.open({ folder, at, key: 'a key', config: { domains: [DOMAIN], open: true } });
  onTestFinished(() => house.close());
  // what it sends at the start
  house.pass(10);
  return house;
}

function filesIn(folder: string) {
  return ['dennik-hovorov.log', 'journal.ndjson'].map((name) => readFileSync(join(folder, name), 'utf8'));
}

function keysIn(folder: string): string[] {
  return [...readLogOffline(join(folder, 'store')).keys()];
}

function memory({ journal, histories }: House) {
  const records = [...journal.calls.live()].sort((a, b) => a.startedAt - b.startedAt);
  return { records, histories: records.map(({ dialog }) => histories.of(dialog.callId)) };
}

test('its calls and bindings are there as they were', async () => {
  const house = await open(golden());
  expect(memory(house)).toEqual({ records: RECORDS, histories: HISTORIES });
  const { supervisor, location } = house.core;
  expect([...supervisor.dialogs()].map(({ callId, state, seq }) => [callId, state, seq]).sort()).toEqual([
    ['call-1@10.0.0.2', REINVITE, 4],
    ['call-3@10.0.0.2', 'ringing', 2],
  ]);
  expect([...location.all()].map(({ aor }) => aor).sort()).toEqual([
    ...[`sip:alice@${DOMAIN}`, `sip:bob@${DOMAIN}`],
  ]);
  expect(house.bugs).toBe(0);
});

/** Alice gives up the call that rings, and her phone hangs up the other one. */
function cancelAndHangUp(house: House): void {
  const inside = (n: number, cseq: string, tag: string) => [
    `From: <sip:alice@${DOMAIN}>;tag=a${n}`,
    `To: <sip:bob@${DOMAIN}>${tag}`,
    `Call-ID: call-${n}@${ALICE.address}`,
    `CSeq: ${cseq}`,
  ];
  const via = (branch: string) => `Via: SIP/2.0/UDP ${ALICE.address}:5060;branch=z9hG4bK${branch};rport`;
  const answer = (sent: ReturnType<House['receive']>, method: string, lines: readonly string[]) => {
    const request = sent.find(({ to, message }) => to === BOB.address && message.kind === 'request')?.message;
    if (request?.kind !== 'request' || request.method !== method) throw new Error(`Bob got no ${method}`);
    const vias = request.headers.filter(({ key }) => key === 'via').map(({ raw }) => raw);
    return house.receive(BOB, [...lines.slice(0, 1), ...vias, ...lines.slice(1)]);
  };
  const max = 'Max-Forwards: 70';
  const cancel = [`CANCEL sip:bob@${DOMAIN} SIP/2.0`, via('3i'), max, ...inside(3, '1 CANCEL', '')];
  // a CANCEL has the Via of one hop alone
  const refusal = ['SIP/2.0 487 Terminated', via('3i'), ...inside(3, '1 INVITE', ';tag=b3')];
  const heard = answer(house.receive(ALICE, cancel), 'CANCEL', refusal);
  expect(heard.some(({ to, message }) => to === ALICE.address && message.kind === 'response')).toBe(true);
  const bye = [`BYE sip:bob@${BOB.address}:5060 SIP/2.0`, via('bye'), max, ...inside(1, '3 BYE', ';tag=b1')];
  answer(house.receive(ALICE, bye), 'BYE', ['SIP/2.0 200 OK', ...inside(1, '3 BYE', ';tag=b1')]);
}

test('its INVITE is still under way, and its calls end as any other', async () => {
  const folder = golden();
  const house = await open(folder);
  house.pass(1000);
  cancelAndHangUp(house);
  expect(house.bugs).toBe(0);
  expect(memory(house).records).toEqual([]);
  // what was told since is made again of what stands behind that of the version before
  const [diary = '', ndjson = ''] = filesIn(await copyAndOpen(folder));
  expect(diary.slice(0, DIARY.length)).toBe(DIARY);
  expect(sorted(ndjson.slice(0, NDJSON.length))).toEqual(sorted(NDJSON));
  const lines = ndjson.slice(NDJSON.length).trimEnd().split('\n');
  house.journal.flush();
  expect(filesIn(folder)).toEqual([diary, ndjson]);
  const ends = lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'call');
  expect(ends).toMatchObject([
    { callId: 'call-3@10.0.0.2', outcome: 'cancelled', transitions: 4 },
    { callId: 'call-1@10.0.0.2', outcome: 'answered', endedBy: 'caller', transitions: 6 },
  ]);
  expect(ends.map(({ started }) => Date.parse(started))).toEqual([RANG_AT, CALLED_AT]);
});

async function copyAndOpen(folder: string): Promise<string> {
  const copy = copyOf(folder);
  await open(copy);
  return copy;
}

test('a call of it that goes on is kept with all there was before', async () => {
  const folder = golden();
  const house = await open(folder);
  const sent = house.receive(ALICE, [
    `INFO sip:bob@${BOB.address}:5060 SIP/2.0`,
    `Via: SIP/2.0/UDP ${ALICE.address}:5060;branch=z9hG4bKinfo;rport`,
    'Max-Forwards: 70',
    `From: <sip:alice@${DOMAIN}>;tag=a1`,
    `To: <sip:bob@${DOMAIN}>;tag=b1`,
    'Call-ID: call-1@10.0.0.2',
    'CSeq: 3 INFO',
  ]);
  expect(sent).toHaveLength(1);
  house.pass(185_000);
  const again = await open(copyOf(folder));
  expect(memory(again)).toEqual(memory(house));
});

const sorted = (text = '') => text.split('\n').sort();
const DIARY_LINES = DIARY.split(/(?<=\n)/);
const NDJSON_LINES = NDJSON.split(/(?<=\n)/);

test.each([
  ['none', '', ''],
  ['some', DIARY_LINES.slice(0, 2).join(''), NDJSON_LINES.slice(0, 3).join('')],
  ['half a line', DIARY_LINES[0]?.slice(0, 40) ?? '', NDJSON_LINES[0]?.slice(0, 40) ?? ''],
  ['all', DIARY, NDJSON],
])(
  'the lines of which %s had reached the files stand there once, however often it is killed',
  async (_, diary, ndjson) => {
    const older = ['of a window before\n', '{"seq":0}\n'];
    let folder = golden(older[0] + diary, older[1] + ndjson);
    for (let start = 0; start < 3; start++) {
      const house = await open(folder);
      const [inDiary, inNdjson] = filesIn(folder);
      expect(inDiary).toBe(older[0] + DIARY);
      // records had no place among the lines
      expect(sorted(inNdjson)).toEqual(sorted(older[1] + NDJSON));
      if (start === 1) house.journal.flush();
      folder = copyOf(folder);
    }
  },
);

test('its ended calls are stored, and nothing of them or of its lines stays in the store', async () => {
  const real = Records.open.bind(Records);
  const opened: Records<unknown>[] = [];
  const spy = vi.spyOn(Records, 'open').mockImplementation(async (options) => {
    const records = await real({ ...options, program: thread.program });
    opened.push(records as Records<unknown>);
    return records;
  });
  onTestFinished(() => spy.mockRestore());
  const folder = golden();
  const before = keysIn(folder);
  expect(before.filter((key) => key.startsWith('r:'))).toHaveLength(2);
  expect(before.filter((key) => key.startsWith('j:'))).toHaveLength(8);
  const house = await open(folder);
  await house.stored();
  const { calls } = (await opened[0]?.past({ limit: 10 })) ?? {};
  expect(calls?.map(({ callId, outcome, status }) => [callId, outcome, status]).sort()).toEqual([
    ['call-2@10.0.0.2', 'unreachable', 480],
    ['call-4@10.0.0.2', 'unreachable', 480],
  ]);
  register(house, ALICE);
  expect(keysIn(folder).filter((key) => /^[jr]:/.test(key))).toEqual([]);
  expect(keysIn(folder).filter((key) => key.startsWith('d:'))).toHaveLength(2);
  cancelAndHangUp(house);
  begin(house, 5, 'declined', ALICE, BOB);
  await house.stored();
  house.journal.flush();
  begin(house, 6, 'declined', ALICE, BOB);
  const live = keysIn(folder).filter((key) => key.startsWith('d:'));
  expect(live).toHaveLength(2);
  expect(live.filter((key) => before.includes(key))).toEqual([]);
});
