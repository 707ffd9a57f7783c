import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Timer, VirtualClock } from '../../src/time/clock.ts';

describe('virtual time', () => {
  it('stands still until it is told to pass', () => {
    const clock = new VirtualClock(100);
    expect(clock.now()).toBe(100);
    clock.advance(5);
    expect(clock.now()).toBe(105);
    clock.runUntil(50);
    expect(clock.now()).toBe(105);
  });

  it('fires a timer at its deadline and not a millisecond early, once', () => {
    const clock = new VirtualClock();
    let fired = 0;
    clock.after(500, () => fired++);
    clock.advance(499);
    expect([fired, clock.pending, clock.next()]).toEqual([0, 1, 500]);
    clock.advance(1);
    expect([fired, clock.pending, clock.next()]).toEqual([1, 0, undefined]);
    clock.advance(1000);
    expect(fired).toBe(1);
  });

  it('stops at each deadline on the way: every timer sees its own time', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    for (const ms of [30, 10, 20]) clock.after(ms, () => seen.push(clock.now()));
    clock.advance(1000);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.now()).toBe(1000);
  });

  it('fires timers of the same deadline in the order they were started', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(10, () => seen.push('a'));
    clock.after(20, () => seen.push('last'));
    clock.advance(5);
    clock.after(5, () => seen.push('b'));
    clock.after(5, () => seen.push('c'));
    clock.advance(100);
    expect(seen).toEqual(['a', 'b', 'c', 'last']);
  });

  it('fires what a timer starts for now, or for the way that is left, in the same pass', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(10, () => {
      seen.push('first');
      clock.after(0, () => seen.push(`for now at ${clock.now()}`));
      clock.after(5, () => seen.push(`for later at ${clock.now()}`));
      clock.after(500, () => seen.push('never'));
    });
    clock.after(10, () => seen.push('second'));
    clock.advance(20);
    expect(seen).toEqual(['first', 'second', 'for now at 10', 'for later at 15']);
    expect(clock.pending).toBe(1);
  });

  it('fires no cancelled timer, also when it is cancelled at its own deadline by another', () => {
    const clock = new VirtualClock();
    let fired = 0;
    const timers: Timer[] = [];
    clock.after(10, () => timers[0]?.cancel());
    timers.push(clock.after(10, () => fired++));
    timers.push(clock.after(20, () => fired++));
    timers[1]?.cancel();
    timers[1]?.cancel();
    expect(clock.pending).toBe(2);
    clock.advance(100);
    timers[0]?.cancel();
    expect([fired, clock.pending]).toEqual([0, 0]);
  });

  it('takes less than nothing for nothing', () => {
    const clock = new VirtualClock();
    let fired = 0;
    clock.after(-5, () => fired++);
    clock.after(Number.NaN, () => fired++);
    clock.advance(0);
    expect(fired).toBe(2);
    expect(clock.now()).toBe(0);
  });

  it('lets an error out, with time at its deadline and the other timers in place', () => {
    const clock = new VirtualClock();
    let fired = 0;
    clock.after(10, () => {
      throw new Error('bug');
    });
    clock.after(10, () => fired++);
    expect(() => clock.advance(100)).toThrow('bug');
    expect([clock.now(), clock.pending]).toEqual([10, 1]);
    clock.advance(0);
    expect(fired).toBe(1);
  });

  it('may be moved on from within a timer', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    clock.after(10, () => clock.advance(50));
    clock.after(30, () => seen.push(clock.now()));
    clock.advance(20);
    expect(seen).toEqual([30]);
    expect(clock.now()).toBe(60);
  });

  it('is not slowed down by 100,000 timers', () => {
    const clock = new VirtualClock();
    let fired = 0;
    let last = 0;
    let early = 0;
    const cancelled: Timer[] = [];
    for (let i = 0; i < 100_000; i++) {
      const ms = (i * 7919) % 100_003;
      const timer = clock.after(ms, () => {
        if (ms < last) early++;
        last = ms;
        fired++;
      });
      if (i % 2 === 0) cancelled.push(timer);
    }
    for (const timer of cancelled) timer.cancel();
    expect(clock.pending).toBe(50_000);
    clock.advance(100_003);
    expect([fired, early, clock.pending]).toEqual([50_000, 0, 0]);
  }, 10_000);

  it('agrees with a sorted list, whatever is started, cancelled and waited for', () => {
    const step = fc.oneof(
      fc.record({ start: fc.nat(50) }),
      fc.record({ cancel: fc.nat(30) }),
      fc.record({ wait: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = new VirtualClock();
        const fired: number[] = [];
        const timers: Timer[] = [];
        let waiting: { deadline: number; id: number }[] = [];
        const expected: number[] = [];
        for (const s of steps) {
          if ('start' in s) {
            const id = timers.length;
            timers.push(clock.after(s.start, () => fired.push(id)));
            waiting.push({ deadline: clock.now() + s.start, id });
          } else if ('cancel' in s) {
            timers[s.cancel]?.cancel();
            waiting = waiting.filter(({ id }) => id !== s.cancel);
          } else {
            clock.advance(s.wait);
            const due = waiting.filter(({ deadline }) => deadline <= clock.now());
            due.sort((a, b) => a.deadline - b.deadline || a.id - b.id);
            expected.push(...due.map(({ id }) => id));
            waiting = waiting.filter(({ deadline }) => deadline > clock.now());
          }
          expect(clock.pending).toBe(waiting.length);
        }
        expect(fired).toEqual(expected);
      }),
    );
  });
});
