import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, createActor } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import type { DialogEvent } from '../../machines/types.ts';
import { everyEvent, ofDialog, ofSubscription } from './choices.ts';
import * as e from './events.ts';
import { arrowsOf, type Choice, leavesIn, leavesOf, shortestPaths, tours } from './explore.ts';
import { Stage } from './stage.ts';

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
  const events = everyEvent;

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
