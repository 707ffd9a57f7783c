// What one delivered event did to one dialog: the single source of diary, call records, metrics and console.
import type { Entry, Side } from '../../machines/types.ts';

/** One thing worth telling, as the chart said it. */
export interface Note {
  readonly entry: Entry;
  readonly side?: Side | undefined;
  readonly status?: number | undefined;
}

/** The parties as the opening request named them: AORs (`sip:a@h`), UTF-8, without port or parameters. */
export interface Parties {
  readonly from: string;
  readonly to: string;
}

/** Facts of a dialog that stay the same while it lives. */
export interface DialogFacts extends Parties {
  readonly callId: string;
  /** Which chart runs it. */
  readonly machine: 'dialog' | 'subscription';
  /** Call-ID of the call this one comes from (a transfer's new call, a conference's subscription), if known. */
  readonly origin?: { readonly callId: string; readonly why: 'transfer' | 'replaces' | 'conference' };
}

export interface Transition {
  readonly dialog: DialogFacts;
  /** Counts up from 1 for each dialog. */
  readonly seq: number;
  /** Wall clock, ms since the epoch. */
  readonly at: number;
  /** States as dotted paths, regions joined by `|` (`confirmed.media.audio|transfer.idle`); `from` is '' when the dialog begins. */
  readonly from: string;
  readonly to: string;
  /** The event's type (`request.bye`, `response.failure`, `timer.ring`). */
  readonly event: string;
  /** Method or status that caused it, for people: `INVITE`, `180`, `timer ring`. */
  readonly cause: string;
  readonly side?: Side | undefined;
  /** Media as the message carried it, when it did. */
  readonly media?: { readonly audio: string; readonly video: string } | undefined;
  readonly notes: readonly Note[];
  /** Who is called, or was, in place of `to`: the server has followed a 3xx. An AOR as those of the parties. */
  readonly callee?: string | undefined;
  /** Where a 3xx that is followed sends the call on to: AORs, separated by `, `. */
  readonly forwardedTo?: string | undefined;
  /** True when the dialog has reached its final state. */
  readonly done: boolean;
}
