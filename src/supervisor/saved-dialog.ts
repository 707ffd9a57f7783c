// A live dialog as it is kept outside the process: JSON-safe, its deadlines told by the wall clock.
import type { Side, TimerName } from '../../machines/types.ts';
import type { DialogFacts } from '../journal/transition.ts';
import type { JsonWriter } from '../json/json-writer.ts';
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
 * Writes the fields of a SavedDialog that are not what they were when this was last called for it; `isWhole`: all of
 * them. null: it has that field no more. `at`: wall ms. `toWall`: from clock ms to that.
 */
export function saveDialog(
  out: JsonWriter,
  dialog: LiveDialog,
  isWhole: boolean,
  links: SavedLinks | undefined,
  how: string,
  at: number,
  toWall: (instant: number) => number,
): void {
  const { answeredTag, callee, calleeTags, state, seq, session, heard, openingCseq } = dialog;
  const { value, context } = dialog.actor.getSnapshot();
  out.plain('{');
  if (isWhole) {
    dialog.saved = undefined;
    saveFacts(out, dialog.facts);
  }
  dialog.saved ??= isWhole ? nothingSaved(undefined, undefined) : nothingSaved('', -1);
  const last = dialog.saved;
  out.plain('"seq":');
  out.number(seq);
  out.plain(',"at":');
  out.number(at);
  saveTimers(out, dialog, toWall);
  if (openingCseq !== last.openingCseq) {
    saveOpened(out, dialog);
    last.openingCseq = openingCseq;
  }
  if (state !== last.state) {
    out.json(stateText(state, value));
    last.state = state;
  }
  if (context !== last.context) {
    out.plain(',"context":');
    out.value(context);
    last.context = context;
  }
  if (calleeTags.size !== last.calleeTags) {
    saveTags(out, calleeTags);
    last.calleeTags = calleeTags.size;
  }
  if (answeredTag !== last.answeredTag) {
    saveText(out, ',"answeredTag":', answeredTag);
    last.answeredTag = answeredTag;
  }
  if (callee !== last.callee) {
    saveText(out, ',"callee":', callee);
    last.callee = callee;
  }
  if (heard.caller !== last.heardCaller || heard.callee !== last.heardCallee) {
    out.plain(',"heard":{"caller":');
    out.number(heard.caller);
    out.plain(',"callee":');
    out.number(heard.callee);
    out.plain('}');
    last.heardCaller = heard.caller;
    last.heardCallee = heard.callee;
  }
  if (session !== last.session) {
    out.plain(`,"session":${session ?? null}`);
    last.session = session;
  }
  const linksText = links && JSON.stringify(links);
  if (linksText !== last.links) {
    out.json(`,"links":${linksText ?? null}`);
    last.links = linksText;
  }
  if (how !== last.how) {
    saveText(out, ',"how":', how);
    last.how = how;
  }
  out.plain('}');
}

function saveFacts(out: JsonWriter, { callId, machine, from, to, origin }: DialogFacts): void {
  out.plain('"v":1,"facts":{"callId":');
  out.quoted(callId);
  out.plain(machine === 'dialog' ? ',"machine":"dialog","from":' : ',"machine":"subscription","from":');
  out.quoted(from);
  out.plain(',"to":');
  out.quoted(to);
  if (origin !== undefined) {
    out.plain(',"origin":');
    out.value(origin);
  }
  out.plain('},');
}

function saveOpened(out: JsonWriter, { callId, callerTag, openingMethod, openingCseq }: LiveDialog): void {
  out.plain(',"opened":{"callId":');
  out.quoted(callId);
  out.plain(',"callerTag":');
  out.quoted(callerTag);
  out.plain(',"method":');
  out.quoted(openingMethod);
  out.plain(',"cseq":');
  out.number(openingCseq);
  out.plain('}');
}

function saveTags(out: JsonWriter, tags: ReadonlySet<string>): void {
  out.plain(',"calleeTags":[');
  let isFirst = true;
  for (const tag of tags) {
    if (!isFirst) out.plain(',');
    isFirst = false;
    out.quoted(tag);
  }
  out.plain(']');
}

function saveText(out: JsonWriter, name: string, text: string | undefined): void {
  out.plain(name);
  if (text === undefined) out.plain('null');
  else out.quoted(text);
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

/** `text` and `number`: what stands for a field it does not have. Of a part that is unknown, and said to be so. */
function nothingSaved(text: '' | undefined, number: -1 | undefined): LastSaved {
  return {
    openingCseq: -1,
    calleeTags: -1,
    answeredTag: text,
    callee: text,
    heardCaller: -1,
    heardCallee: -1,
    context: undefined,
    state: '',
    session: number,
    links: text,
    how: '',
  };
}

function saveTimers(out: JsonWriter, { timers }: LiveDialog, toWall: (instant: number) => number): void {
  out.plain(',"timers":[');
  let isFirst = true;
  for (const [name, timer] of timers) {
    if (!timer.isRunning) continue;
    out.plain(isFirst ? '["' : ',["');
    isFirst = false;
    out.plain(name);
    out.plain('",');
    out.number(toWall(timer.due));
    out.plain(']');
  }
  out.plain(']');
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
