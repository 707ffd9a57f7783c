// The messages of the Stately inspector, as release 0.7.2 of @statelyai/inspect speaks them.
import type { AnyStateMachine } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import type { DialogFacts } from '../journal/transition.ts';
import { nameOf } from './chart/wording.ts';

/** The release whose messages these are; the inspector page is told. */
export const PROTOCOL = '0.7.2';

interface Common {
  /** The actor's, unique in this process. */
  readonly sessionId: string;
  readonly rootId: string;
  /** ms since the epoch. */
  readonly createdAt: string;
  readonly id: null;
  readonly _version: string;
}

/** An actor that is there from now on, with its chart and where it stands. */
export interface ActorMessage extends Common {
  readonly type: '@xstate.actor';
  readonly name: string;
  /** The machine's configuration as JSON. */
  readonly definition: string;
  readonly snapshot: unknown;
}

export interface EventMessage extends Common {
  readonly type: '@xstate.event';
  readonly event: unknown;
}

/** Where the actor stands after the event. */
export interface SnapshotMessage extends Common {
  readonly type: '@xstate.snapshot';
  readonly event: unknown;
  readonly snapshot: unknown;
}

export type StatelyMessage = ActorMessage | EventMessage | SnapshotMessage;

/** Makes the messages of one actor. */
export class Stately {
  readonly #sessionId: string;
  readonly #now: () => number;

  /** `now`: ms since the epoch. */
  constructor(sessionId: string, now: () => number) {
    this.#sessionId = sessionId;
    this.#now = now;
  }

  /** Also for an actor that has long been running: the inspector takes its snapshot for the beginning. */
  actor(facts: DialogFacts, snapshot: unknown): ActorMessage {
    return {
      type: '@xstate.actor',
      name: `${facts.machine} ${facts.callId}`,
      definition: definitionOf(facts.machine),
      snapshot,
      ...this.#common(),
    };
  }

  event(event: unknown): EventMessage {
    return { type: '@xstate.event', event, ...this.#common() };
  }

  snapshot(event: unknown, snapshot: unknown): SnapshotMessage {
    return { type: '@xstate.snapshot', event, snapshot, ...this.#common() };
  }

  #common(): Common {
    return {
      sessionId: this.#sessionId,
      // a call's actor has neither parent nor children
      rootId: this.#sessionId,
      createdAt: String(this.#now()),
      id: null,
      _version: PROTOCOL,
    };
  }
}

const machines: Readonly<Record<DialogFacts['machine'], AnyStateMachine>> = {
  dialog: dialogMachine,
  subscription: subscriptionMachine,
};

const definitions = new Map<DialogFacts['machine'], string>();

/** Made when first asked for: nobody watching costs nothing. */
function definitionOf(machine: DialogFacts['machine']): string {
  const made = definitions.get(machine) ?? JSON.stringify(machines[machine].config, withoutFunctions);
  definitions.set(machine, made);
  return made;
}

/** As the protocol has it: a function is an object that bears its name. */
function withoutFunctions(_key: string, value: unknown): unknown {
  return typeof value === 'function' ? { type: nameOf(value) ?? value.name } : value;
}
