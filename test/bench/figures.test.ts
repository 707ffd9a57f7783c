// Proves the benchmark's arithmetic: profiles by layer, percentiles, SIPp's counters, options.
import { describe, expect, test } from 'vitest';
import { Later } from './later.ts';
import { layerOf, readCpuProfile, readHeapProfile, shares } from './layers.ts';
import { percentiles } from './measure.ts';
import { readOptions, UsageError } from './options.ts';
import { median, table } from './report.ts';
import { readCounters } from './sipp.ts';

const asIs = { placeOf: (frame: { url: string }) => frame.url };
const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 0, columnNumber: 0 });

describe('layers', () => {
  test.each([
    ['src/sip/parse.ts:1', 'parse'],
    ['src/sip/serialize.ts:1', 'serialise'],
    ['src/sip/edit.ts:1', 'serialise'],
    ['src/transport/udp.ts:1', 'socket'],
    ['node:dgram', 'socket'],
    ['src/transaction/layer.ts:1', 'transaction'],
    ['src/proxy/proxy-core.ts:1', 'routing'],
    ['src/supervisor/supervisor.ts:1', 'routing'],
    ['machines/dialog.ts:1', 'machine'],
    ['node_modules/xstate/dist/raise.cjs.js:1', 'machine'],
    ['src/journal/ndjson.ts:1', 'journal'],
    ['node_modules/pino/lib/proto.js:1', 'journal'],
    ['src/core.ts:1', 'other'],
    ['node:buffer', undefined],
    ['', undefined],
  ])('%s is %s', (place, layer) => {
    expect(layerOf(place)).toBe(layer);
  });

  test('a CPU profile: what has no layer of its own is its caller’s, idling is nobody’s, collection is gc', () => {
    const profile = {
      nodes: [
        { id: 1, callFrame: frame('(root)', ''), children: [2, 3, 4] },
        { id: 2, callFrame: frame('(idle)', '') },
        { id: 3, callFrame: frame('(garbage collector)', '') },
        { id: 4, callFrame: frame('parse', 'src/sip/parse.ts:1'), children: [5] },
        { id: 5, callFrame: frame('indexOf', 'node:buffer') },
      ],
      samples: [2, 4, 5, 3, 2],
      timeDeltas: [0, 100, 10, 20, 40],
    };
    const found = shares(readCpuProfile(JSON.stringify(profile)), asIs);
    expect(found.layers).toMatchObject({ parse: 30, gc: 40, other: 0 });
    expect(found.total).toBe(70);
    expect(found.functions.map((f) => [f.name, f.self])).toEqual([
      ['(garbage collector)', 40],
      ['indexOf', 20],
      ['parse', 10],
    ]);
  });

  test('an allocation profile', () => {
    const head = {
      callFrame: frame('(root)', ''),
      selfSize: 0,
      children: [{ callFrame: frame('tell', 'src/journal/journal.ts:1'), selfSize: 64, children: [] }],
    };
    expect(shares(readHeapProfile(JSON.stringify({ head })), asIs).layers.journal).toBe(64);
  });
});

test('percentiles are values that occurred', () => {
  expect(percentiles(Array.from({ length: 100 }, (_, i) => 100 - i))).toEqual({ p50: 50, p95: 95, p99: 99 });
  expect(percentiles([])).toEqual({ p50: Number.NaN, p95: Number.NaN, p99: Number.NaN });
});

test('median', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('tables line up', () => {
  expect(
    table([
      ['', 'n'],
      ['ab', '10'],
      ['c', '7'],
    ]),
  ).toBe('|    |  n |\n|----|----|\n| ab | 10 |\n| c  |  7 |');
});

test('SIPp’s last line counts', () => {
  const csv = 'A;SuccessfulCall(C);FailedCall(C);Retransmissions(C);\nx;1;0;0;\nx;9;2;3;\n';
  expect(readCounters(csv)).toEqual({ lines: 3, ok: 9, failed: 2, retransmitted: 3 });
  expect(readCounters('')).toMatchObject({ ok: 0, failed: 0 });
});

test('waits of several lengths end in time, each once', () => {
  const later = new Later();
  const rung: string[] = [];
  later.after(500, 0, () => rung.push('slow'));
  later.after(20, 0, () => rung.push('fast'));
  later.after(20, 5, () => rung.push('next'));
  later.fire(19.9);
  expect(rung).toEqual([]);
  later.fire(20);
  expect(rung).toEqual(['fast']);
  later.fire(600);
  later.fire(601);
  expect(rung.sort()).toEqual(['fast', 'next', 'slow']);
});

describe('options', () => {
  test('defaults', () => {
    expect(readOptions([])).toMatchObject({ rate: 400, users: 1000, server: 'callchart', peer: undefined });
  });

  test.each([
    [['--rate', 'many'], '--rate'],
    [['--users', '1'], '--users'],
    [['--frobnicate'], 'frobnicate'],
    [['--max-ratio', '2'], '--peer'],
    [['--sipp', '--profile'], '--sipp'],
  ])('%s is refused, and the word is named', (argv, word) => {
    expect(() => readOptions(argv)).toThrow(UsageError);
    expect(() => readOptions(argv)).toThrow(word);
  });
});
