// Who may register and open something: by password where one is needed, else by network; and how much of it.
import type { Gate, GateVerdict } from '../auth/gate.ts';
import type { DropReason } from '../limits/drops.ts';
import type { Limits } from '../limits/limits.ts';
import type { Location } from '../registrar/location.ts';
import { type HeaderLine, headerLine, type SipRequest } from '../sip/message.ts';
import { parseUri } from '../sip/uri.ts';
import type { Flow } from '../transport/flow.ts';

export interface Refusal {
  readonly status: number;
  readonly phrase?: string;
  readonly headers?: HeaderLine[];
  /** Nothing is remembered of it: it is for strangers, and there may be many. */
  readonly stateless?: true;
}

export interface AdmissionParts {
  /** undefined: nothing needs a password. */
  readonly gate: Gate | undefined;
  readonly limits: Limits;
  readonly location: Location;
  readonly callers: 'any' | 'registered';
  /** Live dialogs now, and at most. */
  readonly calls: () => number;
  readonly maxCalls: number;
  /** Is nothing new taken in, for the server is to end? */
  readonly isDraining: () => boolean;
  readonly isLive: (callId: string) => boolean;
  readonly drop: (reason: DropReason) => void;
}

/** Seconds after which a refused caller or phone may try again. */
const RETRY_AFTER = 10;

export class Admission {
  readonly #parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  register(request: SipRequest, flow: Flow): Refusal | undefined {
    const { gate, limits, drop } = this.#parts;
    const { remoteAddress } = flow;
    const verdict = gate?.register(request, flow) ?? 'open';
    if (!isFirstTry(verdict, request) && !limits.mayRegister(remoteAddress)) {
      drop('rate-registrations');
      return later();
    }
    const refusal = refusalOf(verdict);
    if (refusal !== undefined) return refusal;
    return limits.admits(remoteAddress, verdict !== 'open') ? undefined : { status: 403, stateless: true };
  }

  /** A request that belongs to no dialog of ours. What was meant for us alone is taken out of it. */
  request(request: SipRequest, flow: Flow): Refusal | undefined {
    const { gate, limits, callers, drop } = this.#parts;
    const { remoteAddress } = flow;
    const verdict = gate?.request(request, parseUri(request.uri), flow) ?? 'open';
    const refusal = refusalOf(verdict);
    const opens = request.to.tag === undefined && opensDialog(request.method);
    if (opens && !isFirstTry(verdict, request) && !limits.mayCall(remoteAddress)) {
      drop('rate-calls');
      return later();
    }
    if (refusal !== undefined) return refusal;
    const bound = () => this.#parts.location.isBoundAddress(remoteAddress, flow.remotePort) !== undefined;
    // Where registering takes a password, a registered phone has shown it.
    const proven = verdict !== 'open' || (gate !== undefined && bound());
    if (!limits.admits(remoteAddress, proven)) return { status: 403, stateless: true };
    const registered = () => verdict === 'trusted' || bound();
    if (callers === 'registered' && request.to.tag === undefined && !registered()) return { status: 400 };
    gate?.strip(request);
    return undefined;
  }

  /** May this source be answered at length and have ACKs passed, or is it a stranger? */
  knows(flow: Flow): boolean {
    const { limits, location, gate } = this.#parts;
    const bound = location.isBoundAddress(flow.remoteAddress, flow.remotePort) !== undefined;
    return limits.admits(flow.remoteAddress, bound || gate?.trusts(flow) === true);
  }

  /** Asked last: whatever is refused for another reason is told that one. */
  room(request: SipRequest): Refusal | undefined {
    const { calls, maxCalls, drop, isDraining } = this.#parts;
    if (isDraining() && request.to.tag === undefined && !this.#goesOn(request)) return this.draining();
    if (request.to.tag !== undefined || !opensDialog(request.method) || calls() < maxCalls) return undefined;
    drop('too-many-calls');
    return later();
  }

  /** undefined: the server does not drain. A balancer that asks with OPTIONS learns so to send its calls elsewhere. */
  draining(): Refusal | undefined {
    const { isDraining, drop } = this.#parts;
    if (!isDraining()) return undefined;
    drop('draining');
    return later();
  }

  /** A call that lives tries again (401, 407, 3xx), or is replaced (RFC 3891): that is nothing new. */
  #goesOn(request: SipRequest): boolean {
    const { isLive } = this.#parts;
    const replaced = request.first('replaces')?.split(';', 1)[0]?.trim();
    return isLive(request.callId) || (replaced !== undefined && isLive(replaced));
  }

  /** A request of a dialog of ours passes; what it carries for us alone does not. */
  inDialog(request: SipRequest): undefined {
    this.#parts.gate?.strip(request);
  }
}

/** Whoever is only asked for a password has not used up anything. */
function isFirstTry(verdict: GateVerdict, request: SipRequest): boolean {
  if (typeof verdict === 'string' || !('status' in verdict)) return false;
  return !request.has(verdict.status === 401 ? 'authorization' : 'proxy-authorization');
}

function refusalOf(verdict: GateVerdict): Refusal | undefined {
  if (typeof verdict === 'string' || !('status' in verdict)) return undefined;
  return { ...verdict, stateless: true };
}

function later(): Refusal {
  return { status: 503, headers: [headerLine('Retry-After', String(RETRY_AFTER))], stateless: true };
}

function opensDialog(method: string): boolean {
  return method === 'INVITE' || method === 'SUBSCRIBE' || method === 'REFER';
}
