import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Chance, CrashDisk, chanceOf, openOn } from './crash-disk.ts';

const FAILING = ['write', 'sync', 'truncate', 'open', 'create', 'unlink', 'syncFolder', 'read'] as const;

type Step =
  | { do: 'put'; key: string; size: number }
  | { do: 'append'; key: string; size: number }
  | { do: 'delete'; key: string }
  | { do: 'flush' }
  | { do: 'safely' }
  | { do: 'settle'; most: number }
  | { do: 'fail'; operation: (typeof FAILING)[number] }
  | { do: 'fill'; room: number }
  | { do: 'wait'; ms: number }
  | { do: 'mend' }
  | { do: 'crash'; seed: number }
  | { do: 'close' };

const key = fc.integer({ min: 0, max: 7 }).map((n) => `k${n}`);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('put' as const), key, size: fc.integer({ min: 0, max: 60 }) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant('append' as const), key, size: fc.integer({ min: 0, max: 20 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 12, arbitrary: fc.constant({ do: 'flush' as const }) },
  { weight: 4, arbitrary: fc.constant({ do: 'safely' as const }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('settle' as const), most: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      operation: fc.constantFrom(...FAILING),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fill' as const), room: fc.integer({ min: 0, max: 150 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(60, 10_000) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'mend' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), seed: fc.integer() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'close' as const }) },
) as fc.Arbitrary<Step>;

/** What a key may be after a crash: the version it was known to have at least, and any since. */
class Model {
  readonly #versions = new Map<string, (string | undefined)[]>();
  /** How many of its versions are over for good. */
  readonly #least = new Map<string, number>();

  change(key: string, text: string | undefined): void {
    this.versionsOf(key).push(text);
  }

  /** From now on nothing older may come back. */
  get marks(): ReadonlyMap<string, number> {
    return new Map([...this.#versions].map(([key, versions]) => [key, versions.length - 1]));
  }

  promise(marks: ReadonlyMap<string, number>): void {
    for (const [key, mark] of marks) this.#least.set(key, Math.max(mark, this.#least.get(key) ?? 0));
  }

  check(kept: ReadonlyMap<string, string>): void {
    for (const [key, versions] of this.#versions) {
      const possible = versions.slice(this.#least.get(key) ?? 0);
      expect(possible, key).toContain(kept.get(key));
    }
    for (const key of kept.keys()) expect([...this.#versions.keys()]).toContain(key);
  }

  /** What was read is how it is now. */
  restart(kept: ReadonlyMap<string, string>): void {
    for (const key of this.#versions.keys()) {
      this.#versions.set(key, [kept.get(key)]);
      this.#least.set(key, 0);
    }
  }

  versionsOf(key: string): (string | undefined)[] {
    const versions = this.#versions.get(key) ?? [undefined];
    this.#versions.set(key, versions);
    return versions;
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Lives {
  readonly durability: 'process' | 'power';
  readonly crash: (disk: CrashDisk, chance: Chance) => void;
  readonly isSlow: boolean;
  /** As a KeyedLog says. */
  readonly letsGo: boolean;
  /** What was flushed is there after the crash. */
  readonly isKept?: boolean;
}

function live(steps: readonly Step[], { durability, crash, isSlow, letsGo, isKept = false }: Lives): void {
  const disk = new CrashDisk();
  const model = new Model();
  let now = 0;
  let version = 0;
  let isBroken = false;
  if (isSlow)
    disk.takes = (operation) => {
      if (operation === 'write') now += 60;
    };
  const options = { durability, segmentSize: 300, compactPerFlush: 100, letsGo };
  const open = () => openOn(disk, { ...options, now: () => now });
  let { log, kept } = open();
  const wait = (ms: number) => {
    now += ms;
    vi.advanceTimersByTime(ms);
  };
  const again = () => {
    vi.clearAllTimers();
    disk.fault = () => undefined;
    disk.room = Number.POSITIVE_INFINITY;
    isBroken = false;
    ({ log, kept } = open());
    model.check(kept);
    model.restart(kept);
  };
  const act = (step: Step) => {
    switch (step.do) {
      case 'put': {
        const text = `"${++version}${'x'.repeat(step.size)}"`;
        model.change(step.key, text);
        return log.put(step.key, text);
      }
      case 'append': {
        const text = `${++version}${'y'.repeat(step.size)}`;
        const before = model.versionsOf(step.key).at(-1);
        model.change(step.key, before === undefined ? text : `${before}\x1e${text}`);
        return log.append(step.key, text);
      }
      case 'delete':
        model.change(step.key, undefined);
        return log.delete(step.key);
      case 'flush':
        now += 400;
        log.flush();
        if (isKept && !log.isBehind) model.promise(model.marks);
        return;
      case 'safely': {
        log.flush();
        const { marks } = model;
        const asked = log;
        log.safely((isSafe) => {
          if (durability === 'power' && isSafe && asked === log) model.promise(marks);
        });
        return;
      }
      case 'settle':
        return void disk.settle(step.most);
      case 'fail':
        isBroken = true;
        disk.fault = (operation) => (operation === step.operation ? 'EIO' : undefined);
        return;
      case 'fill':
        isBroken = true;
        disk.room = step.room;
        return;
      case 'wait':
        return wait(step.ms);
      case 'mend':
        disk.fault = () => undefined;
        disk.room = Number.POSITIVE_INFINITY;
        return wait(1000);
      case 'crash':
        crash(disk, chanceOf(step.seed));
        return again();
      case 'close':
        isBroken ||= log.isBehind;
        now += 1000;
        log.close();
        if (!isBroken) model.promise(model.marks);
        crash(disk, chanceOf(version));
        return again();
    }
  };
  for (const each of steps) act(each);
  act({ do: 'crash', seed: version });
  // and it is a log like any other
  act({ do: 'put', key: 'k0', size: 1 });
  act({ do: 'close' });
}

const steps = fc.array(step, { minLength: 20, maxLength: 120 });
const runs = { numRuns: Number(process.env.LOG_RUNS ?? 300) };

test('what was read once is read again, though the end of its burst did not reach the disk', () => {
  const disk = new CrashDisk();
  const open = () => openOn(disk, { durability: 'power', now: () => 0 });
  const { log } = open();
  log.put('k0', '1');
  log.flush();
  const name = disk.list()[0] ?? '';
  const end = disk.text(name).length;
  log.put('k1', '2');
  log.flush();
  const bytes = Buffer.from(disk.text(name));
  bytes.fill(0, end - 1, end + 9);
  disk.write(name, bytes);
  const first = Object.fromEntries(open().kept);
  expect(first).toEqual({ k0: '1' });
  expect(Object.fromEntries(open().kept)).toEqual(first);
});

describe('whatever is put, appended, deleted, flushed, broken and mended in any order', () => {
  test('the end of the process loses nothing that was flushed', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (each, letsGo) =>
        live(each, {
          durability: 'process',
          crash: (disk, chance) => disk.kill(chance),
          isSlow: false,
          letsGo,
          isKept: true,
        }),
      ),
      runs,
    );
  });

  test('a power failure that nothing was promised for leaves each key as it once was, none older than the start', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), fc.boolean(), (each, isSlow, letsGo) =>
        live(each, {
          durability: 'process',
          crash: (disk, chance) => disk.losePower(chance, true),
          isSlow,
          letsGo,
        }),
      ),
      runs,
    );
  });

  test('the end of the process leaves each key as it once was, on a slow disk too', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (each, letsGo) =>
        live(each, { durability: 'power', crash: (disk, chance) => disk.kill(chance), isSlow: true, letsGo }),
      ),
      runs,
    );
  });

  test('a power failure loses nothing that was said to be safe', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), fc.boolean(), (each, isSlow, letsGo) =>
        live(each, { durability: 'power', crash: (disk, chance) => disk.losePower(chance), isSlow, letsGo }),
      ),
      runs,
    );
  });
});
