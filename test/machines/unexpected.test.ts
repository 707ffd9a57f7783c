import { describe, expect, it } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import type { DialogEvent } from '../../machines/types.ts';
import * as e from './events.ts';
import { Stage } from './stage.ts';

/** One of each message, as plain as can be. */
const messages: DialogEvent[] = [
  e.invite(),
  e.ack(),
  e.cancel(),
  e.reinvite('caller', e.SOUND),
  e.update('caller'),
  e.prack(),
  e.bye(),
  e.refer(),
  e.notify(undefined),
  e.subscribe(),
  e.other(),
  e.provisional(),
  e.success(),
  e.failure(486),
  e.reinviteAccepted('caller'),
  e.reinviteRefused('caller'),
  e.updateAccepted('caller'),
  e.updateRefused('caller'),
  e.byeAnswered(),
  e.referAccepted(),
  e.referRefused(),
  e.subscribeAccepted(),
  e.subscribeRefused(500),
  e.notifyRefused(500),
  e.otherAnswered(),
];

/** Which of them a state forwards as something nobody expects there. */
function surprises(machine: AnyStateMachine, way: readonly DialogEvent[]): string {
  return messages
    .filter((event) =>
      new Stage(machine)
        .play(...way)
        .send(event)
        .effects.some((effect) => effect.startsWith('tell unexpected')),
    )
    .map(({ type }) => type.replace('request.', ''))
    .join(' ');
}

const talking = [e.invite(), e.success(), e.ack()];
const member = [e.subscribe(), e.subscribeAccepted()];
const watcher = [e.subscribe(600, 'other'), e.subscribeAccepted()];

describe('a call is surprised', () => {
  const before =
    'ack reinvite update prack bye refer notify subscribe other response.provisional response.failure';
  const after = 'invite reinvite update prack refer subscribe other response.provisional response.failure';

  it.each<[string, DialogEvent[], string]>([
    ['idle', [], before],
    ['trying', [e.invite()], 'invite ack reinvite update prack bye refer notify subscribe other'],
    ['ringing', [e.invite(), e.provisional()], 'invite ack reinvite refer notify subscribe'],
    ['challenged', [e.invite(), e.failure(407)], before],
    ['redirected', [e.invite(), e.failure(302)], before],
    ['cancelling', [e.invite(), e.cancel()], 'invite ack reinvite refer notify subscribe'],
    ['unanswered', [e.invite(), e.timer('ring')], 'invite ack reinvite refer notify subscribe'],
    ['given-up', [e.invite(), e.cancel(), e.timer('cancel')], 'invite ack reinvite refer notify subscribe'],
    ['confirmed.media.audio|transfer.idle', talking, 'invite response.failure'],
    [
      'confirmed.media.held|transfer.idle',
      [...talking, e.reinvite('caller', e.HOLD), e.reinviteAccepted('caller', e.HELD)],
      'invite response.failure',
    ],
    [
      'confirmed.media.reinvite-video|transfer.idle',
      [...talking, e.reinvite('caller', e.PICTURE)],
      'invite response.failure',
    ],
    [
      'confirmed.media.audio|transfer.referred',
      [...talking, e.refer(), e.referAccepted()],
      'invite response.failure',
    ],
    ['terminating', [...talking, e.bye()], after],
    ['terminating-transfer', [...talking, e.refer(), e.bye()], after],
    ['transferring', [...talking, e.refer(), e.bye(), e.byeAnswered()], after],
  ])('in %s', (state, way, expected) => {
    expect(new Stage(dialogMachine).play(...way).state).toBe(state);
    expect(surprises(dialogMachine, way)).toBe(expected);
  });
});

describe('a subscription is surprised', () => {
  const call = 'invite ack reinvite update prack bye';
  const answers = 'response.provisional response.success response.failure';

  it.each<[string, DialogEvent[], string]>([
    ['idle', [], `${call} notify other ${answers}`],
    ['subscribing', [e.subscribe()], `${call} refer other ${answers}`],
    ['conference-subscribed', member, `${call} refer ${answers}`],
    ['subscribed', watcher, `${call} refer ${answers}`],
    ['leaving-conference', [...member, e.subscribe(0)], `${call} refer other ${answers}`],
    ['unsubscribing', [...watcher, e.subscribe(0, 'other')], `${call} refer other ${answers}`],
    ['unsubscribed', [...member, e.subscribe(0), e.subscribeAccepted(0)], `${call} refer other ${answers}`],
    ['fetching', [e.subscribe(0)], `${call} refer other ${answers}`],
    ['challenged', [e.subscribe(), e.subscribeRefused(407)], `${call} notify other ${answers}`],
    ['referring', [e.refer()], `${call} subscribe other ${answers}`],
    ['referred', [e.refer(), e.referAccepted()], `${call} ${answers}`],
  ])('in %s', (state, way, expected) => {
    expect(new Stage(subscriptionMachine).play(...way).state).toBe(state);
    expect(surprises(subscriptionMachine, way)).toBe(expected);
  });
});
