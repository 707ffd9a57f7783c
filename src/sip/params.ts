// Header parameters (`;name=value`, RFC 3261 §25.1 generic-param).
import { closingQuote, is, lowered, skipSpace, spells, TOKEN } from './chars.ts';

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

/** Where one parameter stands. Reading one makes no object: most are only looked at. */
export class ParamCursor {
  nameFrom = 0;
  nameTo = 0;
  /** -1: there is no `=`. */
  valueFrom = -1;
  valueTo = -1;

  /** Reads the `;name[=value]` at `at`; answers where the next begins (`to`: none does), or -1 when malformed. */
  read(s: string, at: number, to: number): number {
    if (s.charCodeAt(at) !== 0x3b) return -1;
    let i = skipSpace(s, at + 1, to);
    this.nameFrom = i;
    while (i < to && is(TOKEN, s.charCodeAt(i))) i++;
    if (i === this.nameFrom) return -1;
    this.nameTo = i;
    this.valueFrom = -1;
    i = skipSpace(s, i, to);
    if (i >= to || s.charCodeAt(i) !== 0x3d) return i;
    i = skipSpace(s, i + 1, to);
    const end = i < to ? paramValueEnd(s, i, to) : i;
    if (end <= i) return -1;
    this.valueFrom = i;
    this.valueTo = end;
    return skipSpace(s, end, to);
  }

  named(s: string, word: string): boolean {
    return spells(s, this.nameFrom, this.nameTo, word);
  }

  valueIn(s: string): string | undefined {
    return this.valueFrom < 0 ? undefined : s.slice(this.valueFrom, this.valueTo);
  }
}

/** Parses s[from, to): any number of `;name[=value]`, nothing else. undefined when malformed. */
export function parseParams(s: string, from: number, to = s.length): Params | undefined {
  let i = skipSpace(s, from, to);
  if (i >= to) return NO_PARAMS;
  const cursor = new ParamCursor();
  const params: [string, string | undefined][] = [];
  while (i < to) {
    if (params.length >= MAX_PARAMS) return undefined;
    i = cursor.read(s, i, to);
    if (i < 0) return undefined;
    params.push([lowered(s, cursor.nameFrom, cursor.nameTo), cursor.valueIn(s)]);
  }
  return params;
}

function paramValueEnd(s: string, from: number, to: number): number {
  if (s.charCodeAt(from) === 0x22) return closingQuote(s, from, to) + 1;
  let i = from;
  for (; i < to; i++) {
    const code = s.charCodeAt(i);
    if (code <= 0x20 || code === 0x3b || code === 0x2c || code === 0x22 || code === 0x7f) break;
  }
  return i;
}
