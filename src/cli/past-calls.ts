// Ended calls for the command line: asked of the running server, or read from what the last one left when none runs.
import { join, resolve } from 'node:path';
import type { CallAnswer, CallDetailAnswer } from '../control/answers.ts';
import { ask, ControlError } from '../control/client.ts';
import {
  endedAnswer,
  endedDetail,
  type MoreAnswer,
  type PastQuestion,
  queryOf,
  unclear,
  type WaitingAnswer,
  waitingWords,
} from '../control/past.ts';
import { endedCalls, type KeptState } from '../kept.ts';
import { STORE_FOLDER } from '../persistence.ts';
import type { StoredCall } from '../store/records-call.ts';
import { openOffline } from '../store/records-offline.ts';
import { MOST_ALIKE } from '../store/records-table.ts';
import { leftAfter, leftCalls, sayLeft } from './left-alive.ts';
import { newestFirst, newestOfEach, unstored } from './left-ended.ts';

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
  process.stderr.write(`${waitingWords(waiting)} and ${waiting === 1 ? 'is' : 'are'} not listed\n`);
}

type PageItem = CallAnswer | MoreAnswer | WaitingAnswer;

/** Where no server runs, all that is left to tell is one page. */
async function* page(data: string, question: PastQuestion): AsyncGenerator<PageItem> {
  try {
    for await (const item of ask(data, question)) yield item as PageItem;
  } catch (error) {
    const query = queryOf(question);
    if (query === undefined) throw error;
    const ended = endedCalls(leftAfter(error, data));
    const records = openOffline(join(data, STORE_FOLDER));
    try {
      const others = await unstored(ended, records);
      let left = question.limit ?? Number.POSITIVE_INFINITY;
      for await (const call of newestFirst(others, records, question, query)) {
        if (left-- <= 0) return;
        yield endedAnswer(call);
      }
    } finally {
      records?.close();
    }
  }
}

export interface OneCall {
  readonly call: CallDetailAnswer;
  /** It lived when its server ended, and none has taken it over. */
  readonly isLeft: boolean;
}

/** One call, live or ended. Throws ControlError and StartError. */
export async function oneCall(data: string, callId: string): Promise<OneCall> {
  try {
    for await (const item of ask(data, { ask: 'call', callId }))
      return { call: item as CallDetailAnswer, isLeft: false };
    throw new ControlError('server-gone', 'the server did not say');
  } catch (error) {
    const kept = leftAfter(error, data);
    const left = leftCalls(kept, callId);
    // as a running server looks: a live call of that very Call-ID first, then one that has ended, then all that begin so
    const alike = new Map(left.map((call) => [call.callId, call]));
    if (!alike.has(callId)) {
      const ended = await endedLike(data, kept, callId);
      if (ended.some((call) => call.callId === callId)) alike.clear();
      for (const call of ended) if (!alike.has(call.callId)) alike.set(call.callId, endedDetail(call));
    }
    const exact = alike.get(callId);
    const [call, another] = exact === undefined ? alike.values() : [exact];
    if (call === undefined)
      throw new ControlError(
        'refused',
        `no call has the Call-ID ${callId}, and no server runs in ${resolve(data)}`,
      );
    if (another !== undefined)
      throw new ControlError('refused', unclear(callId, [...alike.values()].slice(0, MOST_ALIKE)));
    const isLeft = left.includes(call);
    if (isLeft) sayLeft(data);
    return { call, isLeft };
  }
}

/** The newest ended call of each Call-ID that begins so. */
async function endedLike(data: string, kept: KeptState, callId: string): Promise<StoredCall[]> {
  const others = endedCalls(kept).filter((call) => call.callId.startsWith(callId));
  const records = openOffline(join(data, STORE_FOLDER));
  try {
    const calls = records === undefined ? [] : (await records.find(callId)).calls;
    return newestOfEach([...calls, ...others]);
  } finally {
    records?.close();
  }
}
