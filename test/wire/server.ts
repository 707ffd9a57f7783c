// The server under test: its own process, port and data folder; its diary and its journal.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { freePort } from './ports.ts';
import { Program } from './program.ts';
import { until } from './wait.ts';

const root = join(import.meta.dirname, '../..');
/** CALLCHART names another callchart.js to be tested, an installed one for example; it is taken as it is. */
const installed = process.env.CALLCHART === undefined ? undefined : resolve(process.env.CALLCHART);
const DIARY = 'dennik-hovorov.log';
/** The callchart.js under test. */
export const bundle = installed ?? join(root, 'dist/callchart.js');

export interface ServerOptions {
  readonly host?: string;
  readonly domain?: string;
  readonly netns?: string;
  /** A second address to listen on, at the same port. */
  readonly also?: string;
  /** Further words of the command line. */
  readonly args?: readonly string[];
  /** How long the calls a test leaves behind keep it from ending; `0` when absent. */
  readonly drain?: string;
}

function newest(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce(
    (latest, entry) =>
      entry.isFile() ? Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs) : latest,
    0,
  );
}

/** Builds the bundle when a source is newer. */
export function build(): void {
  if (installed !== undefined) return;
  const sources = Math.max(newest(join(root, 'src')), newest(join(root, 'machines')));
  if (existsSync(bundle) && statSync(bundle).mtimeMs > sources) return;
  execFileSync(process.execPath, ['src/build.mjs'], { cwd: root, stdio: 'inherit' });
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

export class Server {
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly data: string;
  readonly #options: ServerOptions;
  #program: Program;

  private constructor(options: ServerOptions, host: string, port: number) {
    this.#options = options;
    this.host = host;
    this.port = port;
    this.domain = options.domain ?? host;
    this.data = mkdtempSync(join(tmpdir(), 'callchart-wire-'));
    this.#program = this.#launch();
  }

  /** Starts it and waits for its word that it serves. */
  static async start(options: ServerOptions = {}): Promise<Server> {
    build();
    const host = options.host ?? '127.0.0.1';
    const port = await freePort(2, options.netns === undefined ? host : '127.0.0.1');
    const server = new Server(options, host, port);
    await server.#ready();
    return server;
  }

  #launch(): Program {
    const { also, args = [], netns, drain = '0' } = this.#options;
    const listen = [this.host, ...(also === undefined ? [] : [also])].flatMap((host) => [
      '--listen',
      `udp:${bracketed(host)}:${this.port}`,
    ]);
    return new Program(
      process.execPath,
      [bundle, 'serve', ...listen, '--domain', this.domain, '--data', this.data, ...args],
      {
        name: 'callchart',
        cwd: this.data,
        env: { NO_COLOR: '1', CALLCHART_DRAIN_TIMEOUT: drain },
        life: 280,
        ...(netns === undefined ? {} : { netns }),
      },
    );
  }

  async #ready(): Promise<void> {
    try {
      await this.#program.line(/ready/, { within: 30_000 });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Ends it with that signal and starts it anew: same port, same data folder. */
  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#program.stop(signal);
    this.#program = this.#launch();
    await this.#ready();
  }

  get hostPort(): string {
    return `${bracketed(this.host)}:${this.port}`;
  }

  /** Everything it printed. */
  get output(): readonly string[] {
    return this.#program.lines;
  }

  get address(): { host: string; port: number } {
    return { host: this.host, port: this.port };
  }

  /** Whole lines of a file it writes: the last one may still be under way. */
  #lines(file: string): string[] {
    const path = join(this.data, file);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Lines of the diary, of one call when its Call-ID is given, without their time and Call-ID. */
  diary(callId?: string): string[] {
    return this.#lines(DIARY).flatMap((line) => {
      const found = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: (.*) \(Call-ID: (.*)\)$/.exec(line);
      if (found === null) throw new Error(`not a line of the diary: ${line}`);
      return callId === undefined || found[2] === callId ? [found[1] ?? ''] : [];
    });
  }

  /** Waits until the call's diary has as many lines as expected, then compares. */
  async wrote(callId: string, lines: readonly string[]): Promise<void> {
    await until('the diary', () => this.diary(callId).length >= lines.length).catch(() => {});
    expect(this.diary(callId)).toEqual(lines);
  }

  /** Call-IDs of all calls with that line in the diary. */
  callIds(first: string): string[] {
    return this.#lines(DIARY)
      .filter((line) => line.includes(`: ${first} (Call-ID: `))
      .map((line) => /\(Call-ID: (.*)\)$/.exec(line)?.[1] ?? '');
  }

  /** Waits for the one call whose first diary line this is; gives back its Call-ID. */
  async call(first: string): Promise<string> {
    return until(first, () => this.callIds(first).at(-1), { seen: () => this.diary().join('\n') });
  }

  /** The call's record, written when its last usage has ended. */
  async record(callId: string): Promise<Record<string, unknown>> {
    return until(`the record of ${callId}`, () =>
      this.journal(callId).find((entry) => entry.type === 'call' || entry.type === 'subscription'),
    );
  }

  /** Messages that their chart did not expect: `state: cause`. */
  unexpected(): string[] {
    return this.journal()
      .filter((entry) => JSON.stringify(entry.notes ?? []).includes('"unexpected"'))
      .map((entry) => `${String(entry.from)}: ${String(entry.cause)} (${String(entry.callId)})`);
  }

  /** Lines of its log that tell of an error. */
  errors(): string[] {
    return this.output.filter((line) => /^\{"level":[56]0,/.test(line));
  }

  /** Objects of the journal, of one call when its Call-ID is given. */
  journal(callId?: string): Record<string, unknown>[] {
    return this.#lines('journal.ndjson')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((entry) => callId === undefined || entry.callId === callId);
  }

  /** Ends it as a person would; its exit status. */
  stop(signal?: NodeJS.Signals): Promise<number> {
    return this.#program.stop(signal);
  }

  signal(signal: NodeJS.Signals): void {
    this.#program.signal(signal);
  }

  /** Its exit status when it ends by itself. */
  ended(): Promise<number> {
    return this.#program.ended();
  }

  /** Forgets what it wrote. */
  clear(): void {
    rmSync(this.data, { recursive: true, force: true });
  }
}
