import { describe, expect, it } from 'vitest';
import { dialogMachine } from '../../machines/dialog.ts';
import type { DialogEvent, Media, Side } from '../../machines/types.ts';
import * as e from './events.ts';
import { Stage } from './stage.ts';

/** A call that has just begun with the INVITE's offer and the answer of the 200. */
function talk(offer: Media = e.SOUND, answer: Media = offer): Stage {
  return new Stage(dialogMachine).play(e.invite(offer), e.success(answer), e.ack());
}

const media = (stage: Stage) => /media\.([\w-]+)/.exec(stage.state)?.[1];
const toldSince = (stage: Stage, play: () => void) => {
  const before = stage.told.length;
  play();
  return stage.told.slice(before);
};
/** A re-INVITE that is accepted, with its ACK. */
const agree = (side: Side, offer: Media, answer: Media): DialogEvent[] => [
  e.reinvite(side, offer),
  e.reinviteAccepted(side, answer),
  e.ack(undefined, side),
];

const M = (audio: Media['audio'], video: Media['video']): Media => ({ audio, video });

describe('a picture from the start', () => {
  it('is told after the answer', () => {
    const stage = talk(e.PICTURE);
    expect(media(stage)).toBe('video');
    expect(stage.told).toEqual(['incoming', 'answered', 'video.on']);
  });

  it('declined in the answer is not told at all', () => {
    const stage = talk(e.PICTURE, e.SOUND);
    expect(media(stage)).toBe('audio');
    expect(stage.told).toEqual(['incoming', 'answered']);
  });

  it('that no side sends is none', () => {
    expect(media(talk(M('sendrecv', 'inactive'), M('sendrecv', 'inactive')))).toBe('audio');
    expect(media(talk(M('sendrecv', 'sendrecv'), M('sendrecv', 'inactive')))).toBe('audio');
  });

  it('may go one way only', () => {
    expect(media(talk(M('sendrecv', 'sendonly'), M('sendrecv', 'recvonly')))).toBe('video');
  });

  it('comes of an offer in the 200 and its answer in the ACK', () => {
    const stage = new Stage(dialogMachine).play({ ...e.invite(), media: undefined } as DialogEvent);
    stage.play(e.success(e.PICTURE));
    expect(media(stage)).toBe('late-offer');
    expect(stage.play(e.ack(e.PICTURE)).told).toEqual(['incoming', 'answered', 'video.on']);
    expect(stage.steps.at(-1)?.effects).toEqual([
      'forward',
      'stop ack',
      'start life',
      'tell video.on callee',
    ]);
  });

  it('offered in the 200 and declined in the ACK is none', () => {
    const stage = new Stage(dialogMachine).play({ ...e.invite(), media: undefined } as DialogEvent);
    stage.play(e.success(e.PICTURE), e.ack(e.SOUND));
    expect(media(stage)).toBe('audio');
    expect(stage.told).toEqual(['incoming', 'answered']);
  });

  it('comes of a reliable 183 whose answer the 200 does not repeat', () => {
    const stage = new Stage(dialogMachine).play(
      e.invite(e.PICTURE),
      e.provisional(183, e.PICTURE),
      e.prack(),
    );
    expect(media(stage.play(e.successWithout()))).toBe('video');
    expect(stage.told).toEqual(['incoming', 'ringing', 'answered', 'video.on']);
  });

  it('comes of an offer in a reliable 183 and its answer in the PRACK', () => {
    const stage = new Stage(dialogMachine).play({ ...e.invite(), media: undefined } as DialogEvent);
    stage.play(e.provisional(183, e.PICTURE), e.prack(e.PICTURE), e.successWithout());
    expect(media(stage)).toBe('video');
  });

  it('offered in an unreliable 183 is offered again in the 200', () => {
    const stage = new Stage(dialogMachine).play({ ...e.invite(), media: undefined } as DialogEvent);
    stage.play(e.provisional(183, e.PICTURE), e.success(e.PICTURE));
    expect(media(stage)).toBe('late-offer');
  });

  it('is not asked for by a call without SDP', () => {
    const stage = new Stage(dialogMachine).play({ ...e.invite(), media: undefined } as DialogEvent);
    expect(media(stage.play(e.successWithout()))).toBe('audio');
  });
});

describe('a picture asked for', () => {
  it.each(['caller', 'callee'] as const)('by the %s is on once answered', (side) => {
    const stage = talk().play(e.reinvite(side, e.PICTURE));
    expect(media(stage)).toBe('reinvite-video');
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'start life', `tell video.asked-on ${side}`]);
    stage.play(e.reinviteAccepted(side, e.PICTURE));
    expect(media(stage)).toBe('video');
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', `tell video.on ${side}`]);
    stage.play(e.ack(undefined, side), e.reinviteAcceptedAgain(side, e.PICTURE), e.ack(undefined, side));
    expect(stage.told).toEqual(['incoming', 'answered', 'video.asked-on', 'video.on']);
  });

  it('is refused by an answer without it', () => {
    const stage = talk().play(...agree('caller', e.PICTURE, e.SOUND));
    expect(media(stage)).toBe('audio');
    expect(stage.told.slice(2)).toEqual(['video.asked-on', 'video.refused']);
  });

  it('is refused with the request', () => {
    const stage = talk().play(e.reinvite('caller', e.PICTURE), e.reinviteRefused('caller', 488));
    expect(media(stage)).toBe('audio');
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'tell video.refused caller 488']);
  });

  it('and refused during a hold leaves the hold', () => {
    const stage = talk().play(...agree('callee', e.HOLD, e.HELD));
    stage.play(e.reinvite('caller', M('recvonly', 'sendrecv')), e.reinviteRefused('caller', 488));
    expect(media(stage)).toBe('held');
    expect(stage.told.slice(2)).toEqual(['hold', 'video.asked-on', 'video.refused']);
  });

  it('by UPDATE is the same', () => {
    const stage = talk().play(e.update('callee', e.PICTURE), e.updateAccepted('callee', e.PICTURE));
    expect(stage.told.slice(2)).toEqual(['video.asked-on', 'video.on']);
    stage.play(e.update('callee', e.SOUND), e.updateRefused('callee', 488));
    expect(media(stage)).toBe('video');
  });

  it('during a hold is on while the hold lasts', () => {
    const stage = talk().play(...agree('callee', e.HOLD, e.HELD));
    stage.play(...agree('caller', M('recvonly', 'sendrecv'), M('sendonly', 'sendrecv')));
    expect(media(stage)).toBe('held');
    expect(stage.told.slice(2)).toEqual(['hold', 'video.asked-on', 'video.on']);
  });

  it('is answered by the request that asked, not by another', () => {
    const stage = talk().play(
      e.reinvite('caller', e.PICTURE),
      e.update('caller'),
      e.updateAccepted('caller'),
    );
    expect(media(stage)).toBe('reinvite-video');
    stage.play(e.updateRefused('caller'), e.reinviteRefused('callee', 491));
    expect(media(stage)).toBe('reinvite-video');
  });
});

describe('a picture asked off', () => {
  it('is off once answered', () => {
    const stage = talk(e.PICTURE).play(e.reinvite('callee', e.SOUND));
    expect(media(stage)).toBe('reinvite-audio');
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'start life', 'tell video.asked-off callee']);
    stage.play(e.reinviteAccepted('callee', e.SOUND));
    expect(media(stage)).toBe('audio');
    expect(stage.told.slice(3)).toEqual(['video.asked-off', 'video.off']);
  });

  it('stays when that is refused', () => {
    const stage = talk(e.PICTURE).play(e.reinvite('caller', e.SOUND), e.reinviteRefused('caller', 500));
    expect(media(stage)).toBe('video');
    expect(stage.told.slice(3)).toEqual(['video.asked-off']);
  });

  it('stays on hold when that is refused during a hold', () => {
    const stage = talk(e.PICTURE).play(...agree('caller', e.HOLD_PICTURE, e.HELD_PICTURE));
    stage.play(e.reinvite('callee', e.HELD), e.reinviteRefused('callee', 488));
    expect(media(stage)).toBe('held');
    expect(stage.told.slice(3)).toEqual(['hold', 'video.asked-off']);
  });

  it('goes, too, when the answer to a refresh leaves it out', () => {
    const stage = talk(e.PICTURE).play(...agree('caller', e.PICTURE, e.SOUND));
    expect(stage.told.slice(3)).toEqual(['video.off']);
  });
});

describe('hold', () => {
  it('is told when it is agreed, and again when it ends', () => {
    const stage = talk();
    expect(media(stage.play(e.reinvite('caller', e.HOLD)))).toBe('reinvite');
    expect(toldSince(stage, () => stage.play(e.reinviteAccepted('caller', e.HELD), e.ack()))).toEqual([
      'hold',
    ]);
    expect(media(stage)).toBe('held');
    expect(toldSince(stage, () => stage.play(...agree('caller', e.SOUND, e.SOUND)))).toEqual(['resume']);
    expect(media(stage)).toBe('audio');
  });

  it('may be inactive, or old-style without a direction of its own', () => {
    const stage = talk().play(...agree('callee', M('inactive', 'off'), M('inactive', 'off')));
    expect(stage.steps.at(-2)?.effects).toEqual(['forward', 'tell hold callee']);
  });

  it('is told once however often it is refreshed', () => {
    const stage = talk().play(...agree('caller', e.HOLD, e.HELD), ...agree('caller', e.HOLD, e.HELD));
    stage.play(...agree('callee', e.HELD, e.HOLD));
    expect(stage.told.slice(2)).toEqual(['hold']);
    expect(media(stage)).toBe('held');
  });

  it('by both sides ends when both resume', () => {
    const stage = talk().play(...agree('caller', e.HOLD, e.HELD));
    stage.play(...agree('callee', M('inactive', 'off'), M('inactive', 'off')));
    expect(stage.steps.at(-2)?.effects).toEqual(['forward', 'tell hold callee']);
    stage.play(...agree('caller', e.HELD, e.HOLD));
    expect(stage.steps.at(-2)?.effects).toEqual(['forward', 'tell resume caller']);
    expect(media(stage)).toBe('held');
    stage.play(...agree('callee', e.SOUND, e.SOUND));
    expect(stage.steps.at(-2)?.effects).toEqual(['forward', 'tell resume callee']);
    expect(media(stage)).toBe('audio');
  });

  it('does not end by the offer of the side that is held', () => {
    const stage = talk().play(...agree('caller', e.HOLD, e.HELD), ...agree('callee', e.SOUND, e.HOLD));
    expect(stage.told.slice(2)).toEqual(['hold']);
    expect(media(stage)).toBe('held');
  });

  it.each([
    ['rests', M('sendonly', 'inactive'), M('recvonly', 'inactive')],
    ['goes one way', M('sendonly', 'sendonly'), M('recvonly', 'recvonly')],
    ['is inactive with the sound', M('inactive', 'inactive'), M('inactive', 'inactive')],
  ])('while the picture %s says nothing of it, nor does the return', (_how, offer, answer) => {
    const stage = talk(e.PICTURE).play(...agree('caller', offer, answer));
    expect(media(stage)).toBe('held');
    stage.play(...agree('caller', e.PICTURE, e.PICTURE));
    expect(media(stage)).toBe('video');
    expect(stage.told.slice(2)).toEqual(['video.on', 'hold', 'resume']);
  });

  it('that takes the picture away tells it', () => {
    const stage = talk(e.PICTURE).play(...agree('caller', e.HOLD, e.HELD));
    expect(stage.told.slice(3)).toEqual(['video.asked-off', 'video.off', 'hold']);
  });

  it('of a phone that always offers a resting picture tells of no picture', () => {
    const stage = talk(M('sendrecv', 'inactive'));
    stage.play(...agree('caller', M('sendonly', 'inactive'), M('recvonly', 'inactive')));
    stage.play(...agree('caller', M('sendrecv', 'inactive'), M('sendrecv', 'inactive')));
    expect(stage.told.slice(2)).toEqual(['hold', 'resume']);
  });

  it('from the start is told with the answer', () => {
    const stage = talk(e.HOLD, e.HELD);
    expect(stage.told).toEqual(['incoming', 'answered', 'hold']);
    expect(media(stage)).toBe('held');
  });

  it('may come of an offer in the 200 of a re-INVITE', () => {
    const stage = talk().play(e.reinvite('caller'), e.reinviteAccepted('caller', e.SOUND));
    expect(media(stage)).toBe('late-offer');
    stage.play(e.ack(e.HOLD));
    expect(stage.steps.at(-1)?.effects).toEqual(['forward', 'stop ack', 'start life', 'tell hold caller']);
    stage.play(e.reinvite('caller'), e.reinviteAccepted('caller', e.SOUND), e.ack(e.SOUND));
    expect(media(stage)).toBe('audio');
  });

  it('by UPDATE is the same', () => {
    const stage = talk().play(e.update('callee', e.HOLD), e.updateAccepted('callee', e.HELD));
    expect(media(stage)).toBe('held');
    stage.play(e.update('callee', e.SOUND), e.updateAccepted('callee', e.SOUND));
    expect(media(stage)).toBe('audio');
    stage.play(e.update('callee', e.HOLD), e.updateRefused('callee', 491));
    expect(media(stage)).toBe('audio');
    expect(stage.told.slice(2)).toEqual(['hold', 'resume']);
  });

  it('refused leaves the call as it was', () => {
    const stage = talk(e.PICTURE).play(
      e.reinvite('caller', e.HOLD_PICTURE),
      e.reinviteRefused('caller', 500),
    );
    expect(media(stage)).toBe('video');
    expect(stage.told.slice(3)).toEqual([]);
  });
});

describe('offers that cross', () => {
  it('and are both refused with 491 leave all as it was', () => {
    const stage = talk().play(e.reinvite('caller', e.PICTURE), e.reinvite('callee', e.HOLD));
    expect(media(stage)).toBe('reinvite-video');
    stage.play(e.reinviteRefused('callee', 491), e.reinviteRefused('caller', 491));
    expect(media(stage)).toBe('audio');
    expect(stage.told.slice(2)).toEqual(['video.asked-on']);
  });

  it('on hold leave it on hold', () => {
    const stage = talk().play(
      ...agree('callee', e.HOLD, e.HELD),
      e.reinvite('caller', M('recvonly', 'sendrecv')),
    );
    expect(media(stage.play(e.reinviteRefused('caller', 491)))).toBe('held');
  });

  it.each([
    ['hold', e.SOUND, e.HOLD],
    ['a picture', e.SOUND, e.PICTURE],
    ['no picture', e.PICTURE, e.SOUND],
  ])(
    'are not told twice: %s by re-INVITE, and the other way by re-INVITE or UPDATE',
    (_what, start, offer) => {
      const other = offer.video === 'off' && start.video === 'off' ? e.PICTURE : start;
      for (const crossing of [e.reinvite('callee', other), e.update('callee', other)]) {
        const stage = talk(start).play(e.reinvite('caller', offer));
        const before = stage.state;
        expect(stage.send(crossing).effects).toEqual(['forward', 'start life']);
        expect(stage.state).toBe(before);
      }
    },
  );

  it('let the one through that is accepted', () => {
    const stage = talk().play(e.reinvite('caller', e.HOLD), e.reinvite('callee', e.PICTURE));
    stage.play(e.reinviteRefused('callee', 491), e.reinviteAccepted('caller', e.HELD));
    expect(media(stage)).toBe('held');
  });

  it('are refused each on its own', () => {
    const stage = talk(e.PICTURE).play(e.reinvite('caller', e.SOUND), e.reinvite('callee', e.HOLD_PICTURE));
    stage.play(e.reinviteRefused('callee', 491), e.updateRefused('caller', 488));
    expect(media(stage)).toBe('reinvite-audio');
    expect(media(stage.play(e.reinviteAccepted('caller', e.SOUND)))).toBe('audio');
  });

  it('are asked again after a challenge', () => {
    const stage = talk().play(e.reinvite('caller', e.PICTURE), e.reinviteRefused('caller', 407));
    expect(media(stage)).toBe('audio');
    expect(stage.told.slice(2)).toEqual(['video.asked-on']);
  });
});

describe('offers before the answer', () => {
  const ringing = (offer: Media, answer: Media) =>
    new Stage(dialogMachine).play(e.invite(offer), e.provisional(183, answer));

  it.each(['caller', 'callee'] as const)('an UPDATE of the %s takes the picture away', (side) => {
    const stage = ringing(e.PICTURE, e.PICTURE).play(
      e.update(side, e.SOUND),
      e.updateAccepted(side, e.SOUND),
    );
    stage.play(e.successWithout());
    expect(media(stage)).toBe('audio');
    expect(stage.told).not.toContain('video.on');
  });

  it('an UPDATE that is refused changes nothing', () => {
    const stage = ringing(e.PICTURE, e.PICTURE).play(
      e.update('caller', e.SOUND),
      e.updateRefused('caller', 491),
    );
    expect(media(stage.play(e.successWithout()))).toBe('video');
  });

  it('an UPDATE holds before the call begins', () => {
    const stage = ringing(e.SOUND, e.SOUND).play(
      e.update('callee', e.HOLD),
      e.updateAccepted('callee', e.HELD),
    );
    expect(media(stage.play(e.successWithout()))).toBe('held');
    expect(stage.told.slice(-2)).toEqual(['answered', 'hold']);
    expect(media(stage.play(...agree('callee', e.SOUND, e.SOUND)))).toBe('audio');
  });

  it('a PRACK brings another offer, and its 200 the answer', () => {
    const stage = ringing(e.SOUND, e.SOUND).play(e.prack(e.PICTURE), e.prackAnswered(e.PICTURE));
    expect(media(stage.play(e.successWithout()))).toBe('video');
    const refused = ringing(e.SOUND, e.SOUND).play(e.prack(e.PICTURE), e.prackAnswered(undefined));
    expect(media(refused.play(e.successWithout()))).toBe('audio');
  });

  it('a PRACK that answers a late offer is none', () => {
    const late = new Stage(dialogMachine).play(
      { ...e.invite(), media: undefined } as DialogEvent,
      e.provisional(183, e.PICTURE),
    );
    late.play(e.prack(e.PICTURE), e.prackAnswered(undefined), e.successWithout());
    expect(media(late)).toBe('video');
  });

  it('two UPDATEs that cross: the one that is accepted counts', () => {
    for (const first of ['caller', 'callee'] as const) {
      const second = first === 'caller' ? 'callee' : 'caller';
      const stage = ringing(e.SOUND, e.SOUND).play(e.update(first, e.PICTURE), e.update(second, e.HOLD));
      stage.play(e.updateRefused(first, 491), e.updateAccepted(second, e.HELD), e.successWithout());
      expect(media(stage)).toBe('held');
    }
  });

  it('what the 2xx says itself counts: another phone may have sent it', () => {
    const stage = ringing(e.PICTURE, e.PICTURE).play(
      e.update('caller', e.SOUND),
      e.updateAccepted('caller', e.SOUND),
    );
    expect(media(stage.play(e.success(e.PICTURE)))).toBe('video');
  });

  it('those of a try that was challenged are forgotten', () => {
    const stage = ringing(e.PICTURE, e.PICTURE).play(
      e.update('caller', e.HOLD),
      e.updateAccepted('caller', e.HELD),
    );
    stage.play(e.failure(407), e.inviteAgain(e.SOUND), e.provisional(180), e.success(e.SOUND));
    expect(media(stage)).toBe('audio');
  });
});

describe('offers that cross', () => {
  const crossing = (first: DialogEvent, second: DialogEvent) => talk().play(first, second);

  it.each(['caller', 'callee'] as const)('the one of the %s is refused, the other one is taken', (first) => {
    const second = first === 'caller' ? 'callee' : 'caller';
    const stage = crossing(e.reinvite(first, e.PICTURE), e.reinvite(second, e.HOLD));
    stage.play(e.reinviteRefused(first, 491), e.ack(undefined, first), e.reinviteAccepted(second, e.HELD));
    expect(media(stage)).toBe('held');
    expect(stage.told.slice(2)).toEqual(['video.asked-on', 'hold']);
  });

  it('the other one is taken first, and then the first refused', () => {
    const stage = crossing(e.reinvite('caller', e.PICTURE), e.update('callee', e.HOLD));
    stage.play(e.updateAccepted('callee', e.HELD), e.reinviteRefused('caller', 491));
    expect(media(stage)).toBe('held');
  });

  it('both are taken, one after the other', () => {
    const stage = crossing(e.reinvite('caller', e.PICTURE), e.reinvite('callee', e.HOLD_PICTURE));
    stage.play(e.reinviteAccepted('caller', e.PICTURE), e.reinviteAccepted('callee', e.HELD_PICTURE));
    expect(media(stage)).toBe('held');
    expect(stage.told.slice(2)).toEqual(['video.asked-on', 'video.on', 'hold']);
  });

  it('both are refused, in either order', () => {
    for (const [one, two] of [
      ['caller', 'callee'],
      ['callee', 'caller'],
    ] as const) {
      const stage = crossing(e.reinvite('caller', e.PICTURE), e.reinvite('callee', e.HOLD));
      stage.play(e.reinviteRefused(one, 491), e.reinviteRefused(two, 491));
      expect(media(stage)).toBe('audio');
    }
  });
});
