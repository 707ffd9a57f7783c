// A transition as it is kept outside the process: what its dialog does not tell already, as JSON in few characters.
import type { Entry, Side } from '../../machines/types.ts';
import { quote } from './quote.ts';
import type { DialogFacts, Note, Transition } from './transition.ts';

/** A transition and its place among those of all dialogs. */
export interface Numbered {
  readonly number: number;
  readonly transition: Transition;
}

/** `seq` and `from` follow from what was kept before it; the last one is there when there is something in it. */
export type SavedTransition = readonly [
  number: number,
  at: number,
  to: string,
  event: string,
  cause: string,
  side: Side | 0,
  notes: readonly (Entry | readonly [Entry, Side | 0, number?])[],
  more?: Partial<Pick<Transition, 'media' | 'callee' | 'forwardedTo' | 'done'>>,
];

/** JSON of a SavedTransition, by hand. States, events, entries and directions are words of our own: nothing in them needs an escape. */
export function saveTransition({ number, transition }: Numbered): string {
  const { at, to, event, cause, side, notes, media, callee, forwardedTo, done } = transition;
  let text = `[${number},${at},"${to}","${event}",${quote(cause)},${side === undefined ? '0' : `"${side}"`},[`;
  for (let i = 0; i < notes.length; i++) text += (i === 0 ? '' : ',') + noteText(notes[i] as Note);
  text += ']';
  if (media === undefined && callee === undefined && forwardedTo === undefined && !done) return `${text}]`;
  let more = '';
  if (media !== undefined) more += `,"media":{"audio":"${media.audio}","video":"${media.video}"}`;
  if (callee !== undefined) more += `,"callee":${quote(callee)}`;
  if (forwardedTo !== undefined) more += `,"forwardedTo":${quote(forwardedTo)}`;
  if (done) more += ',"done":true';
  return `${text},{${more.slice(1)}}]`;
}

function noteText({ entry, side, status }: Note): string {
  if (side === undefined && status === undefined) return `"${entry}"`;
  const text = `["${entry}",${side === undefined ? '0' : `"${side}"`}`;
  return status === undefined ? `${text}]` : `${text},${status}]`;
}

/** The transition it was made of. Throws for what is none. */
export function readTransition(
  saved: SavedTransition,
  dialog: DialogFacts,
  seq: number,
  from: string,
): Numbered {
  const [number, at, to, event, cause, side, notes, more] = saved;
  const transition = {
    dialog,
    seq,
    at,
    from,
    to,
    event,
    cause,
    side: side === 0 ? undefined : side,
    media: undefined,
    notes: notes.map(readNote),
    done: false,
    ...more,
  };
  return { number, transition };
}

function readNote(saved: SavedTransition[6][number]): Note {
  if (typeof saved === 'string') return { entry: saved };
  const [entry, side, status] = saved;
  return { entry, ...(side !== 0 && { side }), ...(status !== undefined && { status }) };
}
