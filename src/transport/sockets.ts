// All sockets of the server: opened from the listen addresses, a wildcard as one socket for each local address.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Flow, LocalSocket } from './flow.ts';
import { type Listen, ListenError } from './listen.ts';
import { type UdpHost, UdpSocket } from './udp.ts';

/** How often a wildcard listener looks for addresses that came or went, ms. */
const LOOK_AROUND = 5_000;

export class Sockets {
  readonly #listen: readonly Listen[];
  readonly #host: UdpHost;
  readonly #onChange: () => void;
  readonly #open = new Map<string, UdpSocket>();
  #look: NodeJS.Timeout | undefined;
  #looking = false;
  #closed = false;
  #nets: readonly LocalNet[] = [];

  constructor(listen: readonly Listen[], host: UdpHost, onChange: () => void) {
    this.#listen = listen;
    this.#host = host;
    this.#onChange = onChange;
  }

  /** Throws ListenError when an address that was named cannot be had, or a wildcard finds no address at all. */
  async open(): Promise<void> {
    this.#nets = localNets();
    try {
      for (const listen of this.#listen) await this.#openAll(listen);
    } catch (cause) {
      await this.close();
      throw cause;
    }
    if (this.#open.size === 0) {
      throw new ListenError(
        'address-unavailable',
        'this machine has no address to listen on; give one with --listen',
      );
    }
    if (this.#listen.some((l) => isWildcard(l.host))) {
      this.#look = setInterval(() => void this.#lookAround(), LOOK_AROUND);
      this.#look.unref();
    }
  }

  get addresses(): readonly LocalSocket[] {
    return [...this.#open.values()];
  }

  send(bytes: Buffer, flow: Flow, failed: (() => void) | undefined): void {
    const socket = this.#open.get(keyOf(flow.localAddress, flow.localPort));
    if (socket === undefined) {
      if (failed !== undefined) setImmediate(failed);
      return;
    }
    socket.send(bytes, flow, failed);
  }

  /**
   * The socket for a way to `address`: the hinted one when it can reach it, else one in the same network, else any of
   * that family (a loopback socket reaches loopback only).
   */
  localFor(address: string, hint: LocalSocket | undefined): LocalSocket | undefined {
    const loopback = isLoopback(address);
    if (hint !== undefined && this.#open.size === 1) {
      const only = this.#open.get(keyOf(hint.address, hint.port));
      if (only !== undefined && sameFamily(only.address, address)) return only;
    }
    if (hint !== undefined) {
      const hinted = this.#open.get(keyOf(hint.address, hint.port));
      if (
        hinted !== undefined &&
        sameFamily(hinted.address, address) &&
        isLoopback(hinted.address) === loopback
      ) {
        return hinted;
      }
    }
    let any: UdpSocket | undefined;
    let sameKind: UdpSocket | undefined;
    for (const socket of this.#open.values()) {
      if (!sameFamily(socket.address, address)) continue;
      any ??= socket;
      if (isLoopback(socket.address) !== loopback) continue;
      sameKind ??= socket;
      if (this.#nets.some((net) => net.address === socket.address && net.holds(address))) return socket;
    }
    return sameKind ?? any;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#look);
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map((socket) => socket.close()));
  }

  async #openAll(listen: Listen): Promise<void> {
    if (!isWildcard(listen.host)) {
      await this.#openOne({ ...listen, host: await addressOf(listen) });
      return;
    }
    const family = listen.host.includes(':') ? 6 : 4;
    let port = listen.port;
    for (const net of this.#nets) {
      if ((net.address.includes(':') ? 6 : 4) !== family) continue;
      const socket = await this.#openOne({ transport: 'udp', host: net.address, port });
      // A free port, once found, is the same on every address.
      port = socket.port;
    }
  }

  async #openOne(listen: Listen): Promise<UdpSocket> {
    const known = listen.port === 0 ? undefined : this.#open.get(keyOf(listen.host, listen.port));
    if (known !== undefined) return known;
    const socket = await UdpSocket.open(listen, this.#host);
    if (this.#closed) {
      await socket.close();
      return socket;
    }
    this.#open.set(keyOf(socket.address, socket.port), socket);
    return socket;
  }

  /** Addresses come and go (DHCP, a cable): a wildcard listener follows. One that cannot be had keeps no other away. */
  async #lookAround(): Promise<void> {
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    let changed = false;
    this.#nets = localNets();
    for (const listen of this.#listen.filter((l) => isWildcard(l.host) && l.port !== 0)) {
      for (const { address } of this.#nets) {
        if (address.includes(':') !== listen.host.includes(':') || this.#closed) continue;
        if (this.#open.has(keyOf(address, listen.port))) continue;
        try {
          await this.#openOne({ transport: 'udp', host: address, port: listen.port });
          changed = true;
        } catch (cause) {
          this.#host.failed(`${address}:${listen.port}`, cause as Error);
        }
      }
    }
    for (const socket of [...this.#open.values()]) {
      const fixed = this.#listen.some((l) => l.host === socket.address);
      if (fixed || this.#nets.some((net) => net.address === socket.address)) continue;
      this.#open.delete(keyOf(socket.address, socket.port));
      await socket.close();
      changed = true;
    }
    this.#looking = false;
    if (changed && !this.#closed) this.#onChange();
  }
}

interface LocalNet {
  readonly address: string;
  holds(other: string): boolean;
}

/** Link-local IPv6 is left out: its zone has no place in a Via. */
function localNets(): LocalNet[] {
  const nets: LocalNet[] = [];
  for (const infos of Object.values(networkInterfaces())) {
    for (const info of infos ?? []) {
      if (info.family === 'IPv6' && /^fe[89ab]/i.test(info.address)) continue;
      nets.push({ address: info.address, holds: holder(info) });
    }
  }
  return nets;
}

function holder(info: NetworkInterfaceInfo): (other: string) => boolean {
  if (info.family === 'IPv6') {
    // Good enough to choose a socket by: the usual /64.
    const prefix = info.address.split(':').slice(0, 4).join(':');
    return (other) => other.startsWith(`${prefix}:`);
  }
  const mask = ipv4(info.netmask);
  const base = ipv4(info.address) & mask;
  return (other) => !other.includes(':') && (ipv4(other) & mask) === base;
}

function ipv4(address: string): number {
  let n = 0;
  for (const part of address.split('.')) n = (n << 8) | Number(part);
  return n;
}

async function addressOf(listen: Listen): Promise<string> {
  if (isIP(listen.host) !== 0) return listen.host;
  try {
    return (await lookup(listen.host)).address;
  } catch (cause) {
    throw new ListenError(
      'address-unavailable',
      `the name ${listen.host} in --listen leads to no address; give an IP address`,
      {
        cause,
      },
    );
  }
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

export function sameFamily(a: string, b: string): boolean {
  return a.includes(':') === b.includes(':');
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}
