// Puts IP fragments together again, bounded in bytes and in time.
import type { IpPacket } from './ip.ts';

export interface FragmentLimits {
  /** Of all unfinished packets together; the oldest go first. */
  readonly bytes: number;
  /** µs after its first fragment in which a packet must be whole. RFC 791 §3.2 says 15 s, RFC 8200 §4.5 60 s. */
  readonly age: number;
}

export const USUAL_FRAGMENT_LIMITS: FragmentLimits = { bytes: 4 * 1024 * 1024, age: 30_000_000 };

const LONGEST_IP = 65_535;

/** What a waiting piece costs beside its bytes, so that a flood of tiny ones is bounded too. */
const PIECE_COST = 256;

interface Piece {
  readonly start: number;
  readonly bytes: Buffer;
}

interface Unfinished {
  readonly since: number;
  /** IPv6: the protocol that the first fragment names is the one that counts. */
  protocol: number;
  readonly pieces: Piece[];
  length: number;
  /** Known once the last fragment is there. */
  total: number | undefined;
}

export class Reassembly {
  /** Packets given up: too old, too many bytes waiting, or pieces that overlap. */
  lost = 0;
  readonly #limits: FragmentLimits;
  readonly #unfinished = new Map<string, Unfinished>();
  #held = 0;

  constructor(limits: FragmentLimits = USUAL_FRAGMENT_LIMITS) {
    this.#limits = limits;
  }

  /** Packets that still lack pieces. */
  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** The whole packet once its last missing piece comes. `seenAt` keeps apart what different interfaces saw. */
  add(fragment: IpPacket, seenAt: string, time: number): IpPacket | undefined {
    const start = fragment.fragmentOffset;
    const end = start + fragment.payload.length;
    if (end === start || end > LONGEST_IP) return undefined;
    const key = `${seenAt} ${fragment.id} ${fragment.version === 4 ? fragment.protocol : ''} ${fragment.source.toString('latin1')}${fragment.destination.toString('latin1')}`;
    const unfinished = this.#open(key, fragment.protocol, time);
    if (unfinished.pieces.some((piece) => piece.start === start && piece.bytes.length === end - start))
      return undefined;
    const total = fragment.more ? unfinished.total : end;
    const fits = (at: Piece) =>
      (end <= at.start || start >= at.start + at.bytes.length) &&
      at.start + at.bytes.length <= (total ?? LONGEST_IP);
    if (end > (total ?? LONGEST_IP) || !unfinished.pieces.every(fits)) {
      // RFC 5722: overlapping fragments are an attack, not data
      this.#drop(key, unfinished);
      this.lost += 1;
      return undefined;
    }
    if (start === 0) unfinished.protocol = fragment.protocol;
    unfinished.total = total;
    unfinished.pieces.push({ start, bytes: Buffer.from(fragment.payload) });
    unfinished.length += end - start;
    this.#held += end - start + PIECE_COST;
    if (unfinished.length !== unfinished.total) {
      this.#makeRoom();
      return undefined;
    }
    this.#drop(key, unfinished);
    unfinished.pieces.sort((a, b) => a.start - b.start);
    return {
      ...fragment,
      protocol: unfinished.protocol,
      payload: Buffer.concat(unfinished.pieces.map((piece) => piece.bytes)),
      fragmented: false,
      fragmentOffset: 0,
      more: false,
    };
  }

  #open(key: string, protocol: number, time: number): Unfinished {
    const known = this.#unfinished.get(key);
    if (known !== undefined) {
      if (Math.abs(time - known.since) <= this.#limits.age) return known;
      // the sender has come round to the same id: these pieces are of another packet
      this.#drop(key, known);
      this.lost += 1;
    }
    const fresh: Unfinished = { since: time, protocol, pieces: [], length: 0, total: undefined };
    this.#unfinished.set(key, fresh);
    return fresh;
  }

  #makeRoom(): void {
    for (const [key, unfinished] of this.#unfinished) {
      if (this.#held <= this.#limits.bytes) return;
      this.#drop(key, unfinished);
      this.lost += 1;
    }
  }

  #drop(key: string, unfinished: Unfinished): void {
    this.#unfinished.delete(key);
    this.#held -= unfinished.length + unfinished.pieces.length * PIECE_COST;
  }
}
