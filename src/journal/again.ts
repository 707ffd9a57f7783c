// The journal's lines once more, of transitions that were kept when they were told.
import type { CallRecord } from './call-record.ts';
import type { Lines, WindowHead } from './catch-up.ts';
import { Diary, type DiaryStyle } from './diary.ts';
import { NdjsonWriter } from './ndjson.ts';
import type { Transition } from './transition.ts';

/** A transition as it was told. */
export interface Told {
  readonly window: number;
  /** Its place among those of all dialogs. */
  readonly number: number;
  /** `Journal.how` just then. */
  readonly how: string;
  readonly transition: Transition;
  /** The record of the call, if it was its last. */
  readonly over: CallRecord | undefined;
}

/** What decides how the lines of a transition look, in a word or two. */
export function howOf({ style, detail }: { readonly style: DiaryStyle; readonly detail: string }): string {
  return `${style} ${detail}`;
}

/**
 * The lines that were written of it, or were to be: so what Diary and NdjsonWriter say is also a format of what is kept,
 * and other words for the same need another `how`. `heads`: of the windows in which it was told.
 */
export function linesAgain(all: readonly Told[], heads: readonly WindowHead[]): Lines[] {
  const zones = new Map(heads.map(({ window, zone }) => [window, zone]));
  const diaries = new Map<string, Diary>();
  const diaryOf = (style: DiaryStyle, zone: number | undefined) => {
    const key = `${style} ${zone}`;
    const diary = diaries.get(key) ?? new Diary({ style, zone: zone === undefined ? undefined : () => zone });
    diaries.set(key, diary);
    return diary;
  };
  const writer = new NdjsonWriter();
  return all.map(({ window, number, how, transition, over }) => {
    const [style, detail] = how.split(' ');
    const diary = diaryOf(style === 'plain' ? 'plain' : 'classic', zones.get(window)).lines(transition);
    let ndjson = detail === 'calls' ? '' : writer.transition(transition);
    if (over !== undefined) ndjson += writer.record(over);
    return { window, index: number, diary, ndjson };
  });
}
