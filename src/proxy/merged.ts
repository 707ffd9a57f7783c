// RFC 3261 §8.2.2.2: the same request by two ways, where the server itself is the one it is for.
import { detached, type SipRequest } from '../sip/message.ts';

/** Requests remembered at once: what goes beyond only loses its memory sooner. */
const MOST = 10_000;

export class Merged {
  readonly #now: () => number;
  /** Milliseconds a transaction lasts. */
  readonly #keep: number;
  /** Each keeps what came in one span of time; together they hold the last one to two. */
  #recent = new Set<string>();
  #older = new Set<string>();
  #turn = 0;

  constructor({ now, keep }: { readonly now: () => number; readonly keep: number }) {
    this.#now = now;
    this.#keep = keep;
  }

  /** Has another transaction brought this request already? Ask once for each. */
  isAgain(request: SipRequest): boolean {
    if (request.to.tag !== undefined) return false;
    this.#turnOver();
    const { callId, cseq, method } = request;
    const key = detached(`${callId}\0${request.from.tag ?? ''}\0${cseq.number} ${method}`);
    if (this.#recent.has(key) || this.#older.has(key)) return true;
    this.#recent.add(key);
    return false;
  }

  #turnOver(): void {
    const now = this.#now();
    if (now < this.#turn && this.#recent.size < MOST) return;
    // Nobody has asked for long: what is there is older than it says.
    this.#older = now < this.#turn + this.#keep ? this.#recent : new Set();
    this.#recent = new Set();
    this.#turn = now + this.#keep;
  }
}
