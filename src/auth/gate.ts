// Digest authentication at the door: RFC 3261 §22, RFC 7616, RFC 8760. Decides; does not send.
import { timingSafeEqual } from 'node:crypto';
import { type HeaderLine, headerLine, type SipRequest } from '../sip/message.ts';
import { type Aor, aorOf, parseUri } from '../sip/uri.ts';
import type { Flow } from '../transport/flow.ts';
import { type Algorithm, algorithmOf, expected } from './algorithms.ts';
import { type Credentials, parseCredentials } from './credentials.ts';
import type { Nonces } from './nonces.ts';
import type { Users } from './users.ts';

/** What needs a password: nothing, REGISTER alone, or every request that opens something. */
export type AuthMode = 'open' | 'register' | 'required';

export interface GateSettings {
  modeOf(domain: string): AuthMode;
  /** Offered in this order, the one liked best first. */
  readonly algorithms: readonly Algorithm[];
  /** The realm where a request names no domain of ours. */
  readonly defaultRealm: string;
  isOurDomain(host: string): boolean;
}

export type GateVerdict =
  | { readonly kind: 'pass'; readonly consumed: HeaderLine | undefined }
  | {
      readonly kind: 'refuse';
      readonly status: 401 | 403 | 407;
      readonly headers: HeaderLine[];
      readonly why: string;
    };

const PASS: GateVerdict = { kind: 'pass', consumed: undefined };

export class Gate {
  readonly #settings: GateSettings;
  readonly #users: Users;
  readonly #nonces: Nonces;

  constructor(settings: GateSettings, users: Users, nonces: Nonces) {
    this.#settings = settings;
    this.#users = users;
    this.#nonces = nonces;
  }

  /** A REGISTER: we are its UAS (401). A user registers only its own AOR. */
  register(request: SipRequest, flow: Flow): GateVerdict {
    const owner = parseUri(request.to.uri);
    const realm = this.#realm(owner?.host);
    if (this.#settings.modeOf(realm) === 'open') return PASS;
    return this.#check(request, flow, realm, owner && aorOf(owner), 'authorization', 401);
  }

  /** Any other request that no dialog of ours carries: we are its proxy (407). A user calls only as itself. */
  request(request: SipRequest, flow: Flow): GateVerdict {
    const owner = parseUri(request.from.uri);
    const realm = this.#realm(owner?.host);
    if (this.#settings.modeOf(realm) !== 'required') return PASS;
    return this.#check(request, flow, realm, owner && aorOf(owner), 'proxy-authorization', 407);
  }

  #realm(host: string | undefined): string {
    return host !== undefined && this.#settings.isOurDomain(host) ? host : this.#settings.defaultRealm;
  }

  #check(
    request: SipRequest,
    flow: Flow,
    realm: string,
    owner: Aor | undefined,
    key: 'authorization' | 'proxy-authorization',
    status: 401 | 407,
  ): GateVerdict {
    let stale = false;
    for (const line of request.headers) {
      if (line.key !== key) continue;
      const given = parseCredentials(line.value);
      if (given === undefined || given.realm.toLowerCase() !== realm) continue;
      const verdict = this.#verify(given, request.method, flow, realm);
      if (verdict === 'stale') stale = true;
      if (verdict !== 'good') continue;
      const who = parseUri(`sip:${escaped(given.username)}@${bracketed(realm)}`);
      if (owner === undefined || who === undefined || aorOf(who) !== owner) {
        return { kind: 'refuse', status: 403, headers: [], why: 'not the user it speaks for' };
      }
      return { kind: 'pass', consumed: line };
    }
    return {
      kind: 'refuse',
      status,
      headers: this.#challenges(flow, realm, stale, status),
      why: 'no good credentials',
    };
  }

  #verify(given: Credentials, method: string, flow: Flow, realm: string): 'good' | 'stale' | 'bad' {
    const algorithm = algorithmOf(given.algorithm);
    if (algorithm === undefined || !this.#settings.algorithms.includes(algorithm)) return 'bad';
    if (given.qop !== undefined && (given.qop.toLowerCase() !== 'auth' || !given.nc || !given.cnonce))
      return 'bad';
    const kept = this.#users.secrets(given.username, realm)?.[algorithm];
    // Somebody unknown takes as long as somebody known.
    const wanted = expected(algorithm, kept ?? NOBODY, { ...given, method });
    if (!sameText(wanted, given.response) || kept === undefined) return 'bad';
    // The count is used up only by whoever knew the password.
    const count = given.qop === undefined ? undefined : Number.parseInt(given.nc ?? '', 16);
    const nonce = this.#nonces.check(given.nonce, flow.remoteAddress, realm, count);
    return nonce === 'good' ? 'good' : 'stale';
  }

  /** One challenge for each algorithm (RFC 8760 §2.4). */
  #challenges(flow: Flow, realm: string, stale: boolean, status: 401 | 407): HeaderLine[] {
    const nonce = this.#nonces.make(flow.remoteAddress, realm);
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const mark = stale ? ', stale=true' : '';
    return this.#settings.algorithms.map((algorithm) =>
      headerLine(
        name,
        `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${mark}`,
      ),
    );
  }
}

const NOBODY = '0'.repeat(64);

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Usernames hold what a user part may not; AORs are compared unescaped. */
function escaped(name: string): string {
  return name.replace(/[^\w.!~*'()&=+$,;?/-]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
