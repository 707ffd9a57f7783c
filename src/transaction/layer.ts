// The transaction layer: finds the transaction of each message, and passes up only what is new. RFC 3261 §17.
import { detached, type SipMessage, type SipRequest, type SipResponse, type Via } from '../sip/message.ts';
import type { Clock } from '../time/clock.ts';
import { Deadlines } from '../time/deadlines.ts';
import type { Flow } from '../transport/flow.ts';
import { ClientInvite } from './client-invite.ts';
import { ClientNonInvite } from './client-non-invite.ts';
import { durations, type Host } from './host.ts';
import { responseFlow, serverKey } from './key.ts';
import { ServerInvite } from './server-invite.ts';
import { ServerNonInvite } from './server-non-invite.ts';
import type {
  ClientTransaction,
  ClientUser,
  Send,
  ServerTransaction,
  TransactionTimers,
  TransactionUser,
} from './transaction.ts';

export interface TransactionLayerOptions {
  readonly clock: Clock;
  readonly timers: TransactionTimers;
  readonly send: Send;
  readonly user: TransactionUser;
  /** The words for the layer's own responses: 100. */
  readonly reason: (status: number) => string;
}

/** Live transactions of each kind, with those that only linger. */
export interface TransactionCounts {
  readonly serverInvite: number;
  readonly serverNonInvite: number;
  readonly clientInvite: number;
  readonly clientNonInvite: number;
}

export class TransactionLayer {
  readonly #host: Host;
  readonly size: TransactionCounts;

  constructor({ clock, timers, send, user, reason }: TransactionLayerOptions) {
    const host: Host = {
      durations: durations(timers),
      deadlines: new Deadlines(clock),
      send,
      user,
      reason,
      serverInvites: new Map(),
      serverNonInvites: new Map(),
      clientInvites: new Map(),
      clientNonInvites: new Map(),
    };
    this.#host = host;
    this.size = {
      get serverInvite() {
        return host.serverInvites.size;
      },
      get serverNonInvite() {
        return host.serverNonInvites.size;
      },
      get clientInvite() {
        return host.clientInvites.size;
      },
      get clientNonInvite() {
        return host.clientNonInvites.size;
      },
    };
  }

  /** A message came in by `flow`; a request carries `received` and `rport` already (RFC 3261 §18.2.1, RFC 3581 §4). */
  receive(message: SipMessage, flow: Flow): void {
    if (message.kind === 'response') this.#receiveResponse(message, flow);
    else if (message.method === 'INVITE') this.#receiveInvite(message, flow);
    else if (message.method === 'ACK') this.#receiveAck(message, flow);
    else this.#receiveOther(message, flow);
  }

  /**
   * Sends `request`, with our Via and its branch on top, and keeps it alive. From now on it is the layer's: it is
   * sent again as it is then. A transport that fails at once tells `user` before this returns.
   */
  request(request: SipRequest, flow: Flow, user: ClientUser): ClientTransaction {
    const Kind = request.method === 'INVITE' ? ClientInvite : ClientNonInvite;
    const tx = new Kind(this.#host, request, flow, user);
    tx.begin();
    return tx;
  }

  /** The server transaction of an INVITE as it stood before a restart: its final status, and what it had sent last. */
  resumeServer(
    invite: SipRequest,
    source: Flow,
    { finalStatus, last }: Pick<ServerTransaction, 'finalStatus' | 'last'>,
  ): ServerTransaction {
    const key = detached(serverKey(invite, 'INVITE'));
    const tx = new ServerInvite(this.#host, key, invite, responseFlow(invite.via, source), source);
    tx.resume(finalStatus, last);
    return tx;
  }

  /** The same when it had been refused, and its ACK had not come. */
  resumeRefused(
    key: string,
    source: Flow,
    { finalStatus, last }: Pick<ServerTransaction, 'finalStatus' | 'last'>,
    via: Via,
  ): ServerTransaction {
    const tx = new ServerInvite(this.#host, key, undefined, responseFlow(via, source), source);
    tx.resume(finalStatus, last);
    return tx;
  }

  /**
   * The client transaction of an INVITE that had a provisional response before a restart. (One that had none is simply
   * sent once more: its branch makes it a retransmission.)
   */
  resumeClient(invite: SipRequest, flow: Flow, user: ClientUser): ClientTransaction {
    const tx = new ClientInvite(this.#host, invite, flow, user);
    tx.resume();
    return tx;
  }

  /** From now on; what a transaction waits for already stays as it is. */
  set timers(timers: TransactionTimers) {
    this.#host.durations = durations(timers);
  }

  /** Does anybody wait for a final response of ours, or has the caller of an INVITE not acknowledged the one it got? */
  get owes(): boolean {
    const { serverInvites, serverNonInvites } = this.#host;
    for (const { state } of serverInvites.values())
      if (state === 'proceeding' || state === 'completed') return true;
    for (const { finalStatus } of serverNonInvites.values()) if (finalStatus === 0) return true;
    return false;
  }

  /** Whether `request` belongs to a transaction that exists: true for what is absorbed or ends one, never for news. */
  knows(request: SipRequest): boolean {
    const { serverInvites, serverNonInvites } = this.#host;
    const { method } = request;
    if (method === 'INVITE' || method === 'ACK') return serverInvites.has(serverKey(request, 'INVITE'));
    if (serverNonInvites.has(serverKey(request, method))) return true;
    return method === 'CANCEL' && serverInvites.has(serverKey(request, 'INVITE'));
  }

  /** Forgets everything and stops every timer; nobody is told. */
  close(): void {
    const { deadlines, serverInvites, serverNonInvites, clientInvites, clientNonInvites } = this.#host;
    deadlines.close();
    for (const table of [serverInvites, serverNonInvites, clientInvites, clientNonInvites]) table.clear();
  }

  #receiveInvite(request: SipRequest, flow: Flow): void {
    const key = serverKey(request, 'INVITE');
    const known = this.#host.serverInvites.get(key);
    if (known !== undefined) known.receiveAgain();
    else {
      const tx = new ServerInvite(this.#host, detached(key), request, responseFlow(request.via, flow), flow);
      tx.begin();
      this.#host.user.onRequest(tx, request);
    }
  }

  #receiveAck(ack: SipRequest, flow: Flow): void {
    const invite = this.#host.serverInvites.get(serverKey(ack, 'INVITE'));
    if (invite?.isAcknowledgedBy(ack)) invite.receiveAck(ack, flow);
    else this.#host.user.onAck(ack, flow);
  }

  #receiveOther(request: SipRequest, flow: Flow): void {
    const key = serverKey(request, request.method);
    const known = this.#host.serverNonInvites.get(key);
    if (known !== undefined) known.receiveAgain();
    else {
      const tx = new ServerNonInvite(
        this.#host,
        detached(key),
        request,
        responseFlow(request.via, flow),
        flow,
      );
      tx.begin();
      if (request.method === 'CANCEL') this.#passCancel(tx, request);
      else this.#host.user.onRequest(tx, request);
    }
  }

  #passCancel(tx: ServerNonInvite, cancel: SipRequest): void {
    const invite = this.#host.serverInvites.get(serverKey(cancel, 'INVITE'));
    if (invite === undefined) this.#host.user.onStrayCancel(tx);
    else this.#host.user.onCancel(tx, invite);
  }

  #receiveResponse(response: SipResponse, flow: Flow): void {
    const tx = this.#clientOf(response);
    if (tx === undefined) this.#host.user.onStrayResponse(response, flow);
    else tx.receive(response, flow);
  }

  /** RFC 3261 §17.1.3: the branch on top, and the method of CSeq. */
  #clientOf(response: SipResponse): ClientInvite | ClientNonInvite | undefined {
    const { status } = response;
    const branch = response.via.branch;
    if (branch === undefined || status < 100 || status > 699) return undefined;
    const { method } = response.cseq;
    if (method === 'INVITE') return this.#host.clientInvites.get(branch);
    const tx = this.#host.clientNonInvites.get(branch);
    return tx?.method === method ? tx : undefined;
  }
}
