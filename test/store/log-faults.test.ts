import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LiveLogOptions } from '../../src/store/live-log.ts';
import type { LogTrouble } from '../../src/store/log-condition.ts';
import { CrashDisk, type Operation, openOn } from './crash-disk.ts';
import type { KeyedLog } from './keyed-log.ts';

let disk: CrashDisk;
let now: number;
let troubles: string[];

beforeEach(() => {
  disk = new CrashDisk();
  now = 0;
  troubles = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function open(options: Partial<LiveLogOptions> = {}) {
  const onTrouble = ({ what, err, waiting }: LogTrouble) =>
    troubles.push(`${what}${err === undefined ? '' : ` ${err.message.split(':')[0]}`} ${waiting}`);
  return openOn(disk, { onTrouble, now: () => now, ...options });
}

const put = (log: KeyedLog, key: string, text: string) => {
  log.put(key, text);
  log.flush();
};
const kept = () => Object.fromEntries(open().kept);
const wait = (ms: number) => {
  now += ms;
  vi.advanceTimersByTime(ms);
};
const fail = (failing: Operation, code = 'EIO') => {
  disk.fault = (operation) => (operation === failing ? code : undefined);
};
const mend = () => {
  disk.fault = () => undefined;
  disk.room = Number.POSITIVE_INFINITY;
};

describe('a full disk', () => {
  test('is said once, what waits is written when there is room, also when nothing else happens', () => {
    const { log } = open();
    put(log, 'a', '1');
    disk.room = 5;
    put(log, 'b', '2');
    put(log, 'b', '3');
    log.delete('a');
    log.flush();
    expect(log.isBehind).toBe(true);
    expect(kept()).toEqual({ a: '1' });
    wait(1000);
    expect(troubles).toEqual(['failed ENOSPC 2']);
    mend();
    wait(1000);
    expect(troubles).toEqual(['failed ENOSPC 2', 'recovered 0']);
    expect(log.isBehind).toBe(false);
    expect(open()).toMatchObject({ kept: new Map([['b', '3']]), damage: { torn: 0, corrupt: 0 } });
  });

  test('is asked once a second, not at each flush', () => {
    const { log } = open();
    disk.room = 0;
    for (let n = 0; n < 50; n++) {
      put(log, 'a', `${n}`);
      wait(100);
    }
    expect(disk.writes).toBeLessThanOrEqual(6);
    expect(disk.writes).toBeGreaterThanOrEqual(4);
  });

  test('costs no more memory than what is alive', () => {
    const { log } = open();
    disk.room = 0;
    for (let n = 0; n < 10_000; n++) {
      log.put(`call ${n}`, '"alive"');
      log.put('b:alice', `"${n}"`);
      log.flush();
      log.delete(`call ${n}`);
    }
    log.put('last', '1');
    mend();
    wait(1000);
    expect(log.counts.written).toBe(2);
    expect(kept()).toEqual({ 'b:alice': '"9999"', last: '1' });
  });

  test('that has become read-only in the middle of a burst costs no more either', () => {
    const { log } = open();
    put(log, 'a', '"1"');
    disk.room = 5;
    put(log, 'a', '"half of it"');
    disk.fault = (operation) => (['write', 'truncate', 'open'].includes(operation) ? 'EROFS' : undefined);
    for (let n = 0; n < 100; n++) {
      put(log, `call ${n}`, '"alive"');
      wait(1000);
      log.delete(`call ${n}`);
      log.flush();
    }
    expect(log.log.standing.waiting).toBeLessThan(50);
    mend();
    wait(1000);
    expect(kept()).toEqual({ a: '"half of it"' });
  });

  test.each([0, 1, 22, 43, 65])('that took %i bytes of a burst leaves whole lines only', (room) => {
    const { log } = open();
    put(log, 'a', '1');
    disk.room = room;
    for (const key of ['b', 'c', 'd']) log.put(key, '"text"');
    log.flush();
    log.delete('c');
    mend();
    wait(1000);
    expect(open()).toMatchObject({ damage: { torn: 0, corrupt: 0, segments: 0 } });
    expect(kept()).toEqual({ a: '1', b: '"text"', d: '"text"' });
  });

  test('whose half burst cannot be cut off goes on in another segment, and nothing over comes back', () => {
    const { log } = open();
    put(log, 'a', '1');
    disk.room = 30;
    for (const key of ['b', 'c', 'd']) log.put(key, '"text"');
    log.flush();
    expect(disk.text('live-00000001.log')).toContain(' + b "text"\n');
    log.delete('b');
    disk.room = Number.POSITIVE_INFINITY;
    fail('truncate', 'EPERM');
    wait(1000);
    mend();
    expect(troubles.at(-1)).toBe('recovered 0');
    expect(kept()).toEqual({ a: '1', c: '"text"', d: '"text"' });
  });
});

describe('a folder that somebody removed', () => {
  test('gets all that lives again once it is back', () => {
    const { log } = open();
    for (let n = 0; n < 500; n++) put(log, `k${n}`, `"${'x'.repeat(200)}"`);
    disk.removeAll();
    fail('open', 'ENOENT');
    wait(1000);
    put(log, 'new', '1');
    expect(troubles).toEqual(['failed ENOENT 4']);
    mend();
    wait(1000);
    for (let n = 0; n < 100; n++) {
      wait(10);
      disk.settle();
    }
    expect(troubles.at(-1)).toBe('recovered 0');
    expect(Object.keys(kept())).toHaveLength(501);
    expect(log.segments).toBe(1);
  });
});

describe('a slow disk', () => {
  const slow = (ms: number) => {
    disk.takes = (operation) => {
      if (operation === 'write') now += ms;
    };
  };

  test('is said once and written to beside the event loop, one write at a time, until it is quick again', () => {
    const { log } = open();
    slow(60);
    put(log, 'a', '1');
    expect(troubles).toEqual(['slow 0']);
    expect(log.isBehind).toBe(false);
    put(log, 'b', '2');
    put(log, 'c', '3');
    put(log, 'b', '4');
    expect(disk.writes).toBe(1);
    expect(disk.underway).toBe(1);
    expect(log.isBehind).toBe(true);
    disk.settle();
    expect(disk.writes).toBe(3);
    expect(kept()).toEqual({ a: '1', c: '3', b: '4' });
    slow(1);
    now += 1000;
    put(log, 'd', '5');
    disk.settle();
    expect(troubles).toEqual(['slow 0', 'recovered 0']);
    put(log, 'e', '6');
    expect(disk.underway).toBe(0);
    expect(kept()).toMatchObject({ d: '5', e: '6' });
    expect(log.counts.slow).toBe(3);
  });

  test('keeps those who wait for what they flushed until it is written, but not for more than 2 s', () => {
    const { log } = open();
    const told: string[] = [];
    const putAndWait = (key: string) => {
      put(log, key, '1');
      log.safely((isWritten) => told.push(`${key} ${isWritten}`));
    };
    slow(60);
    putAndWait('a');
    expect(told.splice(0)).toEqual(['a true']);
    putAndWait('b');
    putAndWait('c');
    wait(1999);
    expect(told).toEqual([]);
    disk.settle();
    expect(told.splice(0)).toEqual(['b true', 'c true']);
    putAndWait('d');
    wait(1000);
    putAndWait('e');
    wait(1000);
    expect(told.splice(0)).toEqual(['d false']);
    wait(1000);
    expect(told.splice(0)).toEqual(['e false']);
    putAndWait('f');
    log.close();
    expect(told).toEqual(['f true']);
    expect(kept()).toEqual({ a: '1', b: '1', c: '1', d: '1', e: '1', f: '1' });
  });

  test('has all that waits when somebody ends, also what a write carries that never comes back', () => {
    const { log } = open();
    const told: boolean[] = [];
    slow(60);
    put(log, 'a', '1');
    put(log, 'b', '2');
    put(log, 'c', '3');
    log.safely((isWritten) => told.push(isWritten));
    log.flushNow();
    expect([kept(), told]).toEqual([{ a: '1', b: '2', c: '3' }, [true]]);
    disk.settle();
    put(log, 'd', '4');
    disk.settle();
    expect(kept()).toEqual({ a: '1', b: '2', c: '3', d: '4' });
    fail('write');
    put(log, 'e', '5');
    log.safely((isWritten) => told.push(isWritten));
    log.flushNow();
    expect(told).toEqual([true, false]);
  });

  test('that only a pause of the machine has made slow is quick again a second later, whatever pauses follow', () => {
    const { log } = open();
    slow(60);
    put(log, 'a', '0');
    expect(troubles).toEqual(['slow 0']);
    for (let n = 1; n <= 200; n++) {
      slow(n % 40 === 0 ? 60 : 1);
      put(log, 'a', String(n));
      disk.settle();
      now += 1;
    }
    expect(troubles).toEqual(['slow 0']);
    slow(1);
    now += 400;
    put(log, 'a', '201');
    disk.settle();
    expect(troubles).toEqual(['slow 0', 'recovered 0']);
  });

  test('stays slow while every fourth write is', () => {
    const { log } = open();
    for (let n = 0; n < 200; n++) {
      slow(n % 4 === 0 ? 300 : 5);
      put(log, 'a', String(n));
      disk.settle();
    }
    expect(troubles).toEqual(['slow 0']);
  });

  test('stays slow while one slow write follows another', () => {
    const { log } = open();
    slow(60);
    for (let n = 0; n < 30; n++) {
      put(log, 'a', String(n));
      disk.settle();
    }
    slow(1);
    now += 500;
    put(log, 'a', '30');
    disk.settle();
    expect(troubles).toEqual(['slow 0']);
  });

  test('forgets nothing that was put or deleted while a write is under way, also if that fails', () => {
    for (const isFailing of [false, true]) {
      disk = new CrashDisk();
      const { log } = open();
      slow(60);
      put(log, 'a', '1');
      put(log, 'b', '1');
      put(log, 'c', '1');
      put(log, 'd', '1');
      log.delete('b');
      log.delete('c');
      log.put('c', '2');
      log.flush();
      if (isFailing) fail('write');
      disk.settle();
      mend();
      wait(1000);
      disk.settle();
      expect(kept()).toEqual({ a: '1', c: '2', d: '1' });
    }
  });

  test('that is closed during a write keeps all, and lets the file go only afterwards', () => {
    const { log } = open();
    slow(60);
    put(log, 'a', '1');
    put(log, 'b', '2');
    put(log, 'c', '3');
    log.close();
    expect(disk.openFiles).toBeGreaterThan(0);
    disk.settle();
    expect(disk.openFiles).toBe(0);
    expect(disk.list()).toEqual(['live-00000001.log', 'live-00000002.log']);
    expect(kept()).toEqual({ a: '1', b: '2', c: '3' });
  });
});

describe('a promise against power failures', () => {
  const power = () => open({ durability: 'power' }).log;
  const safely = (log: KeyedLog) => {
    const told: boolean[] = [];
    log.safely((isSafe) => told.push(isSafe));
    return told;
  };

  test('is given when the disk has it, one sync for all who wait', () => {
    const log = power();
    put(log, 'a', '1');
    const first = safely(log);
    put(log, 'b', '1');
    const others = Array.from({ length: 20 }, () => safely(log));
    expect(first).toEqual([]);
    disk.settle();
    expect([first, ...others].every((told) => told[0] === true && told.length === 1)).toBe(true);
    expect(disk.syncs).toBe(2);
    expect(safely(log)).toEqual([true]);
    expect(disk.syncs).toBe(2);
  });

  test('is given up after 50 ms, said as slow and counted, and taken up again', () => {
    const log = power();
    put(log, 'a', '1');
    const told = safely(log);
    wait(49);
    expect(told).toEqual([]);
    wait(2);
    expect(told).toEqual([false]);
    expect(troubles).toEqual(['slow 0']);
    expect(log.counts.gaps).toBe(1);
    disk.settle();
    now += 1000;
    put(log, 'a', '2');
    const second = safely(log);
    expect(log.isBehind).toBe(true);
    disk.settle();
    expect(second).toEqual([true]);
    expect(troubles).toEqual(['slow 0', 'recovered 0']);
  });

  test('waits for what a full disk has not taken, for 50 ms', () => {
    const log = power();
    disk.room = 0;
    put(log, 'a', '1');
    const told = safely(log);
    disk.settle();
    expect(told).toEqual([]);
    wait(51);
    expect(told).toEqual([false]);
    expect(troubles).toEqual(['failed ENOSPC 2']);
  });

  test('is not trusted to a file whose sync has failed: what lives is written anew', () => {
    const log = power();
    put(log, 'a', '1');
    fail('sync');
    const told = safely(log);
    disk.settle();
    expect(troubles).toEqual(['failed EIO 0']);
    wait(60);
    expect(told).toEqual([false]);
    expect(log.isBehind).toBe(true);
    mend();
    wait(1000);
    disk.settle();
    expect(troubles).toEqual(['failed EIO 0', 'recovered 0']);
    put(log, 'b', '1');
    for (let n = 0; n < 10; n++) {
      wait(10);
      disk.settle();
    }
    expect(disk.list()).toEqual(['live-00000002.log']);
    expect(kept()).toEqual({ a: '1', b: '1' });
  });

  test('is not given early for what was written before its flush', () => {
    const log = power();
    put(log, 'a', '1');
    fail('sync');
    safely(log);
    disk.settle();
    mend();
    wait(1000);
    disk.settle();
    put(log, 'b', '1');
    safely(log);
    disk.settle();
    const before = log.counts.written;
    log.put('c', '1');
    wait(10);
    expect(log.counts.written).toBe(before + 1);
    log.flush();
    const told = safely(log);
    expect(told).toEqual([]);
    disk.settle();
    expect(told).toEqual([true]);
  });

  test('is kept by closing', () => {
    const log = power();
    put(log, 'a', '1');
    const told = safely(log);
    log.put('b', '2');
    log.close();
    expect(told).toEqual([true]);
    disk.losePower(() => 0);
    expect(kept()).toEqual({ a: '1', b: '2' });
  });
});
