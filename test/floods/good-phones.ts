// Two phones that do nothing wrong: they call each other all the while, and measure how long they are kept waiting.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** RFC 3261 T1 of a phone. */
const T1 = 500;
const GIVE_UP = 10_000;
const REGISTER_AGAIN = 5000;

interface Dialog {
  readonly callId: string;
  readonly toTag: string;
  readonly routes: readonly string[];
  cseq: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class GoodPhones {
  /** ms from INVITE to 200, ms from a request in a call to its 200. */
  readonly setups: number[] = [];
  readonly inCall: number[] = [];
  /** What went wrong, in words. */
  readonly failures: string[] = [];
  resent = 0;
  readonly #server: number;
  readonly #alice: Socket;
  readonly #bob: Socket;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  readonly #held: Dialog[] = [];
  #serial = 0;
  #registered = 0;
  #registers = 0;
  #going: Promise<void> | undefined;
  #stop = false;

  private constructor(server: number, alice: Socket, bob: Socket) {
    this.#server = server;
    this.#alice = alice;
    this.#bob = bob;
    alice.on('message', (bytes) => this.#atAlice(bytes.toString('latin1')));
    bob.on('message', (bytes) => this.#atBob(bytes.toString('latin1')));
  }

  static async open(server: number): Promise<GoodPhones> {
    const sockets = ['127.0.0.2', '127.0.0.3'].map((address) => createSocket('udp4').bind(0, address));
    await Promise.all(sockets.map((socket) => once(socket, 'listening')));
    const [alice, bob] = sockets as [Socket, Socket];
    const phones = new GoodPhones(server, alice, bob);
    await phones.register();
    return phones;
  }

  /** Both, for as long as the server lets them. */
  async register(): Promise<void> {
    this.#registered = performance.now();
    this.#registers++;
    for (const [user, socket] of [
      ['alice', this.#alice],
      ['bob', this.#bob],
    ] as const) {
      const head = [`Contact: <sip:${user}@${at(socket)}>;expires=3600`];
      const { status } = await this.#ask(
        socket,
        'REGISTER',
        'sip:example.org',
        user,
        `good-${user}`,
        { cseq: this.#registers },
        head,
      );
      if (status !== 200) this.failures.push(`REGISTER of ${user}: ${status}`);
    }
  }

  /** `calls` that stand until `hangUp`. */
  async hold(calls: number): Promise<void> {
    for (let i = 0; i < calls; i++) {
      const dialog = await this.#call();
      if (dialog !== undefined) this.#held.push(dialog);
    }
  }

  /** Every held call is asked once whether it is alive. */
  async inquire(): Promise<void> {
    for (const dialog of this.#held) await this.#inside('INFO', dialog);
  }

  async hangUp(): Promise<void> {
    for (const dialog of this.#held.splice(0)) await this.#inside('BYE', dialog);
  }

  /** Until `rest`: a short call again and again, no more than `calls` of them, and a word in one that stands. */
  begin(calls: number): void {
    this.#stop = false;
    this.#going = (async () => {
      for (let turn = 0; !this.#stop; turn++) {
        const held = this.#held[turn % Math.max(1, this.#held.length)];
        if (held !== undefined) await this.#inside('INFO', held);
        const dialog = turn < calls ? await this.#call() : undefined;
        if (dialog !== undefined) await this.#inside('BYE', dialog);
        if (performance.now() - this.#registered > REGISTER_AGAIN) await this.register();
        await pause(20);
      }
    })();
  }

  async rest(): Promise<void> {
    this.#stop = true;
    await this.#going;
  }

  close(): void {
    this.#alice.close();
    this.#bob.close();
  }

  async #call(): Promise<Dialog | undefined> {
    const callId = `good-${++this.#serial}@127.0.0.2`;
    const began = performance.now();
    const head = [`Contact: <sip:alice@${at(this.#alice)}>`];
    const { status, text } = await this.#ask(
      this.#alice,
      'INVITE',
      'sip:bob@example.org',
      'alice',
      callId,
      {},
      head,
    );
    if (status !== 200) {
      this.failures.push(`INVITE: ${status}`);
      return undefined;
    }
    this.setups.push(performance.now() - began);
    const routes = [...text.matchAll(/^record-route: *(.*)\r$/gim)].map((m) => m[1] ?? '').reverse();
    const dialog = { callId, toTag: /^to:.*;tag=(\S+)/im.exec(text)?.[1] ?? '', routes, cseq: 1 };
    this.#send(
      this.#alice,
      this.#request(this.#alice, 'ACK', `sip:bob@${at(this.#bob)}`, 'alice', callId, dialog, []),
    );
    return dialog;
  }

  async #inside(method: string, dialog: Dialog): Promise<void> {
    const began = performance.now();
    dialog.cseq++;
    const { status } = await this.#ask(
      this.#alice,
      method,
      `sip:bob@${at(this.#bob)}`,
      'alice',
      dialog.callId,
      dialog,
      [],
    );
    if (status !== 200) this.failures.push(`${method} in a call: ${status}`);
    else this.inCall.push(performance.now() - began);
  }

  /** Sends it as RFC 3261 §17.1 has it, and gives the final answer; status 0: none came. */
  async #ask(
    socket: Socket,
    method: string,
    uri: string,
    user: string,
    callId: string,
    dialog: Partial<Dialog>,
    head: readonly string[],
  ): Promise<Answer> {
    const text = this.#request(socket, method, uri, user, callId, dialog, head);
    const key = `${callId} ${method}`;
    let done: Answer | undefined;
    const answered = new Promise<void>((resolve) => {
      this.#waiting.set(key, (answer) => {
        done = answer;
        resolve();
      });
    });
    this.#send(socket, text);
    const end = performance.now() + GIVE_UP;
    for (let wait = T1; done === undefined && performance.now() < end; wait *= 2) {
      const stop = new AbortController();
      await Promise.race([answered, pause(wait, undefined, { signal: stop.signal }).catch(() => {})]);
      stop.abort();
      if (done !== undefined) break;
      this.resent++;
      this.#send(socket, text);
    }
    this.#waiting.delete(key);
    return done ?? { status: 0, text: '' };
  }

  #request(
    socket: Socket,
    method: string,
    uri: string,
    user: string,
    callId: string,
    { toTag, routes = [], cseq = 1 }: Partial<Dialog>,
    head: readonly string[],
  ): string {
    const to = method === 'REGISTER' ? user : 'bob';
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${at(socket)};branch=z9hG4bKgood${++this.#serial};rport`,
      ...routes.map((route) => `Route: ${route}`),
      'Max-Forwards: 70',
      `From: <sip:${user}@example.org>;tag=g`,
      `To: <sip:${to}@example.org>${toTag === undefined ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      ...head,
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n');
  }

  #atAlice(text: string): void {
    this.#answered(text);
  }

  #atBob(text: string): void {
    if (text.startsWith('SIP/2.0')) {
      this.#answered(text);
      return;
    }
    const method = text.slice(0, text.indexOf(' '));
    if (method === 'ACK') return;
    const kept = text.split('\r\n').filter((line) => /^(via|record-route|from|call-id|cseq):/i.test(line));
    const to = /^to:.*$/im.exec(text)?.[0].trimEnd() ?? '';
    const tag = /;tag=/.test(to) ? '' : `;tag=b${++this.#serial}`;
    const contact = `Contact: <sip:bob@${at(this.#bob)}>`;
    const head = ['SIP/2.0 200 OK', ...kept, `${to}${tag}`, contact, 'Content-Length: 0', '\r\n'];
    this.#send(this.#bob, head.join('\r\n'));
  }

  #answered(text: string): void {
    const status = Number(text.slice(8, 11));
    const callId = /^call-id: *(\S+)/im.exec(text)?.[1] ?? '';
    const method = /^cseq: *\d+ +(\S+)/im.exec(text)?.[1] ?? '';
    if (status >= 200) this.#waiting.get(`${callId} ${method}`)?.({ status, text });
  }

  #send(socket: Socket, text: string): void {
    socket.send(text, this.#server, '127.0.0.1');
  }
}

function at(socket: Socket): string {
  const { address, port } = socket.address();
  return `${address}:${port}`;
}
