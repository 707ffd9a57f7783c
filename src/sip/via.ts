// One Via value, RFC 3261 §20.42: who sent a message hop by hop, and where its answer goes.
import { decimal, is, skipSpace, TOKEN } from './chars.ts';
import { hostEnd, portOf } from './host.ts';
import type { Via } from './message.ts';
import { parseParams } from './params.ts';

/** undefined: malformed. Any protocol version is accepted, so that it can be answered. */
export function parseVia(s: string): Via | undefined {
  let i: number;
  if (s.startsWith('SIP/2.0/')) i = 8;
  else {
    const name = tokenEnd(s, 0);
    const first = skipSpace(s, name);
    const version = skipSpace(s, first + 1);
    const versionEnd = tokenEnd(s, version);
    const second = skipSpace(s, versionEnd);
    if (name === 0 || versionEnd === version || s.charCodeAt(first) !== 0x2f || s.charCodeAt(second) !== 0x2f)
      return undefined;
    i = skipSpace(s, second + 1);
  }
  const transportEnd = tokenEnd(s, i);
  const hostStart = skipSpace(s, transportEnd);
  if (transportEnd === i || hostStart === transportEnd) return undefined;
  const transport = s.slice(i, transportEnd).toUpperCase();
  i = hostEnd(s, hostStart);
  if (i < 0) return undefined;
  const host = s.slice(hostStart, i);
  i = skipSpace(s, i);
  let port: number | undefined;
  if (s.charCodeAt(i) === 0x3a) {
    const from = skipSpace(s, i + 1);
    i = from;
    while (i < s.length && s.charCodeAt(i) >= 0x30 && s.charCodeAt(i) <= 0x39) i++;
    port = portOf(s, from, i);
    if (port === undefined) return undefined;
  }
  const params = parseParams(s, i);
  if (params === undefined) return undefined;
  let branch: string | undefined;
  let received: string | undefined;
  let maddr: string | undefined;
  let rport: number | null | undefined;
  for (const [name, value] of params) {
    if (name === 'branch') branch ??= value;
    else if (name === 'maddr') maddr ??= value;
    // RFC 5118 §4.5: some write brackets here, the grammar has none.
    else if (name === 'received') received ??= value?.startsWith('[') ? value.slice(1, -1) : value;
    else if (name === 'rport') {
      const number = value === undefined ? null : decimal(value);
      if (number === undefined || (number ?? 0) > 65535) return undefined;
      rport ??= number;
    }
  }
  return { transport, host, port, branch, received, rport, maddr, params, raw: s };
}

function tokenEnd(s: string, from: number): number {
  let i = from;
  while (i < s.length && is(TOKEN, s.charCodeAt(i))) i++;
  return i;
}
