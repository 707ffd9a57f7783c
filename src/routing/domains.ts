// Which URIs are ours: our domains, and the addresses and ports we listen on.
import { networkInterfaces } from 'node:os';
import { canonicalHost } from '../sip/host.ts';

export interface ListeningAt {
  readonly address: string;
  readonly port: number;
}

export interface OwnNames {
  /** Hosts whose AORs are ours. */
  readonly domains: readonly string[];
  /** The machine's names; they are ours when no domain is configured. */
  readonly hostNames?: readonly string[];
  /** What a wildcard listener stands for: every address of this machine. */
  readonly localAddresses?: () => readonly string[];
}

export class Domains {
  readonly #hostNames: readonly string[];
  #named: ReadonlySet<string> = new Set();
  readonly #localAddresses: () => readonly string[];
  /** Addresses we listen on, each with its own ports: on another port of the same address sits a phone. */
  #listening: ReadonlyMap<string, ReadonlySet<number>> = new Map();
  /** A domain is served on every port that we listen on. */
  #ports: ReadonlySet<number> = new Set();
  /** All of them in one: asked a dozen times for each call. */
  #ours: ReadonlyMap<string, readonly number[]> = new Map();

  constructor({ domains, hostNames = [], localAddresses = addressesOfMachine }: OwnNames) {
    this.#hostNames = hostNames;
    this.#localAddresses = localAddresses;
    this.serve(domains);
  }

  /** Replaces the domains. Those who registered under one that is gone are not found any more. */
  serve(domains: readonly string[]): void {
    this.#named = new Set((domains.length > 0 ? domains : this.#hostNames).map(canonicalHost));
    this.#gather();
  }

  /** Replaces what was said before. `advertise` is what stands in our Via and Record-Route, so it is ours too. */
  listensOn(
    sockets: readonly ListeningAt[],
    advertise?: { readonly host: string; readonly port: number | undefined },
  ): void {
    const listening = new Map<string, Set<number>>();
    const ports = new Set<number>();
    const add = (host: string, port: number): void => {
      const known = listening.get(host);
      if (known === undefined) listening.set(host, new Set([port]));
      else known.add(port);
      ports.add(port);
    };
    for (const { address, port } of sockets) {
      for (const each of this.#expanded(address)) {
        add(each, port);
        if (advertise !== undefined) add(canonicalHost(advertise.host), advertise.port ?? port);
      }
    }
    this.#listening = listening;
    this.#ports = ports;
    this.#gather();
  }

  /** Is its host a domain of ours or an address we listen on, and its port absent or one we listen on there? */
  isOurs(uri: {
    readonly scheme?: string;
    readonly host: string;
    readonly port: number | undefined;
  }): boolean {
    let ports = this.#ours.get(uri.host);
    if (ports === undefined) {
      const host = plain(uri.host);
      if (host !== uri.host) ports = this.#ours.get(host);
    }
    return ports !== undefined && (uri.port === undefined || ports.includes(uri.port));
  }

  #gather(): void {
    const ports = [...this.#ports];
    const ours = new Map<string, readonly number[]>();
    for (const host of this.#named) ours.set(host, ports);
    for (const [host, own] of this.#listening) ours.set(host, [...own]);
    this.#ours = ours;
  }

  /** Do we listen on this address, whatever the port? */
  isLocalAddress(host: string): boolean {
    return this.#listening.has(plain(host));
  }

  /** Every host that is ours: names first, then addresses. */
  get names(): readonly string[] {
    return [...new Set([...this.#named, ...this.#listening.keys()])];
  }

  #expanded(address: string): readonly string[] {
    const plainAddress = plain(address);
    if (plainAddress !== '0.0.0.0' && plainAddress !== '::') return [plainAddress];
    const isV6 = plainAddress === '::';
    return this.#localAddresses()
      .map(plain)
      .filter((each) => each.includes(':') === isV6);
  }
}

/** Canonical, without zone. Hosts of parsed URIs are so already. */
function plain(host: string): string {
  return canonicalHost(host.includes('%') ? (host.split('%', 1)[0] ?? host) : host);
}

function addressesOfMachine(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
