// What a chart's actions and guards become: functions found once, run without XState's interpreter.
import type { AnyStateMachine } from 'xstate';
import { ChartRefused } from './compiled-limits.ts';

/** What an action or a guard is told; made once for each event. */
export class Now {
  readonly context: object;
  readonly event: { readonly type: string };
  readonly self: unknown;
  readonly system: unknown;

  constructor(context: object, event: { readonly type: string }, self: unknown, system: unknown) {
    this.context = context;
    this.event = event;
    this.self = self;
    this.system = system;
  }
}

/** Gives what the next action is told: the same, unless the context has changed. */
export type Act = (now: Now) => Now;
export type Guard = (now: Now) => boolean;

type Body = (args: unknown, params: unknown) => unknown;

/** A named action or guard as a chart writes it. */
interface Named {
  readonly type: string;
  readonly params?: unknown;
}

/** The names of a chart, with what its host provides for them. */
export class Words {
  readonly #actions: Readonly<Record<string, unknown>>;
  readonly #guards: Readonly<Record<string, unknown>>;

  constructor({ implementations }: AnyStateMachine) {
    this.#actions = implementations.actions;
    this.#guards = implementations.guards;
  }

  /** Throws when the action has no body, or one of a kind that is not known here. */
  act(action: unknown): Act {
    const { name, body, params } = find('action', action, this.#actions);
    if (!('resolve' in body)) return effect(body, params);
    if ('assignment' in body) return assignment(body.assignment, params);
    if ('collect' in body && isBody(body.collect)) return this.#queue(body.collect, params);
    throw new ChartRefused(`the built-in action "${name}"`);
  }

  /** Throws when the guard has no body, or one of a kind that is not known here. */
  guard(guard: unknown): Guard {
    const { name, body, params } = find('guard', guard, this.#guards);
    if ('check' in body) throw new ChartRefused(`the built-in guard "${name}"`);
    if (typeof params === 'function') return (now) => Boolean(body(now, params(now)));
    return (now) => Boolean(body(now, params));
  }

  /** `enqueueActions`: what is done is known only once the event is here. */
  #queue(collect: Body, params: unknown): Act {
    return (now) => {
      const queue: Act[] = [];
      const enqueue = Object.assign((action: unknown) => void queue.push(this.act(action)), {
        assign: (change: unknown) => void queue.push(assignment(change, undefined)),
        ...NEVER_QUEUED,
      });
      const check = (guard: unknown) => this.guard(guard)(now);
      collect({ ...now, enqueue, check }, paramsOf(params, now));
      let next = now;
      for (const act of queue) next = act(next);
      return next;
    };
  }
}

function refuse(what: string): () => never {
  return () => {
    throw new ChartRefused(what);
  };
}

const NEVER_QUEUED = Object.fromEntries(
  ['cancel', 'raise', 'sendTo', 'sendParent', 'spawnChild', 'stopChild', 'emit'].map((name) => [
    name,
    refuse(`enqueue.${name}`),
  ]),
);

function isBody(value: unknown): value is Body {
  return typeof value === 'function';
}

function find(kind: 'action' | 'guard', word: unknown, bodies: Readonly<Record<string, unknown>>) {
  if (isBody(word)) return { name: word.name, body: word, params: undefined };
  const { type, params }: Named = typeof word === 'string' ? { type: word } : (word as Named);
  const body = Object.hasOwn(bodies, type) ? bodies[type] : undefined;
  if (!isBody(body)) throw new ChartRefused(`the ${kind} "${type}", which has no body`);
  return { name: type, body, params };
}

function paramsOf(params: unknown, now: Now): unknown {
  return isBody(params) ? params(now, undefined) : params;
}

function effect(body: Body, params: unknown): Act {
  if (isBody(params)) {
    return (now) => {
      body(now, params(now, undefined));
      return now;
    };
  }
  return (now) => {
    body(now, params);
    return now;
  };
}

const spawn = refuse('spawn');

function assignment(change: unknown, params: unknown): Act {
  const partial = isBody(change) ? change : oneByOne(change as object);
  return (now) => {
    const context = { ...now.context, ...(partial({ ...now, spawn }, paramsOf(params, now)) as object) };
    return new Now(context, now.event, now.self, now.system);
  };
}

/** `assign({ rang: true, refusal: ({ event }) => ... })` */
function oneByOne(change: object): Body {
  const parts = Object.entries(change);
  return (args, params) =>
    Object.fromEntries(parts.map(([key, part]) => [key, isBody(part) ? part(args, params) : part]));
}
