// What outlives the process: sees to it that what a burst decided is kept before it is sent.
import type { Histories } from './control/history.ts';
import { type CallRecord, saveRecord } from './journal/call-record.ts';
import type { Journal } from './journal/journal.ts';
import { type Numbered, saveTransition } from './journal/saved-transition.ts';
import type { JsonWriter } from './json/json-writer.ts';
import { BINDINGS, DIALOG, type Ended, INVITE, type KeptDialog, WINDOW } from './kept.ts';
import type { Forwarding } from './proxy/forwarding.ts';
import { MOST_PARTS } from './proxy/saved-forwarding.ts';
import type { Location } from './registrar/location.ts';
import { save as saveBinding } from './registrar/saved.ts';
import type { Aor } from './sip/uri.ts';
import { Item } from './store/log-item.ts';
import type { Kept, LiveDialog } from './supervisor/live-dialog.ts';
import type { Supervisor } from './supervisor/supervisor.ts';
import type { Clock, WallClock } from './time/clock.ts';

/** Where it is kept: items to texts of one line, the last one wins. */
export interface KeptLog {
  /** What is kept under that key, or a new item. */
  item(key: string): Item;
  /** Where texts are written. */
  readonly out: JsonWriter;
  /** Of what was written since the last put or append nothing is kept. */
  drop(): void;
  /** What was written since the last put or append is kept of the item. */
  put(item: Item): void;
  /** What is kept of the item goes on with it, behind a SEPARATOR. */
  append(item: Item): void;
  delete(item: Item): void;
  /** One write for all of it. Throws nothing. */
  flush(): void;
}

export interface KeeperParts {
  readonly log: KeptLog;
  readonly supervisor: Supervisor;
  readonly location: Location;
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly journal: Pick<Journal, 'window' | 'head' | 'isSettled' | 'how' | 'calls'>;
  readonly histories: Histories;
  /** Of one dialog, INVITE or binding that could not be written; all others are kept. */
  readonly onBug: (cause: unknown) => void;
}

/** ms. Less is a clock that is put right little by little. */
const STEP = 2000;

/** A dialog that is never quiet is kept as a whole all the same, after so many parts. */
const FAR_TOO_MANY_PARTS = 50 * MOST_PARTS;

export class Keeper {
  readonly #parts: KeeperParts;
  #aors = new Set<Aor>();
  #stopListening: (() => void) | undefined;
  #hasNews = false;
  #prefix: string | undefined;
  #keys = 0;
  /** Windows whose lines may not be where they are to be, the oldest first. */
  readonly #heads: { readonly item: Item; readonly window: number }[] = [];
  /** Calls that have ended since the last flush, by their facts. */
  #justEnded: { readonly facts: object; readonly ended: Ended }[] = [];
  readonly #bindings = new Map<Aor, Item>();
  /** What the wall clock has more than ours. */
  #ahead: number;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#ahead = parts.wall() - parts.clock.now();
    parts.supervisor.isKept = true;
  }

  /** Hears of bindings from now on: those that were brought back are kept already. `aors`: of whom there are some kept. */
  listen(aors: Iterable<Aor> = []): void {
    const { location } = this.#parts;
    this.#stopListening ??= location.onChange((aor) => this.#aors.add(aor));
    // theirs came to their end while there was no server
    for (const aor of aors) if (location.bindings(aor).length === 0) this.#aors.add(aor);
  }

  /** Of a process before, and of no use to anybody. */
  forget(item: Item): void {
    this.#delete(item);
  }

  /** Flush step 1. Before the journal is written as well: its lines must never be ahead of what is kept. Throws nothing. */
  keep(): void {
    const { log, supervisor } = this.#parts;
    for (const dialog of supervisor.takeChanged()) this.#keepDialog(dialog);
    if (this.#justEnded.length > 0) this.#justEnded = [];
    this.#followWall();
    for (const forwarding of supervisor.takeForwardings()) this.#keepInvite(forwarding);
    if (this.#aors.size > 0) this.#keepBindings();
    this.forgetWindows();
    if (!this.#hasNews) return;
    this.#hasNews = false;
    log.flush();
  }

  /** A call has ended: what is kept of it becomes that of `ended`. */
  ended({ dialog }: CallRecord, ended: Ended): void {
    this.#justEnded.push({ facts: dialog, ended });
  }

  /** A dialog that was brought back, and cannot go on: this is its end. */
  giveUp({ item, dialog }: KeptDialog, last: Numbered): void {
    const { journal } = this.#parts;
    const { facts, seq, how } = dialog;
    const changed = how === journal.how ? '' : `,"how":"${journal.how}"`;
    const { to } = last.transition;
    const { out } = this.#parts.log;
    this.#beginWindow();
    out.plain(`{"dialog":{"seq":${seq + 1},"state":"${to}","value":"${to}"${changed}}`);
    this.#saveTold([last]);
    out.plain('}');
    this.#put(item, true);
    this.#hand(item, this.#placeOf(facts));
  }

  /** The database has it, and the journal its lines. */
  recordStored({ item }: Ended): void {
    // Until the next write it would be stored once more, which changes nothing.
    if (item !== undefined) this.#delete(item);
  }

  /** Of a process before, or of ours. */
  windowBegan(item: Item, window: number): void {
    this.#heads.push({ item, window });
  }

  /** Windows whose lines are where they are to be. */
  forgetWindows(): void {
    const { journal } = this.#parts;
    for (let first = this.#heads[0]; first !== undefined; first = this.#heads[0]) {
      if (!journal.isSettled(first.window)) return;
      this.#delete(first.item);
      this.#heads.shift();
    }
  }

  close(): void {
    this.#stopListening?.();
    this.#hasNews = true;
    this.keep();
    this.#parts.supervisor.isKept = false;
  }

  /** Deadlines are told by the wall clock: when somebody puts it forward or back, all of them are kept anew. */
  #followWall(): void {
    const { clock, wall, location, supervisor } = this.#parts;
    const ahead = wall() - clock.now();
    if (Math.abs(ahead - this.#ahead) < STEP) return;
    this.#ahead = ahead;
    for (const { aor } of location.all()) this.#aors.add(aor);
    for (const dialog of supervisor.dialogs()) {
      dialog.saved = undefined;
      this.#tryDialog(dialog);
      const { opening } = dialog;
      if (opening === undefined) continue;
      opening.saveAnew();
      this.#keepInvite(opening);
    }
  }

  /** Of what a bug broke off the beginning may stand there. */
  #broke(cause: unknown): void {
    this.#parts.log.drop();
    this.#parts.onBug(cause);
  }

  #keepInvite(forwarding: Forwarding): void {
    const { isPending, kept } = forwarding;
    if (!isPending) {
      if (kept !== undefined) this.#delete(kept);
      forwarding.kept = undefined;
      return;
    }
    try {
      this.#putInvite(forwarding);
    } catch (cause) {
      this.#broke(cause);
      forwarding.saveAnew();
    }
  }

  #putInvite(forwarding: Forwarding): void {
    const { supervisor, log } = this.#parts;
    const { isSaved } = forwarding;
    if (!supervisor.saveInvite(log.out, forwarding)) return;
    forwarding.kept ??= this.#newItem(INVITE);
    this.#put(forwarding.kept, isSaved);
  }

  #keepDialog(dialog: LiveDialog): void {
    const { facts, alive } = dialog;
    const at = alive ? -1 : this.#placeOf(facts);
    if (alive || at >= 0) this.#tryDialog(dialog);
    if (!alive && dialog.kept !== undefined) this.#hand(dialog.kept.item, at);
  }

  /** One that cannot be written is kept as it was, and as a whole the next time. */
  #tryDialog(dialog: LiveDialog): void {
    try {
      this.#putDialog(dialog);
    } catch (cause) {
      this.#broke(cause);
      dialog.saved = undefined;
      if (dialog.kept !== undefined) dialog.kept.parts = FAR_TOO_MANY_PARTS;
    }
  }

  /** Among those that have just ended: they are mostly in the same order. */
  #placeOf(facts: object): number {
    return this.#justEnded.findIndex((one) => one.facts === facts);
  }

  /** What is kept of it is needed until the database has it. */
  #hand(item: Item, at: number): void {
    const ended = this.#justEnded[at]?.ended;
    if (at >= 0) this.#justEnded.splice(at, 1);
    if (ended === undefined) this.#delete(item);
    else ended.item = item;
  }

  #putDialog(dialog: LiveDialog): void {
    const { supervisor, journal, log } = this.#parts;
    const { out } = log;
    const { window } = journal;
    const { kept } = dialog;
    const isWhole = kept === undefined || (dialog.alive && this.#isLong(kept));
    const fresh = dialog.takeFresh();
    if (fresh.length > 0) this.#beginWindow();
    out.plain('{"dialog":');
    supervisor.save(out, dialog, isWhole, journal.how);
    if (fresh.length > 0) this.#saveTold(fresh);
    if (isWhole && dialog.seq > fresh.length) this.#savePast(dialog, fresh);
    out.plain('}');
    const item = kept?.item ?? this.#newItem(DIALOG);
    if (kept === undefined) dialog.kept = { item, parts: 1, window };
    else {
      kept.parts = isWhole ? 1 : kept.parts + 1;
      if (fresh.length > 0) kept.window = window;
    }
    this.#put(item, !isWhole);
  }

  /** It is time to put it as a whole again: but what was told lately may be needed to write it into the journal once more. */
  #isLong({ parts, window }: Kept): boolean {
    if (parts < MOST_PARTS) return false;
    return this.#parts.journal.isSettled(window) || parts >= FAR_TOO_MANY_PARTS;
  }

  /** Before anything that was told in it is kept. */
  #beginWindow(): void {
    const { journal, log } = this.#parts;
    const head = journal.head();
    if (head === undefined) return;
    const item = log.item(WINDOW + head.window);
    this.windowBegan(item, head.window);
    log.out.value(head);
    this.#put(item);
  }

  #saveTold(fresh: readonly Numbered[]): void {
    const { journal, log } = this.#parts;
    const { out } = log;
    out.plain(',"window":');
    out.number(journal.window);
    out.plain(',"told":[');
    for (let i = 0; i < fresh.length; i++) {
      if (i > 0) out.plain(',');
      saveTransition(out, fresh[i] as Numbered);
    }
    out.plain(']');
  }

  /** What all that was told of it before comes to. */
  #savePast({ facts, state }: LiveDialog, fresh: readonly Numbered[]): void {
    const { journal, histories, log } = this.#parts;
    const { out } = log;
    const record = journal.calls.of(facts.callId);
    const history = histories.of(facts.callId);
    out.plain(`,"from":"${fresh[0]?.transition.from ?? state}"`);
    if (record !== undefined) out.json(`,"record":${saveRecord(record)}`);
    if (history === undefined) return;
    out.plain(',"history":');
    out.value(history);
  }

  #keepBindings(): void {
    const aors = this.#aors;
    this.#aors = new Set();
    for (const aor of aors) {
      try {
        this.#keepBindingsOf(aor);
      } catch (cause) {
        this.#broke(cause);
      }
    }
  }

  #keepBindingsOf(aor: Aor): void {
    const { location, clock, wall, log } = this.#parts;
    const bindings = location.bindings(aor);
    const item = this.#bindings.get(aor) ?? log.item(BINDINGS + aor);
    if (bindings.length === 0) {
      this.#bindings.delete(aor);
      this.#delete(item);
    } else {
      this.#bindings.set(aor, item);
      // The oldest first: put back in that order, they stand as they stood.
      const saved = bindings.map((binding) => saveBinding(binding, { clock, wall })).reverse();
      log.out.value(saved);
      this.#put(item);
    }
  }

  /** Never used again, over restarts: no two processes have a window in common. */
  #newItem(what: string): Item {
    this.#prefix ??= this.#parts.journal.window.toString(36);
    return new Item(`${what}${this.#prefix}.${(this.#keys++).toString(36)}`);
  }

  #put(item: Item, isPart = false): void {
    this.#hasNews = true;
    if (isPart) this.#parts.log.append(item);
    else this.#parts.log.put(item);
  }

  #delete(item: Item): void {
    this.#hasNews = true;
    this.#parts.log.delete(item);
  }
}
