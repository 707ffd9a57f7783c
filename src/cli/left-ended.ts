// Ended calls that no server runs to tell of: those in the database, and those that were on their way into it.
import type { PastQuestion } from '../control/past.ts';
import { matcher } from '../journal/of-user.ts';
import type { StoredCall } from '../store/records-call.ts';
import type { OfflineRecords } from '../store/records-offline.ts';
import type { PastQuery } from '../store/records-table.ts';

/** Those of `calls` that the database does not have: it may have confirmed some, and nobody was there any more to hear it. */
export async function unstored(
  calls: readonly StoredCall[],
  records: OfflineRecords | undefined,
): Promise<StoredCall[]> {
  const missing = new Map(calls.map((call) => [nameOf(call), call]));
  if (records === undefined || calls.length === 0) return [...missing.values()];
  const starts = calls.map(({ startedAt }) => startedAt);
  const [since, last] = [starts.reduce((a, b) => Math.min(a, b)), starts.reduce((a, b) => Math.max(a, b))];
  for await (const call of stored(records, { since, until: last + 1, all: true, limit: PAGE }))
    missing.delete(nameOf(call));
  return [...missing.values()];
}

/** Those of `calls` and of the database that are asked for, the newest first; none of `calls` is in the database. */
export async function* newestFirst(
  calls: readonly StoredCall[],
  records: OfflineRecords | undefined,
  question: PastQuestion,
  query: PastQuery,
): AsyncGenerator<StoredCall> {
  let others = calls.filter(asked(question)).sort((a, b) => b.startedAt - a.startedAt);
  if (records !== undefined)
    for await (const call of stored(records, query)) {
      const older = others.findIndex(({ startedAt }) => startedAt <= call.startedAt);
      const newer = older < 0 ? others.length : older;
      yield* others.slice(0, newer);
      if (newer > 0) others = others.slice(newer);
      yield call;
    }
  yield* others;
}

/** The newest of each Call-ID. */
export function newestOfEach(calls: readonly StoredCall[]): StoredCall[] {
  const newest = new Map<string, StoredCall>();
  for (const call of calls) {
    const other = newest.get(call.callId);
    if (other === undefined || other.startedAt < call.startedAt) newest.set(call.callId, call);
  }
  return [...newest.values()];
}

const PAGE = 500;

async function* stored(records: OfflineRecords, query: PastQuery): AsyncGenerator<StoredCall> {
  let asked: PastQuery | undefined = query;
  while (asked !== undefined) {
    const { calls, more } = await records.past(asked);
    yield* calls;
    asked = more && { ...query, after: more };
  }
}

/** What the database's own table does with a question. */
function asked({ since, until, user, all, after }: PastQuestion): (call: StoredCall) => boolean {
  const isUser = user === undefined ? () => true : matcher(user);
  return ({ startedAt, machine, from, to, callee = '' }) =>
    startedAt >= (since ?? startedAt) &&
    (until === undefined || startedAt < until) &&
    startedAt <= (after?.[0] ?? startedAt) &&
    (all === true || machine === 'dialog') &&
    [from, to, callee].some(isUser);
}

/** As the database tells one call from another. */
function nameOf({ callId, startedAt, endedAt }: StoredCall): string {
  return `${startedAt} ${endedAt} ${callId}`;
}
