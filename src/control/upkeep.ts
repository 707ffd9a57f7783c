// What an operator asks of a running server: to take another configuration, to let its calls end, and how it stands.
import type { Answering, Exchange } from './control-server.ts';

export interface Upkeep {
  reload(): ReloadAnswer;
  /** `timeout` in ms; undefined: the configuration's. */
  drain(timeout?: number): DrainAnswer;
  /** The drain is over. */
  readonly drained: Promise<DrainedAnswer>;
  status(): StatusAnswer;
}

/** Paths of the configuration: what has changed, what would after a restart; or why nothing has changed. */
export type ReloadAnswer =
  | { readonly applied: readonly string[]; readonly restart: readonly string[] }
  | { readonly problems: readonly string[] };

/** `until`: when it ends even with calls, ISO 8601 in UTC. */
export interface DrainAnswer {
  readonly already: boolean;
  readonly calls: number;
  readonly until: string;
}

/** Calls that the time was too short for. */
export interface DrainedAnswer {
  readonly left: number;
}

/** How what outlives the process is kept: `slow` and `failed`, the disk is behind with what was decided. */
export interface StoreAnswer {
  readonly state: 'ok' | 'slow' | 'failed';
  /** Bytes that are not on the disk. */
  readonly waiting: number;
  /** Ended calls that the database does not have yet: for a second or so that is as it should be. */
  readonly ended: number;
  /** Ended calls that neither the database nor the store had room for, since the start. */
  readonly lost?: number;
  /** Why it failed, in the system's words; where all is well but the database, why that takes no calls. */
  readonly problem?: string;
  /** Why the database takes none of the ended calls. */
  readonly recordsProblem?: string;
  /** What became of a database that was damaged: a new one takes ended calls. Until it has the first. */
  readonly recordsDamaged?: string;
}

export interface StatusAnswer {
  readonly state: 'serving' | 'draining';
  /** It takes calls, and keeps what it is to keep. */
  readonly ready: boolean;
  readonly started: string;
  readonly calls: number;
  readonly subscriptions: number;
  readonly registrations: number;
  /** Absent: nothing is to outlive the process. */
  readonly store?: StoreAnswer;
  /** When it ends even with calls; absent: it does not drain. */
  readonly until?: string;
}

/** What is in the way of a server that is to be called ready; nothing: it is. What was lost once is no reason for ever. */
export function notReady(state: StatusAnswer['state'], store: StoreAnswer | undefined): readonly string[] {
  const reasons: string[] = [];
  if (state === 'draining') reasons.push('draining');
  if (store !== undefined && store.state !== 'ok') reasons.push(`store ${store.state}`);
  if (store?.recordsProblem !== undefined) reasons.push('ended calls cannot be stored');
  return reasons;
}

export function upkeepQuestions(upkeep: Upkeep): Readonly<Record<string, Answering>> {
  return {
    reload: (exchange) => {
      const answer = upkeep.reload();
      if ('problems' in answer) exchange.fail('config-invalid', answer.problems.join('\n'));
      else exchange.list([answer]);
    },
    drain: (exchange) => drain(exchange, upkeep),
    status: (exchange) => exchange.list([upkeep.status()]),
  };
}

/** With `wait` the answer has no end but the server's; before it, what was left. */
function drain(exchange: Exchange, upkeep: Upkeep): void {
  const { timeout, wait } = exchange.question;
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0)) {
    exchange.fail('bad-question', 'how long?');
    return;
  }
  exchange.item(upkeep.drain(timeout));
  if (wait === true) void upkeep.drained.then((drained) => exchange.item(drained));
  else exchange.done();
}
