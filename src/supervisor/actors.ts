// The charts as running actors: production effects in place of the "never provided" ones, compiled once.
import { createActor } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import type { DialogEvent, Entry, Side, TimerName } from '../../machines/types.ts';
import type { InspectedActor } from '../inspect/watch.ts';
import { compiledLogic, keptSnapshot } from './compiled-logic.ts';

/** What effects do, for the delivery at hand. */
export interface EffectHost {
  forward(): void;
  reply(status: number): void;
  cancelBranches(): void;
  giveUp(status: number): void;
  startTimer(name: TimerName, after: number | undefined): void;
  stopTimer(name: TimerName): void;
  journal(entry: Entry, side: Side | undefined, status: number | undefined): void;
}

/** The few members of an XState actor that the host and its observers use. */
export interface DialogActor extends InspectedActor {
  start(): unknown;
  stop(): unknown;
  send(event: DialogEvent): void;
  getSnapshot(): { readonly status: string; readonly value: unknown; readonly context: unknown };
}

export class Actors {
  readonly #logic;

  constructor(host: EffectHost) {
    const actions = {
      forward: () => host.forward(),
      reply: (_: unknown, params: { status: number }) => host.reply(params.status),
      cancelBranches: () => host.cancelBranches(),
      giveUp: (_: unknown, params: { status: number }) => host.giveUp(params.status),
      startTimer: (_: unknown, params: { name: TimerName; after?: number }) =>
        host.startTimer(params.name, params.after),
      stopTimer: (_: unknown, params: { name: TimerName }) => host.stopTimer(params.name),
      journal: (_: unknown, params: { entry: Entry; side?: Side; status?: number }) =>
        host.journal(params.entry, params.side, params.status),
    };
    this.#logic = {
      dialog: compiledLogic<DialogEvent>(dialogMachine.provide({ actions })),
      subscription: compiledLogic<DialogEvent>(subscriptionMachine.provide({ actions })),
    };
  }

  create(machine: 'dialog' | 'subscription'): DialogActor {
    return createActor(this.#logic[machine]);
  }

  /** An actor where another one stood. Throws when its chart knows no such state. */
  restore(machine: 'dialog' | 'subscription', value: unknown, context: unknown): DialogActor {
    const actor = createActor(this.#logic[machine], { snapshot: keptSnapshot(value, context) });
    const { status, error } = actor.getSnapshot();
    if (status === 'error') throw error;
    return actor;
  }
}
