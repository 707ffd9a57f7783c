// The vocabulary between a dialog's chart and its host: what it hears (events) and what it wants done (effects).

/** Who sent it: the party that opened the dialog, or the one it was opened to. */
export type Side = 'caller' | 'callee';

/** RFC 3264 §5.1 direction of a stream as its sender says it; `off`: no such m-line, or port 0. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' | 'off';

/** What an SDP body says, as far as a call's chart cares. */
export interface Media {
  readonly audio: Direction;
  readonly video: Direction;
}

/** Who made a refusal: a phone (or a server beyond us), or this server. */
export type Origin = 'phone' | 'us';

/** RFC 6665 event package, as far as the charts tell them apart. */
export type Package = 'refer' | 'conference' | 'other';

/**
 * Events are a closed union: XState keeps every event type it ever saw, so none is ever built from the wire.
 * They name a side and a fork, never addresses, Call-IDs or tags.
 */
export type DialogEvent =
  // the INVITE that opens the call; `again`: the same call tried once more after 401, 407, 422 or 3xx
  | { type: 'request.invite'; side: Side; media: Media | undefined; again: boolean }
  | { type: 'request.ack'; side: Side; media: Media | undefined }
  // of the opening INVITE only; the CANCEL of a re-INVITE is hop by hop and ends as `reinvite.refused` 487
  | { type: 'request.cancel'; side: Side }
  | { type: 'request.reinvite'; side: Side; media: Media | undefined }
  | { type: 'request.update'; side: Side; media: Media | undefined }
  | { type: 'request.prack'; side: Side; media: Media | undefined }
  // of the dialog whose 2xx came first; a BYE that ends another fork is a `request.other`
  | { type: 'request.bye'; side: Side }
  | { type: 'request.refer'; side: Side }
  // `progress`: status of the message/sipfrag body, if any; `terminated`: Subscription-State says so
  | {
      type: 'request.notify';
      side: Side;
      package: Package;
      progress: number | undefined;
      terminated: boolean;
    }
  // `expires`: seconds; 0 ends the subscription
  | { type: 'request.subscribe'; side: Side; package: Package; expires: number }
  | { type: 'request.other'; side: Side; method: string }
  // answers to the opening INVITE: each provisional above 100, each 2xx (`again`: not the first), the best failure
  | { type: 'response.provisional'; fork: number; status: number; media: Media | undefined }
  | { type: 'response.success'; fork: number; status: number; media: Media | undefined; again: boolean }
  // `origin`: a phone said so, or we did because nobody could be reached or asked
  | { type: 'response.failure'; status: number; origin: Origin }
  // a 3xx to the opening INVITE that the server follows: the call goes on elsewhere
  | { type: 'response.redirect'; fork: number; status: number }
  // answers to what was sent inside the dialog; `side` is who sent the REQUEST; status 408: nobody answered
  | { type: 'reinvite.accepted'; side: Side; status: number; media: Media | undefined; again: boolean }
  | { type: 'reinvite.refused'; side: Side; status: number }
  | { type: 'update.accepted'; side: Side; status: number; media: Media | undefined }
  | { type: 'update.refused'; side: Side; status: number }
  | { type: 'bye.answered'; side: Side; status: number }
  | { type: 'refer.accepted'; side: Side; status: number }
  | { type: 'refer.refused'; side: Side; status: number }
  | { type: 'subscribe.accepted'; side: Side; status: number; expires: number }
  | { type: 'subscribe.refused'; side: Side; status: number }
  | { type: 'notify.refused'; side: Side; status: number }
  // any other answer (INFO, MESSAGE, PRACK, a NOTIFY's 200, a re-INVITE's 1xx ...); a PRACK's may answer its offer
  | { type: 'response.other'; side: Side; method: string; status: number; media?: Media | undefined }
  | { type: `timer.${TimerName}` };

/**
 * ring: Timer C, RFC 3261 §16.6 step 11. cancel: how long a CANCELled call waits for a branch that never spoke.
 * late: how long a call that was given up stays open for a late 2xx (64*T1 after its CANCEL, RFC 3261 §9.1).
 * ack: the 2xx is acknowledged within 64*T1. bye: a BYE is answered within 64*T1. retry: a challenged caller tries
 * again. life: the longest a call stays silent. usage: a REFER's NOTIFYs after BYE (RFC 5057). subscription: RFC 6665.
 */
export type TimerName =
  | 'ring'
  | 'cancel'
  | 'late'
  | 'ack'
  | 'bye'
  | 'retry'
  | 'life'
  | 'usage'
  | 'subscription';

/** What is told of a call. Diary, records, metrics and console are projections of these. */
export type Entry =
  | 'incoming' // a call came in
  | 'ringing'
  | 'forwarded' // 3xx followed by the server: the call goes on elsewhere (status)
  | 'answered'
  | 'declined' // 603, 403 ...: a person or phone said no (status)
  | 'busy' // 486, 600
  | 'no-answer' // 408, 480 by a phone, Timer C
  | 'cancelled'
  | 'unreachable' // nobody registered (480/404 by us), every branch failed to be reached
  | 'redirected' // 3xx passed to the caller, who did not try again
  | 'failed' // every other refusal (status)
  | 'video.asked-on'
  | 'video.asked-off'
  | 'video.on'
  | 'video.off'
  | 'video.refused'
  | 'hold' // side: who put the other on hold
  | 'resume'
  | 'transfer.asked' // side: the transferor
  | 'transfer.refused'
  | 'transfer.progress' // status
  | 'transfer.done'
  | 'transfer.failed' // status
  | 'conference.joined'
  | 'conference.left'
  | 'subscribed'
  | 'unsubscribed'
  | 'refused' // a subscription was refused (status)
  | 'ended' // side: who hung up; none: nobody did
  | 'timed-out' // ended by a bounded life: no ACK, lost BYE
  | 'unexpected'; // a message its state does not expect: forwarded all the same

/**
 * What a chart wants done. The host provides each; the default body throws "never provided".
 * - forward: send the event's message on (a request downstream, a response upstream).
 * - reply: answer the opening request ourselves, with the status.
 * - cancelBranches: CANCEL every branch that spoke; those that did not are cancelled once they do.
 * - giveUp: the caller gets its 487 (RFC 3261 §16.10) or 408 now, whatever the branches say later.
 * - startTimer: (re)starts the named timer; `after` in ms, else the host's configured duration for that name.
 * - journal: tell it.
 */
export type Effect =
  | { type: 'forward' }
  | { type: 'reply'; params: { status: number } }
  | { type: 'cancelBranches' }
  | { type: 'giveUp'; params: { status: number } }
  | { type: 'startTimer'; params: { name: TimerName; after?: number } }
  | { type: 'stopTimer'; params: { name: TimerName } }
  | { type: 'journal'; params: { entry: Entry; side?: Side; status?: number } };
