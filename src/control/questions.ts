// What a running server can be asked, and what it says: read from what is there anyway, when somebody asks.
import { type Choice, type Lens, MOST_AT_ONCE } from '../inspect/lens.ts';
import type { StatelyMessage } from '../inspect/stately.ts';
import type { CallRecord } from '../journal/call-record.ts';
import { DROP_REASONS, type DropReason } from '../limits/drops.ts';
import type { Binding } from '../registrar/location.ts';
import { MOST_ALIKE } from '../store/records-table.ts';
import { type CallDetailAnswer, callAnswer, callDetail, registrationAnswer } from './answers.ts';
import type { Answering, Exchange } from './control-server.ts';
import type { Histories } from './history.ts';
import { endedDetail, notFound, type PastCalls, pastCalls, unclear, waitingWords, wordsOf } from './past.ts';

export interface Sources {
  readonly calls: () => Iterable<CallRecord>;
  readonly histories: Histories;
  /** Calls that have ended; undefined: nobody keeps them. */
  readonly past?: PastCalls | undefined;
  readonly bindings: () => Iterable<Binding>;
  /** Counts by reason. */
  readonly drops: ReadonlyMap<DropReason, number>;
  readonly lens: Lens;
  /** Monotonic ms, the clock of the bindings. */
  readonly now: () => number;
  /** ms since the epoch. */
  readonly wall: () => number;
}

export interface DropAnswer {
  readonly reason: DropReason;
  readonly count: number;
  /** In words. */
  readonly why: string;
}

/** What the inspector is to hear, or something about the watching. */
export type InspectAnswer = StatelyMessage | { readonly watching: true } | { readonly notice: string };

export function questions(sources: Sources): Readonly<Record<string, Answering>> {
  return {
    calls: (exchange) => exchange.list(mapped(sources.calls(), (call) => callAnswer(call, sources.wall()))),
    call: (exchange) => void oneCall(exchange, sources),
    past: (exchange) => pastCalls(exchange, sources.past),
    registrations: (exchange) =>
      exchange.list(mapped(sources.bindings(), (binding) => registrationAnswer(binding, sources))),
    drops: (exchange) =>
      exchange.list(
        mapped(
          sources.drops,
          ([reason, count]): DropAnswer => ({ reason, count, why: DROP_REASONS[reason] }),
        ),
      ),
    inspect: (exchange) => inspect(exchange, sources.lens),
  };
}

function* mapped<From, To>(all: Iterable<From>, to: (one: From) => To): Generator<To> {
  for (const one of all) yield to(one);
}

/** The call of that Call-ID, or the only one whose Call-ID begins so: a live one first, else one that has ended. */
async function oneCall(exchange: Exchange, sources: Sources): Promise<void> {
  const { callId } = exchange.question;
  if (typeof callId !== 'string' || callId === '') {
    exchange.fail('bad-question', 'which call?');
    return;
  }
  const alike = new Map<string, CallDetailAnswer>();
  for (const call of sources.calls()) {
    const id = call.dialog.callId;
    if (id === callId) {
      exchange.list([liveDetail(call, sources)]);
      return;
    }
    if (alike.size < MOST_ALIKE && id.startsWith(callId)) alike.set(id, liveDetail(call, sources));
  }
  const { past } = sources;
  let unreadable: string | undefined;
  if (past !== undefined) {
    try {
      const { exact, calls } = await past.find(callId);
      if (exact) alike.clear();
      for (const call of calls) if (!alike.has(call.callId)) alike.set(call.callId, endedDetail(call));
    } catch (cause) {
      unreadable = wordsOf(cause);
    }
  }
  if (alike.size === 1) exchange.list(alike.values());
  else if (alike.size > 1)
    exchange.fail('unclear-call', unclear(callId, [...alike.values()].slice(0, MOST_ALIKE)));
  else {
    const none = `no ${past === undefined ? 'live ' : ''}call has the Call-ID ${callId}`;
    const waiting = past === undefined ? 0 : notFound(past);
    const more = waiting === 0 ? '' : `; ${waitingWords(waiting)} and cannot be looked up yet`;
    exchange.fail(unreadable === undefined ? 'unknown-call' : 'no-records', `${unreadable ?? none}${more}`);
  }
}

function liveDetail(call: CallRecord, { histories, wall }: Sources): CallDetailAnswer {
  return callDetail(call, histories.of(call.dialog.callId), wall());
}

function inspect(exchange: Exchange, lens: Lens): void {
  const choice = choiceOf(exchange.question);
  if (choice === undefined) {
    exchange.fail('bad-question', 'which calls?');
    return;
  }
  const end = lens.open(choice, {
    message: (message) => exchange.item(message satisfies InspectAnswer),
    over: () => exchange.done(),
    tooMany: () =>
      exchange.item({
        notice: `${MOST_AT_ONCE} calls are watched at once; others are left out`,
      } satisfies InspectAnswer),
  });
  if (end === undefined) {
    exchange.fail('unknown-call', `no live call has the Call-ID ${exchange.question.callId}`);
    return;
  }
  // the one who asks knows that it works, though no call may have come yet
  exchange.item({ watching: true } satisfies InspectAnswer);
  exchange.onGone(end);
}

function choiceOf({ callId, user, next }: Exchange['question']): Choice | undefined {
  if (typeof callId === 'string') return { callId };
  if (typeof user === 'string' && user !== '') return { user };
  if (typeof next === 'number' && Number.isInteger(next) && next >= 1) return { next };
  return undefined;
}
