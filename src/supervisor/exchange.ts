// One request of a dialog and its answers: hears the forwarding, tells the supervisor in the chart's words.
import type { Side } from '../../machines/types.ts';
import type { Failure, Forwarding, ForwardingObserver } from '../proxy/forwarding.ts';
import type { SipRequest, SipResponse } from '../sip/message.ts';
import type { LiveDialog } from './live-dialog.ts';
import type { InviteOf } from './passing.ts';
import type { Supervisor } from './supervisor.ts';
import { failureEvent, provisionalEvent, type Role, successEvent } from './to-event.ts';

export class Exchange implements ForwardingObserver {
  readonly #supervisor: Supervisor;
  readonly #dialog: LiveDialog;
  readonly #role: Role;
  readonly #method: string;
  readonly #side: Side;
  #refer: SipRequest | undefined;

  constructor(
    supervisor: Supervisor,
    dialog: LiveDialog,
    role: Role,
    method: string,
    side: Side,
    refer?: SipRequest,
  ) {
    this.#supervisor = supervisor;
    this.#dialog = dialog;
    this.#role = role;
    this.#method = method;
    this.#side = side;
    this.#refer = refer;
  }

  /** What it is to its dialog, as far as a restart must know: only an INVITE outlives one. */
  get invite(): InviteOf | undefined {
    if (this.#method !== 'INVITE') return undefined;
    return this.#role === 'opening' || this.#role === 'reinvite'
      ? { callId: this.#dialog.callId, role: this.#role, side: this.#side }
      : undefined;
  }

  get dialog(): LiveDialog {
    return this.#dialog;
  }

  onProvisional(forwarding: Forwarding, fork: number, response: SipResponse): void {
    if (this.#role === 'opening' && this.#dialog.alive) this.#supervisor.learn(this.#dialog, response);
    const event = provisionalEvent(this.#role, this.#method, this.#side, fork, response);
    this.#supervisor.answered(this.#dialog, event, forwarding, response, forwarding.contactOf(fork));
  }

  onSuccess(forwarding: Forwarding, fork: number, response: SipResponse, again: boolean): void {
    // What a dialog learns goes with it: after its end nothing is learnt.
    const contact = forwarding.contactOf(fork);
    if (this.#dialog.alive) this.#learn(response, contact);
    const event = successEvent(this.#role, this.#method, this.#side, fork, response, again);
    this.#supervisor.answered(this.#dialog, event, forwarding, response, contact);
  }

  #learn(response: SipResponse, contact: string | undefined): void {
    if (this.#role === 'opening') this.#supervisor.learn(this.#dialog, response, contact);
    const isOfCall = this.#role !== 'opening' || (response.to.tag ?? '') === this.#dialog.answeredTag;
    if ((this.#method === 'INVITE' || this.#method === 'UPDATE') && isOfCall)
      this.#supervisor.learnSession(this.#dialog, response);
    if (this.#refer !== undefined) {
      this.#supervisor.links.transferAsked(this.#dialog.callId, this.#refer);
      this.#refer = undefined;
    }
  }

  onFailure(forwarding: Forwarding, failure: Failure): void {
    const event = failureEvent(this.#role, this.#method, this.#side, failure);
    this.#supervisor.answered(this.#dialog, event, forwarding, failure, failure.contact);
  }

  onRedirect(forwarding: Forwarding, fork: number, response: SipResponse, contacts: readonly string[]): void {
    if (this.#role !== 'opening' || this.#method !== 'INVITE' || !this.#dialog.alive) return;
    const event = { type: 'response.redirect', fork, status: response.status } as const;
    this.#supervisor.redirected(this.#dialog, event, forwarding.contactOf(fork), contacts);
  }
}
