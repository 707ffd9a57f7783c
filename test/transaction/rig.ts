// A transaction layer on a virtual clock between an in-memory wire and a user that takes notes.
import { expect } from 'vitest';
import {
  type HeaderLine,
  headerLine,
  type SipMessage,
  SipRequest,
  SipResponse,
} from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { makeResponse } from '../../src/sip/reply.ts';
import { VirtualClock } from '../../src/time/clock.ts';
import { TransactionLayer } from '../../src/transaction/layer.ts';
import type {
  ClientTransaction,
  ClientUser,
  ServerTransaction,
  TransactionTimers,
  TransactionUser,
} from '../../src/transaction/transaction.ts';
import type { Flow } from '../../src/transport/flow.ts';

export const alice: Flow = {
  transport: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.10',
  remotePort: 5062,
};
export const bob: Flow = { ...alice, remoteAddress: '192.0.2.20', remotePort: 5064 };

export const T1 = 500;
export const T2 = 4000;
export const T4 = 5000;

interface RequestParts {
  readonly via?: string;
  readonly uri?: string;
  readonly from?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly more?: readonly string[];
  readonly body?: string;
}

/** A request as it comes from Alice; `z9hG4bK-1` is its branch unless `via` says otherwise. */
export function request(method: string, parts: RequestParts = {}): SipRequest {
  const body = parts.body ?? '';
  const message = read(
    [
      `${method} ${parts.uri ?? 'sip:bob@example.com'} SIP/2.0`,
      `Via: ${parts.via ?? 'SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1'}`,
      'Max-Forwards: 70',
      `From: ${parts.from ?? '<sip:alice@example.com>;tag=a'}`,
      `To: ${parts.to ?? '<sip:bob@example.com>'}`,
      `Call-ID: ${parts.callId ?? 'call@192.0.2.10'}`,
      `CSeq: ${parts.cseq ?? 1} ${method}`,
      ...(parts.more ?? []),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n'),
  );
  if (!(message instanceof SipRequest)) throw new Error('not a request');
  return message;
}

/** `r` as we send it on: our Via on top. */
export function outgoing(method: string, branch = 'z9hG4bK-ours', more: readonly string[] = []): SipRequest {
  const r = request(method, { more });
  r.headers.unshift(headerLine('Via', `SIP/2.0/UDP 192.0.2.1;branch=${branch}`));
  return r;
}

/** What Bob answers to `r`, over the wire. */
export function answer(r: SipRequest, status: number, tag = 'b'): SipResponse {
  const message = read(
    Buffer.from(bytesOfAnswer(makeResponse(r, status, 'Some Words', { toTag: tag }))).toString('latin1'),
  );
  if (!(message instanceof SipResponse)) throw new Error('not a response');
  return message;
}

function bytesOfAnswer(r: SipResponse): string {
  return [`SIP/2.0 ${r.status} ${r.reason}`, ...r.headers.map((line) => line.raw), '', ''].join('\r\n');
}

export function read(text: string): SipMessage {
  const parsed = parse(Buffer.from(text, 'latin1'));
  if (!parsed.ok) throw new Error(`${parsed.problem.code} in ${text}`);
  return parsed.message;
}

export interface Sent {
  readonly at: number;
  readonly message: SipMessage;
  readonly bytes: Buffer;
  readonly flow: Flow;
  readonly fail: () => void;
}

export interface RigOptions {
  readonly timers?: TransactionTimers;
  readonly on?: Partial<TransactionUser>;
  /** The transport fails while it is being handed the datagram. */
  readonly failAtOnce?: boolean;
}

export class Rig {
  readonly clock = new VirtualClock(1_000_000);
  readonly layer: TransactionLayer;
  /** What went over the wire, in order. */
  readonly wire: Sent[] = [];
  /** What the users were told, in order: `request INVITE`, `response 180`, `timeout` ... */
  readonly heard: string[] = [];
  readonly servers: ServerTransaction[] = [];
  readonly clients: ClientTransaction[] = [];
  failAtOnce: boolean;
  #seen = 0;
  #listened = 0;

  constructor({ timers, on, failAtOnce }: RigOptions = {}) {
    this.failAtOnce = failAtOnce ?? false;
    this.layer = new TransactionLayer({
      clock: this.clock,
      timers: timers ?? { t1: T1, t2: T2, t4: T4 },
      send: (bytes, flow, onFailed) => {
        const fail = (): void => onFailed?.();
        this.wire.push({ at: this.clock.now(), message: read(bytes.toString('latin1')), bytes, flow, fail });
        if (this.failAtOnce) fail();
      },
      reason: (status) => (status === 100 ? 'Skusam' : 'Whatever'),
      user: {
        onRequest: (tx, r) => {
          this.#came(`request ${r.method}`, tx);
          on?.onRequest?.(tx, r);
        },
        onCancel: (tx, invite) => {
          this.#came('cancel', tx);
          on?.onCancel?.(tx, invite);
        },
        onStrayCancel: (tx) => {
          this.#came('stray cancel', tx);
          on?.onStrayCancel?.(tx);
        },
        onAck: (r, flow) => {
          this.heard.push('ack');
          on?.onAck?.(r, flow);
        },
        onStrayResponse: (r, flow) => {
          this.heard.push(`stray ${r.status}`);
          on?.onStrayResponse?.(r, flow);
        },
      },
    });
  }

  #came(words: string, tx: ServerTransaction): void {
    this.heard.push(words);
    this.servers.push(tx);
  }

  /** A client user that takes notes in `heard`. */
  user(on: Partial<ClientUser> = {}): ClientUser {
    return {
      onResponse: (tx, r, flow) => {
        this.heard.push(`response ${r.status}`);
        on.onResponse?.(tx, r, flow);
      },
      onTimeout: (tx) => {
        this.heard.push('timeout');
        on.onTimeout?.(tx);
      },
      onTransportFailed: (tx) => {
        this.heard.push('transport failed');
        on.onTransportFailed?.(tx);
      },
    };
  }

  send(r: SipRequest, on?: Partial<ClientUser>): ClientTransaction {
    const tx = this.layer.request(r, bob, this.user(on));
    this.clients.push(tx);
    return tx;
  }

  receive(message: SipMessage, flow = message.kind === 'request' ? alice : bob): void {
    this.layer.receive(message, flow);
  }

  /** The last server transaction that came up. */
  get server(): ServerTransaction {
    const tx = this.servers.at(-1);
    if (tx === undefined) throw new Error('no server transaction came up');
    return tx;
  }

  respond(status: number, tag = 'b', headers: HeaderLine[] = []): void {
    const tx = this.server;
    tx.respond(makeResponse(request(tx.method), status, 'Own Words', { toTag: tag, headers }));
  }

  get last(): Sent {
    const sent = this.wire.at(-1);
    if (sent === undefined) throw new Error('nothing was sent');
    return sent;
  }

  /** Methods and status codes sent since the last look. */
  sent(): string {
    const fresh = this.wire.slice(this.#seen);
    this.#seen = this.wire.length;
    return fresh
      .map(({ message }) => (message.kind === 'request' ? message.method : `${message.status}`))
      .join(' ');
  }

  /** What users were told since the last look. */
  told(): string {
    const fresh = this.heard.slice(this.#listened);
    this.#listened = this.heard.length;
    return fresh.join(', ');
  }

  /** Forgets what was sent and told so far. */
  fresh(): void {
    this.sent();
    this.told();
  }

  /** Runs the clock for `ms`, and forgets all but what happens in the last one. */
  lastMillisecondOf(ms: number): void {
    this.clock.advance(ms - 1);
    this.fresh();
    this.clock.advance(1);
  }

  /** Runs the clock for `ms`, and answers when, relative to now, something was sent. */
  sendingTimes(ms: number): number[] {
    const from = this.clock.now();
    const first = this.wire.length;
    this.clock.advance(ms);
    return this.wire.slice(first).map(({ at }) => at - from);
  }

  get alive(): number {
    const { serverInvite, serverNonInvite, clientInvite, clientNonInvite } = this.layer.size;
    return serverInvite + serverNonInvite + clientInvite + clientNonInvite;
  }

  /** When the users have gone, too, nobody is left alive after enough time. */
  expectNothingLeft(): void {
    for (const tx of [...this.servers, ...this.clients]) tx.abandon();
    this.clock.advance(600_000);
    expect(this.layer.size).toEqual({
      serverInvite: 0,
      serverNonInvite: 0,
      clientInvite: 0,
      clientNonInvite: 0,
    });
    expect(this.clock.pending).toBe(0);
  }
}
