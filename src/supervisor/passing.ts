// Forwarding without a chart: what comes is passed.
import type { Side } from '../../machines/types.ts';
import type { Failure, Forwarding, ForwardingObserver } from '../proxy/forwarding.ts';
import type { SipResponse } from '../sip/message.ts';

/** What an INVITE was to its dialog: all that a restart must know of the two. */
export interface InviteOf {
  readonly callId: string;
  readonly role: 'opening' | 'reinvite';
  readonly side: Side;
}

export class Passing implements ForwardingObserver {
  /** The dialog that has ended before its INVITE has; undefined: there was none. */
  readonly invite: InviteOf | undefined;

  constructor(invite?: InviteOf) {
    this.invite = invite;
  }

  onProvisional(forwarding: Forwarding, _fork: number, response: SipResponse): void {
    forwarding.pass(response);
  }

  onSuccess(forwarding: Forwarding, _fork: number, response: SipResponse): void {
    forwarding.pass(response);
  }

  onFailure(forwarding: Forwarding, failure: Failure): void {
    forwarding.passFailure(failure);
  }

  onRedirect(): void {}
}
