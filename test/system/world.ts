// The whole server without sockets: virtual time, a wire in memory, phones that say what they are told to say.
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { WrongPassword } from '../../src/auth/wrong-passwords.ts';
import { type Config, configSchema } from '../../src/config/config.ts';
import { Histories } from '../../src/control/history.ts';
import { Core } from '../../src/core.ts';
import { CallRecords, saveRecord } from '../../src/journal/call-record.ts';
import { Diary } from '../../src/journal/diary.ts';
import type { Transition } from '../../src/journal/transition.ts';
import { JsonWriter } from '../../src/json/json-writer.ts';
import { Keeper, type KeptLog } from '../../src/keeper.ts';
import { readKept } from '../../src/kept.ts';
import { Domains } from '../../src/routing/domains.ts';
import { type SipMessage, SipRequest, SipResponse } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { defaultReason } from '../../src/sip/reply.ts';
import { LiveLog } from '../../src/store/live-log.ts';
import { SEPARATOR } from '../../src/store/log-entry.ts';
import { Item } from '../../src/store/log-item.ts';
import { type Clock, VirtualClock } from '../../src/time/clock.ts';
import type { Flow } from '../../src/transport/flow.ts';
import type { CrashDisk } from '../store/crash-disk.ts';

const HOW = 'classic transitions';

export const SERVER = { address: '10.0.0.1', port: 5060 } as const;

export interface WorldOptions {
  /** As it would stand in the YAML file. */
  readonly config?: Record<string, unknown>;
  /** Where it keeps things, safe from power failures: what was not synced yet waits to be sent. Absent: a memory that loses nothing. */
  readonly disk?: CrashDisk;
}

export class World {
  readonly clock = new VirtualClock(1_000_000);
  core: Core;
  readonly transitions: Transition[] = [];
  readonly bugs: unknown[] = [];
  readonly wrongPasswords: WrongPassword[] = [];
  /** ms by which somebody has put the wall clock forward; the monotonic one knows nothing of it. */
  wallShift = 0;
  /** Datagrams to nobody's address. */
  readonly lost: SipMessage[] = [];
  /** What is kept of each key, as a killed server leaves it. */
  readonly kept = new Map<string, string>();
  readonly #config: Config;
  readonly #disk: CrashDisk | undefined;
  readonly #phones = new Map<string, Phone>();
  #deferred: (() => void)[] = [];
  #isBursting = false;
  #records = new CallRecords();
  #histories = new Histories();
  #itemOf: (key: string) => Item = (key) => new Item(key);
  readonly #diary = new Diary({ style: 'classic', zone: () => 0 });
  #tags = 0;
  #diaryText = '';
  /** A killed server's timers fire no more. */
  #life = 0;

  constructor(options: WorldOptions = {}) {
    this.#config = configSchema.parse({ domains: ['example.org'], ...options.config });
    this.#disk = options.disk;
    this.core = this.#boot();
  }

  /**
   * The server dies between two bursts and comes back `ms` later. `meanwhile` may change what it kept. Timers that are
   * overdue then come out.
   */
  kill(ms = 0, meanwhile: (kept: Map<string, string>) => void = () => {}): number {
    if (this.#disk === undefined && this.#deferred.length === 0) this.#compare();
    meanwhile(this.kept);
    this.#life++;
    this.#deferred = [];
    this.clock.advance(ms);
    this.core = this.#boot();
    const { dialogs, invites, bindings } = readKept(this.kept, (key) => this.#itemOf(key));
    for (const { dialog, record, history } of dialogs) {
      if (record !== undefined) this.#records.restore({ ...record, dialog: dialog.facts });
      if (history !== undefined) this.#histories.restore(dialog.facts.callId, history);
    }
    const saved = dialogs.map(({ dialog }) => dialog);
    const { overdue, start } = this.core.restore({ bindings, invites, dialogs: saved }, (callId, cause) =>
      this.bugs.push(cause ?? `an INVITE of ${callId} has no dialog`),
    );
    start();
    this.settle();
    return overdue;
  }

  /** What was kept part by part is what would be kept as a whole; what was heard last is nothing to be kept for. */
  #compare(): void {
    const { supervisor } = this.core;
    const whole = new Map<string, string>();
    for (const live of supervisor.dialogs()) {
      if (live.kept === undefined) continue;
      const record = this.#records.of(live.facts.callId);
      const history = this.#histories.of(live.facts.callId);
      const recordText = record === undefined ? '' : `,"record":${saveRecord(record)}`;
      const historyText = history === undefined ? '' : `,"history":${JSON.stringify(history)}`;
      const dialogText = written((out) => supervisor.save(out, live, true, HOW));
      whole.set(live.kept.item.key, `{"dialog":${dialogText}${recordText}${historyText}}`);
      const { opening } = live;
      if (opening?.isPending !== true) continue;
      opening.saveAnew();
      const inviteText = written((out) => supervisor.saveInvite(out, opening));
      whole.set(opening.kept?.key ?? '', inviteText);
    }
    for (const one of whole) {
      const [key] = one;
      const [told, kept] = [[one], [[key, this.kept.get(key) ?? ''] as const]].map(memory);
      if (!isDeepStrictEqual(told, kept)) this.bugs.push({ told, kept });
    }
  }

  #boot(): Core {
    const life = this.#life;
    const config = this.#config;
    const domains = new Domains({ domains: config.domains, hostNames: [] });
    domains.listensOn([SERVER]);
    let keeper: Keeper | undefined;
    const clock: Clock = {
      now: () => this.clock.now(),
      after: (ms, fire) => this.clock.after(ms, () => life === this.#life && fire()),
    };
    const store = this.#store();
    this.#itemOf = (key) => store.log.item(key);
    this.#records = new CallRecords();
    this.#histories = new Histories();
    const core = new Core({
      config,
      clock,
      wall: () => this.clock.now() + this.wallShift,
      key: 'a key for tests',
      newTag: () => `srv${++this.#tags}`,
      domains,
      network: {
        localFor: (address) => (address.includes(':') ? undefined : SERVER),
        sentBy: (local) => `${local.address}:${local.port}`,
        resolve: (_host, _port, done) => done(undefined),
      },
      wire: (bytes, flow, failed) => this.#carry(bytes, flow, failed),
      defer: (flush) => this.#deferred.push(flush),
      observe: (transition) => {
        this.transitions.push(transition);
        this.#records.take(transition);
        this.#histories.take(transition);
        this.#diaryText += this.#diary.lines(transition);
      },
      keep: () => keeper?.keep(),
      safely: store.safely && ((release) => store.safely?.(() => life === this.#life && release())),
      tell: () => {},
      onWrongPassword: (wrong) => this.wrongPasswords.push(wrong),
      onActorError: (_callId, _event, cause) => this.bugs.push(cause),
      onBug: (cause) => this.bugs.push(cause),
    });
    keeper = new Keeper({
      log: store.log,
      supervisor: core.supervisor,
      location: core.location,
      clock,
      wall: () => this.clock.now() + this.wallShift,
      histories: this.#histories,
      onBug: (cause) => this.bugs.push(cause),
      journal: {
        calls: this.#records,
        how: HOW,
        // no two processes have one in common
        window: life + 1,
        head: () => undefined,
        isSettled: () => true,
      },
    });
    keeper.listen();
    return core;
  }

  #store(): { readonly log: KeptLog; readonly safely?: (done: () => void) => void } {
    if (this.#disk === undefined) return { log: new MemoryLog(this.kept) };
    const { log, kept } = LiveLog.open({
      folder: 'store',
      durability: 'power',
      fs: this.#disk.fs,
      now: () => this.clock.now(),
      onTrouble: (trouble) => this.bugs.push(trouble),
    });
    this.kept.clear();
    for (const [key, text] of kept) this.kept.set(key, text);
    return { log, safely: (done) => log.safely(done) };
  }

  phone(user: string, address: string, port = 5060): Phone {
    const phone = new Phone(this, user, address, port);
    this.#phones.set(`${address}:${port}`, phone);
    return phone;
  }

  /** One datagram into the server, and all that follows from it. */
  receive(text: string | Buffer, from: { address: string; port: number }): void {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    this.core.receive(bytes, {
      transport: 'udp',
      localAddress: SERVER.address,
      localPort: SERVER.port,
      remoteAddress: from.address,
      remotePort: from.port,
    });
    this.settle();
  }

  /** All that is done in it is one burst. */
  burst(done: () => void): void {
    this.#isBursting = true;
    done();
    this.#isBursting = false;
    this.settle();
  }

  /** Runs flushes until there is nothing more to flush. */
  settle(): void {
    if (this.#isBursting) return;
    for (let next = this.#deferred.shift(); next !== undefined; next = this.#deferred.shift()) next();
  }

  /** ms of virtual time, one deadline at a time, flushed after each. */
  advance(ms: number): void {
    const end = this.clock.now() + ms;
    for (let next = this.clock.next(); next !== undefined && next <= end; next = this.clock.next()) {
      this.clock.runUntil(next);
      this.settle();
    }
    this.clock.runUntil(end);
    this.settle();
  }

  /** Diary lines without date, time and Call-ID; tabs kept. */
  get diary(): string[] {
    return this.#diaryText
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/^\S+ \S+: /, '').replace(/ \(Call-ID: .*\)$/, ''));
  }

  /** State paths a dialog went through. */
  states(callId?: string): string[] {
    return this.transitions
      .filter((t) => callId === undefined || t.dialog.callId === callId)
      .map((t) => t.to);
  }

  /** Nobody is left alive: no dialog, no transaction, no timer but the bindings'. */
  expectSilence(): void {
    this.advance(400_000);
    expect(this.bugs).toEqual([]);
    expect(this.core.supervisor.size).toBe(0);
    expect([...this.kept.keys()].filter((key) => !key.startsWith('b:'))).toEqual([]);
    expect(this.core.supervisor.links.size).toBe(0);
    expect({ ...this.core.layer.size }).toEqual({
      serverInvite: 0,
      serverNonInvite: 0,
      clientInvite: 0,
      clientNonInvite: 0,
    });
  }

  #carry(bytes: Buffer, flow: Flow, failed: (() => void) | undefined): void {
    const parsed = parse(bytes);
    if (!parsed.ok) {
      if (bytes.toString() === '\r\n') return;
      throw new Error(
        `the server sent what cannot be parsed: ${parsed.problem.code}\n${bytes.toString('latin1')}`,
      );
    }
    const phone = this.#phones.get(`${flow.remoteAddress}:${flow.remotePort}`);
    if (phone === undefined) {
      this.lost.push(parsed.message);
      if (flow.remoteAddress === '10.9.9.9') failed?.();
    } else {
      phone.inbox.push(parsed.message);
    }
  }
}

function memory(entries: readonly (readonly [key: string, text: string])[]) {
  const { dialogs, invites } = readKept(new Map(entries));
  return {
    dialogs: dialogs.map(({ dialog, record, history }) => ({
      ...dialog,
      // what is undefined is not there
      ...JSON.parse(JSON.stringify({ record, history })),
      kept: undefined,
      heard: undefined,
      at: 0,
      timers: [],
    })),
    invites: invites.map(({ forwarding, ...invite }) => {
      // what is as it is at the start need not be there
      const branches = Object.values(forwarding.branches).map((branch) => ({
        ...{ status: 0, cancelAsked: false, skipped: false, followed: false },
        ...branch,
        spoke: undefined,
      }));
      const start = { answered: false, finalStatus: 0, waiting: [] };
      return { ...invite, ...start, ...forwarding, kept: undefined, serial: 0, branches };
    }),
  };
}

function written(write: (out: JsonWriter) => void): string {
  const out = new JsonWriter();
  write(out);
  return out.toString();
}

/** Keeps nothing before it is flushed. */
class MemoryLog implements KeptLog {
  readonly out = new JsonWriter();
  readonly #kept: Map<string, string>;
  #waiting: (() => void)[] = [];

  constructor(kept: Map<string, string>) {
    this.#kept = kept;
  }

  item(key: string): Item {
    return new Item(key);
  }

  drop(): void {
    this.out.clear();
  }

  #take(): string {
    const text = this.out.toString();
    this.out.clear();
    return text;
  }

  put({ key }: Item): void {
    const text = this.#take();
    this.#waiting.push(() => {
      this.#kept.delete(key);
      this.#kept.set(key, text);
    });
  }

  append({ key }: Item): void {
    const text = this.#take();
    this.#waiting.push(() => this.#kept.set(key, `${this.#kept.get(key)}${SEPARATOR}${text}`));
  }

  delete({ key }: Item): void {
    this.#waiting.push(() => this.#kept.delete(key));
  }

  flush(): void {
    for (const change of this.#waiting) change();
    this.#waiting = [];
  }
}

let serial = 0;

export interface RequestOptions {
  readonly uri?: string;
  readonly to?: string;
  readonly toTag?: string;
  readonly fromTag?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly branch?: string;
  readonly routes?: readonly string[];
  readonly contact?: string | null;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly type?: string;
  readonly maxForwards?: number | null;
}

/** A phone is a user, an address, and what it received. It has no mind: tests speak for it. */
export class Phone {
  readonly inbox: SipMessage[] = [];
  readonly contact: string;
  readonly aor: string;
  readonly user: string;
  readonly address: string;
  readonly port: number;
  readonly #world: World;

  constructor(world: World, user: string, address: string, port: number) {
    this.#world = world;
    this.user = user;
    this.address = address;
    this.port = port;
    this.contact = `sip:${user}@${address}:${port}`;
    this.aor = `sip:${user}@example.org`;
  }

  raw(text: string | Buffer): void {
    this.#world.receive(text, this);
  }

  request(
    method: string,
    options: RequestOptions = {},
  ): { text: string; branch: string; callId: string; fromTag: string } {
    const n = ++serial;
    const branch = options.branch ?? `z9hG4bK${this.user}${n}`;
    const callId = options.callId ?? `call${n}@${this.address}`;
    const fromTag = options.fromTag ?? `${this.user}tag${n}`;
    const to = options.to ?? 'sip:nobody@example.org';
    const body = options.body ?? '';
    const toTag = options.toTag === undefined ? '' : `;tag=${options.toTag}`;
    const lines = [
      `${method} ${options.uri ?? to} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.address}:${this.port};branch=${branch};rport`,
      ...(options.maxForwards === null ? [] : [`Max-Forwards: ${options.maxForwards ?? 70}`]),
      `From: <${this.aor}>;tag=${fromTag}`,
      `To: <${to}>${toTag}`,
      `Call-ID: ${callId}`,
      `CSeq: ${options.cseq ?? 1} ${method}`,
      ...(options.contact === null ? [] : [`Contact: <${options.contact ?? this.contact}>`]),
      ...(options.routes ?? []).map((route) => `Route: ${route}`),
      ...(options.headers ?? []),
      ...(body === '' ? [] : [`Content-Type: ${options.type ?? 'application/sdp'}`]),
      `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
    ];
    const text = `${lines.join('\r\n')}\r\n\r\n${body}`;
    this.raw(text);
    return { text, branch, callId, fromTag };
  }

  register(options: RequestOptions = {}): SipResponse {
    this.request('REGISTER', { uri: 'sip:example.org', to: this.aor, ...options });
    return this.response('REGISTER');
  }

  /** Answers a request it received. */
  answer(
    request: SipRequest,
    status: number,
    options: { tag?: string; contact?: string | null; headers?: readonly string[]; body?: string } = {},
  ): void {
    const body = options.body ?? '';
    const tag = options.tag ?? `${this.user}to`;
    const lines = [
      `SIP/2.0 ${status} ${defaultReason(status)}`,
      ...request.headers.filter((h) => h.key === 'via' || h.key === 'record-route').map((h) => h.raw),
      request.headers.find((h) => h.key === 'from')?.raw,
      `To: ${request.to.raw}${request.to.tag === undefined && status > 100 ? `;tag=${tag}` : ''}`,
      `Call-ID: ${request.callId}`,
      `CSeq: ${request.cseq.number} ${request.cseq.method}`,
      ...(options.contact === null ? [] : [`Contact: <${options.contact ?? this.contact}>`]),
      ...(options.headers ?? []),
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
    ];
    this.raw(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  /** Takes the oldest request of that method out of the inbox. */
  got(method: string): SipRequest {
    const at = this.inbox.findIndex((m) => m instanceof SipRequest && m.method === method);
    const [message] = at < 0 ? [] : this.inbox.splice(at, 1);
    if (!(message instanceof SipRequest)) throw new Error(`${this.user} got no ${method}: ${this.#said()}`);
    return message;
  }

  /** Takes the oldest response to that method, of that status when one is given, out of the inbox. */
  response(method: string, status?: number): SipResponse {
    const at = this.inbox.findIndex(
      (m) =>
        m instanceof SipResponse && m.cseq.method === method && (status === undefined || m.status === status),
    );
    const [message] = at < 0 ? [] : this.inbox.splice(at, 1);
    if (!(message instanceof SipResponse)) {
      throw new Error(`${this.user} got no ${status ?? 'response'} to ${method}: ${this.#said()}`);
    }
    return message;
  }

  /** Start lines of what waits in the inbox. */
  get heard(): string[] {
    return this.inbox.map((m) => (m instanceof SipRequest ? m.method : `${m.status} ${m.cseq.method}`));
  }

  #said(): string {
    return this.heard.length === 0 ? 'it heard nothing' : `it heard ${this.heard.join(', ')}`;
  }
}

export const SDP = {
  audio:
    'v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n',
  video:
    'v=0\r\no=- 1 2 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\n',
  held: 'v=0\r\no=- 1 3 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n',
  heldAnswer:
    'v=0\r\no=- 1 3 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=recvonly\r\n',
  videoRefused:
    'v=0\r\no=- 1 2 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n',
} as const;

/** Route values for the caller of a dialog from the response that made it (RFC 3261 §12.1.2: reversed). */
export function routeSet(response: SipResponse): string[] {
  return response.all('record-route').reverse();
}

/** alice and bob, registered. */
export function twoPhones(config: Record<string, unknown> = {}, bobsPort = 5060) {
  const world = new World({ config });
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3', bobsPort);
  alice.register();
  bob.register();
  return { world, alice, bob };
}

/** Alice calls, Bob's phone rings, and Carol's is the next one of his to do so. */
export function ringInTurn(world: World, alice: Phone, bob: Phone): Phone {
  const carol = world.phone('carol', '10.0.0.4');
  carol.register({ to: bob.aor, contact: null, headers: [`Contact: <${carol.contact}>;q=0.5`] });
  alice.request('INVITE', { to: bob.aor, body: SDP.audio });
  bob.answer(bob.got('INVITE'), 180);
  return carol;
}

/** An established call between two registered phones. */
export function callUp(
  world: World,
  alice: Phone,
  bob: Phone,
  offer: string = SDP.audio,
  answer: string = SDP.audio,
  headers: readonly string[] = [],
) {
  const invite = alice.request('INVITE', { to: bob.aor, body: offer });
  const atBob = bob.got('INVITE');
  bob.answer(atBob, 180);
  bob.answer(atBob, 200, { headers, body: answer });
  alice.response('INVITE', 100);
  alice.response('INVITE', 180);
  const ok = alice.response('INVITE', 200);
  const toTag = ok.to.tag ?? '';
  const routes = routeSet(ok);
  const dialog = {
    callId: invite.callId,
    fromTag: invite.fromTag,
    toTag,
    routes,
    to: bob.aor,
    uri: bob.contact,
  };
  alice.request('ACK', { ...dialog, cseq: 1 });
  bob.got('ACK');
  const back = {
    callId: invite.callId,
    fromTag: toTag,
    toTag: invite.fromTag,
    routes: atBob.all('record-route'),
    to: alice.aor,
    uri: alice.contact,
  };
  return { world, invite, atBob, ok, dialog, back };
}
