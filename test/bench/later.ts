// Owns the generator's waiting: a queue for each length of wait, so that a timer costs a push and a shift.

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** All waits of one length end in the order they began, so no heap is needed. */
export class Later {
  readonly #queues = new Map<number, { items: Due[]; head: number }>();

  after(ms: number, now: number, run: () => void): void {
    let queue = this.#queues.get(ms);
    if (!queue) {
      queue = { items: [], head: 0 };
      this.#queues.set(ms, queue);
    }
    queue.items.push({ at: now + ms, run });
  }

  fire(now: number): void {
    for (const queue of this.#queues.values()) {
      for (let due = queue.items[queue.head]; due && due.at <= now; due = queue.items[queue.head]) {
        queue.head += 1;
        due.run();
      }
      if (queue.head > 1024 && queue.head * 2 > queue.items.length) {
        queue.items = queue.items.slice(queue.head);
        queue.head = 0;
      }
    }
  }
}
