// The production server without sockets and clocks of its own: time is the capture's, chance is a counter.
import { configSchema } from '../config/config.ts';
import { Core } from '../core.ts';
import type { Transition } from '../journal/transition.ts';
import { Domains } from '../routing/domains.ts';
import { bracketed } from '../sip/host.ts';
import type { SipMessage } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { VirtualClock } from '../time/clock.ts';
import type { Endpoint } from './capture/datagrams.ts';

export interface VirtualServerOptions {
  /** Where the captured server listened: ours listens there too. */
  readonly server: Endpoint;
  /** Hosts, numeric ones too, that are its own. */
  readonly domains: readonly string[];
  /** What else it is called, with port. */
  readonly sockets: readonly Endpoint[];
  /** Foreign hosts it sent requests to. */
  readonly names: readonly string[];
  /** Where a name led in the capture. */
  readonly resolve: (host: string) => Endpoint | undefined;
  /** ms since the epoch. */
  readonly start: number;
  readonly onSent: (message: SipMessage, to: Endpoint, at: number) => void;
  readonly onTransition: (transition: Transition) => void;
}

export class VirtualServer {
  readonly core: Core;
  readonly #clock: VirtualClock;
  readonly #server: Endpoint;
  readonly #deferred: (() => void)[] = [];

  constructor({
    server,
    domains,
    sockets,
    names,
    resolve,
    start,
    onSent,
    onTransition,
  }: VirtualServerOptions) {
    this.#server = server;
    this.#clock = new VirtualClock(start);
    const own = new Domains({
      domains,
      hostNames: [],
      localAddresses: () => [],
    });
    own.listensOn([server, ...sockets]);
    let tags = 0;
    this.core = new Core({
      // What a capture shows was let in by its own server: nobody is turned away here for being too many or from afar.
      config: configSchema.parse({
        open: true,
        outbound: ['0.0.0.0/0', '::/0', ...names],
        registrar: { minExpires: 1, maxExpires: 86_400_000 },
        limits: { calls: 10_000_000, bindings: 10_000_000, transactions: 100_000_000 },
      }),
      clock: this.#clock,
      wall: () => this.#clock.now(),
      key: 'replay',
      newTag: () => `cc${++tags}`,
      domains: own,
      network: {
        localFor: (address) => (address.includes(':') === server.address.includes(':') ? server : undefined),
        sentBy: (local) => `${bracketed(local.address)}:${local.port}`,
        resolve: (host, _port, done) => done(resolve(host)),
      },
      wire: (bytes, flow) => {
        const parsed = parse(bytes);
        // The answer to a keep-alive, or to a malformed request (it repeats what was malformed, and is counted as a drop).
        if (!parsed.ok) return;
        onSent(parsed.message, { address: flow.remoteAddress, port: flow.remotePort }, this.#clock.now());
      },
      defer: (flush) => this.#deferred.push(flush),
      observe: onTransition,
      tell: () => {},
      onActorError: (callId, event, cause) => {
        throw new Error(`the chart of ${callId} broke at ${event}`, { cause });
      },
      onBug: (cause) => {
        throw cause;
      },
    });
  }

  get now(): number {
    return this.#clock.now();
  }

  /** Runs every timer due until then (ms since the epoch), one at a time. Time never goes back. */
  advanceTo(at: number): void {
    for (let next = this.#clock.next(); next !== undefined && next <= at; next = this.#clock.next()) {
      this.#clock.runUntil(next);
      this.#settle();
    }
    if (at > this.#clock.now()) this.#clock.runUntil(at);
    this.#settle();
  }

  receive(bytes: Buffer, from: Endpoint): void {
    this.core.receive(bytes, {
      transport: 'udp',
      localAddress: this.#server.address,
      localPort: this.#server.port,
      remoteAddress: from.address,
      remotePort: from.port,
    });
    this.#settle();
  }

  #settle(): void {
    for (let next = this.#deferred.shift(); next !== undefined; next = this.#deferred.shift()) next();
  }
}
