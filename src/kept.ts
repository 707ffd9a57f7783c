// What the log of a process before us tells: bindings, dialogs and INVITEs as they were kept, and what was told of them.
import { Histories, type History } from './control/history.ts';
import type { Told } from './journal/again.ts';
import { type CallRecord, CallRecords } from './journal/call-record.ts';
import type { Lines, WindowHead } from './journal/catch-up.ts';
import { readTransition, type SavedTransition } from './journal/saved-transition.ts';
import type { SavedInvite } from './proxy/inbound.ts';
import type { SavedBranch } from './proxy/saved-forwarding.ts';
import type { SavedBinding } from './registrar/saved.ts';
import type { Aor } from './sip/uri.ts';
import { SEPARATOR } from './store/log-entry.ts';
import { Item } from './store/log-item.ts';
import { isWhole, type StoredCall, storedCall } from './store/records-call.ts';
import type { SavedDialog } from './supervisor/saved-dialog.ts';

/** How keys begin. */
export const BINDINGS = 'b:';
export const DIALOG = 'd:';
export const INVITE = 'i:';
export const WINDOW = 'j:';
/** Records of ended calls, as they were once kept. */
const RECORD = 'r:';

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

/** A window of the journal of which lines may be missing. */
export interface KeptWindow extends WindowHead {
  readonly item: Item;
}

/** What the log held, by what it is. */
export interface KeptState {
  readonly bindings: SavedBinding[];
  /** Whose they are, or were: some may be over. */
  readonly aors: Aor[];
  /** As they began: so they are listed. */
  readonly dialogs: KeptDialog[];
  readonly ended: KeptCall[];
  readonly invites: SavedInvite[];
  readonly heads: KeptWindow[];
  /** What was told in those windows. */
  readonly told: Told[];
  /** The lines themselves, and ended calls that the database has not confirmed: so they were once kept. */
  readonly lines: Lines[];
  readonly records: { readonly item: Item; readonly id: string; readonly call: StoredCall }[];
  /** Entries that cannot be read. */
  readonly damaged: Item[];
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

/** Ended calls that may be missing in the database, as it would have them. */
export function endedCalls({ ended, records }: KeptState): StoredCall[] {
  const calls = ended.map(({ record, history }) => storedCall(record, history));
  return [...calls, ...records.map(({ call }) => call)].filter(isWhole);
}

/** Reads what the log held. Nothing in it is trusted to be whole. */
export function readKept(
  kept: ReadonlyMap<string, string>,
  itemOf = (key: string): Item => new Item(key),
): KeptState {
  const state: { -readonly [K in keyof KeptState]: KeptState[K] } = {
    bindings: [],
    aors: [],
    dialogs: [],
    ended: [],
    invites: [],
    heads: [],
    told: [],
    lines: [],
    records: [],
    damaged: [],
  };
  const reading = (what: string, take: (key: string, text: string) => void) => {
    for (const [key, text] of kept) {
      if (!key.startsWith(what)) continue;
      try {
        take(key, text);
      } catch {
        state.damaged.push(itemOf(key));
      }
    }
  };
  reading(WINDOW, (key, text) => {
    if (text.startsWith('{')) {
      const head = read(text) as unknown as WindowHead;
      if (!Number.isFinite(head.window)) throw new TypeError('no window of ours');
      state.heads.push({ ...head, item: itemOf(key) });
      return;
    }
    const { head, lines } = readLines(text);
    state.lines.push(lines);
    state.heads.push({ ...(head ?? { window: lines.window }), item: itemOf(key) });
  });
  const first = state.heads.reduce((least, { window }) => Math.min(least, window), Number.POSITIVE_INFINITY);
  const hear = (told: Told) => {
    if (told.window >= first) state.told.push(told);
  };
  reading(DIALOG, (key, text) => {
    const one = readDialog(itemOf(key), text, hear);
    if ('ended' in one) state.ended.push(one);
    else state.dialogs.push(one);
  });
  state.dialogs.sort((a, b) => (a.record?.startedAt ?? 0) - (b.record?.startedAt ?? 0));
  reading(INVITE, (key, text) => state.invites.push(readInvite(itemOf(key), text)));
  reading(BINDINGS, (key, text) => {
    state.bindings.push(...(read(text) as unknown as SavedBinding[]));
    state.aors.push(key.slice(BINDINGS.length) as Aor);
  });
  reading(RECORD, (key, text) => {
    const call = read(text) as unknown as StoredCall;
    state.records.push({ item: itemOf(key), id: key.slice(RECORD.length), call });
  });
  return state;
}
