// How a chart's state is written for people: dotted path, regions joined by a bar.
import type { StateValue } from 'xstate';

interface Step {
  readonly next: Map<string, Step>;
  path: string | undefined;
}

const step = (): Step => ({ next: new Map(), path: undefined });
const memory = step();

/** `ringing`, `confirmed.media.audio|transfer.idle`. Charts have few states: each path is built once and found again. */
export function statePath(value: StateValue): string {
  if (typeof value === 'string') return value;
  const found = walk(memory, value);
  found.path ??= build(value);
  return found.path;
}

function walk(from: Step, value: StateValue): Step {
  if (typeof value === 'string') return follow(from, value);
  let at = from;
  for (const key in value) {
    const child = value[key];
    at = follow(at, key);
    if (child !== undefined) at = walk(at, child);
  }
  return at;
}

function follow(from: Step, name: string): Step {
  let to = from.next.get(name);
  if (to === undefined) {
    to = step();
    from.next.set(name, to);
  }
  return to;
}

function build(value: StateValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([key, child]) => (child === undefined ? key : `${key}.${build(child)}`))
    .join('|');
}
