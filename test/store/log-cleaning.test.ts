import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LiveLogOptions } from '../../src/store/live-log.ts';
import { CrashDisk, chanceOf, openOn } from './crash-disk.ts';
import type { KeyedLog } from './keyed-log.ts';

const SEGMENT = 20_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function start(options: Partial<LiveLogOptions> = {}) {
  const disk = new CrashDisk();
  let now = 0;
  const wait = (ms: number) => {
    now += ms;
    vi.advanceTimersByTime(ms);
  };
  /** Ends what is under way, and waits until the next round of syncing may begin. */
  const rest = () => {
    disk.settle();
    wait(10_000);
  };
  const open = () =>
    openOn(disk, { segmentSize: SEGMENT, compactPerFlush: 1000, now: () => now, ...options });
  return { disk, open, log: open().log, wait, rest };
}

const text = (n: number, size = 80) => `"${n}${'x'.repeat(size)}"`;

describe('the log stays small', () => {
  test('when the same keys are put again and again: a few segments', () => {
    const { disk, log, open, rest } = start();
    let most = 0;
    for (let n = 0; n < 20_000; n++) {
      log.put(`k${n % 50}`, text(n));
      log.flush();
      if (n % 10 === 0) rest();
      most = Math.max(most, disk.list().length);
    }
    expect(most).toBeLessThanOrEqual(4);
    expect([...open().kept.values()]).toEqual(Array.from({ length: 50 }, (_, n) => text(19_950 + n)));
  });

  test('when most keys are put once and stay: they are carried along in their order', () => {
    const { disk, log, open, wait } = start();
    const expected = new Map<string, string>();
    const put = (key: string, n: number) => {
      log.put(key, text(n));
      expected.delete(key);
      expected.set(key, text(n));
      log.flush();
      disk.settle(2);
      wait(10_000);
    };
    const chance = chanceOf(1);
    for (let n = 0; n < 1000; n++) put(`stays${n}`, n);
    let most = 0;
    for (let n = 0; n < 20_000; n++) {
      put(`changes${Math.floor(chance() * 20)}`, n);
      if (n % 7 === 0 && n < 3500) {
        const key = `stays${n / 7}`;
        log.delete(key);
        expected.delete(key);
      }
      most = Math.max(most, disk.size());
    }
    const alive = 1000 * 120;
    expect(most).toBeLessThan(4 * alive);
    expect(log.counts.carried).toBeGreaterThan(0);
    expect(log.counts.corrupt).toBe(0);
    log.flush();
    expect([...open().kept]).toEqual([...expected]);
  });

  test('when everything is deleted, and it does not come back', () => {
    const { disk, log, open, rest } = start();
    for (let n = 0; n < 5000; n++) {
      log.put(`k${n}`, text(n));
      log.flush();
      if (n >= 20) log.delete(`k${n - 20}`);
      rest();
    }
    for (let n = 4980; n < 5000; n++) log.delete(`k${n}`);
    log.flush();
    rest();
    log.flush();
    rest();
    expect(disk.list().length).toBeLessThanOrEqual(3);
    expect(open().kept.size).toBe(0);
  });

  test('with lines longer than the pieces it is read in', () => {
    const { disk, log, open, rest } = start({ segmentSize: 400_000 });
    log.put('long', text(0, 200_000));
    for (let n = 0; n < 60; n++) {
      log.put(`k${n % 3}`, text(n, 50_000));
      log.flush();
      rest();
    }
    expect(log.counts.carried).toBeGreaterThan(0);
    expect(disk.list().length).toBeLessThanOrEqual(4);
    expect(open().kept.get('long')).toHaveLength(200_003);
  });

  test('and one flush carries no more than it may', () => {
    const { log, rest } = start();
    for (let n = 0; n < 1000; n++) {
      log.put(`stays${n}`, text(n));
      log.flush();
    }
    let before = log.counts.bytes;
    for (let n = 0; n < 5000; n++) {
      log.put('k', text(n));
      log.flush();
      rest();
      expect(log.counts.bytes - before).toBeLessThan(1000 + 300);
      before = log.counts.bytes;
    }
    expect(log.counts.carried).toBeGreaterThan(0);
  });
});

describe('a segment goes', () => {
  const fill = (log: KeyedLog, rounds: number, settle: () => unknown) => {
    for (let n = 0; n < rounds; n++) {
      log.put(`k${n % 50}`, text(n));
      log.flush();
      settle();
    }
  };

  test('not before what replaces it is on the disk', () => {
    const { disk, log, rest } = start();
    disk.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    fill(log, 2000, rest);
    expect(disk.list().length).toBeGreaterThan(5);
    expect(disk.list()[0]).toBe('live-00000001.log');
    log.close();
  });

  test('not before what a process before us wrote is on the disk', () => {
    const { disk, log, open, rest } = start();
    log.put('k', text(1));
    for (let n = 0; n < 500; n++) {
      log.put('other', text(n));
      log.flush();
      disk.settle();
    }
    log.put('k', text(2));
    log.flush();
    disk.kill(() => 0);
    const next = open().log;
    for (const name of disk.list().slice(0, 2)) disk.syncOf(name);
    for (let n = 0; disk.list().includes('live-00000001.log'); n++) {
      expect(n).toBeLessThan(100);
      next.flush();
      rest();
    }
    disk.losePower(() => 0);
    expect(open().kept.get('k')).toBe(text(2));
  });

  test('at the next start when the log is closed before, and until then what it deletes is on the disk', () => {
    const { disk, log, open } = start({ segmentSize: 2000 });
    log.put('gone', text(1));
    log.flush();
    disk.syncOf('live-00000001.log');
    log.delete('gone');
    log.flush();
    fill(log, 200, () => disk.settle());
    // the next lot waits for its round, and will not see it
    const [first] = disk.list();
    expect(first).not.toBe('live-00000001.log');
    log.put('later', text(1));
    log.flush();
    disk.syncOf(disk.list().at(-1) ?? '');
    log.delete('later');
    log.flush();
    fill(log, 100, () => disk.settle());
    expect(disk.list()[0]).toBe(first);
    log.close();
    disk.losePower(() => 0);
    const { kept } = open();
    expect(kept.has('later')).toBe(false);
    expect(kept.size).toBe(50);
  });

  test('not before the removal of the one before it is on the disk, where power may fail', () => {
    const { disk, log } = start({ durability: 'power' });
    for (let n = 0; n < 5000; n++) {
      log.put(`k${n % 10}`, text(n));
      log.flush();
      // a burst of work without a step of the disk leaves several to remove
      if (n % 700 > 600) disk.settle(1);
      const unsure = [...disk.syncedNames.keys()].filter((name) => !disk.names.has(name));
      expect(unsure.length).toBeLessThanOrEqual(1);
    }
    disk.settle();
    expect(disk.list()[0]).not.toBe('live-00000001.log');
  });

  test('after the one before it, where power may fail and many have waited for the disk', () => {
    const { disk, log, wait } = start({ durability: 'power' });
    disk.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    fill(log, 2000, () => disk.settle());
    disk.fault = () => undefined;
    const before = disk.list().length;
    wait(1000);
    for (let n = 0; n < 1000 && disk.underway > 0; n++) {
      disk.settle(1);
      const unsure = [...disk.syncedNames.keys()].filter((name) => !disk.names.has(name));
      expect(unsure.length).toBeLessThanOrEqual(1);
    }
    expect(before).toBeGreaterThan(8);
    expect(disk.list().length).toBeLessThanOrEqual(4);
  });

  test('later when it cannot be removed now, and the younger ones wait for that', () => {
    const { disk, log, open, wait, rest } = start();
    disk.fault = (operation) => (operation === 'unlink' ? 'EBUSY' : undefined);
    fill(log, 2000, () => disk.settle());
    expect(disk.list()[0]).toBe('live-00000001.log');
    expect(log.counts.failures).toBe(1);
    disk.fault = () => undefined;
    wait(1000);
    log.flush();
    disk.settle();
    expect(disk.list()[0]).not.toBe('live-00000001.log');
    fill(log, 2000, rest);
    expect(disk.list().length).toBeLessThanOrEqual(3);
    expect(open().kept.size).toBe(50);
  });

  test('aside when something alive in it cannot be read any more', () => {
    const { disk, log, open, rest } = start();
    log.put('stays', text(1));
    disk.fault = (operation, path) => (operation === 'read' && path.includes('01.log') ? 'EIO' : undefined);
    for (let n = 0; n < 20; n++) {
      fill(log, 100, () => disk.settle());
      rest();
    }
    expect(disk.list()[0]).toBe('live-00000001.log.damaged');
    expect(disk.list().length).toBeLessThanOrEqual(4);
    expect(log.counts.corrupt).toBe(1);
    expect(open().kept.size).toBe(50);
  });
});

test('what counts no more is left to lie until there is enough of it', () => {
  const { disk, log, rest } = start({ spare: 100_000 });
  let most = 0;
  for (let n = 0; n < 3000; n++) {
    log.put(`k${n % 5}`, text(n));
    log.flush();
    if (n % 10 === 0) rest();
    most = Math.max(most, disk.list().length);
  }
  expect(most).toBeGreaterThan(100_000 / SEGMENT);
  expect(most).toBeLessThan(100_000 / SEGMENT + 5);
  // its turn comes when nothing in it is alive
  expect(log.counts.carried).toBe(0);
});

describe('where only the process may die', () => {
  const number = (name: string) => Number(/\d+/.exec(name)?.[0]);

  /** A first lot has gone; of the next, whose second segment deletes what stands in the first, all waits. */
  function withLot() {
    const started = start({ segmentSize: 2000 });
    const { disk, log } = started;
    const segments = (count: number) => {
      const until = log.segments + count;
      for (let n = 0; n < 1000 && log.segments < until; n++) {
        log.put(`k${n % 5}`, text(n));
        log.flush();
        disk.settle();
      }
    };
    segments(2);
    for (let n = 0; n < 5 && disk.list().includes('live-00000001.log'); n++) segments(1);
    log.put('gone', text(1));
    segments(1);
    log.delete('gone');
    log.put('stays', text(2));
    segments(10);
    return started;
  }

  test('segments wait for each other, and go together every 10 s, one sync at a time', () => {
    const { disk, log, wait } = withLot();
    const first = disk.list()[0];
    const syncs = disk.syncs;
    expect(disk.underway).toBe(0);
    wait(9999);
    expect(disk.underway).toBe(0);
    wait(1);
    expect(disk.list()[0]).toBe(first);
    const waiting = log.segments;
    for (; disk.list()[0] === first && disk.underway > 0; disk.settle(1)) expect(disk.underway).toBe(1);
    // those that go are not brought onto the disk before: only the folder and what is written since
    expect(waiting).toBeGreaterThan(8);
    expect(disk.syncs - syncs).toBeGreaterThan(1);
    expect(disk.syncs - syncs).toBeLessThan(5);
    while (disk.underway > 0) {
      expect(disk.underway).toBeLessThanOrEqual(2);
      disk.settle(1);
    }
    expect(log.segments).toBeLessThanOrEqual(4);
    // what was emptied meanwhile has to wait again
    expect(log.segments).toBeGreaterThan(1);
  });

  test('many of them wait for nothing', () => {
    const { disk, log } = start({ segmentSize: 2000 });
    let most = 0;
    for (let n = 0; n < 5000; n++) {
      log.put(`k${n % 5}`, text(n));
      log.flush();
      disk.settle();
      most = Math.max(most, log.segments);
    }
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThan(25);
  });

  test('only what has to be is carried along while others wait', () => {
    const { disk, log } = start({ segmentSize: 2000 });
    const put = (key: string) => {
      log.put(key, text(1));
      log.flush();
      disk.settle();
    };
    for (let n = 0; n < 100; n++) put(`stays${n}`);
    for (let n = 0; n < 500; n++) put('changes');
    // all that lives, once for each time that as much has become old
    expect(log.counts.carried).toBeLessThan(600);
  });

  test('whenever it dies between two removals, the older ones have gone, and nothing deleted comes back', () => {
    let removed = 0;
    for (let steps = 0; ; steps++) {
      const { disk, log, open, wait } = withLot();
      const before = disk.list();
      wait(10_000);
      disk.settle(steps);
      const isEnd = disk.underway === 0;
      const numbers = disk.list().map(number);
      const left = before.map(number).filter((each) => numbers.includes(each));
      expect(left).toEqual(before.map(number).slice(before.length - left.length));
      removed = Math.max(removed, before.length - left.length);
      disk.kill(() => 0);
      const { kept, damage } = open();
      expect(damage).toEqual({ torn: 0, corrupt: 0, segments: 0, files: [] });
      expect(kept.has('gone')).toBe(false);
      expect(kept.get('stays')).toBe(text(2));
      expect(kept.size).toBe(6);
      expect(log.counts.failures).toBe(0);
      if (isEnd) break;
    }
    expect(removed).toBeGreaterThan(8);
  });

  test('what was emptied while a round was under way waits for the next one', () => {
    for (let flushes = 0; flushes < 30; flushes++) {
      const { disk, log, open, wait } = withLot();
      wait(10_000);
      for (let n = 0; n < 10 * flushes; n++) {
        log.put(`k${n % 5}`, text(n));
        if (n % 10 > 0) continue;
        log.flush();
        disk.settle(2);
      }
      disk.settle();
      // the names as they are now, of the files what was synced
      let isFirst = true;
      disk.losePower(() => {
        const least = isFirst ? 0.999 : 0;
        isFirst = false;
        return least;
      }, true);
      const { kept } = open();
      expect(kept.get('stays'), `${flushes}`).toBe(text(2));
      expect(kept.size).toBe(6);
    }
  });

  test('a power failure between two removals takes nothing that was carried along, and brings back nothing deleted', () => {
    for (let seed = 0; seed < 120; seed++) {
      const { disk, open, log, wait } = withLot();
      // from here on only names are not on the disk
      for (const name of disk.list()) disk.syncOf(name);
      disk.fs.syncFolderSync('/store');
      log.flush();
      wait(10_000);
      disk.settle(seed % 40);
      disk.losePower(chanceOf(seed), true);
      const { kept } = open();
      expect(kept.has('gone'), `${seed}`).toBe(false);
      expect(kept.get('stays')).toBe(text(2));
      expect(kept.size).toBe(6);
    }
  });
});
