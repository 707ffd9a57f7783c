// Effects in words: `journal(answered)`, `startTimer(ring)`, `recordTerms`.
import type { AnyStateMachine } from 'xstate';
import * as dialogWords from '../../../machines/dialog-setup.ts';
import * as subscriptionWords from '../../../machines/subscription-setup.ts';

/** Context changes are nameless to XState: they are called as the module that owns them calls them. */
const names = new Map<unknown, string>(
  [dialogWords, subscriptionWords].flatMap((words) =>
    Object.entries(words).map(([name, value]) => [value, name] as const),
  ),
);

export function nameOf(action: unknown): string | undefined {
  return names.get(action);
}

/** What may stand in an event that an effect's params are made of: enough to see every entry that is told. */
const STATUSES = [200, 300, 401, 404, 408, 480, 486, 487, 500, 503, 600, 603];
const PROBES = STATUSES.flatMap((status) => [
  { status, origin: 'phone' },
  { status, origin: 'us' },
]);

/** An action as the machine's definition holds it, in words. `event`: what it is done for. */
export function wordsOf(action: unknown, event: { readonly type: string }, machine: AnyStateMachine): string {
  if (typeof action === 'string') return action;
  const name = nameOf(action);
  if (name !== undefined) return name;
  if (!isObject(action) || typeof action.type !== 'string') return 'unnamed';
  const params = action.params;
  if (params === undefined) return action.type;
  if (typeof params !== 'function') return written(action.type, [params]);
  const context: unknown = machine.config.context;
  return written(
    action.type,
    PROBES.map((facts): unknown => params({ context, event: { ...event, ...facts } })),
  );
}

/** All that it may be, once each: `journal(busy | declined)`. */
function written(type: string, params: readonly unknown[]): string {
  const said = new Set(params.map((one) => wordOf(one, params.length > 1)));
  return `${type}(${[...said].join(' | ')})`;
}

function wordOf(params: unknown, computed: boolean): string {
  if (!isObject(params)) return String(params);
  const { entry, name, status, after } = params;
  if (typeof entry === 'string') return entry;
  if (typeof name === 'string') {
    if (after === undefined) return name;
    return computed ? `${name}, as long as it says` : `${name}, ${Number(after) / 1000} s`;
  }
  return status === undefined ? JSON.stringify(params) : String(status);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}
