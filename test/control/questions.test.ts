import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask } from '../../src/control/client.ts';
import { openControl } from '../../src/control/control.ts';
import { Histories } from '../../src/control/history.ts';
import type { Question } from '../../src/control/lines.ts';
import { CallRecords } from '../../src/journal/call-record.ts';
import { callUp, World } from '../system/world.ts';

/** The world's server with a control socket; what is asked is asked over it. */
async function office() {
  const world = new World();
  const folder = mkdtempSync(join(tmpdir(), 'callchart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const calls = new CallRecords();
  const histories = new Histories();
  let seen = 0;
  /** What a server does with each transition. */
  const observe = () => {
    for (; seen < world.transitions.length; seen++) {
      const transition = world.transitions[seen];
      if (transition === undefined) return;
      calls.take(transition);
      histories.take(transition);
    }
  };
  const now = () => world.clock.now();
  const onTrouble = (trouble: unknown) => {
    throw trouble;
  };
  const control = await openControl({
    folder,
    core: world.core,
    calls,
    histories,
    now,
    wall: now,
    onTrouble,
  });
  onTestFinished(() => control.close());
  const answer = async (question: Question): Promise<unknown[]> => {
    observe();
    const items: unknown[] = [];
    for await (const item of ask(folder, question)) items.push(item);
    return items;
  };
  const [alice, bob] = [world.phone('alice', '10.0.0.2'), world.phone('bob', '10.0.0.3')];
  alice.register({ headers: ['Expires: 600'] });
  bob.register({ headers: ['Expires: 300'] });
  return { world, folder, answer, alice, bob, lens: control.lens };
}

const iso = (at: number) => new Date(at).toISOString();

describe('calls', () => {
  it('are those that live, with what is known of them so far', async () => {
    const { world, answer, alice, bob } = await office();
    expect(await answer({ ask: 'calls' })).toEqual([]);
    const began = world.clock.now();
    const { dialog } = callUp(world, alice, bob);
    world.advance(61_000);
    expect(await answer({ ask: 'calls' })).toEqual([
      {
        callId: dialog.callId,
        machine: 'dialog',
        parties: { from: alice.aor, to: bob.aor },
        state: 'confirmed.media.audio|transfer.idle',
        started: iso(began),
        ringing: iso(began),
        answered: iso(began),
        talkMs: 61_000,
        video: false,
        transitions: 3,
      },
    ]);
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    expect(await answer({ ask: 'calls' })).toEqual([]);
  });

  it('are subscriptions, too', async () => {
    const { answer, alice, bob } = await office();
    alice.request('SUBSCRIBE', { to: bob.aor, headers: ['Event: presence', 'Expires: 60'] });
    expect(await answer({ ask: 'calls' })).toMatchObject([{ machine: 'subscription', state: 'subscribing' }]);
  });
});

describe('one call', () => {
  it('tells its states with times and causes', async () => {
    const { world, answer, alice, bob } = await office();
    const began = world.clock.now();
    const { dialog, back } = callUp(world, alice, bob);
    world.advance(1500);
    bob.request('BYE', { ...back, cseq: 1 });
    const [call] = await answer({ ask: 'call', callId: dialog.callId });
    expect(call).toMatchObject({ state: 'terminating', talkMs: 1500 });
    expect((call as { states: unknown }).states).toEqual([
      { time: iso(began), state: 'trying', cause: 'INVITE', by: 'caller' },
      { time: iso(began), state: 'ringing', cause: '180' },
      { time: iso(began), state: 'confirmed.media.audio|transfer.idle', cause: '200' },
      { time: iso(began + 1500), state: 'terminating', cause: 'BYE', by: 'callee' },
    ]);
  });

  it('is found by the beginning of its Call-ID when no other begins so', async () => {
    const { answer, alice, bob } = await office();
    for (const callId of ['abc-1', 'abc-12', 'xyz']) alice.request('INVITE', { to: bob.aor, callId });
    expect(await answer({ ask: 'call', callId: 'x' })).toMatchObject([{ callId: 'xyz' }]);
    expect(await answer({ ask: 'call', callId: 'abc-1' })).toMatchObject([{ callId: 'abc-1' }]);
    await expect(answer({ ask: 'call', callId: 'abc' })).rejects.toMatchObject({ reason: 'unclear-call' });
    await expect(answer({ ask: 'call', callId: 'b' })).rejects.toMatchObject({ reason: 'unknown-call' });
  });

  it.each([{}, { callId: 5 }, { callId: '' }])('asked for by %j is refused', async (wrong) => {
    const { answer } = await office();
    await expect(answer({ ask: 'call', ...wrong })).rejects.toMatchObject({ reason: 'bad-question' });
  });
});

describe('registrations', () => {
  it('are those that live', async () => {
    const { world, answer, alice, bob } = await office();
    world.advance(100_500);
    const of = (phone: typeof alice, seconds: number) => ({
      aor: phone.aor,
      contact: phone.contact,
      expires: iso(world.clock.now() + seconds * 1000 - 500),
      expiresIn: seconds,
      q: 1,
      from: { transport: 'udp', host: phone.address, port: 5060 },
      follow: 'contact',
    });
    expect(await answer({ ask: 'registrations' })).toEqual([of(alice, 500), of(bob, 200)]);
    world.advance(200_000);
    expect(await answer({ ask: 'registrations' })).toMatchObject([{ aor: alice.aor }]);
  });
});

describe('drops', () => {
  it('are counted by reason, each with its meaning', async () => {
    const { world, answer } = await office();
    expect(await answer({ ask: 'drops' })).toEqual([]);
    for (let i = 0; i < 3; i++) world.receive('nonsense\r\n\r\n', { address: '10.0.0.9', port: 5060 });
    expect(await answer({ ask: 'drops' })).toEqual([
      { reason: 'malformed', count: 3, why: expect.stringMatching(/\w+ \w+/) },
    ]);
  });
});

describe('the inspector', () => {
  it('hears of the chosen call until it is over, and then nothing more', async () => {
    const { world, folder, alice, bob, lens } = await office();
    const { dialog } = callUp(world, alice, bob);
    callUp(world, bob, alice);
    const answers = ask(folder, { ask: 'inspect', callId: dialog.callId }, { patience: 0 });
    expect((await answers.next()).value).toMatchObject({
      type: '@xstate.actor',
      name: `dialog ${dialog.callId}`,
      snapshot: { value: { confirmed: { media: 'audio', transfer: 'idle' } }, status: 'active' },
    });
    expect((await answers.next()).value).toEqual({ watching: true });
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    const told: unknown[] = [];
    for await (const item of answers) told.push(item);
    expect(told).toMatchObject([
      { type: '@xstate.event', event: { type: 'request.bye', side: 'caller' } },
      { type: '@xstate.snapshot', snapshot: { value: 'terminating' } },
      { type: '@xstate.event', event: { type: 'bye.answered' } },
      { type: '@xstate.snapshot', snapshot: { value: 'terminated', status: 'done' } },
    ]);
    expect(lens.attached).toBe(0);
  });

  it('is detached when whoever asked has gone', async () => {
    const { world, folder, alice, bob, lens } = await office();
    callUp(world, alice, bob);
    const stop = new AbortController();
    const answers = ask(folder, { ask: 'inspect', user: 'alice' }, { patience: 0, signal: stop.signal });
    await answers.next();
    expect(lens.attached).toBe(1);
    expect(world.core.supervisor.onDialog).toBeDefined();
    stop.abort();
    await vi.waitFor(() => expect(lens.attached).toBe(0), 5000);
    expect(world.core.supervisor.onDialog).toBeUndefined();
  });

  it.each([{}, { next: 0 }, { next: 1.5 }, { next: '1' }, { user: '' }])(
    'asked for %j is refused',
    async (wrong) => {
      const { answer } = await office();
      await expect(answer({ ask: 'inspect', ...wrong })).rejects.toMatchObject({ reason: 'bad-question' });
    },
  );

  it('of a call that there is not is refused', async () => {
    const { answer } = await office();
    await expect(answer({ ask: 'inspect', callId: 'x' })).rejects.toMatchObject({ reason: 'unknown-call' });
  });
});
