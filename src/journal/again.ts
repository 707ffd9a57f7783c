// The journal's lines once more, of transitions that were kept when they were told.
import type { CallRecord } from './call-record.ts';
import type { Lines } from './catch-up.ts';
import { Diary, type DiaryStyle } from './diary.ts';
import { NdjsonWriter } from './ndjson.ts';
import type { Transition } from './transition.ts';
import type { ZoneOffset } from './wall-time.ts';

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

/** The lines that were written of it, or were to be. `zone`: of the diary; the process's own when absent. */
export function linesAgain(all: readonly Told[], zone?: ZoneOffset): Lines[] {
  const writer = new NdjsonWriter();
  const diaries = {
    plain: new Diary({ style: 'plain', zone }),
    classic: new Diary({ style: 'classic', zone }),
  };
  return all.map(({ window, number, how, transition, over }) => {
    const [style, detail] = how.split(' ');
    const diary = diaries[style === 'plain' ? 'plain' : 'classic'].lines(transition);
    let ndjson = detail === 'calls' ? '' : writer.transition(transition);
    if (over !== undefined) ndjson += writer.record(over);
    return { window, index: number, diary, ndjson };
  });
}
