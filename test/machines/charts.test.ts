import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, createActor, initialTransition, transition } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { outcomeOf } from '../../machines/outcome.ts';
import { statePath } from '../../machines/state-path.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import * as e from './events.ts';

const folder = new URL('../../machines/', import.meta.url);

describe('the charts', () => {
  it('can all be made: no arrow leads nowhere', async () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    const machines: { createActor?: unknown; id: string }[] = [];
    for (const file of files) {
      const exports = Object.values(await import(new URL(file, folder).href));
      for (const value of exports) {
        if (typeof value !== 'object' || value === null || !('root' in value && 'id' in value)) continue;
        machines.push(value as never);
        expect(() => createActor(value as AnyStateMachine).start()).not.toThrow();
      }
    }
    expect(machines.map(({ id }) => id).sort()).toEqual(['dialog', 'subscription']);
  });

  it.each([
    ['dialog', dialogMachine, e.invite()],
    ['subscription', subscriptionMachine, e.subscribe()],
  ])('of a %s does nothing of its own until the host provides it', (_name, machine, event) => {
    const actor = createActor(machine);
    let failed: unknown;
    actor.subscribe({ error: (error) => (failed = error) });
    actor.start();
    actor.send(event);
    expect(String(failed)).toContain('"forward" was never provided');
  });

  it('decide without doing: the pure transition names the same effects', () => {
    const [start] = initialTransition(dialogMachine);
    const [trying, opening] = transition(dialogMachine, start, e.invite());
    expect(opening.map(({ type, params }) => [type, params])).toEqual([
      ['forward', undefined],
      ['journal', { entry: 'incoming', side: 'caller' }],
      ['startTimer', { name: 'ring' }],
    ]);
    const [confirmed] = transition(dialogMachine, trying, e.success());
    expect(confirmed.value).toEqual({ confirmed: { media: 'audio', transfer: 'idle' } });
  });

  it('say which RFC they follow', () => {
    for (const [name, state] of Object.entries(dialogMachine.states)) {
      if (['idle', 'terminated', 'declined'].includes(name)) continue;
      expect(state.meta?.rfc, name).toMatch(/^\d{4}#[\d.]+$/);
    }
  });

  it('keep little', () => {
    const actor = createActor(dialogMachine.provide({ actions: silent })).start();
    for (const event of [e.invite(), e.success(), e.ack()]) actor.send(event);
    expect(JSON.stringify(actor.getPersistedSnapshot()).length).toBeLessThan(400);
  });
});

const nothing = () => {};
const silent = {
  forward: nothing,
  cancelBranches: nothing,
  giveUp: nothing,
  startTimer: nothing,
  stopTimer: nothing,
  journal: nothing,
};

describe('a state as people read it', () => {
  it.each([
    ['ringing', 'ringing'],
    [{ confirmed: { media: 'audio', transfer: 'idle' } }, 'confirmed.media.audio|transfer.idle'],
    [{ confirmed: { media: 'held', transfer: 'referred' } }, 'confirmed.media.held|transfer.referred'],
    [{ a: 'b' }, 'a.b'],
    [{ a: { b: { c: 'd', e: 'f' }, g: 'h' } }, 'a.b.c.d|e.f|g.h'],
  ])('%j is %s, each time', (value, path) => {
    expect(statePath(value)).toBe(path);
    expect(statePath(structuredClone(value))).toBe(path);
  });

  it('does not mistake one state for another with the same leaves', () => {
    expect(statePath({ a: { x: 'one', y: 'two' } })).toBe('a.x.one|y.two');
    expect(statePath({ b: { x: 'one', y: 'two' } })).toBe('b.x.one|y.two');
    expect(statePath({ a: { x: 'one', y: 'three' } })).toBe('a.x.one|y.three');
  });
});

describe('a refusal', () => {
  it('always has a word', () => {
    for (let status = 300; status < 700; status += 1)
      for (const origin of ['phone', 'us'] as const) expect(outcomeOf(status, origin)).toMatch(/^[a-z-]+$/);
  });
});
