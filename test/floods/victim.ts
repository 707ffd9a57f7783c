// A server under flood, seen from outside: started, asked what it holds, and stopped.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Held } from './server.ts';

export class Victim {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #data: string;
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(port: number, child: ChildProcess, data: string) {
    this.port = port;
    this.#child = child;
    this.#data = data;
  }

  static async start(config: Record<string, unknown>): Promise<Victim> {
    const data = mkdtempSync(join(tmpdir(), 'callchart-floods-'));
    const whole = { listen: ['udp:127.0.0.1:0'], domains: ['example.org'], data, ...config };
    const child = fork(join(import.meta.dirname, 'server.js'), [JSON.stringify(whole)], {
      execArgv: ['--expose-gc'],
    });
    const [hello] = (await once(child, 'message')) as [{ port: number }];
    return new Victim(hello.port, child, data);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `clean`: after a collection of garbage, which holds it up. One question after the other. */
  held(clean = false): Promise<Held> {
    const answer = this.#asked.then(async () => {
      const next = once(this.#child, 'message');
      this.#child.send(clean ? 'clean' : 'look');
      return ((await next) as [Held])[0];
    });
    this.#asked = answer;
    return answer;
  }

  /** Waits until it holds what `fits`, or as long as `within` ms. */
  async until(fits: (held: Held) => boolean, within: number): Promise<Held> {
    const end = performance.now() + within;
    for (;;) {
      const held = await this.held();
      if (fits(held) || performance.now() > end) return this.held(true);
      await pause(200);
    }
  }

  async stop(): Promise<void> {
    if (this.alive) {
      const ended = once(this.#child, 'exit');
      this.#child.send('stop');
      await ended;
    }
    rmSync(this.#data, { recursive: true, force: true });
  }
}
