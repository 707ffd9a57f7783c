// Routes what is new to the live actor of its Call-ID, opens and removes actors, and carries out what they decide.
import type { StateValue } from 'xstate';
import { statePath } from '../../machines/state-path.ts';
import type { DialogEvent, Entry, Side, TimerName } from '../../machines/types.ts';
import type { Note, Transition } from '../journal/transition.ts';
import type { JsonWriter } from '../json/json-writer.ts';
import type { Failure, Forwarding, ForwardingObserver } from '../proxy/forwarding.ts';
import type { SavedInvite } from '../proxy/inbound.ts';
import type { HeaderLine, SipMessage, SipRequest, SipResponse } from '../sip/message.ts';
import { detached, text } from '../sip/message.ts';
import { aorOf, parseUri } from '../sip/uri.ts';
import type { Clock, WallClock } from '../time/clock.ts';
import { Deadlines } from '../time/deadlines.ts';
import { Actors, type EffectHost } from './actors.ts';
import { Exchange } from './exchange.ts';
import { FixedTimer } from './fixed-timer.ts';
import { Links } from './links.ts';
import { LiveDialog, openedBy } from './live-dialog.ts';
import { Passing } from './passing.ts';
import { PlainTimer } from './plain-timer.ts';
import { restoreDialog, type SavedDialog, saveDialog } from './saved-dialog.ts';
import { failureEvent, requestEvent, roleOf, sessionExpires, successEvent } from './to-event.ts';

export interface SupervisorParts {
  readonly clock: Clock;
  readonly wall: WallClock;
  /** ms; what `startTimer` means when the chart gives no duration. */
  readonly durations: Readonly<Record<TimerName, number>>;
  /** Hears of every transition, in order. */
  readonly observe: (transition: Transition) => void;
  /** An actor broke: told once, with what it was doing. */
  readonly onActorError: (callId: string, event: string, cause: unknown) => void;
}

/** One event on its way into an actor, and what `forward` means for it. Always of one shape: these are the hot path. */
class Delivery {
  readonly dialog: LiveDialog;
  readonly event: DialogEvent;
  readonly cause: string;
  readonly forwarding: Forwarding | undefined;
  response: SipResponse | undefined = undefined;
  failure: Failure | undefined = undefined;
  ack: (() => void) | undefined = undefined;
  /** Passes on the answer to what was asked before a restart. */
  late: (() => void) | undefined = undefined;
  cancelHeaders: readonly HeaderLine[] = NO_HEADERS;
  /** Who spoke in place of the one who was called, and whom it names: a 3xx was followed. */
  callee: string | undefined = undefined;
  forwardedTo: string | undefined = undefined;
  /** `forward` was done, or there is nothing to forward. */
  forwarded = false;

  constructor(dialog: LiveDialog, event: DialogEvent, cause: string, forwarding: Forwarding | undefined) {
    this.dialog = dialog;
    this.event = event;
    this.cause = cause;
    this.forwarding = forwarding;
  }
}

const NO_HEADERS: readonly HeaderLine[] = [];
const NO_DIALOGS: readonly LiveDialog[] = [];
const NO_NOTES: readonly Note[] = [];

export class Supervisor implements EffectHost {
  readonly links = new Links();
  /** Told of each dialog once its actor runs. Must not throw. undefined: nobody asks. */
  onDialog: ((dialog: LiveDialog) => void) | undefined;
  /** Somebody asks for what has changed. */
  isKept = false;
  readonly #parts: SupervisorParts;
  readonly #dialogs = new Map<string, LiveDialog>();
  readonly #actors: Actors;
  readonly #deadlines: Deadlines;
  readonly #queue: Delivery[] = [];
  #draining = false;
  #current: Delivery | undefined;
  #notes: Note[] = [];
  #dirty: LiveDialog[] = [];
  #dirtyForwardings = new Set<Forwarding>();
  #told = 0;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#actors = new Actors(this);
    this.#deadlines = new Deadlines(parts.clock);
  }

  get size(): number {
    return this.#dialogs.size;
  }

  get(callId: string): LiveDialog | undefined {
    return this.#dialogs.get(callId);
  }

  dialogs(): IterableIterator<LiveDialog> {
    return this.#dialogs.values();
  }

  /** Is it inside a dialog that lives, by Call-ID and both tags? */
  knows(message: SipMessage): boolean {
    const dialog = this.#dialogs.get(message.callId);
    return dialog !== undefined && dialog.sideOf(message) !== undefined;
  }

  /**
   * A request whose way is decided. Gives the observer its forwarding needs and, by delivering, starts it: through the
   * dialog's actor when it belongs to one, else directly.
   */
  request(request: SipRequest, make: (observer: ForwardingObserver) => Forwarding): void {
    const known = this.#dialogs.get(request.callId);
    const side = known?.sideOf(request);
    if (side === undefined && request.to.tag === undefined) {
      if (known !== undefined && isAskedAgain(known, request)) {
        known.opening = make(new Exchange(this, known, 'opening', request.method, 'caller'));
        known.opening.start();
        return;
      }
      const dialog = known === undefined ? this.#open(request) : this.#again(known, request);
      if (dialog === undefined) {
        make(PASS).start();
        return;
      }
      const again = dialog === known;
      const forwarding = make(new Exchange(this, dialog, 'opening', request.method, 'caller'));
      dialog.opening = forwarding;
      if (forwarding.isInvite) forwarding.onChange = this.#forwardingChanged;
      this.links.contactSeen(request.callId, dialog.facts.from, request);
      const event = requestEvent(request, 'caller', again, true);
      this.#deliver(new Delivery(dialog, event, request.method, forwarding));
      return;
    }
    if (known === undefined || side === undefined) {
      make(PASS).start();
      return;
    }
    const calleeTag = (side === 'caller' ? request.to.tag : request.from.tag) ?? '';
    // A BYE to another fork than the one that answered ends that fork, not the call.
    const otherFork =
      request.method === 'BYE' && known.answeredTag !== undefined && calleeTag !== known.answeredTag;
    const role = otherFork ? 'other' : roleOf(request, false);
    const exchange = new Exchange(
      this,
      known,
      role,
      request.method,
      side,
      role === 'refer' ? request : undefined,
    );
    const forwarding = make(exchange);
    if (role === 'reinvite') {
      forwarding.onChange = this.#forwardingChanged;
      this.links.contactSeen(request.callId, side === 'caller' ? known.facts.from : known.facts.to, request);
    }
    known.heard[side] = request.cseq.number;
    if (known.heardBefore?.[side] === request.cseq.number) {
      // It has been told of before a restart; only its answer is news.
      forwarding.start();
      return;
    }
    const event: DialogEvent = otherFork
      ? { type: 'request.other', side, method: 'BYE' }
      : requestEvent(request, side, false, false);
    this.#deliver(new Delivery(known, event, request.method, forwarding));
  }

  /** An ACK for a 2xx: `pass` sends it on. */
  ack(request: SipRequest, pass: () => void, event: (side: Side) => DialogEvent): void {
    const dialog = this.#dialogs.get(request.callId);
    const side = dialog?.sideOf(request);
    if (dialog === undefined || side === undefined) {
      pass();
      return;
    }
    const delivery = new Delivery(dialog, event(side), 'ACK', undefined);
    delivery.ack = pass;
    this.#deliver(delivery);
  }

  /** The answer to a request inside a dialog that was forwarded before a restart: `pass` sends it on. */
  late(response: SipResponse, pass: () => void): void {
    const dialog = this.#dialogs.get(response.callId);
    const side = dialog?.sideOf(response);
    const { method } = response.cseq;
    if (dialog === undefined || side === undefined || method === 'INVITE' || response.status < 200) {
      pass();
      return;
    }
    const { status } = response;
    const calleeTag = (side === 'caller' ? response.to.tag : response.from.tag) ?? '';
    const otherFork = dialog.answeredTag !== undefined && calleeTag !== dialog.answeredTag;
    const role = otherFork ? 'other' : roleOf({ method }, false);
    if (method === 'UPDATE' && status < 300) this.learnSession(dialog, response);
    // A store whose disk failed may not have had the BYE.
    if (role === 'bye' && !dialog.state.startsWith('terminating')) {
      const bye = new Delivery(dialog, { type: 'request.bye', side }, 'BYE', undefined);
      bye.forwarded = true;
      this.#deliver(bye);
    }
    const event =
      status < 300
        ? successEvent(role, method, side, 0, response, false)
        : failureEvent(role, method, side, { status, response, origin: 'phone', contact: undefined });
    const delivery = new Delivery(dialog, event, String(status), undefined);
    delivery.late = pass;
    this.#deliver(delivery);
  }

  /** CANCEL of an INVITE (its 200 is on the way). `headers`: its Reason. */
  cancel(forwarding: Forwarding, callId: string, headers: readonly HeaderLine[]): void {
    const dialog = this.#dialogs.get(callId);
    if (dialog === undefined || dialog.opening !== forwarding) {
      forwarding.cancel('caller', headers);
      return;
    }
    const delivery = new Delivery(dialog, { type: 'request.cancel', side: 'caller' }, 'CANCEL', forwarding);
    delivery.cancelHeaders = headers;
    delivery.forwarded = true;
    this.#deliver(delivery);
    // Whatever the chart made of it, a CANCEL goes on hop by hop; a second time it does nothing.
    forwarding.cancel('caller', headers);
  }

  /** A response of a dialog's own request, from its Exchange. */
  answered(
    dialog: LiveDialog,
    event: DialogEvent,
    forwarding: Forwarding,
    what: SipResponse | Failure,
    contact: string | undefined,
  ): void {
    const delivery = new Delivery(dialog, event, String(what.status), forwarding);
    if (contact !== undefined) delivery.callee = partyOf(contact);
    if ('kind' in what) delivery.response = what;
    else delivery.failure = what;
    if (dialog.alive) this.#deliver(delivery);
    else forwardNow(delivery);
  }

  /** A phone (`contact`: by a Contact of a 3xx, if it was) sends the call on to `contacts`, and there it goes on. */
  redirected(
    dialog: LiveDialog,
    event: DialogEvent & { status: number },
    contact: string | undefined,
    contacts: readonly string[],
  ): void {
    const delivery = new Delivery(dialog, event, String(event.status), undefined);
    delivery.forwarded = true;
    if (contact !== undefined) delivery.callee = partyOf(contact);
    delivery.forwardedTo = contacts.map(partyOf).join(', ');
    this.#deliver(delivery);
  }

  /** Tags and Contacts a dialog learns from the answers to its opening request; `contact`: that of a 3xx, if it was followed. */
  learn(dialog: LiveDialog, response: SipResponse, contact?: string): void {
    // Without a tag only an answer makes a dialog: a phone of RFC 2543 (RFC 3261 §12.1.2).
    const tag = response.to.tag ?? (response.status >= 200 ? '' : undefined);
    if (tag !== undefined) {
      if (!dialog.calleeTags.has(tag)) this.#changed(dialog);
      dialog.learnTag(tag);
      if (response.status >= 200 && dialog.answeredTag === undefined) {
        dialog.answeredTag = detached(tag);
        if (contact !== undefined) dialog.callee = partyOf(contact);
      }
    }
    if (response.status >= 200) this.links.contactSeen(dialog.callId, dialog.facts.to, response);
  }

  /**
   * RFC 4028 §10: the 2xx says how long a call lasts without another. When its refresher has died the call is over: no
   * BYE is invented, but nothing of it is kept.
   */
  learnSession(dialog: LiveDialog, response: SipResponse): void {
    const seconds = sessionExpires(response);
    const { late, life } = this.#parts.durations;
    const session = seconds === undefined ? undefined : Math.min(seconds * 1000 + late, life);
    if (session === dialog.session) return;
    dialog.session = session;
    const running = dialog.timers.get('life');
    if (running?.isRunning) this.#startFixed(dialog, 'life');
    this.#changed(dialog);
  }

  // ---- effects: what actors decide, for the delivery at hand

  forward(): void {
    if (this.#current !== undefined) forwardNow(this.#current);
  }

  reply(status: number): void {
    this.#current?.dialog.opening?.refuse(status);
  }

  cancelBranches(): void {
    const delivery = this.#current;
    const why = delivery?.event.type === 'request.cancel' ? 'caller' : 'no-answer';
    delivery?.dialog.opening?.cancel(why, delivery.cancelHeaders);
  }

  giveUp(status: number): void {
    this.#current?.dialog.opening?.giveUp(status);
  }

  startTimer(name: TimerName, after: number | undefined): void {
    const dialog = this.#current?.dialog;
    if (dialog === undefined) return;
    const running = dialog.timers.get(name);
    if (after !== undefined) {
      running?.stop();
      this.#startPlain(dialog, name, after);
    } else this.#startFixed(dialog, name);
    // Every call has its ACK: what it changes is what `restore` assumes.
    if (this.#current?.ack === undefined) this.#changed(dialog);
  }

  #startPlain(dialog: LiveDialog, name: TimerName, ms: number): void {
    const timer = new PlainTimer(this.#parts.clock, ms, () => this.#timerFired(dialog, name));
    dialog.timers.set(name, timer);
  }

  #startFixed(dialog: LiveDialog, name: TimerName): void {
    const running = dialog.timers.get(name);
    const ms = (name === 'life' ? dialog.session : undefined) ?? this.#parts.durations[name];
    if (running instanceof FixedTimer && running.ms === ms) {
      running.start();
      return;
    }
    running?.stop();
    const timer = new FixedTimer(this.#deadlines, dialog, name, ms, this.#timerFired);
    dialog.timers.set(name, timer);
    timer.start();
  }

  stopTimer(name: TimerName): void {
    this.#current?.dialog.timers.get(name)?.stop();
  }

  readonly #timerFired = (dialog: LiveDialog, name: TimerName): void => {
    if (!dialog.alive) return;
    const event: DialogEvent = { type: `timer.${name}` };
    const delivery = new Delivery(dialog, event, `timer ${name}`, undefined);
    delivery.forwarded = true;
    this.#deliver(delivery);
  };

  journal(entry: Entry, side: Side | undefined, status: number | undefined): void {
    this.#notes.push({ entry, side, status });
  }

  /** Every actor stops and every timer with it; nobody is told. */
  close(): void {
    for (const dialog of [...this.#dialogs.values()]) {
      dialog.actor.stop();
      this.#remove(dialog);
    }
  }

  // ---- life of an actor

  #open(request: SipRequest): LiveDialog | undefined {
    const { method } = request;
    if (method !== 'INVITE' && method !== 'SUBSCRIBE' && method !== 'REFER') return undefined;
    const machine = method === 'INVITE' ? 'dialog' : 'subscription';
    const origin = this.links.originOf(request, (callId) => this.#dialogs.has(callId), this.#transferCame);
    const facts = {
      callId: detached(text(request.callId)),
      machine,
      from: partyOf(request.from.uri),
      to: partyOf(request.to.uri),
      ...(origin && { origin }),
    } as const;
    const actor = this.#actors.create(machine);
    const dialog = new LiveDialog(facts, actor, openedBy(request));
    this.#begin(dialog);
    return dialog;
  }

  /** Its REFER waits for no call any more. */
  readonly #transferCame = (callId: string): void => {
    const dialog = this.#dialogs.get(callId);
    if (dialog !== undefined) this.#changed(dialog);
  };

  #begin(dialog: LiveDialog): void {
    const { actor } = dialog;
    actor.subscribe({ error: (cause) => this.#broke(dialog, cause) });
    actor.start();
    this.#dialogs.set(dialog.callId, dialog);
    this.onDialog?.(dialog);
  }

  // ---- what outlives the process

  #changed(dialog: LiveDialog): void {
    if (dialog.isDirty || !this.isKept) return;
    dialog.isDirty = true;
    this.#dirty.push(dialog);
  }

  /** Dialogs that have changed since they were last asked for; those that are not `alive` have ended. */
  takeChanged(): readonly LiveDialog[] {
    if (this.#dirty.length === 0) return NO_DIALOGS;
    const changed = this.#dirty;
    this.#dirty = [];
    for (const dialog of changed) dialog.isDirty = false;
    return changed;
  }

  /** The same for the INVITEs of dialogs; one that is not `isPending` is over. */
  takeForwardings(): Iterable<Forwarding> {
    const changed = this.#dirtyForwardings;
    if (changed.size > 0) this.#dirtyForwardings = new Set();
    return changed;
  }

  readonly #forwardingChanged = (forwarding: Forwarding): void => {
    if (this.isKept) this.#dirtyForwardings.add(forwarding);
  };

  /** Writes of a SavedDialog what has changed since this was last called for it, or all. `how`: its field of that name. */
  save(out: JsonWriter, dialog: LiveDialog, isWhole: boolean, how: string): void {
    const links = this.links.save(dialog.callId);
    saveDialog(out, dialog, isWhole, links, how, this.#parts.wall(), this.#toWall);
  }

  /** Writes of a SavedInvite what has changed since this was last called for it. False: it is none of a dialog's. */
  saveInvite(out: JsonWriter, forwarding: Forwarding): boolean {
    const { observer } = forwarding;
    if (!(observer instanceof Exchange || observer instanceof Passing) || observer.invite === undefined)
      return false;
    out.plain('{');
    if (!forwarding.isSaved) {
      const { callId, role, side } = observer.invite;
      out.plain('"v":1,"callId":');
      out.quoted(callId);
      out.plain(`,"role":"${role}","side":"${side}",`);
    }
    out.plain('"forwarding":');
    forwarding.save(out, this.#toWall);
    out.plain('}');
    return true;
  }

  /**
   * Dialogs as they stood before a restart. `broken` hears of one whose chart knows its state no more. Timers that came
   * due meanwhile fire at once, in order, when `start` is called.
   */
  restore(
    saved: Iterable<SavedDialog>,
    broken: (saved: SavedDialog, cause: unknown) => void,
  ): { readonly dialogs: number; readonly overdue: number; readonly start: () => void } {
    const { clock } = this.#parts;
    const overdue: { due: number; dialog: LiveDialog; name: TimerName }[] = [];
    let dialogs = 0;
    for (const one of saved) {
      let dialog: LiveDialog;
      try {
        dialog = restoreDialog(one, this.#actors);
        this.#begin(dialog);
      } catch (cause) {
        broken(one, cause);
        continue;
      }
      dialogs++;
      dialog.value = dialog.actor.getSnapshot().value;
      dialog.kept = one.kept;
      if (one.links !== undefined) this.links.restore(dialog.callId, one.links);
      for (const [name, due] of this.#timersOf(one)) {
        // A clock that was put back meanwhile makes nothing last longer.
        const left = Math.min(this.#toClock(due) - clock.now(), due - (one.at ?? Number.NEGATIVE_INFINITY));
        if (left > 0) this.#startPlain(dialog, name, left);
        else overdue.push({ due, dialog, name });
      }
    }
    overdue.sort((a, b) => a.due - b.due);
    const start = () => {
      for (const { dialog, name } of overdue) this.#timerFired(dialog, name);
    };
    return { dialogs, overdue: overdue.length, start };
  }

  /**
   * Whether the ACK has come is not kept; a phone that misses it ends the call itself (RFC 3261 §13.3.1.4). So what waits
   * for it has its life instead, from the answer on: counted from the restart it would begin anew with each of them.
   */
  #timersOf({ timers, session, at }: SavedDialog): readonly (readonly [TimerName, number])[] {
    const { ack, life } = this.#parts.durations;
    const isRefreshed = timers.some(([name]) => name === 'life');
    return timers.flatMap(([name, due]): [TimerName, number][] => {
      if (name !== 'ack') return [[name, due]];
      // A request that came before the ACK has begun it already.
      if (isRefreshed) return [];
      // The wait may have been set longer then, but what is kept of an answer came after it.
      const answeredAt = Math.min(due - ack, at ?? due);
      return [['life', answeredAt + (session ?? life)]];
    });
  }

  /** The INVITE's way as it stood; a call that is over may still have a phone to be silenced. False: it cannot be read. */
  resume(saved: SavedInvite, make: (observer: ForwardingObserver) => Forwarding | undefined): boolean {
    const dialog = this.#dialogs.get(saved.callId);
    const forwarding = make(
      dialog === undefined
        ? new Passing({ callId: saved.callId, role: saved.role, side: saved.side })
        : new Exchange(this, dialog, saved.role, 'INVITE', saved.side),
    );
    if (forwarding === undefined) return false;
    if (dialog !== undefined && saved.role === 'opening') dialog.opening = forwarding;
    forwarding.kept = saved.kept;
    forwarding.onChange = this.#forwardingChanged;
    forwarding.resume(saved.forwarding, this.#toClock);
    return true;
  }

  readonly #toWall = (instant: number): number =>
    Math.round(instant - this.#parts.clock.now() + this.#parts.wall());

  readonly #toClock = (instant: number): number => instant - this.#parts.wall() + this.#parts.clock.now();

  /** The same request tried again (401, 407, 422, 423, 3xx): same From tag, a higher CSeq, nothing open. Else not its business. */
  #again(dialog: LiveDialog, request: SipRequest): LiveDialog | undefined {
    if (request.method !== dialog.openingMethod) return undefined;
    if (request.from.tag !== dialog.callerTag || request.cseq.number <= dialog.openingCseq) return undefined;
    if (dialog.opening?.isOpen || !AGAIN.has(dialog.state)) return undefined;
    dialog.openingCseq = request.cseq.number;
    return dialog;
  }

  #deliver(delivery: Delivery): void {
    this.#queue.push(delivery);
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#step(next);
    } finally {
      this.#draining = false;
      this.#current = undefined;
    }
  }

  #step(delivery: Delivery): void {
    const { dialog } = delivery;
    try {
      if (dialog.alive) {
        this.#current = delivery;
        dialog.actor.send(delivery.event);
        this.#current = undefined;
        if (dialog.alive) this.#afterwards(delivery);
      }
    } finally {
      // Forwarding never depends on what a chart, or whoever watches it, made of it.
      forwardNow(delivery);
    }
  }

  #afterwards(delivery: Delivery): void {
    const { dialog } = delivery;
    const snapshot = dialog.actor.getSnapshot();
    const done = snapshot.status !== 'active';
    const notes = this.#notes;
    if (snapshot.value !== dialog.value || notes.length > 0 || done) {
      const from = dialog.state;
      dialog.value = snapshot.value;
      dialog.state = statePath(snapshot.value as StateValue);
      if (notes.length > 0 || done || from !== dialog.state) {
        this.#tell(delivery, from, dialog.state, done);
        this.#changed(dialog);
      }
    }
    if (done) this.#remove(dialog);
  }

  #tell(delivery: Delivery, from: string, to: string, done: boolean): void {
    const { dialog, event } = delivery;
    // whoever keeps the transition keeps its notes
    const notes = this.#notes.length > 0 ? this.#notes : NO_NOTES;
    if (notes !== NO_NOTES) this.#notes = [];
    const media = 'media' in event ? event.media : undefined;
    const transition: Transition = {
      dialog: dialog.facts,
      seq: ++dialog.seq,
      at: this.#parts.wall(),
      from,
      to,
      event: event.type,
      cause: delivery.cause,
      side: 'side' in event ? event.side : undefined,
      media,
      notes,
      callee: delivery.callee ?? dialog.callee,
      forwardedTo: delivery.forwardedTo,
      done,
    };
    if (this.isKept) dialog.told({ number: this.nextNumber(), transition });
    this.#parts.observe(transition);
  }

  /** Of what is told next, of whichever dialog. */
  nextNumber(): number {
    return this.#told++;
  }

  #remove(dialog: LiveDialog): void {
    this.#changed(dialog);
    dialog.alive = false;
    // A transaction lingers for half a minute: what it may still hear needs no dialog.
    if (dialog.opening !== undefined)
      dialog.opening.observer = new Passing({ callId: dialog.callId, role: 'opening', side: 'caller' });
    dialog.opening = undefined;
    for (const timer of dialog.timers.values()) timer.stop();
    dialog.timers.clear();
    this.#dialogs.delete(dialog.callId);
    this.links.forget(dialog.callId);
  }

  /** An actor that fails ends its call with 500 and a journal line, and touches no other. */
  #broke(dialog: LiveDialog, cause: unknown): void {
    if (!dialog.alive) return;
    const delivery = this.#current;
    const event = delivery?.event.type ?? '';
    this.#parts.onActorError(dialog.facts.callId, event, cause);
    this.#notes.push({ entry: 'failed', status: 500 });
    const opening = dialog.opening;
    if (delivery !== undefined) this.#tell(delivery, dialog.state, 'terminated', true);
    this.#notes = [];
    this.#remove(dialog);
    if (opening !== undefined && opening.upstream.finalStatus === 0) {
      opening.refuse(500);
      opening.cancel('no-answer');
      if (delivery !== undefined) delivery.forwarded = true;
    }
  }
}

/** The request that opened it comes again, for its answer was lost with the server. An INVITE's way is kept. */
function isAskedAgain(dialog: LiveDialog, request: SipRequest): boolean {
  const { heardBefore, opening, openingMethod, openingCseq, callerTag } = dialog;
  if (heardBefore === undefined || opening !== undefined || request.method === 'INVITE') return false;
  const { method, cseq, from } = request;
  return method === openingMethod && cseq.number === openingCseq && from.tag === callerTag;
}

/** States that wait for their opening request to come again. */
const AGAIN: ReadonlySet<string> = new Set(['challenged', 'redirected']);

const PASS = new Passing();

function forwardNow(delivery: Delivery): void {
  if (delivery.forwarded) return;
  delivery.forwarded = true;
  const { forwarding, response, failure, ack, late } = delivery;
  if (ack !== undefined) ack();
  else if (late !== undefined) late();
  else if (forwarding === undefined) return;
  else if (response !== undefined) forwarding.pass(response);
  else if (failure !== undefined) forwarding.passFailure(failure);
  else forwarding.start();
}

/** `sip:a@h` for people: no port, no parameters; what is not a SIP URI stays as it is. */
function partyOf(uri: string): string {
  const parsed = parseUri(uri);
  return text(parsed === undefined ? uri : aorOf(parsed));
}
