// Nonces: made without memory, bound to a client and a realm, good for a while, each count good once.
import { timingSafeEqual } from 'node:crypto';

/** Counts seen of one nonce: the highest, and which of the 32 below it. */
interface Counts {
  highest: number;
  below: number;
  readonly made: number;
}

export interface NonceOptions {
  /** A keyed hash; what it gives may stand in a quoted string and holds no dot. */
  readonly mac: (text: string) => string;
  readonly newSalt: () => string;
  /** Wall clock, ms. */
  readonly wall: () => number;
  /** ms. */
  readonly life: number;
  /** How many used nonces are watched at once; past that the oldest is forgotten and counts as too old. */
  readonly max: number;
}

export class Nonces {
  readonly #options: NonceOptions;
  readonly #seen = new Map<string, Counts>();
  /** Nonces made before this cannot be told from used ones: at the start, because an earlier process may have seen them. */
  #forgottenBefore: number;

  constructor(options: NonceOptions) {
    this.#options = options;
    this.#forgottenBefore = options.wall();
  }

  get size(): number {
    return this.#seen.size;
  }

  make(client: string, realm: string): string {
    const body = `${this.#options.wall().toString(36)}.${this.#options.newSalt()}`;
    return `${body}.${this.#options.mac(`${body}\0${client}\0${realm}`)}`;
  }

  /**
   * Is it ours, made for this client and realm, young enough, and its count new? Uses the count up. `count`: nc, or
   * undefined when the client gave none (RFC 2069): then the nonce is good once.
   */
  check(nonce: string, client: string, realm: string, count: number | undefined): boolean {
    const cut = nonce.lastIndexOf('.');
    const body = nonce.slice(0, Math.max(0, cut));
    const right = Buffer.from(this.#options.mac(`${body}\0${client}\0${realm}`), 'latin1');
    const given = Buffer.from(nonce.slice(cut + 1), 'latin1');
    if (cut < 0 || right.length !== given.length || !timingSafeEqual(right, given)) return false;
    const made = Number.parseInt(body, 36);
    const age = this.#options.wall() - made;
    // A clock that was set back leaves nonces of the future: they are not believed.
    if (!(age >= 0 && age <= this.#options.life) || made < this.#forgottenBefore) return false;
    return this.#use(nonce, count ?? 1, made);
  }

  #use(nonce: string, count: number, made: number): boolean {
    const counts = this.#seen.get(nonce);
    if (counts === undefined) {
      this.#makeRoom();
      // What had to be forgotten just now may be as young as this one.
      if (made < this.#forgottenBefore) return false;
      this.#seen.set(nonce, { highest: count, below: 0, made });
      return true;
    }
    const ahead = count - counts.highest;
    if (ahead > 0) {
      const shifted = ahead > 31 ? 0 : counts.below << ahead;
      counts.below = ahead > 32 ? 0 : shifted | (1 << (ahead - 1));
      counts.highest = count;
      return true;
    }
    const bit = -ahead - 1;
    if (bit < 0 || bit > 31 || (counts.below & (1 << bit)) !== 0) return false;
    counts.below |= 1 << bit;
    return true;
  }

  #makeRoom(): void {
    const { wall, life, max } = this.#options;
    const oldest = wall() - life;
    for (const [nonce, { made }] of this.#seen) {
      if (made >= oldest && this.#seen.size < max) return;
      this.#seen.delete(nonce);
      if (made >= oldest) this.#forgottenBefore = Math.max(this.#forgottenBefore, made + 1);
    }
  }
}
