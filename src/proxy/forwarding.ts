// RFC 3261 §16.6, §16.7, §16.10: one forwarded request, its branches, and the best response.

import type { JsonWriter } from '../json/json-writer.ts';
import type { Target } from '../routing/router.ts';
import { popVia } from '../sip/edit.ts';
import type { HeaderLine, SipRequest, SipResponse } from '../sip/message.ts';
import { headerLine } from '../sip/message.ts';
import { wireText } from '../sip/serialize.ts';
import type { Item } from '../store/log-item.ts';
import type { Timer } from '../time/clock.ts';
import type { ServerTransaction } from '../transaction/transaction.ts';
import { chooseBest } from './best-response.ts';
import { Branch } from './branch.ts';
import type { ProxyCore } from './proxy-core.ts';
import { MOST_PARTS, type SavedForwarding } from './saved-forwarding.ts';

/** A failure as it goes upstream: a phone's own response, or the status the server answers with. */
export interface Failure {
  readonly status: number;
  /** A phone said it (its response, Via popped), or nobody did. */
  readonly response: SipResponse | undefined;
  /** `us`: nobody was there, nobody answered, or nobody could be reached. */
  readonly origin: 'phone' | 'us';
  /** The Contact of a 3xx by which the one who failed was asked; undefined: he is one of those the caller asked for. */
  readonly contact: string | undefined;
}

/** Who hears of a forwarding: it decides when what is heard goes upstream (`pass`, `passFailure`). */
export interface ForwardingObserver {
  onProvisional(forwarding: Forwarding, fork: number, response: SipResponse): void;
  /** Every 2xx, also a retransmitted one and one of another fork (`again`). */
  onSuccess(forwarding: Forwarding, fork: number, response: SipResponse, again: boolean): void;
  onFailure(forwarding: Forwarding, failure: Failure): void;
  /** A 3xx of that fork is not passed on: these Contacts of it are tried. */
  onRedirect(forwarding: Forwarding, fork: number, response: SipResponse, contacts: readonly string[]): void;
}

/** 3xx in a row that lead from one phone to the next. */
const MAX_REDIRECTS = 5;
/** Targets of one request, those that 3xx named among them. */
const MAX_TARGETS = 60;
/** How the response begins that needs not be kept: it is made again. */
const TRYING = 'SIP/2.0 100 ';

export class Forwarding {
  readonly upstream: ServerTransaction;
  readonly method: string;
  /** Another one takes over when its dialog has ended. */
  observer: ForwardingObserver;
  /** As what a restart finds it; undefined: it does not. */
  kept: Item | undefined;
  /** Hears that what outlives a restart has changed. */
  onChange: ((forwarding: Forwarding) => void) | undefined;
  readonly #core: ProxyCore;
  /** As it goes out but for what differs from branch to branch; gone when no more branch can start. */
  #base: SipRequest | undefined;
  /** What was kept of it last; undefined: all of it is to be kept anew. */
  #saved:
    | {
        readonly answered: boolean;
        readonly finalStatus: number;
        readonly last: string;
        readonly serial: number | undefined;
        readonly waiting: string;
        readonly parts: number;
      }
    | undefined;
  #waiting: Target[];
  #branches: Branch[] = [];
  #serial: (Timer & { readonly due: number }) | undefined;
  #answered = false;
  #cancelled: 'caller' | 'no-answer' | undefined;
  #settled = false;

  constructor(
    core: ProxyCore,
    upstream: ServerTransaction,
    base: SipRequest | undefined,
    targets: readonly Target[],
    observer: ForwardingObserver,
  ) {
    this.#core = core;
    this.upstream = upstream;
    this.method = upstream.method;
    this.#base = base;
    this.#waiting = [...targets];
    this.observer = observer;
  }

  /** Could a restart lose something of it? Asked by whoever keeps it. */
  get isPending(): boolean {
    return this.#isUnderway || this.upstream.isOwedAck;
  }

  get #isUnderway(): boolean {
    return this.isOpen || this.#branches.some((branch) => branch.status === 0);
  }

  /** The next `save` tells what has changed since the last one, not all. */
  get isSaved(): boolean {
    return this.#saved !== undefined;
  }

  /** The next `save` tells all. */
  saveAnew(): void {
    this.#saved = undefined;
  }

  /**
   * Writes the fields of a SavedForwarding that are not what they were when this was last called: at the first time those
   * that are not what they are at the start. null: it has that field no more. `toWall`: from clock ms to wall ms.
   */
  save(out: JsonWriter, toWall: (instant: number) => number): void {
    const { finalStatus, last } = this.upstream;
    const answered = this.#answered;
    const serial = this.#serial?.due;
    const waiting = this.#waiting.length === 0 ? '[]' : JSON.stringify(this.#waiting);
    const saved = this.#saved;
    out.plain('{');
    if (saved === undefined) this.#saveHead(out);
    if (answered !== (saved?.answered ?? false))
      out.plain(answered ? '"answered":true,' : '"answered":false,');
    if (finalStatus !== (saved?.finalStatus ?? 0)) {
      out.plain('"finalStatus":');
      out.number(finalStatus);
      out.plain(',');
    }
    if (last !== saved?.last && !last.startsWith(TRYING)) {
      out.plain('"last":');
      out.quoted(last);
      out.plain(',');
    }
    if (waiting !== (saved?.waiting ?? '[]')) out.json(`"waiting":${waiting},`);
    if (serial !== saved?.serial) out.plain(`"serial":${serial === undefined ? null : toWall(serial)},`);
    if (this.#cancelled !== undefined) out.plain(`"cancelled":"${this.#cancelled}",`);
    const parts = (saved?.parts ?? -1) + 1;
    this.#saved = parts === MOST_PARTS ? undefined : { answered, finalStatus, last, waiting, serial, parts };
    this.#saveBranches(out);
    out.endObject();
  }

  #saveHead(out: JsonWriter): void {
    const { key, source } = this.upstream;
    const base = this.#base;
    for (const branch of this.#branches) branch.saveAnew();
    out.plain('"base":');
    out.quoted(base === undefined ? '' : wireText(base));
    if (base === undefined) {
      out.plain(',"key":');
      out.quoted(key);
    }
    out.plain(',"source":');
    out.value(source);
    out.plain(',');
  }

  #saveBranches(out: JsonWriter): void {
    let isFirst = true;
    for (const branch of this.#branches) {
      if (!branch.hasNews) continue;
      out.plain(isFirst ? '"branches":{"' : ',"');
      isFirst = false;
      out.number(branch.fork);
      out.plain('":');
      branch.save(out);
    }
    if (!isFirst) out.plain('},');
  }

  /** Goes on where `saved` stood: what had not been answered is sent again, what was cancelled is cancelled. */
  resume(saved: SavedForwarding, toClock: (instant: number) => number): void {
    this.#answered = saved.answered ?? false;
    this.#cancelled = saved.cancelled;
    const base = this.#base;
    this.#awaitAck();
    if (base === undefined) {
      this.#settled = true;
      return;
    }
    this.#branches = Object.values(saved.branches ?? {}).map((one, fork) => {
      const branch = new Branch(this, fork, one.target, one.breadth);
      branch.restore(one);
      return branch;
    });
    if (saved.serial !== undefined) this.#startSerial(Math.max(1, toClock(saved.serial) - this.#core.now));
    // What fails at once leads back in here, for the next group: that one is sent already.
    for (const branch of [...this.#branches]) {
      if (branch.status !== 0) continue;
      this.#send(base, branch);
      if (branch.spoke && branch.cancelAsked) branch.transaction?.cancel(branch.cancelHeaders);
    }
    this.#advance();
  }

  /** Sends the request to the first group of targets. */
  start(): void {
    this.#nextGroup();
  }

  get isInvite(): boolean {
    return this.method === 'INVITE';
  }

  /** No final response was passed and branches may still bring one. */
  get isOpen(): boolean {
    return !this.#settled && !this.#answered;
  }

  /** The Contact of a 3xx by which this fork was asked; undefined: it is one of those the caller asked for. */
  contactOf(fork: number): string | undefined {
    return this.#branches[fork]?.target.redirect?.contact;
  }

  /** §16.10, §16.8: cancels what is pending and starts nothing more. `headers`: a Reason (RFC 3326) to hand on. */
  cancel(why: 'caller' | 'no-answer', headers: readonly HeaderLine[] = []): void {
    if (!this.isInvite || this.#cancelled !== undefined) return;
    this.#cancelled = why;
    this.#stopSerial();
    this.#waiting = [];
    for (const branch of this.#branches) branch.cancel(headers);
    if (this.#branches.length === 0) this.#settle();
    this.onChange?.(this);
  }

  /** Answers the caller ourselves, whatever the branches say later (a late 2xx still passes). */
  refuse(status: number): void {
    if (this.upstream.finalStatus !== 0) return;
    this.#core.respond(this.upstream, status);
    this.#awaitAck();
    this.onChange?.(this);
  }

  /** The same, but only when no branch has said anything: one that spoke answers its CANCEL itself, or times out. */
  giveUp(status: number): void {
    if (!this.#branches.some((branch) => branch.spoke)) this.refuse(status);
  }

  /** Sends a response of a branch upstream. */
  pass(response: SipResponse): void {
    this.upstream.respond(response);
    this.onChange?.(this);
  }

  passFailure(failure: Failure): void {
    if (this.upstream.finalStatus !== 0) return;
    // RFC 4320 §4.2: no 408 for a non-INVITE, not a phone's either; its sender's own timer tells it.
    if (!this.isInvite && failure.status === 408) this.upstream.abandon();
    else if (failure.response !== undefined) this.upstream.respond(failure.response);
    else this.#core.respond(this.upstream, failure.status);
    this.#awaitAck();
  }

  /** Until its ACK comes a refusal is worth keeping: a caller that has heard a phone ring asks no more for it. */
  #awaitAck(): void {
    if (this.onChange !== undefined && this.upstream.isOwedAck)
      this.upstream.onAcknowledged = () => this.onChange?.(this);
  }

  heard(branch: Branch, response: SipResponse): void {
    const status = response.status;
    if (status < 200) {
      branch.speak();
      if (status > 100 && branch.status === 0)
        this.observer.onProvisional(this, branch.fork, popVia(response.copy()));
      return;
    }
    if (status < 300) {
      const again = this.#answered;
      branch.status = status;
      branch.transaction = undefined;
      this.#answered = true;
      this.#stopSerial();
      this.#waiting = [];
      if (!again) for (const other of this.#branches) if (other !== branch) other.cancel(ANSWERED_ELSEWHERE);
      this.#letGo();
      this.observer.onSuccess(this, branch.fork, popVia(response.copy()), again);
      return;
    }
    if (branch.status !== 0) return;
    branch.status = status;
    branch.response = popVia(response.copy());
    branch.transaction = undefined;
    this.onChange?.(this);
    if (status < 400 && this.#follow(branch, branch.response)) return;
    if (status >= 600) {
      this.#stopSerial();
      this.#waiting = [];
      for (const other of this.#branches) if (other !== branch) other.cancel([]);
    }
    this.#advance();
  }

  lost(branch: Branch, status: number): void {
    if (branch.status !== 0) return;
    branch.status = branch.cancelAsked ? 487 : status;
    branch.transaction = undefined;
    this.onChange?.(this);
    this.#advance();
  }

  /**
   * §16.7 step 4: the Contacts of a 3xx join the target set. Those of the highest q take the branch's place at once,
   * beside what rings; the others come before what is still waiting.
   */
  #follow(branch: Branch, response: SipResponse): boolean {
    const base = this.#base;
    const depth = (branch.target.redirect?.depth ?? 0) + 1;
    if (base === undefined || branch.cancelAsked || !this.#mayStart || depth > MAX_REDIRECTS) return false;
    const known = [...this.#branches.map(({ target }) => target), ...this.#waiting];
    const room = MAX_TARGETS - known.length;
    const found = this.#core.redirection(base, response, { known, room, depth });
    if (found === undefined) return false;
    branch.followed = true;
    branch.response = found.rest;
    this.observer.onRedirect(this, branch.fork, response, found.contacts);
    if (!this.#mayStart) {
      this.#advance();
      return true;
    }
    const breadth = this.#core.breadth(base, branch.breadth * equals(found.targets)) / branch.breadth;
    const size = Math.max(1, Math.floor(breadth));
    this.#waiting.unshift(...found.targets.slice(size));
    this.#begin(base, found.targets.slice(0, size), branch.breadth * size);
    return true;
  }

  /** Nobody has ended it: a further branch may begin. */
  get #mayStart(): boolean {
    // A non-INVITE's sender has given up after 64*T1: nobody would hear what another phone says.
    return this.isOpen && this.#cancelled === undefined && this.upstream.finalStatus === 0;
  }

  /** Nothing more can start: the request is needed only while a branch is still to be ended. */
  #letGo(): void {
    if (this.#isUnderway) return;
    this.#base = undefined;
    this.#saved = undefined;
    for (const branch of this.#branches) branch.letGo();
  }

  #advance(): void {
    if (this.#answered) this.#letGo();
    if (this.#answered || this.#settled) return;
    if (this.#branches.some((b) => b.status === 0)) return;
    // A non-INVITE's sender has given up after 64*T1: nobody would hear what another group says.
    if (this.#waiting.length > 0 && this.upstream.finalStatus === 0) this.#nextGroup();
    else this.#settle();
  }

  #nextGroup(): void {
    this.#stopSerial();
    const base = this.#base;
    if (base === undefined || this.#waiting.length === 0) {
      if (this.#branches.every((branch) => branch.status !== 0)) this.#settle();
      return;
    }
    const group = this.#waiting.splice(0, this.#core.breadth(base, equals(this.#waiting)));
    this.#begin(base, group, group.length);
  }

  /** `breadth`: how many branches share that of the request. */
  #begin(base: SipRequest, group: readonly Target[], breadth: number): void {
    const start = this.#branches.length;
    const branches = group.map((target, i) => new Branch(this, start + i, target, breadth));
    this.#branches.push(...branches);
    // Set before anything is sent: what fails at once leads back in here, for the next group.
    if (this.#waiting.length > 0 && this.isInvite) {
      this.#stopSerial();
      this.#startSerial();
    }
    this.onChange?.(this);
    for (const branch of branches) this.#send(base, branch);
  }

  /** §16.6 step 11, for a group of lower q to come: those that ring are cancelled. `left`: ms of it, after a restart. */
  #startSerial(left?: number): void {
    this.#serial = this.#core.afterSerial(() => {
      this.#serial = undefined;
      for (const branch of this.#branches) {
        if (branch.status !== 0) continue;
        branch.skipped = true;
        branch.cancel([]);
      }
      this.#nextGroup();
    }, left);
  }

  #send(base: SipRequest, branch: Branch): void {
    this.#core.send(base, this.upstream, branch, (transaction) => {
      if (transaction === undefined) this.lost(branch, 503);
      else if (branch.status !== 0) transaction.abandon();
      else branch.transaction = transaction;
    });
  }

  #stopSerial(): void {
    this.#serial?.cancel();
    this.#serial = undefined;
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#stopSerial();
    this.#base = undefined;
    this.#saved = undefined;
    const failure = this.#failure();
    this.#branches = [];
    this.onChange?.(this);
    this.observer.onFailure(this, failure);
  }

  #failure(): Failure {
    if (this.#branches.length === 0) {
      const status = this.#cancelled === undefined ? this.#core.unavailable : 487;
      return { status, response: undefined, origin: 'us', contact: undefined };
    }
    // What the serial timer cancelled was a time-out, though the phone says 487 to our CANCEL.
    const timedOut = (b: Branch) => b.skipped && b.status === 487;
    const heard = this.#branches.flatMap((b) =>
      b.response === undefined || timedOut(b) ? [] : [b.response],
    );
    const best = chooseBest(heard);
    const silent = this.#branches.filter((b) => (b.response === undefined && !b.followed) || timedOut(b));
    const failed = best === undefined ? silent[0] : this.#branches.find((b) => b.response === best);
    const contact = failed?.target.redirect?.contact;
    if (best !== undefined && (best.status >= 600 || silent.length === 0 || best.status < 500)) {
      // §16.7 step 6: a 503 says nothing about the server the caller knows.
      if (best.status === 503) return { status: 500, response: undefined, origin: 'phone', contact };
      // §16.8: what Timer C ended is a time-out to the caller, though the phone says 487 to our CANCEL.
      if (best.status === 487 && this.#cancelled === 'no-answer') {
        return { status: 408, response: undefined, origin: 'phone', contact };
      }
      return { status: best.status, response: best, origin: 'phone', contact };
    }
    const rangOn = silent.some(timedOut);
    const statuses = silent.map((b) => b.status);
    const late =
      rangOn || statuses.includes(408) || (statuses.includes(487) && this.#cancelled === 'no-answer');
    const status = late ? 408 : statuses.includes(487) ? 487 : 500;
    return { status, response: undefined, origin: rangOn ? 'phone' : 'us', contact };
  }
}

/** How many of the first have one q; at least one. */
function equals(targets: readonly Target[]): number {
  let size = 1;
  while (size < targets.length && targets[size]?.q === targets[0]?.q) size++;
  return size;
}

/** RFC 3326 §3: a phone that rang and lost shows no missed call. */
const ANSWERED_ELSEWHERE = [headerLine('Reason', 'SIP;cause=200;text="Call completed elsewhere"')];
