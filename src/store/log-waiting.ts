// The items of which something is not on the disk yet, in the order in which they were last changed.
import type { JsonWriter } from '../json/json-writer.ts';
import {
  APPENDED,
  DELETED,
  type Entries,
  type Entry,
  NOTHING,
  type Sign,
  signOfBoth,
  textOfBoth,
} from './log-entry.ts';
import type { Item } from './log-item.ts';

/** They are linked with each other: to wait costs neither a table nor an object. */
export class LogWaiting {
  readonly #out: JsonWriter;
  /** Those whose text stands in the writer. */
  #written: Item[] = [];
  size = 0;
  first: Item | undefined = undefined;
  #last: Item | undefined = undefined;

  constructor(out: JsonWriter) {
    this.#out = out;
  }

  /** As the last one. Its text is what was written from there on. */
  set(item: Item, sign: Sign, from: number): void {
    this.#toEnd(item);
    item.sign = sign;
    item.from = from;
    item.to = this.#out.length;
    item.held = undefined;
    this.#written.push(item);
  }

  /** It goes on with what was written from there on. */
  goOn(item: Item, from: number): void {
    const { sign } = item;
    const both = textOfBoth(sign, this.#textOf(item), this.#out.bytes.subarray(from, this.#out.length));
    this.#toEnd(item);
    item.sign = signOfBoth(sign);
    item.held = sign === DELETED ? ownOf(both) : both;
  }

  #toEnd(item: Item): void {
    if (item !== this.#last) {
      if (item.sign === NOTHING) this.size++;
      else this.#unlink(item);
      const last = this.#last;
      item.previous = last;
      if (last === undefined) this.first = item;
      else last.next = item;
      this.#last = item;
    }
  }

  /** As the first one. It does not wait yet. */
  setFirst(item: Item, sign: Sign, text: Buffer): void {
    const { first } = this;
    item.next = first;
    if (first === undefined) this.#last = item;
    else first.previous = item;
    this.first = item;
    this.size++;
    item.sign = sign;
    item.held = text;
  }

  remove(item: Item): void {
    if (item.sign === NOTHING) return;
    this.#unlink(item);
    this.size--;
    item.sign = NOTHING;
    item.held = undefined;
  }

  /** What is written from now on takes the place of what was: whoever still waits needs a text of its own. */
  holdTexts(): void {
    for (const item of this.#written) if (item.sign !== NOTHING) item.held ??= ownOf(this.#textOf(item));
    this.#written.length = 0;
  }

  #textOf(item: Item): Buffer {
    return item.held ?? this.#out.bytes.subarray(item.from, item.to);
  }

  clear(): void {
    for (let item = this.first; item !== undefined; ) {
      const { next } = item;
      item.previous = undefined;
      item.next = undefined;
      item.sign = NOTHING;
      item.held = undefined;
      item = next;
    }
    this.first = undefined;
    this.#last = undefined;
    this.size = 0;
  }

  /** They wait no more: a write carries them. */
  fly(): Entries {
    const entries = new Map<Item, Entry>();
    for (let item = this.first; item !== undefined; item = item.next)
      entries.set(item, { sign: item.sign, text: item.held ?? ownOf(this.#textOf(item)) });
    this.clear();
    return entries;
  }

  /** That write failed: all of it stands before what has changed since, or is one with it. */
  bringBack(flown: Entries): void {
    for (let item = this.first; item !== undefined; item = item.next) {
      const before = flown.get(item);
      if (before === undefined || item.sign !== APPENDED) continue;
      const text = item.held ?? ownOf(this.#textOf(item));
      item.held = textOfBoth(before.sign, before.text, text);
      item.sign = signOfBoth(before.sign);
    }
    for (const [item, { sign, text }] of [...flown].reverse())
      if (item.sign === NOTHING) this.setFirst(item, sign, text);
  }

  addTo(items: Set<Item>): Set<Item> {
    for (let item = this.first; item !== undefined; item = item.next) items.add(item);
    return items;
  }

  /** Of keys and texts. */
  get length(): number {
    let length = 0;
    for (let item = this.first; item !== undefined; item = item.next) length += item.key.length + item.length;
    return length;
  }

  #unlink(item: Item): void {
    const { previous, next } = item;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    item.previous = undefined;
    item.next = undefined;
  }
}

/** For long: a small Buffer of the common kind holds on to the 8 KB from which it was cut. */
function ownOf(text: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(text.length);
  text.copy(own);
  return own;
}
