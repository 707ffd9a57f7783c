import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreed, asks, changes, NOTHING_AGREED, type Terms } from '../../machines/offer-answer.ts';
import type { Direction, Media } from '../../machines/types.ts';

const M = (audio: Direction, video: Direction = 'off'): Media => ({ audio, video });
const by = (side: 'caller' | 'callee', media: Media) => ({ side, by: 'INVITE', media }) as const;

fc.configureGlobal({ ...fc.readConfigureGlobal(), numRuns: 2000 });

const direction = fc.constantFrom<Direction>('sendrecv', 'sendonly', 'recvonly', 'inactive', 'off');
const media = fc.record({ audio: direction, video: direction });
const side = fc.constantFrom<'caller' | 'callee'>('caller', 'callee');
const terms = fc.record<Terms>({
  video: fc.boolean(),
  heldBy: fc.constantFrom<Terms['heldBy']>('nobody', 'caller', 'callee', 'both'),
});

describe('what two sides agree upon', () => {
  it.each<[Media, Media, Terms]>([
    [M('sendrecv'), M('sendrecv'), { video: false, heldBy: 'nobody' }],
    [M('sendrecv', 'sendrecv'), M('sendrecv', 'sendrecv'), { video: true, heldBy: 'nobody' }],
    [M('sendrecv', 'sendrecv'), M('sendrecv', 'off'), { video: false, heldBy: 'nobody' }],
    [M('sendrecv', 'sendrecv'), M('sendrecv', 'recvonly'), { video: true, heldBy: 'nobody' }],
    [M('sendonly'), M('recvonly'), { video: false, heldBy: 'caller' }],
    [M('inactive'), M('inactive'), { video: false, heldBy: 'caller' }],
    [M('sendrecv'), M('sendonly'), { video: false, heldBy: 'callee' }],
    [M('sendrecv'), M('inactive'), { video: false, heldBy: 'callee' }],
    [M('recvonly'), M('sendonly'), { video: false, heldBy: 'nobody' }],
    [M('off', 'sendonly'), M('off', 'recvonly'), { video: true, heldBy: 'caller' }],
  ])('%j answered by %j', (offer, answer, expected) => {
    expect(agreed(NOTHING_AGREED, by('caller', offer), answer)).toEqual(expected);
  });

  it('does not depend on who is called caller', () => {
    const mirror = (value: Terms): Terms => ({
      ...value,
      heldBy: value.heldBy === 'caller' ? 'callee' : value.heldBy === 'callee' ? 'caller' : value.heldBy,
    });
    fc.assert(
      fc.property(terms, media, media, (before, offer, answer) => {
        expect(agreed(mirror(before), by('callee', offer), answer)).toEqual(
          mirror(agreed(before, by('caller', offer), answer)),
        );
      }),
    );
  });

  it('is the same when the same is agreed again', () => {
    fc.assert(
      fc.property(terms, side, media, media, (before, offerer, offer, answer) => {
        const once = agreed(before, by(offerer, offer), answer);
        expect(agreed(once, by(offerer, offer), answer)).toEqual(once);
        expect(changes(once, once, offerer)).toEqual([]);
      }),
    );
  });

  it('stays when the answer says nothing', () => {
    fc.assert(
      fc.property(terms, side, media, (before, offerer, offer) => {
        expect(agreed(before, by(offerer, offer), undefined)).toBe(before);
      }),
    );
  });

  it('has a picture only where both sides have one', () => {
    fc.assert(
      fc.property(terms, side, media, media, (before, offerer, offer, answer) => {
        if (!agreed(before, by(offerer, offer), answer).video) return;
        expect([offer.video, answer.video]).not.toContain('off');
      }),
    );
  });
});

describe('what an offer asks', () => {
  const video: Terms = { video: true, heldBy: 'nobody' };

  it.each<[Terms, Media, 'on' | 'off' | undefined]>([
    [NOTHING_AGREED, M('sendrecv'), undefined],
    [NOTHING_AGREED, M('sendrecv', 'sendrecv'), 'on'],
    [NOTHING_AGREED, M('sendrecv', 'recvonly'), 'on'],
    [NOTHING_AGREED, M('sendrecv', 'inactive'), undefined],
    [NOTHING_AGREED, M('sendonly', 'inactive'), undefined],
    [video, M('sendrecv', 'sendrecv'), undefined],
    [video, M('sendrecv', 'off'), 'off'],
    [video, M('sendrecv', 'inactive'), 'off'],
    [video, M('sendonly', 'inactive'), undefined],
    [video, M('sendonly', 'off'), 'off'],
  ])('%j: %j asks %s', (before, offer, expected) => {
    expect(asks(before, 'caller', offer)).toBe(expected);
  });

  it('never gets a picture it did not offer', () => {
    fc.assert(
      fc.property(terms, side, media, media, (before, offerer, offer, answer) => {
        const after = agreed(before, by(offerer, offer), answer);
        if (asks(before, offerer, offer) === 'off') expect(after.video).toBe(false);
        if (!before.video && after.video) expect(asks(before, offerer, offer)).toBe('on');
      }),
    );
  });
});
