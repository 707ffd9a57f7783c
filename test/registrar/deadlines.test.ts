// The heap of deadlines: each ends at its time, once, unless it was taken out.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from '../../src/registrar/deadlines.ts';
import { VirtualClock } from '../../src/time/clock.ts';

const item = (name: number, expiresAt: number) => ({ name, expiresAt, slot: 0 });

test('what was taken out does not end, all else ends at its own time', () => {
  const ends = fc.array(fc.nat(50), { maxLength: 40 });
  fc.assert(
    fc.property(ends, fc.array(fc.nat(39), { maxLength: 40 }), (times, taken) => {
      const clock = new VirtualClock();
      const ended: [number, number][] = [];
      const deadlines = new Deadlines<ReturnType<typeof item>>(clock, ({ name }) =>
        ended.push([clock.now(), name]),
      );
      const items = times.map((time, name) => item(name, time));
      for (const each of items) deadlines.add(each);
      for (const name of taken) {
        const one = items[name];
        if (one !== undefined) deadlines.delete(one);
      }
      const left = items.filter(({ name }) => !taken.includes(name));
      expect(deadlines.size).toBe(left.length);
      clock.advance(50);
      const byTime = (all: [number, number][]) => all.toSorted(([a, x], [b, y]) => a - b || x - y);
      expect(byTime(ended)).toEqual(byTime(left.map(({ expiresAt, name }) => [expiresAt, name])));
      expect(ended.map(([at]) => at)).toEqual(ended.map(([at]) => at).toSorted((a, b) => a - b));
      expect([deadlines.size, clock.pending]).toEqual([0, 0]);
    }),
    { numRuns: 500 },
  );
});

test('one that has ended is not there to be taken out', () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines<ReturnType<typeof item>>(clock, () => {});
  const first = item(1, 10);
  deadlines.add(first);
  clock.advance(10);
  deadlines.add(item(2, 20));
  deadlines.delete(first);
  expect(deadlines.size).toBe(1);
});

test('an earlier deadline moves the timer, a later one leaves it', () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines<ReturnType<typeof item>>(clock, () => {});
  deadlines.add(item(1, 20));
  deadlines.add(item(2, 10));
  deadlines.add(item(3, 30));
  expect([clock.next(), clock.pending]).toEqual([10, 1]);
  deadlines.close();
  expect(clock.pending).toBe(0);
});
