// The gate that a configuration asks for.
import type { Config } from '../config/config.ts';
import type { Domains } from '../routing/domains.ts';
import { networksOf } from '../routing/networks.ts';
import { Gate } from './gate.ts';
import type { Nonces } from './nonces.ts';
import { UserAgents } from './user-agents.ts';
import type { Users } from './users.ts';
import type { WrongPasswords } from './wrong-passwords.ts';

export interface GateParts {
  readonly auth: Config['auth'];
  /** The first is the realm of those who name none of ours. */
  readonly ownDomains: readonly string[];
  readonly domains: Domains;
  readonly users: Users;
  readonly nonces: Nonces;
  readonly wrongPasswords: WrongPasswords;
}

/** undefined: nothing needs a password. */
export function gateOf(parts: GateParts): Gate | undefined {
  const { auth, ownDomains, domains, users, nonces, wrongPasswords } = parts;
  const modes = new Map(Object.entries(auth.domains));
  if (auth.mode === 'open' && [...modes.values()].every((mode) => mode === 'open')) return undefined;
  const trusted = networksOf(auth.trusted);
  const settings = {
    modeOf: (domain: string | undefined) =>
      (domain === undefined ? undefined : modes.get(domain)) ?? auth.mode,
    algorithms: auth.algorithms,
    md5Only: new UserAgents(auth.md5Only),
    defaultRealm: () => ownDomains[0] ?? domains.names[0] ?? 'callchart',
    isOurDomain: (host: string) => domains.isOurs({ host, port: undefined }),
    isTrusted: (address: string) => trusted?.includes(address) ?? false,
  };
  return new Gate(settings, users, nonces, wrongPasswords);
}
