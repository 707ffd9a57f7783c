// A server that is killed before its journal was written, and those after it: what they make again of what was told.
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test, vi } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { Diary } from '../../src/journal/diary.ts';
import { DIARY_FILE, NDJSON_FILE } from '../../src/journal/journal.ts';
import { NdjsonWriter } from '../../src/journal/ndjson.ts';
import { MOST_PARTS } from '../../src/proxy/saved-forwarding.ts';
import { SEPARATOR } from '../../src/store/log-entry.ts';
import { readLogOffline } from '../../src/store/log-offline.ts';
import { Records } from '../../src/store/records.ts';
import { begin, type Call, DOMAIN, insideLines, type Kind, type Phone, register } from '../soak/calls.ts';
import { House } from '../soak/house.ts';
import { buildThread } from './records-thread.ts';

const HERE = { address: '127.0.0.1', port: 5060 };
const ALICE: Phone = { user: 'alice', address: '10.0.0.2', port: 5060 };
const BOB: Phone = { user: 'bob', address: '10.0.0.3', port: 5060 };

interface Lines {
  readonly diary: string;
  readonly ndjson: string;
}

type Style = Pick<Config['journal'], 'style' | 'detail'>;
const CLASSIC: Style = { style: 'classic', detail: 'transitions' };
const PLAIN: Style = { style: 'plain', detail: 'transitions' };
const CALLS: Style = { style: 'plain', detail: 'calls' };

const together = (a: Lines, b: Lines): Lines => ({ diary: a.diary + b.diary, ndjson: a.ndjson + b.ndjson });

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Both files, as far as they are there. */
function filesIn(folder: string): Lines {
  const text = (name: string) => readFileSync(join(folder, name), 'utf8');
  return { diary: text(DIARY_FILE), ndjson: text(NDJSON_FILE) };
}

/** A server, and the lines of all that it was told. */
class Server {
  readonly house: House;
  readonly folder: string;
  /** Writes the journal, which happens at no other time. */
  readonly flush: () => void;
  #told: Lines = { diary: '', ndjson: '' };
  #style: Style;

  constructor(house: House, folder: string, style: Style) {
    this.house = house;
    this.folder = folder;
    this.#style = style;
    const { journal } = house;
    const record = journal.record.bind(journal);
    const writer = new NdjsonWriter();
    this.flush = journal.flush.bind(journal);
    vi.spyOn(journal, 'flush').mockImplementation(() => undefined);
    vi.spyOn(journal, 'record').mockImplementation((transition) => {
      const over = record(transition);
      const { style, detail } = this.#style;
      const diary = new Diary({ style }).lines(transition);
      const line = detail === 'calls' ? '' : writer.transition(transition);
      const ndjson = over === undefined ? line : line + writer.record(over);
      this.#told = together(this.#told, { diary, ndjson });
      return over;
    });
  }

  get told(): Lines {
    return this.#told;
  }

  update(style: Style): void {
    this.#style = style;
    this.house.journal.update({ ...style, maxSize: 1e9, keep: 1 });
  }

  begin(n: number, kind: Kind): Call {
    return begin(this.house, n, kind, ALICE, BOB);
  }

  /** One part of what is kept of a dialog each. */
  get parts(): readonly (readonly string[])[] {
    const kept = readLogOffline(join(this.folder, 'store'));
    return [...kept].filter(([key]) => key.startsWith('d:')).map(([, text]) => text.split(SEPARATOR));
  }

  /** What it knows of the calls that live, by their Call-IDs. */
  get memory() {
    const { journal, histories, core } = this.house;
    const live = [...journal.calls.live()].sort((a, b) => (a.dialog.callId < b.dialog.callId ? -1 : 1));
    return live.map((record) => {
      const { callId } = record.dialog;
      const { state, seq, answeredTag, openingCseq } = core.supervisor.get(callId) ?? {};
      return { record: { ...record }, history: histories.of(callId), state, seq, answeredTag, openingCseq };
    });
  }
}

async function start(folder = emptyFolder(), style = CLASSIC): Promise<Server> {
  const house = await House.open({
    ...{ folder, at: HERE, key: 'a key' },
    config: { domains: [DOMAIN], open: true, journal: style },
  });
  // whatever a server that was killed still does comes after the test
  onTestFinished(() => house.close());
  return new Server(house, folder, style);
}

async function startWithPhones(style?: Style): Promise<Server> {
  const server = await start(undefined, style);
  register(server.house, ALICE);
  register(server.house, BOB);
  return server;
}

/** Where the server that comes next finds what this one left: in its own files, or in a copy of them. */
type Where = 'here' | 'elsewhere';
const WHERES: readonly Where[] = ['here', 'elsewhere'];

function kill({ folder }: Server, where: Where = 'elsewhere'): string {
  if (where === 'here') return folder;
  const copy = emptyFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** It is killed, and another one takes over: that one has told the same, and knows the same. */
async function successor(first: Server, where: Where): Promise<Server> {
  const { memory } = first;
  const second = await start(kill(first, where));
  expect(filesIn(second.folder)).toEqual(first.told);
  expect(second.memory).toEqual(memory);
  return second;
}

describe.each(WHERES)(
  'a server that is killed before its journal was written, and comes back %s',
  (where) => {
    async function killed() {
      const first = await startWithPhones();
      const call = first.begin(1, 'answered');
      first.begin(2, 'unreachable');
      first.flush();
      const written = filesIn(first.folder);
      first.begin(3, 'answered').end();
      first.begin(4, 'declined');
      first.house.receive(ALICE, insideLines(call, 'INVITE', 2));
      first.begin(5, 'unreachable');
      expect(filesIn(first.folder)).toEqual(written);
      return { first, memory: first.memory, folder: kill(first, where) };
    }

    it('has each line once, in order, and all that it knew', async () => {
      const { first, memory, folder } = await killed();
      const second = await start(folder);
      expect(filesIn(folder)).toEqual(first.told);
      expect(second.memory).toEqual(memory);
      expect(memory.map(({ state }) => state)).toEqual(['confirmed.media.reinvite|transfer.idle', 'ringing']);
    });

    it('has none twice when it is killed again at once', async () => {
      const { first, memory, folder } = await killed();
      const third = await start(kill(await start(folder), where));
      expect(filesIn(third.folder)).toEqual(first.told);
      expect(third.memory).toEqual(memory);
    });

    it.each(['before', 'after'])(
      'has none twice when it is killed again %s it writes its own',
      async (when) => {
        const { first, folder } = await killed();
        const second = await start(folder);
        second.begin(6, 'unreachable');
        second.begin(7, 'declined').end();
        if (when === 'after') second.flush();
        const third = await start(kill(second, where));
        expect(filesIn(third.folder)).toEqual(together(first.told, second.told));
        expect(second.told.ndjson).not.toBe('');
        const fourth = await start(kill(third, where));
        expect(filesIn(fourth.folder)).toEqual(together(first.told, second.told));
      },
    );

    it('has them once when the disk took some of them, and the last of those in part', async () => {
      const { first, folder } = await killed();
      const before = filesIn(folder);
      const path = join(folder, NDJSON_FILE);
      const missing = first.told.ndjson.slice(before.ndjson.length);
      appendFileSync(path, missing.slice(0, missing.length / 2));
      await start(folder);
      expect(filesIn(folder)).toEqual(first.told);
    });
  },
);

describe('a diary that cannot be written at the start', () => {
  function block(folder: string): void {
    renameSync(join(folder, DIARY_FILE), join(folder, 'aside'));
    mkdirSync(join(folder, DIARY_FILE));
  }

  function free(folder: string): void {
    rmdirSync(join(folder, DIARY_FILE));
    renameSync(join(folder, 'aside'), join(folder, DIARY_FILE));
  }

  async function blocked() {
    const first = await startWithPhones();
    first.begin(1, 'answered');
    first.flush();
    first.begin(2, 'unreachable');
    first.begin(3, 'declined');
    const folder = kill(first);
    block(folder);
    const second = await start(folder);
    expect(readFileSync(join(folder, NDJSON_FILE), 'utf8')).toBe(first.told.ndjson);
    return { first, second };
  }

  it.each(['nothing', 'more'])(
    'has the lines once when it can at the next one, and %s was told meanwhile',
    async (what) => {
      const { first, second } = await blocked();
      if (what === 'more') {
        second.begin(4, 'unreachable');
        second.flush();
        second.begin(5, 'declined').end();
      }
      const folder = kill(second);
      free(folder);
      const third = await start(folder);
      expect(filesIn(folder)).toEqual(together(first.told, second.told));
      const fourth = await start(kill(third));
      expect(filesIn(fourth.folder)).toEqual(together(first.told, second.told));
    },
  );

  it('has them once when it can soon after', async () => {
    const { first, second } = await blocked();
    second.begin(4, 'unreachable');
    free(second.folder);
    second.house.pass(2000);
    second.flush();
    expect(filesIn(second.folder)).toEqual(together(first.told, second.told));
    const third = await start(kill(second));
    expect(filesIn(third.folder)).toEqual(together(first.told, second.told));
  });
});

describe('a journal that is written in another way', () => {
  test.each(WHERES)('after a restart has nothing twice: %s', async (where) => {
    const first = await startWithPhones(CLASSIC);
    const call = first.begin(1, 'answered');
    first.begin(2, 'unreachable');
    first.flush();
    first.begin(3, 'declined');
    const second = await start(kill(first, where), PLAIN);
    expect(filesIn(second.folder)).toEqual(first.told);
    second.begin(4, 'declined');
    second.house.receive(ALICE, insideLines(call, 'INVITE', 2));
    const third = await start(kill(second, where), CALLS);
    expect(filesIn(third.folder)).toEqual(together(first.told, second.told));
    third.begin(5, 'unreachable');
    const fourth = await start(kill(third, where), CLASSIC);
    const all = together(together(first.told, second.told), third.told);
    expect(filesIn(fourth.folder)).toEqual(all);
    expect(all.diary).toContain('Incomming Call From');
    expect(third.told.ndjson.match(/"type"/g)).toHaveLength(1);
  });

  test.each(WHERES)('has no line of those that were written just before the end again: %s', async (where) => {
    const first = await startWithPhones(CLASSIC);
    first.begin(1, 'answered');
    first.begin(2, 'unreachable');
    first.flush();
    const second = await start(kill(first, where), PLAIN);
    expect(filesIn(second.folder)).toEqual(first.told);
  });

  test.each(WHERES)('while it runs is so from then on: %s', async (where) => {
    const first = await startWithPhones(CLASSIC);
    const call = first.begin(1, 'answered');
    first.begin(2, 'declined');
    first.update(PLAIN);
    first.begin(3, 'declined');
    first.house.receive(ALICE, insideLines(call, 'INVITE', 2));
    first.update(CALLS);
    call.end();
    first.begin(4, 'unreachable');
    const second = await start(kill(first, where), CLASSIC);
    expect(filesIn(second.folder)).toEqual(first.told);
    expect(first.told.diary).toContain('Incomming Call From');
  });
});

describe('a call of many parts', () => {
  /** Held and taken back over and over; what is said between two writes of the journal. */
  function talk({ house }: Server, call: Call, from: number, rounds: number, flush: () => void): void {
    for (let cseq = from; cseq < from + rounds; cseq++) {
      const lines = insideLines(call, 'INVITE', cseq).map((line) =>
        line.startsWith('Via:') ? line.replace('INVITE', `INVITE${cseq}`) : line,
      );
      const sent = house.receive(ALICE, [...lines, `Contact: <sip:alice@${ALICE.address}:5060>`]);
      const invite = sent.find(({ message }) => message.kind === 'request')?.message;
      if (invite === undefined) throw new Error('the INVITE did not get through');
      const headers = invite.headers.filter(({ key }) => key !== 'contact' && key !== 'max-forwards');
      house.receive(BOB, [
        'SIP/2.0 200 OK',
        ...headers.map(({ raw }) => raw),
        'Contact: <sip:bob@10.0.0.3:5060>',
      ]);
      house.pass(500);
      flush();
    }
  }

  it.each(WHERES)('is put as a whole again, and comes back as if nothing had been: %s', async (where) => {
    const first = await startWithPhones();
    const call = first.begin(1, 'answered');
    const lengths: number[] = [];
    talk(first, call, 2, 30, () => {
      first.flush();
      lengths.push(first.parts[0]?.length ?? 0);
    });
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MOST_PARTS + 1);
    expect(lengths.filter((length, n) => length < (lengths[n - 1] ?? 0)).length).toBeGreaterThan(1);
    // the first of these puts it as a whole, and is told in the same part
    for (let cseq = 40; cseq < 60 && (first.parts[0]?.length ?? 0) < MOST_PARTS; cseq++)
      talk(first, call, cseq, 1, () => first.flush());
    talk(first, call, 100, 2, () => undefined);
    expect(first.memory[0]?.history?.skipped).toBeGreaterThan(0);
    expect(first.parts[0]?.length).toBeLessThan(MOST_PARTS);
    const second = await successor(first, where);
    talk(second, call, 200, 20, () => second.flush());
    const third = await start(kill(second, where));
    expect(third.memory).toEqual(second.memory);
    expect(filesIn(third.folder)).toEqual(together(first.told, second.told));
  });

  it.each(WHERES)('is no whole again while its lines are not written: %s', async (where) => {
    const first = await startWithPhones();
    const call = first.begin(1, 'answered');
    first.flush();
    talk(first, call, 2, 30, () => undefined);
    expect(first.parts[0]?.length).toBeGreaterThan(3 * MOST_PARTS);
    await successor(first, where);
  });

  it('is told as it was when it ends in the burst behind', async () => {
    const first = await startWithPhones();
    const call = first.begin(1, 'answered');
    for (let cseq = 2; cseq < 40 && (first.parts[0]?.length ?? 0) < MOST_PARTS; cseq++)
      talk(first, call, cseq, 1, () => first.flush());
    const bye = insideLines(call, 'BYE', 300);
    const sent = first.house.receive(ALICE, bye).find(({ message }) => message.kind === 'request');
    const vias = sent?.message.headers.filter(({ key }) => key === 'via').map(({ raw }) => raw) ?? [];
    first.house.receive(BOB, ['SIP/2.0 200 OK', ...vias, ...bye.slice(2)]);
    expect(first.memory).toEqual([]);
    const second = await start(kill(first));
    expect(filesIn(second.folder)).toEqual(first.told);
  });
});

describe('an ended call that no database has confirmed', () => {
  let thread: Awaited<ReturnType<typeof buildThread>>;
  beforeAll(async () => {
    thread = await buildThread();
  });
  afterAll(() => thread.remove());

  /** From now on there is a thread for the database. */
  function withDatabase(): Records<unknown>[] {
    const opened: Records<unknown>[] = [];
    const open = Records.open.bind(Records);
    const spy = vi.spyOn(Records, 'open').mockImplementation(async (options) => {
      const records = await open({ ...options, program: thread.program });
      opened.push(records as Records<unknown>);
      return records;
    });
    onTestFinished(() => spy.mockRestore());
    return opened;
  }

  it('is stored after the restart as it would have been before, and then needed no more', async () => {
    const first = await startWithPhones();
    const call = first.begin(1, 'answered');
    first.flush();
    first.house.pass(5000);
    call.end();
    first.begin(2, 'unreachable');
    first.begin(3, 'declined');
    const ends = first.told.ndjson.split('\n').filter((line) => line.includes('"type":"call"'));
    const records = withDatabase();
    const second = await start(kill(first));
    expect(second.parts).toHaveLength(3);
    await second.house.stored();
    const { calls } = (await records[0]?.past({ limit: 10 })) ?? {};
    const talked = calls?.find(({ callId }) => callId === 'call-1@10.0.0.2');
    expect(talked).toMatchObject({
      outcome: 'answered',
      state: 'terminated',
      endedBy: 'caller',
      transitions: 5,
    });
    expect(talked?.steps.map(([, state]) => state).slice(0, 3)).toEqual([
      ...['trying', 'ringing', 'confirmed.media.audio|transfer.idle'],
    ]);
    expect(calls).toHaveLength(ends.length);
    // with the next write
    second.begin(4, 'declined');
    expect(second.parts).toHaveLength(2);
    const third = await start(kill(second));
    expect(records[1]?.waiting).toBe(0);
    expect(filesIn(third.folder)).toEqual(together(first.told, second.told));
  });

  it('is stored by the start after the next when that one has no database either', async () => {
    const first = await startWithPhones();
    first.begin(1, 'answered').end();
    const second = await start(kill(first));
    second.flush();
    second.begin(2, 'unreachable');
    const records = withDatabase();
    const third = await start(kill(second));
    await third.house.stored();
    const { calls } = (await records[0]?.past({ limit: 10 })) ?? {};
    expect(calls?.map(({ callId, outcome }) => [callId, outcome]).sort()).toEqual([
      ['call-1@10.0.0.2', 'answered'],
      ['call-2@10.0.0.2', 'unreachable'],
    ]);
    expect(filesIn(third.folder)).toEqual(together(first.told, second.told));
  });
});

describe.each(WHERES)(
  'a Call-ID that is used again in the burst in which its call has ended: %s',
  (where) => {
    /** What is said here is one burst with what is said next. */
    function say({ house }: Server, from: Phone, lines: readonly string[]): void {
      house.core.receive(Buffer.from(`${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1'), {
        ...{ transport: 'udp', localAddress: HERE.address, localPort: HERE.port },
        ...{ remoteAddress: from.address, remotePort: from.port },
      });
    }

    function invite(n: number, to: string): string[] {
      return [
        `INVITE sip:${to}@${DOMAIN} SIP/2.0`,
        `Via: SIP/2.0/UDP ${ALICE.address}:5060;branch=z9hG4bKagain${n};rport`,
        `From: <sip:alice@${DOMAIN}>;tag=again${n}`,
        `To: <sip:${to}@${DOMAIN}>`,
        'Call-ID: call-1@10.0.0.2',
        'Max-Forwards: 70',
        `CSeq: ${n} INVITE`,
        `Contact: <sip:alice@${ALICE.address}:5060>`,
      ];
    }

    it('both are told, the one that has ended and the one that lives', async () => {
      const first = await startWithPhones();
      say(first, ALICE, invite(1, 'nobody'));
      first.house.receive(ALICE, invite(2, 'bob'));
      const { memory } = await successor(first, where);
      expect(memory).toMatchObject([{ seq: 1, record: { dialog: { to: `sip:bob@${DOMAIN}` } } }]);
      expect(first.told.ndjson.match(/"type":"call"/g)).toHaveLength(1);
    });

    it('also when the first one was kept before, and the third ends too', async () => {
      const first = await startWithPhones();
      const ringing = first.begin(1, 'declined');
      first.flush();
      first.house.pass(100);
      const { receive } = first.house;
      vi.spyOn(first.house, 'receive').mockImplementationOnce((from, lines) => {
        say(first, from as Phone, lines);
        say(first, ALICE, invite(3, 'nobody'));
        return receive.call(first.house, ALICE, invite(4, 'bob'));
      });
      ringing.end();
      const { memory } = await successor(first, where);
      expect(memory).toMatchObject([{ seq: 1, record: { dialog: { to: `sip:bob@${DOMAIN}` } } }]);
      expect(first.told.ndjson.match(/"type":"call"/g)).toHaveLength(2);
    });
  },
);

test('whatever servers are killed at, one after the other, each line stands once and in order, and nothing is forgotten', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Kind>('answered', 'declined', 'cancelled', 'unreachable') },
    { weight: 3, arbitrary: fc.constant('end' as const) },
    { weight: 2, arbitrary: fc.constant('flush' as const) },
    { weight: 1, arbitrary: fc.constantFrom(CLASSIC, PLAIN, CALLS) },
    { weight: 2, arbitrary: fc.constantFrom(...WHERES) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      let server = await startWithPhones();
      let before: Lines = { diary: '', ndjson: '' };
      let n = 0;
      let live: Call[] = [];
      for (const one of [...steps, 'elsewhere'] as const) {
        if (one === 'flush') server.flush();
        else if (one === 'end') live.shift()?.end();
        else if (typeof one === 'object') server.update(one);
        else if (one === 'here' || one === 'elsewhere') {
          const { memory } = server;
          before = together(before, server.told);
          server = await start(kill(server, one));
          // what they hold on to is the server that was killed
          live = [];
          expect(filesIn(server.folder)).toEqual(before);
          expect(server.memory).toEqual(memory);
        } else live.push(server.begin(n++, one));
      }
    }),
    { numRuns: 12 },
  );
});
