// The media region: what flows, and which offer is under way (RFC 3264 over re-INVITE, UPDATE, 200 and ACK).
import {
  dialog,
  recordLateOffer,
  recordOffer,
  recordTerms,
  tellTerms,
  tellVideoAnswer,
} from './dialog-setup.ts';
import { tellOf } from './journal.ts';

const restartLife = { type: 'startTimer', params: { name: 'life' } } as const;

/** The ACK arrived: from now on only a long silence ends the call. */
export const acknowledged = ['forward', { type: 'stopTimer', params: { name: 'ack' } }, restartLife] as const;

const offered = ['forward', restartLife, recordOffer] as const;
const settled = ['forward', tellTerms, recordTerms] as const;

/** Where an answer leads. What answers nothing (a retransmission, the other side's) falls through to the root. */
const byAnswer = [
  { guard: 'agreesHold', target: 'held', actions: settled },
  { guard: 'agreesVideo', target: 'video', actions: settled },
  { guard: 'answers', target: 'audio', actions: settled },
] as const;

/** RFC 3261 §14.1: a refused offer leaves everything as it was. */
const byRefusal = [
  { guard: 'mustComeAgain', actions: 'forward' },
  { guard: 'refusesOnHold', target: 'held', actions: 'forward' },
  { guard: 'refusesInVideo', target: 'video', actions: 'forward' },
  { guard: 'refuses', target: 'audio', actions: 'forward' },
] as const;

/** RFC 3261 §14.1: the other side offers too; one of the two, or both, will be refused with 491. */
const crossing = { guard: 'fromAnswerer', actions: ['forward', restartLife] } as const;

const audio = dialog.createStateConfig({});

const video = dialog.createStateConfig({});

/** One side, or both, hold the other (RFC 3264 §8.4); a picture rests meanwhile. */
const held = dialog.createStateConfig({ meta: { rfc: '3264#8.4' } });

/** An offer that changes no picture (hold, resume, refresh), or a re-INVITE that asks the other side for one. */
const reinvite = dialog.createStateConfig({
  meta: { rfc: '3261#14.1' },
  on: {
    'request.reinvite': crossing,
    'request.update': crossing,
    'reinvite.accepted': [
      { guard: 'isLateOffer', target: 'late-offer', actions: ['forward', recordLateOffer] },
      ...byAnswer,
    ],
    'reinvite.refused': byRefusal,
    'update.accepted': byAnswer,
    'update.refused': byRefusal,
  },
});

/** A picture was asked for. */
const asked = ['forward', tellVideoAnswer, recordTerms] as const;
const askedAgain = { guard: 'asksVideoOn', actions: offered } as const;

const videoAnswered = [
  { guard: 'agreesHold', target: 'held', actions: asked },
  { guard: 'agreesVideo', target: 'video', actions: asked },
  { guard: 'answers', target: 'audio', actions: asked },
] as const;

const videoRefused = [
  { guard: 'mustComeAgain', actions: 'forward' },
  { guard: 'glaresOnHold', target: 'held', actions: 'forward' },
  { guard: 'glares', target: 'audio', actions: 'forward' },
  { guard: 'refusesOnHold', target: 'held', actions: ['forward', tellOf('video.refused')] },
  { guard: 'refuses', target: 'audio', actions: ['forward', tellOf('video.refused')] },
] as const;

const reinviteVideo = dialog.createStateConfig({
  meta: { rfc: '3264#8.1' },
  on: {
    'request.reinvite': [crossing, askedAgain],
    'request.update': [crossing, askedAgain],
    'reinvite.accepted': videoAnswered,
    'reinvite.refused': videoRefused,
    'update.accepted': videoAnswered,
    'update.refused': videoRefused,
  },
});

/** Asked to go without the picture. */
const reinviteAudio = dialog.createStateConfig({
  meta: { rfc: '3264#8.2' },
  on: {
    'request.reinvite': crossing,
    'request.update': crossing,
    'reinvite.accepted': byAnswer,
    'reinvite.refused': byRefusal,
    'update.accepted': byAnswer,
    'update.refused': byRefusal,
  },
});

/** RFC 3261 §13.2.2.4: the 2xx brought the offer, the ACK brings the answer. */
const lateOffer = dialog.createStateConfig({
  meta: { rfc: '3261#13.2.2.4' },
  on: {
    'request.ack': [
      { guard: 'agreesHold', target: 'held', actions: [...acknowledged, tellTerms, recordTerms] },
      { guard: 'agreesVideo', target: 'video', actions: [...acknowledged, tellTerms, recordTerms] },
      { guard: 'answers', target: 'audio', actions: [...acknowledged, tellTerms, recordTerms] },
    ],
  },
});

export const media = dialog.createStateConfig({
  initial: 'audio',
  on: {
    'request.reinvite': [
      { guard: 'asksVideoOn', target: '.reinvite-video', actions: [...offered, tellOf('video.asked-on')] },
      { guard: 'asksVideoOff', target: '.reinvite-audio', actions: [...offered, tellOf('video.asked-off')] },
      { target: '.reinvite', actions: offered },
    ],
    'request.update': [
      { guard: 'bringsNoOffer', actions: ['forward', restartLife] },
      { guard: 'asksVideoOn', target: '.reinvite-video', actions: [...offered, tellOf('video.asked-on')] },
      { guard: 'asksVideoOff', target: '.reinvite-audio', actions: [...offered, tellOf('video.asked-off')] },
      { target: '.reinvite', actions: offered },
    ],
  },
  states: {
    audio,
    video,
    held,
    reinvite,
    'reinvite-video': reinviteVideo,
    'reinvite-audio': reinviteAudio,
    'late-offer': lateOffer,
  },
});
