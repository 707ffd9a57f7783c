import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/time/clock.ts';
import { Deadlines, Timed } from '../../src/time/deadlines.ts';

class Owner extends Timed {
  readonly #expired: () => void;

  constructor(expired: () => void) {
    super();
    this.#expired = expired;
  }

  override expire(): void {
    this.#expired();
  }
}

describe('deadlines', () => {
  it('come in order, each at its time, with few timers of the clock', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const seen: string[] = [];
    for (let i = 0; i < 100; i++) {
      deadlines.start(new Owner(() => seen.push(`${i} at ${clock.now()}`)), i % 2 === 0 ? 500 : 600);
      clock.advance(1);
    }
    expect(clock.pending).toBe(2);
    clock.advance(2000);
    const expected = Array.from({ length: 100 }, (_, i) => ({ i, at: i + (i % 2 === 0 ? 500 : 600) }));
    expected.sort((a, b) => a.at - b.at);
    expect(seen).toEqual(expected.map(({ i, at }) => `${i} at ${at}`));
    expect(clock.pending).toBe(0);
  });

  it('that come all at once let others in between', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const seen: string[] = [];
    for (let i = 0; i < 1000; i++) deadlines.start(new Owner(() => seen.push('due')), 500);
    clock.after(500, () => seen.push('other'));
    clock.advance(500);
    expect(seen).toHaveLength(1001);
    expect(seen.indexOf('other')).toBeLessThan(100);
  });

  it('that are started while one comes keep the others where they were', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    const seen: number[] = [];
    let rounds = 2;
    const again: Owner = new Owner(() => {
      seen.push(clock.now());
      if (rounds-- > 0) deadlines.start(again, 500);
    });
    deadlines.start(again, 500);
    clock.advance(3);
    deadlines.start(new Owner(() => seen.push(clock.now())), 500);
    clock.advance(3000);
    expect(seen).toEqual([500, 503, 1000, 1500]);
  });

  it('come for the others when one of them throws', () => {
    const clock = new VirtualClock();
    const deadlines = new Deadlines(clock);
    let came = 0;
    deadlines.start(
      new Owner(() => {
        throw new Error('bug');
      }),
      10,
    );
    deadlines.start(new Owner(() => came++), 10);
    expect(() => clock.advance(10)).toThrow('bug');
    clock.advance(0);
    expect(came).toBe(1);
  });

  it('agree with one clock timer each, whatever is started, moved and stopped', () => {
    const owners = 6;
    const step = fc.oneof(
      fc.record({ owner: fc.nat(owners - 1), ms: fc.constantFrom(1, 5, 5, 20, 21) }),
      fc.record({ stop: fc.nat(owners - 1) }),
      fc.record({ wait: fc.nat(12) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new VirtualClock();
        const deadlines = new Deadlines(clock);
        const came: string[] = [];
        const expected: string[] = [];
        const due = new Map<number, number>();
        const all = Array.from(
          { length: owners },
          (_, i) => new Owner(() => came.push(`${clock.now()} ${i}`)),
        );
        for (const s of steps) {
          if ('owner' in s) {
            const owner = all[s.owner];
            if (owner !== undefined) deadlines.start(owner, s.ms);
            due.set(s.owner, clock.now() + s.ms);
          } else if ('stop' in s) {
            const owner = all[s.stop];
            if (owner !== undefined) deadlines.stop(owner);
            due.delete(s.stop);
          } else {
            clock.advance(s.wait);
            for (const [i, at] of due) {
              if (at > clock.now()) continue;
              expected.push(`${at} ${i}`);
              due.delete(i);
            }
          }
        }
        expect([...came].sort()).toEqual([...expected].sort());
        const times = came.map((line) => Number(line.split(' ')[0]));
        expect(times).toEqual([...times].sort((a, b) => a - b));
        clock.advance(100);
        expect(clock.pending).toBe(0);
      }),
    );
  });
});
