// What all transactions of one layer share: their tables, their deadlines, how long things last, and the way out.

import type { Deadlines } from '../time/deadlines.ts';
import type { ClientInvite } from './client-invite.ts';
import type { ClientNonInvite } from './client-non-invite.ts';
import type { ServerInvite } from './server-invite.ts';
import type { ServerNonInvite } from './server-non-invite.ts';
import type { Send, TransactionTimers, TransactionUser } from './transaction.ts';

/** Milliseconds. RFC 3261 §17 table 4, over UDP. */
export interface Durations {
  readonly t1: number;
  readonly t2: number;
  readonly t4: number;
  /** Timers B, F, H, J, L, M. */
  readonly giveUp: number;
  /** Timer C, RFC 3261 §16.6 step 11: more than three minutes. */
  readonly c: number;
  /** Timer D: at least 32 s, for the server's T1 is not ours. */
  readonly d: number;
  /** When Timer E of a client with our T1 and T2 reaches T2: RFC 4320 §4.1. */
  readonly trying: number;
}

export interface Host {
  durations: Durations;
  readonly deadlines: Deadlines;
  readonly send: Send;
  readonly user: TransactionUser;
  readonly reason: (status: number) => string;
  readonly serverInvites: Map<string, ServerInvite>;
  readonly serverNonInvites: Map<string, ServerNonInvite>;
  /** By branch; an INVITE and its CANCEL share one. */
  readonly clientInvites: Map<string, ClientInvite>;
  readonly clientNonInvites: Map<string, ClientNonInvite>;
}

/** A chart's own Timer C comes a little earlier. */
const DEFAULT_C = 186_000;

export function durations({ t1, t2, t4, c = DEFAULT_C }: TransactionTimers): Durations {
  let interval = t1;
  let trying = t1;
  while (interval * 2 < t2) {
    interval *= 2;
    trying += interval;
  }
  return { t1, t2, t4, c, giveUp: 64 * t1, d: Math.max(32_000, 64 * t1), trying };
}
