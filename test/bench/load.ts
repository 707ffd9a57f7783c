// Owns the load on one server: sockets of the phones, who calls whom and when, registrations, and the tallies.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Callees } from './callee.ts';
import { Caller } from './caller.ts';
import { Later } from './later.ts';
import { hopOf, read, request } from './messages.ts';
import { type Network, sendUntil, Tally } from './phone.ts';

export interface LoadPlan {
  readonly serverPort: number;
  readonly users: number;
  readonly ring: number;
  readonly talk: number;
  /** The port that users register; ours unless another program takes the calls. */
  readonly contactPort?: number;
}

/** Phones share a few sockets: enough that a server sees several addresses, few enough to stay cheap. */
const LINES = 8;
/** REGISTERs under way at once while the users come in. */
const REGISTERING = 32;
/** Calls that one tick may make up for when the generator was late. */
const CATCH_UP = 50;

let salts = 0;

export class Load implements Network {
  readonly tally = new Tally();
  readonly #plan: LoadPlan;
  readonly #salt: string;
  readonly #later = new Later();
  readonly #callees: Callees;
  readonly #callers = new Map<string, Caller>();
  readonly #registering = new Map<string, (status: number) => void>();
  readonly #registerSequence: Int32Array;
  #sockets: Socket[] = [];
  #ports: number[] = [];
  #ticking: NodeJS.Timeout | undefined;
  #pace: { rate: number; began: number; done: number; most: number; step: () => void } | undefined;
  #heardAnything = false;
  #callsMade = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    salts += 1;
    this.#salt = `${process.pid.toString(36)}${salts}x${Date.now().toString(36)}`;
    this.#callees = new Callees(this, plan.ring);
    this.#registerSequence = new Int32Array(plan.users);
  }

  now(): number {
    return performance.now();
  }

  after(ms: number, run: () => void): void {
    this.#later.after(ms, this.now(), run);
  }

  portOf(line: number): number {
    return this.#ports[line] ?? 0;
  }

  contact(user: number, line: number): string {
    return `sip:u${user}@127.0.0.1:${this.#plan.contactPort ?? this.portOf(line)}`;
  }

  send(text: string, line: number, port: number): void {
    this.#sockets[line]?.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
  }

  /** Ports of the phones, for whoever looks after lost datagrams. */
  get ports(): readonly number[] {
    return this.#ports;
  }

  get live(): number {
    return this.#callers.size;
  }

  async open(): Promise<void> {
    for (let line = 0; line < LINES; line += 1) {
      // a look-up of its own saves Node's asynchronous one for every datagram
      const socket = createSocket({
        type: 'udp4',
        lookup: (host, _options, found) => found(null, host, 4),
      });
      socket.on('message', (bytes, from) => this.#hear(bytes, line, from.port));
      socket.on('error', () => {});
      const listening = once(socket, 'listening');
      socket.bind(0, '127.0.0.1');
      await listening;
      socket.setRecvBufferSize(2 << 20);
      this.#sockets.push(socket);
      this.#ports.push((socket.address() as AddressInfo).port);
    }
    this.#ticking = setInterval(() => this.#tick(), 1);
  }

  close(): void {
    clearInterval(this.#ticking);
    for (const socket of this.#sockets) socket.close();
    this.#sockets = [];
  }

  /** Asks with OPTIONS until the server says anything at all. */
  async reach(seconds: number, gone: () => boolean): Promise<boolean> {
    const until = this.now() + seconds * 1000;
    for (let cseq = 1; this.now() < until && !this.#heardAnything && !gone(); cseq += 1) {
      this.send(this.#ask('OPTIONS', 0, 0, `o${this.#salt}`, cseq, ''), 0, this.#plan.serverPort);
      await sleep(100);
    }
    return this.#heardAnything;
  }

  /** Registers every user, a few at a time; answers how many were accepted. */
  async registerAll(): Promise<number> {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < this.#plan.users) await this.#register(next++);
    };
    await Promise.all(Array.from({ length: REGISTERING }, one));
    return this.tally.registered;
  }

  /** Refreshes registrations at a fixed rate, until stop(). */
  startRegistering(rate: number): void {
    let user = 0;
    this.#start(rate, Number.POSITIVE_INFINITY, () => void this.#register(user++ % this.#plan.users));
  }

  /** Places calls at a fixed rate, until stop(). */
  startCalling(rate: number): void {
    this.#start(rate, Number.POSITIVE_INFINITY, () => this.#call(this.#plan.talk));
  }

  /** Places `count` calls that stay; answers how many are up. */
  async hold(count: number, rate: number): Promise<number> {
    this.#start(rate, count, () => this.#call(undefined));
    const until = this.now() + (count / rate) * 1500 + 10_000;
    while (this.now() < until && (this.#pace?.done ?? 0) < count) await sleep(20);
    await this.#settle(until, () => this.#held() >= count);
    this.stop();
    return this.#held();
  }

  #held(): number {
    let held = 0;
    for (const call of this.#callers.values()) if (call.state === 'confirmed') held += 1;
    return held;
  }

  /** Ends every call that is up, at that rate. */
  async hangUpAll(rate: number): Promise<void> {
    const calls = [...this.#callers.values()];
    this.#start(rate, calls.length, () => calls.pop()?.hangUp());
    const until = this.now() + (calls.length / rate) * 1500 + 5000;
    await this.#settle(until, () => calls.length === 0);
    this.stop();
  }

  stop(): void {
    this.#pace = undefined;
  }

  /** Waits until calls under way have ended; those that have not are failures. `held` calls may stay. */
  async drain(seconds: number, held = 0): Promise<void> {
    const open = () => this.#callers.size + this.#registering.size - held;
    await this.#settle(this.now() + seconds * 1000, () => open() <= 0 && this.#callees.unfinished() <= held);
    if (held > 0) return;
    for (const call of [...this.#callers.values()]) call.fail(`unfinished: ${call.state}`);
    for (const answered of [...this.#registering.values()]) answered(0);
  }

  async #settle(until: number, done: () => boolean): Promise<void> {
    while (!done() && this.now() < until) await sleep(20);
  }

  #start(rate: number, most: number, step: () => void): void {
    this.#pace = { rate, began: this.now(), done: 0, most, step };
  }

  #tick(): void {
    const now = this.now();
    this.#later.fire(now);
    const pace = this.#pace;
    if (!pace) return;
    const owed = Math.min(
      Math.floor(((now - pace.began) * pace.rate) / 1000) - pace.done,
      CATCH_UP,
      pace.most - pace.done,
    );
    for (let i = 0; i < owed; i += 1) {
      pace.done += 1;
      pace.step();
    }
  }

  #call(talk: number | undefined): void {
    const n = this.#callsMade++;
    const { users, serverPort } = this.#plan;
    const caller = (n * 7919) % users;
    const callId = `${n.toString(36)}-${this.#salt}`;
    const callee = (caller + 1 + (n % (users - 1))) % users;
    const plan = { callId, caller, callee, line: caller % LINES, serverPort, talk };
    const call = new Caller(this, plan, () => this.#callers.delete(callId));
    this.#callers.set(callId, call);
    this.tally.placed += 1;
    call.place();
  }

  #register(user: number): Promise<void> {
    const line = user % LINES;
    const callId = `r${user}-${this.#salt}`;
    if (this.#registering.has(callId)) return Promise.resolve();
    const cseq = (this.#registerSequence[user] ?? 0) + 1;
    this.#registerSequence[user] = cseq;
    return new Promise((resolve) => {
      let waiting = true;
      const answered = (status: number): void => {
        waiting = false;
        this.#registering.delete(callId);
        if (status === 200) this.tally.registered += 1;
        else this.tally.fail(`REGISTER: ${status === 0 ? 'no answer' : status}`);
        resolve();
      };
      this.#registering.set(callId, answered);
      const text = this.#ask('REGISTER', user, line, callId, cseq, 'Expires: 3600\r\n');
      sendUntil(
        this,
        { text, line, port: this.#plan.serverPort },
        () => waiting,
        () => answered(0),
      );
    });
  }

  #ask(method: string, user: number, line: number, callId: string, cseq: number, more: string): string {
    const server = `127.0.0.1:${this.#plan.serverPort}`;
    return request({
      method,
      uri: `sip:${server}`,
      sentBy: this.portOf(line),
      branch: `${cseq}${callId}`,
      routes: [],
      from: `<sip:u${user}@${server}>;tag=g${user}x${cseq}`,
      to: method === 'REGISTER' ? `<sip:u${user}@${server}>` : `<sip:${server}>`,
      callId,
      cseq,
      contact: this.contact(user, line),
      more,
    });
  }

  #hear(bytes: Buffer, line: number, port: number): void {
    this.#heardAnything = true;
    const text = bytes.toString('latin1');
    const heard = read(text);
    if (!heard) return;
    if (heard.method !== '') {
      const target = text.slice(heard.method.length + 1, text.indexOf(' ', heard.method.length + 1));
      if (hopOf([], target) !== this.portOf(line)) this.tally.fail(`${heard.method} came to the wrong phone`);
      this.#callees.hear(heard, target, line, port);
    } else if (heard.cseqMethod === 'REGISTER') {
      if (heard.status >= 200) this.#registering.get(heard.callId)?.(heard.status);
    } else if (heard.cseqMethod !== 'OPTIONS') {
      const call = this.#callers.get(heard.callId);
      if (call) call.hear(heard, text);
      else this.tally.repeated += 1;
    }
  }
}
