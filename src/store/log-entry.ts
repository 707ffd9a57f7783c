// What is to become of a key: put, appended to or deleted, and what two of these come to.

/**
 * The text that is put; undefined: deleted; a text that begins with the separator is appended to what is there. No JSON
 * text contains one.
 */
export type Entry = string | undefined;

/** In the order they were made. */
export type Entries = Map<string, Entry>;

export const SEPARATOR = '\x1e';

export function isAppended(entry: Entry): boolean {
  return entry?.startsWith(SEPARATOR) === true;
}

/** One entry for both; `then` is the newer one. */
export function joined(first: Entry, then: Entry): Entry {
  if (then === undefined || !isAppended(then)) return then;
  return first === undefined ? then.slice(SEPARATOR.length) : first + then;
}
