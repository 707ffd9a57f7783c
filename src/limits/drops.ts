// Why a datagram got no further: every reason there is, and how often each was.

export const DROP_REASONS = {
  malformed: 'not SIP, or too broken to understand',
  'malformed-response': 'a response that cannot be one to what was sent',
  'bad-source': 'from a port that nobody can answer',
  'refused-network': 'from a network in networks.refuse',
  scanner: 'a User-Agent in limits.scanners',
  'rate-requests': 'more requests than limits.requests from one address',
  'rate-registrations': 'more REGISTERs than limits.registrations from one address (answered 503)',
  'rate-calls': 'more calls than limits.newCalls from one address (answered 503)',
  overload: 'more than limits.transactions or limits.memory (answered 503)',
  'too-many-calls': 'more than limits.calls (answered 503)',
  draining: 'something new, while the server waits for its last calls to end (answered 503)',
  'stray-response': 'a response to nothing that was sent',
  'stray-ack': 'an ACK for nothing that is known',
  'bad-ack': 'an ACK that is malformed',
  bug: 'a bug showed while it was handled',
} as const;

export type DropReason = keyof typeof DROP_REASONS;

export class Drops extends Map<DropReason, number> {
  count(reason: DropReason): void {
    this.set(reason, (this.get(reason) ?? 0) + 1);
  }
}
