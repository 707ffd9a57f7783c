import { describe, expect, it } from 'vitest';
import { dialogMachine } from '../../machines/dialog.ts';
import type { DialogEvent } from '../../machines/types.ts';
import * as e from './events.ts';
import { Stage } from './stage.ts';

const call = (...events: DialogEvent[]) => new Stage(dialogMachine).play(...events);

/** One line a step: the state, and what was done. */
const story = (stage: Stage) => stage.steps.map(({ state, effects }) => `${state}: ${effects.join(', ')}`);

describe('a basic call', () => {
  it('goes from INVITE to the answered BYE', () => {
    const stage = call(e.invite(), e.provisional(180), e.success(), e.ack(), e.bye(), e.byeAnswered());
    expect(story(stage)).toEqual([
      'trying: forward, tell incoming caller, start ring',
      'ringing: forward, tell ringing 180, start ring',
      'confirmed.media.audio|transfer.idle: forward, tell answered 200, stop ring, start ack',
      'confirmed.media.audio|transfer.idle: forward, stop ack, start life',
      'terminating: stop ack, stop life, forward, start bye',
      'terminated: forward, tell ended caller 200',
    ]);
    expect(stage.done).toBe(true);
  });

  it('may be answered without ringing, and ended by the callee', () => {
    const stage = call(e.invite(), e.success(), e.ack(), e.bye('callee'), e.byeAnswered('callee'));
    expect(stage.told).toEqual(['incoming', 'answered', 'ended']);
    expect(stage.steps.at(-1)?.effects).toContain('tell ended callee 200');
  });

  it('leaves its context untouched', () => {
    const context = (stage: Stage) => JSON.parse(stage.kept).context;
    const fresh = context(call());
    expect(context(call(e.invite(), e.provisional(180), e.success(), e.ack(), e.bye()))).toEqual(fresh);
  });

  it('rings once, however many phones ring; each provisional restarts Timer C', () => {
    const stage = call(e.invite(), e.provisional(180), e.provisional(183, e.PICTURE), e.provisional(180));
    expect(story(stage).slice(2)).toEqual(['ringing: forward, start ring', 'ringing: forward, start ring']);
  });

  it('does not take 199 for ringing', () => {
    const stage = call(e.invite(), e.provisional(199));
    expect(story(stage).at(-1)).toBe('trying: forward, start ring');
  });

  it('is answered once, and passes every 2xx', () => {
    const stage = call(
      e.invite(),
      e.success(),
      e.successAgain(),
      e.successAgain(1),
      e.ack(),
      e.successAgain(),
    );
    expect(stage.told).toEqual(['incoming', 'answered']);
  });

  it('forwards what belongs to an early dialog', () => {
    const stage = call(
      e.invite(),
      e.provisional(183),
      e.prack(),
      e.otherAnswered('PRACK'),
      e.update('caller'),
    );
    stage.play(e.updateAccepted('caller'), e.other('INFO', 'callee'), e.bye(), e.byeAnswered());
    expect(stage.state).toBe('ringing');
    expect(stage.told).toEqual(['incoming', 'ringing']);
  });

  it('forwards everything a talking phone may send', () => {
    const stage = call(e.invite(), e.success(), e.ack());
    for (const method of ['INFO', 'MESSAGE', 'OPTIONS', 'PUBLISH', 'FOO'])
      stage.play(e.other(method), e.otherAnswered(method), e.otherAnswered(method, 405));
    stage.play(e.prack(), e.subscribe(), e.subscribeAccepted(), e.notify(undefined, false, 'conference'));
    stage.play(e.notifyRefused(481), e.subscribeRefused(489), e.ack());
    expect(stage.told).toEqual(['incoming', 'answered']);
  });

  it('forwards what nobody expects, and says so', () => {
    const stage = call(e.invite(), e.reinvite('callee'));
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'tell unexpected callee']);
    expect(stage.state).toBe('trying');
    stage.play(e.success(), e.failure(486));
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'tell unexpected 486']);
  });
});

describe('a call nobody takes', () => {
  const refused: [status: number, origin: 'phone' | 'us', entry: string][] = [
    [486, 'phone', 'busy'],
    [600, 'phone', 'busy'],
    [603, 'phone', 'declined'],
    [403, 'phone', 'declined'],
    [480, 'phone', 'no-answer'],
    [408, 'phone', 'no-answer'],
    [487, 'phone', 'cancelled'],
    [404, 'phone', 'failed'],
    [488, 'phone', 'failed'],
    [500, 'phone', 'failed'],
    [604, 'phone', 'failed'],
    [480, 'us', 'unreachable'],
    [404, 'us', 'unreachable'],
    [408, 'us', 'unreachable'],
    [503, 'us', 'unreachable'],
    [500, 'us', 'failed'],
    [482, 'us', 'failed'],
  ];

  it.each(refused)('%i by %s is told as %s', (status, origin, entry) => {
    for (const before of [[e.invite()], [e.invite(), e.provisional(180)]]) {
      const stage = call(...before, e.failure(status, origin));
      expect(stage.steps.at(-1)?.effects).toEqual(['forward', `tell ${entry} ${status}`]);
      expect(stage.state).toBe('declined');
      expect(stage.done).toBe(true);
    }
  });

  it.each([401, 407, 422])('%i waits for the caller to come again: one call, one entry', (status) => {
    const stage = call(e.invite(), e.failure(status));
    expect(story(stage).at(-1)).toBe('challenged: forward, stop ring, start retry');
    stage.play(e.inviteAgain());
    expect(story(stage).at(-1)).toBe('trying: stop retry, forward, start ring');
    stage.play(e.provisional(180), e.success(), e.ack(), e.bye(), e.byeAnswered());
    expect(stage.told).toEqual(['incoming', 'ringing', 'answered', 'ended']);
  });

  it('has failed when a challenged caller does not come again', () => {
    const stage = call(e.invite(), e.failure(407), e.timer('retry'));
    expect(story(stage).at(-1)).toBe('declined: stop retry, tell failed 407');
  });

  it('is redirected when the caller does not follow', () => {
    const stage = call(e.invite(), e.provisional(180), e.failure(302));
    expect(stage.state).toBe('redirected');
    stage.play(e.timer('retry'));
    expect(story(stage).at(-1)).toBe('declined: stop retry, tell redirected 302');
  });

  it('goes on when the caller follows a redirection; it has rung already', () => {
    const stage = call(e.invite(), e.provisional(180), e.failure(302), e.inviteAgain(), e.provisional(180));
    expect(stage.state).toBe('ringing');
    expect(stage.told).toEqual(['incoming', 'ringing']);
  });

  it('is taken after all when a 2xx follows the challenge', () => {
    const stage = call(e.invite(), e.failure(401), e.success());
    expect(stage.state).toBe('confirmed.media.audio|transfer.idle');
  });

  it('forgets the first offer when the second attempt brings another', () => {
    const stage = call(e.invite(e.PICTURE), e.failure(407), e.inviteAgain(), e.success(e.PICTURE));
    expect(stage.told).toEqual(['incoming', 'answered']);
  });
});

describe('a cancelled call', () => {
  it('cancels the branches and passes their 487', () => {
    const stage = call(e.invite(), e.provisional(180), e.cancel(), e.failure(487));
    expect(story(stage).slice(2)).toEqual([
      'cancelling: cancelBranches, stop ring, start cancel',
      'terminated: stop cancel, forward, tell cancelled 487',
    ]);
    expect(stage.done).toBe(true);
  });

  it.each([486, 408, 500, 407])('is cancelled whatever the branches say (%i)', (status) => {
    expect(call(e.invite(), e.cancel(), e.failure(status)).told).toEqual(['incoming', 'cancelled']);
  });

  it('gives the caller its 487 when no branch speaks', () => {
    const stage = call(e.invite(), e.cancel(), e.timer('cancel'));
    expect(story(stage).at(-1)).toBe('given-up: stop cancel, giveUp 487, tell cancelled, start late');
  });

  it('is kept in mind for a late 2xx, but not for ever', () => {
    const givenUp = [e.invite(), e.cancel(), e.timer('cancel')];
    const late = call(...givenUp, e.provisional(180), e.success(), e.ack(), e.bye(), e.byeAnswered());
    expect(late.told).toEqual(['incoming', 'cancelled', 'answered', 'ended']);
    expect(call(...givenUp, e.timer('late')).done).toBe(true);
    expect(call(...givenUp, e.failure(487)).done).toBe(true);
    expect(call(...givenUp, e.failure(487)).told).toEqual(['incoming', 'cancelled']);
  });

  it('is answered when the 200 wins the race', () => {
    const stage = call(
      e.invite(),
      e.provisional(180),
      e.cancel(),
      e.success(),
      e.ack(),
      e.bye(),
      e.byeAnswered(),
    );
    expect(stage.told).toEqual(['incoming', 'ringing', 'answered', 'ended']);
  });

  it('goes on when the CANCEL comes too late', () => {
    const stage = call(e.invite(), e.success(), e.cancel());
    expect(story(stage).at(-1)).toBe('confirmed.media.audio|transfer.idle: ');
  });

  it('may still ring', () => {
    const stage = call(e.invite(), e.cancel(), e.provisional(180), e.provisional(180));
    expect(story(stage).at(-1)).toBe('cancelling: forward');
    expect(stage.told).toEqual(['incoming']);
  });
});

describe('a call nobody ends', () => {
  it('is cancelled by Timer C, and not answered', () => {
    for (const before of [[e.invite()], [e.invite(), e.provisional(180)]]) {
      const stage = call(...before, e.timer('ring'));
      expect(story(stage).at(-1)).toBe('unanswered: cancelBranches, start cancel');
      expect(stage.play(e.failure(487)).steps.at(-1)).toMatchObject({
        state: 'declined',
        effects: ['stop cancel', 'forward', 'tell no-answer 487'],
      });
    }
  });

  it('gives the caller a 408 when no branch speaks after Timer C', () => {
    const stage = call(e.invite(), e.timer('ring'), e.timer('cancel'));
    expect(story(stage).at(-1)).toBe('given-up: stop cancel, giveUp 408, tell no-answer, start late');
  });

  it('is answered when the 200 comes with Timer C', () => {
    const stage = call(e.invite(), e.timer('ring'), e.success());
    expect(stage.told).toEqual(['incoming', 'answered']);
  });

  it('is timed out without an ACK', () => {
    const stage = call(e.invite(), e.success(), e.timer('ack'));
    expect(story(stage).at(-1)).toBe('terminated: stop ack, stop life, tell timed-out');
  });

  it('is timed out by a long silence, which every offer breaks', () => {
    const stage = call(e.invite(), e.success(), e.ack());
    for (const event of [
      e.update('callee'),
      e.reinvite('callee', e.SOUND),
      e.update('caller'),
      e.update('caller', e.SOUND),
      e.ack(),
    ])
      expect(stage.send(event).effects).toContain('start life');
    expect(stage.play(e.timer('life')).told.at(-1)).toBe('timed-out');
    expect(stage.done).toBe(true);
  });

  it('hears no timer that outlived its state', () => {
    const stage = call(e.invite(), e.success());
    const before = stage.state;
    for (const name of ['ring', 'cancel', 'late', 'bye', 'retry', 'usage', 'subscription'] as const)
      expect(stage.send(e.timer(name)).effects).toEqual([]);
    expect(stage.state).toBe(before);
  });
});

describe('a BYE', () => {
  const talking = [e.invite(), e.success(), e.ack()];

  it.each([200, 481, 408, 500, 603])('answered with %i ends the call', (status) => {
    const stage = call(...talking, e.bye(), e.byeAnswered('caller', status));
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', `tell ended caller ${status}`]);
    expect(stage.done).toBe(true);
  });

  it.each([401, 407])('challenged with %i comes again', (status) => {
    const stage = call(...talking, e.bye(), e.byeAnswered('caller', status));
    expect(stage.state).toBe('terminating');
    stage.play(e.bye(), e.byeAnswered());
    expect(stage.told).toEqual(['incoming', 'answered', 'ended']);
  });

  it('that nobody answers ends the call by its timer', () => {
    const stage = call(...talking, e.bye(), e.timer('bye'));
    expect(story(stage).at(-1)).toBe('terminated: tell ended');
  });

  it('from both sides at once ends the call once', () => {
    const stage = call(...talking, e.bye('caller'), e.bye('callee'), e.byeAnswered('callee'));
    expect(stage.told).toEqual(['incoming', 'answered', 'ended']);
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'tell ended callee 200']);
  });

  it('may overtake the ACK', () => {
    const stage = call(
      e.invite(),
      e.success(),
      e.bye('callee'),
      e.ack(),
      e.successAgain(),
      e.byeAnswered('callee'),
    );
    expect(stage.told).toEqual(['incoming', 'answered', 'ended']);
  });
});
