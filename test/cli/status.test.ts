import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { said } from '../../src/cli/status.ts';
import { openControl } from '../../src/control/control.ts';
import { Histories } from '../../src/control/history.ts';
import type { StatusAnswer, StoreAnswer, Upkeep } from '../../src/control/upkeep.ts';
import { CallRecords } from '../../src/journal/call-record.ts';
import { World } from '../system/world.ts';
import { buildCommand, callchart, scratchFolder } from './command.ts';

let remove = () => {};
beforeAll(async () => {
  remove = await buildCommand();
});
afterAll(() => remove());

const NOW = Date.parse('2026-05-04T13:07:09Z');
const SERVING: StatusAnswer = {
  state: 'serving',
  ready: true,
  started: '2026-05-03T13:07:09Z',
  calls: 1,
  subscriptions: 0,
  registrations: 2,
};
const WELL: StoreAnswer = { state: 'ok', waiting: 0, ended: 0 };
const FULL = 'ENOSPC: no space left on device, write';
const DAMAGED = '/d/records.db is damaged (file is not a database); it is kept as /d/records.db.damaged-1';

describe('what is said of a server', () => {
  const COUNTS = '1 call, 0 subscriptions, 2 registrations; since .*?';
  const words = (status: Partial<StatusAnswer>) => said({ ...SERVING, ...status }, NOW);
  const is = (text: string) => new RegExp(`^${text}\n$`);

  it('that is ready', () => {
    expect(words({})).toMatch(is(`serving; ${COUNTS}`));
    expect(words({ store: WELL })).toMatch(is(`serving; ${COUNTS}; store ok`));
  });

  it('whose store is slow, or fails', () => {
    expect(words({ ready: false, store: { ...WELL, state: 'slow', waiting: 512 } })).toMatch(
      is(`serving, not ready: store slow; ${COUNTS}; store slow: 512 bytes wait for the disk`),
    );
    expect(
      words({
        ready: false,
        store: { ...WELL, state: 'failed', waiting: 1, ended: 1, problem: FULL, recordsProblem: 'full' },
      }),
    ).toMatch(
      is(
        `serving, not ready: store failed, ended calls cannot be stored; ${COUNTS}; store failed: 1 byte waits for the disk \\(${FULL}\\); 1 ended call cannot be stored: full`,
      ),
    );
  });

  it('whose database takes no ended calls, though none wait', () => {
    expect(words({ ready: false, store: { ...WELL, problem: 'full', recordsProblem: 'full' } })).toMatch(
      is(`serving, not ready: ended calls cannot be stored; ${COUNTS}; store ok; full`),
    );
  });

  it('whose database was damaged, and has made room for a new one', () => {
    const text = words({ store: { ...WELL, recordsDamaged: DAMAGED } });
    expect(text.startsWith('serving; ')).toBe(true);
    expect(text.endsWith(`; store ok; ${DAMAGED}\n`)).toBe(true);
  });

  it('that drains', () => {
    expect(words({ state: 'draining', ready: false, until: '2026-05-04T13:08:09Z' })).toMatch(
      is(`draining: nothing new is taken in, ends by .* or with the last call; ${COUNTS}`),
    );
  });
});

describe('the exit code', () => {
  async function asked(status: StatusAnswer, ...args: string[]) {
    const data = scratchFolder();
    const control = await openControl({
      folder: data,
      core: new World().core,
      calls: new CallRecords(),
      histories: new Histories(),
      upkeep: { status: () => status } as Upkeep,
      now: () => 0,
      wall: () => 0,
      onTrouble: (trouble) => {
        throw trouble;
      },
    });
    onTestFinished(() => control.close());
    return callchart(['status', '--data', data, ...args]);
  }

  it('is 0 of a server that is ready', async () => {
    expect(await asked(SERVING, '--json')).toMatchObject({ code: 0, err: '' });
  });

  it.each([[], ['--json']])('is 1 of one that answers and is not ready: %j', async (...args) => {
    const store: StoreAnswer = { ...WELL, state: 'failed', waiting: 1, problem: FULL };
    const { code, out, err } = await asked({ ...SERVING, ready: false, store }, ...args);
    expect([code, err]).toEqual([1, '']);
    if (args.length > 0) expect(JSON.parse(out)).toMatchObject({ state: 'serving', ready: false });
    else expect(out).toMatch(/^serving, not ready: store failed; /);
  });

  it('is 3 where none runs', async () => {
    expect(await callchart(['status', '--data', scratchFolder()])).toMatchObject({ code: 3, out: '' });
  });
});
