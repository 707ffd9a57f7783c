// Wrong passwords as an operator hears of them: a line for each source and minute at most, however many there are.

export interface WrongPassword {
  readonly source: string;
  /** Whom it was tried for. */
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
  readonly #sources = new Map<string, { toldAt: number; times: number }>();
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
    this.#parts.tell({
      source,
      aor: aor.slice(0, MOST_CHARS),
      times: (known?.times ?? 0) + 1,
      others: this.#others,
    });
    this.#others = 0;
    // Set anew, so that the first one is always the one told of longest ago.
    this.#sources.delete(source);
    this.#sources.set(source, { toldAt: now, times: 0 });
    if (this.#sources.size > MOST_SOURCES) {
      for (const [oldest] of this.#sources) {
        this.#sources.delete(oldest);
        break;
      }
    }
  }

  get size(): number {
    return this.#sources.size;
  }
}
