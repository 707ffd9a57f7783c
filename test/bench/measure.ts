// Owns a measured window: what the server spent and the phones saw between two moments of steady load.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from './load.ts';
import { dropped, stolen, type Usage } from './proc.ts';
import { type Awake, SERVER_CORE } from './processes.ts';
import type { Server } from './server.ts';

/** Milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface Window {
  readonly calls: number;
  readonly seconds: number;
  readonly callsPerSecond: number;
  readonly cpuPerCall: number; // µs
  readonly kernelShare: number; // of the server's CPU, 0..1
  readonly otherThreadsShare: number; // of it, outside the first process's main thread
  readonly coreShare: number; // of one core, by the server
  readonly failed: number;
  readonly failures: Record<string, number>;
  readonly retransmitted: number;
  readonly repeated: number;
  readonly dropped: number;
  readonly ringDelay: Percentiles; // INVITE to 180
  readonly answerDelay: Percentiles; // INVITE to 200, less the phone's ringing
  readonly memory: number; // bytes
  readonly generatorShare: number; // of one core
  readonly othersShare: number; // of the server's core, by neither server nor spinner: noise
  readonly stolenShare: number; // of the server's core, by the host
}

export interface Subject {
  readonly name: string;
  readonly server: Server;
  readonly load: Load;
}

export function percentiles(values: number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** What is counted from one moment to another. */
export interface Mark {
  readonly at: number; // ms
  readonly usage: Usage;
  readonly completed: number;
  readonly generator: number; // µs
  readonly spun: number; // µs
  readonly stolen: number; // s
}

export function mark(subject: Subject, awake: Awake): Mark {
  const own = process.cpuUsage();
  return {
    at: performance.now(),
    usage: subject.server.usage(),
    completed: subject.load.tally.completed,
    generator: own.user + own.system,
    spun: awake.spun(),
    stolen: stolen(SERVER_CORE),
  };
}

/** Steady calls: `lead` seconds of them unmeasured, then the window, then none are left under way. */
export async function measureCalls(
  subject: Subject,
  awake: Awake,
  plan: {
    rate: number;
    lead: number;
    seconds: number;
    held: number;
    around?: (begin: boolean) => Promise<void>;
  },
): Promise<Window> {
  const { load } = subject;
  const { tally } = load;
  const ports = [...load.ports, subject.server.port];
  const before = {
    failed: tally.failed,
    retransmitted: tally.retransmitted,
    repeated: tally.repeated,
    dropped: dropped(ports),
    failures: new Map(tally.failures),
  };
  tally.ringDelays = [];
  tally.answerDelays = [];
  load.startCalling(plan.rate);
  subject.server.recount();
  await sleep(plan.lead * 500);
  awake.begin();
  await sleep(plan.lead * 500);
  await plan.around?.(true);
  tally.recording = true;
  const from = mark(subject, awake);
  await sleep(plan.seconds * 1000);
  const to = mark(subject, awake);
  awake.end();
  tally.recording = false;
  await plan.around?.(false);
  load.stop();
  await load.drain(8, plan.held);
  const failures: Record<string, number> = {};
  for (const [why, count] of tally.failures) {
    const more = count - (before.failures.get(why) ?? 0);
    if (more > 0) failures[why] = more;
  }
  return {
    ...between(from, to, to.completed - from.completed),
    failed: tally.failed - before.failed,
    failures,
    retransmitted: tally.retransmitted - before.retransmitted,
    repeated: tally.repeated - before.repeated,
    dropped: dropped(ports) - before.dropped,
    ringDelay: percentiles(tally.ringDelays),
    answerDelay: percentiles(tally.answerDelays),
  };
}

export function between(from: Mark, to: Mark, calls: number) {
  const wall = (to.at - from.at) * 1000;
  const cpu = to.usage.cpu - from.usage.cpu;
  const user = to.usage.userTicks - from.usage.userTicks;
  const system = to.usage.systemTicks - from.usage.systemTicks;
  return {
    calls,
    seconds: wall / 1e6,
    callsPerSecond: (calls * 1e6) / wall,
    cpuPerCall: cpu / calls,
    kernelShare: system / Math.max(1, user + system),
    otherThreadsShare: 1 - (to.usage.main - from.usage.main) / cpu,
    coreShare: cpu / wall,
    memory: to.usage.memory,
    generatorShare: (to.generator - from.generator) / wall,
    othersShare: Math.max(0, 1 - (cpu + to.spun - from.spun) / wall),
    stolenShare: ((to.stolen - from.stolen) * 1e6) / wall,
  };
}

/** µs per REGISTER that refreshes a binding, at a steady rate. */
export async function measureRefreshes(
  subject: Subject,
  awake: Awake,
  plan: { rate: number; seconds: number },
): Promise<number> {
  const { load, server } = subject;
  load.startRegistering(plan.rate);
  awake.begin();
  await sleep(1000);
  const from = { cpu: server.usage().cpu, done: load.tally.registered };
  await sleep(plan.seconds * 1000);
  const to = { cpu: server.usage().cpu, done: load.tally.registered };
  awake.end();
  load.stop();
  return (to.cpu - from.cpu) / (to.done - from.done);
}
