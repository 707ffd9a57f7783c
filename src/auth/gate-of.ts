// The gate that a configuration asks for.
import type { Config } from '../config/config.ts';
import type { Domains } from '../routing/domains.ts';
import { keyedHash } from '../routing/keyed-hash.ts';
import { Gate } from './gate.ts';
import { Nonces } from './nonces.ts';
import { UserAgents } from './user-agents.ts';
import type { Users } from './users.ts';

export interface GateParts {
  readonly auth: Config['auth'];
  /** The first is the realm of those who name none of ours. */
  readonly ownDomains: readonly string[];
  readonly domains: Domains;
  readonly users: Users;
  /** Secret. */
  readonly key: string;
  readonly newSalt: () => string;
  readonly wall: () => number;
}

/** Used nonces that are watched at once: some 200 bytes each. */
const NONCES = 100_000;

/** undefined: nothing needs a password. */
export function gateOf({
  auth,
  ownDomains,
  domains,
  users,
  key,
  newSalt,
  wall,
}: GateParts): Gate | undefined {
  const modes = new Map(Object.entries(auth.domains));
  if (auth.mode === 'open' && [...modes.values()].every((mode) => mode === 'open')) return undefined;
  const nonces = new Nonces({
    mac: keyedHash(key, 'nonce', 22),
    newSalt,
    wall,
    life: auth.nonceLife,
    max: NONCES,
  });
  const settings = {
    modeOf: (domain: string | undefined) =>
      (domain === undefined ? undefined : modes.get(domain)) ?? auth.mode,
    algorithms: auth.algorithms,
    md5Only: new UserAgents(auth.md5Only),
    defaultRealm: () => ownDomains[0] ?? domains.names[0] ?? 'callchart',
    isOurDomain: (host: string) => domains.isOurs({ host, port: undefined }),
  };
  return new Gate(settings, users, nonces);
}
