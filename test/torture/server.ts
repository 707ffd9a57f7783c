// The server of the torture: the program as it is installed, in a process of its own, killed and started again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallAnswer, RegistrationAnswer } from '../../src/control/answers.ts';
import { ask } from '../../src/control/client.ts';
import type { MoreAnswer } from '../../src/control/past.ts';
import { freePort } from '../wire/ports.ts';
import { Program } from '../wire/program.ts';

/** s; its leash, for a torture that is killed itself. */
const LIFE = 900;

export class Server {
  readonly bundle: string;
  readonly data = mkdtempSync(join(tmpdir(), 'callchart-torture-'));
  readonly port: number;
  readonly domain = 'torture.example';
  /** ms from its start to its word that it is ready. */
  readonly starts: number[] = [];
  /** What it said of itself that tells of trouble. */
  readonly troubles: string[] = [];
  /** Times its disk was slow, and its death cut a write short. */
  slow = 0;
  torn = 0;
  restored = { calls: 0, subscriptions: 0, bindings: 0, overdue: 0 };
  #program: Program | undefined;

  private constructor(bundle: string, port: number) {
    this.bundle = bundle;
    this.port = port;
  }

  static async place(bundle: string): Promise<Server> {
    return new Server(bundle, await freePort());
  }

  async start(): Promise<void> {
    const from = performance.now();
    this.#program = new Program(
      process.execPath,
      [
        ...[this.bundle, 'serve', '--listen', `udp:127.0.0.1:${this.port}`, '--domain', this.domain],
        ...['--data', this.data, '--log-format', 'json', '--min-expires', '1', '--journal-max-size', '2GB'],
        ...['--t1', '400ms', '--t2', '1s', '--t4', '1s'],
      ],
      { name: 'callchart', cwd: this.data, life: LIFE },
    );
    await this.#program.line(/ready/, { within: 60_000 });
    this.starts.push(performance.now() - from);
  }

  /** Ends it at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const program = this.#program;
    if (program === undefined) return;
    this.#program = undefined;
    await program.stop('SIGKILL');
    for (const line of program.lines) {
      if (!line.startsWith('{')) {
        if (!/ is ready /.test(line)) this.troubles.push(line);
      } else this.#read(JSON.parse(line));
    }
  }

  #read(line: { level: number; msg?: string; corrupt?: number; segments?: number }): void {
    const { msg = '', corrupt, segments } = line;
    // a busy machine is no fault of the server, and neither is the write that its death cut short
    if (msg.startsWith('the store is slow')) this.slow++;
    else if (msg.startsWith('the store was damaged') && corrupt === 0 && segments === 0) this.torn++;
    else if (line.level >= 40) this.troubles.push(JSON.stringify(line));
    const words = /^restored (\d+) calls?(?:, (\d+) subscriptions?)?, (\d+) bindings?, (\d+) overdue/.exec(
      line.msg ?? '',
    );
    if (words === null) return;
    const [, calls = 0, subscriptions = 0, bindings = 0, overdue = 0] = words;
    this.restored.calls += Number(calls);
    this.restored.subscriptions += Number(subscriptions);
    this.restored.bindings += Number(bindings);
    this.restored.overdue += Number(overdue);
  }

  async calls(): Promise<CallAnswer[]> {
    return (await this.#asked('calls')) as CallAnswer[];
  }

  async registrations(): Promise<RegistrationAnswer[]> {
    return (await this.#asked('registrations')) as RegistrationAnswer[];
  }

  /** All that ended, calls and subscriptions. */
  async past(): Promise<CallAnswer[]> {
    const all: CallAnswer[] = [];
    for (let after: MoreAnswer['more'] | undefined; ; ) {
      const page = (await this.#asked('past', { all: true, after })) as (CallAnswer | MoreAnswer)[];
      after = undefined;
      for (const item of page) {
        if ('more' in item) after = item.more;
        else all.push(item);
      }
      if (after === undefined) return all;
    }
  }

  async #asked(question: string, more: Record<string, unknown> = {}): Promise<unknown[]> {
    const items: unknown[] = [];
    for await (const item of ask(this.data, { ask: question, ...more }, { patience: 30_000 }))
      items.push(item);
    return items;
  }

  clear(): void {
    rmSync(this.data, { recursive: true, force: true });
  }
}
