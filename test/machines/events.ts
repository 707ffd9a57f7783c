// Short words for the events of the charts, and the list from which paths are generated.
import type { DialogEvent, Media, Origin, Package, Side, TimerName } from '../../machines/types.ts';

export const SOUND: Media = { audio: 'sendrecv', video: 'off' };
export const PICTURE: Media = { audio: 'sendrecv', video: 'sendrecv' };
export const HOLD: Media = { audio: 'sendonly', video: 'off' };
export const HELD: Media = { audio: 'recvonly', video: 'off' };
export const HOLD_PICTURE: Media = { audio: 'sendonly', video: 'inactive' };
export const HELD_PICTURE: Media = { audio: 'recvonly', video: 'inactive' };

export const invite = (media: Media | undefined = SOUND): DialogEvent => ({
  type: 'request.invite',
  side: 'caller',
  media,
  again: false,
});
export const inviteAgain = (media: Media | undefined = SOUND): DialogEvent => ({
  type: 'request.invite',
  side: 'caller',
  media,
  again: true,
});
export const provisional = (status = 180, media?: Media): DialogEvent => ({
  type: 'response.provisional',
  fork: 0,
  status,
  media,
});
export const success = (media: Media | undefined = SOUND): DialogEvent => ({
  type: 'response.success',
  fork: 0,
  status: 200,
  media,
  again: false,
});
export const successWithout = (): DialogEvent => ({
  type: 'response.success',
  fork: 0,
  status: 200,
  media: undefined,
  again: false,
});
export const successAgain = (fork = 0): DialogEvent => ({
  type: 'response.success',
  fork,
  status: 200,
  media: SOUND,
  again: true,
});
export const failure = (status: number, origin: Origin = 'phone'): DialogEvent => ({
  type: 'response.failure',
  status,
  origin,
});
export const redirect = (): DialogEvent => ({ type: 'response.redirect', fork: 0, status: 302 });
export const ack = (media?: Media, side: Side = 'caller'): DialogEvent => ({
  type: 'request.ack',
  side,
  media,
});
export const cancel = (): DialogEvent => ({ type: 'request.cancel', side: 'caller' });
export const bye = (side: Side = 'caller'): DialogEvent => ({ type: 'request.bye', side });
export const byeAnswered = (side: Side = 'caller', status = 200): DialogEvent => ({
  type: 'bye.answered',
  side,
  status,
});
export const reinvite = (side: Side, media?: Media): DialogEvent => ({
  type: 'request.reinvite',
  side,
  media,
});
export const reinviteAccepted = (side: Side, media?: Media): DialogEvent => ({
  type: 'reinvite.accepted',
  side,
  status: 200,
  media,
  again: false,
});
export const reinviteAcceptedAgain = (side: Side, media?: Media): DialogEvent => ({
  type: 'reinvite.accepted',
  side,
  status: 200,
  media,
  again: true,
});
export const reinviteRefused = (side: Side, status = 488): DialogEvent => ({
  type: 'reinvite.refused',
  side,
  status,
});
export const update = (side: Side, media?: Media): DialogEvent => ({ type: 'request.update', side, media });
export const updateAccepted = (side: Side, media?: Media): DialogEvent => ({
  type: 'update.accepted',
  side,
  status: 200,
  media,
});
export const updateRefused = (side: Side, status = 488): DialogEvent => ({
  type: 'update.refused',
  side,
  status,
});
export const prack = (media?: Media): DialogEvent => ({ type: 'request.prack', side: 'caller', media });
export const refer = (side: Side = 'caller'): DialogEvent => ({ type: 'request.refer', side });
export const referAccepted = (side: Side = 'caller'): DialogEvent => ({
  type: 'refer.accepted',
  side,
  status: 202,
});
export const referRefused = (status = 603, side: Side = 'caller'): DialogEvent => ({
  type: 'refer.refused',
  side,
  status,
});
export const notify = (
  progress: number | undefined,
  last = false,
  about: Package = 'refer',
  side: Side = 'callee',
): DialogEvent => ({ type: 'request.notify', side, package: about, progress, terminated: last });
export const notifyRefused = (status: number): DialogEvent => ({
  type: 'notify.refused',
  side: 'callee',
  status,
});
export const subscribe = (expires = 600, about: Package = 'conference'): DialogEvent => ({
  type: 'request.subscribe',
  side: 'caller',
  package: about,
  expires,
});
export const subscribeAccepted = (expires = 600): DialogEvent => ({
  type: 'subscribe.accepted',
  side: 'caller',
  status: 200,
  expires,
});
export const subscribeRefused = (status: number): DialogEvent => ({
  type: 'subscribe.refused',
  side: 'caller',
  status,
});
export const other = (method = 'INFO', side: Side = 'caller'): DialogEvent => ({
  type: 'request.other',
  side,
  method,
});
export const otherAnswered = (method = 'INFO', status = 200): DialogEvent => ({
  type: 'response.other',
  side: 'caller',
  method,
  status,
});
export const prackAnswered = (media?: Media): DialogEvent => ({
  type: 'response.other',
  side: 'caller',
  method: 'PRACK',
  status: 200,
  media,
});
export const timer = (name: TimerName): DialogEvent => ({ type: `timer.${name}` });
