// Where a host name leads: RFC 3263 for UDP (NAPTR, SRV, A and AAAA), remembered for a while.
import { promises as dns, type NaptrRecord, type SrvRecord } from 'node:dns';
import { isIP } from 'node:net';
import { canonicalHost } from '../sip/host.ts';
import type { Clock } from '../time/clock.ts';

export interface ResolvedHop {
  readonly address: string;
  readonly port: number;
}

export interface AddressRecord {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** The DNS as it is asked here; each may reject. */
export interface Dns {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  a(name: string): Promise<readonly AddressRecord[]>;
  aaaa(name: string): Promise<readonly AddressRecord[]>;
  /** What else the machine knows (hosts file, mDNS). */
  hosts(name: string): Promise<readonly string[]>;
}

export interface ResolverOptions {
  readonly clock: Clock;
  readonly dns?: Dns;
  /** Can a datagram be sent there? (No IPv6 socket, no IPv6 address.) */
  readonly reachable?: (address: string) => boolean;
  /** 0 to 1: chooses among SRV records of one priority. */
  readonly random?: () => number;
  /** Milliseconds one name may take. */
  readonly timeout?: number;
  /** Names remembered. */
  readonly size?: number;
  /** Names asked for at the same time; a further one leads nowhere. */
  readonly pending?: number;
}

type Done = (hop: ResolvedHop | undefined) => void;

interface Target {
  readonly priority: number;
  readonly weight: number;
  readonly hops: readonly ResolvedHop[];
}

interface Answer {
  readonly targets: readonly Target[];
  /** Milliseconds. */
  readonly goodFor: number;
}

const DEFAULT_PORT = 5060;
/** Milliseconds; Node tells no TTL of SRV and NAPTR records, so no answer lasts longer than this. */
const LONGEST = 60_000;
const SHORTEST = 1_000;
const FAILURE = 5_000;
const HOSTS_TTL = 30;
/** Records followed of each kind: an answer must not make us ask for hundreds of names. */
const MOST_RECORDS = 8;
const LOOPBACK = ['127.0.0.1', '::1'].map((address) => ({ address, ttl: HOSTS_TTL }));
const NOWHERE: Answer = { targets: [], goodFor: FAILURE };

export class Resolver {
  readonly #clock: Clock;
  readonly #dns: Dns;
  readonly #reachable: (address: string) => boolean;
  readonly #random: () => number;
  readonly #timeout: number;
  readonly #size: number;
  readonly #pending: number;
  readonly #known = new Map<string, { readonly answer: Answer; readonly until: number }>();
  readonly #waiting = new Map<string, Done[]>();

  constructor(options: ResolverOptions) {
    this.#clock = options.clock;
    this.#dns = options.dns ?? systemDns();
    this.#reachable = options.reachable ?? (() => true);
    this.#random = options.random ?? Math.random;
    this.#timeout = options.timeout ?? 5_000;
    this.#size = options.size ?? 10_000;
    this.#pending = options.pending ?? 1_000;
  }

  /** RFC 3263 §4. `done` is called once: at once when it is known, else later; undefined: it leads nowhere. */
  resolve(host: string, port: number | undefined, done: Done): void {
    const name = canonicalHost(host);
    if (isIP(name) !== 0) {
      done({ address: name, port: port ?? DEFAULT_PORT });
      return;
    }
    const key = `${name} ${port ?? ''}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.until > this.#clock.now()) {
      done(this.#choose(known.answer));
      return;
    }
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) waiting.push(done);
    else if (this.#waiting.size >= this.#pending) done(undefined);
    else this.#ask(key, name, port, done);
  }

  #ask(key: string, name: string, port: number | undefined, done: Done): void {
    const mine: Done[] = [done];
    this.#waiting.set(key, mine);
    const finish = (answer: Answer): void => {
      const isLate = this.#waiting.get(key) !== mine;
      // What comes after the time-out still counts for the next who asks; a time-out after the answer does not.
      if (!isLate || answer.targets.length > 0) this.#remember(key, answer);
      if (isLate) return;
      timer.cancel();
      this.#waiting.delete(key);
      for (const each of mine) each(this.#choose(answer));
    };
    const timer = this.#clock.after(this.#timeout, () => finish(NOWHERE));
    this.#find(name, port).then(finish, () => finish(NOWHERE));
  }

  #remember(key: string, answer: Answer): void {
    this.#known.delete(key);
    if (this.#known.size >= this.#size) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(key, { answer, until: this.#clock.now() + answer.goodFor });
  }

  async #find(name: string, port: number | undefined): Promise<Answer> {
    // RFC 6761 §6.3: nobody is asked about localhost.
    if (name === 'localhost' || name.endsWith('.localhost'))
      return this.#answer(LOOPBACK, port ?? DEFAULT_PORT);
    // §4.2: with a port no SRV record is asked for.
    if (port !== undefined) return this.#byAddress(name, port);
    for (const service of await this.#services(name)) {
      const records = await orNone(this.#dns.srv(service));
      // RFC 2782: a lone `.` says that the service is not offered.
      if (records.length === 1 && (records[0]?.name === '' || records[0]?.name === '.')) return NOWHERE;
      const answer = await this.#byRecords(records);
      if (answer.targets.length > 0) return answer;
    }
    return this.#byAddress(name, DEFAULT_PORT);
  }

  /** §4.1: the SRV names for UDP, best first. */
  async #services(name: string): Promise<readonly string[]> {
    const records = await orNone(this.#dns.naptr(name));
    const services = records
      .filter(({ service, flags }) => service.toUpperCase() === 'SIP+D2U' && flags.toLowerCase() === 's')
      .sort((a, b) => a.order - b.order || a.preference - b.preference)
      .map(({ replacement }) => replacement);
    return services.length > 0 ? services.slice(0, MOST_RECORDS) : [`_sip._udp.${name}`];
  }

  async #byRecords(records: readonly SrvRecord[]): Promise<Answer> {
    const best = records.toSorted((a, b) => a.priority - b.priority).slice(0, MOST_RECORDS);
    const answers = await Promise.all(
      best.map(async (record) => {
        const { targets, goodFor } = await this.#byAddress(record.name, record.port);
        const { priority, weight } = record;
        return { targets: targets.map(({ hops }) => ({ priority, weight, hops })), goodFor };
      }),
    );
    const good = answers.filter(({ targets }) => targets.length > 0);
    if (good.length === 0) return NOWHERE;
    return {
      targets: good.flatMap(({ targets }) => targets),
      goodFor: Math.min(...good.map(({ goodFor }) => goodFor)),
    };
  }

  async #byAddress(name: string, port: number): Promise<Answer> {
    const [v4, v6] = await Promise.all([orNone(this.#dns.a(name)), orNone(this.#dns.aaaa(name))]);
    let records: readonly AddressRecord[] = [...v4, ...v6];
    if (records.length === 0) {
      const known = await orNone(this.#dns.hosts(name));
      records = known.map((address) => ({ address, ttl: HOSTS_TTL }));
    }
    return this.#answer(records, port);
  }

  #answer(records: readonly AddressRecord[], port: number): Answer {
    const usable = records.filter(({ address }) => this.#reachable(address));
    if (usable.length === 0) return NOWHERE;
    const ttl = Math.min(...usable.map((record) => record.ttl)) * 1000;
    return {
      targets: [{ priority: 0, weight: 0, hops: usable.map(({ address }) => ({ address, port })) }],
      goodFor: Math.min(Math.max(ttl, SHORTEST), LONGEST),
    };
  }

  /** RFC 2782: of the lowest priority, each as often as its weight says. */
  #choose({ targets }: Answer): ResolvedHop | undefined {
    const lowest = Math.min(...targets.map(({ priority }) => priority));
    const best = targets.filter(({ priority }) => priority === lowest);
    const total = best.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random() * total;
    for (const target of best) {
      left -= target.weight;
      if (left < 0) return target.hops[0];
    }
    return best.at(-1)?.hops[0];
  }
}

async function orNone<T>(asked: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await asked;
  } catch {
    return [];
  }
}

function systemDns(): Dns {
  const resolver = new dns.Resolver({ timeout: 1_500, tries: 2 });
  return {
    naptr: (name) => resolver.resolveNaptr(name),
    srv: (name) => resolver.resolveSrv(name),
    a: (name) => resolver.resolve4(name, { ttl: true }),
    aaaa: (name) => resolver.resolve6(name, { ttl: true }),
    hosts: async (name) => (await dns.lookup(name, { all: true })).map(({ address }) => address),
  };
}
