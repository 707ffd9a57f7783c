// Character classes of RFC 3261 §25.1 over one-char-per-byte strings, and the scans built on them.

export const TOKEN = 1;
export const USER = 2;
export const HOST = 4;
export const URI = 8;
export const DIGIT = 16;
export const HEX = 32;
const UPPER = 64;

const classes = new Uint8Array(256);

function mark(flag: number, chars: string): void {
  for (let i = 0; i < chars.length; i++)
    classes[chars.charCodeAt(i)] = (classes[chars.charCodeAt(i)] ?? 0) | flag;
}

const digits = '0123456789';
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
mark(TOKEN, `${digits}${letters}-.!%*_+\`'~`);
// Underscores stand in real host names, whatever RFC 3261 says.
mark(HOST, `${digits}${letters}-._`);
mark(UPPER, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ');
mark(DIGIT, digits);
mark(HEX, `${digits}abcdefABCDEF`);
// Deviation: phones write `#`, `|`, UTF-8 and the like unescaped in user parts; only what could end the URI is refused.
for (let c = 0x21; c < 0x100; c++) {
  if (c === 0x7f || c === 0x3c || c === 0x3e || c === 0x22) continue;
  classes[c] = (classes[c] ?? 0) | URI;
  if (c !== 0x40 && c !== 0x3a) classes[c] = (classes[c] ?? 0) | USER;
}

export function is(flag: number, code: number): boolean {
  return ((classes[code] ?? 0) & flag) !== 0;
}

/** True when s[from, to) is not empty and every char is of the class. */
export function allOf(flag: number, s: string, from = 0, to = s.length): boolean {
  for (let i = from; i < to; i++) if (((classes[s.charCodeAt(i)] ?? 0) & flag) === 0) return false;
  return to > from;
}

/** Like allOf, and every `%` is followed by two hex digits. An empty range is fine. */
export function escapedAllOf(flag: number, s: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = s.charCodeAt(i);
    if (((classes[code] ?? 0) & flag) === 0) return false;
    if (code === 0x25) {
      if (i + 2 >= to || !is(HEX, s.charCodeAt(i + 1)) || !is(HEX, s.charCodeAt(i + 2))) return false;
    }
  }
  return true;
}

/** Space, tab, and the line ends of a fold. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === 0x0a;
}

/** First index at or after `from` that is no white space. */
export function skipSpace(s: string, from: number, to = s.length): number {
  let i = from;
  while (i < to && isSpace(s.charCodeAt(i))) i++;
  return i;
}

/** s[from, to) without white space at its ends. String.trim would eat 0xA0, which ends many a UTF-8 letter. */
export function trimmed(s: string, from = 0, to = s.length): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(s.charCodeAt(start))) start++;
  while (end > start && isSpace(s.charCodeAt(end - 1))) end--;
  return s.slice(start, end);
}

/** s[from, to) in lower case. Most text is: it costs no more than its slice. */
export function lowered(s: string, from: number, to: number): string {
  for (let i = from; i < to; i++) if (is(UPPER, s.charCodeAt(i))) return s.slice(from, to).toLowerCase();
  return s.slice(from, to);
}

/** Is s[from, to) that word, in whatever case? `word`: lower-case letters alone. */
export function spells(s: string, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i++)
    if ((s.charCodeAt(from + i) | 0x20) !== word.charCodeAt(i)) return false;
  return true;
}

/** Index before `to` of the quote that closes the one at `open`, or -1. */
export function closingQuote(s: string, open: number, to = s.length): number {
  for (let i = open + 1; i < to; i++) {
    const code = s.charCodeAt(i);
    if (code === 0x5c) i++;
    else if (code === 0x22) return i;
  }
  return -1;
}

/** A decimal number of at most ten digits, or undefined. */
export function decimal(s: string, from = 0, to = s.length): number | undefined {
  let start = from;
  while (start < to - 1 && s.charCodeAt(start) === 0x30) start++;
  if (to - start > 10 || to <= from) return undefined;
  let n = 0;
  for (let i = start; i < to; i++) {
    const digit = s.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    n = n * 10 + digit;
  }
  return n;
}
