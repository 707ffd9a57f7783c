// One live dialog: its actor and what the host knows of it that the chart must not (Call-ID, tags, timers).
import type { Side, TimerName } from '../../machines/types.ts';
import type { Numbered } from '../journal/saved-transition.ts';
import type { DialogFacts } from '../journal/transition.ts';
import type { Forwarding } from '../proxy/forwarding.ts';
import { detached, type SipMessage, type SipRequest } from '../sip/message.ts';
import type { Item } from '../store/log-item.ts';
import type { DialogActor } from './actors.ts';
import type { LastSaved } from './saved-dialog.ts';

/** A timer of a dialog: the host keeps it, the chart hears `timer.NAME` when it fires. */
export interface DialogTimer {
  /** Monotonic ms; what outlives a restart. */
  readonly due: number;
  readonly isRunning: boolean;
  stop(): void;
}

/** Where a dialog is kept. */
export interface Kept {
  readonly item: Item;
  /** Of which it is put together. */
  parts: number;
  /** The journal's when the last one was kept. */
  window: number;
}

const MAX_FORKS = 64;
const NOTHING: Numbered[] = [];

/** What a dialog keeps of the request that opened it. Wire text. */
export interface OpenedBy {
  readonly callId: string;
  readonly callerTag: string;
  readonly method: string;
  readonly cseq: number;
}

export function openedBy(request: SipRequest): OpenedBy {
  return {
    callId: detached(request.callId),
    callerTag: detached(request.from.tag ?? ''),
    method: detached(request.method),
    cseq: request.cseq.number,
  };
}

export class LiveDialog {
  /** As on the wire, one char per byte. */
  readonly callId: string;
  readonly facts: DialogFacts;
  readonly actor: DialogActor;
  readonly callerTag: string;
  /** To tags heard so far: one for each fork. */
  readonly calleeTags = new Set<string>();
  readonly timers = new Map<TimerName, DialogTimer>();
  /** To tag of the first 2xx: the fork that became the call. */
  answeredTag: string | undefined;
  /** Who answered in place of `facts.to`, when the server had followed a 3xx. */
  callee: string | undefined;
  readonly openingMethod: string;
  /** CSeq number of the latest opening request. */
  openingCseq: number;
  /** The opening request's way, while it has no final response. */
  opening: Forwarding | undefined;
  /** Path of the state, as the journal writes it. */
  state = '';
  /** Milliseconds it may last without a refresh (RFC 4028); undefined: nobody has promised any. */
  session: number | undefined;
  seq = 0;
  alive = true;
  /** CSeq of the latest request inside the dialog, by the side that sent it. */
  readonly heard: Record<Side, number> = { caller: -1, callee: -1 };
  /** The same as it was kept before a restart: that request may come again. undefined: there was none. */
  heardBefore: Readonly<Record<Side, number>> | undefined;
  /** Snapshot value `state` was made of: the same object means nothing moved. */
  value: unknown;

  /** Where a restart finds it, though maybe not as it is now; undefined: nowhere. */
  kept: Kept | undefined;
  /** What of it was kept last; undefined: all that may change is to be kept anew. */
  saved: LastSaved | undefined;
  /** What was told of it since. */
  #fresh: Numbered[] = NOTHING;
  /** It is among those that have changed since they were last kept. */
  isDirty = false;

  constructor(facts: DialogFacts, actor: DialogActor, { callId, callerTag, method, cseq }: OpenedBy) {
    this.callId = callId;
    this.facts = facts;
    this.actor = actor;
    this.callerTag = callerTag;
    this.openingMethod = method;
    this.openingCseq = cseq;
  }

  told(numbered: Numbered): void {
    if (this.#fresh.length > 0) this.#fresh.push(numbered);
    else this.#fresh = [numbered];
  }

  /** What was told of it since this was last asked. */
  takeFresh(): readonly Numbered[] {
    const fresh = this.#fresh;
    this.#fresh = NOTHING;
    return fresh;
  }

  /** Learns the To tag of a fork. A flood of forks must not grow. */
  learnTag(tag: string): void {
    if (this.calleeTags.size < MAX_FORKS && !this.calleeTags.has(tag)) this.calleeTags.add(detached(tag));
  }

  /** Which side sent it, by both tags (RFC 3261 §12.2.2; a missing one is empty); undefined: it is not of this dialog. */
  sideOf(message: SipMessage): Side | undefined {
    const from = message.from.tag ?? '';
    const to = message.to.tag ?? '';
    if (from === this.callerTag && this.calleeTags.has(to)) return 'caller';
    if (to === this.callerTag) {
      if (this.calleeTags.has(from)) return 'callee';
      // A NOTIFY may overtake the 2xx of its SUBSCRIBE and bring a new fork (RFC 6665 §4.1.3).
      if (this.facts.machine === 'subscription' && to !== '') {
        this.learnTag(from);
        return 'callee';
      }
    }
    return undefined;
  }
}
