// A UDP SIP endpoint that says exactly what a test tells it to: nothing is answered or repeated by itself.

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { compose, Message, type ReplyOptions, reply } from './puppet-message.ts';
import { Inbox, PATIENCE } from './wait.ts';

export interface PuppetOptions {
  readonly user: string;
  readonly domain: string;
  readonly server: { readonly host: string; readonly port: number };
  readonly host?: string;
  /** A port of its choice; the kernel's when absent. */
  readonly port?: number;
}

/** A short word no other call, branch or tag has. */
export function fresh(): string {
  return randomBytes(6).toString('hex');
}

export class Puppet {
  readonly user: string;
  readonly domain: string;
  readonly aor: string;
  readonly host: string;
  readonly port: number;
  readonly inbox = new Inbox<Message>(
    (message) => `${message.start} (${message.get('cseq')}, ${message.callId})`,
  );
  readonly #socket: Socket;
  readonly #server: { readonly host: string; readonly port: number };

  private constructor(options: PuppetOptions, socket: Socket) {
    this.user = options.user;
    this.domain = options.domain;
    this.aor = `sip:${options.user}@${options.domain}`;
    const address = socket.address();
    this.host = address.address;
    this.port = address.port;
    this.#server = options.server;
    this.#socket = socket;
    socket.on('message', (bytes, from) => {
      this.inbox.push(new Message(bytes, { host: from.address, port: from.port }));
    });
  }

  static async open(options: PuppetOptions): Promise<Puppet> {
    const host = options.host ?? '127.0.0.1';
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(options.port ?? 0, host, resolve);
    });
    return new Puppet(options, socket);
  }

  get hostPort(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`;
  }

  /** The URI others reach it at. */
  get uri(): string {
    return `sip:${this.user}@${this.hostPort};transport=udp`;
  }

  via(branch = `z9hG4bK.${fresh()}`): string {
    return `Via: SIP/2.0/UDP ${this.hostPort};branch=${branch};rport`;
  }

  send(message: string | Buffer, to = this.#server): void {
    this.#socket.send(
      typeof message === 'string' ? Buffer.from(message, 'latin1') : message,
      to.port,
      to.host,
    );
  }

  reply(request: Message, status: number, reason: string, options: ReplyOptions = {}): void {
    this.send(reply(request, status, reason, options));
  }

  /** The first message nobody has claimed yet that fits. */
  expect(what: string, fits: (message: Message) => boolean, within = PATIENCE): Promise<Message> {
    return this.inbox.take(`${what} at ${this.user}`, fits, within);
  }

  request(method: string, callId?: string, within = PATIENCE): Promise<Message> {
    return this.expect(
      method,
      (m) => m.method === method && (callId === undefined || m.callId === callId),
      within,
    );
  }

  response(status: number, cseqMethod: string, callId?: string, within = PATIENCE): Promise<Message> {
    return this.expect(
      `${status} (${cseqMethod})`,
      (m) =>
        m.status === status && m.cseqMethod === cseqMethod && (callId === undefined || m.callId === callId),
      within,
    );
  }

  /** REGISTERs its address and waits for the 200. */
  async register(lines: readonly string[] = ['Expires: 600'], contact = `<${this.uri}>`): Promise<Message> {
    const callId = fresh();
    this.send(
      compose(`REGISTER sip:${this.domain} SIP/2.0`, [
        this.via(),
        `From: <${this.aor}>;tag=${fresh()}`,
        `To: <${this.aor}>`,
        `Call-ID: ${callId}`,
        'CSeq: 1 REGISTER',
        'Max-Forwards: 70',
        `Contact: ${contact}`,
        ...lines,
        'Content-Length',
      ]),
    );
    return this.response(200, 'REGISTER', callId);
  }

  /** A request outside any dialog, sent; gives back its Call-ID. */
  ask(method: string, uri: string, lines: readonly string[] = [], body = '', callId = fresh()): string {
    this.send(
      compose(
        `${method} ${uri} SIP/2.0`,
        [
          this.via(),
          `From: <${this.aor}>;tag=${fresh()}`,
          `To: <${uri.split(';')[0]}>`,
          `Call-ID: ${callId}`,
          `CSeq: 1 ${method}`,
          'Max-Forwards: 70',
          ...lines,
          'Content-Length',
        ],
        body,
      ),
    );
    return callId;
  }

  /**
   * Comes back when the server has sent everything that what it was told before could cause at once: it is asked
   * one more thing and answers in order. What is not in the inbox then is not under way.
   */
  async settled(): Promise<void> {
    const callId = this.ask('OPTIONS', `sip:${this.#server.host}:${this.#server.port}`);
    await this.expect('the answer to OPTIONS', (m) => m.callId === callId && m.status >= 200);
  }

  /** Messages of that Call-ID that came so far. */
  seen(callId: string): Message[] {
    return this.inbox.all.filter((message) => message.callId === callId);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
