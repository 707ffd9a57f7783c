import { describe, expect, it } from 'vitest';
import { Histories } from '../../src/control/history.ts';
import { callUp, World } from '../system/world.ts';

function histories(world: World): Histories {
  const all = new Histories();
  for (const transition of world.transitions) all.take(transition);
  return all;
}

function ringUp() {
  const world = new World();
  const alice = world.phone('alice', '10.0.0.2');
  const bob = world.phone('bob', '10.0.0.3');
  alice.register();
  bob.register();
  return { alice, bob, ...callUp(world, alice, bob) };
}

describe('the history of a call', () => {
  it('says what led to each state, when, and whose request it was', () => {
    const { world, bob, back, dialog } = ringUp();
    const began = world.clock.now();
    world.advance(2500);
    bob.request('BYE', { ...back, cseq: 1 });
    expect(histories(world).of(dialog.callId)).toEqual({
      skipped: 0,
      steps: [
        { at: began, to: 'trying', cause: 'INVITE', by: 'caller' },
        { at: began, to: 'ringing', cause: '180', by: undefined },
        { at: began, to: 'confirmed.media.audio|transfer.idle', cause: '200', by: undefined },
        { at: began + 2500, to: 'terminating', cause: 'BYE', by: 'callee' },
      ],
    });
  });

  it('is forgotten with the call', () => {
    const { world, alice, bob, dialog } = ringUp();
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    expect(histories(world).size).toBe(0);
  });

  it('of a call that goes on for ever is its beginning and its end', () => {
    const all = new Histories();
    const facts = { callId: 'c', machine: 'dialog', from: 'sip:a@h', to: 'sip:b@h' } as const;
    for (let seq = 1; seq <= 10_000; seq++) {
      const transition = { from: '', to: `s${seq}`, event: 'timer.life', cause: 'timer life', notes: [] };
      all.take({ dialog: facts, seq, at: seq, ...transition, done: false });
    }
    const { steps = [], skipped } = all.of('c') ?? {};
    expect(skipped).toBe(10_000 - 40);
    expect(steps.map(({ at }) => at)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => i + 1),
      ...Array.from({ length: 30 }, (_, i) => 9_971 + i),
    ]);
  });
});
