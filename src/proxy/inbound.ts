// What a new request meets before a dialog hears of it: an ordered chain of small decisions (RFC 3261 §16.3 to §16.5).
import type { DialogEvent, Side } from '../../machines/types.ts';

import type { DropReason } from '../limits/drops.ts';
import type { Registrar } from '../registrar/registrar.ts';
import type { KeyedHash } from '../routing/keyed-hash.ts';
import type { Router, Target } from '../routing/router.ts';
import { maxForwards } from '../sip/edit.ts';
import { splitList } from '../sip/list.ts';
import type { HeaderLine, SipMessage, SipRequest, SipResponse } from '../sip/message.ts';
import { headerLine } from '../sip/message.ts';
import { makeLateAck } from '../sip/reply.ts';
import { mediaOf } from '../sip/sdp.ts';
import { serialize } from '../sip/serialize.ts';
import { aorOf, parseUri } from '../sip/uri.ts';
import { checkRequest } from '../sip/validate.ts';
import { parseVia } from '../sip/via.ts';
import type { Item } from '../store/log-item.ts';
import type { ServerTransaction, TransactionUser } from '../transaction/transaction.ts';
import type { Flow } from '../transport/flow.ts';
import type { Admission, Refusal } from './admission.ts';
import { isLoop, loopHash } from './branch-id.ts';
import { Forwarding, type ForwardingObserver } from './forwarding.ts';
import type { Merged } from './merged.ts';
import type { ProxyCore } from './proxy-core.ts';
import type { Refusals } from './refusals.ts';
import type { SavedForwarding } from './saved-forwarding.ts';

/** Methods the server itself answers, and those it knows how to forward: for Allow. */
const ALLOW =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, REFER, MESSAGE, INFO, UPDATE, PRACK';
const SUPPORTED = 'path';

/** Who keeps the dialogs: hears of each request that may concern one, and sees that it is forwarded all the same. */
export interface Dialogs {
  readonly size: number;
  request(request: SipRequest, make: (observer: ForwardingObserver) => Forwarding): void;
  ack(request: SipRequest, pass: () => void, event: (side: Side) => DialogEvent): void;
  cancel(forwarding: Forwarding, callId: string, headers: readonly HeaderLine[]): void;
  /** The answer to a request that was forwarded before a restart. */
  late(response: SipResponse, pass: () => void): void;
  /** Is it inside a dialog that lives, by Call-ID and both tags? */
  knows(message: SipMessage): boolean;
  resume(saved: SavedInvite, make: (observer: ForwardingObserver) => Forwarding | undefined): boolean;
}

/** An INVITE of a dialog that is being forwarded, as it is kept. */
export interface SavedInvite {
  readonly v: 1;
  readonly callId: string;
  readonly role: 'opening' | 'reinvite';
  readonly side: Side;
  readonly forwarding: SavedForwarding;
  /** As what it was found. */
  readonly kept?: Item | undefined;
}

export interface InboundParts {
  readonly core: ProxyCore;
  readonly router: Router;
  readonly registrar: Registrar;
  readonly supervisor: Dialogs;
  readonly branchHash: KeyedHash;
  readonly admission: Admission;
  readonly refusals: Refusals;
  readonly merged: Merged;
  /** Is this Via's sent-by one of ours? */
  readonly isOwnSentBy: (host: string, port: number | undefined) => boolean;
  readonly send: (bytes: Buffer, flow: Flow) => void;
  readonly drop: (reason: DropReason) => void;
  /** Answers may still come to what was sent before a restart. */
  readonly justRestarted: () => boolean;
}

export class Inbound implements TransactionUser {
  readonly #parts: InboundParts;
  /** Call-IDs of INVITEs that were under way before a restart. */
  readonly #resumed = new Set<string>();

  constructor(parts: InboundParts) {
    this.#parts = parts;
  }

  onRequest(tx: ServerTransaction, request: SipRequest): void {
    const { core, router, admission } = this.#parts;
    const problem = checkRequest(request);
    if (problem !== undefined) {
      this.#refuse(tx, request, { status: problem.status, phrase: problem.phrase });
      return;
    }
    const base = request.copy();
    const verdict = router.route(base);
    if (verdict.kind === 'self') {
      this.#answer(tx, base);
      return;
    }
    if (verdict.kind === 'refuse' && (verdict.status === 416 || verdict.status === 400)) {
      this.#refuse(tx, base, {
        status: verdict.status,
        ...(verdict.status === 400 && { phrase: verdict.why }),
      });
      return;
    }
    if (base.method === 'REGISTER' && verdict.kind === 'forward' && verdict.byLocation) {
      // RFC 3261 §10.2: a Request-URI with a user is a registrar of ours all the same.
      this.#register(tx, base);
      return;
    }
    const cookie = verdict.kind === 'forward' ? verdict.cookie : undefined;
    // A cookie without a To tag opens something: it is no password.
    const inDialog = cookie !== undefined && base.to.tag !== undefined;
    const refusal =
      this.#cannotForward(base) ??
      (verdict.kind === 'refuse' ? { status: verdict.status } : undefined) ??
      (inDialog ? admission.inDialog(base) : admission.request(base, tx.source)) ??
      notToOneself(base);
    if (refusal !== undefined || verdict.kind !== 'forward') {
      if (refusal !== undefined) this.#refuse(tx, base, refusal);
      return;
    }
    const strayInDialog = base.to.tag !== undefined && cookie === undefined;
    if (strayInDialog && verdict.targets.every((target) => leadsBack(target, tx.source))) {
      core.respond(tx, 481);
      return;
    }
    const noRoom = admission.room(base);
    if (noRoom !== undefined) {
      this.#refuse(tx, base, noRoom);
      return;
    }
    this.#forward(tx, base, verdict.targets);
  }

  #refuse(tx: ServerTransaction, request: SipRequest, refusal: Refusal): void {
    const { core, refusals, send, admission } = this.#parts;
    const { status, headers, phrase } = refusal;
    // A final response to INVITE is sent eleven times until its ACK comes: not to strangers, who may be somebody else.
    if (refusal.stateless || (tx.method === 'INVITE' && !admission.knows(tx.source))) {
      send(refusals.response(request, status, phrase ?? core.reason(status), headers), tx.flow);
      tx.abandon();
    } else core.respond(tx, status, headers, phrase);
  }

  #forward(tx: ServerTransaction, base: SipRequest, targets: readonly Target[]): void {
    const { core, supervisor } = this.#parts;
    supervisor.request(base, (observer: ForwardingObserver) => {
      const forwarding = new Forwarding(core, tx, base, targets, observer);
      if (forwarding.isInvite) tx.work = forwarding;
      return forwarding;
    });
  }

  onCancel(cancel: ServerTransaction, invite: ServerTransaction): void {
    const { core, supervisor } = this.#parts;
    const request = cancel.request;
    core.respond(cancel, 200);
    const forwarding = invite.work instanceof Forwarding ? invite.work : undefined;
    if (forwarding === undefined || invite.finalStatus !== 0) return;
    supervisor.cancel(
      forwarding,
      request.callId,
      request.headers.filter((line) => line.key === 'reason'),
    );
  }

  onStrayCancel(cancel: ServerTransaction): void {
    this.#parts.core.respond(cancel, 481);
  }

  /** An ACK for a 2xx is forwarded like a request of its dialog, without a transaction; it is never answered. */
  onAck(request: SipRequest, flow: Flow): void {
    const { core, router, supervisor, admission, refusals, send, drop } = this.#parts;
    if (refusals.absorbs(request)) return;
    if (checkRequest(request) !== undefined) {
      drop('bad-ack');
      return;
    }
    const base = request.copy();
    admission.inDialog(base);
    const verdict = router.route(base);
    const target = verdict.kind === 'forward' ? verdict.targets[0] : undefined;
    const hasWay =
      verdict.kind === 'forward' &&
      (verdict.cookie !== undefined || (admission.knows(flow) && !this.#isOfBefore(base)));
    if (!hasWay || target === undefined || this.#cannotForward(base) !== undefined) {
      drop('stray-ack');
      return;
    }
    const pass = () => {
      const out = core.stateless(base, target, flow);
      if (out !== undefined) send(out.bytes, out.flow);
    };
    supervisor.ack(base, pass, (side) => ({ type: 'request.ack', side, media: mediaOf(base) }));
  }

  /** The ACK of a refusal that was sent before a restart: its transaction is gone, and the phone it would reach knows of none. */
  #isOfBefore(ack: SipRequest): boolean {
    return this.#parts.justRestarted() && !this.#parts.supervisor.knows(ack);
  }

  /**
   * Dropped (RFC 6026 §8.9), but for what was under way when the server was restarted: an answer inside a dialog that
   * was restored goes back by its Vias. What an INVITE is refused with does not: it was heard, and only its ACK was lost.
   */
  onStrayResponse(response: SipResponse, flow: Flow): void {
    const { core, supervisor, justRestarted, send, drop } = this.#parts;
    const { status, cseq } = response;
    if (cseq.method === 'INVITE' && status >= 300) {
      if (justRestarted() && this.#resumed.has(response.callId) && core.isAnswer(response))
        send(serialize(makeLateAck(response)), flow);
      else drop('stray-response');
      return;
    }
    const isFree = cseq.method === 'INVITE' ? status >= 200 : cseq.method !== 'CANCEL';
    const passes = justRestarted() && isFree && supervisor.knows(response) && core.isAnswer(response);
    const back = passes ? core.passBack(response, flow) : undefined;
    if (back === undefined) drop('stray-response');
    else supervisor.late(response, () => send(back.bytes, back.flow));
  }

  /** The INVITE of a dialog that was being forwarded before a restart; false: it cannot be read. */
  resume(saved: SavedInvite): boolean {
    const { core, supervisor } = this.#parts;
    this.#resumed.add(saved.callId);
    return supervisor.resume(saved, (observer) => {
      const resumed = core.resume(saved.forwarding);
      if (resumed === undefined) return undefined;
      const { tx, base } = resumed;
      const forwarding = new Forwarding(core, tx, base, saved.forwarding.waiting ?? [], observer);
      tx.work = forwarding;
      return forwarding;
    });
  }

  /** RFC 3261 §16.3 steps 3 to 5. */
  #cannotForward(request: SipRequest): Refusal | undefined {
    const hops = maxForwards(request);
    if (hops === 0) return { status: 483 };
    if (hops === 'bad') return { status: 400, phrase: 'Bad Max-Forwards' };
    if (this.#loops(request)) return { status: 482 };
    if (request.has('proxy-require')) {
      const unsupported = request.all('proxy-require').filter((tag) => tag !== '');
      return { status: 420, headers: [headerLine('Unsupported', unsupported.join(', '))] };
    }
    if (request.first('max-breadth')?.trim() === '0') return { status: 440, phrase: 'Max-Breadth Exceeded' };
    return undefined;
  }

  #loops(request: SipRequest): boolean {
    const { isOwnSentBy, branchHash } = this.#parts;
    const own: string[] = [];
    for (const line of request.headers) {
      if (line.key !== 'via') continue;
      const vias = line.value.includes(',') ? splitList(line.value).map(parseVia) : [line.via];
      for (const via of vias) {
        if (via?.branch !== undefined && isOwnSentBy(via.host, via.port)) own.push(via.branch);
      }
    }
    return own.length > 0 && isLoop(own, loopHash(request, branchHash));
  }

  #register(tx: ServerTransaction, request: SipRequest): void {
    const { admission, registrar } = this.#parts;
    const refusal = admission.register(request, tx.source);
    if (refusal !== undefined) this.#refuse(tx, request, refusal);
    else tx.respond(registrar.handle(request, tx.source));
  }

  /** RFC 3261 §8.2, §11: requests for the server itself. */
  #answer(tx: ServerTransaction, request: SipRequest): void {
    const { core, merged, admission } = this.#parts;
    if (request.method === 'REGISTER') {
      this.#register(tx, request);
      return;
    }
    const draining = request.method === 'OPTIONS' ? admission.draining() : undefined;
    if (draining !== undefined) {
      this.#refuse(tx, request, draining);
      return;
    }
    if (merged.isAgain(request)) {
      core.respond(tx, 482);
      return;
    }
    const required = request.has('require') ? request.all('require').filter((tag) => tag !== '') : [];
    if (required.length > 0) {
      core.respond(tx, 420, [headerLine('Unsupported', required.join(', '))]);
    } else if (request.method === 'OPTIONS') {
      core.respond(tx, 200, [
        headerLine('Allow', ALLOW),
        headerLine('Accept', 'application/sdp'),
        headerLine('Accept-Language', 'en'),
        headerLine('Supported', SUPPORTED),
      ]);
    } else if (request.to.tag !== undefined) {
      core.respond(tx, 481);
    } else if (request.method === 'INVITE') {
      this.#refuse(tx, request, { status: 404 });
    } else {
      core.respond(tx, 405, [headerLine('Allow', ALLOW)]);
    }
  }
}

/** A request inside no dialog of ours whose target is its own sender has lost its way. */
function leadsBack({ hop }: Target, from: Flow): boolean {
  return hop !== undefined && hop.address === from.remoteAddress && hop.port === from.remotePort;
}

/** A phone that publishes or watches its own AOR asks the server for a service; sent back it would ask itself. */
function notToOneself(request: SipRequest): Refusal | undefined {
  if (request.to.tag !== undefined) return undefined;
  if (request.method !== 'PUBLISH' && request.method !== 'SUBSCRIBE') return undefined;
  const from = parseUri(request.from.uri);
  const target = parseUri(request.uri);
  if (from === undefined || target === undefined || aorOf(from) !== aorOf(target)) return undefined;
  if (target.params.some(([name]) => name === 'conf-id')) return undefined;
  return request.method === 'PUBLISH'
    ? { status: 405, headers: [headerLine('Allow', ALLOW)] }
    : { status: 489, headers: [headerLine('Allow-Events', '')] };
}
