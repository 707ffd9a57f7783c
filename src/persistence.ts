// The server's memory over its own end: the log of what is alive and the records of what has ended, opened, filled, closed.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from './config/config.ts';
import { StartError } from './config/start-error.ts';
import type { Histories, History } from './control/history.ts';
import type { PastCalls } from './control/past.ts';
import type { StoreAnswer } from './control/upkeep.ts';
import type { Core } from './core.ts';
import { linesAgain } from './journal/again.ts';
import type { CallRecord } from './journal/call-record.ts';
import { CatchUpFailed, catchUp, linesOf, ontoDisk, unsettledFrom, windowsFrom } from './journal/catch-up.ts';
import { DIARY_FILE, type Journal, NDJSON_FILE } from './journal/journal.ts';
import { NdjsonWriter } from './journal/ndjson.ts';
import type { Transition } from './journal/transition.ts';
import { JsonWriter } from './json/json-writer.ts';
import { Keeper } from './keeper.ts';
import { Ended, type KeptDialog, type KeptState, readKept } from './kept.ts';
import { LiveLog } from './store/live-log.ts';
import { Records } from './store/records.ts';
import { toRecord, writeStored } from './store/records-call.ts';
import type { Found, PastPage, PastQuery } from './store/records-table.ts';
import { StoreError } from './store/store-error.ts';
import type { Clock, WallClock } from './time/clock.ts';

export const STORE_FOLDER = 'store';

/** Characters of the records of ended calls that stand in the log alone, for a database that takes none for long: the calls themselves are four times as many. */
const MOST_REFUSED = 25_000_000;

/** Ended calls that wait for a disk that does not sync the journal. */
const MOST_STORED = 10_000;

export interface PersistenceParts {
  /** The data folder. */
  readonly folder: string;
  readonly config: Config;
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly log: Logger;
}

/** What came back with a start, for the line that says so. */
export interface Restored {
  readonly calls: number;
  readonly subscriptions: number;
  readonly bindings: number;
  readonly overdue: number;
}

interface EndedCall {
  readonly ended: Ended;
  /** Of a StoredCall, as JSON. */
  readonly text: string;
}

export class Persistence implements PastCalls {
  readonly #parts: PersistenceParts;
  readonly isForPower: boolean;
  readonly #log: LiveLog;
  readonly #records: Records<Ended>;
  readonly #out = new JsonWriter();
  /** What was found; gone once it is taken over, for it is as large as what lives. */
  #kept: KeptState;
  /** The journal's last one of the process before. */
  readonly #lastWindow: number;
  /** The first one of it that may miss lines in the files. */
  readonly #unsettled: number;
  /** Lines that the journal's files did not take at the start. */
  readonly #left = { [DIARY_FILE]: '', [NDJSON_FILE]: '' };
  /** Records that stand in the log alone, for the next start to store, and their characters. */
  #alone = 0;
  #refused = 0;
  /** Records that had no room anywhere. */
  #lost = 0;
  /** Calls that have ended, and what is kept of that is not safe yet: a batch a flush. */
  readonly #unsafe: EndedCall[][] = [];
  /** Those of the burst at hand. */
  #justEnded: EndedCall[] = [];
  /** The database has them, but the disk may not have their lines in the journal. In the order in which they ended. */
  #stored: Ended[] = [];
  #journal: Journal | undefined;
  #keeper: Keeper | undefined;

  private constructor(
    parts: PersistenceParts,
    log: LiveLog,
    records: Records<Ended>,
    kept: Map<string, string>,
  ) {
    this.#parts = parts;
    this.isForPower = parts.config.durability === 'power';
    this.#log = log;
    this.#records = records;
    this.#kept = readKept(kept, (key) => log.item(key));
    const { heads, dialogs, ended, records: stored } = this.#kept;
    const windows = [
      ...heads.map(({ window }) => window),
      ...dialogs.map(({ dialog }) => dialog.kept?.window ?? 0),
      ...ended.map((one) => one.ended.window),
      ...stored.map(({ id }) => windowOf(id)),
    ];
    this.#lastWindow = windows.reduce((last, window) => Math.max(last, window), 0);
    this.#unsettled = unsettledFrom(heads, this.#lastWindow, this.isForPower);
  }

  /** Opens the store, and completes the journal's files. Throws StartError. undefined: nothing is to outlive the process. */
  static async open(parts: PersistenceParts): Promise<Persistence | undefined> {
    const { config, log: logger } = parts;
    const { durability } = config;
    if (durability === 'off') return undefined;
    const folder = join(parts.folder, STORE_FOLDER);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new StartError('data-unwritable', `${folder} cannot be made; give another folder with --data`, {
        cause,
      });
    }
    const { log, kept, damage } = openLog(parts, folder, durability);
    if (damage.torn + damage.corrupt + damage.segments > 0)
      logger.warn(damage, 'the store was damaged: what could be read of it is used');
    let persistence: Persistence | undefined;
    try {
      const records = await Records.open<Ended>({
        folder,
        retention: config.records,
        durability,
        onStored: (ended) => {
          if (persistence !== undefined) persistence.#isStored(ended);
        },
        onTrouble: ({ problem, isDamage, ...trouble }) => {
          if (problem === undefined) logger.info(trouble, 'ended calls are stored again');
          else if (isDamage) logger.error(trouble, problem);
          else logger.error(trouble, `ended calls cannot be stored: ${problem}`);
        },
      });
      persistence = new Persistence(parts, log, records, kept);
    } catch (cause) {
      log.close();
      throw cause;
    }
    persistence.#completeJournals();
    return persistence;
  }

  past(query: PastQuery): Promise<PastPage> {
    return this.#records.past(query);
  }

  find(callId: string): Promise<Found> {
    return this.#records.find(callId);
  }

  /** Ended calls that are not in the database yet. */
  get waiting(): number {
    const unsafe = this.#unsafe.reduce((count, { length }) => count + length, this.#justEnded.length);
    return this.#records.waiting + unsafe + this.#alone;
  }

  get problem(): string | undefined {
    return this.#records.problem ?? this.#log.standing.problem ?? (this.#alone > 0 ? 'no room' : undefined);
  }

  /** How the store stands, for whoever asks. */
  get standing(): StoreAnswer {
    const { disk, waiting, problem: logs } = this.#log.standing;
    const { problem: records, damage } = this.#records;
    const problem = logs ?? records;
    return {
      state: disk === 'well' ? 'ok' : disk,
      waiting,
      ended: this.waiting,
      ...(this.#lost > 0 && { lost: this.#lost }),
      ...(problem !== undefined && { problem }),
      ...(records !== undefined && { recordsProblem: records }),
      ...(damage !== undefined && { recordsDamaged: damage }),
    };
  }

  /** Messages wait for the disk: when it has what they wait for, they are to leave. */
  get isAwaited(): boolean {
    return this.#log.isAwaited;
  }

  /** Flush step 1, and before the journal is written. Throws nothing. */
  readonly keep = (): void => {
    if (this.#stored.length > 0) this.#forgetStored();
    this.#keeper?.keep();
    if (this.#justEnded.length === 0) return;
    this.#unsafe.push(this.#justEnded);
    this.#justEnded = [];
    this.safely(this.#store);
  };

  /** Calls back when what was kept so far is safe, or when that takes too long. */
  readonly safely = (release: () => void): void => this.#log.safely(release);

  /** What messages wait for. undefined: they leave when what they were decided by was flushed, whatever the disk does. */
  get messagesSafely(): ((release: () => void) => void) | undefined {
    return this.isForPower ? this.safely : undefined;
  }

  /**
   * Brings dialogs and bindings back, before the sockets open. What is returned, called afterwards, takes up what was
   * under way and fires the timers that came due meanwhile.
   */
  restore(core: Core, journal: Journal, histories: Histories): () => Restored {
    const { clock, wall, log } = this.#parts;
    const { dialogs, ended, invites, bindings, aors, records, heads, damaged } = this.#kept;
    const lines = [this.#left[DIARY_FILE], this.#left[NDJSON_FILE]] as const;
    const isMissing = lines.some((text) => text !== '');
    journal.beginAfter(this.#lastWindow, isMissing ? { since: this.#unsettled, lines } : undefined);
    this.#journal = journal;
    this.#kept = readKept(new Map());
    this.#keeper = new Keeper({
      log: this.#log,
      supervisor: core.supervisor,
      location: core.location,
      clock,
      wall,
      journal,
      histories,
      onBug: (err) => log.error({ err }, 'a bug: what has changed of one call or binding is not kept'),
    });
    for (const { item, window } of heads.sort((a, b) => a.window - b.window))
      this.#keeper.windowBegan(item, window);
    for (const { dialog, record, history } of dialogs) {
      if (record !== undefined) journal.calls.restore({ ...record, dialog: dialog.facts });
      if (history !== undefined) histories.restore(dialog.facts.callId, history);
    }
    const broken = new Set<string>();
    const restored = core.restore(
      { bindings, dialogs: dialogs.map(({ dialog }) => dialog), invites },
      (callId, err, invite) => {
        broken.add(callId);
        if (invite !== undefined) this.#keeper?.forget(invite);
        log.error({ callId, err }, 'a call could not be restored');
      },
    );
    const whole = dialogs.filter(({ dialog }) => !broken.has(dialog.opened.callId));
    for (const one of dialogs) if (broken.has(one.dialog.opened.callId)) this.#giveUp(one, core, histories);
    this.#keeper.listen(aors);
    for (const one of ended) this.#records.add(one.ended, this.#textOf(one.record, one.history));
    for (const { item, id, call } of records)
      this.#records.add(new Ended(windowOf(id), item), JSON.stringify(call));
    for (const item of damaged) this.#keeper.forget(item);
    if (damaged.length > 0)
      log.warn({ entries: damaged.length }, 'the store had entries that cannot be read: they are gone');
    const calls = whole.filter(({ dialog }) => dialog.facts.machine === 'dialog').length;
    return () => {
      restored.start();
      const { bindings, overdue } = restored;
      return { calls, subscriptions: whole.length - calls, bindings, overdue };
    };
  }

  /** Its chart does not know where it stood: nobody can follow it further, and whoever reads of it is told so. */
  #giveUp(kept: KeptDialog, { supervisor }: Core, histories: Histories): void {
    const { facts, seq, state } = kept.dialog;
    const transition: Transition = {
      dialog: facts,
      seq: seq + 1,
      at: this.#parts.wall(),
      from: state,
      to: 'terminated',
      event: 'restart',
      cause: 'restart',
      notes: [{ entry: 'failed' }],
      done: true,
    };
    const over = this.#journal?.record(transition);
    const history = histories.take(transition);
    if (over !== undefined) this.ended(over, history);
    this.#keeper?.giveUp(kept, { number: supervisor.nextNumber(), transition });
  }

  /** A call has ended. The database hears of it when the log has it: else a call that was killed there would end twice. */
  ended(record: CallRecord, history: History | undefined): void {
    const ended = new Ended(this.#journal?.window ?? 0);
    this.#justEnded.push({ ended, text: this.#textOf(record, history) });
    this.#keeper?.ended(record, ended);
  }

  readonly #store = (): void => {
    for (const { ended, text } of this.#unsafe.shift() ?? []) {
      if (this.#records.add(ended, text)) continue;
      // So many wait that this one stands in the log alone, and is stored after the next start.
      this.#refused += text.length;
      if (this.#refused <= MOST_REFUSED && !this.#log.isBehind) {
        this.#alone++;
        continue;
      }
      this.#lose();
      // its lines are needed all the same
      this.#stored.push(ended);
    }
  };

  /** Of a StoredCall, as JSON: one flat string, for it may wait for long. */
  #textOf(record: CallRecord, history: History | undefined): string {
    this.#out.clear();
    writeStored(this.#out, record, history);
    return this.#out.toString();
  }

  #lose(): void {
    if (this.#lost++ === 0)
      this.#parts.log.error('ended calls are lost: neither the database nor the store has room for them');
  }

  #isStored(ended: readonly Ended[]): void {
    this.#stored.push(...ended);
    this.#forgetStored();
  }

  #forgetStored(): void {
    const { length } = this.#stored;
    const first = this.#stored.findIndex(({ window }) => this.#journal?.isSettled(window) === false);
    const most = Math.max(first < 0 ? length : first, length - MOST_STORED);
    for (const ended of this.#stored.splice(0, most)) this.#keeper?.recordStored(ended);
  }

  /** For one who ends: all that is kept is written before this returns, as far as the disk takes it. */
  flushNow(): void {
    this.#log.flushNow();
  }

  /** The last of what is to come back: what ends from now on ends with the process alone. */
  letGo(): void {
    this.keep();
    this.#keeper?.close();
    this.flushNow();
  }

  async close(): Promise<void> {
    while (this.#unsafe.length > 0) this.#store();
    await this.#records.close();
    this.#forgetStored();
    this.#keeper?.forgetWindows();
    this.#log.close();
  }

  #ontoDisk(path: string): void {
    try {
      ontoDisk(path);
    } catch (err) {
      this.#parts.log.error({ err, path }, 'the journal may not outlive a power failure');
    }
  }

  #completeJournals(): void {
    const { folder, log } = this.#parts;
    const { heads, told, lines: kept, records } = this.#kept;
    // The older ones are in their files, which may be rotated away by now.
    const first = this.#unsettled;
    const windows = windowsFrom(heads, first);
    const begun = windows.find(({ place }) => place !== undefined);
    const all = linesOf(windows, [...kept, ...linesAgain(told, windows)]);
    const recent = records.filter(({ id }) => windowOf(id) >= first);
    const writer = new NdjsonWriter();
    const lines = {
      [DIARY_FILE]: all.map(({ diary }) => diary).join(''),
      [NDJSON_FILE]: [
        ...all.map(({ ndjson }) => ndjson),
        ...recent.map(({ call }) => writer.record(toRecord(call))),
      ].join(''),
    };
    for (const file of [DIARY_FILE, NDJSON_FILE] as const) {
      try {
        const place = file === DIARY_FILE ? begun?.place : begun?.ndjsonPlace;
        const count = catchUp(join(folder, file), lines[file], place, (path, bytes) =>
          log.warn({ path, bytes }, 'a line that was torn is cut off the journal'),
        );
        if (count > 0) log.info({ file, lines: count }, 'lines that had not reached the journal are written');
      } catch (err) {
        // twice is better than never
        this.#left[file] = err instanceof CatchUpFailed ? err.left : lines[file];
        log.error({ err, file }, 'the journal could not be completed');
      }
      if (this.isForPower) this.#ontoDisk(join(folder, file));
    }
  }
}

/** The journal's window in which a record was made. */
function windowOf(id: string): number {
  const window = Number(id.split('-', 1)[0]);
  return Number.isFinite(window) ? window : 0;
}

function openLog(
  { clock, log: logger }: PersistenceParts,
  folder: string,
  durability: 'process' | 'power',
): ReturnType<typeof LiveLog.open> {
  try {
    return LiveLog.open({
      folder,
      durability,
      now: () => clock.now(),
      onTrouble: ({ what, err, waiting }) => {
        if (what === 'recovered') logger.info({ waiting }, 'the store keeps up again');
        else
          logger.error(
            { err, waiting },
            `the store ${what === 'slow' ? 'is slow' : 'cannot be written'}: calls go on`,
          );
      },
    });
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    throw new StartError(cause.code === 'store-newer' ? 'store-newer' : 'data-unreadable', cause.message, {
      cause,
    });
  }
}
