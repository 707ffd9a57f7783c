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
  'durability',
  'records.keep',
  'records.maxSize',
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
  const applied = changed.filter((path) => !NEEDS_RESTART.includes(path));
  const restart = changed.filter((path) => NEEDS_RESTART.includes(path));
  const config = structuredClone(after);
  for (const path of restart) copy(path.split('.'), before, config);
  return { config, applied, restart };
}

/** What stands at those keys, one or two, in `from`. */
function copy([first = '', second]: readonly string[], from: object, to: object): void {
  const there: unknown = Reflect.get(from, first);
  const here: unknown = Reflect.get(to, first);
  if (second === undefined) Reflect.set(to, first, there);
  else if (isObject(there) && isObject(here)) copy([second], there, here);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
