// Plays what the phones of a capture sent into the production server, and gathers what comes of it.

import { Diary } from '../journal/diary.ts';
import type { Parties, Transition } from '../journal/transition.ts';
import type { ZoneOffset } from '../journal/wall-time.ts';
import { type SipMessage, text } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { serialize } from '../sip/serialize.ts';
import { answered, beforeRequest, beforeResponse, type Prelude } from './adopt.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { type Difference, Differences } from './differences.ts';
import { Exchange } from './exchange.ts';
import { endpointText, type InferredBinding, Known, type Seen, same } from './known.ts';
import { VirtualServer } from './virtual-server.ts';

/** One datagram of a capture. */
export interface Played extends Seen {
  /** µs since the epoch. */
  readonly time: number;
}

export interface ReplayOptions {
  readonly server: Endpoint;
  readonly zone: ZoneOffset;
}

export interface StateChange {
  /** ms since the epoch. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
  readonly notes: readonly string[];
}

export interface WouldSend {
  readonly at: number;
  readonly to: string;
  readonly what: string;
  readonly cseq: string;
}

export interface ReplayedCall extends Parties {
  readonly callId: string;
  readonly machine: string;
  /** The capture begins in mid-call: what came before was put in its place, and is not shown. */
  readonly adopted: boolean;
  readonly origin: { readonly callId: string; readonly why: string } | undefined;
  readonly states: readonly StateChange[];
  readonly diary: readonly string[];
  readonly sends: readonly WouldSend[];
  /** False: the capture ends before the call does. */
  readonly over: boolean;
}

export interface Replay {
  readonly server: string;
  readonly messages: number;
  readonly fromPhones: number;
  readonly began: number;
  readonly ended: number;
  readonly inferred: readonly { readonly aor: string; readonly contact: string; readonly at: string }[];
  readonly calls: readonly ReplayedCall[];
  /** Messages we would send that belong to no call: answers to REGISTER, OPTIONS ... */
  readonly others: readonly WouldSend[];
  readonly drops: Readonly<Record<string, number>>;
  readonly differences: readonly Difference[];
}

type Building = { -readonly [K in keyof ReplayedCall]: ReplayedCall[K] } & {
  states: StateChange[];
  diary: string[];
  sends: WouldSend[];
};

/** Goes through the datagrams twice. Throws only on a bug. */
export function replay(datagrams: Iterable<Played>, options: ReplayOptions): Replay {
  const known = new Known(options.server);
  let began: number | undefined;
  let messages = 0;
  for (const datagram of datagrams) {
    began ??= datagram.time;
    messages++;
    known.look(datagram);
  }
  return new Player(known, options, Math.floor((began ?? 0) / 1000), messages).play(datagrams);
}

class Player {
  readonly #known: Known;
  readonly #options: ReplayOptions;
  readonly #server: VirtualServer;
  readonly #exchange: Exchange;
  readonly #differences = new Differences();
  readonly #diary: Diary;
  readonly #calls = new Map<string, Building>();
  readonly #others: WouldSend[] = [];
  /** Call-IDs whose beginning was seen, or put in place. */
  readonly #begun = new Set<string>();
  readonly #began: number;
  readonly #messages: number;
  readonly #inferred: readonly InferredBinding[];
  #fromPhones = 0;
  /** What is played now was not in the capture: it is not told. */
  #quiet: { sent: SipMessage[] } | undefined;

  constructor(known: Known, options: ReplayOptions, began: number, messages: number) {
    this.#known = known;
    this.#options = options;
    this.#began = began;
    this.#messages = messages;
    this.#inferred = known.inferred();
    this.#diary = new Diary({ style: 'classic', zone: options.zone });
    this.#exchange = new Exchange(known);
    this.#server = new VirtualServer({
      server: options.server,
      domains: [...known.domains],
      start: began,
      onSent: (message, to, at) => this.#sent(message, to, at),
      onTransition: (transition) => this.#moved(transition),
    });
  }

  play(datagrams: Iterable<Played>): Replay {
    for (const { aor, contact, at } of this.#inferred) this.#register(aor, contact, at);
    for (const datagram of datagrams) this.#one(datagram);
    const drops = Object.fromEntries([...this.#server.core.drops].sort());
    const { server } = this.#options;
    return {
      server: endpointText(server),
      messages: this.#messages,
      fromPhones: this.#fromPhones,
      began: this.#began,
      ended: this.#server.now,
      inferred: this.#inferred.map((b) => ({
        aor: text(b.aor),
        contact: text(b.contact),
        at: endpointText(b.at),
      })),
      calls: [...this.#calls.values()],
      others: this.#others,
      drops,
      differences: this.#differences.list(),
    };
  }

  #one({ time, source, destination, bytes }: Played): void {
    const { server } = this.#options;
    const fromServer = same(source, server);
    if (!fromServer && !same(destination, server)) return;
    const parsed = parse(bytes);
    if (fromServer) {
      if (parsed.ok) this.#differences.sent('captured', parsed.message, destination);
      return;
    }
    this.#fromPhones++;
    this.#server.advanceTo(Math.floor(time / 1000));
    this.#server.receive(parsed.ok ? this.#translated(parsed.message, source) : Buffer.from(bytes), source);
  }

  /** Exchanges what was copied; puts a missing beginning in place first. */
  #translated(message: SipMessage, from: Endpoint): Buffer {
    const { callId } = message;
    if (message.kind === 'response') {
      if (message.status >= 200)
        this.#differences.phoneAnswered(callId, `${message.cseq.number} ${message.cseq.method}`);
      if (!this.#begun.has(callId) && !this.#exchange.answersOurs(message, from)) {
        this.#adopt(callId, beforeResponse(message, from, this.#known));
      }
      return serialize(this.#exchange.response(message, from));
    }
    if (message.to.tag === undefined) this.#begun.add(callId);
    else if (!this.#begun.has(callId) && message.method !== 'REGISTER') {
      this.#adopt(callId, beforeRequest(message, from, this.#farEnd(message), this.#known));
    }
    return serialize(this.#exchange.request(message, from));
  }

  /** Where the other phone of an unknown dialog sits: its AOR was seen there, or the Request-URI names its address. */
  #farEnd(request: SipMessage): Endpoint | undefined {
    return request.kind === 'request' ? this.#known.farEnd(request) : undefined;
  }

  #adopt(callId: string, prelude: Prelude | undefined): void {
    this.#begun.add(callId);
    if (prelude === undefined) return;
    const { caller, callee, calleeAor, calleeContact, invite, answer } = prelude;
    const quiet: { sent: SipMessage[] } = { sent: [] };
    this.#quiet = quiet;
    if (this.#server.core.location.lookup(calleeAor as never).length === 0)
      this.#register(calleeAor, calleeContact, callee);
    this.#server.receive(Buffer.from(invite, 'latin1'), caller);
    const sent = quiet.sent.find((m) => m.kind === 'request' && m.method === 'INVITE');
    if (answer !== undefined && sent !== undefined) {
      this.#server.receive(Buffer.from(answered(answer.ok, sent), 'latin1'), callee);
      const ack = parse(Buffer.from(answer.ack, 'latin1'));
      if (ack.ok && ack.message.kind === 'request') {
        const route = this.#exchange.routesOf(callId, caller).map((value) => `Route: ${value}\r\n`);
        const withRoutes = answer.ack.replace('\r\n', `\r\n${route.join('')}`);
        this.#server.receive(Buffer.from(withRoutes, 'latin1'), caller);
      }
    }
    this.#quiet = undefined;
    const call = this.#calls.get(text(callId));
    if (call !== undefined) call.adopted = true;
  }

  #register(aor: string, contact: string, at: Endpoint): void {
    const quiet = this.#quiet;
    this.#quiet = { sent: [] };
    const n = `${aor}-${endpointText(at)}`.replace(/[^\w.]/g, '-');
    const host = aor.slice(aor.lastIndexOf('@') + 1);
    const request = [
      `REGISTER sip:${host} SIP/2.0`,
      `Via: SIP/2.0/UDP ${endpointText(at)};branch=z9hG4bK-inferred-${n}`,
      `From: <${aor}>;tag=inferred`,
      `To: <${aor}>`,
      `Call-ID: inferred-${n}`,
      'CSeq: 1 REGISTER',
      'Max-Forwards: 70',
      `Contact: <${contact}>`,
      'Expires: 7200',
      'Content-Length: 0',
    ];
    this.#server.receive(Buffer.from(`${request.join('\r\n')}\r\n\r\n`, 'latin1'), at);
    this.#quiet = quiet;
  }

  #sent(message: SipMessage, to: Endpoint, at: number): void {
    this.#exchange.sent(message, to);
    if (this.#quiet !== undefined) {
      this.#quiet.sent.push(message);
      return;
    }
    this.#differences.sent('callchart', message, to);
    const { number, method } = message.cseq;
    const what =
      message.kind === 'request' ? `${message.method} ${message.uri}` : `${message.status} ${message.reason}`;
    const send = { at, to: endpointText(to), what: text(what), cseq: `${number} ${method}` };
    (this.#calls.get(text(message.callId))?.sends ?? this.#others).push(send);
  }

  #moved(transition: Transition): void {
    const { dialog, at, from, to, cause, notes, done } = transition;
    let call = this.#calls.get(dialog.callId);
    if (call === undefined || transition.seq === 1) {
      call = {
        callId: dialog.callId,
        machine: dialog.machine,
        from: dialog.from,
        to: dialog.to,
        adopted: false,
        origin: dialog.origin,
        states: call?.states.slice() ?? [],
        diary: call?.diary.slice() ?? [],
        sends: call?.sends.slice() ?? [],
        over: false,
      };
      this.#calls.set(dialog.callId, call);
    }
    call.over = done;
    if (this.#quiet !== undefined) return;
    call.states.push({ at, from, to, cause, notes: notes.map((n) => n.entry) });
    for (const line of this.#diary.lines(transition).split('\n')) if (line !== '') call.diary.push(line);
  }
}
