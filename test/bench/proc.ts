// Owns what /proc says: CPU and memory of a server's processes, the state of a core, datagrams lost at a socket.
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** CPU of all threads of all processes, in µs. */
  readonly cpu: number;
  /** CPU of the first process's main thread, in µs. */
  readonly main: number;
  /** Share of it spent in the kernel, in clock ticks of 10 ms: good for a share only. */
  readonly userTicks: number;
  readonly systemTicks: number;
  /** Bytes, pages shared between the processes counted once. */
  readonly memory: number;
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Fields of /proc/PID/stat from the third on: a process's name may hold blanks and brackets. */
function statFields(path: string): string[] {
  const text = tryRead(path);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

export function alive(pid: number): boolean {
  const state = statFields(`/proc/${pid}/stat`)[0];
  return state !== undefined && state !== '' && state !== 'Z';
}

/** Thread ids; the kernel cuts names after 15 characters. */
export function threadsNamed(pid: number, name: string): string[] {
  return list(`/proc/${pid}/task`).filter(
    (thread) => tryRead(`/proc/${pid}/task/${thread}/comm`).trimEnd() === name.slice(0, 15),
  );
}

/** `pid` and all that descend from it. */
export function family(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of list('/proc')) {
    if (/^\d+$/.test(entry)) parents.set(Number(entry), Number(statFields(`/proc/${entry}/stat`)[1]));
  }
  const found = [pid];
  for (const one of found) {
    for (const [child, parent] of parents) if (parent === one) found.push(child);
  }
  return found;
}

/** utime + stime, but of ns rather than ticks where the kernel keeps them: ticks are too coarse for a short window. */
export function threadMicros(pid: number, thread: string): number {
  const ns = tryRead(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? '';
  if (ns !== '') return Number(ns) / 1000;
  const fields = statFields(`/proc/${pid}/task/${thread}/stat`);
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10_000;
}

export function usageOf(pids: readonly number[]): Usage {
  let cpu = 0;
  let main = 0;
  let userTicks = 0;
  let systemTicks = 0;
  let memory = 0;
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      const micros = threadMicros(pid, thread);
      cpu += micros;
      if (pid === pids[0] && Number(thread) === pid) main = micros;
    }
    const fields = statFields(`/proc/${pid}/stat`);
    userTicks += Number(fields[11] ?? 0);
    systemTicks += Number(fields[12] ?? 0);
    memory += memoryOf(pid);
  }
  return { cpu, main, userTicks, systemTicks, memory };
}

function memoryOf(pid: number): number {
  const pss = /^Pss:\s+(\d+) kB/m.exec(tryRead(`/proc/${pid}/smaps_rollup`))?.[1];
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(tryRead(`/proc/${pid}/status`))?.[1];
  return Number(pss ?? rss ?? 0) * 1024;
}

/** Seconds since boot that the host took away from this core (a virtual machine's steal). */
export function stolen(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(tryRead('/proc/stat'))?.[1] ?? '';
  return Number(line.split(' ')[7] ?? 0) / 100;
}

/** Datagrams that the kernel threw away because a socket's buffer was full, by local port. */
export function dropped(ports: readonly number[]): number {
  let sum = 0;
  for (const line of tryRead('/proc/net/udp').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const port = Number.parseInt(fields[1]?.split(':')[1] ?? '0', 16);
    if (ports.includes(port)) sum += Number(fields[12] ?? 0);
  }
  return sum;
}
