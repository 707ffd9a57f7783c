// The transfer region: a REFER inside the dialog and what its NOTIFYs tell of it (RFC 3515, RFC 5589).
import { dialog } from './dialog-setup.ts';
import { tellOf } from './journal.ts';

/** The REFER's usage outlives the call (RFC 5057): its result leads to `over`. */
export function byTransferResult<Target extends string>(over: Target) {
  return [
    { guard: 'endsUnknown', target: over, actions: 'forward' },
    { guard: 'reportsProgress', actions: ['forward', tellOf('transfer.progress')] },
    { guard: 'reportsSuccess', target: over, actions: ['forward', tellOf('transfer.done')] },
    { guard: 'reportsFailure', target: over, actions: ['forward', tellOf('transfer.failed')] },
    { actions: 'forward' },
  ] as const;
}

/** Nobody is being transferred. */
const idle = dialog.createStateConfig({});

/** RFC 3515 §2.4.2: asked, not answered. A NOTIFY may overtake the 202. */
const referring = dialog.createStateConfig({
  meta: { rfc: '3515#2.4.2' },
  on: {
    // Once more after a challenge, or a second one beside it: the asking has been told.
    'request.refer': { actions: 'forward' },
    'refer.accepted': { target: 'referred', actions: 'forward' },
    'refer.refused': [
      { guard: 'isChallenge', actions: 'forward' },
      { target: 'idle', actions: ['forward', tellOf('transfer.refused')] },
    ],
    'request.notify': [
      { guard: 'endsUnknown', target: 'idle', actions: 'forward' },
      { guard: 'reportsProgress', target: 'referred', actions: ['forward', tellOf('transfer.progress')] },
      { guard: 'reportsSuccess', target: 'transferred', actions: ['forward', tellOf('transfer.done')] },
      { guard: 'reportsFailure', target: 'failed', actions: ['forward', tellOf('transfer.failed')] },
    ],
    'request.bye': { target: '#dialog.terminating-transfer', actions: 'forward' },
  },
});

/** RFC 3515 §2.4.4: accepted, which is not success; NOTIFYs tell how it goes. */
const referred = dialog.createStateConfig({
  meta: { rfc: '3515#2.4.4' },
  on: {
    'request.notify': [
      { guard: 'endsUnknown', target: 'idle', actions: 'forward' },
      { guard: 'reportsProgress', actions: ['forward', tellOf('transfer.progress')] },
      { guard: 'reportsSuccess', target: 'transferred', actions: ['forward', tellOf('transfer.done')] },
      { guard: 'reportsFailure', target: 'failed', actions: ['forward', tellOf('transfer.failed')] },
    ],
    'request.bye': { target: '#dialog.terminating-transfer', actions: 'forward' },
  },
});

/** The other party speaks with the third one. */
const transferred = dialog.createStateConfig({});

/** It could not be done; the call goes on as it was. */
const failed = dialog.createStateConfig({});

export const transfer = dialog.createStateConfig({
  initial: 'idle',
  on: {
    'request.refer': { target: '.referring', actions: ['forward', tellOf('transfer.asked')] },
  },
  states: { idle, referring, referred, transferred, failed },
});
