// A live dialog as it is kept outside the process: JSON-safe, its deadlines told by the wall clock.
import type { TimerName } from '../../machines/types.ts';
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
  /** ms, RFC 4028. */
  readonly session?: number | undefined;
  /** Wall ms at which each running timer fires. */
  readonly timers: readonly (readonly [TimerName, number])[];
  readonly links?: SavedLinks | undefined;
}

/** `toWall`: from clock ms to wall ms. */
export function saveDialog(
  dialog: LiveDialog,
  links: SavedLinks | undefined,
  toWall: (instant: number) => number,
): SavedDialog {
  const { facts, callId, callerTag, openingMethod, openingCseq, answeredTag, state, seq, session } = dialog;
  const { value, context } = dialog.actor.getSnapshot();
  const timers: [TimerName, number][] = [];
  for (const [name, timer] of dialog.timers) if (timer.isRunning) timers.push([name, toWall(timer.due)]);
  return {
    v: 1,
    facts,
    opened: { callId, callerTag, method: openingMethod, cseq: openingCseq },
    calleeTags: [...dialog.calleeTags],
    answeredTag,
    callee: dialog.callee,
    value,
    context,
    state,
    seq,
    session,
    timers,
    links,
  };
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
  return dialog;
}
