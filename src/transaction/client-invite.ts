// An INVITE client transaction at work: carries out what its table says.
import type { HeaderLine, SipRequest, SipResponse } from '../sip/message.ts';
import { makeAck, makeCancel } from '../sip/reply.ts';
import { serialize } from '../sip/serialize.ts';
import type { Flow } from '../transport/flow.ts';
import { type Action, clientInvite, type Event, type State } from './client-invite-table.ts';
import { ClientNonInvite } from './client-non-invite.ts';
import type { Host } from './host.ts';
import { keep, Lingering, RequestReleased } from './lingering.ts';
import type { ClientTransaction, ClientUser } from './transaction.ts';

export class ClientInvite extends Lingering implements ClientTransaction {
  readonly branch: string;
  state: State = 'calling';
  provisional = false;
  #request: SipRequest | undefined;
  #user: ClientUser | undefined;
  /** The ACK that a retransmitted final response gets. */
  #ack = '';

  constructor(host: Host, request: SipRequest, flow: Flow, user: ClientUser) {
    super(host, flow);
    this.branch = request.via.branch ?? '';
    this.#request = request;
    this.#user = user;
  }

  get method(): string {
    return 'INVITE';
  }

  get request(): SipRequest {
    if (this.#request === undefined) throw new RequestReleased(this.method);
    return this.#request;
  }

  begin(): void {
    const { clientInvites } = this.host;
    const former = clientInvites.get(this.branch);
    clientInvites.set(this.branch, this);
    this.startResending();
    this.#send();
    former?.displace();
  }

  /** Enters the table as it stood before a restart: a provisional response had come, nothing is sent. */
  resume(): void {
    this.host.clientInvites.set(this.branch, this);
    this.state = 'proceeding';
    this.provisional = true;
    this.wait(this.host.durations.c);
  }

  receive(response: SipResponse, flow: Flow): void {
    if (response.status < 200) this.#step('response.provisional', response, flow);
    else if (response.status < 300) this.#step('response.success', response, flow);
    else this.#step('response.failure', response, flow);
  }

  cancel(headers?: readonly HeaderLine[]): void {
    this.#step('cancel', undefined, undefined, headers);
  }

  abandon(): void {
    this.#user = undefined;
    this.#step('abandon');
  }

  /** Another transaction has taken the branch: a client that uses a branch again while ours still lingers. */
  displace(): void {
    const user = this.state === 'accepted' || this.state === 'completed' ? undefined : this.#user;
    this.state = 'terminated';
    this.stopWaiting();
    user?.onTransportFailed(this);
    this.#release();
  }

  override expire(): void {
    this.#step(this.#timer());
  }

  #timer(): Event {
    switch (this.state) {
      case 'calling':
        return this.gaveUp ? 'timer.b' : 'timer.a';
      case 'proceeding':
        return 'timer.c';
      case 'accepted':
        return 'timer.m';
      case 'completed':
        return 'timer.d';
      default:
        return 'timer.cancelled';
    }
  }

  #step(event: Event, response?: SipResponse, flow?: Flow, headers?: readonly HeaderLine[]): void {
    const arrow = clientInvite[this.state][event];
    if (arrow === undefined) return;
    if (arrow.to !== undefined) this.#enter(arrow.to);
    if (arrow.do !== undefined) for (const action of arrow.do) this.#do(action, response, flow, headers);
    if (this.state === 'accepted' || this.state === 'completed') this.#request = undefined;
    else if (this.state === 'terminated') this.#release();
  }

  #enter(state: State): void {
    this.state = state;
    if (state !== 'terminated') return;
    this.stopWaiting();
    this.host.clientInvites.delete(this.branch);
  }

  #release(): void {
    this.#request = undefined;
    this.#user = undefined;
    this.#ack = '';
  }

  #do(action: Action, response?: SipResponse, flow?: Flow, headers?: readonly HeaderLine[]): void {
    switch (action) {
      case 'tell':
        if (response === undefined || flow === undefined) break;
        if (response.status < 200) this.provisional = true;
        this.#user?.onResponse(this, response, flow);
        break;
      case 'tellTimeout':
        this.#user?.onTimeout(this);
        break;
      case 'tellTransportFailed':
        this.#user?.onTransportFailed(this);
        break;
      case 'sendAgain':
        this.#send();
        break;
      case 'restartA':
        this.resendAfter(this.interval * 2);
        break;
      case 'startC':
        this.wait(this.host.durations.c);
        break;
      case 'restartC':
        // §16.7 step 2: a 100 is no sign that anybody is being asked.
        if (response !== undefined && response.status > 100) this.wait(this.host.durations.c);
        break;
      case 'ack':
        if (response !== undefined) this.#sendAck(response);
        break;
      case 'ackAgain':
        this.sendKept(this.#ack);
        break;
      case 'startD':
        this.wait(this.host.durations.d);
        break;
      case 'startM':
      case 'waitForFinal':
        this.wait(this.host.durations.giveUp);
        break;
      case 'sendCancel':
        this.#sendCancel(headers);
        break;
    }
  }

  #sendAck(response: SipResponse): void {
    const bytes = serialize(makeAck(this.request, response));
    this.#ack = keep(bytes);
    this.host.send(bytes, this.flow);
  }

  #sendCancel(headers: readonly HeaderLine[] = []): void {
    const cancel = makeCancel(this.request);
    cancel.headers.push(...headers);
    new ClientNonInvite(this.host, cancel, this.flow).begin();
  }

  #send(): void {
    this.host.send(serialize(this.request), this.flow, () => this.#step('transport.failed'));
  }
}
