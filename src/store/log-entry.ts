// What is to become of an item: put, appended to or deleted, and what two of these come to.
import type { Item } from './log-item.ts';

/** As they stand in a line. */
export const PUT = 0x2b;
/** It goes on behind what there is of the item. */
export const APPENDED = 0x26;
export const DELETED = 0x2d;
export const NOTHING = 0;

export type Sign = typeof PUT | typeof APPENDED | typeof DELETED | typeof NOTHING;

export interface Entry {
  readonly sign: Sign;
  /** Empty for a deletion. */
  readonly text: Buffer;
}

/** In the order they were made. */
export type Entries = ReadonlyMap<Item, Entry>;

/** What was appended stands behind one. No JSON text contains it. */
export const SEPARATOR = '\x1e';
const BETWEEN = Buffer.from(SEPARATOR);

/** What an append behind this comes to: with what is deleted or not there it has nothing to go on from. */
export function signOfBoth(first: Sign): Sign {
  return first === DELETED ? PUT : first;
}

export function textOfBoth(first: Sign, text: Buffer, then: Buffer): Buffer {
  if (first === DELETED) return then;
  const both = Buffer.allocUnsafeSlow(text.length + BETWEEN.length + then.length);
  text.copy(both);
  BETWEEN.copy(both, text.length);
  then.copy(both, text.length + BETWEEN.length);
  return both;
}
