// One program beside the tests (a phone, the server): its lines as they come, its end by process id.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PATIENCE, TooLate } from './wait.ts';

export interface ProgramOptions {
  /** For messages to people. */
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Name of the network namespace it lives in; the tests' own when absent. */
  readonly netns?: string;
  /** Seconds after which it ends even when the tests were killed and nobody stops it. */
  readonly life?: number;
}

export class Program {
  readonly name: string;
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #waiters = new Set<() => void>();
  readonly #closed: Promise<number>;
  #exit: number | undefined;

  constructor(command: string, args: readonly string[], options: ProgramOptions) {
    this.name = options.name;
    const inside = options.netns === undefined ? [] : ['ip', 'netns', 'exec', options.netns];
    // coreutils' timeout passes TERM on to what it runs (once, in the foreground), and is the leash for tests that die themselves.
    const words = [
      'timeout',
      '--foreground',
      '-k',
      '5',
      String(options.life ?? 120),
      ...inside,
      command,
      ...args,
    ];
    const [first = '', ...rest] = words;
    this.#child = spawn(first, rest, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.on('error', () => {}); // a write to a program that has just ended
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    this.#closed = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code) => {
        this.#exit = code ?? -1;
        this.#wake();
        resolve(this.#exit);
      });
    });
    this.#closed.catch(() => {});
  }

  #wake(): void {
    for (const look of [...this.#waiters]) look();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Writes one line to its standard input. */
  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** How many lines there are: the place to look from in `line`. */
  get here(): number {
    return this.lines.length;
  }

  /** The first line from `from` on that fits. Throws TooLate, or at once when the program ends without it. */
  line(fits: RegExp, options: { from?: number; within?: number } = {}): Promise<RegExpExecArray> {
    const within = options.within ?? PATIENCE;
    let at = options.from ?? 0;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(alarm);
        this.#waiters.delete(look);
      };
      const look = (): void => {
        for (; at < this.lines.length; at++) {
          const found = fits.exec(this.lines[at] ?? '');
          if (found === null) continue;
          done();
          resolve(found);
          return;
        }
        if (this.#exit === undefined) return;
        done();
        reject(
          new Error(
            `${this.name} ended (${this.#exit}) before ${fits}:\n${this.lines.slice(-30).join('\n')}`,
          ),
        );
      };
      const alarm = setTimeout(() => {
        done();
        reject(new TooLate(`${fits} from ${this.name}`, within, this.lines.slice(-30).join('\n')));
      }, within);
      this.#waiters.add(look);
      look();
    });
  }

  /** Resolves with the exit status when it ends by itself. Throws TooLate. */
  async ended(within = PATIENCE): Promise<number> {
    let alarm: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      alarm = setTimeout(
        () => reject(new TooLate(`${this.name} to end`, within, this.lines.slice(-30).join('\n'))),
        within,
      );
    });
    try {
      return await Promise.race([this.#closed, late]);
    } finally {
      clearTimeout(alarm);
    }
  }

  /** Ends this one process: TERM, and KILL when that is not heard. Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    if (this.#exit !== undefined) return this.#exit;
    if (signal === 'SIGKILL') this.#kill();
    else this.#child.kill(signal);
    const alarm = setTimeout(() => this.#kill(), 8_000);
    try {
      return await this.#closed;
    } finally {
      clearTimeout(alarm);
    }
  }

  /** To the program itself: its leash passes on TERM alone. */
  signal(signal: NodeJS.Signals): void {
    for (const pid of this.#children()) process.kill(pid, signal);
  }

  /** KILL cannot be passed on: it goes to the program itself, and its leash ends with it. */
  #kill(): void {
    for (const pid of this.#children()) process.kill(pid, 'SIGKILL');
  }

  #children(): number[] {
    const leash = this.#child.pid;
    if (leash === undefined || this.#exit !== undefined) return [];
    const children = readFileSync(`/proc/${leash}/task/${leash}/children`, 'latin1').trim();
    return children
      .split(' ')
      .filter((word) => word !== '')
      .map(Number);
  }
}
