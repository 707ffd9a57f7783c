// Which bindings stand behind an address: a list for each address, newest first, every step O(1).

/** One item's seat at one address; kept by its owner, handed back to leave. */
export interface Seat<T> {
  readonly key: string;
  readonly item: T;
  newer: Seat<T> | undefined;
  older: Seat<T> | undefined;
}

export class AddressIndex<T> {
  readonly #newest = new Map<string, Seat<T>>();

  get size(): number {
    return this.#newest.size;
  }

  sit(key: string, item: T): Seat<T> {
    const older = this.#newest.get(key);
    const seat: Seat<T> = { key, item, newer: undefined, older };
    if (older !== undefined) older.newer = seat;
    this.#newest.set(key, seat);
    return seat;
  }

  leave(seat: Seat<T>): void {
    const { newer, older } = seat;
    if (older !== undefined) older.newer = newer;
    if (newer !== undefined) newer.older = older;
    else if (older !== undefined) this.#newest.set(seat.key, older);
    else this.#newest.delete(seat.key);
  }

  newest(key: string): Seat<T> | undefined {
    return this.#newest.get(key);
  }
}
