// Owns how figures are told: aligned tables that can be pasted into a page.
import { LAYERS, type Shares } from './layers.ts';
import type { Percentiles, Window } from './measure.ts';

export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join(
    '\n',
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const number = (value: number, digits = 0): string => (Number.isFinite(value) ? value.toFixed(digits) : '-');
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
const delays = (p: Percentiles): string => [p.p50, p.p95, p.p99].map((ms) => number(ms, 2)).join(' / ');

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

export function windowTable(windows: readonly (readonly [name: string, window: Window])[]): string {
  const rows = [
    [
      '',
      'µs/call',
      'calls/s',
      'failed',
      'retrans. by phones/server',
      'lost',
      'INVITE-180 p50/95/99 ms',
      'INVITE-200 p50/95/99 ms',
    ],
    ...windows.map(([name, w]) => [
      name,
      number(w.cpuPerCall, 1),
      number(w.callsPerSecond, 1),
      String(w.failed),
      `${w.retransmitted} / ${w.repeated}`,
      String(w.dropped),
      delays(w.ringDelay),
      delays(w.answerDelay),
    ]),
  ];
  const more = [
    [
      '',
      'server of a core',
      'in the kernel',
      'other threads',
      'memory',
      'generator of a core',
      'others on core',
      'stolen',
    ],
    ...windows.map(([name, w]) => [
      name,
      percent(w.coreShare),
      percent(w.kernelShare),
      percent(w.otherThreadsShare),
      megabytes(w.memory),
      percent(w.generatorShare),
      percent(w.othersShare),
      percent(w.stolenShare),
    ]),
  ];
  const failures = windows.flatMap(([name, w]) =>
    Object.entries(w.failures).map(([why, count]) => `${name}: ${count} x ${why}`),
  );
  return [table(rows), '', table(more), ...(failures.length > 0 ? ['', ...failures] : [])].join('\n');
}

export interface CpuSplit {
  readonly calls: number;
  /** µs in the window: all threads; main thread. */
  readonly cpu: number;
  readonly main: number;
  /** What is left of a moment of the profile, less the time of the sampler, which stops what it samples. */
  readonly scale: number;
}

/**
 * Where the CPU went. V8 counts the event loop's own system calls (epoll, recvmsg) as idle, so what the main thread took
 * beyond the profile's samples is those: the receiving half of the socket.
 */
export function cpuTable(shares: Shares, split: CpuSplit): string {
  const receive = Math.max(0, split.main - shares.total);
  const threads = split.cpu - split.main;
  const all = shares.total + receive + threads;
  const row = (name: string, self: number) => [name, number(self / split.calls, 1), percent(self / all)];
  const layers: [string, number][] = LAYERS.map((layer) => [layer, shares.layers[layer]]);
  layers.push(['socket: poll and receive, in libuv', receive], ['other threads (gc, compiler)', threads]);
  layers.sort((a, b) => b[1] - a[1]);
  const functions = shares.functions
    .slice(0, 40)
    .map((f) => [`${f.name} ${f.place}`, f.layer, ...row('', f.self).slice(1)]);
  return [
    table([['layer', 'µs/call', 'share'], ...layers.map(([name, self]) => row(name, self)), row('sum', all)]),
    '',
    table([['function', 'layer', 'self µs/call', 'share'], ...functions]),
  ].join('\n');
}

export function allocationTable(shares: Shares, calls: number): string {
  const row = (name: string, self: number) => [name, number(self / calls), percent(self / shares.total)];
  const layers: [string, number][] = LAYERS.map((layer) => [layer, shares.layers[layer]]);
  layers.sort((a, b) => b[1] - a[1]);
  const functions = shares.functions
    .slice(0, 30)
    .map((f) => [`${f.name} ${f.place}`, f.layer, ...row('', f.self).slice(1)]);
  return [
    table([
      ['layer', 'bytes/call', 'share'],
      ...layers.map(([name, self]) => row(name, self)),
      row('sum', shares.total),
    ]),
    '',
    table([['function', 'layer', 'self bytes/call', 'share'], ...functions]),
  ].join('\n');
}
