// Builds the program of the records' thread for the tests, and the calls that they keep.
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { StoredCall } from '../../src/store/records-call.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Beside what it needs from node_modules. */
export async function buildThread(): Promise<{ readonly program: URL; remove(): void }> {
  const outfile = join(ROOT, `node_modules/.cache/callchart/records-${process.pid}.mjs`);
  await build({
    entryPoints: [join(ROOT, 'src/store/records-worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'warning',
  });
  return { program: pathToFileURL(outfile), remove: () => rmSync(outfile, { force: true }) };
}

const NOON = Date.parse('2026-05-04T10:00:00Z');

/** The n-th of a day's calls, one a minute: rung, answered and hung up. */
export function ended(n: number, words: Partial<StoredCall> = {}): StoredCall {
  const startedAt = NOON + n * 60_000;
  return {
    callId: `call-${n}@192.0.2.7`,
    machine: 'dialog',
    from: 'sip:alice@example.org',
    to: 'sip:bob@example.org',
    startedAt,
    ringingAt: startedAt + 150,
    answeredAt: startedAt + 3150,
    endedAt: startedAt + 63_150,
    outcome: 'answered',
    endedBy: 'caller',
    video: false,
    state: 'terminated',
    transitions: 5,
    steps: [
      [0, 'trying', 'INVITE', 'caller'],
      [150, 'ringing', '180'],
      [3150, 'confirmed.media.audio|transfer.idle', '200'],
      [63_150, 'terminating', 'BYE', 'caller'],
      [63_190, 'terminated', '200'],
    ],
    skipped: 0,
    ...words,
  };
}
