// Connects the parts of a running server: the same for real sockets and clocks as for virtual ones.
import { Nonces } from './auth/nonces.ts';
import { Users } from './auth/users.ts';
import { type WrongPassword, WrongPasswords } from './auth/wrong-passwords.ts';
import type { Config } from './config/config.ts';
import type { Transition } from './journal/transition.ts';
import { Drain } from './limits/drain.ts';
import { type DropReason, Drops } from './limits/drops.ts';
import { type Policy, type PolicyParts, policyOf } from './policy.ts';
import { Admission } from './proxy/admission.ts';
import { Inbound, type SavedInvite } from './proxy/inbound.ts';
import { Merged } from './proxy/merged.ts';
import { ProxyCore, type ProxyNetwork } from './proxy/proxy-core.ts';
import { Refusals } from './proxy/refusals.ts';
import { Location } from './registrar/location.ts';
import { Registrar } from './registrar/registrar.ts';
import { restore as restoreBindings } from './registrar/saved.ts';
import { CookieJar } from './routing/cookie.ts';
import type { Domains } from './routing/domains.ts';
import { keyedHash } from './routing/keyed-hash.ts';
import { Router, type Target } from './routing/router.ts';
import { stampReceived } from './sip/edit.ts';
import { canonicalHost } from './sip/host.ts';
import { type HeaderLine, headerLine, type SipRequest, type SipResponse } from './sip/message.ts';
import { type ParseProblem, parse } from './sip/parse.ts';
import { parseUri } from './sip/uri.ts';
import type { Item } from './store/log-item.ts';
import type { SavedDialog } from './supervisor/saved-dialog.ts';
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
  readonly domains: Domains;
  readonly network: ProxyNetwork;
  readonly wire: Wire;
  /** Runs a function once after the burst at hand. */
  readonly defer: (flush: () => void) => void;
  readonly observe: (transition: Transition) => void;
  /** Flush step 1; absent: nothing outlives the process. */
  readonly keep?: () => void;
  /** Calls `release` once what was kept is safe on the disk; absent: at once. */
  readonly safely?: ((release: () => void) => void) | undefined;
  /** Flush step 3. */
  readonly tell: () => void;
  /** undefined: those of the configuration alone. */
  readonly users?: Users;
  /** Bytes in use, and how to free what nobody holds; undefined: memory is not watched. */
  readonly memory?: { readonly used: () => number; readonly collect: () => void };
  readonly onActorError: (callId: string, event: string, cause: unknown) => void;
  /** undefined: nobody wants to know. */
  readonly onWrongPassword?: (wrong: WrongPassword) => void;
  /** A bug showed while a datagram or a timer was handled: the server goes on without that one. */
  readonly onBug: (cause: unknown) => void;
}

/** What outlives a process. */
export interface Kept {
  readonly bindings: Iterable<unknown>;
  readonly dialogs: Iterable<SavedDialog>;
  readonly invites: Iterable<SavedInvite>;
}

export interface Restored {
  readonly bindings: number;
  readonly dialogs: number;
  /** Timers that came due meanwhile. */
  readonly overdue: number;
  readonly start: () => void;
}

export class Core {
  readonly location: Location;
  readonly supervisor: Supervisor;
  readonly layer: TransactionLayer;
  readonly outbox: Outbox;
  /** What was dropped, by reason. */
  readonly drops = new Drops();
  /** The end that waits for the calls there are. */
  readonly drain: Drain;
  readonly #env: Environment;
  readonly #policyParts: PolicyParts;
  #policy: Policy;
  readonly #refusals: Refusals;
  readonly #router: Router;
  readonly #inbound: Inbound;
  /** Clock ms until which answers may come to what was sent before a restart. */
  #restartEnds = 0;

  constructor(env: Environment) {
    this.#env = env;
    const clock = this.#guarded(env.clock);
    // Parts that ask for their settings when they need them always have those that hold.
    const held = (): Policy => this.#policy;
    const reason = (status: number): string => this.#policy.reason(status);
    const justRestarted = (): boolean => clock.now() < this.#restartEnds;
    // A wall clock that is put back would make every nonce look like one of an earlier process.
    const began = env.wall() - clock.now();
    this.#policyParts = {
      domains: env.domains,
      nonces: new Nonces({
        mac: keyedHash(env.key, 'nonce', 22),
        newSalt: env.newTag,
        wall: () => began + clock.now(),
        get life() {
          return held().config.auth.nonceLife;
        },
        max: NONCES,
      }),
      wrongPasswords: new WrongPasswords({
        now: () => clock.now(),
        tell: (wrong) => env.onWrongPassword?.(wrong),
      }),
      transactions: () => {
        const { size } = this.layer;
        return size.serverInvite + size.serverNonInvite + size.clientInvite + size.clientNonInvite;
      },
      memory: env.memory?.used,
      collect: env.memory?.collect,
      now: () => clock.now(),
    };
    this.#policy = policyOf(env.config, env.users ?? new Users(env.config.auth.users), this.#policyParts);
    const { timers } = this.#policy;
    this.outbox = new Outbox(
      env.wire,
      { keep: env.keep ?? (() => {}), safely: env.safely, tell: env.tell },
      env.defer,
    );
    const branchHash = keyedHash(env.key, 'branch', 14);
    const jar = new CookieJar(keyedHash(env.key, 'cookie', 14), keyedHash(env.key, 'tag', 4));
    this.location = new Location({ clock });
    const registrar = new Registrar({
      location: this.location,
      clock,
      get settings() {
        return held().registrar;
      },
      isOurs: (uri) => env.domains.isOurs(uri),
      reason,
      newTag: env.newTag,
      wall: env.wall,
      justRestarted,
    });
    this.supervisor = new Supervisor({
      clock,
      wall: env.wall,
      get durations() {
        return held().durations;
      },
      observe: env.observe,
      onActorError: env.onActorError,
    });
    const router = new Router(env.domains, this.location, jar, {
      outbound: (host, port) => this.#policy.outbound(host, port),
      focusContact: (aor, confId) => this.supervisor.links.focusContact(aor, confId),
    });
    this.#router = router;
    const redirect = (request: SipRequest, uri: string): readonly Target[] =>
      this.#policy.gate?.asksMoreFor(request, parseUri(uri)) ? [] : router.lead(uri);
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
      reason,
      settings: {
        get unavailable() {
          return held().config.unavailable;
        },
        get serialAfter() {
          return held().config.timers.serial;
        },
        get redirect() {
          return held().config.redirects === 'follow' ? redirect : undefined;
        },
      },
    });
    this.#refusals = new Refusals(keyedHash(env.key, 'refused', 10));
    this.drain = new Drain({
      clock,
      calls: () => this.#callsToWaitFor(),
      owes: () => this.layer.owes,
    });
    const admission = new Admission({
      get gate() {
        return held().gate;
      },
      get limits() {
        return held().limits;
      },
      get callers() {
        return held().config.callers;
      },
      get maxCalls() {
        return held().config.limits.calls;
      },
      location: this.location,
      calls: () => this.supervisor.size,
      isDraining: () => this.drain.isOn,
      isLive: (callId) => this.supervisor.get(callId) !== undefined,
      drop: (why) => this.#drop(why),
    });
    this.#inbound = new Inbound({
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
      drop: (why) => this.#drop(why),
      justRestarted,
    });
    this.layer = new TransactionLayer({
      clock,
      timers,
      send: (bytes, flow, failed) => this.outbox.send(bytes, flow, failed && (() => this.#safely(failed))),
      user: this.#inbound,
      reason,
    });
  }

  /** What holds now. */
  get config(): Config {
    return this.#policy.config;
  }

  /** Another configuration from now on, all of it at once; what it cannot change here is as it was. Throws nothing. */
  update(config: Config, users: Users): void {
    this.#policy = policyOf(config, users, this.#policyParts, this.#policy);
    this.#env.domains.serve(config.domains);
    this.layer.timers = this.#policy.timers;
  }

  /**
   * Brings back what was kept of another process. `broken` hears of a dialog whose chart knows its state no more, and of
   * an INVITE that cannot be read, with what is kept of that. `start` sends: it takes up what was under way, and fires
   * the timers that came due.
   */
  restore(kept: Kept, broken: (callId: string, cause: unknown, invite?: Item) => void): Restored {
    const { clock, wall } = this.#env;
    const bindings = restoreBindings(this.location, kept.bindings, { clock, wall });
    const { dialogs, overdue, start } = this.supervisor.restore(kept.dialogs, (saved, cause) =>
      broken(saved.opened.callId, cause),
    );
    const resume = (): void => {
      if (bindings + dialogs > 0) this.#restartEnds = clock.now() + 64 * this.#policy.timers.t1;
      for (const saved of kept.invites) {
        let isResumed = false;
        this.#safely(() => {
          isResumed = this.#inbound.resume(saved);
        });
        if (!isResumed) broken(saved.callId, undefined, saved.kept);
      }
      this.#safely(start);
    };
    return { bindings, dialogs, overdue, start: resume };
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
    const unread = this.#policy.limits.unread(bytes, flow.remoteAddress);
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
      if (this.#policy.limits.isScanner(message)) {
        this.#drop('scanner');
        return;
      }
      if (this.#policy.overload.load !== 'calm' && this.#sheds(message)) {
        this.#drop('overload');
        this.#answerStatelessly(message, 503, this.#policy.reason(503), flow, [
          headerLine('Retry-After', '10'),
        ]);
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

  /** Subscriptions may go on for an hour, and who was asked for a password or sent elsewhere may never come back. */
  #callsToWaitFor(): number {
    let calls = 0;
    for (const { facts, state } of this.supervisor.dialogs())
      if (facts.machine === 'dialog' && state !== 'challenged' && state !== 'redirected') calls++;
    return calls;
  }

  close(): void {
    this.#policyParts.wrongPasswords.close();
    this.drain.close();
    this.layer.close();
    this.location.close();
    this.supervisor.close();
  }

  /** In overload what is new goes first, what belongs to a call last; what repeats or ends something costs nothing. */
  #sheds(request: SipRequest): boolean {
    if (request.method === 'ACK' || this.layer.knows(request)) return false;
    // A BYE of a call makes room.
    if (this.#policy.overload.load === 'full' && request.method !== 'BYE') return true;
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

/** Used nonces that are watched at once: some 200 bytes each. */
const NONCES = 100_000;

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
