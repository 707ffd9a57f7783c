// The records of ended calls, as the server sees them: handed over in batches, confirmed later, looked up on request.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { StartError } from '../config/start-error.ts';
import { RECORDS_FILE } from './records-file.ts';
import type { Found, PastPage, PastQuery, Retention } from './records-table.ts';
import type { Asks, FromThread, ThreadData, ToThread } from './records-talk.ts';

export interface RecordsOptions<Id> {
  /** An existing folder: DATA/store. */
  readonly folder: string;
  readonly retention: Retention;
  /** What `onStored` promises: that it outlives the end of the process, or a power failure. */
  readonly durability?: 'process' | 'power';
  /** These stand in the database: nobody else needs to keep them. */
  readonly onStored: (ids: readonly Id[]) => void;
  readonly onTrouble: (trouble: RecordsTrouble) => void;
  /** Characters that may wait in memory. */
  readonly maxWaiting?: number;
  /** The thread's program. */
  readonly program?: URL;
}

/** Told when it changes: something is wrong, or (problem undefined) all is well again. */
export interface RecordsTrouble {
  readonly problem: string | undefined;
  /** What went wrong is what stood in the file: from now on a new one takes what ends. */
  readonly isDamage: boolean;
  /** Records that are not stored yet. */
  readonly waiting: number;
  /** Attempts that failed since the start. */
  readonly failures: number;
}

/** Records are never lost here alone: who adds one keeps it until it is stored. */
export class RecordsUnavailable extends Error {}

const BATCH = 1000;
const GATHER_MS = 1000;
const RETRY_MS = 1000;
const MAX_WAITING = 32_000_000;
const CLOSE_MS = 3000;
/** MB of the thread's heap: it needs five. */
const THREAD_HEAP = 128;

interface Batch<Id> {
  readonly number: number;
  readonly ids: readonly Id[];
  readonly lines: string;
}

interface Asked {
  readonly done: (answer: never) => void;
  readonly failed: (cause: Error) => void;
}

/** The build puts the thread's program beside the bundle. */
function programBeside(): URL {
  return new URL('./records-worker.js', import.meta.url);
}

/** `Id`: what tells one from another to whoever adds it. */
export class Records<Id> {
  readonly #options: RecordsOptions<Id>;
  /** Questions that wait until what was added before them is on its way. */
  #held: (() => void)[] = [];
  readonly #path: string;
  readonly #maxWaiting: number;
  #thread: Worker | undefined;
  #isReady = false;
  #isClosing = false;
  #waiting: { readonly id: Id; readonly text: string }[] = [];
  #waitingSize = 0;
  #batch: Batch<Id> | undefined;
  #batches = 0;
  #timer: NodeJS.Timeout | undefined;
  #asked = new Map<number, Asked>();
  #questions = 0;
  #problem: string | undefined;
  #damage: string | undefined;
  #failures = 0;
  #broken = 0;
  #stored = 0;
  /** Who waits for the next news of the thread. */
  #wake: (() => void)[] = [];

  private constructor(options: RecordsOptions<Id>) {
    this.#options = options;
    this.#path = join(options.folder, RECORDS_FILE);
    this.#maxWaiting = options.maxWaiting ?? MAX_WAITING;
  }

  /** Throws StartError for a file of a newer version; whatever else is wrong is trouble, and tried again. */
  static async open<Id>(options: RecordsOptions<Id>): Promise<Records<Id>> {
    const records = new Records(options);
    const refusal = await new Promise<StartError | undefined>((known) => records.#start(known));
    if (refusal === undefined) return records;
    await records.close();
    throw refusal;
  }

  /** Not stored yet. */
  get waiting(): number {
    return this.#waiting.length + (this.#batch?.ids.length ?? 0);
  }

  /** What keeps it from storing; undefined: all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What became of a file that was damaged; undefined: nothing, or a call was stored in the new one since. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Since the start. */
  get stored(): number {
    return this.#stored;
  }

  /** Attempts to store that failed, and threads that died, since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Texts that were no call; they count as stored. */
  get broken(): number {
    return this.#broken;
  }

  /** `text`: a StoredCall as JSON. False: too many wait; it may be offered again. Throws nothing. */
  add(id: Id, text: string): boolean {
    if (this.#waitingSize + text.length > this.#maxWaiting || this.#isClosing) return false;
    this.#waiting.push({ id, text });
    this.#waitingSize += text.length;
    if (this.#waiting.length >= BATCH) this.#send();
    else if (this.#batch === undefined) this.#timer ??= setTimeout(() => this.#send(), GATHER_MS);
    return true;
  }

  /** Ended calls, the newest first. Rejects with RecordsUnavailable. */
  past(query: PastQuery): Promise<PastPage> {
    return this.#ask('past', query);
  }

  /** The ended call of that Call-ID, or those whose Call-ID begins so. Rejects with RecordsUnavailable. */
  find(callId: string): Promise<Found> {
    return this.#ask('find', callId);
  }

  /** Stores what waits if that is possible within seconds. What is not confirmed by then is to be added after the next start. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const until = performance.now() + CLOSE_MS;
    const failures = this.#failures;
    this.#send();
    while (this.waiting > 0 && this.#failures === failures && this.#thread !== undefined)
      if (!(await this.#news(until))) break;
    clearTimeout(this.#timer);
    this.#say({ do: 'close' });
    while (this.#thread !== undefined) if (!(await this.#news(until))) break;
    await this.#thread?.terminate();
  }

  #start(opened: (refusal: StartError | undefined) => void): void {
    const { retention, durability, program = programBeside() } = this.#options;
    const gone = (cause: unknown) => {
      this.#gone(cause);
      opened(undefined);
    };
    // Node would take a missing program for a bug of ours, and say it in many lines
    if (!existsSync(fileURLToPath(program))) {
      gone(`${fileURLToPath(program)} is missing; build Callchart anew`);
      return;
    }
    const data: ThreadData = { path: this.#path, retention, isForPower: durability === 'power' };
    let thread: Worker;
    try {
      thread = new Worker(program, {
        workerData: data,
        resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP },
        // flags of the main thread (a debugger's port, a profiler) are not for it
        execArgv: [],
      });
    } catch (cause) {
      // the system gives no more threads just now
      gone(cause);
      return;
    }
    this.#thread = thread;
    let why: unknown;
    thread.on('message', (word: FromThread) => {
      if (word.said === 'ready') opened(this.#ready(word));
      else this.#hear(word);
      this.#tellNews();
    });
    thread.on('error', (cause) => {
      why = cause;
    });
    thread.on('exit', (code) => gone(why ?? `it ended with ${code}`));
  }

  #ready({ problem, isNewer }: FromThread & { said: 'ready' }): StartError | undefined {
    this.#isReady = true;
    // in the middle of its work it is one more trouble that may pass
    if (isNewer && this.#batches === 0)
      return new StartError(
        'store-newer',
        `${problem}; it was written by a newer one: start that, or give another folder with --data`,
      );
    this.#tried(problem);
    this.#post();
    this.#send();
    return undefined;
  }

  /** What waits says itself whether it can be stored; where nothing does, the file is tried until it can be used. */
  #tried(problem: string | undefined): void {
    const isIdle = this.#batch === undefined && this.#waiting.length === 0;
    if (problem !== undefined) {
      this.#trouble(problem);
      if (isIdle) this.#later(() => this.#say({ do: 'try' }));
    } else if (isIdle && this.#problem !== undefined) {
      this.#problem = undefined;
      this.#tell();
    }
  }

  #hear(word: Exclude<FromThread, { said: 'ready' }>): void {
    switch (word.said) {
      case 'stored':
        if (word.batch === this.#batch?.number) this.#confirm(this.#batch, word.broken);
        return;
      case 'failed':
        this.#trouble(word.problem);
        this.#letGo();
        this.#later(() => this.#post());
        return;
      case 'tried':
        this.#tried(word.problem);
        return;
      case 'damaged':
        this.#failures++;
        this.#damage = word.problem;
        this.#tell();
        return;
      case 'answer':
        this.#taken(word.number)?.done(word.answer as never);
        return;
      case 'no answer':
        this.#taken(word.number)?.failed(new RecordsUnavailable(word.problem));
    }
  }

  #confirm(batch: Batch<Id>, broken: number): void {
    this.#batch = undefined;
    this.#waitingSize -= batch.lines.length - (batch.ids.length - 1);
    this.#stored += batch.ids.length - broken;
    this.#broken += broken;
    this.#allWell();
    this.#options.onStored(batch.ids);
    if (this.#waiting.length >= BATCH || this.#isClosing || this.#held.length > 0) this.#send();
    else if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#send(), GATHER_MS);
    this.#letGo();
  }

  /** One batch at a time: a thread that is slow is not buried. */
  #send(): void {
    if (this.#batch !== undefined || this.#waiting.length === 0 || !this.#isReady) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const some = this.#waiting.splice(0, BATCH);
    this.#batch = {
      number: ++this.#batches,
      ids: some.map(({ id }) => id),
      lines: some.map(({ text }) => text).join('\n'),
    };
    this.#post();
  }

  #post(): void {
    if (this.#batch === undefined) return;
    const { number, lines } = this.#batch;
    this.#say({ do: 'store', batch: number, lines });
  }

  #say(word: ToThread): void {
    if (this.#isReady) this.#thread?.postMessage(word);
  }

  #ask<K extends keyof Asks>(what: K, of: Asks[K]['of']): Promise<Asks[K]['gives']> {
    if (!this.#isReady || this.#isClosing)
      return Promise.reject(new RecordsUnavailable(this.#problem ?? 'the store is closed'));
    return new Promise((done, failed) => {
      const number = ++this.#questions;
      this.#asked.set(number, { done, failed });
      const post = () => this.#say({ do: 'ask', number, what, of });
      if (this.#problem === undefined) this.#send();
      if (this.#problem === undefined && this.#waiting.length > 0) this.#held.push(post);
      else post();
    });
  }

  #letGo(): void {
    for (const post of this.#held.splice(0)) post();
  }

  #taken(number: number): Asked | undefined {
    const asked = this.#asked.get(number);
    this.#asked.delete(number);
    return asked;
  }

  /** The thread is no more; another takes over what it had not confirmed. */
  #gone(cause: unknown): void {
    this.#thread = undefined;
    this.#isReady = false;
    const words = `the thread of ${this.#path} ended: ${cause instanceof Error ? cause.message : cause}`;
    for (const { failed } of this.#asked.values()) failed(new RecordsUnavailable(words));
    this.#asked.clear();
    this.#held = [];
    if (!this.#isClosing) {
      this.#trouble(words);
      this.#later(() => this.#start(() => {}));
    }
    this.#tellNews();
  }

  #later(work: () => void): void {
    setTimeout(() => {
      if (!this.#isClosing) work();
    }, RETRY_MS).unref();
  }

  /** Told once, however often it happens until all is well again. */
  #trouble(problem: string): void {
    this.#failures++;
    const isNews = this.#problem !== problem;
    this.#problem = problem;
    if (isNews) this.#tell();
  }

  #allWell(): void {
    if (this.#problem === undefined && this.#damage === undefined) return;
    this.#problem = this.#damage = undefined;
    this.#tell();
  }

  #tell(): void {
    this.#options.onTrouble({
      problem: this.#problem ?? this.#damage,
      isDamage: this.#problem === undefined && this.#damage !== undefined,
      waiting: this.waiting,
      failures: this.#failures,
    });
  }

  #tellNews(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** False: the time is up. */
  #news(until: number): Promise<boolean> {
    return new Promise((known) => {
      const timer = setTimeout(() => known(false), Math.max(0, until - performance.now()));
      this.#wake.push(() => {
        clearTimeout(timer);
        known(true);
      });
    });
  }
}
