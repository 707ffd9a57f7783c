// Many calls through one core under a virtual clock: what is alive, and what it costs, while they last and afterwards.
import { configSchema } from '../../src/config/config.ts';
import { Core } from '../../src/core.ts';
import { CallRecords } from '../../src/journal/call-record.ts';
import { Domains } from '../../src/routing/domains.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { VirtualClock } from '../../src/time/clock.ts';

const SERVER = { address: '10.0.0.1', port: 5060 };
const ALICE = { address: '10.0.0.2', port: 5060 };
const BOB = { address: '10.0.0.3', port: 5060 };
const SDP =
  'v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n';

type Kind = 'answered' | 'declined' | 'cancelled' | 'unreachable';

/** Runs calls of all kinds, in batches. */
class Soak {
  readonly clock = new VirtualClock(1_000_000);
  readonly records = new CallRecords();
  readonly core: Core;
  readonly outcomes = new Map<string, number>();
  bugs = 0;
  #sent: { to: string; message: SipMessage }[] = [];
  readonly #deferred: (() => void)[] = [];
  #tags = 0;

  constructor() {
    const domains = new Domains({ domains: ['example.org'] });
    domains.listensOn([SERVER]);
    this.core = new Core({
      config: configSchema.parse({
        domains: ['example.org'],
        open: true,
        limits: { transactions: 100_000_000 },
      }),
      clock: this.clock,
      wall: () => this.clock.now(),
      key: 'soak',
      newTag: () => `srv${++this.#tags}`,
      domains,
      network: {
        localFor: () => SERVER,
        sentBy: (local) => `${local.address}:${local.port}`,
        resolve: (_host, _port, done) => done(undefined),
      },
      wire: (bytes, flow) => {
        const parsed = parse(bytes);
        if (parsed.ok) this.#sent.push({ to: flow.remoteAddress, message: parsed.message });
      },
      defer: (flush) => this.#deferred.push(flush),
      observe: (transition) => {
        const record = this.records.take(transition);
        if (record === undefined) return;
        const outcome = record.outcome ?? 'none';
        this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      },
      tell: () => {},
      onActorError: () => this.bugs++,
      onBug: () => this.bugs++,
    });
    this.#in(BOB, [
      'REGISTER sip:example.org SIP/2.0',
      'Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bKreg',
      'From: <sip:bob@example.org>;tag=r',
      'To: <sip:bob@example.org>',
      'Call-ID: reg',
      'CSeq: 1 REGISTER',
      'Contact: <sip:bob@10.0.0.3:5060>;expires=7200',
    ]);
  }

  /** Puts a call into the state it is held in; gives what is needed to end it. */
  begin(n: number, kind: Kind): () => void {
    const callId = `call-${n}@10.0.0.2`;
    const to = kind === 'unreachable' ? 'sip:nobody@example.org' : 'sip:bob@example.org';
    const common = [`From: <sip:alice@example.org>;tag=a${n}`, `Call-ID: ${callId}`, 'Max-Forwards: 70'];
    const via = (method: string) => `Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK${n}${method};rport`;
    const contact = 'Contact: <sip:alice@10.0.0.2:5060>';
    const invite = [`INVITE ${to} SIP/2.0`, via('i'), ...common, `To: <${to}>`, 'CSeq: 1 INVITE', contact];
    const out = this.#in(ALICE, [...invite, 'Content-Type: application/sdp'], SDP).find(
      (s) => s.to === BOB.address,
    );
    if (out === undefined)
      return () =>
        this.#in(ALICE, [`ACK ${to} SIP/2.0`, via('i'), ...common, `To: <${to}>;tag=x`, 'CSeq: 1 ACK']);
    const answer = (status: number, body = '') =>
      this.#in(
        BOB,
        [
          `SIP/2.0 ${status} Said`,
          ...out.message.headers.filter((h) => h.key === 'via' || h.key === 'record-route').map((h) => h.raw),
          `From: <sip:alice@example.org>;tag=a${n}`,
          `To: <${to}>;tag=b${n}`,
          `Call-ID: ${callId}`,
          'CSeq: 1 INVITE',
          'Contact: <sip:bob@10.0.0.3:5060>',
          ...(body === '' ? [] : ['Content-Type: application/sdp']),
        ],
        body,
      );
    answer(180);
    if (kind === 'declined') return () => void answer(603);
    if (kind === 'cancelled') {
      return () => {
        this.#in(ALICE, [`CANCEL ${to} SIP/2.0`, via('i'), ...common, `To: <${to}>`, 'CSeq: 1 CANCEL']);
        answer(487);
      };
    }
    const ok = answer(200, SDP).find((s) => s.to === ALICE.address);
    const routes = ok?.message.all('record-route').map((value) => `Route: ${value}`) ?? [];
    const inside = [...common, ...routes, `To: <${to}>;tag=b${n}`];
    this.#in(ALICE, ['ACK sip:bob@10.0.0.3:5060 SIP/2.0', via('a'), ...inside, 'CSeq: 1 ACK']);
    return () => {
      const bye = this.#in(ALICE, [
        'BYE sip:bob@10.0.0.3:5060 SIP/2.0',
        via('b'),
        ...inside,
        'CSeq: 2 BYE',
      ]).find((s) => s.to === BOB.address);
      if (bye === undefined) throw new Error('the BYE did not get through');
      this.#in(BOB, [
        'SIP/2.0 200 OK',
        ...bye.message.headers.filter((h) => h.key === 'via').map((h) => h.raw),
        ...common.slice(0, 2),
        `To: <${to}>;tag=b${n}`,
        'CSeq: 2 BYE',
      ]);
    };
  }

  /** ms of virtual time. Bob's phone keeps registered. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.#settle();
    // What was sent meanwhile is nobody's: kept, it would look like the server's own memory.
    this.#sent = [];
  }

  get alive() {
    const { layer, supervisor } = this.core;
    const transactions = Object.values({ ...layer.size }).reduce((a, b) => a + b, 0);
    return {
      dialogs: supervisor.size,
      links: supervisor.links.size,
      transactions,
      records: this.records.size,
    };
  }

  #in(
    from: { address: string; port: number },
    lines: string[],
    body = '',
  ): { to: string; message: SipMessage }[] {
    this.#sent = [];
    const text = `${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    this.core.receive(Buffer.from(text, 'latin1'), {
      transport: 'udp',
      localAddress: SERVER.address,
      localPort: SERVER.port,
      remoteAddress: from.address,
      remotePort: from.port,
    });
    this.#settle();
    return this.#sent;
  }

  #settle(): void {
    for (let next = this.#deferred.shift(); next !== undefined; next = this.#deferred.shift()) next();
  }
}

const KINDS: Kind[] = ['answered', 'answered', 'answered', 'declined', 'cancelled', 'unreachable'];

/** MB of heap and of everything, after the garbage is gone. */
function memory(): { heap: number; rss: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, rss, external } = process.memoryUsage();
  return { heap: (heapUsed + external) / 1e6, rss: rss / 1e6 };
}

/** Throws when anything is left alive or the heap grows from call to call. */
export function soak(calls: number, held: number): void {
  const world = new Soak();
  const print = (label: string, m: { heap: number; rss: number }) =>
    process.stdout.write(
      `${label.padEnd(34)} heap ${m.heap.toFixed(1)} MB, rss ${m.rss.toFixed(0)} MB, ${JSON.stringify(world.alive)}\n`,
    );
  let n = 0;
  const batch = (size: number) => {
    const ends = Array.from({ length: size }, () => world.begin(++n, KINDS[n % KINDS.length] ?? 'answered'));
    for (const end of ends) end();
  };
  const marks: number[] = [];
  const step = Math.max(1, Math.floor(calls / 8));
  for (let round = 0; round < 8; round++) {
    for (let left = step; left > 0; left -= 500) {
      batch(Math.min(500, left));
      // The registration of an hour or two would end in a run of days: keep virtual time short.
      world.pass(40);
    }
    world.pass(40_000);
    const m = memory();
    marks.push(m.heap);
    print(`after ${n} calls`, m);
  }
  world.pass(400_000);
  const { dialogs, links, transactions, records } = world.alive;
  if (dialogs + links + transactions + records !== 0)
    throw new Error(`left alive: ${JSON.stringify(world.alive)}`);
  if (world.bugs > 0) throw new Error(`${world.bugs} errors inside`);
  const growth = ((marks.at(-1) ?? 0) - (marks[1] ?? 0)) / (6 * step);
  process.stdout.write(
    `outcomes ${JSON.stringify(Object.fromEntries(world.outcomes))}; growth ${(growth * 1e6).toFixed(1)} bytes a call\n`,
  );
  // Less is noise of the collector; a leak of one small object a call shows from a hundred thousand calls on.
  if (growth * 6 * step > 3) throw new Error(`the heap grows by ${(growth * 1e6).toFixed(1)} bytes a call`);

  const before = memory();
  const ends = Array.from({ length: held }, () => world.begin(++n, 'answered'));
  // What lingers of a call's transactions is gone after 64*T1: what is left is the live call.
  world.pass(33_000);
  const during = memory();
  print(`${held} live calls`, during);
  const perCall = ((during.heap - before.heap) * 1e6) / held;
  process.stdout.write(`${perCall.toFixed(0)} bytes of heap a live call\n`);
  if (perCall > 25_000) throw new Error(`${perCall.toFixed(0)} bytes a live call: more than 25,000`);
  for (const end of ends) end();
  world.pass(400_000);
  if (world.alive.dialogs !== 0) throw new Error(`left alive: ${JSON.stringify(world.alive)}`);
  print('all ended', memory());
}
