import { describe, expect, test } from 'vitest';
import { LiveLog, type LiveLogOptions } from '../../src/store/live-log.ts';
import { CrashDisk, chanceOf } from './crash-disk.ts';

const SEGMENT = 20_000;

function start(options: Partial<LiveLogOptions> = {}) {
  const disk = new CrashDisk();
  const open = () =>
    LiveLog.open({
      folder: '/store',
      durability: 'process',
      onTrouble: () => undefined,
      fs: disk.fs,
      segmentSize: SEGMENT,
      compactPerFlush: 1000,
      now: () => 0,
      ...options,
    });
  return { disk, open, log: open().log };
}

const text = (n: number, size = 80) => `"${n}${'x'.repeat(size)}"`;

describe('the log stays small', () => {
  test('when the same keys are put again and again: a few segments', () => {
    const { disk, log, open } = start();
    let most = 0;
    for (let n = 0; n < 20_000; n++) {
      log.put(`k${n % 50}`, text(n));
      log.flush();
      if (n % 10 === 0) disk.settle();
      most = Math.max(most, disk.list().length);
    }
    expect(most).toBeLessThanOrEqual(4);
    expect([...open().kept.values()]).toEqual(Array.from({ length: 50 }, (_, n) => text(19_950 + n)));
  });

  test('when most keys are put once and stay: they are carried along in their order', () => {
    const { disk, log, open } = start();
    const expected = new Map<string, string>();
    const put = (key: string, n: number) => {
      log.put(key, text(n));
      expected.delete(key);
      expected.set(key, text(n));
      log.flush();
      disk.settle(2);
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
    const { disk, log, open } = start();
    for (let n = 0; n < 5000; n++) {
      log.put(`k${n}`, text(n));
      log.flush();
      if (n >= 20) log.delete(`k${n - 20}`);
      disk.settle();
    }
    for (let n = 4980; n < 5000; n++) log.delete(`k${n}`);
    log.flush();
    disk.settle();
    log.flush();
    disk.settle();
    expect(disk.list().length).toBeLessThanOrEqual(3);
    expect(open().kept.size).toBe(0);
  });

  test('with lines longer than the pieces it is read in', () => {
    const { disk, log, open } = start({ segmentSize: 400_000 });
    log.put('long', text(0, 200_000));
    for (let n = 0; n < 60; n++) {
      log.put(`k${n % 3}`, text(n, 50_000));
      log.flush();
      disk.settle();
    }
    expect(log.counts.carried).toBeGreaterThan(0);
    expect(disk.list().length).toBeLessThanOrEqual(4);
    expect(open().kept.get('long')).toHaveLength(200_003);
  });

  test('and one flush carries no more than it may', () => {
    const { disk, log } = start();
    for (let n = 0; n < 1000; n++) {
      log.put(`stays${n}`, text(n));
      log.flush();
    }
    let before = log.counts.bytes;
    for (let n = 0; n < 5000; n++) {
      log.put('k', text(n));
      log.flush();
      disk.settle();
      expect(log.counts.bytes - before).toBeLessThan(1000 + 300);
      before = log.counts.bytes;
    }
    expect(log.counts.carried).toBeGreaterThan(0);
  });
});

describe('a segment goes', () => {
  const fill = (log: LiveLog, disk: CrashDisk, rounds: number) => {
    for (let n = 0; n < rounds; n++) {
      log.put(`k${n % 50}`, text(n));
      log.flush();
      disk.settle();
    }
  };

  test('not before what replaces it is on the disk', () => {
    const { disk, log } = start();
    disk.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    fill(log, disk, 2000);
    expect(disk.list().length).toBeGreaterThan(5);
    expect(disk.list()[0]).toBe('live-00000001.log');
    log.close();
  });

  test('not before what a process before us wrote is on the disk', () => {
    const { disk, log, open } = start();
    log.put('k', text(1));
    for (let n = 0; n < 500; n++) {
      log.put('other', text(n));
      log.flush();
    }
    log.put('k', text(2));
    log.flush();
    disk.kill(() => 0);
    const next = open().log;
    for (const name of disk.list().slice(0, 2)) disk.syncOf(name);
    for (let n = 0; disk.list().includes('live-00000001.log'); n++) {
      expect(n).toBeLessThan(100);
      next.flush();
      disk.settle();
    }
    disk.losePower(() => 0);
    expect(open().kept.get('k')).toBe(text(2));
  });

  test('not before the removal of the one before it is on the disk', () => {
    const { disk, log } = start();
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

  test('later when it cannot be removed now, and the younger ones wait for that', () => {
    let now = 0;
    const { disk, log, open } = start({ now: () => now });
    disk.fault = (operation) => (operation === 'unlink' ? 'EBUSY' : undefined);
    fill(log, disk, 2000);
    expect(disk.list()[0]).toBe('live-00000001.log');
    expect(log.counts.failures).toBe(1);
    disk.fault = () => undefined;
    now = 1000;
    fill(log, disk, 2000);
    expect(disk.list().length).toBeLessThanOrEqual(3);
    expect(open().kept.size).toBe(50);
  });

  test('aside when something alive in it cannot be read any more', () => {
    let now = 0;
    const { disk, log, open } = start({ now: () => now });
    log.put('stays', text(1));
    disk.fault = (operation, path) => (operation === 'read' && path.includes('01.log') ? 'EIO' : undefined);
    for (let n = 0; n < 20; n++) {
      now += 1000;
      fill(log, disk, 100);
    }
    expect(disk.list()[0]).toBe('live-00000001.log.damaged');
    expect(disk.list().length).toBeLessThanOrEqual(4);
    expect(log.counts.corrupt).toBe(1);
    expect(open().kept.size).toBe(50);
  });
});
