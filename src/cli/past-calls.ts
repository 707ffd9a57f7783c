// Ended calls for the command line: asked of the running server, or read from its file when none runs.
import { join, resolve } from 'node:path';
import type { CallAnswer, CallDetailAnswer } from '../control/answers.ts';
import { ask, ControlError } from '../control/client.ts';
import {
  endedDetail,
  type MoreAnswer,
  type PastQuestion,
  pageItems,
  queryOf,
  unclear,
  type WaitingAnswer,
} from '../control/past.ts';
import { type OfflineRecords, openOffline } from '../store/records-offline.ts';
import { MOST_ALIKE } from '../store/records-table.ts';
import { leftCalls, sayLeft } from './left-alive.ts';

/** Ended calls, the newest first, page after page as they are taken. Throws ControlError and StartError. */
export async function* pastCalls(data: string, wanted: PastQuestion): AsyncGenerator<CallAnswer> {
  let question = wanted;
  let left = wanted.limit ?? Number.POSITIVE_INFINITY;
  for (;;) {
    let more: MoreAnswer['more'] | undefined;
    for await (const item of page(data, question)) {
      if ('more' in item) more = item.more;
      else if ('waiting' in item) sayWaiting(item);
      else {
        yield item;
        left--;
      }
    }
    if (more === undefined || left <= 0) return;
    question = { ...wanted, after: more, ...(wanted.limit !== undefined && { limit: left }) };
  }
}

function sayWaiting({ waiting }: WaitingAnswer): void {
  const calls = waiting === 1 ? '1 ended call waits' : `${waiting} ended calls wait`;
  process.stderr.write(`${calls} for the disk and ${waiting === 1 ? 'is' : 'are'} not listed\n`);
}

type PageItem = CallAnswer | MoreAnswer | WaitingAnswer;

async function* page(data: string, question: PastQuestion): AsyncGenerator<PageItem> {
  try {
    for await (const item of ask(data, question)) yield item as PageItem;
  } catch (error) {
    const query = queryOf(question);
    const offline = query && offlineAfter(error, data);
    if (offline === undefined) throw error;
    try {
      yield* pageItems(await offline.past(query as NonNullable<typeof query>));
    } finally {
      offline.close();
    }
  }
}

/** One call, live or ended. Throws ControlError and StartError. */
export async function oneCall(data: string, callId: string): Promise<CallDetailAnswer> {
  try {
    for await (const item of ask(data, { ask: 'call', callId })) return item as CallDetailAnswer;
    throw new ControlError('server-gone', 'the server did not say');
  } catch (error) {
    const left = leftCalls(error, data, callId);
    const alike = await withEnded(left, offlineAfter(error, data), callId);
    const [call] = alike;
    if (call === undefined)
      throw new ControlError(
        'refused',
        `no call has the Call-ID ${callId}, and no server runs in ${resolve(data)}`,
      );
    if (alike.length > 1) throw new ControlError('refused', unclear(callId, alike.slice(0, MOST_ALIKE)));
    if (left.includes(call)) sayLeft(data);
    return call;
  }
}

/** As a running server looks: a live call of that very Call-ID first, then one that has ended, then all that begin so. */
async function withEnded(
  left: readonly CallDetailAnswer[],
  offline: OfflineRecords | undefined,
  callId: string,
): Promise<readonly CallDetailAnswer[]> {
  try {
    if (offline === undefined || left[0]?.callId === callId) return left;
    const { exact, calls } = await offline.find(callId);
    const known = new Set(left.map((call) => call.callId));
    const ended = calls.map(endedDetail);
    return exact ? ended : [...left, ...ended.filter((call) => !known.has(call.callId))];
  } finally {
    offline?.close();
  }
}

/** undefined: it was not for want of a server, or there is no file either. */
function offlineAfter(error: unknown, data: string): OfflineRecords | undefined {
  if (!(error instanceof ControlError) || error.code !== 'no-server') return undefined;
  return openOffline(join(data, 'store'));
}
