// Whether a User-Agent is one of those known by a word in it: scanners, or phones with a weakness.

/** Those whose answer is remembered: there are few, unless somebody invents them. */
const REMEMBERED = 1024;

export class UserAgents {
  readonly #words: readonly string[];
  readonly #remembered = new Map<string, boolean>();

  /** In lower case. */
  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** Does one of the words stand in it, in whatever case? */
  includes(userAgent: string | undefined): boolean {
    if (userAgent === undefined) return false;
    const known = this.#remembered.get(userAgent);
    if (known !== undefined) return known;
    const lower = userAgent.toLowerCase();
    const is = this.#words.some((word) => lower.includes(word));
    if (this.#remembered.size >= REMEMBERED) this.#remembered.clear();
    // A text of its own: part of a datagram would hold on to all of it.
    this.#remembered.set(Buffer.from(userAgent, 'latin1').toString('latin1'), is);
    return is;
  }
}
