// An INVITE server transaction at work: carries out what its table says.
import { hasMagicCookie, type SipRequest, type SipResponse } from '../sip/message.ts';
import { parse } from '../sip/parse.ts';
import { makeResponse } from '../sip/reply.ts';
import { serialize, wireText } from '../sip/serialize.ts';
import type { Flow } from '../transport/flow.ts';
import type { Host } from './host.ts';
import { keep, Lingering, RequestReleased } from './lingering.ts';
import { type Action, type Event, type State, serverInvite } from './server-invite-table.ts';
import type { ServerTransaction } from './transaction.ts';

export class ServerInvite extends Lingering implements ServerTransaction {
  readonly key: string;
  readonly source: Flow;
  state: State = 'proceeding';
  finalStatus = 0;
  work: unknown = undefined;
  onAcknowledged: (() => void) | undefined;
  #request: SipRequest | undefined;
  /** The response that a retransmitted INVITE gets. */
  #last = '';

  constructor(host: Host, key: string, request: SipRequest | undefined, flow: Flow, source: Flow) {
    super(host, flow);
    this.source = source;
    this.key = key;
    this.#request = request;
  }

  get method(): string {
    return 'INVITE';
  }

  get request(): SipRequest {
    if (this.#request === undefined) throw new RequestReleased(this.method);
    return this.#request;
  }

  /** Enters the table of transactions and sends 100 Trying. */
  begin(): void {
    this.host.serverInvites.set(this.key, this);
    this.respond(makeResponse(this.request, 100, this.host.reason(100)));
  }

  /** Enters the table as it stood before a restart. `last`: what a retransmitted INVITE gets, wire text; '': a 100, or nothing more. */
  resume(finalStatus: number, last: string): void {
    this.host.serverInvites.set(this.key, this);
    this.finalStatus = finalStatus;
    this.#last = last;
    if (finalStatus === 0) {
      if (last === '') this.#last = wireText(makeResponse(this.request, 100, this.host.reason(100)));
      return;
    }
    if (finalStatus < 300) {
      this.#enter('accepted');
      this.#do('startL');
    } else if (last === '') {
      // its ACK had come
      this.#enter('confirmed');
      this.#do('startI');
    } else {
      this.#enter('completed');
      this.#do('startG');
    }
  }

  get last(): string {
    return this.#last;
  }

  get isOwedAck(): boolean {
    return this.state === 'completed';
  }

  respond(response: SipResponse): void {
    if (response.status < 200) this.#step('respond.provisional', response);
    else if (response.status < 300) this.#step('respond.success', response);
    else this.#step('respond.failure', response);
  }

  abandon(): void {
    this.#step('abandon');
  }

  receiveAgain(): void {
    this.#step('request.again');
  }

  /** RFC 3261 §17.2.3: without a unique branch the To tag says which response an ACK is for. */
  isAcknowledgedBy(ack: SipRequest): boolean {
    if (this.state !== 'completed' || hasMagicCookie(ack.via.branch)) return true;
    const last = parse(Buffer.from(this.#last, 'latin1'));
    return !last.ok || last.message.to.tag === ack.to.tag;
  }

  receiveAck(ack: SipRequest, flow: Flow): void {
    this.#step('request.ack', ack, flow);
  }

  override expire(): void {
    if (this.state === 'completed') this.#step(this.gaveUp ? 'timer.h' : 'timer.g');
    else this.#step(this.state === 'confirmed' ? 'timer.i' : 'timer.l');
  }

  #step(event: Event, message?: SipRequest | SipResponse, flow?: Flow): void {
    const arrow = serverInvite[this.state][event];
    if (arrow === undefined) return;
    if (arrow.to !== undefined) this.#enter(arrow.to);
    if (arrow.do !== undefined) for (const action of arrow.do) this.#do(action, message, flow);
  }

  #enter(state: State): void {
    const wasOwed = this.isOwedAck;
    this.state = state;
    this.#request = undefined;
    if (state !== 'completed') this.#last = '';
    if (wasOwed) {
      this.onAcknowledged?.();
      this.onAcknowledged = undefined;
    }
    if (state !== 'terminated') return;
    this.stopWaiting();
    this.host.serverInvites.delete(this.key);
  }

  #do(action: Action, message?: SipRequest | SipResponse, flow?: Flow): void {
    const { t2, t4, giveUp } = this.host.durations;
    switch (action) {
      case 'send':
        if (message?.kind === 'response') this.#send(message);
        break;
      case 'sendAgain':
        this.sendKept(this.#last);
        break;
      case 'passAck':
        if (message?.kind === 'request' && flow !== undefined) this.host.user.onAck(message, flow);
        break;
      case 'startG':
        this.startResending();
        break;
      case 'restartG':
        this.resendAfter(Math.min(this.interval * 2, t2));
        break;
      case 'startI':
        this.wait(t4);
        break;
      case 'startL':
        this.wait(giveUp);
        break;
    }
  }

  #send(response: SipResponse): void {
    const bytes = serialize(response);
    const { status } = response;
    if (status >= 200 && this.finalStatus === 0) this.finalStatus = status;
    if (this.state === 'proceeding' || (this.state === 'completed' && status >= 300))
      this.#last = keep(bytes);
    this.host.send(bytes, this.flow);
  }
}
