// A whole server without sockets: virtual time, a wire in memory, and the production store and journal in a folder.
import { pino } from 'pino';
import { configSchema } from '../../src/config/config.ts';
import { Histories } from '../../src/control/history.ts';
import { Core } from '../../src/core.ts';
import { Journal } from '../../src/journal/journal.ts';
import { Persistence } from '../../src/persistence.ts';
import { Domains } from '../../src/routing/domains.ts';
import type { SipMessage } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { VirtualClock, type WallClock } from '../../src/time/clock.ts';

export interface Address {
  readonly address: string;
  readonly port: number;
}

export interface Sent {
  /** The address it goes to. */
  readonly to: string;
  readonly message: SipMessage;
}

export interface HouseOptions {
  /** The data folder; it exists. */
  readonly folder: string;
  /** Where it would listen. */
  readonly at: Address;
  readonly key: string;
  /** As it would stand in the YAML file. */
  readonly config: Record<string, unknown>;
}

/** Bursts that share one write of the journal: some 10 ms of a busy server. */
const BURSTS = 20;

export class House {
  readonly clock: VirtualClock;
  readonly core: Core;
  readonly journal: Journal;
  readonly histories = new Histories();
  readonly outcomes = new Map<string, number>();
  bugs = 0;
  readonly #at: Address;
  readonly #store: Persistence | undefined;
  #sent: Sent[] = [];
  readonly #deferred: (() => void)[] = [];
  #tags = 0;
  #bursts = 0;

  static async open(options: HouseOptions): Promise<House> {
    const config = configSchema.parse(options.config);
    const clock = new VirtualClock(1_000_000);
    const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
    // It goes with the virtual clock: else the server would take each leap of that for a step of this one.
    const start = Date.now() - clock.now();
    const wall = () => start + clock.now();
    const store = await Persistence.open({ folder: options.folder, config, clock, wall, log });
    return new House(options, config, { clock, wall }, store);
  }

  private constructor(
    { folder, at, key }: HouseOptions,
    config: ReturnType<typeof configSchema.parse>,
    { clock, wall }: { readonly clock: VirtualClock; readonly wall: WallClock },
    store: Persistence | undefined,
  ) {
    this.#at = at;
    this.#store = store;
    this.clock = clock;
    this.journal = new Journal({
      folder,
      settings: config.journal,
      ...(store && { safely: store.safely, isForPower: store.isForPower }),
      onTrouble: () => this.bugs++,
      now: () => clock.now(),
    });
    const domains = new Domains({ domains: config.domains });
    domains.listensOn([at]);
    this.core = new Core({
      config,
      clock,
      wall,
      key,
      newTag: () => `srv${++this.#tags}`,
      domains,
      network: {
        localFor: () => at,
        sentBy: (local) => `${local.address}:${local.port}`,
        resolve: (_host, _port, done) => done(undefined),
      },
      wire: (bytes, flow) => {
        const parsed = parse(bytes);
        if (parsed.ok) this.#sent.push({ to: flow.remoteAddress, message: parsed.message });
      },
      defer: (flush) => this.#deferred.push(flush),
      observe: (transition) => {
        const record = this.journal.record(transition);
        const history = this.histories.take(transition);
        if (record === undefined) return;
        store?.ended(record, history);
        const outcome = record.outcome ?? 'none';
        this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      },
      ...(store && { keep: store.keep }),
      tell: () => {
        if (++this.#bursts % BURSTS === 0) this.journal.flush();
      },
      onActorError: () => this.bugs++,
      onBug: () => this.bugs++,
    });
    store?.restore(this.core, this.journal, this.histories)();
  }

  /** One datagram in; what goes out at once. */
  receive(from: Address, lines: readonly string[], body = ''): readonly Sent[] {
    this.#sent = [];
    const text = `${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    this.core.receive(Buffer.from(text, 'latin1'), {
      transport: 'udp',
      localAddress: this.#at.address,
      localPort: this.#at.port,
      remoteAddress: from.address,
      remotePort: from.port,
    });
    this.#settle();
    return this.#sent;
  }

  /** ms of virtual time. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.#settle();
    // What was sent meanwhile is nobody's: kept, it would look like the server's own memory.
    this.#sent = [];
  }

  /** Waits until the ended calls so far are stored. */
  async stored(): Promise<void> {
    await this.#store?.past({ limit: 1 });
    await new Promise(setImmediate);
  }

  get alive() {
    const { layer, supervisor } = this.core;
    return {
      dialogs: supervisor.size,
      links: supervisor.links.size,
      transactions: Object.values({ ...layer.size }).reduce((a, b) => a + b, 0),
      records: this.journal.calls.size,
      histories: this.histories.size,
    };
  }

  /** As the server ends: what lives stays in the store. */
  async close(): Promise<void> {
    this.#settle();
    this.#store?.letGo();
    this.core.close();
    this.journal.close();
    await this.#store?.close();
  }

  #settle(): void {
    for (let next = this.#deferred.shift(); next !== undefined; next = this.#deferred.shift()) next();
  }
}
