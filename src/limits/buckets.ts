// Token buckets by source address: so many of something in so much time, and as many at once.
import { parseNetwork } from '../routing/networks.ts';

export interface Rate {
  readonly count: number;
  readonly ms: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Sources that are remembered; the one heard of least lately makes room, and begins anew with a full bucket. */
const MOST_SOURCES = 65_536;

export class Buckets {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #most: number;
  readonly #buckets = new Map<string, Bucket>();

  /** `now` in monotonic ms. */
  constructor(rate: Rate, now: () => number, most = MOST_SOURCES) {
    this.#rate = rate;
    this.#now = now;
    this.#most = most;
  }

  get size(): number {
    return this.#buckets.size;
  }

  isFor({ count, ms }: Rate): boolean {
    return this.#rate.count === count && this.#rate.ms === ms;
  }

  /** False: this source has had its share. */
  take(address: string): boolean {
    const { count, ms } = this.#rate;
    const source = sourceOf(address);
    const now = this.#now();
    const known = this.#buckets.get(source);
    const bucket = known ?? { tokens: count, at: now };
    bucket.tokens = Math.min(count, bucket.tokens + ((now - bucket.at) * count) / ms);
    bucket.at = now;
    if (known !== undefined) this.#buckets.delete(source);
    else if (this.#buckets.size >= this.#most) this.#forgetOldest();
    this.#buckets.set(source, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #forgetOldest(): void {
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}

/** Whoever has one IPv6 address has a /64 of them. */
function sourceOf(address: string): string {
  return address.includes(':') ? (parseNetwork(address)?.groups.slice(0, 4).join(':') ?? address) : address;
}
