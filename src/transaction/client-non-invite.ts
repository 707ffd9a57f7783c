// A non-INVITE client transaction at work: carries out what its table says.
import type { SipRequest, SipResponse } from '../sip/message.ts';
import { serialize } from '../sip/serialize.ts';
import type { Flow } from '../transport/flow.ts';
import { type Action, clientNonInvite, type Event, type State } from './client-non-invite-table.ts';
import type { Host } from './host.ts';
import { Lingering, RequestReleased } from './lingering.ts';
import type { ClientTransaction, ClientUser } from './transaction.ts';

export class ClientNonInvite extends Lingering implements ClientTransaction {
  readonly branch: string;
  readonly method: string;
  state: State = 'trying';
  provisional = false;
  #request: SipRequest | undefined;
  #user: ClientUser | undefined;

  /** Without a user it sees to itself alone. */
  constructor(host: Host, request: SipRequest, flow: Flow, user?: ClientUser) {
    super(host, flow);
    this.branch = request.via.branch ?? '';
    this.method = request.method;
    this.#request = request;
    this.#user = user;
  }

  get request(): SipRequest {
    if (this.#request === undefined) throw new RequestReleased(this.method);
    return this.#request;
  }

  begin(): void {
    const { clientNonInvites } = this.host;
    const former = clientNonInvites.get(this.branch);
    clientNonInvites.set(this.branch, this);
    this.startResending();
    this.#send();
    former?.displace();
  }

  receive(response: SipResponse, flow: Flow): void {
    this.#step(response.status < 200 ? 'response.provisional' : 'response.final', response, flow);
  }

  cancel(): void {}

  abandon(): void {
    this.#user = undefined;
  }

  /** Another transaction has taken the branch: a client that uses a branch again while ours still lingers. */
  displace(): void {
    const user = this.state === 'completed' ? undefined : this.#user;
    this.state = 'terminated';
    this.stopWaiting();
    user?.onTransportFailed(this);
    this.#release();
  }

  override expire(): void {
    if (this.state === 'completed') this.#step('timer.k');
    else this.#step(this.gaveUp ? 'timer.f' : 'timer.e');
  }

  #step(event: Event, response?: SipResponse, flow?: Flow): void {
    const arrow = clientNonInvite[this.state][event];
    if (arrow === undefined) return;
    if (arrow.to !== undefined) this.#enter(arrow.to);
    if (arrow.do !== undefined) for (const action of arrow.do) this.#do(action, response, flow);
    if (this.state === 'completed' || this.state === 'terminated') this.#release();
  }

  #release(): void {
    this.#request = undefined;
    this.#user = undefined;
  }

  #enter(state: State): void {
    this.state = state;
    if (state !== 'terminated') return;
    this.stopWaiting();
    this.host.clientNonInvites.delete(this.branch);
  }

  #do(action: Action, response?: SipResponse, flow?: Flow): void {
    const { t2, t4 } = this.host.durations;
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
      case 'doubleE':
        this.resendAfter(Math.min(this.interval * 2, t2));
        break;
      case 'setE':
        this.resendAfter(t2);
        break;
      case 'startK':
        this.wait(t4);
        break;
    }
  }

  #send(): void {
    this.host.send(serialize(this.request), this.flow, () => this.#step('transport.failed'));
  }
}
