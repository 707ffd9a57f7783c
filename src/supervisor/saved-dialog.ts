// A live dialog as it is kept outside the process: JSON-safe, its deadlines told by the wall clock.
import type { Side, TimerName } from '../../machines/types.ts';
import type { DialogFacts } from '../journal/transition.ts';
import type { Actors } from './actors.ts';
import type { SavedLinks } from './links.ts';
import { type Kept, LiveDialog, type OpenedBy } from './live-dialog.ts';

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
  /** Where it was found. */
  readonly kept?: Kept | undefined;
  /** How the journal wrote what was told of it. */
  readonly how?: string | undefined;
}

/** What of a dialog was kept last. */
export interface LastSaved {
  openingCseq: number;
  calleeTags: number;
  answeredTag: string | undefined;
  callee: string | undefined;
  heardCaller: number;
  heardCallee: number;
  /** Never edited: it is another object when anything in it is another. */
  context: unknown;
  state: string;
  session: number | undefined;
  links: string | undefined;
  how: string;
}

/**
 * As JSON, by hand, the fields of a SavedDialog that are not what they were when this was last called for it; `isWhole`:
 * all of them. null: it has that field no more. `at`: wall ms. `toWall`: from clock ms to that.
 */
export function saveDialog(
  dialog: LiveDialog,
  isWhole: boolean,
  links: SavedLinks | undefined,
  how: string,
  at: number,
  toWall: (instant: number) => number,
): string {
  const { answeredTag, callee, calleeTags, state, seq, session, heard, openingCseq } = dialog;
  const { value, context } = dialog.actor.getSnapshot();
  let text = isWhole ? `{"v":1,"facts":${JSON.stringify(dialog.facts)},` : '{';
  if (isWhole) dialog.saved = undefined;
  dialog.saved ??= nothingSaved();
  const last = dialog.saved;
  text += `"seq":${seq},"at":${at},"timers":[${timersText(dialog, toWall)}]`;
  if (openingCseq !== last.openingCseq) {
    text += `,"opened":${openedText(dialog)}`;
    last.openingCseq = openingCseq;
  }
  if (state !== last.state) {
    text += stateText(state, value);
    last.state = state;
  }
  if (context !== last.context) {
    text += `,"context":${JSON.stringify(context)}`;
    last.context = context;
  }
  if (calleeTags.size !== last.calleeTags) {
    text += `,"calleeTags":${JSON.stringify([...calleeTags])}`;
    last.calleeTags = calleeTags.size;
  }
  if (answeredTag !== last.answeredTag) {
    text += `,"answeredTag":${JSON.stringify(answeredTag ?? null)}`;
    last.answeredTag = answeredTag;
  }
  if (callee !== last.callee) {
    text += `,"callee":${JSON.stringify(callee ?? null)}`;
    last.callee = callee;
  }
  if (heard.caller !== last.heardCaller || heard.callee !== last.heardCallee) {
    text += `,"heard":{"caller":${heard.caller},"callee":${heard.callee}}`;
    last.heardCaller = heard.caller;
    last.heardCallee = heard.callee;
  }
  if (session !== last.session) {
    text += `,"session":${session ?? null}`;
    last.session = session;
  }
  const linksText = links && JSON.stringify(links);
  if (linksText !== last.links) {
    text += `,"links":${linksText ?? null}`;
    last.links = linksText;
  }
  if (how !== last.how) {
    text += `,"how":"${how}"`;
    last.how = how;
  }
  return `${text}}`;
}

function openedText({ callId, callerTag, openingMethod, openingCseq }: LiveDialog): string {
  const opened: OpenedBy = { callId, callerTag, method: openingMethod, cseq: openingCseq };
  return JSON.stringify(opened);
}

/** A chart has some dozens of states. */
const stateTexts = new Map<string, string>();

function stateText(state: string, value: unknown): string {
  let text = stateTexts.get(state);
  if (text === undefined) {
    text = `,"state":"${state}","value":${JSON.stringify(value)}`;
    stateTexts.set(state, text);
  }
  return text;
}

function nothingSaved(): LastSaved {
  return {
    openingCseq: -1,
    calleeTags: -1,
    answeredTag: undefined,
    callee: undefined,
    heardCaller: -1,
    heardCallee: -1,
    context: undefined,
    state: '',
    session: undefined,
    links: undefined,
    how: '',
  };
}

function timersText({ timers }: LiveDialog, toWall: (instant: number) => number): string {
  let text = '';
  for (const [name, timer] of timers)
    if (timer.isRunning) text += `${text === '' ? '' : ','}["${name}",${toWall(timer.due)}]`;
  return text;
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
