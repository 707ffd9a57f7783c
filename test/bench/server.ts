// Owns a server under measurement: how it is started, which processes it is made of, and its end.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { isKamailio, kamailioArguments, kamailioConfig } from './kamailio.ts';
import { family, type Usage, usageOf } from './proc.ts';
import { letSamplerFirst, type Running, SERVER_CORE, samplerMicros, start } from './processes.ts';

export interface ServerPlan {
  /** `callchart`, `callchart-off`, `callchart-power`, `kamailio`, `kamailio-stock`, or a command with {port}, {data}, {node} in it. */
  readonly spec: string;
  readonly node: string;
  readonly root: string;
  /** Where it may write; made by us, one for each server. */
  readonly folder: string;
  /** File that a Node server loads first to be profiled. */
  readonly profiler?: string | undefined;
}

const CALLCHART =
  '{node} dist/callchart.js serve --listen udp:127.0.0.1:{port} --domain 127.0.0.1 --data {data} --drain-timeout 0';

/** Ours in its variants: what each is called, and what it is started with. */
const OURS: Readonly<Record<string, string>> = {
  callchart: CALLCHART,
  'callchart-off': `${CALLCHART} --durability off`,
  'callchart-power': `${CALLCHART} --durability power`,
};

export function isOurs(spec: string): boolean {
  return Object.hasOwn(OURS, spec);
}

export class Server {
  readonly port: number;
  readonly log: string;
  readonly folder: string;
  readonly #process: Running;
  #pids: number[];

  constructor(process: Running, port: number, folder: string) {
    this.#process = process;
    this.port = port;
    this.folder = folder;
    this.log = path.join(folder, 'server.log');
    this.#pids = [process.pid];
  }

  get dead(): boolean {
    return this.#process.over;
  }

  usage(): Usage {
    return usageOf(this.#pids);
  }

  /** Looks its processes up anew: Kamailio forks for a while after it first answers. */
  recount(): void {
    this.#pids = family(this.#process.pid);
  }

  /** Begins the next profile; the server's process makes it. */
  async beginProfile(sampled: boolean): Promise<void> {
    this.#process.signal('SIGUSR2');
    for (let i = 0; sampled && i < 250 && !letSamplerFirst(this.#process.pid); i += 1) await sleep(20);
  }

  /** Ends it, and waits until it is there. */
  async endProfile(file: string): Promise<void> {
    this.#process.signal('SIGUSR2');
    for (let i = 0; i < 500 && !existsSync(file); i += 1) await sleep(20);
  }

  get samplerMicros(): number {
    return samplerMicros(this.#process.pid);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}

export async function startServer(plan: ServerPlan): Promise<Server> {
  const port = await freePort();
  const data = path.join(plan.folder, 'data');
  mkdirSync(data, { recursive: true });
  const command = commandOf(plan, port, data);
  const env: Record<string, string> = {};
  if (plan.profiler !== undefined) {
    env.NODE_OPTIONS = `--import=${pathToFileURL(plan.profiler).href}`;
    env.BENCH_OF_PROFILES = plan.folder;
  }
  const log = path.join(plan.folder, 'server.log');
  return new Server(start(command, SERVER_CORE, log, { cwd: plan.root, env }), port, plan.folder);
}

function commandOf(plan: ServerPlan, port: number, data: string): string[] {
  if (isKamailio(plan.spec)) {
    const config = path.join(plan.folder, 'kamailio.cfg');
    writeFileSync(config, kamailioConfig(port));
    return ['kamailio', ...kamailioArguments(plan.spec), '-Y', data, '-w', data, '-f', config];
  }
  const template = OURS[plan.spec] ?? plan.spec;
  const values: Record<string, string> = { port: String(port), data, node: plan.node };
  return template
    .split(/\s+/)
    .map((word) => word.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole));
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}
