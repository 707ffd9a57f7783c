// JSON written piece by piece into one buffer, as UTF-8: put together of strings it would be copied several times over.
import { GrowingBytes, MOST_DIGITS, writeNumber } from './bytes.ts';

const ROOM = 16 * 1024;
/** Chars that are written one by one sooner than another language is called for them. */
const FEW = 48;
/** Of one char of a string, in UTF-8. */
const MOST_OF_CHAR = 3;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;

/** By char: PLAIN stands as it is, ODD is left to JSON.stringify, anything else stands behind a backslash. */
const PLAIN = 0;
const ODD = 1;
const ESCAPES = new Uint8Array(128).fill(ODD, 0, 32);
for (const [char, letter] of ['""', '\\\\', '\nn', '\rr', '\tt'])
  ESCAPES[(char as string).charCodeAt(0)] = (letter as string).charCodeAt(0);

export class JsonWriter extends GrowingBytes {
  constructor() {
    super(ROOM);
  }

  /** Words of our own: plain ASCII that says what it says. */
  plain(text: string): void {
    const { length } = text;
    this.makeRoom(length);
    const { bytes, length: start } = this;
    if (length > FEW) bytes.write(text, start, 'latin1');
    else for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i);
    this.length = start + length;
  }

  /** A string, whatever is in it. */
  quoted(text: string): void {
    const { length } = text;
    this.makeRoom(2 * length + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      const mark = code < ESCAPES.length ? ESCAPES[code] : ODD;
      if (mark === PLAIN) bytes[at++] = code;
      else if (mark === ODD) {
        this.value(text);
        return;
      } else {
        bytes[at++] = BACKSLASH;
        bytes[at++] = mark as number;
      }
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  number(value: number): void {
    this.makeRoom(MOST_DIGITS);
    this.length = writeNumber(this.bytes, this.length, value);
  }

  /** As JSON.stringify has it. */
  value(value: unknown): void {
    this.json(JSON.stringify(value));
  }

  /** What is JSON already. */
  json(text: string): void {
    this.makeRoom(MOST_OF_CHAR * text.length);
    this.length += this.bytes.write(text, this.length, 'utf8');
  }

  /** Of an object each field of which was written with a comma behind it. */
  endObject(): void {
    this.makeRoom(1);
    if (this.bytes[this.length - 1] === COMMA) this.length--;
    this.bytes[this.length++] = BRACE;
  }

  override toString(): string {
    return this.bytes.toString('utf8', 0, this.length);
  }
}
