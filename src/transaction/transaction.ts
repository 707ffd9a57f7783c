// What the transaction layer and its users say to each other; everything here is an interface.
import type { HeaderLine, SipRequest, SipResponse } from '../sip/message.ts';
import type { Flow } from '../transport/flow.ts';

/** Milliseconds, each at least 1. RFC 3261 §17, table 4: 500, 4000, 5000. */
export interface TransactionTimers {
  readonly t1: number;
  readonly t2: number;
  readonly t4: number;
  /** Timer C; 186 s when absent. */
  readonly c?: number;
}

/** The way out. `onFailed` may be called at once, later, or never; more than one call is harmless. */
export type Send = (bytes: Buffer, flow: Flow, onFailed?: () => void) => void;

/** Hears what is new. Every method may call back into the layer; what it throws comes out of `receive`. */
export interface TransactionUser {
  /** A new request: neither a retransmission nor ACK nor CANCEL. 100 Trying has been sent for an INVITE. */
  onRequest(tx: ServerTransaction, request: SipRequest): void;
  /** CANCEL for an INVITE that may have its final response already (`invite.finalStatus`). Answer 200 through `cancel`. */
  onCancel(cancel: ServerTransaction, invite: ServerTransaction): void;
  /** CANCEL that matches no INVITE: answer 481 through `cancel`. */
  onStrayCancel(cancel: ServerTransaction): void;
  /** ACK for a 2xx, or for nothing known. The ACK for any other final response ends in the layer. */
  onAck(request: SipRequest, flow: Flow): void;
  /** A response that matches no client transaction. */
  onStrayResponse(response: SipResponse, flow: Flow): void;
}

export interface ServerTransaction {
  /** What its user ties to it; nobody else reads it. */
  work?: unknown;
  readonly key: string;
  readonly method: string;
  /** Where responses go. */
  readonly flow: Flow;
  /** Where the request came from: another port than `flow` when its sender asked for no rport. */
  readonly source: Flow;
  /** Until the final response; reading it later throws `request-released`. */
  readonly request: SipRequest;
  /** Status of the final response that decided; 0 while one may still be sent; 408 when a non-INVITE ended without. */
  readonly finalStatus: number;
  /** The response that a retransmitted request gets, wire text; '': none. */
  readonly last: string;
  /** The refusal of an INVITE was sent, and is sent again until its ACK comes. */
  readonly isOwedAck: boolean;
  /** Called when the ACK has come, or nobody waits for it any more. */
  onAcknowledged: (() => void) | undefined;
  /**
   * Sends a response as it is. A 2xx to INVITE is always sent, any other response only before the final one.
   * A provisional to any other method is not sent: the layer sends 100 itself when it is due (RFC 4320 §4.1).
   */
  respond(response: SipResponse): void;
  /** Frees a transaction that gets no final response, as when Timer F has fired downstream (RFC 4320 §4.2). */
  abandon(): void;
}

export interface ClientUser {
  /**
   * Every provisional, every 2xx to INVITE with its retransmissions, and the first final response of any other kind.
   * The ACK for a non-2xx has been sent. A user of an INVITE is kept for 64*T1 after the final response.
   */
  onResponse(tx: ClientTransaction, response: SipResponse, flow: Flow): void;
  /** Timer B or F, or no final response 64*T1 after CANCEL. */
  onTimeout(tx: ClientTransaction): void;
  onTransportFailed(tx: ClientTransaction): void;
}

export type ClientState =
  | 'calling'
  | 'trying'
  | 'proceeding'
  | 'cancelling'
  | 'abandoned'
  | 'accepted'
  | 'completed'
  | 'terminated';

export interface ClientTransaction {
  readonly branch: string;
  readonly method: string;
  /** Until the final response was delivered; reading it later throws `request-released`. */
  readonly request: SipRequest;
  readonly flow: Flow;
  readonly state: ClientState;
  /** Whether any 1xx has come. */
  readonly provisional: boolean;
  /** Sends CANCEL with `headers` added (Reason). Does nothing unless an INVITE has had a provisional and no final response. */
  cancel(headers?: readonly HeaderLine[]): void;
  /**
   * No more callbacks. Responses are absorbed and acknowledged as before; an INVITE stops resending, and is cancelled
   * when it has had, or gets, a provisional response: nobody waits for the phone that rings.
   */
  abandon(): void;
}
