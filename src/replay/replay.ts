// Plays what the phones of a capture sent into the production server, and gathers what comes of it.
import type { Transition } from '../journal/transition.ts';
import type { ZoneOffset } from '../journal/wall-time.ts';
import { type SipMessage, type SipRequest, type SipResponse, text } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { serialize } from '../sip/serialize.ts';
import { parseUri } from '../sip/uri.ts';
import { askersVias, type Beginning, beforeRequest, beforeResponse } from './adopt.ts';
import { Before } from './before.ts';
import { CallLog, Sends, SILENCE } from './call-log.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { type Difference, Differences, type Why } from './differences.ts';
import { endpointText, same } from './endpoint.ts';
import { Exchange } from './exchange.ts';
import { type InferredBinding, Known } from './known.ts';
import { type Inferred, MissingSide } from './missing.ts';
import { type Played, wholeBytes } from './played.ts';
import type { Replay, ReplayBegin, ReplayEnd, ReplayedCall, ReplayListener } from './result.ts';
import { VirtualServer } from './virtual-server.ts';

export interface ReplayOptions {
  readonly server: Endpoint;
  readonly zone: ZoneOffset;
}

/** Goes through the datagrams twice. Throws only on a bug. */
export function replay(
  datagrams: Iterable<Played>,
  options: ReplayOptions,
  listener: ReplayListener,
): ReplayEnd {
  const known = new Known(options.server);
  let began: number | undefined;
  let ended = 0;
  for (const datagram of datagrams) {
    began ??= datagram.time;
    ended = Math.max(ended, datagram.time);
    known.look(datagram);
  }
  const inferred = known.inferred();
  const start = Math.floor((began ?? 0) / 1000);
  listener.onBegin(beginOf(known, inferred, start, Math.floor(ended / 1000)));
  return new Player(known, inferred, options, start, listener).play(datagrams);
}

/** The whole of it at once: for captures that fit into memory. */
export function replayWhole(datagrams: Iterable<Played>, options: ReplayOptions): Replay {
  const calls: ReplayedCall[] = [];
  let begin: ReplayBegin | undefined;
  const end = replay(datagrams, options, {
    onBegin: (it) => {
      begin = it;
    },
    onCall: (call) => calls.push(call),
  });
  if (begin === undefined) throw new Error('a replay that never began');
  return { ...begin, calls, ...end };
}

function beginOf(
  known: Known,
  inferred: readonly InferredBinding[],
  began: number,
  ended: number,
): ReplayBegin {
  const { messages, fromPhones, fromServer, past, server } = known;
  return {
    server: endpointText(server),
    messages,
    fromPhones,
    fromServer,
    past,
    began,
    ended,
    inferred: inferred.map(({ aor, contact, at }) => ({
      aor: text(aor),
      contact: text(contact),
      at: endpointText(at),
    })),
  };
}

/** Where what nobody asks for any more is looked for. */
const SWEEP_EVERY = 4096;
/** How long a call waits for the other leg of a server that gives each leg a Call-ID of its own. */
const LEG_WITHIN = 10_000;
const OTHER_KINDS = 50;

class Player {
  readonly #known: Known;
  readonly #inferred: readonly InferredBinding[];
  readonly #server: VirtualServer;
  readonly #serverAt: Endpoint;
  readonly #exchange: Exchange;
  readonly #missing: MissingSide;
  readonly #before: Before;
  readonly #differences: Differences;
  readonly #log: CallLog;
  readonly #others = new Sends();
  readonly #otherDifferences = new Map<string, Difference & { transactions: number }>();
  /** Call-IDs whose beginning was seen, or put in place. */
  readonly #begun = new Set<string>();
  /** Calls of which one leg was seen so far, with who called. */
  readonly #halves = new Map<string, { caller: string; at: number }>();
  /** Who opened a call that has a missing side. */
  readonly #opener = new Map<string, string>();
  readonly #totals = { calls: 0, subscriptions: 0, adopted: 0, halves: 0, unfinished: 0 };
  readonly #whys: Partial<Record<Why, number>> = {};
  #challenged = 0;
  #played = 0;
  /** The Call-ID at hand, as on the wire: people read another one. */
  #wireCallId = '';
  readonly #reactions: { message: SipMessage; from: Endpoint }[] = [];

  constructor(
    known: Known,
    inferred: readonly InferredBinding[],
    { server, zone }: ReplayOptions,
    start: number,
    listener: ReplayListener,
  ) {
    this.#known = known;
    this.#inferred = inferred;
    this.#serverAt = server;
    this.#differences = new Differences(known);
    this.#exchange = new Exchange(known);
    this.#missing = new MissingSide(known, this.#exchange);
    this.#log = new CallLog({
      zone,
      differences: (callId) => {
        this.#exchange.forget(callId);
        const found = this.#count(this.#differences.take(callId));
        known.forget(callId);
        this.#missing.forget(callId);
        this.#opener.delete(callId);
        return found;
      },
      onCall: (call) => {
        this.#told(call);
        listener.onCall(call);
      },
    });
    this.#server = new VirtualServer({
      server,
      domains: known.names.domains,
      sockets: known.names.sockets,
      names: [...known.hosts.keys()],
      resolve: (host) => known.hosts.get(host),
      start,
      onSent: (message, to, at) => this.#sent(message, to, at),
      onTransition: (transition) => this.#moved(transition),
    });
    this.#before = new Before(this.#server, this.#exchange, known, this.#missing);
  }

  play(datagrams: Iterable<Played>): ReplayEnd {
    for (const { aor, contact, at } of this.#inferred) this.#before.register(aor, contact, at);
    for (const datagram of datagrams) {
      this.#server.advanceTo(Math.floor(datagram.time / 1000));
      this.#one(datagram);
      this.#log.settle(this.#server.now);
      if (++this.#played % SWEEP_EVERY === 0) this.#sweep(this.#server.now - SILENCE);
    }
    this.#log.end();
    this.#sweep(Number.POSITIVE_INFINITY);
    return {
      others: this.#others.list(),
      otherDifferences: [...this.#otherDifferences.values()],
      drops: Object.fromEntries([...this.#server.core.drops].sort()),
      challenged: this.#challenged,
      habits: this.#known.habits.list(),
      totals: { ...this.#totals, differences: this.#whys },
    };
  }

  // ---- one datagram

  #one(datagram: Played): void {
    const { source, destination } = datagram;
    const bytes = wholeBytes(datagram);
    const parsed = parse(bytes);
    const message = parsed.ok ? parsed.message : undefined;
    const now = this.#server.now;
    if (same(source, this.#serverAt)) {
      if (message === undefined) return;
      this.#differences.sent('captured', message, destination, now);
      this.#inferFrom(message, destination);
      return;
    }
    const toServer = same(destination, this.#serverAt);
    if (message === undefined) {
      if (toServer) this.#server.receive(Buffer.from(bytes), source);
      return;
    }
    if (!toServer && !this.#passedBy(message, source)) return;
    this.#differences.received(message, now, !toServer);
    if (message.kind === 'request') this.#request(message, source);
    else this.#response(message, source);
  }

  /** From phone to phone, in a call that ours would have stayed in. */
  #passedBy(message: SipMessage, source: Endpoint): boolean {
    const facts = this.#known.call(message.callId);
    if (facts === undefined || !facts.isCall) return false;
    if (message.kind === 'response')
      return this.#exchange.answersOurs(message, source) && !facts.wasHeardAs(message);
    return (
      message.to.tag !== undefined &&
      !facts.wasAsked(message) &&
      this.#exchange.routesOf(message.callId, source).length > 0
    );
  }

  #request(request: SipRequest, from: Endpoint): void {
    const { callId } = request;
    const facts = this.#known.call(callId);
    if (facts?.wasChallenged(request)) {
      if (request.method !== 'ACK') this.#challenged++;
      return;
    }
    if (request.to.tag === undefined && request.method !== 'CANCEL') {
      this.#begun.add(callId);
      if (this.#missing.answers(request)) this.#before.expect(request);
      if (request.method === 'INVITE' && facts?.isRelayed !== true)
        this.#halves.set(callId, { caller: userOf(request.from.uri), at: this.#server.now });
    } else if (!this.#begun.has(callId)) {
      if (request.method === 'ACK' && facts?.wasRefused(request)) return;
      const other = this.#known.farEnd(request) ?? this.#missing.placeOf(facts, request.to.uri);
      this.#adopt(request, beforeRequest(request, from, other, facts?.isCall === true));
    }
    this.#receive(this.#exchange.request(request, from), from);
  }

  #response(response: SipResponse, from: Endpoint): void {
    const { callId } = response;
    if (!this.#begun.has(callId) && !this.#exchange.answersOurs(response, from)) {
      const facts = this.#known.call(callId);
      const through = askersVias(response, true);
      const asker = facts?.asker(response) ?? this.#missing.placeOf(facts, response.from.uri);
      this.#adopt(
        response,
        beforeResponse(response, from, asker, this.#isInside(response), through, facts?.answerSdp(response)),
      );
    }
    this.#receive(this.#exchange.response(response, from), from);
  }

  // ---- what the capture does not show

  /** The server passed on something of a side that is not in the capture. */
  #inferFrom(message: SipMessage, to: Endpoint): void {
    const { callId } = message;
    const facts = this.#known.call(callId);
    if (message.kind === 'request') {
      if (!this.#missing.madeRequest(message)) return;
      const opens = message.to.tag === undefined && message.method !== 'CANCEL';
      const from = this.#missing.senderOf(message);
      if (!opens && !this.#begun.has(callId))
        this.#adopt(message, beforeRequest(message, from, to, facts?.isCall === true));
      this.#begun.add(callId);
      this.#play(this.#missing.request(message, to), opens);
      if (opens && message.method === 'INVITE') this.#pair(message);
      return;
    }
    if (!this.#missing.madeResponse(message)) return;
    if (!this.#begun.has(callId)) {
      const from = this.#missing.placeOf(facts, message.to.uri);
      this.#adopt(
        message,
        beforeResponse(
          message,
          from,
          to,
          this.#isInside(message),
          askersVias(message, false),
          facts?.answerSdp(message),
        ),
      );
    }
    const inferred = this.#missing.response(message);
    if (inferred !== undefined) this.#play(inferred, false);
  }

  #play({ message, from }: Inferred, opens: boolean): void {
    this.#receive(message, from);
    const { callId } = message;
    if (this.#known.call(callId)?.isRelayed) {
      this.#log.lost(callId);
      return;
    }
    const at = endpointText(from);
    if (opens) this.#opener.set(callId, at);
    const side = this.#opener.get(callId) === at ? 'caller' : 'callee';
    this.#log.missing(callId, side, this.#missing.isInvented(from) ? '' : at);
  }

  /** A server that gives each leg a Call-ID of its own: which call does this leg belong to? */
  #pair(request: SipRequest): void {
    const caller = userOf(request.from.uri);
    const now = this.#server.now;
    for (const [callId, half] of [...this.#halves].reverse()) {
      if (callId === request.callId || now - half.at > LEG_WITHIN || half.caller !== caller) continue;
      this.#log.legOf(request.callId, callId);
      this.#halves.delete(callId);
      return;
    }
  }

  /** Does this answer to an INVITE belong to one inside its dialog? Only the opening one is record-routed. */
  #isInside(response: SipResponse): boolean {
    if (response.cseq.method !== 'INVITE' || response.status < 200 || response.status >= 300) return false;
    const followsRoutes = this.#known.call(response.callId)?.followsRoutes === true;
    return followsRoutes && !response.all('record-route').some((value) => this.#known.names.hasValue(value));
  }

  #adopt(message: SipMessage, beginning: Beginning | undefined): void {
    const { callId } = message;
    this.#begun.add(callId);
    if (beginning === undefined) return;
    this.#wireCallId = callId;
    if (!this.#before.adopt(message, beginning)) return;
    this.#opener.set(callId, endpointText(beginning.opener));
    if (!beginning.isSure) this.#log.guessed(callId);
  }

  // ---- what comes of it

  #receive(message: SipMessage, from: Endpoint): void {
    this.#wireCallId = message.callId;
    this.#server.receive(serialize(message), from);
    for (let next = this.#reactions.shift(); next !== undefined; next = this.#reactions.shift())
      this.#server.receive(serialize(next.message), next.from);
  }

  #sent(message: SipMessage, to: Endpoint, at: number): void {
    this.#exchange.sent(message, to);
    if (this.#before.takes(message, to)) return;
    for (const reaction of this.#missing.reactionTo(message, to))
      this.#reactions.push({ message: reaction, from: to });
    // What goes to a side that is not in the capture cannot be compared.
    if (!this.#isUnseen(message, to)) this.#differences.sent('ours', message, to, at);
    if (!this.#log.sends(message, to, at)) this.#others.addKind(message, to, at);
  }

  #isUnseen(message: SipMessage, to: Endpoint): boolean {
    const facts = this.#known.call(message.callId);
    if (facts === undefined || facts.isRelayed) return false;
    if (this.#missing.isPlace(to) || (message.kind === 'request' && this.#missing.answers(message)))
      return true;
    return facts.isCall && facts.hasMissingSide && !facts.shows(to);
  }

  #moved(transition: Transition): void {
    const { callId } = transition.dialog;
    // Timers have no message at hand; by then the call is known.
    const wire = text(this.#wireCallId) === callId ? this.#wireCallId : callId;
    this.#log.moved(transition, wire, this.#before.isPlaying);
  }

  #told(call: ReplayedCall): void {
    const totals = this.#totals;
    if (call.machine === 'dialog') totals.calls++;
    else totals.subscriptions++;
    if (call.adopted !== '') totals.adopted++;
    if (call.missing !== undefined) totals.halves++;
    if (!call.over) totals.unfinished++;
  }

  #sweep(than: number): void {
    const found = this.#differences.takeOlder(than, (callId) => this.#log.has(text(callId)));
    for (const difference of this.#count(found)) {
      const method = difference.cseq.slice(difference.cseq.indexOf(' ') + 1);
      const key = `${difference.why} ${method} ${kinds(difference.captured)} ${kinds(difference.ours)}`;
      const known = this.#otherDifferences.get(key);
      if (known !== undefined) known.transactions++;
      else if (this.#otherDifferences.size < OTHER_KINDS)
        this.#otherDifferences.set(key, { ...difference, transactions: 1 });
    }
    for (const [callId, { at }] of this.#halves) if (at < than) this.#halves.delete(callId);
  }

  #count(found: readonly Difference[]): readonly Difference[] {
    for (const { why } of found) this.#whys[why] = (this.#whys[why] ?? 0) + 1;
    return found;
  }
}

function kinds(sent: Difference['captured']): string {
  return sent.map(({ what }) => what).join(',');
}

function userOf(uri: string): string {
  return parseUri(uri)?.user ?? uri;
}
