// Hosts as they stand in URIs and Vias: names, IPv4, bracketed IPv6 (RFC 3261 §25.1, RFC 5118, RFC 5952).
import { isIPv6 } from 'node:net';
import { decimal, HOST, is } from './chars.ts';

/** Canonical IPv6 text (RFC 5952) of an address without brackets, or undefined. */
export function canonicalIpv6(address: string): string | undefined {
  if (address.length > 50) return undefined;
  // RFC 5118 §4.10: the grammar of RFC 3261 lets three colons stand before an embedded IPv4 address.
  const text = address.replace(/:::(?=\d+\.)/, '::');
  if (text.includes('%') || !isIPv6(text)) return undefined;
  const [head = '', tail] = text.toLowerCase().split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all =
    tail === undefined ? left : [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  let best = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && all[end] === 0) end++;
    if (end - i > length) {
      best = i;
      length = end - i;
    }
    i = Math.max(i, end - 1);
  }
  const hex = all.map((group) => group.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + length).join(':')}`;
}

function groups(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** Lower case, IPv6 canonical and without brackets, names without the root's dot: what can be compared and resolved. */
export function canonicalHost(host: string): string {
  if (isPlainName(host)) return host;
  if (host.startsWith('[') && host.endsWith(']')) return canonicalIpv6(host.slice(1, -1)) ?? host;
  if (host.includes(':')) return canonicalIpv6(host) ?? host;
  const lower = host.toLowerCase();
  return lower.length > 1 && lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** True for most: a name or IPv4 address that is canonical as it stands. */
function isPlainName(host: string): boolean {
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    const plain = (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d;
    if (!plain && (code !== 0x2e || i === host.length - 1)) return false;
  }
  return true;
}

/** Brackets around IPv6, for URIs and Vias. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Index after the host at `from` (IPv6 with its brackets), or -1 when none stands there. */
export function hostEnd(s: string, from: number, to = s.length): number {
  if (from < to && s.charCodeAt(from) === 0x5b) {
    let close = from + 1;
    while (close < to && close - from < 52 && s.charCodeAt(close) !== 0x5d) close++;
    return close < to && close - from < 52 && canonicalIpv6(s.slice(from + 1, close)) !== undefined
      ? close + 1
      : -1;
  }
  let i = from;
  while (i < to && is(HOST, s.charCodeAt(i))) i++;
  return i > from ? i : -1;
}

/** A port of s[from, to): 1 to 65535, or undefined. */
export function portOf(s: string, from: number, to: number): number | undefined {
  const port = decimal(s, from, to);
  return port !== undefined && port > 0 && port < 65536 ? port : undefined;
}
