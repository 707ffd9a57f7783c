// The server ends when it is asked to, whatever became of those who read its words.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from './ports.ts';
import { build, bundle } from './server.ts';
import { until } from './wait.ts';

test.each([
  { log: 'read by somebody', stderr: 'pipe', leaves: false },
  { log: 'left by its reader', stderr: 'pipe', leaves: true },
  { log: 'on a full disk', stderr: '/dev/full', leaves: false },
])('SIGTERM ends it with status 0, its log $log', async ({ stderr, leaves }) => {
  build();
  const data = mkdtempSync(join(tmpdir(), 'callchart-stop-'));
  const listen = `udp:127.0.0.1:${await freePort()}`;
  const file = stderr === 'pipe' ? undefined : openSync(stderr, 'w');
  const server = spawn(
    process.execPath,
    [bundle, 'serve', '--listen', listen, '--data', data, '--log-format', 'json'],
    { stdio: ['ignore', 'pipe', file ?? 'pipe'] },
  );
  onTestFinished(() => {
    server.kill('SIGKILL');
    if (file !== undefined) closeSync(file);
    rmSync(data, { recursive: true, force: true });
  });
  let said = '';
  server.stdout?.on('data', (words: Buffer) => {
    said += words.toString();
  });
  if (leaves) server.stderr?.destroy();
  else server.stderr?.resume();
  await until('the server', () => said.includes('ready'), { within: 30_000 });
  const ended = once(server, 'exit', { signal: AbortSignal.timeout(15_000) });
  server.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
