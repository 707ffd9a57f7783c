import { expect, test } from 'vitest';
import { Coalescing } from '../../src/transport/coalescing.ts';

/** A loop whose bursts take `work` ms and whose sleeps take what was asked for. */
function loop(gap: number) {
  let now = 5000;
  let rest: (() => void) | undefined;
  let slept: number[] = [];
  const coalescing = new Coalescing({
    gap: () => gap,
    now: () => now,
    afterBurst: (run) => {
      expect(rest).toBeUndefined();
      rest = run;
    },
    sleep: (ms) => {
      slept.push(ms);
      now += ms;
    },
  });
  return {
    burst(datagrams: number, work = 0) {
      for (let i = 0; i < datagrams; i++) coalescing.served();
      now += work;
      rest?.();
      rest = undefined;
    },
    wait(ms: number) {
      now += ms;
    },
    /** Sleeps since it was last asked. */
    slept(): number[] {
      const all = slept;
      slept = [];
      return all;
    },
  };
}

/** `count` datagrams, one each `apart` ms. */
function stream(on: ReturnType<typeof loop>, count: number, apart: number): void {
  for (let i = 0; i < count; i++) {
    on.burst(1);
    on.wait(apart);
  }
}

test('a server that is not busy never sleeps', () => {
  const quiet = loop(3);
  stream(quiet, 2000, 1.1);
  expect(quiet.slept()).toEqual([]);
});

test('a busy one sleeps after each burst what is left of the gap since the burst began', () => {
  const busy = loop(3);
  stream(busy, 210, 0.5);
  busy.slept();
  busy.burst(4, 0.5);
  busy.burst(4, 1);
  expect(busy.slept()).toEqual([2.5, 2]);
});

test('work that takes as long as the gap leaves nothing to sleep', () => {
  const busy = loop(3);
  stream(busy, 210, 0.5);
  busy.slept();
  busy.burst(4, 2.9);
  busy.burst(20, 3);
  busy.burst(20, 30);
  expect(busy.slept()).toEqual([]);
});

test('nobody sleeps over a socket that may hold more', () => {
  const busy = loop(3);
  stream(busy, 210, 0.5);
  busy.slept();
  busy.burst(32);
  expect(busy.slept()).toEqual([]);
  busy.burst(31);
  expect(busy.slept()).toEqual([3]);
});

test('a gap of 0 is none', () => {
  const busy = loop(0);
  stream(busy, 1000, 0.1);
  expect(busy.slept()).toEqual([]);
});

test('when fewer come again it stops within a tenth of a second of them', () => {
  const busy = loop(3);
  stream(busy, 210, 0.5);
  expect(busy.slept()).not.toEqual([]);
  stream(busy, 30, 4);
  busy.slept();
  stream(busy, 100, 4);
  expect(busy.slept()).toEqual([]);
});

test('by itself it holds the thread for about as long as it says', async () => {
  const coalescing = new Coalescing({ gap: () => 20, now: () => performance.now() });
  const burst = () => {
    const began = performance.now();
    for (let i = 0; i < 31; i++) coalescing.served();
    return new Promise<number>((done) => setImmediate(() => done(performance.now() - began)));
  };
  const took: number[] = [];
  const began = performance.now();
  while (performance.now() - began < 300) took.push(await burst());
  // the system may wake it late, never early
  expect(Math.max(...took)).toBeGreaterThan(19);
});
