// The call diary: which line a person reads for each thing told of a call.
import type { Side } from '../../machines/types.ts';
import type { DialogFacts, Note, Transition } from './transition.ts';
import { WallTime, type ZoneOffset } from './wall-time.ts';

export type DiaryStyle = 'classic' | 'plain';

/** The words for one note; undefined: the diary is silent about it. */
type Wording = (note: Note, dialog: DialogFacts, side: Side | undefined, where: Where) => string | undefined;

/** Whom a call has reached by a 3xx that was followed, and where that one sends it on to. */
type Where = Pick<Transition, 'callee' | 'forwardedTo'>;

export class Diary {
  readonly #time: WallTime;
  readonly #words: Wording;

  constructor(options: { readonly style: DiaryStyle; readonly zone?: ZoneOffset | undefined }) {
    this.#time = new WallTime(options.zone);
    this.#words = options.style === 'plain' ? plain : classic;
  }

  /** `2026-05-04 13:07:09,042: text (Call-ID: x)` for each note that has words, each with its line end. */
  lines(transition: Transition): string {
    let lines = '';
    const { dialog, notes, at } = transition;
    for (const note of notes) {
      const text = this.#words(note, dialog, note.side ?? transition.side, transition);
      if (text !== undefined)
        lines += `${this.#time.local(at)}: ${text} (Call-ID: ${oneLine(dialog.callId)})\n`;
    }
    return lines;
  }
}

function classic(note: Note, dialog: DialogFacts, side: Side | undefined, where: Where): string | undefined {
  const from = oneLine(dialog.from);
  const to = oneLine(where.callee ?? dialog.to);
  const who = side === 'callee' ? to : from;
  const other = side === 'callee' ? from : to;
  switch (note.entry) {
    case 'incoming':
      return `Incomming Call From: ${from} >> To: ${to}`;
    case 'ringing':
      return `\tCall Ringing at ${to}`;
    case 'forwarded':
      return `\tCall Forwarded by ${to} >> To: ${oneLine(where.forwardedTo ?? '')}`;
    case 'answered':
      return `\tCall Answered by ${to}`;
    case 'declined':
      return `\tCall Declined by ${to}`;
    case 'busy':
      return `\tCall Refused as Busy by ${to}`;
    case 'no-answer':
      return `\tCall Not Answered by ${to}`;
    case 'cancelled':
      return `\tCall Cancelled by ${from}`;
    case 'unreachable':
      return `\tCall Could Not Reach ${to}`;
    case 'redirected':
      return `\tCall Redirected by ${to}`;
    case 'failed':
      return `\tCall Has Failed${status(note)}`;
    case 'video.asked-on':
      return `\tRequested Video Call ON From: ${who} >> To: ${other}`;
    case 'video.asked-off':
      return `\tRequested Video Call OFF From: ${who} >> To: ${other}`;
    case 'video.on':
      return '\t\tVideo Call ON';
    case 'video.off':
      return '\t\tVideo Call OFF';
    case 'video.refused':
      return '\t\tVideo Call REFUSED';
    case 'hold':
      return `\tCall Put On Hold by ${who}`;
    case 'resume':
      return `\tCall Resumed by ${who}`;
    case 'transfer.asked':
      return `\tRequested Call Transfer From: ${who} >> To: ${other}`;
    case 'transfer.refused':
      return `\t\tCall Transfer REFUSED${status(note)}`;
    case 'transfer.progress':
      return `\t\tCall Transfer In Progress${status(note)}`;
    case 'transfer.done':
      return '\t\tCall Transfer DONE';
    case 'transfer.failed':
      return `\t\tCall Transfer FAILED${status(note)}`;
    case 'conference.joined':
      return `Conference Joined by ${from} >> At: ${to}`;
    case 'conference.left':
      return `\tConference Left by ${from}`;
    case 'ended':
      return '\tCall Has Ended';
    case 'timed-out':
      return dialog.machine === 'subscription' ? undefined : '\tCall Has Timed Out';
    case 'subscribed':
    case 'unsubscribed':
    case 'refused':
    case 'unexpected':
      return undefined;
  }
}

function plain(note: Note, dialog: DialogFacts, side: Side | undefined, where: Where): string | undefined {
  const from = oneLine(dialog.from);
  const to = oneLine(where.callee ?? dialog.to);
  const who = side === 'callee' ? to : from;
  const other = side === 'callee' ? from : to;
  switch (note.entry) {
    case 'incoming':
      return `Incoming call from ${from} to ${to}`;
    case 'ringing':
      return `\tRinging at ${to}`;
    case 'forwarded':
      return `\tForwarded by ${to} to ${oneLine(where.forwardedTo ?? '')}`;
    case 'answered':
      return `\tAnswered by ${to}`;
    case 'declined':
      return `\tDeclined by ${to}`;
    case 'busy':
      return `\t${to} is busy`;
    case 'no-answer':
      return `\tNot answered by ${to}`;
    case 'cancelled':
      return `\tCancelled by ${from}`;
    case 'unreachable':
      return `\t${to} could not be reached`;
    case 'redirected':
      return `\tRedirected by ${to}`;
    case 'failed':
      return `\tFailed${status(note)}`;
    case 'video.asked-on':
      return `\tVideo asked for by ${who}, of ${other}`;
    case 'video.asked-off':
      return `\tEnd of video asked for by ${who}, of ${other}`;
    case 'video.on':
      return '\t\tVideo on';
    case 'video.off':
      return '\t\tVideo off';
    case 'video.refused':
      return '\t\tVideo refused';
    case 'hold':
      return `\tPut on hold by ${who}`;
    case 'resume':
      return `\tResumed by ${who}`;
    case 'transfer.asked':
      return `\tTransfer asked for by ${who}, of ${other}`;
    case 'transfer.refused':
      return `\t\tTransfer refused${status(note)}`;
    case 'transfer.progress':
      return `\t\tTransfer in progress${status(note)}`;
    case 'transfer.done':
      return '\t\tTransfer done';
    case 'transfer.failed':
      return `\t\tTransfer failed${status(note)}`;
    case 'conference.joined':
      return `Conference at ${to} joined by ${from}`;
    case 'conference.left':
      return `\tConference left by ${from}`;
    case 'ended':
      return note.side === undefined ? '\tEnded' : `\tEnded by ${who}`;
    case 'timed-out':
      return dialog.machine === 'subscription' ? undefined : '\tTimed out';
    case 'subscribed':
    case 'unsubscribed':
    case 'refused':
    case 'unexpected':
      return undefined;
  }
}

function status(note: Note): string {
  return note.status === undefined ? '' : ` (${note.status})`;
}

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u;
const EACH_UNSAFE = new RegExp(UNSAFE, 'gu');

/** What came over the wire cannot begin a line of its own, nor move the cursor of whoever reads it. */
function oneLine(text: string): string {
  if (!UNSAFE.test(text)) return text;
  return text.replace(
    EACH_UNSAFE,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
