// Gathers what is told of each call while it is played, and hands it on, in the order the calls began, once it is over.
import { CallRecords } from '../journal/call-record.ts';
import { Diary } from '../journal/diary.ts';
import type { Transition } from '../journal/transition.ts';
import type { ZoneOffset } from '../journal/wall-time.ts';
import { type SipMessage, text } from '../sip/message.ts';
import type { Endpoint } from './capture/datagrams.ts';
import type { Difference } from './differences.ts';
import { endpointText } from './endpoint.ts';
import type { Missing, ReplayedCall, WouldSend } from './result.ts';

/** After this many ms of silence nothing belongs to a finished call any more: RFC 3261's 64*T1, and what lingers a little longer. */
export const SILENCE = 40_000;
/** Calls that are over wait for those that began before them; of more than so many those that are over go first. */
const HELD = 10_000;
const LOOK_EVERY = 1000;

type Facts = Omit<ReplayedCall, 'states' | 'diary' | 'sends'>;
type Building = { -readonly [K in keyof Facts]: Facts[K] } & {
  states: ReplayedCall['states'][number][];
  diary: string[];
  sends: Sends;
  last: number;
  wireCallId: string;
};

export interface CallLogParts {
  readonly zone: ZoneOffset;
  readonly differences: (callId: string) => readonly Difference[];
  readonly onCall: (call: ReplayedCall) => void;
}

export class CallLog {
  readonly #parts: CallLogParts;
  readonly #diary: Diary;
  readonly #records = new CallRecords();
  /** By Call-ID as people read it, in the order they began. */
  readonly #calls = new Map<string, Building>();
  #looks = 0;

  constructor(parts: CallLogParts) {
    this.#parts = parts;
    this.#diary = new Diary({ style: 'classic', zone: parts.zone });
  }

  has(callId: string): boolean {
    return this.#calls.has(callId);
  }

  /** `quiet`: it was put in place, and is not told. */
  moved(transition: Transition, wireCallId: string, quiet: boolean): void {
    const { dialog, at, from, to, cause, side, notes, done } = transition;
    let call = this.#calls.get(dialog.callId);
    if (call === undefined) {
      call = { ...opened(transition), wireCallId };
      this.#calls.set(dialog.callId, call);
    }
    const record = this.#records.take(transition);
    if (record !== undefined) call.outcome = record.outcome;
    call.over = done;
    call.last = at;
    if (quiet) {
      call.adopted = to;
      return;
    }
    call.states.push({ at, from, to, cause, side, notes: notes.map(({ entry }) => entry) });
    for (const line of this.#diary.lines(transition).split('\n')) if (line !== '') call.diary.push(line);
  }

  /** False: it belongs to no call. */
  sends(message: SipMessage, to: Endpoint, at: number): boolean {
    const call = this.#calls.get(text(message.callId));
    if (call === undefined) return false;
    call.last = at;
    call.sends.add(message, to, at);
    return true;
  }

  guessed(callId: string): void {
    const call = this.#calls.get(text(callId));
    if (call !== undefined) call.callerGuessed = true;
  }

  missing(callId: string, side: Missing['side'], at: string): void {
    const call = this.#calls.get(text(callId));
    if (call === undefined) return;
    const known = call.missing ?? { side, at, messages: 0 };
    call.missing = { ...known, messages: known.messages + 1 };
  }

  lost(callId: string): void {
    const call = this.#calls.get(text(callId));
    if (call !== undefined) call.lost++;
  }

  legOf(callId: string, other: string): void {
    const call = this.#calls.get(text(callId));
    if (call !== undefined) call.legOf = text(other);
  }

  /** Hands on what is over by now; in between only the oldest is looked at. */
  settle(now: number): void {
    for (const call of this.#calls.values()) {
      if (!isSettled(call, now)) break;
      this.#close(call);
    }
    this.#looks++;
    if (this.#calls.size <= HELD || this.#looks % LOOK_EVERY !== 0) return;
    for (const call of this.#calls.values()) if (isSettled(call, now)) this.#close(call);
  }

  end(): void {
    for (const call of this.#calls.values()) this.#close(call);
  }

  #close(call: Building): void {
    this.#calls.delete(call.callId);
    const { last: _last, wireCallId, sends, ...rest } = call;
    if (!call.over)
      for (const record of this.#records.live())
        if (record.dialog.callId === call.callId) rest.outcome = record.outcome;
    this.#parts.onCall({ ...rest, sends: sends.list(), differences: this.#parts.differences(wireCallId) });
  }
}

function isSettled(call: Building, now: number): boolean {
  return call.over && now - call.last > SILENCE;
}

function opened({ dialog, at }: Transition): Omit<Building, 'wireCallId'> {
  return {
    callId: dialog.callId,
    machine: dialog.machine,
    from: dialog.from,
    to: dialog.to,
    adopted: '',
    callerGuessed: false,
    missing: undefined,
    lost: 0,
    origin: dialog.origin,
    legOf: undefined,
    outcome: undefined,
    states: [],
    diary: [],
    sends: new Sends(),
    differences: [],
    over: false,
    last: at,
  };
}

/** Messages in the order they are sent first; each again only counts. */
export class Sends {
  readonly #all = new Map<string, { -readonly [K in keyof WouldSend]: WouldSend[K] }>();

  add(message: SipMessage, to: Endpoint, at: number): void {
    const { number, method } = message.cseq;
    const words =
      message.kind === 'request' ? `${message.method} ${message.uri}` : `${message.status} ${message.reason}`;
    const send = {
      at,
      to: endpointText(to),
      what: text(words),
      cseq: `${number} ${method}`,
      times: 1,
      until: at,
    };
    // A tag or branch that differs is another message: a retransmission is the same in every one.
    const key = `${send.to} ${send.cseq} ${words} ${message.from.tag ?? ''} ${message.to.tag ?? ''}`;
    const known = this.#all.get(key);
    if (known === undefined) {
      this.#all.set(key, send);
      return;
    }
    known.times++;
    known.until = at;
  }

  /** By kind alone, whatever transaction it belongs to: outside of calls there is no end of them. */
  addKind(message: SipMessage, to: Endpoint, at: number): void {
    const what = text(message.kind === 'request' ? message.method : `${message.status} ${message.reason}`);
    const { method } = message.cseq;
    const key = `${endpointText(to)} ${what} ${method}`;
    const known = this.#all.get(key);
    if (known === undefined)
      this.#all.set(key, { at, to: endpointText(to), what, cseq: text(method), times: 1, until: at });
    else {
      known.times++;
      known.until = at;
    }
  }

  list(): WouldSend[] {
    return [...this.#all.values()];
  }
}
