// Watches one live call: attached to its actor while somebody looks, and gone without a trace afterwards.
import type { DialogFacts } from '../journal/transition.ts';
import { Stately, type StatelyMessage } from './stately.ts';

/** The members of an XState actor that watching needs. */
export interface InspectedActor {
  readonly sessionId: string;
  readonly system: { inspect(observer: { next(event: Inspected): void }): Subscription };
  getSnapshot(): { readonly status: string; readonly value: unknown };
  subscribe(observer: { error(cause: unknown): void }): Subscription;
}

/** What XState tells its observers; there are more types than the two that matter here. */
export interface Inspected {
  readonly type: string;
  readonly event?: unknown;
  readonly snapshot?: unknown;
}

interface Subscription {
  unsubscribe(): void;
}

export interface Watchable {
  readonly facts: DialogFacts;
  readonly actor: InspectedActor;
}

export interface Watcher {
  message(message: StatelyMessage): void;
  /** The call is over, and so is the watching. */
  over(): void;
}

/**
 * Announces the call as it stands and tells what happens to it, from inside of its transitions: the watcher is quick
 * and does not throw. Returns what ends the watching.
 */
export function watch({ facts, actor }: Watchable, now: () => number, watcher: Watcher): () => void {
  const stately = new Stately(actor.sessionId, now);
  watcher.message(stately.actor(facts, actor.getSnapshot()));
  const end = () => {
    inspection.unsubscribe();
    errors.unsubscribe();
  };
  let last: unknown = { type: '' };
  const inspection = actor.system.inspect({
    next: ({ type, event, snapshot }) => {
      if (type === '@xstate.event') {
        last = event;
        watcher.message(stately.event(event));
      } else if (type === '@xstate.snapshot') {
        watcher.message(stately.snapshot(event, snapshot));
        if (statusOf(snapshot) === 'active') return;
        end();
        watcher.over();
      }
    },
  });
  // An actor that breaks tells its observers, not its inspectors.
  const errors = actor.subscribe({
    error: (cause) => {
      end();
      const { value } = actor.getSnapshot();
      watcher.message(stately.snapshot(last, { status: 'error', value, error: String(cause) }));
      watcher.over();
    },
  });
  return end;
}

function statusOf(snapshot: unknown): unknown {
  return typeof snapshot === 'object' && snapshot !== null && 'status' in snapshot ? snapshot.status : '';
}
