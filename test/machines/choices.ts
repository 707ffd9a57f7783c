// The events worth trying on each chart, and where: what paths are generated from.
import { statePath } from '../../machines/state-path.ts';
import type { DialogEvent, TimerName } from '../../machines/types.ts';
import * as e from './events.ts';
import type { Choice } from './explore.ts';

const timers = (...names: TimerName[]): DialogEvent[] => names.map(e.timer);

const opening: DialogEvent[] = [
  e.invite(),
  e.invite(e.PICTURE),
  e.invite(e.HOLD),
  { ...e.invite(), media: undefined } as DialogEvent,
  e.inviteAgain(),
  e.provisional(199),
  e.provisional(180),
  e.provisional(183, e.PICTURE),
  e.prack(),
  e.prack(e.PICTURE),
  e.success(),
  e.success(e.PICTURE),
  e.successWithout(),
  e.failure(486),
  e.failure(407),
  e.failure(302),
  e.redirect(),
  e.cancel(),
];

const always: DialogEvent[] = [
  e.successAgain(),
  e.ack(),
  e.ack(e.PICTURE),
  e.bye(),
  e.byeAnswered(),
  e.byeAnswered('caller', 407),
  e.other(),
  e.otherAnswered(),
  e.prackAnswered(e.SOUND),
  e.subscribe(),
  e.subscribeAccepted(),
  e.subscribeRefused(481),
  e.notifyRefused(481),
  e.update('caller'),
  ...timers('ring', 'cancel', 'late', 'ack', 'bye', 'retry', 'life', 'usage'),
];

const mediaEvents: DialogEvent[] = [
  e.reinvite('caller', e.PICTURE),
  e.reinvite('callee', e.PICTURE),
  e.reinvite('caller', e.SOUND),
  e.reinvite('caller', e.HOLD),
  e.reinvite('callee', e.HOLD_PICTURE),
  e.reinvite('caller'),
  e.reinviteAccepted('caller', e.SOUND),
  e.reinviteAccepted('caller', e.PICTURE),
  e.reinviteAccepted('caller', { audio: 'sendonly', video: 'sendrecv' }),
  e.reinviteAccepted('callee', e.HELD_PICTURE),
  e.reinviteRefused('caller'),
  e.reinviteRefused('callee'),
  e.reinviteRefused('caller', 491),
  e.update('caller', e.PICTURE),
  e.update('caller', e.SOUND),
  e.update('caller', e.HOLD),
  e.update('callee', e.SOUND),
  e.updateAccepted('caller', e.PICTURE),
  e.updateAccepted('caller', { audio: 'sendonly', video: 'sendrecv' }),
  e.updateAccepted('caller', e.SOUND),
  e.updateRefused('caller'),
  e.updateRefused('caller', 491),
];

const transferEvents: DialogEvent[] = [
  e.refer(),
  e.referAccepted(),
  e.referRefused(),
  e.referRefused(407),
  e.notify(100),
  e.notify(200),
  e.notify(486),
  e.notify(undefined),
  e.notify(undefined, true),
  e.notify(undefined, false, 'other'),
];

/** Media and transfer are independent regions: each is explored while the other rests. */
export const ofDialog: Choice = ({ value }) => {
  const path = statePath(value);
  if (!path.startsWith('confirmed'))
    return [...opening, ...always, ...mediaEvents.slice(0, 1), ...mediaEvents.slice(-9), ...transferEvents];
  if (!path.endsWith('transfer.idle')) return [...always, ...transferEvents];
  if (!path.includes('media.audio')) return [...always, ...mediaEvents];
  return [...opening, ...always, ...mediaEvents, ...transferEvents];
};

const subscriptionEvents: DialogEvent[] = [
  e.subscribe(),
  e.subscribe(0),
  e.subscribe(600, 'other'),
  e.subscribe(0, 'other'),
  e.subscribeAccepted(),
  e.subscribeAccepted(0),
  e.subscribeRefused(481),
  e.subscribeRefused(500),
  e.subscribeRefused(407),
  e.notify(undefined, false, 'conference'),
  e.notify(undefined, true, 'conference'),
  e.notify(undefined, false, 'other'),
  e.notify(undefined, true, 'other'),
  e.notifyRefused(481),
  e.notifyRefused(500),
  ...transferEvents,
  e.other(),
  e.otherAnswered(),
  e.bye(),
  e.byeAnswered(),
  e.cancel(),
  e.redirect(),
  e.reinviteAccepted('caller'),
  e.reinviteRefused('caller'),
  e.updateAccepted('caller'),
  e.updateRefused('caller'),
  ...timers('subscription', 'usage', 'retry', 'ring'),
];
export const ofSubscription: Choice = () => subscriptionEvents;

/** Each of them. */
export const everyEvent: readonly DialogEvent[] = [
  ...new Set([...opening, ...always, ...mediaEvents, ...transferEvents, ...subscriptionEvents]),
];
