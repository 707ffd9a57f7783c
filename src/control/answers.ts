// What is said of calls and registrations, live or not: in the journal's field names, instants in ISO 8601.
import { type CallRecord, talkMs } from '../journal/call-record.ts';
import type { Binding } from '../registrar/location.ts';
import { text } from '../sip/message.ts';
import type { History, Step } from './history.ts';

/** A call, live or ended. Instants are ISO 8601 in UTC; absent: it has not come to that. */
export interface CallAnswer {
  readonly callId: string;
  readonly machine: 'dialog' | 'subscription';
  readonly parties: { readonly from: string; readonly to: string };
  /** Who rang, answered or refused in place of `to`. */
  readonly callee?: string;
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

/** One that lives, with the states it went through so far. */
export function callDetail(
  call: CallRecord,
  history: History | undefined,
  now: number | undefined,
): CallDetailAnswer {
  return {
    ...callAnswer(call, now),
    states: (history?.steps ?? []).map(stateAnswer),
    ...(history !== undefined && history.skipped > 0 && { skippedStates: history.skipped }),
  };
}

/** `now`: until when there was talk in a call that has not ended; undefined: nobody knows. */
export function callAnswer(call: CallRecord, now: number | undefined): CallAnswer {
  const { dialog, callee, ringingAt, answeredAt, endedAt, outcome, status, endedBy } = call;
  const talk = talkMs({ ...call, endedAt: endedAt ?? now });
  return {
    callId: dialog.callId,
    machine: dialog.machine,
    parties: { from: dialog.from, to: dialog.to },
    ...(callee !== undefined && { callee }),
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

/** `now`: the clock of the binding. */
export function registrationAnswer(
  binding: Binding,
  { now, wall }: { readonly now: () => number; readonly wall: () => number },
): RegistrationAnswer {
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
