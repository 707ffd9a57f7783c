// The limits of a configuration, at work: whom not to read, whom not to answer, how much of one source, how much at all.
import { UserAgents } from '../auth/user-agents.ts';
import type { Config } from '../config/config.ts';
import { isTrusted, type Networks, networksOf } from '../routing/networks.ts';
import type { SipRequest } from '../sip/message.ts';
import { Buckets, type Rate } from './buckets.ts';

export class Limits {
  readonly #refused: Networks | undefined;
  readonly #allowed: Networks | undefined;
  readonly #scanners: UserAgents | undefined;
  readonly #requests: Buckets | undefined;
  readonly #registrations: Buckets | undefined;
  readonly #calls: Buckets | undefined;
  /** Who may come without a password where no networks are named. */
  readonly #admits: (address: string) => boolean;

  /** `now` in monotonic ms. `before`: limits it replaces; who had its share under the same rate has had it. */
  constructor(
    { networks, limits, open }: Pick<Config, 'networks' | 'limits' | 'open'>,
    now: () => number,
    before?: Limits,
  ) {
    const buckets = (rate: Rate | null, old: Buckets | undefined) => {
      if (rate === null) return undefined;
      return old?.isFor(rate) ? old : new Buckets(rate, now);
    };
    const kept: Limits = before ?? this;
    this.#refused = networksOf(networks.refuse);
    this.#allowed = networksOf(networks.allow);
    this.#scanners = limits.scanners.length === 0 ? undefined : new UserAgents(limits.scanners);
    this.#requests = buckets(limits.requests, kept.#requests);
    this.#registrations = buckets(limits.registrations, kept.#registrations);
    this.#calls = buckets(limits.newCalls, kept.#calls);
    this.#admits = open ? () => true : isTrusted;
  }

  /** Before anything is read. */
  unread(bytes: Buffer, address: string): 'refused-network' | 'rate-requests' | undefined {
    if (this.#refused?.includes(address)) return 'refused-network';
    // What answers us was asked for: `SIP/2.0` begins a response.
    if (this.#requests !== undefined && bytes[3] !== SLASH && !this.#requests.take(address))
      return 'rate-requests';
    return undefined;
  }

  isScanner(request: SipRequest): boolean {
    return this.#scanners?.includes(request.first('user-agent')) ?? false;
  }

  /** May this address register and call with a password, or (`proven` false) without one? */
  admits(address: string, proven: boolean): boolean {
    return this.#allowed?.includes(address) ?? (proven || this.#admits(address));
  }

  mayRegister(address: string): boolean {
    return this.#registrations?.take(address) ?? true;
  }

  mayCall(address: string): boolean {
    return this.#calls?.take(address) ?? true;
  }
}

const SLASH = 0x2f;
