// Wrong passwords as an operator hears of them: a line for each source and minute at most, however many there are.

export interface WrongPassword {
  /** Empty: of the others alone. */
  readonly source: string;
  /** Whom it was tried for, the last time. */
  readonly aor: string;
  /** How often from this source since it was told of last. */
  readonly times: number;
  /** Tries of sources that were not told of, for there were too many; 0: none. */
  readonly others: number;
}

export interface WrongPasswordsParts {
  /** Monotonic ms. */
  readonly now: () => number;
  readonly tell: (wrong: WrongPassword) => void;
}

const MINUTE = 60_000;
/** Sources remembered at once, the latest ones. */
const MOST_SOURCES = 1000;
/** Lines a minute from all sources together. */
const MOST_LINES = 30;
const MOST_CHARS = 200;

export class WrongPasswords {
  readonly #parts: WrongPasswordsParts;
  readonly #sources = new Map<string, { toldAt: number; times: number; aor: string }>();
  #minute = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #others = 0;

  constructor(parts: WrongPasswordsParts) {
    this.#parts = parts;
  }

  note(source: string, aor: string): void {
    const now = this.#parts.now();
    const known = this.#sources.get(source);
    if (known !== undefined && now < known.toldAt + MINUTE) {
      known.times++;
      known.aor = aor.slice(0, MOST_CHARS);
      return;
    }
    if (now >= this.#minute + MINUTE) {
      this.#minute = now;
      this.#lines = 0;
    }
    if (this.#lines >= MOST_LINES) {
      this.#others++;
      return;
    }
    this.#lines++;
    this.#tell(source, aor.slice(0, MOST_CHARS), (known?.times ?? 0) + 1);
    // Set anew, so that the first one is always the one told of longest ago.
    this.#sources.delete(source);
    this.#sources.set(source, { toldAt: now, times: 0, aor: '' });
    if (this.#sources.size > MOST_SOURCES) {
      for (const [oldest] of this.#sources) {
        this.#sources.delete(oldest);
        break;
      }
    }
  }

  /** At the end: what nobody was told of yet, in as many lines as a minute may have. */
  close(): void {
    const untold = [...this.#sources].filter(([, { times }]) => times > 0);
    this.#sources.clear();
    for (const [, { times }] of untold.slice(MOST_LINES)) this.#others += times;
    for (const [source, { aor, times }] of untold.slice(0, MOST_LINES)) this.#tell(source, aor, times);
    if (this.#others > 0) this.#tell('', '', 0);
  }

  #tell(source: string, aor: string, times: number): void {
    this.#parts.tell({ source, aor, times, others: this.#others });
    this.#others = 0;
  }

  get size(): number {
    return this.#sources.size;
  }
}
