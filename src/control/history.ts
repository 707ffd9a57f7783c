// What each live call went through: its last states with times and causes, kept small and only while the call lives.
import type { Side } from '../../machines/types.ts';
import type { Transition } from '../journal/transition.ts';

export interface Step {
  /** Wall clock, ms since the epoch. */
  readonly at: number;
  /** The state it led to. */
  readonly to: string;
  /** `INVITE`, `180`, `timer ring`. */
  readonly cause: string;
  /** Who sent the request that caused it. */
  readonly by: Side | undefined;
}

export interface History {
  readonly steps: readonly Step[];
  /** How many steps there were that are no longer kept, after the first ones. */
  readonly skipped: number;
}

/** What has become of a history since it was kept last: from its step `from` on it goes on with these. */
export interface HistoryPart extends History {
  readonly from: number;
}

/** Nothing in the part is trusted to be there. */
export function withPart(history: History | undefined, part: Partial<HistoryPart>): History {
  const { from = 0, steps = [], skipped = 0 } = part;
  return { steps: [...(history?.steps.slice(0, from) ?? []), ...steps], skipped };
}

interface Live {
  readonly history: { readonly steps: Step[]; skipped: number };
  /** So many steps are kept. */
  saved: number;
}

/** A call has five to ten steps; one that goes on for ever keeps how it began and where it is. */
const FIRST = 10;
const LAST = 30;

/** Costs a call of five transitions 0.9 µs and, while it lives, some 450 bytes. */
export class Histories {
  readonly #live = new Map<string, Live>();

  /** The whole history comes out with the call's last transition. */
  take({ dialog, at, to, cause, event, side, done }: Transition): History | undefined {
    const { callId } = dialog;
    let live = this.#live.get(callId);
    if (live === undefined) {
      live = { history: { steps: [], skipped: 0 }, saved: 0 };
      if (!done) this.#live.set(callId, live);
    } else if (done) this.#live.delete(callId);
    const { history } = live;
    const { steps } = history;
    if (steps.length >= FIRST + LAST) {
      steps.splice(FIRST, 1);
      history.skipped++;
      // all that follow have moved
      live.saved = Math.min(live.saved, FIRST);
    }
    steps.push({ at, to, cause, by: event.startsWith('request.') ? side : undefined });
    return done ? history : undefined;
  }

  of(callId: string): History | undefined {
    return this.#live.get(callId)?.history;
  }

  /** What is not kept yet of it, or all, as JSON of a HistoryPart; undefined: nothing. */
  save(callId: string, all: boolean): string | undefined {
    const live = this.#live.get(callId);
    if (live === undefined) return undefined;
    const { steps, skipped } = live.history;
    const from = all ? 0 : live.saved;
    if (from === steps.length) return undefined;
    live.saved = steps.length;
    return `{"from":${from},"steps":${JSON.stringify(steps.slice(from))},"skipped":${skipped}}`;
  }

  /** Of a call that lived before a restart: as `of` gave it. */
  restore(callId: string, { steps, skipped }: History): void {
    this.#live.set(callId, { history: { steps: [...steps], skipped }, saved: 0 });
  }

  get size(): number {
    return this.#live.size;
  }
}
