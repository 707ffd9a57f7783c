// Somebody puts the wall clock forward or back by an hour: what runs is not disturbed, what is restored lasts no longer.
import { describe, expect, it } from 'vitest';
import { Diary } from '../../src/journal/diary.ts';
import { WallTime } from '../../src/journal/wall-time.ts';
import { callUp, ringInTurn, SDP, World } from './world.ts';

const HOUR = 3_600_000;
const STEPS = [
  ['forward', HOUR],
  ['back', -HOUR],
] as const;

function world(config: Record<string, unknown> = {}) {
  const w = new World({ config });
  // No wall clock begins at the epoch.
  w.wallShift = 1_700_000_000_000;
  const alice = w.phone('alice', '10.0.0.2');
  const bob = w.phone('bob', '10.0.0.3');
  alice.register();
  bob.register();
  return { w, alice, bob };
}

describe.each(STEPS)('%s', (_, step) => {
  it('a phone rings as long as it may, and a registration lasts as long as it was given', () => {
    const { w, alice, bob } = world();
    alice.register({ headers: ['Expires: 600'] });
    alice.request('INVITE', { to: bob.aor, body: SDP.audio });
    bob.answer(bob.got('INVITE'), 180);
    w.wallShift += step;
    w.advance(180_999);
    expect(bob.heard).toEqual([]);
    w.advance(1);
    bob.got('CANCEL');
    w.advance(600_000 - 181_000 - 1);
    expect(w.core.location.size).toBe(2);
    w.advance(1);
    expect(w.core.location.size).toBe(1);
    w.expectSilence();
  });

  it('the diary has the wall time of the moment', () => {
    const { w, alice, bob } = world();
    const { dialog } = callUp(w, alice, bob);
    w.wallShift += step;
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    const last = w.transitions.at(-1);
    if (last === undefined) throw new Error('nothing was told');
    expect(last.at).toBe(w.clock.now() + w.wallShift);
    const diary = new Diary({ style: 'classic', zone: () => 0 });
    const lines = w.transitions.map((transition) => diary.lines(transition)).join('');
    const time = new WallTime(() => 0).local(last.at);
    expect(lines.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`^${time}: \tCall Has Ended`));
  });

  it('before the server is killed: what it had taken in is there, with the time that was left', () => {
    const { w, alice, bob } = world({ timers: { life: '30m' } });
    alice.register({ headers: ['Expires: 600'] });
    callUp(w, alice, bob);
    w.wallShift += step;
    w.receive('\r\n\r\n', alice);
    w.kill();
    expect(w.core.location.size).toBe(2);
    expect(w.core.supervisor.size).toBe(1);
    w.advance(599_999);
    expect(w.core.location.size).toBe(2);
    w.advance(1);
    expect(w.core.location.size).toBe(1);
    w.advance(1_200_000 - 1);
    expect(w.core.supervisor.size).toBe(1);
    w.advance(1);
    expect(w.core.supervisor.size).toBe(0);
    w.expectSilence();
  });

  it('the next phone rings when its turn comes, also after a restart', () => {
    const { w, alice, bob } = world();
    const carol = ringInTurn(w, alice, bob);
    w.wallShift += step;
    alice.register();
    w.kill();
    w.advance(29_000);
    expect(carol.heard).toEqual([]);
    w.advance(2000);
    carol.got('INVITE');
  });
});

it('back while no server runs: nothing lasts longer than when it was kept', () => {
  const { w, alice, bob } = world({ timers: { life: '30m' } });
  alice.register({ headers: ['Expires: 600'] });
  callUp(w, alice, bob);
  w.wallShift -= HOUR;
  w.kill();
  w.advance(599_999);
  expect(w.core.location.size).toBe(2);
  w.advance(1);
  expect(w.core.location.size).toBe(1);
  w.advance(1_200_000);
  expect(w.core.supervisor.size).toBe(0);
  expect(w.transitions.at(-1)?.cause).toBe('timer life');
  w.expectSilence();
});

it.each([
  ['life', [], 1_800_000],
  ['session', ['Session-Expires: 600'], 632_000],
])('back while no server runs: a call has its %s once more at most', (_, headers, ms) => {
  const { w, alice, bob } = world({ timers: { life: '30m' } });
  callUp(w, alice, bob, SDP.audio, SDP.audio, headers);
  w.advance(60_000);
  w.wallShift -= HOUR;
  w.kill();
  w.advance(ms - 1);
  expect(w.core.supervisor.size).toBe(1);
  w.advance(1);
  expect(w.core.supervisor.size).toBe(0);
  expect(w.transitions.at(-1)?.cause).toBe('timer life');
  w.expectSilence();
});

it('back by less than a call had lasted: it has no more than was left of its life', () => {
  const { w, alice, bob } = world({ timers: { life: '2h' } });
  callUp(w, alice, bob);
  w.advance(1.5 * HOUR);
  w.wallShift -= HOUR;
  w.kill();
  // by the wall clock it has lasted half an hour
  w.advance(1.5 * HOUR - 1);
  expect(w.core.supervisor.size).toBe(1);
  w.advance(1);
  expect(w.core.supervisor.size).toBe(0);
  w.expectSilence();
});

it('back while no server runs: the next phone rings no later than it would have', () => {
  const { w, alice, bob } = world();
  const carol = ringInTurn(w, alice, bob);
  w.wallShift -= HOUR;
  w.kill();
  w.advance(30_000);
  carol.got('INVITE');
});

it('forward while no server runs: what came due meanwhile is over at once, and told once', () => {
  const { w, alice, bob } = world();
  alice.register({ headers: ['Expires: 600'] });
  alice.request('INVITE', { to: bob.aor, body: SDP.audio });
  const atBob = bob.got('INVITE');
  bob.answer(atBob, 180);
  w.wallShift += HOUR;
  w.kill();
  expect(w.core.location.size).toBe(0);
  bob.answer(bob.got('CANCEL'), 200);
  bob.answer(atBob, 487);
  alice.response('INVITE', 408);
  expect(w.diary.filter((line) => line.includes('Not Answered'))).toHaveLength(1);
  w.expectSilence();
});
