// The Record-Route cookie: what the server needs to route a request of a dialog without any state (DESIGN rule 5).
import type { KeyedHash } from './keyed-hash.ts';

/** Where one side of the dialog is reached. */
export interface CookieSide {
  readonly address: string;
  readonly port: number;
  /** True: behind NAT or named otherwise, so the flow itself is used; false: its Contact's port may be followed. */
  readonly exact: boolean;
}

export interface Cookie {
  readonly caller: CookieSide;
  readonly callee: CookieSide;
  /** From tag of the request that opened the dialog, hashed: tells which side sends. */
  readonly callerTag: string;
}

const PREFIX = 'cc1-';

/**
 * Shape: `cc1-CALLER~CALLEE~TAG~MAC`. It stands in the user part of the URI, because strict routers and old phones keep
 * users but may lose parameters.
 */
export class CookieJar {
  readonly #mac: KeyedHash;
  readonly #tag: KeyedHash;

  constructor(mac: KeyedHash, tag: KeyedHash) {
    this.#mac = mac;
    this.#tag = tag;
  }

  tagHash(tag: string | undefined): string {
    return this.#tag(tag ?? '').slice(0, 4);
  }

  seal(callId: string, cookie: Cookie): string {
    const body = `${packSide(cookie.caller)}~${packSide(cookie.callee)}~${cookie.callerTag}`;
    return `${PREFIX}${body}~${this.#mac(`${callId}\0${body}`)}`;
  }

  /** undefined: not ours, forged, or of another call. */
  open(callId: string, user: string | undefined): Cookie | undefined {
    if (user === undefined || !user.startsWith(PREFIX)) return undefined;
    const parts = user.slice(PREFIX.length).split('~');
    if (parts.length !== 4) return undefined;
    const [caller, callee, callerTag, mac] = parts as [string, string, string, string];
    if (this.#mac(`${callId}\0${caller}~${callee}~${callerTag}`) !== mac) return undefined;
    const callerSide = unpackSide(caller);
    const calleeSide = unpackSide(callee);
    if (callerSide === undefined || calleeSide === undefined) return undefined;
    return { caller: callerSide, callee: calleeSide, callerTag };
  }
}

/** `x` exact or `f` followed, port in base 36, `.`, then IPv4 as hex or IPv6 with `_` for `:` (both safe in a user part). */
function packSide(side: CookieSide): string {
  const mark = side.exact ? 'x' : 'f';
  const address = side.address.includes(':') ? side.address.replaceAll(':', '_') : packIpv4(side.address);
  return `${mark}${side.port.toString(36)}.${address}`;
}

function packIpv4(address: string): string {
  let n = 0;
  for (const part of address.split('.')) n = n * 256 + Number(part);
  return n.toString(16).padStart(8, '0');
}

function unpackSide(text: string): CookieSide | undefined {
  const dot = text.indexOf('.');
  if (dot < 2) return undefined;
  const port = Number.parseInt(text.slice(1, dot), 36);
  const packed = text.slice(dot + 1);
  if (packed.includes('_')) return { address: packed.replaceAll('_', ':'), port, exact: text[0] === 'x' };
  const n = Number.parseInt(packed, 16);
  const address = `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
  return { address, port, exact: text[0] === 'x' };
}
