// Floods against a real server: what it holds at its fullest, whether good phones are served, and what is left after.
import { EACH } from '../../src/config/memory.ts';
import { GoodPhones } from './good-phones.ts';
import { mutated, randomFrom } from './mutations.ts';
import { Sender } from './sender.ts';
import type { Held } from './server.ts';
import { Starved } from './starved.ts';
import { Victim } from './victim.ts';

const [part = '1', seed = '1', mutations] = process.argv.slice(2);
const PART = Number(part);
const SEED = Number(seed);
const MUTATIONS = Number(mutations ?? Math.round(200_000 * PART));
/** Timers a tenth of RFC 3261's, so that what lingers is gone in seconds. */
const TIMERS = { t1: '50ms', t2: '400ms', t4: '500ms', ring: '5s', cancel: '1s', retry: '2s' };
/** ms: 99 of 100 good requests are served within, above what they and the server wait for a CPU. */
const SERVED = 200;
/** MB that nobody holds any more and nobody has collected yet. */
const GARBAGE = 100;
const broken: string[] = [];

function most(count: number): number {
  return Math.max(50, Math.round(count * PART));
}

function must(what: string, holds: boolean): void {
  if (holds) return;
  broken.push(what);
  process.stdout.write(`  BROKEN: ${what}\n`);
}

function show(label: string, held: Held): void {
  const { heap, rss, calls, bindings, transactions, drops } = held;
  const counts = `${calls} calls, ${bindings} bindings, ${transactions} transactions`;
  process.stdout.write(
    `  ${label.padEnd(10)} heap ${heap.toFixed(0)} MB, rss ${rss.toFixed(0)} MB; ${counts}; dropped ${JSON.stringify(drops)}\n`,
  );
}

function within(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** `starved`: ms that others kept the server and the phones from a CPU in the worst half second. */
function judge(good: GoodPhones, starved: number): void {
  process.stdout.write(`  others had the CPU for up to ${starved.toFixed(0)} ms of half a second\n`);
  for (const [what, times] of [
    ['calls set up', good.setups],
    ['requests in calls', good.inCall],
  ] as const) {
    if (times.length === 0) continue;
    const [half, nearlyAll] = [within(times, 0.5), within(times, 0.99)];
    const worst = within(times, 1);
    process.stdout.write(
      `  good phones: ${times.length} ${what}, half within ${half.toFixed(1)} ms, 99 % within ${nearlyAll.toFixed(1)} ms, the worst ${worst.toFixed(0)} ms\n`,
    );
    must(`99 % of ${what} within ${SERVED} ms and what others had of the CPU`, nearlyAll <= SERVED + starved);
  }
  const failures = [...new Set(good.failures)].join(', ');
  must(`good phones are served: ${good.failures.length} failures (${failures})`, good.failures.length === 0);
}

interface Flood {
  readonly name: string;
  readonly config: Record<string, unknown>;
  /** Calls that stand meanwhile. */
  readonly held: number;
  /** New calls that the good phones may make meanwhile. */
  readonly calls: number;
  run(victim: Victim, fullest: () => Promise<Held>): Promise<void>;
}

/** MB that what is held may take: what the default limits are reckoned by. */
function costOf({ calls, bindings, transactions }: Held): number {
  return (calls * EACH.calls + bindings * EACH.bindings + transactions * EACH.transactions) / 1e6;
}

/** By how much is held, not by what it takes: that is what is to be found out. */
function weight({ calls, bindings, transactions }: Held): number {
  return calls + bindings + transactions;
}

/** Everything freed means: but for the two good phones' own bindings. */
function isEmpty(held: Held): boolean {
  return held.calls === 0 && held.bindings <= 2 && held.transactions === 0 && held.links === 0;
}

async function flood({ name, config, held, calls, run }: Flood): Promise<void> {
  process.stdout.write(`${name}\n`);
  const victim = await Victim.start({
    timers: TIMERS,
    registrar: { minExpires: 1, maxExpires: 20 },
    ...config,
  });
  const good = await GoodPhones.open(victim.port);
  const starving = new Starved([victim.pid, process.pid]);
  let starved = 0;
  try {
    await good.hold(held);
    const before = await victim.held(true);
    show('before', before);
    good.begin(calls);
    let fullest = before;
    const began = performance.now();
    const look = async (): Promise<Held> => {
      const held = await victim.held();
      if (weight(held) >= weight(fullest)) fullest = held;
      return held;
    };
    const looking = setInterval(() => void look(), 250);
    await run(victim, look);
    clearInterval(looking);
    await look();
    await good.rest();
    starved = starving.stop();
    process.stdout.write(`  took ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    show('fullest', fullest);
    const bound = GARBAGE + costOf(fullest);
    must(`the heap grows by no more than ${bound.toFixed(0)} MB`, fullest.heap - before.heap <= bound);
    await good.inquire();
    await good.hangUp();
    const after = await victim.until(isEmpty, 60_000);
    show('after', after);
    must('everything is freed', isEmpty(after));
    must('the heap is back where it was, to 8 MB', after.heap - before.heap <= 8);
    must('no bug showed', after.drops.bug === undefined);
    judge(good, starved);
  } finally {
    good.close();
    starving.stop();
    must('the server is alive', victim.alive);
    await victim.stop();
  }
}

function request(
  method: string,
  uri: string,
  from: Sender,
  n: number | string,
  lines: readonly string[] = [],
): string {
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from.hostPort};branch=z9hG4bKflood${n};rport`,
    'Max-Forwards: 70',
    `From: <sip:u${n}@example.org>;tag=f${n}`,
    `To: <${method === 'REGISTER' ? `sip:u${n}@example.org` : uri}>`,
    `Call-ID: flood-${n}@${from.hostPort}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:u${n}@${from.hostPort}>`,
    ...lines,
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

function tell(sender: Sender): void {
  process.stdout.write(`  answers ${JSON.stringify(Object.fromEntries([...sender.answers].sort()))}\n`);
}

await flood({
  name: `${most(100_000)} AORs from one source, ${most(20_000)} bindings allowed`,
  config: { limits: { bindings: most(20_000) + 2 } },
  held: 5,
  calls: Number.POSITIVE_INFINITY,
  run: async (victim, fullest) => {
    const sender = await Sender.open('127.0.0.66', victim.port);
    await sender.answered(most(100_000), (n) =>
      request('REGISTER', 'sip:example.org', sender, n, ['Expires: 20']),
    );
    const { bindings } = await fullest();
    await sender.quiet();
    tell(sender);
    must('no more bindings than allowed', bindings <= most(20_000) + 2);
    must('what is too much is refused with 503', (sender.answers.get(503) ?? 0) > 0);
    sender.close();
  },
});

const SLEEPER = 'sip:sleeper@example.org';

/** A phone that is registered and never says a word; and a flood of calls to it from `sources` addresses. */
async function unanswered(
  victim: Victim,
  sources: number,
  fullest: () => Promise<Held>,
  allowed: number,
): Promise<void> {
  const sleeper = await Sender.open('127.0.0.99', victim.port);
  sleeper.send(
    request('REGISTER', 'sip:example.org', sleeper, 'sleeper', ['Expires: 20']).replaceAll(
      'usleeper',
      'sleeper',
    ),
  );
  const each = Math.ceil(most(20_000) / sources);
  const senders: Sender[] = [];
  let calls = 0;
  for (let source = 0; source < sources; source++) {
    const sender = await Sender.open(`127.0.1.${1 + source}`, victim.port);
    senders.push(sender);
    await sender.answered(each, (n) => request('INVITE', SLEEPER, sender, `${source}-${n}`));
    calls = Math.max(calls, (await fullest()).calls);
  }
  await Promise.all(senders.map((sender) => sender.quiet()));
  const refused = senders.reduce((sum, { answers }) => sum + (answers.get(503) ?? 0), 0);
  for (const sender of senders) sender.close();
  process.stdout.write(`  ${refused} refused with 503; the sleeper was asked ${sleeper.asked} times\n`);
  must(`no more calls than ${allowed}`, calls <= allowed);
  must('what is too much is refused with 503', refused > 0);
  sleeper.close();
}

await flood({
  name: `${most(20_000)} INVITEs never answered from one source, ${most(1000)} calls an hour allowed to each`,
  config: { limits: { newCalls: `${most(1000)}/h` } },
  held: 0,
  calls: most(1000) / 2,
  run: (victim, fullest) => unanswered(victim, 1, fullest, most(1000) + 1),
});

await flood({
  name: `${most(20_000)} INVITEs never answered from 50 sources, ${most(2000)} calls allowed`,
  // The phone is given up after 16 s: time enough to have many of them at once.
  config: { limits: { calls: most(2000) }, timers: { ...TIMERS, t1: '250ms', t2: '2s', ring: '20s' } },
  held: 20,
  calls: 0,
  run: (victim, fullest) => unanswered(victim, 50, fullest, most(2000)),
});

const question = (sender: Sender, n: { next: number }) => () =>
  request('OPTIONS', 'sip:example.org', sender, `q${n.next++}`);

await flood({
  name: `${most(50_000)} responses to nothing`,
  config: {},
  held: 5,
  calls: Number.POSITIVE_INFINITY,
  run: async (victim, fullest) => {
    const sender = await Sender.open('127.0.0.66', victim.port);
    const count = { next: 0 };
    const spoofed = (n: number) =>
      [
        `SIP/2.0 ${[180, 200, 486, 603, 100][n % 5]} Spoofed`,
        `Via: SIP/2.0/UDP 127.0.0.1:${victim.port};branch=z9hG4bK${n.toString(36)}spoofed`,
        `Via: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bKgood${n}`,
        'From: <sip:alice@example.org>;tag=g',
        'To: <sip:bob@example.org>;tag=evil',
        `Call-ID: good-${n % 100}@127.0.0.2`,
        'CSeq: 1 INVITE',
        `Contact: <sip:evil@${sender.hostPort}>`,
        'Content-Length: 0',
        '\r\n',
      ].join('\r\n');
    await sender.unanswered(most(50_000), spoofed, question(sender, count));
    const { drops } = await fullest();
    must('all were dropped as stray', (drops['stray-response'] ?? 0) >= most(50_000) * 0.95);
    sender.close();
  },
});

await flood({
  name: `${most(50_000)} requests of a scanner`,
  config: {},
  held: 5,
  calls: Number.POSITIVE_INFINITY,
  run: async (victim, fullest) => {
    const sender = await Sender.open('127.0.0.66', victim.port);
    const asking = await Sender.open('127.0.0.67', victim.port);
    const scan = (n: number) => {
      sender.send(request('REGISTER', `sip:${n}@example.org`, sender, n, ['User-Agent: friendly-scanner']));
      return '\r\n';
    };
    await asking.unanswered(most(50_000), scan, question(asking, { next: 0 }));
    const { drops } = await fullest();
    must('a scanner hears nothing', sender.answers.size === 0);
    must('all were dropped', (drops.scanner ?? 0) >= most(50_000) * 0.95);
    sender.close();
    asking.close();
  },
});

await flood({
  name: `${MUTATIONS} damaged messages (seed ${SEED}) with 100 calls going on`,
  config: {},
  held: 100,
  calls: Number.POSITIVE_INFINITY,
  run: async (victim, fullest) => {
    const sender = await Sender.open('127.0.0.66', victim.port);
    const random = randomFrom(SEED);
    const count = { next: 0 };
    const to = 'sip:sleeper@example.org';
    const make = (n: number) => {
      const messages = [
        ...['INVITE', 'REGISTER', 'OPTIONS', 'SUBSCRIBE', 'MESSAGE', 'REFER', 'BYE', 'ACK', 'CANCEL'].map(
          (method) =>
            request(method, method === 'REGISTER' ? 'sip:example.org' : to, sender, `m${n}`, [
              'Expires: 10',
              'Event: presence',
              `Refer-To: <${to}>`,
              'Authorization: Digest username="x", realm="example.org", nonce="n", uri="sip:x", response="00000000000000000000000000000000"',
            ]),
        ),
        request('INVITE', to, sender, `m${n}`).replace(/^INVITE \S+ SIP\/2\.0/, 'SIP/2.0 200 OK'),
      ];
      return mutated(messages, random);
    };
    await sender.unanswered(MUTATIONS, make, question(sender, count));
    await fullest();
    await sender.quiet();
    tell(sender);
    sender.close();
  },
});

if (broken.length > 0) {
  process.stdout.write(`${broken.length} bounds broken:\n${broken.map((one) => `- ${one}\n`).join('')}`);
  process.exitCode = 1;
} else process.stdout.write('all bounds hold\n');
