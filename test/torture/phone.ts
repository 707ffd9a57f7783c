// A phone of the torture: one socket, and what RFC 3261 §17 makes of it: repeats, absorbs, acknowledges again.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Message, type ReplyOptions, reply } from '../wire/puppet-message.ts';

/** ms. */
const T1 = 150;
const T2 = 500;
/** ms after which a phone, and whoever waits for it, gives up. */
export const PATIENCE = 60_000;

/** A request of ours on its way. */
interface Asked {
  readonly callId: string;
  readonly isInvite: boolean;
  readonly branch: string;
  readonly text: string;
  readonly finished: (final: Message) => void;
  readonly rings: ((provisional: Message) => void) | undefined;
  again: NodeJS.Timeout | undefined;
  /** No more repeats: an INVITE has been heard of. */
  quiet: boolean;
  final: Message | undefined;
  /** What a final response that comes again gets. */
  ack: string;
}

/** A request of somebody else's. */
interface Served {
  readonly request: Message;
  last: string;
  again: NodeJS.Timeout | undefined;
  /** An INVITE's final response is repeated until then. */
  acked: boolean;
  status: number;
  readonly onCancel: (() => void)[];
  readonly onAck: (() => void)[];
}

/** Who gets the new requests of a Call-ID. */
export interface Listener {
  heard(request: Message): void;
}

/** Something a phone did not expect. */
export type Complain = (what: string, message: Message) => void;

export interface PhoneOptions {
  readonly user: string;
  readonly domain: string;
  /** The server's port on loopback. */
  readonly server: number;
  readonly isBehindNat: boolean;
  readonly complain: Complain;
  /** Datagrams of each Call-ID, for whoever wants to know what happened. */
  readonly trace: (callId: string, line: string) => void;
}

export class Phone {
  readonly user: string;
  readonly domain: string;
  readonly port: number;
  /** What stands in its Contact: an address nobody reaches for one behind NAT. */
  readonly contact: string;
  readonly #socket: Socket;
  readonly #server: number;
  readonly #asked = new Map<string, Asked>();
  readonly #served = new Map<string, Served>();
  readonly #listeners = new Map<string, Listener>();
  readonly #complain: Complain;
  readonly #trace: PhoneOptions['trace'];
  #serial = 0;

  private constructor(socket: Socket, options: PhoneOptions) {
    this.#socket = socket;
    this.user = options.user;
    this.domain = options.domain;
    this.port = (socket.address() as AddressInfo).port;
    this.#server = options.server;
    this.#complain = options.complain;
    this.#trace = options.trace;
    const host = options.isBehindNat ? '10.11.12.13:5062' : `127.0.0.1:${this.port}`;
    this.contact = `sip:${options.user}@${host}`;
    socket.on('message', (bytes, from) =>
      this.#received(new Message(bytes, { host: from.address, port: from.port })),
    );
    socket.on('error', () => {});
  }

  static async open(options: PhoneOptions): Promise<Phone> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Phone(socket, options);
  }

  get aor(): string {
    return `sip:${this.user}@${this.domain}`;
  }

  fresh(): string {
    return `${this.user}-${this.port}-${++this.#serial}`;
  }

  via(branch: string): string {
    return `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=${branch};rport`;
  }

  listen(callId: string, listener: Listener): void {
    this.#listeners.set(callId, listener);
  }

  /** The call is over: what still comes of it is answered from memory for a while. */
  forget(callId: string): void {
    this.#listeners.delete(callId);
    setTimeout(() => {
      for (const [key, { request, again }] of this.#served) {
        if (request.callId !== callId) continue;
        clearTimeout(again);
        this.#served.delete(key);
      }
      for (const [key, { final }] of this.#asked) if (final?.callId === callId) this.#asked.delete(key);
    }, PATIENCE).unref();
  }

  /** Nobody asks or answers for that call any more. */
  drop(callId: string): void {
    this.#listeners.delete(callId);
    for (const asked of this.#asked.values()) if (asked.callId === callId) asked.quiet = true;
    for (const served of this.#served.values()) if (served.request.callId === callId) served.acked = true;
  }

  send(text: string): void {
    this.#note('>', text);
    this.#socket.send(Buffer.from(text, 'latin1'), this.#server, '127.0.0.1');
  }

  /** Sends it, again and again, until it is answered; gives the final response. Throws when there is none. */
  ask(
    text: string,
    branch: string,
    { rings, within = PATIENCE }: { rings?: (provisional: Message) => void; within?: number } = {},
  ): Promise<Message> {
    const method = text.slice(0, text.indexOf(' '));
    return new Promise((resolve, reject) => {
      const isInvite = method === 'INVITE';
      const late = setTimeout(() => {
        clearTimeout(asked.again);
        reject(new Error(`no final response to ${method} of ${this.user} within ${within} ms`));
      }, within);
      const asked: Asked = {
        callId: callIdOf(text),
        isInvite,
        branch,
        text,
        rings,
        finished: (final) => {
          clearTimeout(late);
          resolve(final);
        },
        again: undefined,
        quiet: false,
        final: undefined,
        ack: '',
      };
      this.#asked.set(`${branch} ${method}`, asked);
      const repeat = (ms: number): void => {
        asked.again = setTimeout(() => {
          if (asked.quiet || asked.final !== undefined) return;
          this.send(text);
          // an INVITE as well: the server lives for less than RFC 3261 lets its repeats wait
          repeat(Math.min(ms * 2, T2));
        }, ms);
      };
      this.send(text);
      repeat(T1);
    });
  }

  /** What the final response to that INVITE gets, now and whenever it comes again. */
  acknowledge(branch: string, ack: string): void {
    const asked = this.#asked.get(`${branch} INVITE`);
    if (asked !== undefined) asked.ack = ack;
    this.send(ack);
  }

  /** Answers; the final response to an INVITE again and again until its ACK comes. */
  answer(request: Message, status: number, options: ReplyOptions = {}): void {
    const served = this.#served.get(keyOf(request));
    if (served === undefined || served.status >= 200) return;
    served.status = status;
    served.last = reply(request, status, 'Said', options);
    this.send(served.last);
    if (request.method !== 'INVITE' || status < 200) return;
    const repeat = (ms: number): void => {
      served.again = setTimeout(() => {
        if (served.acked) return;
        this.send(served.last);
        repeat(Math.min(ms * 2, T2));
      }, ms);
    };
    repeat(T1);
  }

  /** Resolves when the ACK of an INVITE's final response is there. */
  acked(request: Message, within = PATIENCE): Promise<void> {
    const served = this.#served.get(keyOf(request));
    if (served === undefined || served.acked) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        clearTimeout(served.again);
        reject(new Error(`no ACK for the ${served.status} of ${this.user} within ${within} ms`));
      }, within);
      served.onAck.push(() => {
        clearTimeout(late);
        resolve();
      });
    });
  }

  /** Is told when the INVITE is cancelled; it has been answered with 487 by then. */
  onCancel(request: Message, told: () => void): void {
    this.#served.get(keyOf(request))?.onCancel.push(told);
  }

  /** To tag of what the phone itself says: the refusal of a cancelled INVITE. */
  tagOf(callId: string): string {
    return `t-${this.port}-${callId}`;
  }

  close(): void {
    for (const { again } of [...this.#asked.values(), ...this.#served.values()]) clearTimeout(again);
    this.#socket.close();
  }

  #received(message: Message): void {
    this.#note('<', message.text);
    if (message.status > 0) this.#response(message);
    else if (message.method === 'ACK') this.#ack(message);
    else this.#request(message);
  }

  #response(message: Message): void {
    const asked = this.#asked.get(`${message.branch} ${message.cseqMethod}`);
    if (asked === undefined) return;
    if (message.status < 200) {
      if (asked.isInvite) asked.quiet = true;
      if (asked.final === undefined) asked.rings?.(message);
      return;
    }
    const isFirst = asked.final === undefined;
    if (!isFirst) {
      const same = asked.final?.status === message.status && asked.final.toTag === message.toTag;
      if (!same)
        this.#complain(`a second final response, ${message.status} after ${asked.final?.status}`, message);
      if (asked.ack !== '') this.send(asked.ack);
      return;
    }
    asked.final = message;
    clearTimeout(asked.again);
    if (asked.isInvite && message.status >= 300)
      this.acknowledge(asked.branch, ackOfRefusal(asked.text, message));
    asked.finished(message);
  }

  #ack(ack: Message): void {
    // that of a refusal has the INVITE's branch, that of a 2xx one of its own
    const served =
      this.#served.get(keyOf(ack)) ??
      [...this.#served.values()].find(
        ({ request, status }) =>
          request.method === 'INVITE' &&
          request.callId === ack.callId &&
          request.cseq === ack.cseq &&
          request.fromTag === ack.fromTag &&
          status >= 200,
      );
    if (served === undefined || served.status < 200) {
      this.#complain('an ACK of nothing', ack);
      return;
    }
    if (served.acked) return;
    served.acked = true;
    clearTimeout(served.again);
    for (const told of served.onAck) told();
  }

  #request(request: Message): void {
    const key = keyOf(request);
    const known = this.#served.get(key);
    if (known !== undefined && request.method !== 'CANCEL') {
      if (known.last !== '' && !known.acked) this.send(known.last);
      return;
    }
    if (request.method === 'CANCEL') {
      this.#cancel(request);
      return;
    }
    const same = [...this.#served.values()].find(
      (one) =>
        one.request.callId === request.callId &&
        one.request.method === request.method &&
        one.request.cseq === request.cseq &&
        one.request.fromTag === request.fromTag,
    );
    if (same !== undefined) this.#complain('the same request by another branch', request);
    this.#served.set(key, {
      request,
      last: '',
      again: undefined,
      acked: false,
      status: 0,
      onCancel: [],
      onAck: [],
    });
    const listener = this.#listeners.get(request.callId);
    if (listener !== undefined) listener.heard(request);
    else this.answer(request, 481, { tag: this.tagOf(request.callId) });
  }

  #cancel(cancel: Message): void {
    this.send(reply(cancel, 200, 'OK', { tag: this.tagOf(cancel.callId) }));
    const invite = this.#served.get(`${cancel.branch} INVITE`);
    if (invite === undefined) {
      this.#complain('a CANCEL of nothing', cancel);
      return;
    }
    if (invite.status >= 200) return;
    this.answer(invite.request, 487, { tag: this.tagOf(cancel.callId) });
    for (const told of invite.onCancel) told();
  }

  #note(way: string, text: string): void {
    const callId = callIdOf(text);
    const cseq = /^cseq\s*:\s*(.*?)\r$/im.exec(text)?.[1] ?? '';
    this.#trace(callId, `${this.user}:${this.port} ${way} ${text.slice(0, text.indexOf('\r'))} (${cseq})`);
  }
}

function callIdOf(text: string): string {
  return /^(?:call-id|i)\s*:\s*(.*?)\r$/im.exec(text)?.[1] ?? '';
}

function keyOf(request: Message): string {
  return `${request.branch} ${request.method === 'ACK' ? 'INVITE' : request.method}`;
}

/** RFC 3261 §17.1.1.3: the INVITE's own Request-URI, Via and Route. */
function ackOfRefusal(invite: string, refusal: Message): string {
  const [start = '', ...lines] = invite.slice(0, invite.indexOf('\r\n\r\n')).split('\r\n');
  const kept = lines.filter((line) => /^(via|route|from|call-id|max-forwards):/i.test(line));
  const own = [`To: ${refusal.get('to')}`, `CSeq: ${refusal.cseq} ACK`, 'Content-Length: 0'];
  return [start.replace(/^INVITE /, 'ACK '), ...kept, ...own, '', ''].join('\r\n');
}
