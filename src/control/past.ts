// Calls that have ended, as they are asked for and answered: page by page, and one of them with its states.
import { userPattern } from '../journal/of-user.ts';
import { type StoredCall, toRecord } from '../store/records-call.ts';
import type { Cursor, Found, PastPage, PastQuery } from '../store/records-table.ts';
import { type CallAnswer, type CallDetailAnswer, callAnswer, callDetail } from './answers.ts';
import type { Exchange } from './control-server.ts';
import type { Question } from './lines.ts';

/** Where ended calls are looked up: the server's records, or their file when no server runs. */
export interface PastCalls {
  /** Rejects with an error that says why they cannot be read. */
  past(query: PastQuery): Promise<PastPage>;
  find(callId: string): Promise<Found>;
  /** Calls that are not stored yet, and so not found. */
  readonly waiting?: number;
  /** Why none is stored just now. */
  readonly problem?: string | undefined;
}

/** The last item of a page, when there is another: what to ask for next. */
export interface MoreAnswer {
  readonly more: Cursor;
}

/** After the first page: so many ended calls are not among them, for they cannot be stored. */
export interface WaitingAnswer {
  readonly waiting: number;
}

/** `since` and `until` in ms since the epoch, by when a call began; `after` is a `more` of before. */
export interface PastQuestion extends Question {
  readonly ask: 'past';
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly user?: string | undefined;
  /** Subscriptions as well. */
  readonly all?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly after?: Cursor | undefined;
}

/** Calls on one page: some hundred kilobytes of answer. */
const PAGE = 500;

export function pastCalls(exchange: Exchange, past: PastCalls | undefined): void {
  const query = queryOf(exchange.question);
  if (query === undefined) exchange.fail('bad-question', 'which calls?');
  else if (past === undefined) exchange.fail('no-records', 'this server keeps no ended calls');
  else
    past.past(query).then(
      (page) => {
        const waiting = query.after === undefined ? notFound(past) : 0;
        exchange.list([...pageItems(page), ...(waiting > 0 ? [{ waiting }] : [])]);
      },
      (cause) => exchange.fail('no-records', wordsOf(cause)),
    );
}

/** Ended calls that cannot be stored just now: they are in no answer. */
export function notFound({ problem, waiting = 0 }: PastCalls): number {
  return problem === undefined ? 0 : waiting;
}

/** `1 ended call waits for the disk`. */
export function waitingWords(count: number): string {
  return `${count === 1 ? '1 ended call waits' : `${count} ended calls wait`} for the disk`;
}

export function pageItems({ calls, more }: PastPage): (CallAnswer | MoreAnswer)[] {
  return [...calls.map(endedAnswer), ...(more === undefined ? [] : [{ more }])];
}

/** What a question means to the table; undefined: it makes no sense. */
export function queryOf({ since, until, user, all, limit, after }: Question): PastQuery | undefined {
  const isNumber = (value: unknown) => value === undefined || typeof value === 'number';
  if (!isNumber(since) || !isNumber(until) || !isNumber(limit)) return undefined;
  if (user !== undefined && (typeof user !== 'string' || user === '')) return undefined;
  const isCursor = Array.isArray(after) && after.length === 2 && after.every(Number.isFinite);
  if (after !== undefined && !isCursor) return undefined;
  return {
    ...(typeof since === 'number' && { since }),
    ...(typeof until === 'number' && { until }),
    ...(user !== undefined && { user: userPattern(user) }),
    all: all === true,
    limit: Math.max(1, Math.min(PAGE, typeof limit === 'number' ? Math.trunc(limit) : PAGE)),
    ...(isCursor && { after: [Number(after[0]), Number(after[1])] as const }),
  };
}

/** One that has ended, without its states. */
export function endedAnswer(call: StoredCall): CallAnswer {
  return callAnswer(toRecord(call), call.endedAt);
}

export function endedDetail(call: StoredCall): CallDetailAnswer {
  const { startedAt, endedAt, skipped } = call;
  const steps = call.steps.map(([after, to, cause, by]) => ({ at: startedAt + after, to, cause, by }));
  return callDetail(toRecord(call), { steps, skipped }, endedAt);
}

/** Those that a beginning fits, for people: one line each. */
export function unclear(beginning: string, calls: readonly CallAnswer[]): string {
  const lines = calls.map(
    ({ callId, started, parties }) => `\n  ${callId}  ${started}  ${parties.from} to ${parties.to}`,
  );
  return `these calls have a Call-ID that begins with ${beginning}; give more of it:${lines.join('')}`;
}

export function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
