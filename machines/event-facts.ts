// What an event says, whatever its type: side, status, SDP, expiry, a REFER's progress.
import type { DialogEvent, Media, Side } from './types.ts';

export function mediaOf(event: DialogEvent): Media | undefined {
  return 'media' in event ? event.media : undefined;
}

/** Answers to the opening INVITE name a fork, not a side: they come from the callee. */
export function sideOf(event: DialogEvent): Side {
  return 'side' in event ? event.side : 'callee';
}

/** 0: it has none. */
export function statusOf(event: DialogEvent): number {
  return 'status' in event ? event.status : 0;
}

/** Seconds. */
export function expiresOf(event: DialogEvent): number | undefined {
  return 'expires' in event ? event.expires : undefined;
}

/** RFC 3515 §2.4.5: the status in a REFER's NOTIFY; 0: it says none. */
export function progressOf(event: DialogEvent): number {
  return event.type === 'request.notify' && event.package === 'refer' ? (event.progress ?? 0) : 0;
}

/** The last NOTIFY of a REFER, and still nobody knows how it went. */
export function endsUnknown(event: DialogEvent): boolean {
  return (
    event.type === 'request.notify' &&
    event.package === 'refer' &&
    event.terminated &&
    progressOf(event) < 200
  );
}
