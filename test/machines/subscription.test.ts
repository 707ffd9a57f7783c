import { describe, expect, it } from 'vitest';
import { subscriptionMachine } from '../../machines/subscription.ts';
import type { DialogEvent } from '../../machines/types.ts';
import * as e from './events.ts';
import { Stage } from './stage.ts';

const opened = (...events: DialogEvent[]) => new Stage(subscriptionMachine).play(...events);
const story = (stage: Stage) => stage.steps.map(({ state, effects }) => `${state}: ${effects.join(', ')}`);
const state = (last = false) => e.notify(undefined, last, 'conference');

describe('a conference', () => {
  it('is joined by SUBSCRIBE, refreshed, and left by Expires 0', () => {
    const stage = opened(e.subscribe(600), e.subscribeAccepted(600), state(), e.otherAnswered('NOTIFY'));
    stage.play(
      e.subscribe(300),
      e.subscribeAccepted(300),
      e.subscribe(0),
      e.subscribeAccepted(0),
      state(true),
    );
    expect(story(stage)).toEqual([
      'subscribing: forward, start subscription 64000',
      'conference-subscribed: forward, start subscription 632000, tell conference.joined',
      'conference-subscribed: forward',
      'conference-subscribed: forward',
      'conference-subscribed: forward',
      'conference-subscribed: forward, start subscription 332000',
      'leaving-conference: forward, start subscription 32000',
      'unsubscribed: forward, tell conference.left, start subscription 32000',
      'terminated: forward',
    ]);
    expect(stage.done).toBe(true);
  });

  it('is joined, too, when its NOTIFY overtakes the 200', () => {
    const stage = opened(e.subscribe(), state(), e.subscribeAccepted(600));
    expect(stage.state).toBe('conference-subscribed');
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'start subscription 632000']);
    expect(stage.told).toEqual(['conference.joined']);
  });

  it('is left when the last NOTIFY overtakes the answer', () => {
    const stage = opened(e.subscribe(), e.subscribeAccepted(), e.subscribe(0), state(true));
    expect(stage.told).toEqual(['conference.joined', 'conference.left']);
    expect(stage.done).toBe(true);
  });

  it.each<[string, DialogEvent[]]>([
    ['the focus ends it', [state(true)]],
    ['nobody refreshes it', [e.timer('subscription')]],
    ['the focus no longer knows it', [e.subscribe(), e.subscribeRefused(481)]],
    ['the member no longer knows it', [state(), e.notifyRefused(481)]],
    ['nobody answers the farewell', [e.subscribe(0), e.timer('subscription')]],
    ['the farewell is refused', [e.subscribe(0), e.subscribeRefused(481)]],
    ['the last NOTIFY never comes', [e.subscribe(0), e.subscribeAccepted(0), e.timer('subscription')]],
  ])('is left when %s', (_why, events) => {
    const stage = opened(e.subscribe(), e.subscribeAccepted(), ...events);
    expect(stage.told).toEqual(['conference.joined', 'conference.left']);
    expect(stage.done).toBe(true);
  });

  it.each([
    ['a refresh that fails for now', [e.subscribe(), e.subscribeRefused(500)]],
    ['a NOTIFY that was not understood', [state(), e.notifyRefused(500)]],
    ['a NOTIFY of another package', [e.notify(undefined, true, 'other')]],
    ['an INFO', [e.other(), e.otherAnswered()]],
  ])('outlives %s', (_what, events) => {
    const stage = opened(e.subscribe(), e.subscribeAccepted(), ...events);
    expect(stage.state).toBe('conference-subscribed');
    expect(stage.told).toEqual(['conference.joined']);
  });

  it('is refused', () => {
    const stage = opened(e.subscribe(), e.subscribeRefused(603));
    expect(story(stage).at(-1)).toBe('terminated: forward, tell refused caller 603');
  });

  it('is refused by its first and last NOTIFY', () => {
    expect(opened(e.subscribe(), state(true)).told).toEqual(['refused']);
  });

  it('is timed out when nobody answers', () => {
    const stage = opened(e.subscribe(), e.timer('subscription'));
    expect(stage.told).toEqual(['timed-out']);
    expect(stage.done).toBe(true);
  });

  it.each([401, 407, 423])('challenged with %i is one subscription', (status) => {
    const stage = opened(e.subscribe(), e.subscribeRefused(status), e.subscribe(), e.subscribeAccepted());
    expect(stage.state).toBe('conference-subscribed');
    expect(stage.told).toEqual(['conference.joined']);
  });

  it('is refused when the challenged one does not come again', () => {
    const stage = opened(e.subscribe(), e.subscribeRefused(407), e.timer('retry'));
    expect(story(stage).at(-1)).toBe('terminated: stop retry, tell refused 407');
  });

  it('granted for longer than a week is kept in mind for a week', () => {
    const stage = opened(e.subscribe(), e.subscribeAccepted(2 ** 31));
    expect(stage.steps.at(-1)?.effects).toContain('start subscription 604832000');
  });
});

describe('a subscription to another package', () => {
  it('has its own state and words', () => {
    const stage = opened(e.subscribe(600, 'other'), e.subscribeAccepted(600));
    expect(stage.state).toBe('subscribed');
    stage.play(e.subscribe(0, 'other'), e.subscribeAccepted(0), e.notify(undefined, true, 'other'));
    expect(stage.told).toEqual(['subscribed', 'unsubscribed']);
    expect(stage.done).toBe(true);
  });

  it('is made by its NOTIFY alone', () => {
    expect(opened(e.subscribe(600, 'other'), e.notify(undefined, false, 'other')).state).toBe('subscribed');
  });

  it('is not made by the NOTIFY of another one', () => {
    expect(opened(e.subscribe(600, 'other'), state()).state).toBe('subscribing');
  });

  it('asked for once, with Expires 0, is none', () => {
    const stage = opened(e.subscribe(0, 'other'), e.subscribeAccepted(0), e.notify(undefined, true, 'other'));
    expect(stage.told).toEqual([]);
    expect(stage.done).toBe(true);
    expect(opened(e.subscribe(0), e.timer('subscription')).done).toBe(true);
    expect(opened(e.subscribe(0), e.subscribeRefused(489)).told).toEqual(['refused']);
    expect(opened(e.subscribe(0), e.subscribeRefused(407), e.subscribe(0)).state).toBe('fetching');
  });
});

describe('a REFER outside a call', () => {
  it('is asked, accepted, and done', () => {
    const stage = opened(e.refer(), e.referAccepted(), e.notify(100), e.notify(200, true));
    expect(story(stage)).toEqual([
      'referring: forward, tell transfer.asked caller, start usage',
      'referred: forward',
      'referred: forward, tell transfer.progress callee 100',
      'terminated: forward, tell transfer.done callee 200',
    ]);
  });

  it.each<[string, DialogEvent[]]>([
    ['transfer.refused', [e.referRefused(603)]],
    ['transfer.refused', [e.referRefused(407), e.timer('retry')]],
    ['transfer.failed', [e.referAccepted(), e.notify(486, true)]],
    ['transfer.done', [e.notify(200, true)]],
    ['transfer.failed', [e.notify(500)]],
    ['transfer.progress', [e.notify(100), e.timer('usage')]],
    ['transfer.asked', [e.notify(undefined, true)]],
    ['transfer.asked', [e.referAccepted(), e.notify(undefined), e.notifyRefused(481)]],
  ])('ends with %s', (entry, events) => {
    const stage = opened(e.refer(), ...events);
    expect(stage.told.at(-1)).toBe(entry);
    expect(stage.done).toBe(true);
  });

  it('challenged is asked once', () => {
    const stage = opened(e.refer(), e.referRefused(401), e.refer(), e.referAccepted());
    expect(stage.state).toBe('referred');
    expect(stage.told).toEqual(['transfer.asked']);
  });
});
