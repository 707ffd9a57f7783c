// Owns the processes that the benchmark starts: pinned to a core, gone when it is gone, and none but these is ended.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { alive, family, threadMicros, threadsNamed, usageOf } from './proc.ts';

export const SERVER_CORE = 0;
export const LOAD_CORE = availableParallelism() > 1 ? 1 : 0;

const has = (tool: string): boolean => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0;
const TASKSET = has('taskset');
const SETPRIV = has('setpriv');
const CHRT = has('chrt');

export const pinned = TASKSET;

/** When a process gets the processor: after everybody else, before them, or before those (real time, where we may). */
export type Turn = 'last' | 'before' | 'first' | 'sampler';

// Niceness would count only among the processes of one terminal.
const REAL_TIME = { before: '1', first: '2', sampler: '3' } as const;
export const privileged = CHRT && spawnSync('chrt', ['--rr', '1', 'true']).status === 0;

function turnOf(turn: Turn): string[] {
  if (turn === 'last') return CHRT ? ['chrt', '--idle', '0'] : ['nice', '-n', '19'];
  return privileged ? ['chrt', '--rr', REAL_TIME[turn]] : [];
}

function giveTurn(turn: Exclude<Turn, 'last'>, thread: string): void {
  if (privileged) spawnSync('chrt', ['--rr', '--pid', REAL_TIME[turn], thread], { stdio: 'ignore' });
}

/**
 * Keeps this process, the generator, off the server's core, and lets it wait for nobody: other people's work on the
 * machine then costs a run its caches, not its turns, and a generator that waits would measure its own waiting.
 */
export function settleSelf(): void {
  const self = String(process.pid);
  if (TASKSET) spawnSync('taskset', ['-a', '-c', '-p', String(LOAD_CORE), self], { stdio: 'ignore' });
  giveTurn('first', self);
}

const SAMPLER = 'v8:ProfEvntProc';

/** µs that the profiler itself took, so that nobody takes them for the server's. */
export function samplerMicros(pid: number): number {
  return threadsNamed(pid, SAMPLER).reduce((sum, thread) => sum + threadMicros(pid, thread), 0);
}

/** A real-time main thread would never be interrupted by the thread that samples it, were that not before it. */
export function letSamplerFirst(pid: number): boolean {
  const threads = threadsNamed(pid, SAMPLER);
  for (const thread of threads) giveTurn('sampler', thread);
  return threads.length > 0;
}

export class Running {
  readonly pid: number;
  readonly #child: ChildProcess;
  #over = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.on('exit', () => {
      this.#over = true;
    });
    child.on('error', () => {
      this.#over = true;
    });
  }

  get over(): boolean {
    return this.#over;
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(name);
  }

  /** SIGTERM, and SIGKILL to what is left of it and its children after `seconds`. */
  async stop(seconds = 5): Promise<void> {
    if (this.#over) return;
    const pids = family(this.pid);
    this.signal('SIGTERM');
    for (let i = 0; i < seconds * 50 && !this.#over; i += 1) await sleep(20);
    for (const pid of pids) {
      if (alive(pid)) process.kill(pid, 'SIGKILL');
    }
  }
}

const running: Running[] = [];

/** Starts a program (no shell) on a core; what it prints goes to `log`. */
export function start(
  command: readonly string[],
  core: number,
  log: string | undefined,
  settings: { cwd: string; env?: Record<string, string>; turn?: Turn },
): Running {
  const pin = TASKSET ? ['taskset', '-c', String(core)] : [];
  // when the benchmark is killed outright, the kernel ends what it started
  const leash = SETPRIV ? ['setpriv', '--pdeathsig', settings.turn === undefined ? 'TERM' : 'KILL'] : [];
  const turn = turnOf(settings.turn ?? 'first');
  const [program = '', ...args] = [...pin, ...leash, ...turn, ...command];
  const output = log === undefined ? 'ignore' : openSync(log, 'a');
  const child = spawn(program, args, {
    cwd: settings.cwd,
    env: { ...process.env, ...settings.env },
    stdio: ['ignore', output, output],
  });
  if (output !== 'ignore') closeSync(output);
  const started = new Running(child);
  running.push(started);
  return started;
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.map((one) => one.stop(2)));
}

/**
 * Spinners of the lowest priority, one a core. A core with nothing to do is halted, and on a virtual machine handed
 * back to the host: each datagram then pays for waking it, with cold caches and a low clock, and how much depends on how
 * often it is woken. With a core that is never idle runs compare: Kamailio at 200 calls/s took 290 to 306 us a call with
 * the spinner, 377 to 450 without. SCHED_IDLE gives way at once to anything else, touches no memory, and so takes
 * nothing from the server but a switch of context.
 *
 * `alone`: while a window is measured, the spinner on the server's core goes before everybody but the server. On a busy
 * machine other programs otherwise run between any two datagrams and leave the caches cold: two to three times the CPU.
 * It takes half of a two-core machine from the others, so it lasts no longer than the window.
 */
export class Awake {
  readonly #spinners: Running[];
  readonly #server: Running;
  readonly #alone: boolean;

  constructor(alone: boolean) {
    this.#alone = alone && privileged;
    const cores = LOAD_CORE === SERVER_CORE ? [SERVER_CORE] : [SERVER_CORE, LOAD_CORE];
    this.#spinners = cores.map((core) => this.#spin(core, 'last'));
    this.#server = this.#alone
      ? this.#spin(SERVER_CORE, 'before')
      : (this.#spinners[0] ?? this.#spin(SERVER_CORE, 'last'));
    if (this.#alone) this.#server.signal('SIGSTOP');
  }

  #spin(core: number, turn: Turn): Running {
    const some = 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done';
    const loop = `while kill -0 ${process.pid} 2>/dev/null; do ${some}; done`;
    return start(['sh', '-c', loop], core, undefined, { cwd: '/', turn });
  }

  begin(): void {
    if (this.#alone) this.#server.signal('SIGCONT');
  }

  end(): void {
    if (this.#alone) this.#server.signal('SIGSTOP');
  }

  /** µs that the server's core had left over: what server and spinner did not get, others took. */
  spun(): number {
    return usageOf([this.#server.pid]).cpu;
  }
}
