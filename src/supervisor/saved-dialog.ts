// A live dialog as it is kept outside the process: JSON-safe, its deadlines told by the wall clock.
import type { Side, TimerName } from '../../machines/types.ts';
import type { DialogFacts } from '../journal/transition.ts';
import type { Actors } from './actors.ts';
import type { SavedLinks } from './links.ts';
import { LiveDialog, type OpenedBy } from './live-dialog.ts';

export interface SavedDialog {
  /** Counts up when a field changes its meaning. */
  readonly v: 1;
  readonly facts: DialogFacts;
  readonly opened: OpenedBy;
  readonly calleeTags: readonly string[];
  readonly answeredTag?: string | undefined;
  readonly callee?: string | undefined;
  /** The chart: its state value and its context. */
  readonly value: unknown;
  readonly context: unknown;
  readonly state: string;
  readonly seq: number;
  /** CSeq of the latest request of each side. */
  readonly heard?: Readonly<Record<Side, number>> | undefined;
  /** ms, RFC 4028. */
  readonly session?: number | undefined;
  /** Wall ms at which this was written. */
  readonly at?: number | undefined;
  /** Wall ms at which each running timer fires. */
  readonly timers: readonly (readonly [TimerName, number])[];
  readonly links?: SavedLinks | undefined;
}

/** A SavedDialog as JSON, by hand: of what stays the same each part is made once. `at`: wall ms. `toWall`: from clock ms to that. */
export function saveDialog(
  dialog: LiveDialog,
  links: SavedLinks | undefined,
  at: number,
  toWall: (instant: number) => number,
): string {
  const { answeredTag, callee, state, seq, session, heard } = dialog;
  const { value, context } = dialog.actor.getSnapshot();
  dialog.savedHead ??= headOf(dialog);
  let text = `${dialog.savedHead},"calleeTags":${JSON.stringify([...dialog.calleeTags])}`;
  if (answeredTag !== undefined) text += `,"answeredTag":${JSON.stringify(answeredTag)}`;
  if (callee !== undefined) text += `,"callee":${JSON.stringify(callee)}`;
  text += `,"heard":{"caller":${heard.caller},"callee":${heard.callee}}`;
  text += `,"value":${JSON.stringify(value)},"context":${contextText(dialog, context)},"state":"${state}","seq":${seq}`;
  if (session !== undefined) text += `,"session":${session}`;
  if (links !== undefined) text += `,"links":${JSON.stringify(links)}`;
  let timers = '';
  for (const [name, timer] of dialog.timers) {
    if (!timer.isRunning) continue;
    timers += `${timers === '' ? '' : ','}["${name}",${toWall(timer.due)}]`;
  }
  return `${text},"at":${at},"timers":[${timers}]}`;
}

function headOf({ facts, callId, callerTag, openingMethod, openingCseq }: LiveDialog): string {
  const opened: OpenedBy = { callId, callerTag, method: openingMethod, cseq: openingCseq };
  return `{"v":1,"facts":${JSON.stringify(facts)},"opened":${JSON.stringify(opened)}`;
}

/** A context is never edited: it is another object when anything in it is another. */
function contextText(dialog: LiveDialog, context: unknown): string {
  if (dialog.savedContext !== context) {
    dialog.savedContext = context;
    dialog.savedContextText = JSON.stringify(context);
  }
  return dialog.savedContextText;
}

/** The dialog with its actor where it stood, not yet started. Throws when the chart knows no such state. */
export function restoreDialog(saved: SavedDialog, actors: Actors): LiveDialog {
  const actor = actors.restore(saved.facts.machine, saved.value, saved.context);
  const dialog = new LiveDialog(saved.facts, actor, saved.opened);
  for (const tag of saved.calleeTags) dialog.learnTag(tag);
  dialog.answeredTag = saved.answeredTag;
  dialog.callee = saved.callee;
  dialog.state = saved.state;
  dialog.seq = saved.seq;
  dialog.session = saved.session;
  if (saved.heard !== undefined) Object.assign(dialog.heard, saved.heard);
  dialog.heardBefore = { ...dialog.heard };
  return dialog;
}
