// A small network of its own: one namespace with a bridge, and one for each phone, gone when the test is over.
import { execFileSync } from 'node:child_process';

export interface Host {
  readonly netns: string;
  readonly address: string;
}

function ip(...words: string[]): void {
  execFileSync('ip', words, { stdio: 'pipe' });
}

/** Namespaces need root and a kernel that allows them. */
export function namespacesWork(): boolean {
  const name = `cc${process.pid}t`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return true;
  } catch {
    return false;
  }
}

export class Network {
  /** The host in the middle; its address is the server's. */
  readonly centre: Host;
  readonly hosts: readonly Host[];

  /** As many hosts as asked for, each one hop of wire away from the centre. */
  constructor(count: number) {
    const word = `cc${process.pid}`;
    const net = `10.${100 + (process.pid % 100)}.${Math.trunc(process.pid / 100) % 250}`;
    this.centre = { netns: `${word}c`, address: `${net}.1` };
    this.hosts = Array.from({ length: count }, (_, at) => ({
      netns: `${word}p${at}`,
      address: `${net}.${11 + at}`,
    }));
    try {
      ip('netns', 'add', this.centre.netns);
      this.#inside(this.centre, 'link', 'set', 'lo', 'up');
      this.#inside(this.centre, 'link', 'add', 'br0', 'type', 'bridge');
      this.#inside(this.centre, 'addr', 'add', `${this.centre.address}/24`, 'dev', 'br0');
      this.#inside(this.centre, 'link', 'set', 'br0', 'up');
      this.hosts.forEach((host, at) => {
        ip('netns', 'add', host.netns);
        const wire = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', host.netns];
        this.#inside(this.centre, 'link', 'add', `v${at}`, ...wire);
        this.#inside(this.centre, 'link', 'set', `v${at}`, 'master', 'br0', 'up');
        this.#inside(host, 'link', 'set', 'lo', 'up');
        this.#inside(host, 'link', 'set', 'eth0', 'up');
        this.#inside(host, 'addr', 'add', `${host.address}/24`, 'dev', 'eth0');
        this.#inside(host, 'route', 'add', 'default', 'via', this.centre.address);
      });
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #inside(host: Host, ...words: string[]): void {
    ip('-n', host.netns, ...words);
  }

  /** Wires and bridge go with their namespaces. */
  remove(): void {
    for (const { netns } of [this.centre, ...this.hosts]) {
      try {
        ip('netns', 'del', netns);
      } catch {
        // it never came to be
      }
    }
  }
}
