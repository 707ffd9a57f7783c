// A transition as it is kept outside the process: what its dialog does not tell already, as JSON in few characters.
import type { Entry, Side } from '../../machines/types.ts';
import type { JsonWriter } from '../json/json-writer.ts';
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

/** Writes a SavedTransition. States, events, entries and directions are words of our own: nothing in them needs an escape. */
export function saveTransition(out: JsonWriter, { number, transition }: Numbered): void {
  const { at, to, event, cause, side, notes, media, callee, forwardedTo, done } = transition;
  out.plain('[');
  out.number(number);
  out.plain(',');
  out.number(at);
  out.plain(',"');
  out.plain(to);
  out.plain('","');
  out.plain(event);
  out.plain('",');
  out.quoted(cause);
  saveSide(out, side);
  out.plain(',[');
  for (let i = 0; i < notes.length; i++) {
    if (i > 0) out.plain(',');
    saveNote(out, notes[i] as Note);
  }
  out.plain(']');
  if (media !== undefined || callee !== undefined || forwardedTo !== undefined || done) {
    out.plain(',{');
    if (media !== undefined) {
      out.plain('"media":{"audio":"');
      out.plain(media.audio);
      out.plain('","video":"');
      out.plain(media.video);
      out.plain('"},');
    }
    if (callee !== undefined) {
      out.plain('"callee":');
      out.quoted(callee);
      out.plain(',');
    }
    if (forwardedTo !== undefined) {
      out.plain('"forwardedTo":');
      out.quoted(forwardedTo);
      out.plain(',');
    }
    if (done) out.plain('"done":true');
    out.endObject();
  }
  out.plain(']');
}

function saveNote(out: JsonWriter, { entry, side, status }: Note): void {
  const isAlone = side === undefined && status === undefined;
  out.plain(isAlone ? '"' : '["');
  out.plain(entry);
  out.plain('"');
  if (isAlone) return;
  saveSide(out, side);
  if (status !== undefined) {
    out.plain(',');
    out.number(status);
  }
  out.plain(']');
}

function saveSide(out: JsonWriter, side: Side | undefined): void {
  out.plain(side === undefined ? ',0' : side === 'caller' ? ',"caller"' : ',"callee"');
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
