// Which live calls are being watched, and for whom. Nobody watching: nothing is attached, and nothing is asked.
import { matcher, wire } from '../journal/of-user.ts';
import type { DialogFacts } from '../journal/transition.ts';
import type { StatelyMessage } from './stately.ts';
import { type Watchable, watch } from './watch.ts';

/** `next`: so many calls that are still to come. `user`: of this AOR, those that live and those to come. */
export type Choice =
  | { readonly callId: string }
  | { readonly user: string }
  | { readonly next: number }
  | 'every call';

/** The calls that live. */
export interface LiveCalls {
  get(callId: string): Watchable | undefined;
  all(): Iterable<Watchable>;
  /** Who wants to hear of each new call; undefined: nobody. */
  tellOfNew(listener: ((call: Watchable) => void) | undefined): void;
}

export interface Audience {
  message(message: StatelyMessage): void;
  /** All that was chosen is over: nothing more will come. */
  over(): void;
  /** A chosen call is not watched: so many are watched already. Told once. */
  tooMany(): void;
}

/** One viewer's calls at once; a busy server has thousands. */
export const MOST_AT_ONCE = 100;

export class Lens {
  readonly #calls: LiveCalls;
  readonly #now: () => number;
  readonly #waiting = new Set<View>();
  #attached = 0;

  /** `now`: ms since the epoch. */
  constructor(calls: LiveCalls, now: () => number) {
    this.#calls = calls;
    this.#now = now;
  }

  /** How many actors are attached to. */
  get attached(): number {
    return this.#attached;
  }

  /** Begins to watch. Returns what ends it; undefined: there is no such live call. */
  open(choice: Choice, audience: Audience): (() => void) | undefined {
    const view = new View(choice, audience);
    if (choice === 'every call' || 'user' in choice) {
      for (const call of this.#calls.all()) {
        if (view.wants(call.facts) && !view.isClosed) this.#attach(view, call);
      }
    } else if ('callId' in choice) {
      const call = this.#calls.get(wire(choice.callId));
      if (call === undefined) return undefined;
      this.#attach(view, call);
      return () => this.#close(view);
    }
    if (!view.isClosed) this.#waiting.add(view);
    if (this.#waiting.size === 1) this.#calls.tellOfNew((call) => this.#opened(call));
    return () => this.#close(view);
  }

  #opened(call: Watchable): void {
    for (const view of this.#waiting) if (view.wants(call.facts)) this.#attach(view, call);
  }

  #attach(view: View, call: Watchable): void {
    if (view.ends.size >= MOST_AT_ONCE) {
      if (!view.full) view.audience.tooMany();
      view.full = true;
      return;
    }
    if (view.remaining !== undefined && --view.remaining === 0) this.#stopWaiting(view);
    const end = watch(call, this.#now, {
      message: (message) => {
        try {
          view.audience.message(message);
        } catch {
          // a viewer's trouble must not become the call's
          this.#close(view);
        }
      },
      over: () => {
        this.#attached--;
        view.ends.delete(end);
        if (view.ends.size === 0 && !this.#waiting.has(view)) view.audience.over();
      },
    });
    if (view.isClosed) {
      end();
      return;
    }
    this.#attached++;
    view.ends.add(end);
  }

  #close(view: View): void {
    view.isClosed = true;
    this.#stopWaiting(view);
    for (const end of view.ends) end();
    this.#attached -= view.ends.size;
    view.ends.clear();
  }

  #stopWaiting(view: View): void {
    if (this.#waiting.delete(view) && this.#waiting.size === 0) this.#calls.tellOfNew(undefined);
  }
}

/** What one viewer wants to see, and what ends the watching of each call seen. */
class View {
  readonly audience: Audience;
  readonly ends = new Set<() => void>();
  full = false;
  isClosed = false;
  /** How many calls are still to come; undefined: as many as there are. */
  remaining: number | undefined;
  readonly #choice: Choice;
  readonly #isUser: (party: string) => boolean;

  constructor(choice: Choice, audience: Audience) {
    this.#choice = choice;
    this.audience = audience;
    this.#isUser = choice !== 'every call' && 'user' in choice ? matcher(choice.user) : () => false;
    if (choice !== 'every call' && 'next' in choice) this.remaining = choice.next;
  }

  wants({ machine, from, to }: DialogFacts): boolean {
    if (this.#choice === 'every call') return true;
    if ('user' in this.#choice) return this.#isUser(from) || this.#isUser(to);
    // people count calls, not subscriptions
    return 'next' in this.#choice && machine === 'dialog';
  }
}
