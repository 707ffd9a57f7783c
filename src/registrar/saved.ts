// Bindings as they are kept outside the process: JSON-safe, their ends told by the wall clock.
import type { Aor } from '../sip/uri.ts';
import type { Clock, WallClock } from '../time/clock.ts';
import type { Flow } from '../transport/flow.ts';
import type { Binding, Follow } from './binding.ts';
import { askedContact, contactFields } from './contacts.ts';
import type { Location } from './location.ts';

/** What cannot be read from the Contact again. Strings are wire text, one char per byte. */
export interface SavedBinding {
  readonly aor: string;
  readonly contact: string;
  readonly callId: string;
  readonly cseq: number;
  /** Wall clock, ms since the epoch. */
  readonly expires: number;
  /** ms it was to last when this was written. */
  readonly left?: number | undefined;
  readonly flow: Flow;
  readonly path: readonly string[];
  readonly follow: Follow;
}

export interface Times {
  readonly clock: Clock;
  readonly wall: WallClock;
}

export function save(binding: Binding, { clock, wall }: Times): SavedBinding {
  const { aor, contact, callId, cseq, flow, path, follow } = binding;
  const left = binding.expiresAt - clock.now();
  return {
    aor,
    contact,
    callId,
    cseq,
    expires: wall() + left,
    left,
    flow: { ...flow },
    path: [...path],
    follow,
  };
}

/** Every live binding, in an order that restores the order among them. */
export function* snapshot(location: Location, times: Times): Generator<SavedBinding> {
  for (const binding of location.all()) yield save(binding, times);
}

/** Fills an empty location. What is over by now, or is no saved binding, is left out; answers how many came back. */
export function restore(location: Location, saved: Iterable<unknown>, { clock, wall }: Times): number {
  let count = 0;
  for (const one of saved) {
    if (!isSaved(one)) continue;
    // A clock that was put back meanwhile makes nothing last longer.
    const left = Math.min(one.expires - wall(), one.left ?? Number.POSITIVE_INFINITY);
    const contact = askedContact(one.contact, undefined);
    if (left <= 0 || typeof contact === 'string') continue;
    const { callId, cseq, flow, path, follow } = one;
    const aor = one.aor as Aor;
    const expiresAt = clock.now() + left;
    const fresh = { aor, ...contactFields(contact), callId, cseq, expiresAt, flow, path, follow };
    location.replace(aor, [{ old: undefined, fresh }]);
    count++;
  }
  return count;
}

function isSaved(value: unknown): value is SavedBinding {
  if (!isRecord(value) || !isRecord(value.flow)) return false;
  const { aor, contact, callId, cseq, expires, left = 0, flow, path, follow } = value;
  const { transport, localAddress, localPort, remoteAddress, remotePort } = flow;
  return (
    [aor, contact, callId, localAddress, remoteAddress].every((it) => typeof it === 'string') &&
    [cseq, expires, left, localPort, remotePort].every(Number.isFinite) &&
    transport === 'udp' &&
    Array.isArray(path) &&
    path.every((it) => typeof it === 'string') &&
    (follow === 'contact' || follow === 'flow')
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
