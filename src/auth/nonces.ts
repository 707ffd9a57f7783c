// Nonces: made without memory, bound to a client and a realm, good for a while, each count good once.
import type { KeyedHash } from '../routing/keyed-hash.ts';

export type NonceVerdict = 'good' | 'stale' | 'forged';

/** Counts seen of one nonce: the highest, and which of the 32 below it. */
interface Counts {
  highest: number;
  below: number;
  readonly until: number;
}

export interface NonceOptions {
  readonly mac: KeyedHash;
  readonly newSalt: () => string;
  /** Wall clock, ms: nonces outlive a restart. */
  readonly wall: () => number;
  /** ms. */
  readonly life: number;
  /** How many nonces are watched at once; past that the oldest is forgotten and so counts as used up. */
  readonly max: number;
}

export class Nonces {
  readonly #options: NonceOptions;
  readonly #seen = new Map<string, Counts>();
  /** Nonces made before this are too old to be told from used ones. */
  #forgottenBefore = 0;

  constructor(options: NonceOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#seen.size;
  }

  make(client: string, realm: string): string {
    const body = `${this.#options.wall().toString(36)}.${this.#options.newSalt()}`;
    return `${body}.${this.#mac(body, client, realm)}`;
  }

  /** `count`: nc, or undefined when the client gave none: then the nonce is good once. */
  check(nonce: string, client: string, realm: string, count: number | undefined): NonceVerdict {
    const cut = nonce.lastIndexOf('.');
    const body = nonce.slice(0, Math.max(0, cut));
    if (cut < 0 || this.#mac(body, client, realm) !== nonce.slice(cut + 1)) return 'forged';
    const made = Number.parseInt(body, 36);
    const now = this.#options.wall();
    // A clock that was set back makes nonces of the future: they are not believed either.
    if (!(made <= now + 1000) || now - made > this.#options.life || made < this.#forgottenBefore)
      return 'stale';
    return this.#use(nonce, count ?? 1, made) ? 'good' : 'stale';
  }

  #use(nonce: string, count: number, made: number): boolean {
    const counts = this.#seen.get(nonce);
    if (counts === undefined) {
      this.#makeRoom();
      this.#seen.set(nonce, { highest: count, below: 0, until: made + this.#options.life });
      return true;
    }
    const ahead = count - counts.highest;
    if (ahead > 0) {
      counts.below = ahead > 31 ? 0 : (counts.below << ahead) | (1 << (ahead - 1));
      counts.highest = count;
      return true;
    }
    const bit = -ahead - 1;
    if (bit < 0 || bit > 31 || (counts.below & (1 << bit)) !== 0) return false;
    counts.below |= 1 << bit;
    return true;
  }

  #makeRoom(): void {
    const now = this.#options.wall();
    for (const [nonce, counts] of this.#seen) {
      const full = this.#seen.size >= this.#options.max;
      if (counts.until >= now && !full) return;
      this.#seen.delete(nonce);
      if (counts.until >= now)
        this.#forgottenBefore = Math.max(this.#forgottenBefore, counts.until - this.#options.life + 1);
    }
  }

  #mac(body: string, client: string, realm: string): string {
    return this.#options.mac(`${body}\0${client}\0${realm}`);
  }
}
