// Owns a run whose calls are made by SIPp: its scenarios, its two processes, and its counters.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { between, mark, type Percentiles, percentiles, type Subject, type Window } from './measure.ts';
import { sdp } from './messages.ts';
import { type Awake, LOAD_CORE, type Running, start } from './processes.ts';

const VIA = 'Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]';
const ENDS = (
  cseq: string,
  to: string,
) => `From: <sip:[field0]@[remote_ip]:[remote_port]>;tag=[pid]c[call_number]
${to}
Call-ID: [call_id]
CSeq: ${cseq}
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70`;
const BODY = `Content-Type: application/sdp
Content-Length: [len]

${sdp(40000).replaceAll('\r\n', '\n')}`;
const SAME = `[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:[local_ip]:[local_port]>`;
const send = (text: string, attributes = '') => `<send ${attributes}><![CDATA[\n${text}\n]]></send>`;
const scenario = (name: string, steps: string[]) =>
  `<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="${name}">\n${steps.join('\n')}\n</scenario>\n`;

function callerScenario(talk: number): string {
  const callee = 'To: <sip:[field1]@[remote_ip]:[remote_port]>';
  return scenario('caller', [
    send(
      `INVITE sip:[field1]@[remote_ip]:[remote_port] SIP/2.0\n${VIA}\n${ENDS('1 INVITE', callee)}\n${BODY}`,
      'retrans="500" start_rtd="1"',
    ),
    '<recv response="100" optional="true"/><recv response="180" optional="true"/>',
    '<recv response="200" rtd="1" rrs="true"/>',
    send(`ACK [next_url] SIP/2.0\n${VIA}\n[routes]\n${ENDS('1 ACK', '[last_To:]')}\nContent-Length: 0\n`),
    `<pause milliseconds="${talk}"/>`,
    send(
      `BYE [next_url] SIP/2.0\n${VIA}\n[routes]\n${ENDS('2 BYE', '[last_To:]')}\nContent-Length: 0\n`,
      'retrans="500"',
    ),
    '<recv response="200"/>',
  ]);
}

function calleeScenario(ring: number): string {
  const bye = SAME.replace(';tag=[pid]s[call_number]', '');
  return scenario('callee', [
    '<recv request="INVITE" rrs="true"/>',
    send(`SIP/2.0 180 Ringing\n${SAME}\nContent-Length: 0\n`),
    `<pause milliseconds="${ring}"/>`,
    send(`SIP/2.0 200 OK\n${SAME}\n${BODY}`, 'retrans="500"'),
    '<recv request="ACK"/><recv request="BYE"/>',
    send(`SIP/2.0 200 OK\n${bye}\nContent-Length: 0\n`),
  ]);
}

export interface SippPlan {
  readonly rate: number;
  readonly lead: number;
  readonly seconds: number;
  readonly users: number;
  readonly ring: number;
  readonly talk: number;
  readonly calleePort: number;
  readonly turn: number;
}

interface Counters {
  readonly lines: number;
  readonly ok: number;
  readonly failed: number;
  readonly retransmitted: number;
}

export function readCounters(csv: string): Counters {
  const lines = csv.trimEnd().split('\n');
  const names = (lines[0] ?? '').split(';');
  const last = (lines.length > 1 ? (lines.at(-1) ?? '') : '').split(';');
  const value = (name: string) => Number(last[names.indexOf(name)] ?? 0);
  return {
    lines: lines.length,
    ok: value('SuccessfulCall(C)'),
    failed: value('FailedCall(C)'),
    retransmitted: value('Retransmissions(C)'),
  };
}

/** Like measureCalls. Users must be registered at `calleePort`. */
export async function measureBySipp(subject: Subject, awake: Awake, plan: SippPlan): Promise<Window> {
  const { folder, port } = subject.server;
  const file = (name: string) => path.join(folder, `sipp-${plan.turn}-${name}`);
  const users = ['SEQUENTIAL'];
  for (let i = 0; i < plan.users; i += 1)
    users.push(`u${i};u${(i + 1 + (i % (plan.users - 1))) % plan.users};`);
  writeFileSync(file('users.csv'), `${users.join('\n')}\n`);
  writeFileSync(file('caller.xml'), callerScenario(plan.talk));
  writeFileSync(file('callee.xml'), calleeScenario(plan.ring));
  const seconds = plan.lead + plan.seconds + 3;
  const common = ['-i', '127.0.0.1', '-nostdin', '-timeout', `${seconds + 20}s`, '-l', '100000'];
  const run = (...args: string[]): Running =>
    start(['sipp', ...args, ...common], LOAD_CORE, undefined, { cwd: folder, env: { TERM: 'dumb' } });
  const callee = run('-sf', file('callee.xml'), '-p', String(plan.calleePort));
  const stats = ['-trace_stat', '-stf', file('stat.csv'), '-fd', '1', '-trace_rtt', '-rtt_freq', '1000'];
  const placed = [
    '-r',
    String(plan.rate),
    '-m',
    String(Math.ceil(plan.rate * seconds)),
    '-inf',
    file('users.csv'),
  ];
  const caller = run('-sf', file('caller.xml'), ...placed, ...stats, `127.0.0.1:${port}`);

  await sleep(plan.lead * 1000);
  awake.begin();
  const first = await nextLine(file('stat.csv'));
  const from = mark(subject, awake);
  await sleep((plan.seconds - 0.5) * 1000);
  const last = await nextLine(file('stat.csv'));
  const to = mark(subject, awake);
  awake.end();
  for (let i = 0; i < 300 && !caller.over; i += 1) await sleep(50);
  const end = readCounters(readFileSync(file('stat.csv'), 'utf8'));
  await caller.stop();
  await callee.stop();
  const none: Percentiles = { p50: Number.NaN, p95: Number.NaN, p99: Number.NaN };
  return {
    ...between(from, to, last.ok - first.ok),
    failed: end.failed,
    failures: end.failed > 0 ? { 'by SIPp': end.failed } : {},
    retransmitted: end.retransmitted,
    repeated: 0,
    dropped: 0,
    ringDelay: none,
    answerDelay: answerDelays(file(`caller_${caller.pid}_rtt.csv`), plan.ring),
  };
}

/** SIPp writes its counters once a second: what is measured begins and ends with such a line. */
async function nextLine(file: string): Promise<Counters> {
  const read = (): Counters => {
    try {
      return readCounters(readFileSync(file, 'utf8'));
    } catch {
      return readCounters('');
    }
  };
  const now = read();
  for (let i = 0; i < 300; i += 1) {
    await sleep(10);
    const then = read();
    if (then.lines > now.lines) return then;
  }
  return read();
}

/** SIPp names this file after its scenario and its process (taskset and the rest keep the process's number). */
function answerDelays(file: string, ring: number): Percentiles {
  try {
    const lines = readFileSync(file, 'latin1').trimEnd().split('\n').slice(1);
    return percentiles(lines.map((line) => Number(line.split(';')[1]) - ring));
  } catch {
    return percentiles([]);
  }
}
