// Builds the command line around the stub server, and runs it as people do: as a process.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const BUNDLE = join(ROOT, `node_modules/.cache/callchart/cli-${process.pid}.mjs`);

export async function buildCommand(): Promise<() => void> {
  await build({
    entryPoints: [join(ROOT, 'src/cli/main.ts')],
    outfile: BUNDLE,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    define: { __VERSION__: '"1.2.3"' },
    logLevel: 'warning',
    plugins: [
      {
        name: 'stub',
        setup: (it) =>
          it.onResolve({ filter: /\/server\.ts$/ }, () => ({
            path: join(import.meta.dirname, 'stub-server.ts'),
          })),
      },
    ],
  });
  return () => rmSync(BUNDLE, { force: true });
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stdout has matched; fails when the process ends before. */
  said(pattern: RegExp): Promise<string>;
  heard(): string;
}

/** `typed`: what stands on its stdin. */
export function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  typed?: string,
): Running {
  const { PATH = '', TZ = 'UTC' } = process.env;
  const child = spawn(process.execPath, [BUNDLE, ...args], {
    env: { PATH, TZ, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It may have ended before it read anything.
  child.stdin.on('error', () => {}).end(typed ?? '');
  onTestFinished(() => void child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const ended = new Promise<Ended>((done) =>
    child.on('close', (code, signal) => done({ code, signal, out, err })),
  );
  const said = (pattern: RegExp) =>
    new Promise<string>((done, failed) => {
      const look = () => pattern.test(out) && done(out);
      look();
      child.stdout.on('data', look);
      void ended.then(() => failed(new Error(`ended without ${pattern}: ${out}${err}`)));
    });
  return { process: child, ended, said, heard: () => out };
}

export function callchart(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return start(args, env).ended;
}

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
