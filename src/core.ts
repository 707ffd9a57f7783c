// Connects the parts of a running server: the same for real sockets and clocks as for virtual ones.
import { gateOf } from './auth/gate-of.ts';
import { Users } from './auth/users.ts';
import { outboundAllows } from './config/address.ts';
import type { Config } from './config/config.ts';
import type { Transition } from './journal/transition.ts';
import { type DropReason, Drops } from './limits/drops.ts';
import { Limits } from './limits/limits.ts';
import { Overload } from './limits/overload.ts';
import { Admission } from './proxy/admission.ts';
import { Inbound } from './proxy/inbound.ts';
import { Merged } from './proxy/merged.ts';
import { ProxyCore, type ProxyNetwork } from './proxy/proxy-core.ts';
import { Refusals } from './proxy/refusals.ts';
import { Location } from './registrar/location.ts';
import { Registrar } from './registrar/registrar.ts';
import { CookieJar } from './routing/cookie.ts';
import type { Domains } from './routing/domains.ts';
import { keyedHash } from './routing/keyed-hash.ts';
import { Router } from './routing/router.ts';
import { stampReceived } from './sip/edit.ts';
import { canonicalHost } from './sip/host.ts';
import { type HeaderLine, headerLine, type SipRequest, type SipResponse } from './sip/message.ts';
import { type ParseProblem, parse } from './sip/parse.ts';
import { Supervisor } from './supervisor/supervisor.ts';
import type { Clock, WallClock } from './time/clock.ts';
import { responseFlow } from './transaction/key.ts';
import { TransactionLayer } from './transaction/layer.ts';
import type { Flow } from './transport/flow.ts';
import { Outbox, type Wire } from './transport/outbox.ts';

export interface Environment {
  readonly config: Config;
  readonly clock: Clock;
  readonly wall: WallClock;
  /** Secret for branches and cookies: the same over restarts. */
  readonly key: string;
  readonly newTag: () => string;
  readonly reason: (status: number) => string;
  readonly domains: Domains;
  readonly network: ProxyNetwork;
  readonly wire: Wire;
  /** Runs a function once after the burst at hand. */
  readonly defer: (flush: () => void) => void;
  readonly observe: (transition: Transition) => void;
  /** Flush step 3. */
  readonly tell: () => void;
  /** May this source register and call without a password, where the configuration names no networks? */
  readonly admits: (address: string) => boolean;
  /** undefined: those of the configuration alone. */
  readonly users?: Users;
  /** Bytes in use, and how to free what nobody holds; undefined: memory is not watched. */
  readonly memory?: { readonly used: () => number; readonly collect: () => void };
  readonly onActorError: (callId: string, event: string, cause: unknown) => void;
  /** A bug showed while a datagram or a timer was handled: the server goes on without that one. */
  readonly onBug: (cause: unknown) => void;
}

export class Core {
  readonly location: Location;
  readonly supervisor: Supervisor;
  readonly layer: TransactionLayer;
  readonly outbox: Outbox;
  /** What was dropped, by reason. */
  readonly drops = new Drops();
  readonly #env: Environment;
  readonly #limits: Limits;
  readonly #overload: Overload;
  readonly #refusals: Refusals;
  readonly #router: Router;

  constructor(env: Environment) {
    this.#env = env;
    const { config } = env;
    const clock = this.#guarded(env.clock);
    const { timers } = config;
    this.outbox = new Outbox(env.wire, { keep: () => {}, tell: env.tell }, env.defer);
    const branchHash = keyedHash(env.key, 'branch', 14);
    const jar = new CookieJar(keyedHash(env.key, 'cookie', 14), keyedHash(env.key, 'tag', 4));
    this.location = new Location({ clock });
    const registrar = new Registrar({
      location: this.location,
      clock,
      settings: {
        ...config.registrar,
        maxBindings: config.limits.bindings,
        contactRouting: config.contactRouting,
      },
      isOurs: (uri) => env.domains.isOurs(uri),
      reason: env.reason,
      newTag: env.newTag,
      wall: env.wall,
    });
    this.supervisor = new Supervisor({
      clock,
      wall: env.wall,
      durations: {
        ring: timers.ring,
        cancel: timers.cancel,
        late: 64 * timers.t1,
        ack: 64 * timers.t1,
        // The BYE's own transaction ends first; this is for the day it does not.
        bye: 64 * timers.t1 + timers.t4,
        retry: timers.retry,
        life: timers.life,
        usage: timers.usage,
        subscription: timers.subscription,
      },
      observe: env.observe,
      onActorError: env.onActorError,
    });
    const router = new Router(env.domains, this.location, jar, {
      outbound: outbound(config),
      focusContact: (aor, confId) => this.supervisor.links.focusContact(aor, confId),
    });
    this.#router = router;
    const core = new ProxyCore({
      clock,
      layer: () => this.layer,
      network: {
        ...env.network,
        resolve: (host, port, done) =>
          env.network.resolve(host, port, (hop) => this.#safely(() => done(hop))),
      },
      jar,
      branchHash,
      newTag: env.newTag,
      reason: env.reason,
      settings: { unavailable: config.unavailable, serialAfter: timers.serial },
    });
    this.#refusals = new Refusals(keyedHash(env.key, 'refused', 10));
    this.#limits = new Limits(config, env.admits, () => clock.now());
    this.#overload = new Overload({
      maxTransactions: config.limits.transactions,
      transactions: () => {
        const { size } = this.layer;
        return size.serverInvite + size.serverNonInvite + size.clientInvite + size.clientNonInvite;
      },
      maxMemory: config.limits.memory,
      memory: env.memory?.used,
      collect: env.memory?.collect,
      now: () => clock.now(),
    });
    const gate = gateOf({
      auth: config.auth,
      ownDomains: config.domains,
      domains: env.domains,
      users: env.users ?? new Users(config.auth.users),
      key: env.key,
      newSalt: env.newTag,
      wall: env.wall,
    });
    const admission = new Admission({
      gate,
      limits: this.#limits,
      location: this.location,
      callers: config.callers,
      calls: () => this.supervisor.size,
      maxCalls: config.limits.calls,
      drop: (reason) => this.#drop(reason),
    });
    const inbound = new Inbound({
      core,
      router,
      registrar,
      supervisor: this.supervisor,
      branchHash,
      admission,
      refusals: this.#refusals,
      merged: new Merged({ now: () => clock.now(), keep: 64 * timers.t1 }),
      isOwnSentBy: (host, port) => env.domains.isOurs({ host: canonicalHost(host), port }),
      send: this.outbox.send,
      drop: (reason) => this.#drop(reason),
    });
    this.layer = new TransactionLayer({
      clock,
      timers: { t1: timers.t1, t2: timers.t2, t4: timers.t4, c: timers.ring + TIMER_C_MARGIN },
      send: (bytes, flow, failed) => this.outbox.send(bytes, flow, failed && (() => this.#safely(failed))),
      user: inbound,
      reason: env.reason,
    });
  }

  /** One datagram. Throws nothing, whatever its bytes. */
  receive(bytes: Buffer, flow: Flow): void {
    this.#safely(() => this.#receive(bytes, flow));
  }

  /**
   * Every way into the server leads through here: datagrams, timers, answers of the DNS, datagrams that could not be
   * sent. A bug in one must not end the process, and what it decided must leave; the journal may have lines though
   * nothing is sent.
   */
  #safely(run: () => void): void {
    try {
      run();
    } catch (cause) {
      this.#drop('bug');
      this.#env.onBug(cause);
    }
    this.outbox.schedule();
  }

  #receive(bytes: Buffer, flow: Flow): void {
    if (flow.remotePort === 0) {
      this.#drop('bad-source');
      return;
    }
    const unread = this.#limits.unread(bytes, flow.remoteAddress);
    if (unread !== undefined) {
      this.#drop(unread);
      return;
    }
    if (bytes.length <= 4 && isKeepalive(bytes)) {
      // RFC 5626 §3.5.1: a double CRLF is a ping, a single one its answer.
      if (bytes.length === 4 && bytes[0] === 13) this.outbox.send(PONG, flow);
      return;
    }
    const parsed = parse(bytes);
    if (!parsed.ok) {
      this.#malformed(parsed.problem, parsed.request, flow);
      return;
    }
    const { message } = parsed;
    if (message.kind === 'request') {
      stampReceived(message, flow.remoteAddress, flow.remotePort);
      if (this.#limits.isScanner(message)) {
        this.#drop('scanner');
        return;
      }
      if (this.#overload.load !== 'calm' && this.#sheds(message)) {
        this.#drop('overload');
        this.#answerStatelessly(message, 503, this.#env.reason(503), flow, [headerLine('Retry-After', '10')]);
        return;
      }
    } else if (leadsNowhere(message)) {
      this.#drop('malformed-response');
      return;
    }
    this.layer.receive(message, flow);
  }

  #guarded(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      after: (ms, fire) => clock.after(ms, () => this.#safely(fire)),
    };
  }

  close(): void {
    this.layer.close();
    this.location.close();
    this.supervisor.close();
  }

  /** In overload what is new goes first, what belongs to a call last; what repeats or ends something costs nothing. */
  #sheds(request: SipRequest): boolean {
    if (request.method === 'ACK' || this.layer.knows(request)) return false;
    // A BYE of a call makes room.
    if (this.#overload.load === 'full' && request.method !== 'BYE') return true;
    return request.to.tag === undefined || !this.#router.carriesCookie(request);
  }

  /** RFC 3261 §16.3 step 1, §8.2: told what is wrong when that can be told, else dropped and counted. */
  #malformed(problem: ParseProblem, request: SipRequest | undefined, flow: Flow): void {
    this.#drop('malformed');
    if (problem.status === 0 || request === undefined || request.method === 'ACK') return;
    stampReceived(request, flow.remoteAddress, flow.remotePort);
    this.#answerStatelessly(request, problem.status, problem.phrase, flow);
  }

  #answerStatelessly(
    request: SipRequest,
    status: number,
    phrase: string,
    flow: Flow,
    headers: readonly HeaderLine[] = [],
  ): void {
    this.outbox.send(
      this.#refusals.response(request, status, phrase, headers),
      responseFlow(request.via, flow),
    );
  }

  #drop(reason: DropReason): void {
    this.drops.count(reason);
  }
}

/** ms by which a transaction's Timer C is later than that of its call's chart, which ends the call with a word. */
const TIMER_C_MARGIN = 5_000;

const PONG = Buffer.from('\r\n');

/** CR, LF, NUL and blanks only. */
function isKeepalive(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 13 && byte !== 10 && byte !== 0 && byte !== 32) return false;
  return true;
}

/** RFC 3261 §16.7 step 3: all that we send, but for CANCEL, has its sender's Via beneath ours, and so has its answer. */
function leadsNowhere(response: SipResponse): boolean {
  let lines = 0;
  for (const { key } of response.headers) if (key === 'via') lines++;
  return lines < 2 && response.cseq.method !== 'CANCEL' && response.all('via').length < 2;
}

function outbound(config: Config): (host: string, port: number | undefined) => boolean {
  if (config.outbound.length === 0) return () => false;
  const allows = outboundAllows(config.outbound);
  return (host, port) => allows(host, port ?? 5060);
}
