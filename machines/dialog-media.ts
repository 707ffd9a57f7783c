// The media region: what flows, and which offer is under way (RFC 3264 over re-INVITE, UPDATE, 200 and ACK).
import {
  dialog,
  forgetCrossed,
  recordCrossed,
  recordCrossedTerms,
  recordLateOffer,
  recordOffer,
  recordTerms,
  takeUpCrossed,
  tellCrossedTerms,
  tellTerms,
  tellVideoTerms,
} from './dialog-setup.ts';
import { tellOf } from './journal.ts';
import { startTimer, stopTimer } from './timers.ts';

/** The ACK is here: from now on only a long silence ends the call. */
export const acknowledged = ['forward', stopTimer('ack'), startTimer('life')] as const;

const offered = ['forward', startTimer('life'), recordOffer] as const;
const settled = ['forward', tellTerms, recordTerms] as const;
const videoSettled = ['forward', tellVideoTerms, recordTerms] as const;
const ackSettled = [...acknowledged, tellTerms, recordTerms] as const;

// Answers and refusals that concern no offer of this state (once more, the other side's) fall through to the root.

/** Of two offers that crossed, one or both are refused; each answer goes to its own. */
const crossedAnswer = {
  guard: 'concernsCrossed',
  actions: ['forward', tellCrossedTerms, recordCrossedTerms],
} as const;
const crossedRefusal = { guard: 'concernsCrossed', actions: ['forward', forgetCrossed] } as const;

const byAnswer = [
  crossedAnswer,
  { guard: 'leavesCrossed', target: 'reinvite', actions: [...settled, takeUpCrossed] },
  { guard: 'agreesHold', target: 'held', actions: settled },
  { guard: 'agreesVideo', target: 'video', actions: settled },
  { guard: 'answers', target: 'audio', actions: settled },
] as const;

const byVideoAnswer = [
  crossedAnswer,
  { guard: 'leavesCrossed', target: 'reinvite', actions: [...videoSettled, takeUpCrossed] },
  { guard: 'agreesHold', target: 'held', actions: videoSettled },
  { guard: 'agreesVideo', target: 'video', actions: videoSettled },
  { guard: 'answers', target: 'audio', actions: videoSettled },
] as const;

/** RFC 3261 §14.1: a refused offer leaves everything as it was. */
const byRefusal = [
  crossedRefusal,
  { guard: 'leavesCrossed', target: 'reinvite', actions: ['forward', takeUpCrossed] },
  { guard: 'refusesInHold', target: 'held', actions: 'forward' },
  { guard: 'refusesInVideo', target: 'video', actions: 'forward' },
  { guard: 'refuses', target: 'audio', actions: 'forward' },
] as const;

/** Without a picture in the offer there is none afterwards; refused, it stays. */
const bySoundAnswer = [
  crossedAnswer,
  { guard: 'leavesCrossed', target: 'reinvite', actions: [...settled, takeUpCrossed] },
  { guard: 'agreesHold', target: 'held', actions: settled },
  { guard: 'answers', target: 'audio', actions: settled },
] as const;

const bySoundRefusal = [
  crossedRefusal,
  { guard: 'leavesCrossed', target: 'reinvite', actions: ['forward', takeUpCrossed] },
  { guard: 'refusesInHold', target: 'held', actions: 'forward' },
  { guard: 'refuses', target: 'video', actions: 'forward' },
] as const;

const byVideoRefusal = [
  crossedRefusal,
  { guard: 'leavesCrossed', target: 'reinvite', actions: ['forward', takeUpCrossed] },
  { guard: 'comesAgainInHold', target: 'held', actions: 'forward' },
  { guard: 'comesAgain', target: 'audio', actions: 'forward' },
  { guard: 'refusesInHold', target: 'held', actions: ['forward', tellOf('video.refused')] },
  { guard: 'refuses', target: 'audio', actions: ['forward', tellOf('video.refused')] },
] as const;

/** RFC 3261 §14.2: the other side offers meanwhile; one of the two, or both, will be refused. */
const crossing = {
  guard: 'crossesOffer',
  actions: ['forward', startTimer('life'), recordCrossed],
  meta: { rfc: '3261#14.2' },
} as const;

const audio = dialog.createStateConfig({});

const video = dialog.createStateConfig({});

/** One side, or both, hold the other; a picture rests meanwhile. */
const held = dialog.createStateConfig({ meta: { rfc: '3264#8.4' } });

/** An offer that changes no picture (hold, resume, refresh), or a re-INVITE that asks for an offer. */
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

/** A picture is asked for. */
const reinviteVideo = dialog.createStateConfig({
  meta: { rfc: '3264#8.1' },
  on: {
    'request.reinvite': crossing,
    'request.update': crossing,
    'reinvite.accepted': byVideoAnswer,
    'reinvite.refused': byVideoRefusal,
    'update.accepted': byVideoAnswer,
    'update.refused': byVideoRefusal,
  },
});

/** The picture is to go. */
const reinviteAudio = dialog.createStateConfig({
  meta: { rfc: '3264#8.2' },
  on: {
    'request.reinvite': crossing,
    'request.update': crossing,
    'reinvite.accepted': bySoundAnswer,
    'reinvite.refused': bySoundRefusal,
    'update.accepted': bySoundAnswer,
    'update.refused': bySoundRefusal,
  },
});

/** The 2xx brought the offer, the ACK brings the answer. */
const lateOffer = dialog.createStateConfig({
  meta: { rfc: '3261#13.2.2.4' },
  on: {
    'request.ack': [
      { guard: 'agreesHold', target: 'held', actions: ackSettled },
      { guard: 'agreesVideo', target: 'video', actions: ackSettled },
      { guard: 'answers', target: 'audio', actions: ackSettled },
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
    // RFC 3311 §5.1; without SDP it only keeps the call alive (RFC 4028 §7.4)
    'request.update': [
      { guard: 'bringsNoOffer', actions: ['forward', startTimer('life')] },
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
