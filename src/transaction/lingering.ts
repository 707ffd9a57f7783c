// What the four kinds of transaction have in common: one deadline for all their timers, and the bytes they keep.

import { Timed } from '../time/deadlines.ts';
import type { Flow } from '../transport/flow.ts';
import type { Host } from './host.ts';

export abstract class Lingering extends Timed {
  protected readonly host: Host;
  readonly flow: Flow;
  /** Present interval of the resends, and what all intervals begun so far amount to, ms. */
  protected interval = 0;
  protected elapsed = 0;

  constructor(host: Host, flow: Flow) {
    super();
    this.host = host;
    this.flow = flow;
  }

  protected startResending(): void {
    this.elapsed = 0;
    this.resendAfter(this.host.durations.t1);
  }

  /** The last interval is cut short at 64*T1: resending and giving up take turns on one deadline. */
  protected resendAfter(interval: number): void {
    const ms = Math.min(interval, this.host.durations.giveUp - this.elapsed);
    this.interval = interval;
    this.elapsed += ms;
    this.wait(ms);
  }

  protected get gaveUp(): boolean {
    return this.elapsed >= this.host.durations.giveUp;
  }

  protected wait(ms: number): void {
    this.host.deadlines.start(this, ms);
  }

  protected stopWaiting(): void {
    this.host.deadlines.stop(this);
  }

  protected sendKept(kept: string): void {
    if (kept !== '') this.host.send(Buffer.from(kept, 'latin1'), this.flow);
  }
}

/** Bytes to keep for long: as a string, since a small Buffer holds on to the 8 KB block that it was cut from. */
export function keep(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** `request` was read when the transaction had let go of it: a bug of the user, who need not have asked. */
export class RequestReleased extends Error {
  readonly code = 'request-released';

  constructor(method: string) {
    super(
      `The request of this ${method} transaction is gone: it has its final response. Keep what is needed later.`,
    );
  }
}
