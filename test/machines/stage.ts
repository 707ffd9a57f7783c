// Runs a chart as data: events in, the state and the effects of each out. Watches what must hold for any call.
import { type AnyStateMachine, createActor, type Snapshot } from 'xstate';
import { statePath } from '../../machines/state-path.ts';
import type { DialogEvent, Effect, Entry, TimerName } from '../../machines/types.ts';

export interface Step {
  readonly event: DialogEvent;
  readonly state: string;
  /** `forward`, `giveUp 487`, `start ring`, `stop ring`, `tell ringing 180`. */
  readonly effects: readonly string[];
}

const TIMERS: readonly TimerName[] = [
  'ring',
  'cancel',
  'late',
  'ack',
  'bye',
  'retry',
  'life',
  'usage',
  'subscription',
];

/** What ends a call or a subscription: exactly one of them is told. */
const ENDS: ReadonlySet<Entry> = new Set<Entry>([
  'declined',
  'busy',
  'no-answer',
  'cancelled',
  'unreachable',
  'redirected',
  'failed',
  'ended',
  'timed-out',
  'refused',
  'conference.left',
  'unsubscribed',
]);

const sinks = new WeakMap<object, (effect: Effect) => void>();
const provided = new Map<AnyStateMachine, AnyStateMachine>();

/** The machine whose effects go to the stage of their actor; made once, as a host does. */
function onStage(machine: AnyStateMachine): AnyStateMachine {
  const known = provided.get(machine);
  if (known !== undefined) return known;
  const effect = (type: Effect['type']) => (args: unknown, params: unknown) => {
    sinks.get((args as { self: object }).self)?.({ type, params } as Effect);
  };
  const made = machine.provide({
    actions: {
      forward: effect('forward'),
      reply: effect('reply'),
      cancelBranches: effect('cancelBranches'),
      giveUp: effect('giveUp'),
      startTimer: effect('startTimer'),
      stopTimer: effect('stopTimer'),
      journal: effect('journal'),
    },
  });
  provided.set(machine, made);
  return made;
}

export class Stage {
  readonly steps: Step[] = [];
  /** Every entry told, in order. */
  readonly told: string[] = [];
  readonly running = new Set<TimerName>();
  readonly #actor;
  readonly #holders = new Set<string | undefined>();
  #effects: Effect[] = [];

  constructor(machine: AnyStateMachine, from?: Snapshot<unknown>) {
    this.#actor = createActor(onStage(machine), from === undefined ? {} : { snapshot: from });
    sinks.set(this.#actor, (effect) => this.#effects.push(effect));
    this.#actor.subscribe({ error: (error) => this.#fail(String(error)) });
    this.#actor.start();
  }

  get state(): string {
    return statePath(this.#actor.getSnapshot().value);
  }

  get done(): boolean {
    return this.#actor.getSnapshot().status === 'done';
  }

  /** What a store would keep. */
  get kept(): string {
    return JSON.stringify(this.#actor.getPersistedSnapshot());
  }

  /** Takes over what the host keeps beside the chart: the running timers, and what was told. */
  resume(other: Stage): void {
    for (const name of other.running) this.running.add(name);
    for (const side of other.#holders) this.#holders.add(side);
    this.told.push(...other.told);
  }

  play(...events: DialogEvent[]): this {
    for (const event of events) this.send(event);
    return this;
  }

  /** Sends one event and checks what must hold after any event in any state. */
  send(event: DialogEvent): Step {
    if (this.done) this.#fail(`over, and yet: ${event.type}`);
    const before = this.state;
    this.#effects = [];
    this.#actor.send(event);
    const effects = this.#effects;
    for (const { type, params } of effects as { type: string; params: { name: TimerName; entry: Entry } }[]) {
      if (type === 'startTimer') this.running.add(params.name);
      if (type === 'stopTimer') this.running.delete(params.name);
      if (type === 'journal') this.told.push(params.entry);
    }
    if (event.type.startsWith('timer.')) this.running.delete(event.type.slice('timer.'.length) as TimerName);
    const step = { event, state: this.state, effects: effects.map(write) };
    this.steps.push(step);
    this.#watch(before, event, effects);
    return step;
  }

  #watch(before: string, event: DialogEvent, effects: readonly Effect[]): void {
    const forwards = effects.filter(({ type }) => type === 'forward').length;
    const expected = concernsNobody(before, event) ? 0 : 1;
    if (forwards !== expected) this.#fail(`forwarded ${forwards} times instead of ${expected}`);

    const { told } = this;
    for (const once of ['incoming', 'ringing', 'answered'])
      if (count(told, once) > 1) this.#fail(`told twice: ${once}`);
    // A late 2xx takes back that the call was given up.
    const sinceAnswer = told.slice(told.lastIndexOf('answered') + 1);
    const ends = sinceAnswer.filter((entry) => ENDS.has(entry as Entry));
    if (ends.length > 1) this.#fail(`more than one end: ${ends}`);

    for (const { type, params } of effects as { type: string; params: { entry: Entry; side?: string } }[]) {
      if (type !== 'journal' || (params.entry !== 'hold' && params.entry !== 'resume')) continue;
      const changed =
        params.entry === 'hold' ? !this.#holders.has(params.side) : this.#holders.has(params.side);
      if (!changed) this.#fail(`told again: ${params.entry} by ${params.side}`);
      if (params.entry === 'hold') this.#holders.add(params.side);
      else this.#holders.delete(params.side);
    }
    const video = told.filter((entry) => entry === 'video.on' || entry === 'video.off');
    if (video.some((entry, index) => entry !== (index % 2 === 0 ? 'video.on' : 'video.off')))
      this.#fail(`picture told wrongly: ${video}`);

    if (this.done) return;
    const snapshot = this.#actor.getSnapshot();
    for (const name of this.running)
      if (!snapshot.can({ type: `timer.${name}` })) this.#fail(`timer ${name} runs for nothing`);
    if (this.state !== 'idle' && !TIMERS.some((name) => this.running.has(name)))
      this.#fail('no timer bounds this state');
  }

  #fail(what: string): never {
    const path = this.steps.map(
      ({ event, state, effects }) => `${JSON.stringify(event)} -> ${state}: ${effects}`,
    );
    throw new Error(`${what} in ${this.state}\n${path.join('\n')}`);
  }
}

/** The timers, the CANCEL that goes hop by hop, a 3xx that is followed, and what comes after our own final answer: nothing is sent on. */
function concernsNobody(state: string, { type }: DialogEvent): boolean {
  if (type.startsWith('timer.') || type === 'request.cancel' || type === 'response.redirect') return true;
  return state === 'given-up' && (type === 'response.provisional' || type === 'response.failure');
}

function count(told: readonly string[], entry: string): number {
  return told.filter((other) => other === entry).length;
}

function write(effect: Effect): string {
  switch (effect.type) {
    case 'forward':
    case 'cancelBranches':
      return effect.type;
    case 'reply':
    case 'giveUp':
      return `${effect.type} ${effect.params.status}`;
    case 'startTimer':
      return ['start', effect.params.name, effect.params.after]
        .filter((word) => word !== undefined)
        .join(' ');
    case 'stopTimer':
      return `stop ${effect.params.name}`;
    case 'journal': {
      const { entry, side, status } = effect.params;
      return ['tell', entry, side, status].filter((word) => word !== undefined).join(' ');
    }
  }
}
