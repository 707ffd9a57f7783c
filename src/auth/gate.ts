// Digest authentication at the door: RFC 3261 §22, RFC 7616, RFC 8760. Decides; does not send.
import { timingSafeEqual } from 'node:crypto';
import { bracketed } from '../sip/host.ts';
import { type HeaderLine, headerLine, type SipRequest, text } from '../sip/message.ts';
import { type Aor, aorOf, parseUri, type SipUri } from '../sip/uri.ts';
import type { Flow } from '../transport/flow.ts';
import { type Algorithm, algorithmOf, expected } from './algorithms.ts';
import { type Credentials, parseCredentials } from './credentials.ts';
import type { Nonces } from './nonces.ts';
import type { UserAgents } from './user-agents.ts';
import type { Users } from './users.ts';
import type { WrongPasswords } from './wrong-passwords.ts';

/** What needs a password: nothing, REGISTER alone, or every request that opens something. */
export type AuthMode = 'open' | 'register' | 'required';

export interface GateSettings {
  /** Of a domain of ours; undefined: of all that concerns none. */
  modeOf(domain: string | undefined): AuthMode;
  /** Offered in this order, the one liked best first. */
  readonly algorithms: readonly Algorithm[];
  /** Words of User-Agents that give up where anything but MD5 is offered, even beside it. */
  readonly md5Only: UserAgents;
  /** The realm of who names no domain of ours. */
  defaultRealm(): string;
  isOurDomain(host: string): boolean;
  /** Whose requests need no password, unless they register. */
  isTrusted(address: string): boolean;
}

export type GateVerdict =
  /** No password is needed here. */
  | 'open'
  /** None is needed from there. */
  | 'trusted'
  /** The password was right; `consumed` is the line that proved it. */
  | { readonly consumed: HeaderLine }
  | { readonly status: 401 | 403 | 407; readonly headers: HeaderLine[]; readonly phrase?: string };

type CredentialKey = 'authorization' | 'proxy-authorization';

/** Lines of one realm that are looked at: each costs hashes, and no client sends more. */
const MOST_LINES = 4;

export class Gate {
  readonly #settings: GateSettings;
  readonly #users: Users;
  readonly #nonces: Nonces;
  readonly #wrong: WrongPasswords;

  constructor(settings: GateSettings, users: Users, nonces: Nonces, wrong: WrongPasswords) {
    this.#settings = settings;
    this.#users = users;
    this.#nonces = nonces;
    this.#wrong = wrong;
  }

  /** A REGISTER: we are its UAS (401). A user registers only its own AOR, whoever says so in From. */
  register(request: SipRequest, flow: Flow): GateVerdict {
    const owner = parseUri(request.to.uri);
    const domain = this.#ours(owner);
    if (this.#settings.modeOf(domain) === 'open') return 'open';
    return this.#check(request, flow, domain, owner && aorOf(owner), 'authorization', 401);
  }

  /**
   * Any other request that no dialog of ours carries: we are its proxy (407). It needs a password when the domain it
   * claims to come from or the one it goes to (`target`) says so. A user calls only as itself.
   */
  request(request: SipRequest, target: SipUri | undefined, flow: Flow): GateVerdict {
    const owner = parseUri(request.from.uri);
    const domain = this.#ours(owner);
    const { modeOf } = this.#settings;
    if (modeOf(domain) !== 'required' && modeOf(this.#ours(target)) !== 'required') return 'open';
    if (this.trusts(flow)) return 'trusted';
    // RFC 3323 §4.1.1.3: who hides its name takes nobody else's.
    const self = owner?.host === 'anonymous.invalid' ? 'anyone' : owner && aorOf(owner);
    return this.#check(request, flow, domain, self, 'proxy-authorization', 407);
  }

  trusts(flow: Flow): boolean {
    return this.#settings.isTrusted(flow.remoteAddress);
  }

  /** Whoever was let in for the request's own target: would it be asked for a password for this one? */
  asksMoreFor(request: SipRequest, target: SipUri | undefined): boolean {
    const asks = (uri: SipUri | undefined) => this.#settings.modeOf(this.#ours(uri)) === 'required';
    return asks(target) && !asks(parseUri(request.from.uri)) && !asks(parseUri(request.uri));
  }

  /** RFC 3261 §22.3: credentials for our realms are ours alone. An ACK and a BYE carry them as well (§22.1). */
  strip(request: SipRequest): void {
    if (!request.has('proxy-authorization')) return;
    request.headers = request.headers.filter((line) => {
      if (line.key !== 'proxy-authorization') return true;
      const realm = parseCredentials(line.value)?.realm.toLowerCase();
      return realm === undefined || (realm !== this.#realm(undefined) && !this.#settings.isOurDomain(realm));
    });
  }

  #ours(uri: SipUri | undefined): string | undefined {
    return uri !== undefined && this.#settings.isOurDomain(uri.host) ? uri.host : undefined;
  }

  #realm(domain: string | undefined): string {
    return domain ?? this.#settings.defaultRealm();
  }

  #check(
    request: SipRequest,
    flow: Flow,
    domain: string | undefined,
    owner: Aor | 'anyone' | undefined,
    key: CredentialKey,
    status: 401 | 407,
  ): GateVerdict {
    const realm = this.#realm(domain);
    let stale = false;
    let wrong = false;
    let looked = 0;
    for (const line of request.headers) {
      if (line.key !== key) continue;
      if (++looked > MOST_LINES) break;
      const given = parseCredentials(line.value);
      if (given === undefined || given.realm.toLowerCase() !== realm) continue;
      const verdict = this.#verify(given, request.method, flow, realm);
      if (verdict === 'stale') stale = true;
      if (verdict === 'bad') wrong = true;
      if (verdict !== 'good') continue;
      if (owner !== 'anyone' && owner !== aorOfUser(given.username, realm)) {
        return { status: 403, headers: [], phrase: 'Not Your Own Address' };
      }
      return { consumed: line };
    }
    if (wrong) this.#wrong.note(flow.remoteAddress, text(owner ?? request.to.uri));
    return { status, headers: this.#challenges(request, flow, realm, stale, status) };
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
    return this.#nonces.check(given.nonce, flow.remoteAddress, realm, count) ? 'good' : 'stale';
  }

  /** One challenge for each algorithm (RFC 8760 §2.4). */
  #challenges(
    request: SipRequest,
    flow: Flow,
    realm: string,
    stale: boolean,
    status: 401 | 407,
  ): HeaderLine[] {
    const { algorithms, md5Only } = this.#settings;
    const nonce = this.#nonces.make(flow.remoteAddress, realm);
    const name = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    const mark = stale ? ', stale=true' : '';
    const simple = algorithms.includes('MD5') && md5Only.includes(request.first('user-agent'));
    return (simple ? MD5_ALONE : algorithms).map((algorithm) =>
      headerLine(
        name,
        `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${mark}`,
      ),
    );
  }
}

const MD5_ALONE: readonly Algorithm[] = ['MD5'];
const NOBODY = '0'.repeat(64);

/** Compares in a time that tells nothing of where they differ. */
export function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** Usernames hold what a user part may not: AORs are compared unescaped. */
function aorOfUser(name: string, realm: string): Aor | undefined {
  const user = name.replace(
    /[^\w.!~*'()&=+$,;?/-]/g,
    (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  const uri = parseUri(`sip:${user}@${bracketed(realm)}`);
  return uri && aorOf(uri);
}
