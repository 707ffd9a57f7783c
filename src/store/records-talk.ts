// What the server and the thread with the records' file say to each other.
import type { Found, PastPage, PastQuery, Retention } from './records-table.ts';

/** What the thread is started with. */
export interface ThreadData {
  readonly path: string;
  readonly retention: Retention;
  readonly isForPower: boolean;
}

export interface Asks {
  readonly past: { readonly of: PastQuery; readonly gives: PastPage };
  readonly find: { readonly of: string; readonly gives: Found };
}

export type ToThread =
  /** `lines`: one StoredCall as JSON on each. */
  | { readonly do: 'store'; readonly batch: number; readonly lines: string }
  | { readonly do: 'ask'; readonly number: number; readonly what: keyof Asks; readonly of: unknown }
  /** Nothing is to be stored: can the file be used by now? */
  | { readonly do: 'try' }
  | { readonly do: 'close' };

export type FromThread =
  /** The file was tried; what is wrong with it is said in words. */
  | { readonly said: 'ready'; readonly problem: string | undefined; readonly isNewer: boolean }
  | { readonly said: 'tried'; readonly problem: string | undefined }
  /** `broken`: lines that were no call. */
  | { readonly said: 'stored'; readonly batch: number; readonly broken: number }
  | { readonly said: 'failed'; readonly batch: number; readonly problem: string }
  /** The file was put aside; the new one is tried with what was to be done, and of that is said more. */
  | { readonly said: 'damaged'; readonly problem: string }
  | { readonly said: 'answer'; readonly number: number; readonly answer: unknown }
  | { readonly said: 'no answer'; readonly number: number; readonly problem: string };
