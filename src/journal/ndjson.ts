// The machine-readable journal: one JSON object a line, `v` counts up when a field changes its meaning.

import { type CallRecord, ringMs, setupMs, talkMs } from './call-record.ts';
import type { DialogFacts, Note, Transition } from './transition.ts';
import { WallTime } from './wall-time.ts';

export const JOURNAL_VERSION = 1;

const HEAD = `{"v":${JOURNAL_VERSION},"type":`;

interface Said {
  readonly dialog: DialogFacts;
  readonly callId: string;
  readonly parties: string;
}

/** Writes lines by hand: JSON.stringify on the whole object takes three times as long. */
export class NdjsonWriter {
  readonly #time = new WallTime();
  /** Of the calls that live. */
  readonly #dialogs = new Map<string, Said>();

  transition(t: Transition): string {
    const { dialog } = t;
    const said = this.#said(dialog);
    // States, events and directions are words of our own: nothing in them needs an escape.
    let line = `${HEAD}"transition","time":"${this.#time.iso(t.at)}","callId":${said.callId},"seq":${t.seq},"machine":"${dialog.machine}","from":"${t.from}","to":"${t.to}","cause":${quote(t.cause)},"event":"${t.event}"`;
    if (t.side !== undefined) line += `,"side":"${t.side}"`;
    line += said.parties;
    if (t.media !== undefined) line += `,"media":{"audio":"${t.media.audio}","video":"${t.media.video}"}`;
    if (t.notes.length > 0) line += `,"notes":[${t.notes.map(noteOf).join(',')}]`;
    if (t.callee !== undefined) line += `,"callee":${quote(t.callee)}`;
    if (t.forwardedTo !== undefined) line += `,"forwardedTo":${quote(t.forwardedTo)}`;
    return t.done ? `${line},"done":true}\n` : `${line}}\n`;
  }

  /** What stands on every line of a dialog, made once. */
  #said(dialog: DialogFacts): Said {
    let said = this.#dialogs.get(dialog.callId);
    // A Call-ID may be used again.
    if (said?.dialog !== dialog) {
      const parties = `,"parties":{"from":${quote(dialog.from)},"to":${quote(dialog.to)}}`;
      said = { dialog, callId: quote(dialog.callId), parties };
      this.#dialogs.set(dialog.callId, said);
    }
    return said;
  }

  /** `time` is when it was over; absent fields: it never rang, was never answered, nobody ended it. */
  record(record: CallRecord): string {
    const { dialog } = record;
    const type = dialog.machine === 'subscription' ? 'subscription' : 'call';
    let line = `${HEAD}"${type}","time":"${this.#time.iso(record.endedAt ?? record.startedAt)}"`;
    const { callId, parties } = this.#said(dialog);
    this.#dialogs.delete(dialog.callId);
    line += `,"callId":${callId}${parties}`;
    line += `,"started":"${this.#time.iso(record.startedAt)}"`;
    if (record.answeredAt !== undefined) line += `,"answered":"${this.#time.iso(record.answeredAt)}"`;
    line +=
      number('setupMs', setupMs(record)) +
      number('ringMs', ringMs(record)) +
      number('talkMs', talkMs(record));
    if (record.callee !== undefined) line += `,"callee":${quote(record.callee)}`;
    if (record.outcome !== undefined) line += `,"outcome":"${record.outcome}"`;
    line += number('status', record.status);
    if (record.endedBy !== undefined) line += `,"endedBy":"${record.endedBy}"`;
    line += `,"video":${record.video},"transitions":${record.transitions}`;
    const { origin } = dialog;
    if (origin !== undefined) line += `,"origin":{"callId":${quote(origin.callId)},"why":"${origin.why}"}`;
    return `${line}}\n`;
  }
}

function noteOf(note: Note): string {
  const side = note.side === undefined ? '' : `,"side":"${note.side}"`;
  return `{"entry":"${note.entry}"${side}${number('status', note.status)}}`;
}

function number(name: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${name}":${value}`;
}

/** Nearly everything is plain ASCII, which needs no escapes. */
function quote(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}
