// Runs one machine twice, by XState's interpreter and compiled, and holds the two against each other after every event.

import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import {
  type Actor,
  type AnyActor,
  type AnyStateMachine,
  createActor,
  type EventObject,
  type Snapshot,
} from 'xstate';
import { compiledLogic } from '../../src/supervisor/compiled-logic.ts';

interface Did {
  readonly type: string;
  readonly params: unknown;
  readonly context: unknown;
  readonly event: unknown;
}

type Logic = ReturnType<typeof compiledLogic>;

export interface Both {
  readonly machine: AnyStateMachine;
  readonly logic: Logic;
}

const did = new WeakMap<object, Did[]>();

/** The machine in both forms; each of these effects is written down with what it was told. */
export function both(machine: AnyStateMachine, effects: readonly string[]): Both {
  const write = (type: string) => (args: unknown, params: unknown) => {
    const { self, context, event } = args as { self: object; context: unknown; event: unknown };
    did.get(self)?.push({ type, params, context, event });
  };
  const provided = machine.provide({
    actions: Object.fromEntries(effects.map((type) => [type, write(type)])),
  });
  return { machine: provided, logic: compiledLogic(provided) };
}

/** One life, lived twice. */
export class SideBySide {
  readonly both: Both;
  readonly #interpreted: Actor<AnyStateMachine>;
  readonly #compiled: Actor<Logic>;
  readonly #heard: [unknown[], unknown[]] = [[], []];

  constructor(pair: Both, kept?: Snapshot<unknown>) {
    this.both = pair;
    const options = (index: 0 | 1) => ({
      inspect: ({ type, event, snapshot }: { type: string; event?: unknown; snapshot?: unknown }) => {
        if (type === '@xstate.event' || type === '@xstate.snapshot')
          this.#heard[index].push(JSON.parse(JSON.stringify({ type, event, snapshot }), inOrder));
      },
      ...(kept && { snapshot: structuredClone(kept) }),
    });
    this.#interpreted = createActor(pair.machine, options(0));
    this.#compiled = createActor(pair.logic, options(1));
    for (const actor of this.#actors) {
      did.set(actor, []);
      actor.subscribe({ error: () => {} });
      actor.start();
    }
    this.#compare();
  }

  get #actors(): AnyActor[] {
    return [this.#interpreted, this.#compiled];
  }

  get isOver(): boolean {
    return this.#compiled.getSnapshot().status !== 'active';
  }

  /** The compiled one's. */
  get value(): unknown {
    return this.#compiled.getSnapshot().value;
  }

  /** What each would have kept: the interpreter's, then the compiled one's. */
  get kept(): [Snapshot<unknown>, Snapshot<unknown>] {
    const kept = (actor: AnyActor) => JSON.parse(JSON.stringify(actor.getPersistedSnapshot()));
    return [kept(this.#interpreted), kept(this.#compiled)];
  }

  play(events: readonly EventObject[]): this {
    for (const event of events) if (!this.isOver) this.send(event);
    return this;
  }

  send(event: EventObject): void {
    for (const actor of this.#actors) actor.send(event);
    this.#compare();
  }

  stop(): void {
    for (const actor of this.#actors) actor.stop();
    this.#compare();
  }

  #compare(): void {
    const [expected, found] = [this.#seen(this.#interpreted, 0), this.#seen(this.#compiled, 1)];
    // quicker by far than asking `expect` each time
    if (!isDeepStrictEqual(found, expected)) expect(found).toEqual(expected);
  }

  #seen(actor: AnyActor, index: 0 | 1): object {
    const snapshot = actor.getSnapshot();
    const { status, value, context, error, tags } = snapshot;
    const seen = { status, value, context, error, did: did.get(actor)?.splice(0) };
    if (status === 'error') return seen;
    return {
      ...seen,
      tags: [...tags].sort(),
      hasTags: [...tags].every((tag) => snapshot.hasTag(tag)),
      matches: snapshot.matches(value),
      kept: actor.getPersistedSnapshot(),
      heard: this.#heard[index].splice(0),
    };
  }
}

/** Tags are a set. */
function inOrder(key: string, value: unknown): unknown {
  return key === 'tags' && Array.isArray(value) ? value.sort() : value;
}
