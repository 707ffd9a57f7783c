// Who may authenticate: users with their HA1s, from the configuration and from a file of lines.
import { ALGORITHMS, type Algorithm, ha1 } from './algorithms.ts';

/** HA1 by algorithm: a user added before an algorithm was served has none for it. */
export type Secrets = Readonly<Partial<Record<Algorithm, string>>>;

export class Users {
  readonly #secrets = new Map<string, Secrets>();

  /** A later user of the same name and realm replaces an earlier one. */
  add(name: string, realm: string, secrets: Secrets): void {
    this.#secrets.set(key(name, realm), secrets);
  }

  secrets(name: string, realm: string): Secrets | undefined {
    return this.#secrets.get(key(name, realm));
  }

  get size(): number {
    return this.#secrets.size;
  }
}

/** `name` and `password` as wire bytes. */
export function secretsOf(name: string, realm: string, password: string): Secrets {
  return Object.fromEntries(
    ALGORITHMS.map((algorithm) => [algorithm, ha1(algorithm, name, realm, password)]),
  );
}

export interface UserLine {
  readonly name: string;
  readonly realm: string;
  readonly secrets: Secrets;
}

/** `name@realm ALGORITHM=HEX ...`; undefined: malformed. Empty lines and `#` are the caller's to skip. */
export function parseUserLine(line: string): UserLine | undefined {
  const [who = '', ...pairs] = line.trim().split(/\s+/);
  const at = who.lastIndexOf('@');
  if (at < 1 || at === who.length - 1 || pairs.length === 0) return undefined;
  const secrets: Partial<Record<Algorithm, string>> = {};
  for (const pair of pairs) {
    const [name, digest = ''] = pair.split('=', 2);
    const algorithm = ALGORITHMS.find((one) => one === name);
    const digits = algorithm === 'MD5' ? 32 : 64;
    if (algorithm === undefined || digest.length !== digits || !/^[0-9a-f]+$/.test(digest)) return undefined;
    secrets[algorithm] = digest;
  }
  return { name: who.slice(0, at), realm: who.slice(at + 1).toLowerCase(), secrets };
}

export function formatUserLine({ name, realm, secrets }: UserLine): string {
  const pairs = ALGORITHMS.flatMap((algorithm) => {
    const digest = secrets[algorithm];
    return digest === undefined ? [] : [`${algorithm}=${digest}`];
  });
  return `${name}@${realm} ${pairs.join(' ')}`;
}

function key(name: string, realm: string): string {
  return `${name}\0${realm.toLowerCase()}`;
}
