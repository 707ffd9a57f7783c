// What another configuration changes: what a running server can take over, and what waits for a restart.
import type { Config } from './config.ts';
import { fileOnly, options } from './options.ts';

/**
 * What a server cannot change while it runs. Its addresses and its folder it is known by; `advertise` stands in the
 * Record-Routes of live calls; T1, T2 and T4 are counted on by transactions that are under way.
 */
export const NEEDS_RESTART: readonly string[] = [
  'listen',
  'advertise',
  'data',
  'timers.t1',
  'timers.t2',
  'timers.t4',
  'log.format',
];

export interface Changes {
  /** The new one, but for what needs a restart: that is as it was. */
  readonly config: Config;
  /** Paths of what is taken over: `timers.ring`. */
  readonly applied: readonly string[];
  /** Paths of what would be another after a restart. */
  readonly restart: readonly string[];
}

/** `before`: what holds in the running server. */
export function changesOf(before: Config, after: Config): Changes {
  const changed = [
    ...options.filter(({ show }) => !isSame(show(before), show(after))).map(({ path }) => path),
    ...fileOnly.filter(({ value }) => !isSame(value(before), value(after))).map(({ path }) => path),
  ];
  const { listen, advertise, data } = before;
  const { t1, t2, t4 } = before.timers;
  return {
    config: {
      ...after,
      listen,
      advertise,
      data,
      timers: { ...after.timers, t1, t2, t4 },
      log: { ...after.log, format: before.log.format },
    },
    applied: changed.filter((path) => !NEEDS_RESTART.includes(path)),
    restart: changed.filter((path) => NEEDS_RESTART.includes(path)),
  };
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
