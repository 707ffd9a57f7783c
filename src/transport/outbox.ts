// What was decided in one burst and waits to leave: datagrams in the order they were decided.
import type { Flow } from './flow.ts';

/** Puts one datagram on the wire. `failed` may be called later; it is never called after success. */
export type Wire = (bytes: Buffer, flow: Flow, failed: (() => void) | undefined) => void;

export interface FlushSteps {
  /** Step 1: what was decided is kept. */
  keep(): void;
  /** Calls `release` once that is safe on the disk; absent: at once. Must keep the order. */
  readonly safely?: ((release: () => void) => void) | undefined;
  /** Step 3: observers are told. */
  tell(): void;
}

/**
 * A burst is all datagrams of one poll of the event loop. `defer` runs the flush once after it (`setImmediate` in the
 * server, the end of a step in replay).
 */
export class Outbox {
  readonly #wire: Wire;
  readonly #steps: FlushSteps;
  readonly #defer: (flush: () => void) => void;
  readonly #flush = () => this.flush();
  #bytes: Buffer[] = [];
  #flows: Flow[] = [];
  #failed: ((() => void) | undefined)[] = [];
  #scheduled = false;

  constructor(wire: Wire, steps: FlushSteps, defer: (flush: () => void) => void) {
    this.#wire = wire;
    this.#steps = steps;
    this.#defer = defer;
  }

  readonly send = (bytes: Buffer, flow: Flow, failed?: () => void): void => {
    this.#bytes.push(bytes);
    this.#flows.push(flow);
    this.#failed.push(failed);
    this.schedule();
  };

  /** Asks for a flush after this burst, also when nothing is to be sent (the journal may have lines). */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(this.#flush);
  }

  flush(): void {
    this.#scheduled = false;
    this.#steps.keep();
    const bytes = this.#bytes;
    const flows = this.#flows;
    const failed = this.#failed;
    if (bytes.length > 0) {
      this.#bytes = [];
      this.#flows = [];
      this.#failed = [];
      if (this.#steps.safely === undefined) this.#release(bytes, flows, failed);
      else this.#steps.safely(() => this.#release(bytes, flows, failed));
    }
    this.#steps.tell();
  }

  #release(
    bytes: readonly Buffer[],
    flows: readonly Flow[],
    failed: readonly ((() => void) | undefined)[],
  ): void {
    for (let i = 0; i < bytes.length; i++) this.#wire(bytes[i] as Buffer, flows[i] as Flow, failed[i]);
  }
}
