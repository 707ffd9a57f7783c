// Ended calls that no database has taken wait in the store, for days perhaps: the journal had their lines long ago.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { begin, DOMAIN, type Phone, register } from '../soak/calls.ts';
import { House } from '../soak/house.ts';

const ALICE: Phone = { user: 'alice', address: '10.0.0.2', port: 5060 };
const BOB: Phone = { user: 'bob', address: '10.0.0.3', port: 5060 };
const CALLS = 100;

test('after a crash the last lines are completed, and those that were rotated away do not come again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-records-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const open = () =>
    House.open({
      folder,
      at: { address: '10.0.0.1', port: 5060 },
      key: 'a key for tests',
      config: { domains: [DOMAIN], open: true, journal: { maxSize: '10KB', keep: 1 } },
    });
  // Beside the sources there is no program for the database's thread: nothing is ever stored.
  const killed = await open();
  register(killed, BOB);
  for (let n = 0; n < CALLS; n++) begin(killed, n, 'answered', ALICE, BOB).end();
  const after = await open();
  onTestFinished(() => after.close());
  const lines = ['.1', '']
    .flatMap((suffix) => readFileSync(join(folder, `journal.ndjson${suffix}`), 'utf8').split('\n'))
    .filter((line) => line.includes('"type":"call"'))
    .map((line) => JSON.parse(line).callId as string);
  const first = Number(/^call-(\d+)@/.exec(lines[0] ?? '')?.[1]);
  expect(first).toBeGreaterThan(CALLS / 2);
  const expected = Array.from({ length: CALLS - first }, (_, n) => `call-${first + n}@${ALICE.address}`);
  expect(lines).toEqual(expected);
});
