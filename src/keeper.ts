// What outlives the process: sees to it that what a burst decided is kept before it is sent, and brings it back.
import { type History, type HistoryPart, withPart } from './control/history.ts';
import { type CallRecord, saveRecord } from './journal/call-record.ts';
import type { Unwritten } from './journal/catch-up.ts';
import type { Forwarding } from './proxy/forwarding.ts';
import type { SavedInvite } from './proxy/inbound.ts';
import type { SavedBranch } from './proxy/saved-forwarding.ts';
import type { Location } from './registrar/location.ts';
import { type SavedBinding, save as saveBinding } from './registrar/saved.ts';
import type { Aor } from './sip/uri.ts';
import { SEPARATOR } from './store/log-entry.ts';
import type { Item } from './store/log-item.ts';
import type { StoredCall } from './store/records-call.ts';
import type { LiveDialog } from './supervisor/live-dialog.ts';
import type { SavedDialog } from './supervisor/saved-dialog.ts';
import type { Supervisor } from './supervisor/supervisor.ts';
import type { Clock, WallClock } from './time/clock.ts';

/** Where it is kept: items to texts of one line, the last one wins. */
export interface KeptLog {
  /** What is kept under that key, or a new item. */
  item(key: string): Item;
  put(item: Item, text: string): void;
  /** What is kept of the item goes on with this, behind a SEPARATOR. */
  append(item: Item, text: string): void;
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
  /** What journal and control know of a live call; the latter as JSON of a HistoryPart: all of it, or what is not kept yet. */
  readonly recordOf: (callId: string) => CallRecord | undefined;
  readonly historyOf: (callId: string, all: boolean) => string | undefined;
  /** Lines that wait for their file. */
  readonly unwritten: () => Unwritten | undefined;
}

/** A dialog with what journal and control know of it. */
export interface KeptDialog {
  readonly dialog: SavedDialog;
  readonly record: CallRecord | undefined;
  readonly history: History | undefined;
}

/** What the log held, by what it is. */
export interface KeptState {
  readonly bindings: SavedBinding[];
  readonly dialogs: KeptDialog[];
  readonly invites: SavedInvite[];
  readonly unwritten: Unwritten[];
  /** Under which they are kept. */
  readonly lineKeys: string[];
  /** Ended calls that the database has not confirmed, by id. */
  readonly records: [id: string, call: StoredCall][];
  /** Entries that cannot be read. */
  readonly damaged: number;
}

/** ms. Less is a clock that is put right little by little. */
const STEP = 2000;

const BINDINGS = 'b:';
const DIALOG = 'd:';
const INVITE = 'i:';
const LINES = 'j:';
const RECORD = 'r:';

export class Keeper {
  readonly #parts: KeeperParts;
  readonly #items = new Map<string, Item>();
  #aors = new Set<Aor>();
  #stopListening: (() => void) | undefined;
  #hasNews = false;
  /** Characters of the lines that no file may have yet. */
  #lines = 0;
  readonly #lineKeys = new Set<string>();
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
    for (const dialog of supervisor.takeChanged()) this.#keepDialog(dialog);
    this.#followWall();
    for (const forwarding of supervisor.takeForwardings()) this.#keepInvite(forwarding);
    if (this.#aors.size > 0) this.#keepBindings();
    if (!this.#hasNews) return;
    this.#keepLines();
    this.#hasNews = false;
    log.flush();
  }

  /** An ended call, until the database has it. */
  keepRecord(id: string, text: string): void {
    this.#put(RECORD + id, text);
  }

  /** A dialog that cannot be restored. */
  forget(callId: string): void {
    this.#delete(DIALOG + callId);
  }

  /** They are in their files by now: those under these keys, or all that were kept here. */
  linesWritten(keys: Iterable<string> = this.#lineKeys): void {
    for (const key of keys) this.#drop(key);
  }

  recordStored(id: string): void {
    // Until the next write it would be stored once more, which changes nothing.
    this.#delete(RECORD + id);
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
    if (!forwarding.isPending) {
      this.#delete(INVITE + forwarding.upstream.key);
      return;
    }
    const { isSaved } = forwarding;
    const saved = supervisor.saveInvite(forwarding);
    if (saved !== undefined) this.#put(INVITE + forwarding.upstream.key, saved, isSaved);
  }

  #keepDialog(dialog: LiveDialog): void {
    if (dialog.alive) this.#putDialog(dialog);
    // A new call with the same Call-ID has changed after it, and so is put after it.
    else if (dialog.isKept) this.#delete(DIALOG + dialog.callId);
  }

  #putDialog(dialog: LiveDialog): void {
    const { supervisor, recordOf, historyOf } = this.#parts;
    const { callId } = dialog.facts;
    const isPart = dialog.saved !== undefined;
    const record = recordOf(callId);
    const history = historyOf(callId, !isPart);
    let text = `{"dialog":${supervisor.save(dialog)}`;
    if (record !== undefined) text += `,"record":${saveRecord(record)}`;
    if (history !== undefined) text += `,"history":${history}`;
    this.#put(DIALOG + dialog.callId, `${text}}`, isPart);
    dialog.isKept = true;
  }

  #keepBindings(): void {
    const { location, clock, wall } = this.#parts;
    for (const aor of this.#aors) {
      const bindings = location.bindings(aor);
      if (bindings.length === 0) this.#delete(BINDINGS + aor);
      else {
        // The oldest first: put back in that order, they stand as they stood.
        const saved = bindings.map((binding) => saveBinding(binding, { clock, wall })).reverse();
        this.#put(BINDINGS + aor, JSON.stringify(saved));
      }
    }
    this.#aors = new Set();
  }

  #put(key: string, text: string, isPart = false): void {
    this.#hasNews = true;
    const item = this.#itemOf(key);
    if (isPart) this.#parts.log.append(item, text);
    else this.#parts.log.put(item, text);
  }

  #delete(key: string): void {
    this.#hasNews = true;
    this.#drop(key);
  }

  #drop(key: string): void {
    this.#parts.log.delete(this.#items.get(key) ?? this.#parts.log.item(key));
    this.#items.delete(key);
  }

  #itemOf(key: string): Item {
    let item = this.#items.get(key);
    if (item === undefined) {
      item = this.#parts.log.item(key);
      this.#items.set(key, item);
    }
    return item;
  }

  #keepLines(): void {
    const lines = this.#parts.unwritten();
    if (lines === undefined) return;
    const text = lineTexts(lines);
    const isFirst = lines.index === 0;
    this.#lines = (isFirst ? 0 : this.#lines) + text.length;
    // A journal that cannot be written for long is no reason to fill the store as well.
    if (!isFirst && this.#lines > MOST_LINES) return;
    // those of the window before may still be needed, older ones are not
    const key = `${LINES}${lines.window % 2}.${lines.index}`;
    this.#lineKeys.add(key);
    this.#put(key, text);
  }
}

/** Characters of journal lines: as many as wait for the files themselves. */
const MOST_LINES = 8_000_000;

/** Journal lines are JSON themselves: in a field of JSON every quote would be escaped. No line has these characters. */
const FIELD = '\x1f';
const LINE_END = '\x1e';

function lineTexts({ window, index, place, ndjsonPlace, since, diary, ndjson }: Unwritten): string {
  let head = `${window} ${index}`;
  if (place !== undefined) head += ` ${place.inode} ${place.at}`;
  if (ndjsonPlace !== undefined) head += ` ${ndjsonPlace.inode} ${ndjsonPlace.at}`;
  if (since !== undefined) head += ` ${since}`;
  return `${head}${FIELD}${diary.replaceAll('\n', LINE_END)}${FIELD}${ndjson.replaceAll('\n', LINE_END)}`;
}

function readLineTexts(text: string): Unwritten {
  const [head = '', diary = '', ndjson = ''] = text.split(FIELD);
  const [window = 0, index = 0, inode, at, ndjsonInode, ndjsonAt, since] = head.split(' ').map(Number);
  const lines = {
    window,
    index,
    diary: diary.replaceAll(LINE_END, '\n'),
    ndjson: ndjson.replaceAll(LINE_END, '\n'),
  };
  if (inode === undefined || at === undefined) return lines;
  if (ndjsonInode === undefined || ndjsonAt === undefined) return { ...lines, place: { inode, at } };
  const places = { place: { inode, at }, ndjsonPlace: { inode: ndjsonInode, at: ndjsonAt } };
  return { ...lines, ...places, ...(since !== undefined && { since }) };
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

function readDialog(text: string): KeptDialog {
  let dialog: object = {};
  let record: object | undefined;
  let history: History | undefined;
  for (const part of text.split(SEPARATOR)) {
    const later = read(part) as { dialog?: object; record?: object; history?: Partial<HistoryPart> };
    dialog = joined(dialog, later.dialog);
    if (later.record !== undefined) record = later.record;
    if (later.history !== undefined) history = withPart(history, later.history);
  }
  const saved = dialog as SavedDialog;
  const { facts, opened, state, seq } = saved;
  if (facts === undefined || opened === undefined || state === undefined)
    throw new TypeError('its beginning is missing');
  return {
    dialog: saved,
    record: record && ({ ...record, state, transitions: seq } as CallRecord),
    history,
  };
}

function readInvite(text: string): SavedInvite {
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
  const saved = { ...invite, forwarding: { ...forwarding, branches } } as unknown as SavedInvite;
  if (typeof saved.callId !== 'string') throw new TypeError('its beginning is missing');
  return saved;
}

/** Reads what the log held. Nothing in it is trusted to be whole. */
export function readKept(kept: Iterable<readonly [key: string, text: string]>): KeptState {
  const state: { -readonly [K in keyof KeptState]: KeptState[K] } = {
    bindings: [],
    dialogs: [],
    invites: [],
    unwritten: [],
    lineKeys: [],
    records: [],
    damaged: 0,
  };
  for (const [key, text] of kept) {
    try {
      if (key.startsWith(LINES)) {
        state.lineKeys.push(key);
        state.unwritten.push(readLineTexts(text));
        continue;
      }
      if (key.startsWith(DIALOG)) state.dialogs.push(readDialog(text));
      else if (key.startsWith(INVITE)) state.invites.push(readInvite(text));
      else if (key.startsWith(BINDINGS)) state.bindings.push(...(read(text) as unknown as SavedBinding[]));
      else if (key.startsWith(RECORD))
        state.records.push([key.slice(RECORD.length), read(text) as unknown as StoredCall]);
    } catch {
      state.damaged++;
    }
  }
  return state;
}
