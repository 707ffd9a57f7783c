// Ready-made timer effects. A chart knows no clock: it names a timer, and the host's clock sends `timer.<name>` back.
import type { TimerName } from './types.ts';

/** RFC 3261 §17: 64*T1 at its default T1, ms: how long the network may still hold something back. */
export const LINGER = 32_000;

/** (Re)starts it; `after` in ms, else the host's duration for that name. */
export function startTimer<Name extends TimerName>(name: Name, after?: number) {
  return { type: 'startTimer', params: after === undefined ? { name } : { name, after } } as const;
}

export function stopTimer<Name extends TimerName>(name: Name) {
  return { type: 'stopTimer', params: { name } } as const;
}
