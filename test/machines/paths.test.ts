import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, createActor } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { statePath } from '../../machines/state-path.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import type { DialogEvent, TimerName } from '../../machines/types.ts';
import * as e from './events.ts';
import { arrowsOf, type Choice, leavesIn, leavesOf, shortestPaths, tours } from './explore.ts';
import { Stage } from './stage.ts';

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
const ofDialog: Choice = ({ value }) => {
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
const ofSubscription: Choice = () => subscriptionEvents;

const charts: [name: string, machine: AnyStateMachine, choice: Choice][] = [
  ['dialog', dialogMachine, ofDialog],
  ['subscription', subscriptionMachine, ofSubscription],
];

const initial = (machine: AnyStateMachine) => createActor(machine).getSnapshot();

/** Plays until the call is over. */
function play(machine: AnyStateMachine, events: readonly DialogEvent[]): Stage {
  const stage = new Stage(machine);
  for (const event of events) if (!stage.done) stage.send(event);
  return stage;
}

/** Lets the timers that run fire: without another word from anybody the call is over soon. */
function fallSilent(stage: Stage): void {
  for (let rounds = 0; !stage.done && stage.state !== 'idle'; rounds += 1) {
    expect(rounds, stage.state).toBeLessThan(5);
    for (const name of [...stage.running]) if (!stage.done) stage.send(e.timer(name));
  }
}

describe.each(charts)('the chart of a %s', (_name, machine, choice) => {
  const paths = shortestPaths(machine, choice);
  const cover = tours(machine, choice);
  const events = [
    ...new Set([...opening, ...always, ...mediaEvents, ...transferEvents, ...subscriptionEvents]),
  ];

  it('reaches every state', () => {
    const reached = new Set(paths.flatMap((path) => leavesIn(machine, play(machine, path).state)));
    expect(leavesOf(machine).filter((leaf) => !reached.has(leaf))).toEqual([]);
  });

  it('has no arrow that nothing walks', () => {
    expect([...arrowsOf(machine)].filter((arrow) => !cover.walked.has(arrow))).toEqual([]);
  });

  it('keeps its promises along every arrow, and ends when all fall silent', () => {
    expect(cover.tours.length).toBeGreaterThan(10);
    for (const tour of cover.tours) fallSilent(play(machine, tour));
  });

  it('keeps its promises whatever comes in whatever order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...choice(initial(machine))),
        fc.array(fc.constantFrom(...events), { maxLength: 60 }),
        (first, others) => fallSilent(play(machine, [first, ...others])),
      ),
      { numRuns: 300 },
    );
  });

  it('goes on from a kept snapshot as if nothing had happened', () => {
    const seen = new Set<string>();
    for (const path of paths) {
      const lived = play(machine, path);
      if (lived.done || seen.has(lived.state)) continue;
      seen.add(lived.state);
      for (const event of events) {
        const straight = play(machine, path);
        const restored = new Stage(machine, JSON.parse(straight.kept));
        expect(restored.state).toBe(straight.state);
        restored.resume(straight);
        expect(restored.send(event)).toEqual(straight.send(event));
        expect(restored.kept).toBe(straight.kept);
      }
    }
    expect(seen.size).toBeGreaterThan(10);
  });
});
