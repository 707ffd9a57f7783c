// A non-INVITE server transaction at work: carries out what its table says.
import { detached, type SipRequest, type SipResponse } from '../sip/message.ts';
import { makeResponse } from '../sip/reply.ts';
import { serialize } from '../sip/serialize.ts';
import type { Flow } from '../transport/flow.ts';
import type { Host } from './host.ts';
import { keep, Lingering, RequestReleased } from './lingering.ts';
import { type Action, type Event, type State, serverNonInvite } from './server-non-invite-table.ts';
import type { ServerTransaction } from './transaction.ts';

export class ServerNonInvite extends Lingering implements ServerTransaction {
  readonly key: string;
  readonly source: Flow;
  readonly method: string;
  state: State = 'trying';
  finalStatus = 0;
  work: unknown = undefined;
  /** Only an INVITE is acknowledged. */
  readonly isOwedAck = false;
  onAcknowledged: undefined;
  #request: SipRequest | undefined;
  /** The response that a retransmitted request gets. */
  #last = '';

  constructor(host: Host, key: string, request: SipRequest, flow: Flow, source: Flow) {
    super(host, flow);
    this.source = source;
    this.key = key;
    this.method = detached(request.method);
    this.#request = request;
  }

  get request(): SipRequest {
    if (this.#request === undefined) throw new RequestReleased(this.method);
    return this.#request;
  }

  begin(): void {
    this.host.serverNonInvites.set(this.key, this);
    this.resendAfter(this.host.durations.trying);
  }

  get last(): string {
    return this.#last;
  }

  respond(response: SipResponse): void {
    if (response.status >= 200) this.#step('respond.final', response);
  }

  abandon(): void {
    this.#step('abandon');
  }

  receiveAgain(): void {
    this.#step('request.again');
  }

  override expire(): void {
    if (this.state === 'completed') this.#step('timer.j');
    else this.#step(this.gaveUp ? 'timer.expired' : 'timer.trying');
  }

  #step(event: Event, response?: SipResponse): void {
    const arrow = serverNonInvite[this.state][event];
    if (arrow === undefined) return;
    if (arrow.to !== undefined) this.#enter(arrow.to);
    if (arrow.do !== undefined) for (const action of arrow.do) this.#do(action, response);
  }

  #enter(state: State): void {
    this.state = state;
    if (state === 'proceeding') return;
    this.#request = undefined;
    if (state !== 'terminated') return;
    // Its client has given up: whatever comes now comes too late.
    if (this.finalStatus === 0) this.finalStatus = 408;
    this.#last = '';
    this.stopWaiting();
    this.host.serverNonInvites.delete(this.key);
  }

  #do(action: Action, response?: SipResponse): void {
    switch (action) {
      case 'send':
        if (response !== undefined) this.#send(response);
        break;
      case 'sendTrying':
        this.#send(makeResponse(this.request, 100, this.host.reason(100)));
        break;
      case 'sendAgain':
        this.sendKept(this.#last);
        break;
      case 'waitOn':
        this.resendAfter(this.host.durations.giveUp);
        break;
      case 'startJ':
        this.wait(this.host.durations.giveUp);
        break;
    }
  }

  #send(response: SipResponse): void {
    const bytes = serialize(response);
    if (response.status >= 200) this.finalStatus = response.status;
    this.#last = keep(bytes);
    this.host.send(bytes, this.flow);
  }
}
