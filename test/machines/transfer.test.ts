import { describe, expect, it } from 'vitest';
import { dialogMachine } from '../../machines/dialog.ts';
import type { DialogEvent } from '../../machines/types.ts';
import * as e from './events.ts';
import { Stage } from './stage.ts';

const talk = () => new Stage(dialogMachine).play(e.invite(), e.success(), e.ack());
const transfer = (stage: Stage) => /transfer\.([\w-]+)/.exec(stage.state)?.[1];
const since = (stage: Stage) => stage.told.slice(2);

describe('a transfer', () => {
  it('is asked, accepted, on its way, and done', () => {
    const stage = talk();
    const states = [e.refer(), e.referAccepted(), e.notify(100), e.notify(180), e.notify(200, true)].map(
      (event) => {
        stage.send(event);
        return transfer(stage);
      },
    );
    expect(states).toEqual(['referring', 'referred', 'referred', 'referred', 'transferred']);
    expect(stage.steps.slice(3).map(({ effects }) => effects)).toEqual([
      ['forward', 'tell transfer.asked caller'],
      ['forward'],
      ['forward', 'tell transfer.progress callee 100'],
      ['forward', 'tell transfer.progress callee 180'],
      ['forward', 'tell transfer.done callee 200'],
    ]);
  });

  it('that is accepted is not done', () => {
    const stage = talk().play(e.refer(), e.referAccepted());
    expect(since(stage)).toEqual(['transfer.asked']);
  });

  it('is refused', () => {
    const stage = talk().play(e.refer('callee'), e.referRefused(603, 'callee'));
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'tell transfer.refused callee 603']);
    expect(transfer(stage)).toBe('idle');
  });

  it('fails with the status of the third phone', () => {
    const stage = talk().play(e.refer(), e.referAccepted(), e.notify(100), e.notify(486, true));
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'tell transfer.failed callee 486']);
    expect(transfer(stage)).toBe('failed');
  });

  it.each([
    [100, 'referred'],
    [200, 'transferred'],
    [603, 'failed'],
  ])('may hear a NOTIFY (%i) before its 202', (progress, state) => {
    const stage = talk().play(e.refer(), e.notify(progress), e.referAccepted());
    expect(transfer(stage)).toBe(state);
    expect(since(stage)).not.toContain('unexpected');
  });

  it('whose NOTIFYs end without a word of the result tells none', () => {
    for (const before of [[], [e.referAccepted()]]) {
      const stage = talk().play(e.refer(), ...before, e.notify(undefined, true));
      expect(transfer(stage)).toBe('idle');
      expect(since(stage)).toEqual(['transfer.asked']);
    }
  });

  it('may be tried again after it failed, was refused, or was done', () => {
    const endings: DialogEvent[][] = [
      [e.referRefused()],
      [e.referAccepted(), e.notify(486, true)],
      [e.referAccepted(), e.notify(200, true)],
    ];
    for (const ending of endings) {
      const stage = talk().play(e.refer(), ...ending, e.refer(), e.referAccepted(), e.notify(200, true));
      expect(since(stage).slice(-2)).toEqual(['transfer.asked', 'transfer.done']);
    }
  });

  it('challenged comes again, and was asked once', () => {
    const stage = talk().play(e.refer(), e.referRefused(407), e.refer(), e.referAccepted());
    expect(since(stage)).toEqual(['transfer.asked']);
    expect(transfer(stage)).toBe('referred');
  });

  it('goes on beside a hold', () => {
    const stage = talk().play(e.refer(), e.reinvite('callee', e.HOLD), e.referAccepted());
    stage.play(e.reinviteAccepted('callee', e.HELD), e.ack(undefined, 'callee'), e.notify(200, true));
    expect(stage.state).toBe('confirmed.media.held|transfer.transferred');
    expect(since(stage)).toEqual(['transfer.asked', 'hold', 'transfer.done']);
  });

  it('hears the NOTIFYs of other packages only in passing', () => {
    const stage = talk().play(
      e.refer(),
      e.notify(undefined, true, 'conference'),
      e.notify(undefined, true, 'other'),
    );
    expect(transfer(stage)).toBe('referring');
    expect(since(stage)).toEqual(['transfer.asked']);
  });

  it('done, is told once', () => {
    const stage = talk().play(e.refer(), e.referAccepted(), e.notify(200), e.notify(200, true), e.bye());
    stage.play(e.byeAnswered());
    expect(since(stage)).toEqual(['transfer.asked', 'transfer.done', 'ended']);
    expect(stage.done).toBe(true);
  });
});

describe('a transfer that outlives its call', () => {
  const left = () => talk().play(e.refer(), e.referAccepted(), e.notify(100), e.bye(), e.byeAnswered());

  it('waits for the result', () => {
    const stage = left();
    expect(stage.state).toBe('transferring');
    expect(stage.steps.at(-1)?.effects).toEqual([
      'stop bye',
      'forward',
      'tell ended caller 200',
      'start usage',
    ]);
    stage.play(e.notify(180), e.notify(200, true));
    expect(since(stage).slice(-3)).toEqual(['ended', 'transfer.progress', 'transfer.done']);
    expect(stage.done).toBe(true);
  });

  it('tells that it failed', () => {
    expect(since(left().play(e.notify(503, true))).at(-1)).toBe('transfer.failed');
  });

  it('does not wait for ever', () => {
    const stage = left().play(e.timer('usage'));
    expect(stage.done).toBe(true);
    expect(since(stage).at(-1)).toBe('ended');
  });

  it('ends with its last NOTIFY though that says nothing', () => {
    expect(left().play(e.notify(undefined, true)).done).toBe(true);
  });

  it('may be over before the BYE is answered', () => {
    const stage = talk().play(e.refer(), e.referAccepted(), e.bye(), e.notify(200, true));
    expect(stage.state).toBe('terminating');
    expect(stage.running).toEqual(new Set(['bye']));
    expect(since(stage.play(e.byeAnswered()))).toEqual(['transfer.asked', 'transfer.done', 'ended']);
  });

  it('may be refused while the BYE is under way, or after it', () => {
    const before = talk().play(e.refer(), e.bye(), e.referRefused(), e.byeAnswered());
    expect(since(before)).toEqual(['transfer.asked', 'transfer.refused', 'ended']);
    const after = talk().play(e.refer(), e.bye(), e.byeAnswered(), e.referRefused());
    expect(since(after)).toEqual(['transfer.asked', 'ended', 'transfer.refused']);
    expect(before.done && after.done).toBe(true);
  });

  it('may be accepted after the BYE', () => {
    const stage = talk().play(e.refer(), e.bye(), e.byeAnswered(), e.referAccepted(), e.notify(200, true));
    expect(since(stage)).toEqual(['transfer.asked', 'ended', 'transfer.done']);
  });

  it('keeps its BYE when that is challenged', () => {
    const stage = talk().play(e.refer(), e.referAccepted(), e.bye(), e.byeAnswered('caller', 407));
    expect(stage.state).toBe('terminating-transfer');
    expect(stage.play(e.bye(), e.byeAnswered()).state).toBe('transferring');
  });

  it('waits also when nobody answers the BYE', () => {
    const stage = talk().play(e.refer(), e.referAccepted(), e.bye(), e.timer('bye'));
    expect(stage.state).toBe('transferring');
    expect(since(stage)).toEqual(['transfer.asked', 'ended']);
  });
});
