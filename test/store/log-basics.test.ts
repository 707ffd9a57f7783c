import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { LiveLog, type LiveLogOptions } from '../../src/store/live-log.ts';
import { FORMAT_VERSION, headerOf, seal } from '../../src/store/log-line.ts';
import { CrashDisk, openOn } from './crash-disk.ts';
import { putText } from './keyed-log.ts';
import { DELETED, lineOf } from './line-of.ts';

const FIRST = 'live-00000001.log';
let disk: CrashDisk;

beforeEach(() => {
  disk = new CrashDisk();
});

function open(options: Partial<LiveLogOptions> = {}) {
  return openOn(disk, options);
}

const kept = () => [...open().kept];

describe('what was put', () => {
  test('comes back in the order it was last put, the last text of each key', () => {
    const { log } = open();
    log.put('b:alice', '{"n":1}');
    log.put('d:1', '"x"');
    log.flush();
    log.put('b:bob', '{}');
    log.put('b:alice', '{"n":2}');
    log.put('b:bob', '{"now":"later"}');
    log.flush();
    expect(kept()).toEqual([
      ['d:1', '"x"'],
      ['b:alice', '{"n":2}'],
      ['b:bob', '{"now":"later"}'],
    ]);
  });

  test('is gone when it was deleted, and back when it was put again', () => {
    const { log } = open();
    for (const key of ['a', 'b']) log.put(key, '1');
    log.flush();
    log.delete('a');
    log.delete('b');
    log.put('b', '2');
    log.flush();
    expect(kept()).toEqual([['b', '2']]);
  });

  test('is one write a burst, and none without a change', () => {
    const { log } = open();
    for (let n = 0; n < 100; n++) log.put(`k${n}`, '1');
    log.flush();
    log.flush();
    expect(disk.writes).toBe(1);
    expect(log.counts.written).toBe(100);
  });

  test('costs no line when it was over before the flush, nor when nobody knows the key', () => {
    const { log } = open();
    log.put('a', '1');
    log.delete('a');
    log.delete('nobody');
    log.flush();
    expect(disk.list()).toEqual([]);
  });

  test('may have any key and any JSON', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.json({ stringUnit: 'binary' }))),
        fc.array(fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) })),
        (entries, odd) => {
          disk = new CrashDisk();
          const { log } = open();
          const expected = new Map<string, string>();
          for (const [key, text] of [...entries, ...odd.map((key) => [key, '0'] as const)]) {
            log.put(key, text);
            expected.delete(key);
            expected.set(key, text);
          }
          log.flush();
          expect(kept()).toEqual([...expected]);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('may be plain in one place and of any letters in another, in a long segment', () => {
    const { log } = open();
    const expected = Array.from({ length: 3000 }, (_, n): [string, string] => {
      const letters =
        n % 1000 === 500 ? 'Zürich 東京 😀' : n === 1700 ? 'x'.repeat(300_000) : 'x'.repeat(500);
      return [`k${n}`, JSON.stringify({ n, letters })];
    });
    for (const [key, text] of expected) log.put(key, text);
    log.flush();
    expect(kept()).toEqual(expected);
  });

  test('can be read by eye', () => {
    const { log } = open();
    log.put('b:sip:alice@example.org', '{"a":"ö"}');
    log.put('odd key', '1');
    log.flush();
    log.append('b:sip:alice@example.org', '{"b":1}');
    log.delete('odd key');
    log.flush();
    expect(disk.text(FIRST).replace(/^\S+/gm, 'CRC')).toBe(
      'CRC callchart-live-log 3\n\nCRC 1 + b:sip:alice@example.org {"a":"ö"}\nCRC 2 + odd%0020key 1\n\nCRC 3 &1 b:sip:alice@example.org {"b":1}\nCRC 4 - odd%0020key\n\n',
    );
  });

  test('is written on in the same segment after a restart', () => {
    open().log.flush();
    for (const key of ['a', 'b', 'c']) {
      const { log } = open();
      log.put(key, '1');
      log.close();
    }
    expect(disk.list()).toEqual([FIRST]);
    expect(kept()).toHaveLength(3);
  });

  test('is safe at once when a process is all that may die', () => {
    const { log } = open();
    log.put('a', '1');
    log.flush();
    let isSafe = false;
    log.safely(() => {
      isSafe = true;
    });
    expect(isSafe).toBe(true);
    expect(disk.syncs).toBe(0);
  });
});

describe('what cannot be read', () => {
  const write = (...keys: string[]) => {
    const { log } = open();
    for (const key of keys) {
      log.put(key, '"text"');
      log.flush();
    }
  };
  const flip = (name: string, at: number) => {
    const bytes = Buffer.from(disk.text(name), 'latin1');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    disk.write(name, bytes);
  };

  test('at the end of the last segment is cut off and counted, at every byte', () => {
    write('a', 'b', 'c');
    const whole = disk.text(FIRST);
    for (let length = 0; length < whole.length; length++) {
      disk = new CrashDisk();
      disk.write(FIRST, whole.slice(0, length));
      const { kept, damage, log } = open();
      const left = whole.slice(0, length);
      const ends = left.split('\n\n').length - 1;
      const isEnd = left === '' || left.endsWith('\n\n');
      expect(damage, `${length}`).toMatchObject({ torn: isEnd ? 0 : 1, corrupt: 0, segments: 0 });
      expect(kept.size).toBe(Math.max(0, ends - 1));
      log.put('after', '1');
      log.flush();
      const again = open();
      expect(again.damage).toEqual({ torn: 0, corrupt: 0, segments: 0, files: [] });
      expect(again.kept.get('after')).toBe('1');
    }
  });

  test('of a burst that a dying process wrote in part is nothing', () => {
    write('a', 'b');
    const before = disk.text(FIRST).length;
    const { log } = open();
    log.put('a', '"new"');
    log.put('c', '"text"');
    log.delete('b');
    log.flush();
    const whole = disk.text(FIRST);
    for (let length = before; length <= whole.length; length++) {
      disk.write(FIRST, whole.slice(0, length));
      const isWhole = length === whole.length;
      expect(Object.fromEntries(open().kept), `${length}`).toEqual(
        isWhole ? { a: '"new"', c: '"text"' } : { a: '"text"', b: '"text"' },
      );
    }
  });

  test('in the middle is passed over and counted, and no flipped bit is ever believed', () => {
    write('a', 'b', 'c');
    const whole = disk.text(FIRST);
    const header = whole.indexOf('\n') + 1;
    const last = whole.lastIndexOf('\n', whole.length - 3) + 1;
    for (let at = 0; at < last - 1; at++) {
      disk = new CrashDisk();
      disk.write(FIRST, whole);
      flip(FIRST, at);
      const { kept, damage, log } = open();
      expect(damage.torn, `${at}`).toBe(0);
      expect(damage.corrupt).toBeGreaterThan(0);
      expect(kept.has('c')).toBe(true);
      expect(kept.size, `${at}`).toBe(at < header ? 3 : 2);
      for (const text of kept.values()) expect(text).toBe('"text"');
      log.put('after', '1');
      log.flush();
      expect(open().kept.get('after')).toBe('1');
    }
  });

  test('at all is set aside, and the rest goes on', () => {
    const { log } = open({ segmentSize: 1 });
    for (const key of ['a', 'b', 'c']) {
      log.put(key, `"${'x'.repeat(100)}"`);
      log.flush();
      disk.settle();
    }
    disk.fault = (operation, path) => (operation === 'read' && path.includes('2.log') ? 'EIO' : undefined);
    const opened = open();
    expect([...opened.kept.keys()]).toEqual(['a', 'c']);
    expect(opened.damage).toMatchObject({ torn: 0, corrupt: 0, segments: 1 });
    expect(disk.list()).toEqual([FIRST, 'live-00000002.log.damaged', 'live-00000003.log']);
    expect(open().damage.segments).toBe(0);
  });

  test('of a newer version is refused, and stays as it is', () => {
    write('a');
    const header = Buffer.from(headerOf(FORMAT_VERSION + 1));
    seal(header, 0, header.length);
    const newer = `${header.toString()}what it means nobody knows`;
    disk.write('live-00000002.log', newer);
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'store-newer', message: expect.stringContaining('live-00000002.log') }),
    );
    expect(disk.text('live-00000002.log')).toBe(newer);
    expect(disk.openFiles).toBe(1);
  });

  test('out of order, by its place, is read in order, by its number', () => {
    const sealed = (line: string) => {
      const bytes = Buffer.from(line);
      seal(bytes, 0, bytes.length);
      return bytes.toString();
    };
    const put = (seq: number, key: string) => lineOf(seq, key, { text: `${seq}`, isAppended: false });
    const lines = [put(7, 'a'), lineOf(9, 'b', DELETED), put(5, 'c'), put(6, 'a'), put(8, 'b')];
    disk.write(FIRST, [headerOf(1), ...lines].map(sealed).join(''));
    expect(kept()).toEqual([
      ['c', '5'],
      ['a', '7'],
    ]);
  });

  test('because the folder is not there is refused', () => {
    disk.fault = (operation) => (operation === 'readdir' ? 'ENOENT' : undefined);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'store-unreadable' }));
  });

  test('is nothing of ours: other files are left alone', () => {
    disk.write('records.db', 'SQLite');
    disk.write('live-1.log', 'x');
    expect(open()).toMatchObject({ damage: { torn: 0, corrupt: 0, segments: 0 } });
    expect(disk.list()).toEqual(['live-1.log', 'records.db']);
  });
});

describe('a real folder', () => {
  test('keeps what is put, with and without power for a promise', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'callchart-log-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const durability of ['process', 'power'] as const) {
      const { log } = LiveLog.open({ folder, durability, onTrouble: () => undefined });
      putText(log, log.item(durability), '"kept"');
      log.flush();
      // a busy disk may take longer than anybody is made to wait
      while (!(await new Promise<boolean>((done) => log.safely(done))));
      expect(readFileSync(join(folder, FIRST), 'utf8')).toContain(` + ${durability} "kept"`);
      log.close();
    }
    writeFileSync(join(folder, FIRST), readFileSync(join(folder, FIRST)).subarray(0, -3));
    const { kept, damage, log } = LiveLog.open({ folder, durability: 'process', onTrouble: () => undefined });
    log.close();
    expect([...kept.keys()]).toEqual(['process']);
    expect(damage.torn).toBe(1);
    expect(readdirSync(folder)).toEqual([FIRST]);
  });
});
