// What is to become of a key: put, appended to or deleted, and what two of these come to.

export interface Entry {
  /** undefined: deleted. */
  readonly text: string | undefined;
  /** It goes on behind what is there of the key. */
  readonly isAppended: boolean;
}

/** In the order they were made. */
export type Entries = Map<string, Entry>;

/** What was appended stands behind one. No JSON text contains it. */
export const SEPARATOR = '\x1e';

export const DELETED: Entry = { text: undefined, isAppended: false };

/** One entry for both; `then` is the newer one. undefined: there is no other. */
export function joined(first: Entry | undefined, then: Entry): Entry {
  if (first === undefined || !then.isAppended) return then;
  if (first.text === undefined) return { text: then.text, isAppended: false };
  return { text: `${first.text}${SEPARATOR}${then.text}`, isAppended: first.isAppended };
}
