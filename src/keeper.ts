// What outlives the process: sees to it that what a burst decided is kept before it is sent, and brings it back.
import { Histories, type History } from './control/history.ts';
import type { Told } from './journal/again.ts';
import { type CallRecord, CallRecords, saveRecord } from './journal/call-record.ts';
import type { Lines, WindowHead } from './journal/catch-up.ts';
import type { Journal } from './journal/journal.ts';
import {
  type Numbered,
  readTransition,
  type SavedTransition,
  saveTransition,
} from './journal/saved-transition.ts';
import type { JsonWriter } from './json/json-writer.ts';
import type { Forwarding } from './proxy/forwarding.ts';
import type { SavedInvite } from './proxy/inbound.ts';
import { MOST_PARTS, type SavedBranch } from './proxy/saved-forwarding.ts';
import type { Location } from './registrar/location.ts';
import { type SavedBinding, save as saveBinding } from './registrar/saved.ts';
import type { Aor } from './sip/uri.ts';
import { SEPARATOR } from './store/log-entry.ts';
import { Item } from './store/log-item.ts';
import type { StoredCall } from './store/records-call.ts';
import type { Kept, LiveDialog } from './supervisor/live-dialog.ts';
import type { SavedDialog } from './supervisor/saved-dialog.ts';
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
}

/** An ended call on its way into the database. */
export class Ended {
  /** The journal's when it ended. */
  readonly window: number;
  /** What is kept of it until then. */
  item: Item | undefined;

  constructor(window: number, item?: Item) {
    this.window = window;
    this.item = item;
  }
}

/** A dialog with what journal and control know of it. */
export interface KeptDialog {
  readonly item: Item;
  readonly dialog: SavedDialog;
  readonly record: CallRecord | undefined;
  readonly history: History | undefined;
}

/** An ended call that may be missing in the database or the journal. */
export interface KeptCall {
  readonly ended: Ended;
  readonly record: CallRecord;
  readonly history: History | undefined;
}

/** What the log held, by what it is. */
export interface KeptState {
  readonly bindings: SavedBinding[];
  readonly dialogs: KeptDialog[];
  readonly ended: KeptCall[];
  readonly invites: SavedInvite[];
  /** The journal's windows of which lines may be missing. */
  readonly heads: { readonly item: Item; readonly head: WindowHead }[];
  /** What was told in those windows. */
  readonly told: Told[];
  /** The lines themselves, and ended calls that the database has not confirmed: so they were once kept. */
  readonly lines: Lines[];
  readonly records: { readonly item: Item; readonly id: string; readonly call: StoredCall }[];
  /** Entries that cannot be read. */
  readonly damaged: number;
}

/** ms. Less is a clock that is put right little by little. */
const STEP = 2000;

const BINDINGS = 'b:';
const DIALOG = 'd:';
const INVITE = 'i:';
const WINDOW = 'j:';
const RECORD = 'r:';

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

  /** Hears of bindings from now on: those that were brought back are kept already. */
  listen(): void {
    this.#stopListening ??= this.#parts.location.onChange((aor) => this.#aors.add(aor));
  }

  /** Flush step 1. Before the journal is written as well: its lines must never be ahead of what is kept. */
  keep(): void {
    const { log, supervisor } = this.#parts;
    // of what a bug broke off the beginning may stand there
    log.drop();
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
      this.#putDialog(dialog);
      const { opening } = dialog;
      if (opening === undefined) continue;
      opening.saveAnew();
      this.#keepInvite(opening);
    }
  }

  #keepInvite(forwarding: Forwarding): void {
    const { supervisor } = this.#parts;
    const { isPending, isSaved, kept } = forwarding;
    if (!isPending) {
      if (kept !== undefined) this.#delete(kept);
      forwarding.kept = undefined;
      return;
    }
    if (!supervisor.saveInvite(this.#parts.log.out, forwarding)) return;
    forwarding.kept ??= this.#newItem(INVITE);
    this.#put(forwarding.kept, isSaved);
  }

  #keepDialog(dialog: LiveDialog): void {
    const { facts, alive, kept } = dialog;
    if (alive) this.#putDialog(dialog);
    else {
      const at = this.#placeOf(facts);
      if (at >= 0) this.#hand(this.#putDialog(dialog), at);
      else if (kept !== undefined) this.#delete(kept.item);
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

  #putDialog(dialog: LiveDialog): Item {
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
    return item;
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
    const { location, clock, wall } = this.#parts;
    for (const aor of this.#aors) {
      const bindings = location.bindings(aor);
      const item = this.#bindings.get(aor) ?? this.#parts.log.item(BINDINGS + aor);
      if (bindings.length === 0) {
        this.#bindings.delete(aor);
        this.#delete(item);
      } else {
        this.#bindings.set(aor, item);
        // The oldest first: put back in that order, they stand as they stood.
        const saved = bindings.map((binding) => saveBinding(binding, { clock, wall })).reverse();
        this.#parts.log.out.value(saved);
        this.#put(item);
      }
    }
    this.#aors = new Set();
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

/** Lines of the journal as they were once kept. No line has these characters. */
const FIELD = '\x1f';
const LINE_END = '\x1e';

function readLines(text: string): { head: WindowHead | undefined; lines: Lines } {
  const [head = '', diary = '', ndjson = ''] = text.split(FIELD);
  const [window = 0, index = 0, inode, at, ndjsonInode, ndjsonAt, since] = head.split(' ').map(Number);
  const lines = {
    window,
    index,
    diary: diary.replaceAll(LINE_END, '\n'),
    ndjson: ndjson.replaceAll(LINE_END, '\n'),
  };
  if (index > 0) return { head: undefined, lines };
  if (inode === undefined || at === undefined) return { head: { window }, lines };
  const place = { inode, at };
  if (ndjsonInode === undefined || ndjsonAt === undefined) return { head: { window, place }, lines };
  const ndjsonPlace = { inode: ndjsonInode, at: ndjsonAt };
  return { head: { window, place, ndjsonPlace, ...(since !== undefined && { since }) }, lines };
}

type Fields = Readonly<Record<string, unknown>>;

function read(text: string): Fields {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new TypeError('no entry of ours');
  return value as Fields;
}

/** Fields that came later stand for the earlier ones of their name; null: it is gone. */
function joined(fields: object | undefined, later: object | undefined): object {
  return Object.fromEntries(Object.entries({ ...fields, ...later }).filter(([, value]) => value !== null));
}

/** One part of what is kept of a dialog. */
interface DialogPart {
  readonly dialog?: object;
  /** The journal's window in which `told` was. */
  readonly window?: number;
  readonly told?: readonly SavedTransition[];
  /** What all that was told comes to, and the state before the first of `told`. */
  readonly record?: CallRecord;
  readonly history?: { readonly from?: number } & History;
  readonly from?: string;
}

/** `hear` is given what was told of it, in order. */
function readDialog(item: Item, text: string, hear: (told: Told) => void): KeptDialog | KeptCall {
  let dialog: Partial<SavedDialog> = {};
  const records = new CallRecords();
  const histories = new Histories();
  let ended: KeptCall | undefined;
  const parts = text.split(SEPARATOR);
  const kept = { item, parts: parts.length, window: 0 };
  for (const part of parts) {
    const { dialog: fields, window = 0, told = [], ...past } = read(part) as DialogPart;
    let from = past.from ?? dialog.state ?? '';
    dialog = { ...joined(dialog, fields), kept };
    kept.window = Math.max(kept.window, window);
    const { facts, state = '', seq = 0, how = '' } = dialog;
    if (facts === undefined) break;
    const { callId } = facts;
    if (past.history !== undefined) {
      const { from: kept = 0, steps, skipped } = past.history;
      const before = histories.of(callId)?.steps.slice(0, kept) ?? [];
      histories.restore(callId, { steps: [...before, ...steps], skipped });
    }
    if (past.record !== undefined)
      records.restore({ ...past.record, dialog: facts, state, transitions: seq });
    for (const [i, saved] of told.entries()) {
      const { number, transition } = readTransition(saved, facts, seq - told.length + i + 1, from);
      from = transition.to;
      const over = past.record === undefined ? records.take(transition) : undefined;
      const gone = past.history === undefined ? histories.take(transition) : undefined;
      hear({ window, number, how, transition, over });
      if (over !== undefined) ended = { ended: new Ended(window, item), record: over, history: gone };
    }
  }
  const { facts, opened, state, seq } = dialog;
  if (facts === undefined || opened === undefined || state === undefined || seq === undefined)
    throw new TypeError('its beginning is missing');
  if (ended !== undefined) return ended;
  const { callId } = facts;
  return {
    item,
    dialog: dialog as SavedDialog,
    record: records.of(callId),
    history: histories.of(callId),
  };
}

function readInvite(item: Item, text: string): SavedInvite {
  let invite: Fields = {};
  let forwarding: object = {};
  const branches: Record<string, object> = {};
  for (const part of text.split(SEPARATOR)) {
    const later = read(part) as {
      forwarding?: { branches?: Readonly<Record<string, Partial<SavedBranch>>> };
    };
    invite = { ...invite, ...later };
    forwarding = joined(forwarding, later.forwarding);
    for (const [fork, branch] of Object.entries(later.forwarding?.branches ?? {}))
      branches[fork] = { ...branches[fork], ...branch };
  }
  const saved = { ...invite, forwarding: { ...forwarding, branches }, kept: item } as unknown as SavedInvite;
  if (typeof saved.callId !== 'string') throw new TypeError('its beginning is missing');
  return saved;
}

/** Reads what the log held. Nothing in it is trusted to be whole. */
export function readKept(
  kept: ReadonlyMap<string, string>,
  itemOf = (key: string): Item => new Item(key),
): KeptState {
  const state: { -readonly [K in keyof KeptState]: KeptState[K] } = {
    bindings: [],
    dialogs: [],
    ended: [],
    invites: [],
    heads: [],
    told: [],
    lines: [],
    records: [],
    damaged: 0,
  };
  const reading = (what: string, take: (key: string, text: string) => void) => {
    for (const [key, text] of kept) {
      if (!key.startsWith(what)) continue;
      try {
        take(key, text);
      } catch {
        state.damaged++;
      }
    }
  };
  reading(WINDOW, (key, text) => {
    if (text.startsWith('{')) {
      state.heads.push({ item: itemOf(key), head: read(text) as unknown as WindowHead });
      return;
    }
    const { head, lines } = readLines(text);
    state.lines.push(lines);
    state.heads.push({ item: itemOf(key), head: head ?? { window: lines.window } });
  });
  const first = state.heads.reduce(
    (least, { head }) => Math.min(least, head.window),
    Number.POSITIVE_INFINITY,
  );
  const hear = (told: Told) => {
    if (told.window >= first) state.told.push(told);
  };
  reading(DIALOG, (key, text) => {
    const one = readDialog(itemOf(key), text, hear);
    if ('ended' in one) state.ended.push(one);
    else state.dialogs.push(one);
  });
  reading(INVITE, (key, text) => state.invites.push(readInvite(itemOf(key), text)));
  reading(BINDINGS, (_key, text) => state.bindings.push(...(read(text) as unknown as SavedBinding[])));
  reading(RECORD, (key, text) => {
    const call = read(text) as unknown as StoredCall;
    state.records.push({ item: itemOf(key), id: key.slice(RECORD.length), call });
  });
  return state;
}
