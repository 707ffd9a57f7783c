// What a replay tells: the shape of `--json`, and what the text for people is made from.
import type { Outcome } from '../journal/call-record.ts';
import type { Parties } from '../journal/transition.ts';
import type { Difference, Why } from './differences.ts';
import type { Habit } from './habits.ts';

export interface StateChange {
  /** ms since the epoch. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
  /** Who caused it: the party that opened the dialog, or the other. */
  readonly side: 'caller' | 'callee' | undefined;
  readonly notes: readonly string[];
}

/** A message we would send, and how often again. */
export interface WouldSend {
  readonly at: number;
  readonly to: string;
  readonly what: string;
  readonly cseq: string;
  readonly times: number;
  /** When it was sent last. */
  readonly until: number;
}

export interface ReplayedCall extends Parties {
  readonly callId: string;
  readonly machine: 'dialog' | 'subscription';
  /** The state that was put in place because the capture begins in mid-call; '' when it shows the beginning. */
  readonly adopted: string;
  /** Adopted, and nothing tells who called whom: the sender of the first request is taken for the caller. */
  readonly callerGuessed: boolean;
  /** The side that the capture does not show: its messages are told from what the server passed on. */
  readonly missing: Missing | undefined;
  /** Single messages of phones that the capture lost: inferred in the same way. */
  readonly lost: number;
  readonly origin: { readonly callId: string; readonly why: string } | undefined;
  /** Call-ID of the other leg, when the captured server gave each leg one of its own. */
  readonly legOf: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly states: readonly StateChange[];
  readonly diary: readonly string[];
  readonly sends: readonly WouldSend[];
  readonly differences: readonly Difference[];
  /** False: the capture ends before the call does. */
  readonly over: boolean;
}

export interface Missing {
  readonly side: 'caller' | 'callee';
  /** '' when nothing tells. */
  readonly at: string;
  /** Messages that were inferred. */
  readonly messages: number;
}

/** Known before the first call is played. */
export interface ReplayBegin {
  readonly server: string;
  readonly messages: number;
  readonly fromPhones: number;
  readonly fromServer: number;
  /** Neither to nor from the server. */
  readonly past: number;
  readonly began: number;
  readonly ended: number;
  readonly inferred: readonly { readonly aor: string; readonly contact: string; readonly at: string }[];
}

export interface ReplayEnd {
  /** Messages we would send that belong to no call: answers to REGISTER, OPTIONS ... */
  readonly others: readonly WouldSend[];
  /** Differences outside of calls, each kind with one example. */
  readonly otherDifferences: readonly (Difference & { readonly transactions: number })[];
  readonly drops: Readonly<Record<string, number>>;
  /** Requests that were not played: the captured server asked for credentials, ours does not. */
  readonly challenged: number;
  readonly habits: readonly Habit[];
  readonly totals: Totals;
}

export interface Totals {
  readonly calls: number;
  readonly subscriptions: number;
  readonly adopted: number;
  readonly halves: number;
  readonly unfinished: number;
  /** Transactions that differ, by cause. */
  readonly differences: Readonly<Partial<Record<Why, number>>>;
}

export interface Replay extends ReplayBegin, ReplayEnd {
  readonly calls: readonly ReplayedCall[];
}

/** Hears of a replay as it goes on: calls come in the order they began, once they are over. */
export interface ReplayListener {
  onBegin(begin: ReplayBegin): void;
  onCall(call: ReplayedCall): void;
}
