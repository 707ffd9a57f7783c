import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LiveLog, type LiveLogOptions } from '../../src/store/live-log.ts';
import { readLogOffline } from '../../src/store/log-offline.ts';
import { CrashDisk, openOn } from './crash-disk.ts';
import type { KeyedLog } from './keyed-log.ts';
import { putText } from './keyed-log.ts';

const SIZE = 1000;
const LINE = `"${'x'.repeat(70)}"`;
const [FIRST, SECOND, THIRD] = ['live-00000001.log', 'live-00000002.log', 'live-00000003.log'];
let disk: CrashDisk;
let now: number;
let troubles: string[];
/** Files that the event loop was held for. */
let opened: string[];

beforeEach(() => {
  disk = new CrashDisk();
  now = 0;
  troubles = [];
  opened = [];
  watch();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function watch(code?: string, ...operations: string[]) {
  disk.fault = (operation, path) => {
    if (operation === 'open') opened.push(path);
    return operations.includes(operation) ? code : undefined;
  };
}

function open(options: Partial<LiveLogOptions> = {}) {
  return openOn(disk, {
    onTrouble: ({ what }) => troubles.push(what),
    now: () => now,
    segmentSize: SIZE,
    ...options,
  });
}

let count = 0;
const put = (log: KeyedLog, lines: number) => {
  for (let n = 0; n < lines; n++) {
    log.put(`k${++count}`, LINE);
    log.flush();
  }
};
const wait = (ms: number) => {
  now += ms;
  vi.advanceTimersByTime(ms);
};
const half = 6;
const whole = 12;

describe('the next segment', () => {
  test('is made beside the event loop once the current one is half full, and taken when that is full', () => {
    const { log } = open();
    put(log, half - 2);
    expect(disk.underway).toBe(0);
    put(log, 2);
    expect(disk.underway).toBe(1);
    disk.settle();
    expect(disk.list()).toEqual([FIRST, SECOND]);
    expect(disk.text(SECOND)).toBe('');
    expect(log.segments).toBe(1);
    put(log, half);
    expect(log.segments).toBe(2);
    expect(disk.text(SECOND)).toContain(`k${count} `);
    expect(disk.text(FIRST).length).toBeLessThan(SIZE + 200);
    expect(opened).toEqual(['/store/live-00000001.log']);
  });

  test('is waited for by nobody: the current one grows on', () => {
    const { log } = open();
    put(log, 3 * whole);
    expect(disk.list()).toEqual([FIRST]);
    expect(disk.text(FIRST).length).toBeGreaterThan(2 * SIZE);
    disk.settle();
    put(log, 1);
    expect(disk.text(SECOND)).toContain(`k${count} `);
    expect(opened).toHaveLength(1);
    expect(open().kept.size).toBe(3 * whole + 1);
  });

  test('is asked for again a second later when it cannot be made, and nobody is told', () => {
    const { log } = open();
    watch('EMFILE', 'create');
    put(log, 2 * whole);
    disk.settle();
    put(log, whole);
    expect(disk.underway).toBe(0);
    expect(log.counts.failures).toBe(1);
    now = 999;
    put(log, 1);
    expect(disk.underway).toBe(0);
    now = 1000;
    watch();
    put(log, 1);
    disk.settle();
    put(log, 1);
    expect(log.segments).toBe(2);
    expect(log.counts.failures).toBe(1);
    expect(log.isBehind).toBe(false);
    expect(troubles).toEqual([]);
  });

  test('is told to be missing when the current one has become sixteen times as large, and nothing is lost', () => {
    const { log } = open();
    disk.fault = (operation) => (operation === 'create' || operation === 'open' ? 'EMFILE' : undefined);
    put(log, 17 * whole);
    disk.settle();
    expect(troubles).toEqual(['failed']);
    disk.fault = () => undefined;
    wait(1000);
    disk.settle();
    put(log, 1);
    expect(troubles).toEqual(['failed', 'recovered']);
    expect(log.segments).toBe(2);
    expect(open().kept.size).toBe(17 * whole + 1);
  });

  test('is on the disk with what stands in it, where that is promised', () => {
    const { log } = open({ durability: 'power' });
    put(log, half);
    disk.settle();
    put(log, whole - half);
    const told: boolean[] = [];
    log.safely((isSafe) => told.push(isSafe));
    disk.settle();
    expect(told).toEqual([true]);
    expect(disk.text(SECOND)).toContain(`k${count} `);
    disk.losePower(() => 0);
    expect(open().kept.has(`k${count}`)).toBe(true);
  });

  test('is not the one that was made for a folder that is gone', () => {
    const { log } = open();
    put(log, half);
    disk.settle();
    disk.removeAll();
    now = 1000;
    put(log, 1);
    expect(disk.text(THIRD)).toContain(`k${count} `);
    disk.settle();
    expect(disk.openFiles).toBe(2);
  });

  test('is the prepared one too when the current one cannot be written to any more', () => {
    const { log } = open();
    put(log, half);
    disk.settle();
    disk.room = 10;
    put(log, 1);
    disk.room = Number.POSITIVE_INFINITY;
    watch('EPERM', 'truncate');
    wait(1000);
    expect(disk.text(SECOND)).toContain(`k${count} `);
    expect(disk.list()).toEqual([FIRST, SECOND]);
  });

  test('is never an older one, that comes after another had to be made at once', () => {
    const { log } = open();
    put(log, half);
    expect(disk.underway).toBe(1);
    disk.room = 10;
    put(log, 1);
    disk.room = Number.POSITIVE_INFINITY;
    watch('EPERM', 'truncate');
    wait(1000);
    watch();
    expect(disk.list()).toEqual([FIRST, THIRD]);
    disk.settle();
    expect(disk.list()).toEqual([FIRST, THIRD]);
    expect(disk.openFiles).toBe(2);
    put(log, 2 * whole);
    disk.settle();
    put(log, 1);
    expect(disk.list()).toEqual([FIRST, THIRD, 'live-00000004.log']);
  });

  test('goes when it is not used before the log is closed, also when it comes later', () => {
    for (const isLate of [false, true]) {
      disk = new CrashDisk();
      const { log } = open();
      put(log, half);
      if (!isLate) disk.settle();
      log.close();
      expect(disk.list()).toEqual([FIRST]);
      disk.settle();
      expect(disk.list()).toEqual([FIRST]);
      expect(disk.openFiles).toBe(0);
    }
  });
});

describe('an empty file that a killed process left', () => {
  const killed = (lines: number) => {
    const { log } = open();
    put(log, lines);
    disk.kill(() => 1);
    expect(disk.text(SECOND)).toBe('');
  };

  test('is no damage, and goes; the segment before it is written on', () => {
    killed(half);
    const { log, damage, kept } = open();
    expect(damage).toEqual({ torn: 0, corrupt: 0, segments: 0, files: [] });
    expect(kept.size).toBe(half);
    expect(disk.list()).toEqual([FIRST]);
    expect(disk.openFiles).toBe(1);
    put(log, 1);
    expect(disk.text(FIRST)).toContain(`k${count} `);
    disk.settle();
    expect(disk.list()).toEqual([FIRST, THIRD]);
  });

  test('lets what is torn before it be cut off, at every byte', () => {
    killed(half);
    const text = disk.text(FIRST);
    const start = text.lastIndexOf('\n\n', text.length - 3) + 2;
    for (let length = start + 1; length < text.length; length++) {
      disk = new CrashDisk();
      disk.write(FIRST, text.slice(0, length));
      disk.write(SECOND, '');
      disk.write(THIRD, '');
      const { damage, kept } = open();
      expect(damage, `${length}`).toEqual({
        torn: 1,
        corrupt: 0,
        segments: 0,
        files: ['/store/live-00000001.log'],
      });
      expect(kept.size).toBe(half - 1);
      expect(disk.list()).toEqual([FIRST]);
      expect(disk.text(FIRST)).toHaveLength(start);
    }
  });

  test('stays when it cannot be removed, and is in nobody’s way', () => {
    killed(half);
    watch('EPERM', 'unlink');
    const { log } = open();
    put(log, 1);
    disk.settle();
    put(log, whole);
    expect(disk.list()).toEqual([FIRST, SECOND, THIRD]);
    expect(log.counts.failures).toBe(0);
    expect(open().kept.size).toBe(half + 1 + whole);
  });
});

describe('closing', () => {
  test('while files are brought onto the disk one by one leaves none out, and begins no other', () => {
    const { log } = open();
    for (let n = 0; n < 5; n++) {
      put(log, whole);
      disk.settle();
    }
    disk.kill(() => 0);
    const { log: next } = open({ compactPerFlush: 1e6 });
    for (let n = 0; n < 60; n++) next.put(`k${count - n}`, '1');
    for (let n = 0; n < 3 && disk.syncs === 0; n++) {
      next.flush();
      disk.settle(1);
    }
    expect(disk.underway).toBeGreaterThan(0);
    next.close();
    const syncs = disk.syncs;
    disk.settle();
    expect(disk.syncs).toBe(syncs + 1);
    expect(disk.openFiles).toBe(0);
    disk.losePower(() => 0);
    const { kept } = open();
    expect(kept.size).toBe(5 * whole);
    expect(kept.get(`k${count}`)).toBe('1');
  });
});

describe('a real folder', () => {
  test('gets many segments, and loses them again', async () => {
    vi.useRealTimers();
    const folder = mkdtempSync(join(tmpdir(), 'callchart-log-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const options = {
      folder,
      durability: 'power',
      onTrouble: () => undefined,
      segmentSize: 4000,
      spare: 0,
    } as const;
    const { log } = LiveLog.open(options);
    const names = new Set<string>();
    for (let n = 0; n < 300; n++) {
      putText(log, log.item(`k${n % 7}`), `"${n}${'x'.repeat(100)}"`);
      log.flush();
      await new Promise<boolean>((done) => log.safely(done));
      for (const name of readdirSync(folder)) names.add(name);
    }
    expect(names.size).toBeGreaterThan(5);
    expect(log.counts.failures).toBe(0);
    log.close();
    const left = readdirSync(folder);
    expect(left).not.toContain(FIRST);
    const empty = 'live-00099999.log';
    writeFileSync(join(folder, empty), '');
    expect(readLogOffline(folder).size).toBe(7);
    expect(readdirSync(folder)).toContain(empty);
    const { kept, damage, log: next } = LiveLog.open(options);
    next.close();
    expect(readdirSync(folder)).not.toContain(empty);
    expect(kept.size).toBe(7);
    expect(damage).toEqual({ torn: 0, corrupt: 0, segments: 0, files: [] });
  });
});

test('segments may be as great as 16 MB', () => {
  const { log } = open({ segmentSize: 16 * 1024 * 1024, durability: 'power' });
  const text = `"${'x'.repeat(1024 * 1024)}"`;
  log.put('stays', text);
  for (let n = 0; n < 60; n++) {
    log.put(`k${n % 4}`, text);
    log.flush();
    disk.settle();
  }
  expect(disk.list()).not.toContain(FIRST);
  expect(disk.list().length).toBeLessThanOrEqual(3);
  expect(log.counts.carried).toBeGreaterThan(0);
  expect([...open().kept.keys()].sort()).toEqual(['k0', 'k1', 'k2', 'k3', 'stays']);
});
