// How a server stands, and whether somebody who watches it may call it ready.
import { describe, expect, test } from 'vitest';
import { Users } from '../../src/auth/users.ts';
import { Caretaker, type CaretakerParts } from '../../src/caretaker.ts';
import { configSchema } from '../../src/config/config.ts';
import type { StoreAnswer } from '../../src/control/upkeep.ts';
import { World } from './world.ts';

function caretaker(store?: StoreAnswer) {
  const world = new World();
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3');
  const log = { info: () => undefined, warn: () => undefined };
  const it = new Caretaker({
    core: world.core,
    users: { users: new Users([]) },
    ...{ config: configSchema.parse({}), folder: '/nowhere', log, now: () => world.clock.now() },
    ...(store && { store: { standing: store, keep: () => undefined } }),
  } as unknown as CaretakerParts);
  return { caretaker: it, alice, bob };
}

const WELL: StoreAnswer = { state: 'ok', waiting: 0, ended: 0 };

describe('a server', () => {
  test('that keeps nothing is ready', () =>
    expect(caretaker().caretaker.status()).toMatchObject({ state: 'serving', ready: true }));

  test.each<[ready: boolean, what: string, store: Partial<StoreAnswer>]>([
    [true, 'does well', {}],
    [true, 'has ended calls on their way', { ended: 3 }],
    [true, 'has lost ended calls, long ago', { lost: 3 }],
    [true, 'has put a damaged database aside', { recordsDamaged: 'kept as records.db.damaged-1' }],
    [false, 'is slow', { state: 'slow', waiting: 9 }],
    [false, 'fails', { state: 'failed', waiting: 9, problem: 'ENOSPC' }],
    [false, 'has a database that takes nothing', { problem: 'full', recordsProblem: 'full' }],
  ])('is ready (%s) when its store %s', (ready, _, store) =>
    expect(caretaker({ ...WELL, ...store }).caretaker.status()).toMatchObject({ state: 'serving', ready }),
  );

  test('that drains is not ready', () => {
    const { caretaker: it, alice, bob } = caretaker(WELL);
    alice.register();
    bob.register();
    alice.request('INVITE', { to: bob.aor });
    it.drain(60_000);
    expect(it.status()).toMatchObject({ state: 'draining', ready: false, calls: 1 });
  });
});
