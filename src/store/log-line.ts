// How one entry of the live log stands in its file: a line that can be read by eye and checked by its CRC.
import { isAscii } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { writeNumber } from '../json/bytes.ts';
import { APPENDED, DELETED, NOTHING, PUT, type Sign } from './log-entry.ts';
import type { Item } from './log-item.ts';

/**
 * `7f3a91c0 1234 + b:sip:alice@example.org {"contact":...}` puts, `0c55e1aa 1235 - b:sip:alice@example.org` deletes,
 * `51b2d07e 1236 &1234 b:sip:alice@example.org {"expires":...}` appends to what line 1234 made of the key (0: nothing).
 * So of a line that was written twice one counts, and none whose predecessor is lost. The CRC-32 is of all that stands between the space behind it and the newline. An empty line ends what was written at once.
 */
export const FORMAT_VERSION = 3;
/** Since then a batch has an end. Version 3 has other texts in its lines, which an older Callchart would misread. */
export const BATCHES_SINCE = 2;

const NAME = 'callchart-live-log';
export const NEWLINE = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const CRC_LENGTH = 8;
const MOST_PLAIN = 0x7f;
/** Of one char of a string, in UTF-8. */
const MOST_OF_CHAR = 3;
/** CRC, two numbers, sign, spaces and newline. */
const MOST_BESIDE = 64;
const PIECE = 256 * 1024;
const HEX = Buffer.from('0123456789abcdef');
const VALUES = new Int8Array(256).fill(-1);
for (const [value, char] of HEX.entries()) VALUES[char] = value;

/** All but visible ASCII and well-formed letters beyond it: what would end a field, or not come back from UTF-8. */
const UNSAFE = /[^!-$&-~\u00a0-\ud7ff\ue000-\uffff]/;
const EVERY_UNSAFE = new RegExp(UNSAFE, 'g');

/** The first line of every segment, in every version to come. */
export function headerOf(version: number): string {
  return `00000000 ${NAME} ${version}\n`;
}

/** A key as it stands in a line. */
export function nameOf(key: string): string {
  return UNSAFE.test(key) ? key.replace(EVERY_UNSAFE, escaped) : key;
}

/** What `writeLine` needs at most. */
export function mostBytesOf({ name, length }: Item): number {
  return MOST_BESIDE + MOST_OF_CHAR * name.length + length;
}

/**
 * Writes the line that says what becomes of the item, and answers where it ends. There is room for it. `texts`: where its
 * text stands if it has none of its own.
 */
export function writeLine(bytes: Buffer, start: number, seq: number, item: Item, texts: Buffer): number {
  const { sign } = item;
  let at = start + CRC_LENGTH;
  bytes[at++] = SPACE;
  at = writeNumber(bytes, at, seq);
  bytes[at++] = SPACE;
  bytes[at++] = sign;
  if (sign === APPENDED) at = writeNumber(bytes, at, item.newestSeq);
  bytes[at++] = SPACE;
  at = writeName(bytes, at, item.name);
  if (sign !== DELETED) {
    bytes[at++] = SPACE;
    if (item.held === undefined) at += texts.copy(bytes, at, item.from, item.to);
    else at += item.held.copy(bytes, at);
  }
  bytes[at++] = NEWLINE;
  seal(bytes, start, at);
  return at;
}

/** As UTF-8. Most are short and plain ASCII: that is written sooner than another language is called for it. */
function writeName(bytes: Buffer, start: number, name: string): number {
  const { length } = name;
  for (let i = 0; i < length; i++) {
    const code = name.charCodeAt(i);
    if (code > MOST_PLAIN) return start + bytes.write(name, start, 'utf8');
    bytes[start + i] = code;
  }
  return start + length;
}

/** Writes the CRC into a line that stands in bytes; `end` is behind its newline. */
export function seal(bytes: Buffer, start: number, end: number): void {
  let crc = crc32(bytes.subarray(start + CRC_LENGTH + 1, end - 1));
  for (let at = start + CRC_LENGTH - 1; at >= start; at--) {
    bytes[at] = HEX[crc & 15] ?? 0;
    crc >>>= 4;
  }
}

function isWhole(bytes: Buffer, start: number, end: number): boolean {
  if (end - start <= CRC_LENGTH || bytes[start + CRC_LENGTH] !== SPACE) return false;
  let crc = 0;
  for (let at = start; at < start + CRC_LENGTH; at++) {
    const value = VALUES[bytes[at] ?? 0] ?? -1;
    if (value < 0) return false;
    crc = crc * 16 + value;
  }
  return crc32(bytes.subarray(start + CRC_LENGTH + 1, end)) === crc;
}

/** The version a header tells, undefined when this is no whole header. `end` is at the newline. */
export function versionIn(bytes: Buffer, start: number, end: number): number | undefined {
  if (end - start > 64 || !isWhole(bytes, start, end)) return undefined;
  const [name, version] = bytes.toString('latin1', start + CRC_LENGTH + 1, end).split(' ');
  return name === NAME && /^\d+$/.test(version ?? '') ? Number(version) : undefined;
}

/** Reads line after line into the same fields: a start reads a hundred thousand. */
export class LineReader {
  seq = 0;
  key = '';
  sign: Sign = NOTHING;
  /** The line that an appended one follows. */
  after = 0;
  #at = 0;
  #textAt = 0;
  #piece = '';
  #pieceOf: Buffer | undefined;
  #pieceFrom = 0;

  /** False: no whole line of ours stands there. `end` is at the newline. */
  read(bytes: Buffer, start: number, end: number): boolean {
    if (!isWhole(bytes, start, end)) return false;
    this.#at = start + CRC_LENGTH + 1;
    this.seq = this.#number(bytes, end);
    const sign = bytes[this.#at++];
    if (sign !== PUT && sign !== APPENDED && sign !== DELETED) return false;
    this.after = this.#number(bytes, end);
    if (this.#at > end) return false;
    const keyEnd = sign === DELETED ? end : bytes.indexOf(SPACE, this.#at);
    if (keyEnd < 0 || keyEnd > end) return false;
    const key = bytes.toString('utf8', this.#at, keyEnd);
    this.key = key.includes('%') ? key.replace(/%([0-9a-f]{4})/g, unescaped) : key;
    this.sign = sign;
    this.#textAt = keyEnd + 1;
    return true;
  }

  /** Goes on behind the space that ends it; where no number ends, behind the line. */
  #number(bytes: Buffer, end: number): number {
    let number = 0;
    for (; this.#at < end; this.#at++) {
      const digit = (bytes[this.#at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    this.#at = bytes[this.#at] === SPACE ? this.#at + 1 : end + 1;
    return number;
  }

  /**
   * The text of the line that was read last, cut out of a longer string: a hundred thousand strings of their own are a
   * second of garbage collection. The long ones go when the texts go.
   */
  text(bytes: Buffer, end: number): string {
    const at = this.#textAt;
    if (bytes !== this.#pieceOf || end > this.#pieceFrom + this.#piece.length) this.#cutFrom(bytes, at);
    const from = at - this.#pieceFrom;
    const to = end - this.#pieceFrom;
    return from >= 0 && to <= this.#piece.length
      ? this.#piece.substring(from, to)
      : bytes.toString('utf8', at, end);
  }

  /** Only where each byte is one char. */
  #cutFrom(bytes: Buffer, at: number): void {
    if (bytes === this.#pieceOf && at < this.#pieceFrom) return;
    const piece = bytes.subarray(at, at + PIECE);
    const isPlain = isAscii(piece);
    this.#piece = isPlain ? piece.toString('latin1') : '';
    this.#pieceOf = bytes;
    // a piece that is not plain is passed over as a whole
    this.#pieceFrom = isPlain ? at : at + piece.length;
  }
}

export function newlineFrom(bytes: Buffer, start: number): number {
  return bytes.indexOf(NEWLINE, start);
}

function escaped(char: string): string {
  return `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function unescaped(_all: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}
