// Header parameters (`;name=value`, RFC 3261 §25.1 generic-param).
import { closingQuote, is, skipSpace, TOKEN } from './chars.ts';

/** Names in lower case, values as written (quotes included), undefined when there is no `=`. */
export type Params = ReadonlyArray<readonly [name: string, value: string | undefined]>;

/** A value with more parameters than this is malformed to us: comparing two long lists would take quadratic time. */
export const MAX_PARAMS = 100;

export const NO_PARAMS: Params = [];

/** The value of the first parameter of that name: null when it stands there without a value, undefined when absent. */
export function param(params: Params, name: string): string | null | undefined {
  for (const [key, value] of params) if (key === name) return value ?? null;
  return undefined;
}

/** Parses s[from..]: any number of `;name[=value]`, nothing else. undefined when malformed. */
export function parseParams(s: string, from: number): Params | undefined {
  let i = skipSpace(s, from);
  if (i >= s.length) return NO_PARAMS;
  const params: [string, string | undefined][] = [];
  while (i < s.length) {
    if (s.charCodeAt(i) !== 0x3b || params.length >= MAX_PARAMS) return undefined;
    i = skipSpace(s, i + 1);
    const start = i;
    while (i < s.length && is(TOKEN, s.charCodeAt(i))) i++;
    if (i === start) return undefined;
    const name = s.slice(start, i).toLowerCase();
    i = skipSpace(s, i);
    if (s.charCodeAt(i) !== 0x3d) {
      params.push([name, undefined]);
      continue;
    }
    i = skipSpace(s, i + 1);
    const end = paramValueEnd(s, i);
    if (end <= i) return undefined;
    params.push([name, s.slice(i, end)]);
    i = skipSpace(s, end);
  }
  return params;
}

function paramValueEnd(s: string, from: number): number {
  if (s.charCodeAt(from) === 0x22) return closingQuote(s, from) + 1;
  let i = from;
  for (; i < s.length; i++) {
    const code = s.charCodeAt(i);
    if (code <= 0x20 || code === 0x3b || code === 0x2c || code === 0x22 || code === 0x7f) break;
  }
  return i;
}
