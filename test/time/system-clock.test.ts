import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/time/clock.ts';

describe('real time', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('passes in whole milliseconds and never goes back', () => {
    const clock = systemClock();
    const first = clock.now();
    expect(Number.isInteger(first)).toBe(true);
    vi.advanceTimersByTime(7);
    expect(clock.now()).toBe(first + 7);
  });

  it('fires once, at the deadline', () => {
    const clock = systemClock();
    const fire = vi.fn();
    clock.after(500, fire);
    vi.advanceTimersByTime(499);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(fire).toHaveBeenCalledOnce();
  });

  it('fires no cancelled timer', () => {
    const clock = systemClock();
    const fire = vi.fn();
    const timer = clock.after(500, fire);
    timer.cancel();
    timer.cancel();
    vi.advanceTimersByTime(1000);
    expect(fire).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits longer than setTimeout can', () => {
    const clock = systemClock();
    const fire = vi.fn();
    const sixtyDays = 60 * 24 * 3_600_000;
    clock.after(sixtyDays, fire);
    vi.advanceTimersByTime(sixtyDays - 1);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledOnce();
    const timer = clock.after(sixtyDays, fire);
    vi.advanceTimersByTime(sixtyDays - 1);
    timer.cancel();
    vi.advanceTimersByTime(sixtyDays);
    expect(fire).toHaveBeenCalledOnce();
  });

  it('does not fire early when the timeout of the platform does', () => {
    const clock = systemClock();
    const fire = vi.fn();
    const started = clock.now();
    let ahead = 3;
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() - ahead);
    clock.after(100, () => fire(clock.now() - started));
    ahead = 6;
    vi.advanceTimersByTime(100);
    expect(fire).not.toHaveBeenCalled();
    vi.advanceTimersByTime(3);
    expect(fire).toHaveBeenCalledOnce();
    vi.restoreAllMocks();
  });

  it('does not swallow an error', () => {
    systemClock().after(1, () => {
      throw new Error('bug');
    });
    expect(() => vi.advanceTimersByTime(1)).toThrow('bug');
  });
});
