// What became of a call: one record for each, gathered from its transitions; while it lives, what is known so far.
import type { Entry, Side } from '../../machines/types.ts';
import type { DialogFacts, Note, Transition } from './transition.ts';

export type Outcome =
  | 'answered'
  | 'transferred'
  | 'declined'
  | 'busy'
  | 'no-answer'
  | 'cancelled'
  | 'unreachable'
  | 'redirected'
  | 'failed'
  | 'timed-out'
  | 'subscribed'
  | 'refused';

/** One call (or one subscription that opened a dialog of its own). Instants are ms since the epoch, lengths ms. */
export interface CallRecord {
  readonly dialog: DialogFacts;
  readonly state: string;
  /** When it was asked for. */
  readonly startedAt: number;
  readonly ringingAt: number | undefined;
  readonly answeredAt: number | undefined;
  /** When it was over for people: the BYE, the refusal; later things of the dialog do not move it. */
  readonly endedAt: number | undefined;
  /** Final status of the refusal, if it was refused. */
  readonly status: number | undefined;
  readonly outcome: Outcome | undefined;
  readonly endedBy: Side | undefined;
  /** Who answered, or refused, in place of `to`: the server has followed a 3xx. */
  readonly callee?: string | undefined;
  /** Was there ever video? */
  readonly video: boolean;
  readonly transitions: number;
}

/** From the request to the answer, or to the end of a call that had none. */
export function setupMs(record: CallRecord): number | undefined {
  return span(record.startedAt, record.answeredAt ?? record.endedAt);
}

/** From the first ring to the answer, or to the end of a call that had none. undefined: it never rang. */
export function ringMs(record: CallRecord): number | undefined {
  return record.ringingAt === undefined
    ? undefined
    : span(record.ringingAt, record.answeredAt ?? record.endedAt);
}

/** From the answer to the end. undefined: nobody answered, or it still goes on. */
export function talkMs(record: Pick<CallRecord, 'answeredAt' | 'endedAt'>): number | undefined {
  return record.answeredAt === undefined ? undefined : span(record.answeredAt, record.endedAt);
}

/** A wall clock may be set back in the middle of a call. */
function span(from: number, to: number | undefined): number | undefined {
  return to === undefined ? undefined : Math.max(0, to - from);
}

/** What is gathered: the record, and who hung up first, which only counts once the BYE is answered or given up. */
type Gathered = { -readonly [K in keyof CallRecord]: CallRecord[K] } & {
  bye?: { at: number; side: Side | undefined };
};

/** All calls that live, as their transitions tell. Pure: no clock, no output. */
export class CallRecords {
  readonly #live = new Map<string, Gathered>();

  /** Takes the next transition; the record comes out when it was the dialog's last. */
  take(transition: Transition): CallRecord | undefined {
    const { dialog, notes, at } = transition;
    let record = this.#live.get(dialog.callId);
    if (record === undefined) {
      record = opened(dialog, at);
      this.#live.set(dialog.callId, record);
    }
    record.state = transition.to;
    record.transitions = transition.seq;
    if (transition.callee !== undefined) record.callee = transition.callee;
    if (transition.event === 'request.bye') record.bye ??= { at, side: transition.side };
    for (const note of notes) tell(record, note, at);
    if (!transition.done) return undefined;
    this.#live.delete(dialog.callId);
    record.endedAt ??= at;
    record.outcome ??= quietOutcome(record);
    return record;
  }

  of(callId: string): CallRecord | undefined {
    return this.#live.get(callId);
  }

  /** A call that lived before a restart: as `of` gave it. */
  restore(record: CallRecord): void {
    this.#live.set(record.dialog.callId, { ...record });
  }

  /** The calls that live, oldest first. */
  live(): IterableIterator<CallRecord> {
    return this.#live.values();
  }

  get size(): number {
    return this.#live.size;
  }
}

/** As JSON, for `restore`: all but what stands in the dialog that is kept with it. */
export function saveRecord({ dialog, state, transitions, ...record }: CallRecord): string {
  return JSON.stringify(record);
}

function opened(dialog: DialogFacts, startedAt: number): Gathered {
  return {
    dialog,
    state: '',
    startedAt,
    ringingAt: undefined,
    answeredAt: undefined,
    endedAt: undefined,
    status: undefined,
    outcome: undefined,
    endedBy: undefined,
    video: false,
    transitions: 0,
  };
}

/** What ends a call, and who did when the chart does not say. */
const ENDS: Readonly<Partial<Record<Entry, { readonly outcome?: Outcome; readonly by?: Side }>>> = {
  declined: { outcome: 'declined', by: 'callee' },
  busy: { outcome: 'busy', by: 'callee' },
  'no-answer': { outcome: 'no-answer' },
  cancelled: { outcome: 'cancelled', by: 'caller' },
  unreachable: { outcome: 'unreachable' },
  redirected: { outcome: 'redirected', by: 'callee' },
  failed: { outcome: 'failed' },
  refused: { outcome: 'refused', by: 'callee' },
  'timed-out': { outcome: 'timed-out' },
  ended: {},
  unsubscribed: {},
  'conference.left': {},
};

function tell(record: Gathered, note: Note, at: number): void {
  switch (note.entry) {
    case 'ringing':
      record.ringingAt ??= at;
      return;
    case 'answered':
      // a 2xx that crossed the CANCEL: the call is on after all
      if (record.outcome === 'cancelled' || record.outcome === 'no-answer')
        record.outcome = record.endedAt = record.endedBy = undefined;
      record.answeredAt ??= at;
      return;
    case 'subscribed':
    case 'conference.joined':
      record.answeredAt ??= at;
      return;
    case 'video.on':
      record.video = true;
      return;
    case 'transfer.done':
      record.outcome = 'transferred';
      return;
  }
  const end = ENDS[note.entry];
  // the first end counts: a BYE that nobody answers ended its call all the same
  if (end === undefined || record.endedAt !== undefined) return;
  const bye = note.entry === 'ended' ? record.bye : undefined;
  record.endedAt = bye?.at ?? at;
  record.endedBy = bye?.side ?? note.side ?? end.by;
  // that of the 200 to a BYE says nothing about the call
  if (end.outcome !== undefined) record.status = note.status;
  record.outcome ??= end.outcome ?? quietOutcome(record);
}

/** Of a call that came to an end without a reason of its own. */
function quietOutcome({ dialog, answeredAt }: CallRecord): Outcome {
  if (answeredAt === undefined) return 'failed';
  return dialog.machine === 'subscription' ? 'subscribed' : 'answered';
}
