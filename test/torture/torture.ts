// Kills a server again and again in the middle of everything, and sees that its phones and its books never notice.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { STORE_FOLDER } from '../../src/persistence.ts';
import { realStoreFileSystem } from '../../src/store/file-system.ts';
import { readLog } from '../../src/store/log-read.ts';
import { chanceOf } from '../store/crash-disk.ts';
import { Books } from './books.ts';
import {
  basicCall,
  Call,
  desertedCall,
  forkedCall,
  type Kind,
  referral,
  storm,
  subscription,
  unreachableCall,
} from './calls.ts';
import { PATIENCE, Phone } from './phone.ts';
import { Registrations } from './registrations.ts';
import { Server } from './server.ts';

const { positionals, values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: { seed: { type: 'string' }, keep: { type: 'boolean' } },
});
const rounds = Number(positionals[0] ?? 500);
const seed = Number(values.seed ?? 1);
/** Rounds after which all calls are let end, and the books are read. */
const READ_EVERY = 25;
const KINDS: readonly Kind[] = [
  ...Array<Kind>(12).fill('call'),
  ...Array<Kind>(3).fill('subscription'),
  ...Array<Kind>(2).fill('fork'),
  'refer',
  'unreachable',
];

/** ms within which a call that does not ring may still be forgotten. */
const YOUNG = 1500;

/** A call as it was when the server died. */
interface Seen {
  readonly call: Call;
  readonly version: number;
  readonly isHeard: boolean;
}

class Torture {
  readonly server: Server;
  readonly failures: string[] = [];
  readonly atDeath = new Map<string, number>();
  readonly #chance = chanceOf(seed);
  readonly #calls: Call[] = [];
  readonly #byId = new Map<string, Call>();
  #users: Phone[] = [];
  #twins: Phone[] = [];
  #guests: Phone[] = [];
  #registrations = new Registrations([]);
  readonly #running = new Set<Promise<void>>();
  #round = 0;
  #checked = 0;
  #begun = 0;
  #ready = 0;
  lines = 0;
  checks = 0;
  lost = 0;

  constructor(server: Server) {
    this.server = server;
  }

  async run(): Promise<void> {
    await this.server.start();
    await this.#open();
    for (this.#round = 1; this.#round <= rounds; this.#round++) {
      await this.#play();
      const seen = this.#look();
      await this.server.kill();
      if (this.#chance() < 0.1) await pause(this.#chance() * 1500);
      await this.server.start();
      await this.#compare(seen);
      if (this.#round % READ_EVERY === 0 || this.#round === rounds) await this.#read();
    }
    await this.#end();
  }

  async #open(): Promise<void> {
    const phone = (user: string, isBehindNat: boolean) =>
      Phone.open({
        user,
        domain: this.server.domain,
        server: this.server.port,
        isBehindNat,
        complain: (what, message) =>
          this.#fail(
            this.#byId.get(message.callId),
            `${user} got ${what}: ${message.start} (${message.get('cseq')})`,
          ),
        trace: (callId, line) => {
          const time = (performance.now() / 1000).toFixed(3);
          this.#byId.get(callId)?.trace.push(`${time} ${line}`);
        },
      });
    for (let i = 0; i < 8; i++) this.#users.push(await phone(`user${i}`, i % 2 === 1));
    for (let i = 0; i < 2; i++) this.#twins.push(await phone('twins', i === 1));
    for (let i = 0; i < 12; i++) this.#guests.push(await phone(`guest${i}`, i % 3 === 0));
    this.#registrations = new Registrations([...this.#users, ...this.#twins, ...this.#guests]);
    for (const one of [...this.#users, ...this.#twins]) this.#registrations.register(one, 7200);
    await this.#registrations.settle();
  }

  /** Calls begin and go on for a while; the server dies when this is over. */
  async #play(): Promise<void> {
    const aim = 10 + Math.floor(this.#chance() * 16);
    const isBurst = this.#chance() < 0.3;
    const wait = isBurst ? this.#chance() * 30 : 50 + this.#chance() * 1300;
    const until = performance.now() + wait;
    for (let missing = aim - this.#running.size; missing > 0; missing--) {
      this.#begin();
      if (!isBurst && this.#chance() < 0.4) await pause(this.#chance() * 60);
    }
    const guests = 1 + Math.floor(this.#chance() * 5);
    for (let i = 0; i < guests; i++) {
      const seconds = this.#one([2, 4, 60, 600, 3600, 0]);
      this.#registrations.register(this.#one(this.#guests), seconds);
    }
    if (this.#chance() < 0.3) this.#registrations.register(this.#one([...this.#users, ...this.#twins]), 7200);
    const left = until - performance.now();
    if (left > 0) await pause(left);
    if (this.#chance() > 0.4) return;
    storm();
    const held = this.#chance() * 6;
    if (held > 1) await pause(held);
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#chance() * of.length)] as T;
  }

  /** Long before the books are read: what only a timer ends is over by then. */
  get #isEarly(): boolean {
    return this.#round % READ_EVERY < READ_EVERY / 3 && this.#round + READ_EVERY / 2 < rounds;
  }

  #begin(): void {
    const n = ++this.#begun;
    const kind = this.#isEarly && this.#chance() < 0.05 ? 'deserted' : this.#one(KINDS);
    const call = new Call(`${kind}-${n}@${seed}.${this.#round}`, kind, chanceOf(seed * 1_000_003 + n));
    this.#calls.push(call);
    this.#byId.set(call.callId, call);
    const from = this.#one(this.#users);
    const to = this.#one(this.#users.filter((user) => user !== from));
    const life = this.#life(call, from, to).catch((cause) => {
      if (!call.isLost) this.#fail(call, `${call.phase}: ${cause instanceof Error ? cause.message : cause}`);
    });
    const running = Promise.race([life, call.lost]);
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  #life(call: Call, from: Phone, to: Phone): Promise<void> {
    switch (call.kind) {
      case 'call':
        return basicCall(call, from, to);
      case 'deserted':
        return desertedCall(call, from, to);
      case 'fork':
        return forkedCall(call, from, this.#twins);
      case 'subscription':
        return subscription(call, from, to);
      case 'refer':
        return referral(call, from, to);
      case 'unreachable':
        return unreachableCall(call, from);
    }
  }

  #look(): Seen[] {
    const seen = this.#calls.filter(({ over, isLost, failure }) => !over && !isLost && failure === undefined);
    for (const { phase } of seen) this.atDeath.set(phase, (this.atDeath.get(phase) ?? 0) + 1);
    if (this.#registrations.underway > 0)
      this.atDeath.set(
        'REGISTER under way',
        (this.atDeath.get('REGISTER under way') ?? 0) + this.#registrations.underway,
      );
    const young = performance.now() - YOUNG;
    for (const call of seen)
      if (call.tryingSince > 0 && Math.max(this.#ready, call.tryingSince) > young) call.mayBegin = true;
    return seen.map((call) => ({ call, version: call.version, isHeard: call.isHeard() }));
  }

  /** What was up before the death is up after it, in its right state; no registration is lost. */
  async #compare(seen: readonly Seen[]): Promise<void> {
    this.#ready = performance.now();
    const live = new Map((await this.server.calls()).map((call) => [call.callId, call]));
    for (const { call, version, isHeard } of seen) {
      if (call.failure !== undefined) continue;
      const found = live.get(call.callId);
      const isMissing = found === undefined && call.mayBegin && call.tryingSince > 0 && isHeard;
      if (isMissing && !(await this.#hasEnded(call))) this.#lose(call);
      if (!call.isUp) continue;
      this.checks++;
      if (found === undefined) this.#fail(call, `${call.phase}: it is gone after the restart`);
      else if (call.version === version && call.settled !== undefined && !call.settled.test(found.state))
        this.#fail(call, `${call.phase}: after the restart it stands in ${found.state}`);
    }
    const at = Date.now();
    this.#registrations.check(await this.server.registrations(), at);
    this.#takeFailures();
  }

  /** A call that is being cancelled may end between the restart and our look. */
  async #hasEnded({ callId }: Call): Promise<boolean> {
    return (await this.server.past()).some((ended) => ended.callId === callId);
  }

  /** Its caller was told that it tries: it must not be forgotten. Nobody waits for it any more. */
  #lose(call: Call): void {
    this.#fail(call, 'it was forgotten before it rang');
    call.isLost = true;
    this.lost++;
    for (const phone of [...this.#users, ...this.#twins]) phone.drop(call.callId);
    call.lose();
  }

  #takeFailures(): void {
    for (const failure of this.#registrations.failures.splice(0)) this.#fail(undefined, failure);
    for (const trouble of this.server.troubles.splice(0))
      this.#fail(undefined, `the server said: ${trouble}`);
  }

  /** Lets all calls end, and reads what was written of them. */
  async #read(): Promise<void> {
    await Promise.all([...this.#running]);
    await this.#registrations.settle();
    this.#takeFailures();
    const deadline = performance.now() + PATIENCE;
    while ((await this.server.calls()).length > 0 && performance.now() < deadline) await pause(50);
    for (const { callId, state } of await this.server.calls())
      this.#fail(this.#byId.get(callId), `it is over, yet the server keeps it in ${state}`);
    // the diary is written some ms after the answer
    await pause(100);
    const ended = new Map<string, Awaited<ReturnType<Server['past']>>>();
    for (const one of await this.server.past())
      ended.set(one.callId, [...(ended.get(one.callId) ?? []), one]);
    const books = new Books(this.server.data);
    this.lines = books.lines;
    for (const broken of books.broken) this.#fail(undefined, broken);
    for (const callId of new Set([...books.diary.keys(), ...books.journal.keys(), ...ended.keys()]))
      if (!this.#byId.has(callId)) this.#fail(undefined, `nobody called with the Call-ID ${callId}`);
    for (; this.#checked < this.#calls.length; this.#checked++) {
      const call = this.#calls[this.#checked];
      if (call === undefined || call.isLost || call.failure !== undefined) continue;
      const faults = books.faults(call, ended.get(call.callId) ?? []);
      if (faults.length > 0) this.#fail(call, faults.join('\n'));
      else call.trace.length = 0;
    }
    process.stdout.write(
      `round ${this.#round}: ${this.#calls.length} calls, ${this.lines} lines, ${this.failures.length} failures\n`,
    );
  }

  /** After the last call and its timers only bindings are left. */
  async #end(): Promise<void> {
    const listed = execFileSync(process.execPath, [
      this.server.bundle,
      'calls',
      '--all',
      '--json',
      '--data',
      this.server.data,
    ]);
    if (listed.length > 0) this.#fail(undefined, `callchart calls: ${listed.toString()}`);
    // what is confirmed leaves the log with the next burst
    for (let i = 0; i < 2; i++) {
      this.#registrations.register(this.#users[0] as Phone, 7200);
      await this.#registrations.settle();
      await pause(300);
    }
    await this.server.kill();
    this.#takeFailures();
    const { kept } = readLog(realStoreFileSystem, join(this.server.data, STORE_FOLDER));
    // the places of journal lines are used again
    const left = [...kept.keys()].filter((key) => !/^[bj]:/.test(key));
    if (left.length > 0) this.#fail(undefined, `left in the log: ${left.join(', ')}`);
    for (const phone of [...this.#users, ...this.#twins, ...this.#guests]) phone.close();
  }

  #fail(call: Call | undefined, words: string): void {
    this.failures.push(words);
    if (call !== undefined) call.failure ??= words;
    if (this.failures.length > 20) return;
    process.stdout.write(
      `\nFAILED in round ${this.#round}${call === undefined ? '' : ` (${call.callId})`}: ${words}\n`,
    );
    if (call !== undefined) process.stdout.write(`  ${call.trace.join('\n  ')}\n`);
  }

  summary(seconds: number): string {
    const starts = this.server.starts.slice().sort((a, b) => a - b);
    const at = (part: number) => Math.round(starts[Math.floor((starts.length - 1) * part)] ?? 0);
    const { calls, subscriptions, bindings, overdue } = this.server.restored;
    const states = [...this.atDeath]
      .sort(([, a], [, b]) => b - a)
      .map(([phase, count]) => `  ${count} ${phase}`);
    return [
      `${rounds} rounds with seed ${seed} in ${seconds.toFixed(0)} s: ${this.#calls.length} calls, ${this.#registrations.acknowledged} registrations`,
      'at a death there were',
      ...states,
      `restored: ${calls} calls, ${subscriptions} subscriptions, ${bindings} bindings; ${overdue} overdue timers`,
      `ready again after ${at(0.5)} ms (p50), ${at(0.99)} ms (p99), ${at(1)} ms (max)`,
      `checked: ${this.checks} states after a restart, ${this.lines} lines; ${this.lost} calls were forgotten in their first moment, before they rang`,
      `a write was cut short ${this.server.torn} times, the disk was slow ${this.server.slow} times`,
      `${this.failures.length} failures`,
      '',
    ].join('\n');
  }
}

const server = await Server.place(process.env.CALLCHART ?? 'dist/callchart.js');
const torture = new Torture(server);
const from = performance.now();
try {
  await torture.run();
} catch (cause) {
  torture.failures.push(String(cause));
  process.stdout.write(`${cause instanceof Error ? cause.stack : cause}\n`);
} finally {
  await server.kill();
}
process.stdout.write(torture.summary((performance.now() - from) / 1000));
if (torture.failures.length > 0 || values.keep) process.stdout.write(`the server's files: ${server.data}\n`);
else server.clear();
process.exit(torture.failures.length > 0 ? 1 : 0);
