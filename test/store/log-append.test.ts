import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { headerOf, seal } from '../../src/store/log-line.ts';
import { CrashDisk, chanceOf, openOn } from './crash-disk.ts';
import type { KeyedLog } from './keyed-log.ts';
import { DELETED, lineOf } from './line-of.ts';

const FIRST = 'live-00000001.log';
let disk: CrashDisk;
let now: number;

beforeEach(() => {
  disk = new CrashDisk();
  now = 0;
});

function open(options: Parameters<typeof openOn>[1] = {}) {
  return openOn(disk, { now: () => now, ...options });
}

const kept = () => Object.fromEntries(open().kept);
const signs = () => [...disk.text(FIRST).matchAll(/^\S+ \d+ (\S)/gm)].map(([, sign]) => sign).join('');

type Change = ['put' | 'append', string] | ['delete'] | ['flush'];

function change(log: KeyedLog, ...changes: Change[]) {
  for (const [what, text] of changes) {
    if (what === 'flush') log.flush();
    else if (what === 'delete') log.delete('k');
    else log[what]('k', text);
  }
  log.flush();
}

describe('what was appended', () => {
  const cases: { name: string; changes: Change[]; signs: string; kept: string | undefined }[] = [
    {
      name: 'stands behind what was put, in order',
      changes: [['put', '1'], ['flush'], ['append', '2'], ['flush'], ['append', '3']],
      signs: '+&&',
      kept: '1\x1e2\x1e3',
    },
    {
      name: 'is one line with what was put in the same burst',
      changes: [
        ['put', '1'],
        ['append', '2'],
        ['append', '3'],
      ],
      signs: '+',
      kept: '1\x1e2\x1e3',
    },
    {
      name: 'is one line a burst',
      changes: [['put', '1'], ['flush'], ['append', '2'], ['append', '3']],
      signs: '+&',
      kept: '1\x1e2\x1e3',
    },
    {
      name: 'is replaced by what is put',
      changes: [['put', '1'], ['flush'], ['append', '2'], ['flush'], ['append', '3'], ['put', '4']],
      signs: '+&+',
      kept: '4',
    },
    {
      name: 'stands behind what was put last',
      changes: [
        ['put', '1'],
        ['flush'],
        ['append', '2'],
        ['flush'],
        ['put', '3'],
        ['flush'],
        ['append', '4'],
      ],
      signs: '+&+&',
      kept: '3\x1e4',
    },
    {
      name: 'is deleted with all before it',
      changes: [['put', '1'], ['flush'], ['append', '2'], ['flush'], ['append', '3'], ['delete']],
      signs: '+&-',
      kept: undefined,
    },
    {
      name: 'begins anew behind a deletion of the same burst',
      changes: [['put', '1'], ['flush'], ['delete'], ['append', '2'], ['append', '3']],
      signs: '++',
      kept: '2\x1e3',
    },
    {
      name: 'begins anew behind a deletion',
      changes: [['put', '1'], ['flush'], ['delete'], ['flush'], ['append', '2'], ['flush'], ['append', '3']],
      signs: '+-&&',
      kept: '2\x1e3',
    },
    {
      name: 'is all there is of a key that was never put',
      changes: [['append', '1'], ['flush'], ['append', '2']],
      signs: '&&',
      kept: '1\x1e2',
    },
    {
      name: 'is not written when it is over before the flush',
      changes: [['append', '1'], ['delete']],
      signs: '',
      kept: undefined,
    },
  ];

  test.each(cases)('$name', ({ changes, signs: expected, kept: text }) => {
    const { log } = open();
    change(log, ...changes);
    expect(disk.list().length === 0 ? '' : signs()).toBe(expected);
    expect(open().kept.get('k')).toBe(text);
    // and goes on from there
    const { log: next } = open();
    change(next, ['append', 'more']);
    expect(open().kept.get('k')).toBe(text === undefined ? 'more' : `${text}\x1emore`);
  });

  test('brings its key to the end of the order', () => {
    const { log } = open();
    for (const key of ['a', 'b', 'c']) log.put(key, '1');
    log.append('a', '2');
    log.flush();
    log.append('b', '2');
    log.flush();
    expect([...open().kept.keys()]).toEqual(['c', 'a', 'b']);
  });

  test('may be of any letters', () => {
    const { log } = open();
    log.put('odd key', '"Žofia"');
    log.flush();
    log.append('odd key', '"😀"');
    log.flush();
    expect(kept()).toEqual({ 'odd key': '"Žofia"\x1e"😀"' });
  });
});

describe('a line that was appended', () => {
  const sealed = (...lines: string[]) => {
    disk.write(
      FIRST,
      [headerOf(2), ...lines]
        .map((line) => {
          const bytes = Buffer.from(line);
          seal(bytes, 0, bytes.length);
          return bytes.toString();
        })
        .concat('\n')
        .join(''),
    );
  };
  const append = (seq: number, after: number) =>
    lineOf(seq, 'k', { text: `${seq}`, isAppended: true }, after);
  const put = (seq: number) => lineOf(seq, 'k', { text: `${seq}`, isAppended: false });

  test('counts once and by its number, wherever and how often it stands', () => {
    sealed(append(4, 3), append(3, 2), put(2), append(4, 3), put(1), append(3, 2));
    expect(kept()).toEqual({ k: '2\x1e3\x1e4' });
  });

  test('counts no more when another followed the same line later', () => {
    sealed(put(1), append(2, 1), append(3, 2), append(4, 1), append(5, 4));
    expect(kept()).toEqual({ k: '1\x1e4\x1e5' });
  });

  test('does not count without the one it follows: the key is as it was before that', () => {
    sealed(put(1), append(2, 1), append(4, 3), append(5, 4));
    expect(kept()).toEqual({ k: '1\x1e2' });
    const { log } = open();
    change(log, ['append', 'more']);
    expect(kept()).toEqual({ k: '1\x1e2\x1emore' });
  });

  test('does not count behind what was put or deleted later', () => {
    sealed(append(2, 1), append(3, 2), lineOf(4, 'k', DELETED), append(6, 5));
    expect(kept()).toEqual({});
    sealed(append(2, 0), put(4), append(6, 5));
    expect(kept()).toEqual({ k: '4' });
  });
});

describe('when the segment is cleaned', () => {
  const pad = 'x'.repeat(80);
  const small = { segmentSize: 1000, compactPerFlush: 300 };

  test('each line of a key is carried along, also while the key is appended to', () => {
    const { log } = open(small);
    const expected = new Map<string, string>();
    for (let n = 0; n < 500; n++) {
      const key = `k${n % 7}`;
      if (n < 7) {
        log.put(key, `"${n}"`);
        expected.set(key, `"${n}"`);
      } else if (n % 70 < 7) {
        log.append(key, `${n}`);
        expected.set(key, `${expected.get(key)}\x1e${n}`);
      }
      log.put('changes', `"${n}${pad}"`);
      log.flush();
      disk.settle();
    }
    expect(log.counts.carried).toBeGreaterThan(100);
    expect(log.counts.corrupt).toBe(0);
    expect(disk.list()).not.toContain(FIRST);
    expect(open().kept).toEqual(new Map([...expected, ['changes', `"499${pad}"`]]));
  });

  test('all lines of a key are let go with it', () => {
    for (const end of ['put', 'delete'] as const) {
      disk = new CrashDisk();
      const { log } = open(small);
      change(log, ['put', '1']);
      for (let n = 0; n < 100; n++) change(log, ['append', pad]);
      change(log, end === 'put' ? ['put', '2'] : ['delete']);
      const before = log.counts.carried;
      for (let n = 0; n < 300; n++) {
        log.put('changes', pad);
        log.flush();
        disk.settle();
      }
      // the put itself, from time to time
      expect(log.counts.carried - before).toBeLessThan(60);
      expect(disk.size()).toBeLessThan(20_000);
    }
  });
});

test.each<[string, Change[], Change[], string]>([
  ['an append', [['append', '2']], [['append', '3']], '1\x1e2\x1e3'],
  ['a put', [['put', '2']], [['append', '3']], '2\x1e3'],
  ['a deletion', [['delete']], [['append', '3']], '3'],
  ['a put that is over', [['put', '2']], [['delete'], ['append', '3']], '3'],
])('what stands half in the log, and cannot be cut off, counts once: %s', (_, half, then, expected) => {
  for (const isKnown of [true, false]) {
    if (!isKnown && half[0]?.[0] !== 'put') continue;
    disk = new CrashDisk();
    const { log } = open();
    if (isKnown) change(log, ['put', '1']);
    const { writeSync } = disk.fs;
    disk.fs.writeSync = (...args) => {
      writeSync(...args);
      throw new Error('EIO');
    };
    change(log, ...half);
    disk.fs.writeSync = writeSync;
    disk.fault = (operation) => (operation === 'truncate' ? 'EPERM' : undefined);
    now = 1000;
    change(log, ...then);
    log.close();
    disk.settle();
    expect(disk.list()).toHaveLength(2);
    expect(kept()).toEqual({ k: expected });
    now = 0;
  }
});

test('what is appended while a write is under way follows what that wrote, also if it fails or the log is closed', () => {
  for (const then of ['lands', 'fails', 'closes', 'closes and lands'] as const) {
    for (const first of ['put', 'append', 'delete'] as const) {
      disk = new CrashDisk();
      const { log } = open();
      disk.takes = (operation) => {
        if (operation === 'write') now += 60;
      };
      change(log, ['put', '1']);
      change(log, first === 'delete' ? ['delete'] : [first, '2']);
      expect(disk.underway).toBe(1);
      log.append('k', '3');
      if (then === 'fails') disk.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
      if (then === 'closes and lands') disk.fs.syncSync = () => void disk.settle();
      if (then.startsWith('closes')) log.close();
      disk.settle();
      disk.fault = () => undefined;
      now += 1000;
      if (!then.startsWith('closes')) log.close();
      disk.settle();
      const before = { put: '2\x1e', append: '1\x1e2\x1e', delete: '' }[first];
      expect(kept(), `${first} ${then}`).toEqual({ k: `${before}3` });
    }
  }
});

describe('whatever is put, appended and deleted in any order', () => {
  const key = fc.integer({ min: 0, max: 5 }).map((n) => `k${n}`);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), key) },
    { weight: 8, arbitrary: fc.tuple(fc.constant('append' as const), key) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
    { weight: 6, arbitrary: fc.tuple(fc.constant('flush' as const)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('reopen' as const)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('kill' as const), fc.integer()) },
  );

  test('what is kept is what a map would hold, and after a kill at any byte what was flushed or the burst that was written', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 150 }), fc.boolean(), (steps, letsGo) => {
        disk = new CrashDisk();
        const options = { segmentSize: 300, compactPerFlush: 100, letsGo };
        let { log } = open(options);
        let map = new Map<string, string>();
        let flushed = new Map(map);
        let count = 0;
        const reopen = () => {
          const opened = open(options);
          log = opened.log;
          expect(opened.damage.corrupt + opened.damage.segments).toBe(0);
          return opened.kept;
        };
        /** In the midst of the next write the process is no more. */
        const kill = (seed: number) => {
          const chance = chanceOf(seed);
          const write = disk.fs.writeSync;
          disk.fs.writeSync = (fd, bytes, offset, length) => {
            const count = Math.floor(chance() * (length + 1));
            if (count > 0) write(fd, bytes, offset, count);
            throw new Error('killed');
          };
          log.flush();
          disk.fs.writeSync = write;
          disk.kill(chance);
          const kept = reopen();
          const isWhole = kept.size === map.size && [...map].every(([key, text]) => kept.get(key) === text);
          expect(new Map([...kept].sort())).toEqual(new Map([...(isWhole ? map : flushed)].sort()));
          map = new Map(kept);
          flushed = new Map(kept);
        };
        for (const [what, arg] of steps) {
          const text = `${++count}`;
          if (what === 'put') {
            log.put(arg, text);
            map.delete(arg);
            map.set(arg, text);
          } else if (what === 'append') {
            log.append(arg, text);
            const before = map.get(arg);
            map.delete(arg);
            map.set(arg, before === undefined ? text : `${before}\x1e${text}`);
          } else if (what === 'delete') {
            log.delete(arg);
            map.delete(arg);
          } else if (what === 'flush') {
            log.flush();
            disk.settle();
            flushed = new Map(map);
          } else if (what === 'kill') kill(arg);
          else {
            log.close();
            disk.settle();
            expect([...reopen()]).toEqual([...map]);
            flushed = new Map(map);
          }
        }
        log.close();
        disk.settle();
        expect([...reopen()]).toEqual([...map]);
      }),
      { numRuns: Number(process.env.LOG_RUNS ?? 300) },
    );
  });
});
