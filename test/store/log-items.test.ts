// Items: who holds which, what a deleted one is good for, and two of one key.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LiveLog, LiveLogOptions } from '../../src/store/live-log.ts';
import { APPENDED, DELETED as DELETE, PUT } from '../../src/store/log-entry.ts';
import { Item, Line } from '../../src/store/log-item.ts';
import { mostBytesOf, seal, writeLine } from '../../src/store/log-line.ts';
import { Segment } from '../../src/store/segment.ts';
import { anyText } from '../any-text.ts';
import { CrashDisk, openOn } from './crash-disk.ts';
import { appendText, putText } from './keyed-log.ts';
import { lineOf } from './line-of.ts';

const FIRST = 'live-00000001.log';
let disk: CrashDisk;
let now: number;

beforeEach(() => {
  disk = new CrashDisk();
  now = 0;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function open(options: Partial<LiveLogOptions> = {}): LiveLog {
  return openOn(disk, { now: () => now, ...options }).log.log;
}

const kept = () => Object.fromEntries(openOn(disk).kept);
const signs = () => [...disk.text(FIRST).matchAll(/^\S+ \d+ (\S)/gm)].map(([, sign]) => sign).join('');
const wait = (ms: number) => {
  now += ms;
  vi.advanceTimersByTime(ms);
};

/** It is on the disk. */
function flushed(log: LiveLog, key: string, text: string): Item {
  const item = log.item(key);
  putText(log, item, text);
  log.flush();
  return item;
}

describe('of a key', () => {
  test('that was read, or is on the disk by now, there is one item; of any other a new one each time', () => {
    flushed(open(), 'read', '1');
    const log = open();
    expect(log.item('read').key).toBe('read');
    expect(log.item('read')).toBe(log.item('read'));
    expect(log.item('new')).not.toBe(log.item('new'));
    const item = flushed(log, 'new', '1');
    expect(log.item('new')).toBe(item);
    appendText(log, log.item('read'), '2');
    appendText(log, item, '2');
    log.flush();
    expect(kept()).toEqual({ read: '1\x1e2', new: '1\x1e2' });
  });

  test('that is deleted there is none once the disk knows that, and its lines are let go', () => {
    const log = open();
    const item = flushed(log, 'k', '1');
    appendText(log, item, '2');
    log.flush();
    log.delete(item);
    expect(log.item('k')).toBe(item);
    log.flush();
    expect(log.item('k')).not.toBe(item);
    expect(item).toMatchObject({ line: undefined, held: undefined, previous: undefined, next: undefined });
  });
});

describe('an item that was deleted', () => {
  test('may be put again in the same burst, as one line', () => {
    const log = open();
    const item = flushed(log, 'k', '1');
    log.delete(item);
    putText(log, item, '2');
    log.flush();
    expect(signs()).toBe('++');
    expect(kept()).toEqual({ k: '2' });
  });

  test('may be put and appended to again after that', () => {
    const log = open();
    const item = flushed(log, 'k', '1');
    log.delete(item);
    log.flush();
    putText(log, item, '2');
    log.flush();
    appendText(log, item, '3');
    log.flush();
    expect(signs()).toBe('+-+&');
    expect(kept()).toEqual({ k: '2\x1e3' });
    expect(log.item('k')).toBe(item);
  });

  test('is deleted once, however often it is said', () => {
    const log = open();
    const item = flushed(log, 'k', '1');
    for (let n = 0; n < 3; n++) log.delete(item);
    log.flush();
    log.delete(item);
    log.flush();
    expect(signs()).toBe('+-');
  });
});

describe('another item of a key whose item was deleted', () => {
  const ways = ['put', 'append'] as const;

  test.each(ways)('in the same burst stands alone: %s', (way) => {
    const log = open();
    const first = log.item('k');
    putText(log, first, '1');
    log.delete(first);
    const second = log.item('k');
    expect(second).not.toBe(first);
    (way === 'put' ? putText : appendText)(log, second, '2');
    log.flush();
    log.delete(first);
    log.flush();
    expect(kept()).toEqual({ k: '2' });
    expect(log.item('k')).toBe(second);
  });

  test.each(ways)('after it stands alone: %s', (way) => {
    const log = open();
    const first = flushed(log, 'k', '1');
    log.delete(first);
    log.flush();
    const second = log.item('k');
    expect(second).not.toBe(first);
    (way === 'put' ? putText : appendText)(log, second, '2');
    log.flush();
    log.delete(first);
    appendText(log, second, '3');
    log.flush();
    expect(kept()).toEqual({ k: '2\x1e3' });
    expect(log.item('k')).toBe(second);
  });

  test('while a write is under way stands alone, also if that fails or the log is closed', () => {
    for (const way of ways)
      for (const then of ['lands', 'fails', 'closes', 'closes and lands'] as const) {
        disk = new CrashDisk();
        const log = open();
        disk.takes = (operation) => {
          if (operation === 'write') now += 60;
        };
        flushed(log, 'other', '1');
        const first = flushed(log, 'k', '1');
        expect(disk.underway).toBe(1);
        log.delete(first);
        const second = log.item('k');
        expect(second).not.toBe(first);
        (way === 'put' ? putText : appendText)(log, second, '2');
        // what is said twice does not concern the other
        log.delete(first);
        if (then === 'fails') disk.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
        if (then === 'closes and lands') disk.fs.syncSync = () => void disk.settle();
        if (then.startsWith('closes')) log.close();
        disk.settle();
        disk.fault = () => undefined;
        wait(1000);
        if (!then.startsWith('closes')) log.close();
        disk.settle();
        expect(kept(), `${way} ${then}`).toEqual({ other: '1', k: '2' });
      }
  });

  test('while the write that deletes it is under way stands alone', () => {
    for (const isFailing of [false, true]) {
      disk = new CrashDisk();
      const log = open();
      const first = log.item('k');
      putText(log, first, '1');
      log.flush();
      disk.takes = (operation) => {
        if (operation === 'write') now += 60;
      };
      flushed(log, 'other', '1');
      log.delete(first);
      log.flush();
      expect(disk.underway).toBe(1);
      log.delete(first);
      if (isFailing) disk.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
      disk.settle();
      const second = log.item('k');
      // a deletion that the disk does not know yet is of the item that it knows
      expect(second === first).toBe(isFailing);
      putText(log, second, '2');
      disk.fault = () => undefined;
      wait(1000);
      disk.settle();
      log.close();
      disk.settle();
      expect(kept()).toEqual({ other: '1', k: '2' });
    }
  });

  test.each(ways)('after half a write that cannot be cut off stands alone: %s', (way) => {
    const log = open();
    flushed(log, 'other', '1');
    const first = log.item('k');
    putText(log, first, '1');
    writeAllAndFail(() => log.flush());
    log.delete(first);
    const second = log.item('k');
    expect(second).not.toBe(first);
    (way === 'put' ? putText : appendText)(log, second, '2');
    log.flush();
    disk.fault = (operation) => (operation === 'truncate' ? 'EPERM' : undefined);
    wait(1000);
    expect(disk.list()).toHaveLength(2);
    expect(kept()).toEqual({ other: '1', k: '2' });
  });
});

/** All of it is on the disk, and nobody knows. */
function writeAllAndFail(write: () => void): void {
  const { writeSync } = disk.fs;
  disk.fs.writeSync = (...args) => {
    writeSync(...args);
    throw new Error('EIO');
  };
  write();
  disk.fs.writeSync = writeSync;
}

describe('what stands half in the log and is over by then does not come back', () => {
  test('although the folder cannot be asked for a while', () => {
    const log = open();
    flushed(log, 'other', '1');
    const item = log.item('k');
    putText(log, item, '1');
    writeAllAndFail(() => log.flush());
    log.delete(item);
    putText(log, log.item('later'), '1');
    disk.fault = (operation) => (operation === 'stat' ? 'EIO' : undefined);
    wait(1000);
    disk.fault = (operation) => (operation === 'truncate' ? 'EPERM' : undefined);
    wait(1000);
    expect(kept()).toEqual({ other: '1', later: '1' });
  });

  test('although it is put and deleted once more while no segment can be made', () => {
    const log = open({ durability: 'power' });
    flushed(log, 'other', '1');
    disk.fault = (operation) => (operation === 'sync' ? 'EIO' : undefined);
    log.safely(() => undefined);
    disk.settle();
    wait(500);
    const item = log.item('k');
    putText(log, item, '1');
    writeAllAndFail(() => log.flush());
    log.delete(item);
    disk.fault = (operation) => (operation === 'open' ? 'EMFILE' : undefined);
    // the file is given up, for it was not synced once
    wait(500);
    disk.settle();
    wait(500);
    putText(log, item, '2');
    log.delete(item);
    disk.fault = () => undefined;
    wait(1000);
    expect(disk.list()).toHaveLength(2);
    expect(kept()).toEqual({ other: '1' });
  });
});

test('a line is written as the format says it, whatever is in it', () => {
  const run = fc.nat(150).map((length) => 'x'.repeat(length));
  const text = fc.tuple(run, anyText, run).map((parts) => parts.join(''));
  const seq = fc.oneof(fc.nat(1000), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
  const segment = new Segment(1, FIRST, 0, { ino: 1, size: 0 });
  const sign = fc.constantFrom(PUT, APPENDED, DELETE);
  fc.assert(
    fc.property(
      fc.oneof(text, anyText),
      text,
      seq,
      seq,
      sign,
      fc.boolean(),
      (key, text, seq, after, sign, isHeld) => {
        const item = new Item(key);
        item.sign = sign;
        const texts = Buffer.from(`before${sign === DELETE ? '' : text}`);
        item.from = 6;
        item.to = texts.length;
        if (isHeld) {
          item.held = texts.subarray(6);
          item.to = 0;
        }
        item.line = new Line(after, 1, segment, undefined);
        const entry = { text: sign === DELETE ? undefined : text, isAppended: sign === APPENDED };
        const expected = Buffer.from(`\n${lineOf(seq, key, entry, after)}`);
        seal(expected, 1, expected.length);
        const bytes = Buffer.alloc(1 + mostBytesOf(item), '\n');
        const end = writeLine(bytes, 1, seq, item, texts);
        expect(bytes.subarray(0, end).equals(expected)).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});
