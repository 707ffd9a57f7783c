// What a running server can be asked, and what it says: read from what is there anyway, when somebody asks.
import { type Choice, type Lens, MOST_AT_ONCE } from '../inspect/lens.ts';
import type { StatelyMessage } from '../inspect/stately.ts';
import { type CallRecord, talkMs } from '../journal/call-record.ts';
import { DROP_REASONS, type DropReason } from '../limits/drops.ts';
import type { Binding } from '../registrar/location.ts';
import { text } from '../sip/message.ts';
import type { Answering, Exchange } from './control-server.ts';
import type { Histories, Step } from './history.ts';

export interface Sources {
  readonly calls: () => Iterable<CallRecord>;
  readonly histories: Histories;
  readonly bindings: () => Iterable<Binding>;
  /** Counts by reason. */
  readonly drops: ReadonlyMap<DropReason, number>;
  readonly lens: Lens;
  /** Monotonic ms, the clock of the bindings. */
  readonly now: () => number;
  /** ms since the epoch. */
  readonly wall: () => number;
}

/** A live call. Instants are ISO 8601 in UTC; absent: it has not come to that. */
export interface CallAnswer {
  readonly callId: string;
  readonly machine: 'dialog' | 'subscription';
  readonly parties: { readonly from: string; readonly to: string };
  readonly state: string;
  readonly started: string;
  readonly ringing?: string;
  readonly answered?: string;
  readonly ended?: string;
  readonly talkMs?: number;
  readonly outcome?: string;
  readonly status?: number;
  readonly endedBy?: string;
  readonly video: boolean;
  readonly transitions: number;
  readonly origin?: { readonly callId: string; readonly why: string };
}

export interface CallDetailAnswer extends CallAnswer {
  readonly states: readonly StateAnswer[];
  /** States between the first ten and the last thirty that are no longer known. */
  readonly skippedStates?: number;
}

export interface StateAnswer {
  readonly time: string;
  readonly state: string;
  readonly cause: string;
  readonly by?: string;
}

export interface RegistrationAnswer {
  readonly aor: string;
  readonly contact: string;
  readonly expires: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly q: number;
  readonly from: { readonly transport: string; readonly host: string; readonly port: number };
  /** Is it called at its Contact, or where it registered from? */
  readonly follow: string;
  readonly path?: readonly string[];
  readonly instance?: string;
  readonly regId?: string;
}

export interface DropAnswer {
  readonly reason: DropReason;
  readonly count: number;
  /** In words. */
  readonly why: string;
}

/** What the inspector is to hear, or something about the watching. */
export type InspectAnswer = StatelyMessage | { readonly watching: true } | { readonly notice: string };

export function questions(sources: Sources): Readonly<Record<string, Answering>> {
  return {
    calls: (exchange) => exchange.list(mapped(sources.calls(), (call) => callAnswer(call, sources.wall()))),
    call: (exchange) => oneCall(exchange, sources),
    registrations: (exchange) =>
      exchange.list(mapped(sources.bindings(), (binding) => registrationAnswer(binding, sources))),
    drops: (exchange) =>
      exchange.list(
        mapped(
          sources.drops,
          ([reason, count]): DropAnswer => ({ reason, count, why: DROP_REASONS[reason] }),
        ),
      ),
    inspect: (exchange) => inspect(exchange, sources.lens),
  };
}

function* mapped<From, To>(all: Iterable<From>, to: (one: From) => To): Generator<To> {
  for (const one of all) yield to(one);
}

/** The call of that Call-ID, or the only one whose Call-ID begins so. */
function oneCall(exchange: Exchange, { calls, histories, wall }: Sources): void {
  const { callId } = exchange.question;
  if (typeof callId !== 'string' || callId === '') {
    exchange.fail('bad-question', 'which call?');
    return;
  }
  const alike: CallRecord[] = [];
  for (const call of calls()) {
    if (call.dialog.callId === callId) {
      alike.splice(0, alike.length, call);
      break;
    }
    if (call.dialog.callId.startsWith(callId)) alike.push(call);
  }
  const [call] = alike;
  if (call === undefined) exchange.fail('unknown-call', `no live call has the Call-ID ${callId}`);
  else if (alike.length > 1)
    exchange.fail('unclear-call', `${alike.length} live calls have a Call-ID that begins with ${callId}`);
  else {
    const history = histories.of(call.dialog.callId);
    const answer: CallDetailAnswer = {
      ...callAnswer(call, wall()),
      states: (history?.steps ?? []).map(stateAnswer),
      ...(history !== undefined && history.skipped > 0 && { skippedStates: history.skipped }),
    };
    exchange.list([answer]);
  }
}

function inspect(exchange: Exchange, lens: Lens): void {
  const choice = choiceOf(exchange.question);
  if (choice === undefined) {
    exchange.fail('bad-question', 'which calls?');
    return;
  }
  const end = lens.open(choice, {
    message: (message) => exchange.item(message satisfies InspectAnswer),
    over: () => exchange.done(),
    tooMany: () =>
      exchange.item({
        notice: `${MOST_AT_ONCE} calls are watched at once; others are left out`,
      } satisfies InspectAnswer),
  });
  if (end === undefined) {
    exchange.fail('unknown-call', `no live call has the Call-ID ${exchange.question.callId}`);
    return;
  }
  // the one who asks knows that it works, though no call may have come yet
  exchange.item({ watching: true } satisfies InspectAnswer);
  exchange.onGone(end);
}

function choiceOf({ callId, user, next }: Exchange['question']): Choice | undefined {
  if (typeof callId === 'string') return { callId };
  if (typeof user === 'string' && user !== '') return { user };
  if (typeof next === 'number' && Number.isInteger(next) && next >= 1) return { next };
  return undefined;
}

function callAnswer(call: CallRecord, now: number): CallAnswer {
  const { dialog, ringingAt, answeredAt, endedAt, outcome, status, endedBy } = call;
  const talk = talkMs({ ...call, endedAt: endedAt ?? now });
  return {
    callId: dialog.callId,
    machine: dialog.machine,
    parties: { from: dialog.from, to: dialog.to },
    state: call.state,
    started: iso(call.startedAt),
    ...(ringingAt !== undefined && { ringing: iso(ringingAt) }),
    ...(answeredAt !== undefined && { answered: iso(answeredAt) }),
    ...(endedAt !== undefined && { ended: iso(endedAt) }),
    ...(talk !== undefined && { talkMs: talk }),
    ...(outcome !== undefined && { outcome }),
    ...(status !== undefined && { status }),
    ...(endedBy !== undefined && { endedBy }),
    video: call.video,
    transitions: call.transitions,
    ...(dialog.origin !== undefined && { origin: dialog.origin }),
  };
}

function stateAnswer({ at, to, cause, by }: Step): StateAnswer {
  return { time: iso(at), state: to, cause, ...(by !== undefined && { by }) };
}

function registrationAnswer(binding: Binding, { now, wall }: Sources): RegistrationAnswer {
  const { flow, path, instance, regId } = binding;
  const left = Math.max(0, binding.expiresAt - now());
  return {
    aor: text(binding.aor),
    contact: text(binding.uri),
    expires: iso(wall() + left),
    expiresIn: Math.ceil(left / 1000),
    q: binding.q / 1000,
    from: { transport: flow.transport, host: flow.remoteAddress, port: flow.remotePort },
    follow: binding.follow,
    ...(path.length > 0 && { path: path.map(text) }),
    ...(instance !== undefined && { instance: text(instance) }),
    ...(regId !== undefined && { regId }),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
