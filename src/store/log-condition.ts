// Says once per change whether the disk takes what the log gives it.

/** Bytes that are not written yet go along. */
export interface LogTrouble {
  readonly err: Error | undefined;
  readonly what: 'failed' | 'slow' | 'recovered';
  readonly waiting: number;
}

export type State = 'well' | 'slow' | 'failed';

/** An operation that takes longer holds what waits for it too long. Ms. */
export const SLOW_MS = 50;
/** After a slow operation, and what follows on its heels, it must go well for so long. Ms. */
const QUIET_MS = 1000;
/** A slow one counts as another of many when less than fifteen quick ones stand between them. */
const FADING = 0.9;
const OFTEN = 0.2;

/** Writing and syncing have each their own state; the worse one is told. */
export class LogCondition {
  readonly #told: (trouble: LogTrouble) => void;
  readonly #waiting: () => number;
  readonly #states: Record<'write' | 'sync', State> = { write: 'well', sync: 'well' };
  readonly #slowAt = { write: 0, sync: 0 };
  /** 1 for each slow one, fading with those that follow. */
  readonly #slowness = { write: 0, sync: 0 };
  readonly #errors: Record<'write' | 'sync', Error | undefined> = { write: undefined, sync: undefined };
  #overall: State = 'well';

  constructor(told: (trouble: LogTrouble) => void, waiting: () => number) {
    this.#told = told;
    this.#waiting = waiting;
  }

  get isWell(): boolean {
    return this.#overall === 'well';
  }

  get isFailed(): boolean {
    return this.#overall === 'failed';
  }

  /** The worse of both. */
  get overall(): State {
    return this.#overall;
  }

  /** Why it failed; undefined: it has not. */
  get problem(): string | undefined {
    return (this.#errors.write ?? this.#errors.sync)?.message;
  }

  is(part: 'write' | 'sync', state: State): boolean {
    return this.#states[part] === state;
  }

  /**
   * It was done, and took so long. A slow one among many quick ones may be the machine's pause, not the disk's: what is
   * slow already is not slow for longer because of it.
   */
  took(part: 'write' | 'sync', ms: number, now: number): void {
    const isSlow = ms > SLOW_MS;
    const isAgain = this.#slowness[part] > OFTEN;
    const state = this.#states[part];
    this.#slowness[part] = this.#slowness[part] * FADING + (isSlow ? 1 : 0);
    if (isSlow) {
      if (isAgain || state !== 'slow') this.slow(part, now);
    } else if (state === 'failed' || (state === 'slow' && now - this.#slowAt[part] >= QUIET_MS))
      this.#set(part, 'well');
  }

  slow(part: 'write' | 'sync', now: number): void {
    this.#slowAt[part] = now;
    this.#set(part, 'slow');
  }

  failed(part: 'write' | 'sync', err: Error): void {
    this.#set(part, 'failed', err);
  }

  #set(part: 'write' | 'sync', state: State, err?: Error): void {
    this.#states[part] = state;
    this.#errors[part] = err;
    const { write, sync } = this.#states;
    const overall =
      write === 'failed' || sync === 'failed'
        ? 'failed'
        : write === 'slow' || sync === 'slow'
          ? 'slow'
          : 'well';
    if (overall === this.#overall) return;
    this.#overall = overall;
    this.#told({ err, what: overall === 'well' ? 'recovered' : overall, waiting: this.#waiting() });
  }
}
