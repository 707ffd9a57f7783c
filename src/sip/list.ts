// Where the values of a comma-separated header begin and end, quotes and angle brackets respected.
import { closingQuote, trimmed } from './chars.ts';

/** Index of the comma that ends the value starting at `from`, or `to`. Open quotes reach to the end. */
export function valueEnd(s: string, from: number, to = s.length): number {
  let inAngle = false;
  for (let i = from; i < to; i++) {
    switch (s.charCodeAt(i)) {
      case 0x22: {
        const close = closingQuote(s, i, to);
        if (close < 0) return to;
        i = close;
        break;
      }
      case 0x3c:
        inAngle = true;
        break;
      case 0x3e:
        inAngle = false;
        break;
      case 0x2c:
        if (!inAngle) return i;
        break;
    }
  }
  return to;
}

/** The values of a comma-separated header, trimmed; empty ones are left out. Linear in the length. */
export function splitList(s: string): string[] {
  if (!s.includes(',')) {
    const value = trimmed(s);
    return value === '' ? [] : [value];
  }
  const values: string[] = [];
  for (let from = 0; from <= s.length; ) {
    const end = valueEnd(s, from);
    const value = trimmed(s, from, end);
    if (value !== '') values.push(value);
    from = end + 1;
  }
  return values;
}

/** The first value that is not empty, or undefined. */
export function firstOfList(s: string): string | undefined {
  if (!s.includes(',')) return s === '' ? undefined : s;
  for (let from = 0; from <= s.length; ) {
    const end = valueEnd(s, from);
    const value = trimmed(s, from, end);
    if (value !== '') return value;
    from = end + 1;
  }
  return undefined;
}
