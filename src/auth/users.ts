// Who may authenticate: the users of the configuration and those of the users file, by name and realm.
import { ALGORITHMS, type Algorithm, ha1 } from './algorithms.ts';
import type { UserLine } from './users-file.ts';

/** HA1 by algorithm: a user added before an algorithm was served has none for it. */
export type Secrets = Readonly<Partial<Record<Algorithm, string>>>;

/** A user of the configuration; `name` and `password` are text for people. */
export interface ConfiguredUser {
  readonly user: string;
  /** undefined: a user of every realm. */
  readonly domain?: string | undefined;
  readonly password?: string | undefined;
  readonly ha1s?: { readonly [algorithm in Algorithm]?: string | undefined } | undefined;
}

/** Realms for which the secrets of a user without domain are kept; there are as many as domains of ours. */
const MOST_REALMS = 1000;

export class Users {
  readonly #configured = new Map<string, Secrets>();
  /** Passwords of users of every realm. */
  readonly #everywhere = new Map<string, string>();
  readonly #derived = new Map<string, Secrets>();
  #filed = new Map<string, Secrets>();

  constructor(configured: readonly ConfiguredUser[] = []) {
    for (const { user, domain, password, ha1s } of configured) {
      const name = wire(user);
      if (password === undefined) this.#configured.set(key(name, domain ?? ''), definedOnly(ha1s ?? {}));
      else if (domain === undefined) this.#everywhere.set(name, wire(password));
      else this.#configured.set(key(name, domain), secretsOf(name, domain, wire(password)));
    }
  }

  /** Replaces what the users file held before. */
  file(lines: readonly UserLine[]): void {
    this.#filed = new Map(lines.map(({ name, realm, secrets }) => [key(name, realm), secrets]));
  }

  get size(): number {
    return this.#configured.size + this.#everywhere.size + this.#filed.size;
  }

  /** `name` as wire bytes, `realm` in lower case. The configuration goes before the file. */
  secrets(name: string, realm: string): Secrets | undefined {
    const at = key(name, realm);
    return this.#configured.get(at) ?? this.#filed.get(at) ?? this.#derive(name, realm, at);
  }

  #derive(name: string, realm: string, at: string): Secrets | undefined {
    const password = this.#everywhere.get(name);
    if (password === undefined) return undefined;
    const known = this.#derived.get(at);
    if (known !== undefined) return known;
    const secrets = secretsOf(name, realm, password);
    if (this.#derived.size >= this.#everywhere.size * MOST_REALMS) this.#derived.clear();
    this.#derived.set(at, secrets);
    return secrets;
  }
}

/** All three as wire bytes. */
export function secretsOf(name: string, realm: string, password: string): Required<Secrets> {
  const of = (algorithm: Algorithm) => ha1(algorithm, name, realm, password);
  return { 'SHA-512-256': of('SHA-512-256'), 'SHA-256': of('SHA-256'), MD5: of('MD5') };
}

/** Text as the bytes it has on the wire, one char each. */
export function wire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function definedOnly(ha1s: NonNullable<ConfiguredUser['ha1s']>): Secrets {
  return Object.fromEntries(
    ALGORITHMS.flatMap((algorithm) => {
      const digest = ha1s[algorithm];
      return digest === undefined ? [] : [[algorithm, digest]];
    }),
  );
}

function key(name: string, realm: string): string {
  return `${name}\0${realm}`;
}
