// Another configuration for a running server: what it decides is decided anew, what is under way goes on.
import { describe, expect, test } from 'vitest';
import { Users } from '../../src/auth/users.ts';
import { Caretaker, type CaretakerParts } from '../../src/caretaker.ts';
import { type Config, configSchema } from '../../src/config/config.ts';
import { callUp, World } from './world.ts';

function office(config: Record<string, unknown> = {}) {
  const world = new World({ config });
  const [alice, bob] = [world.phone('alice', '10.0.0.2'), world.phone('bob', '10.0.0.3')];
  alice.register();
  bob.register();
  const update = (next: Record<string, unknown>) => {
    const parsed: Config = configSchema.parse({ domains: ['example.org'], ...next });
    world.core.update(parsed, new Users(parsed.auth.users));
  };
  return { world, alice, bob, update };
}

describe('a call that is up outlives a reload', () => {
  test('and requests inside it need no password that is asked for since', () => {
    const { world, alice, bob, update } = office();
    const { dialog } = callUp(world, alice, bob);
    update({ auth: 'required' });
    alice.request('BYE', { ...dialog, cseq: 2 });
    bob.answer(bob.got('BYE'), 200);
    expect(alice.response('BYE').status).toBe(200);
    world.expectSilence();
  });

  test('and ends by the longest silence that held when it began', () => {
    const { world, alice, bob, update } = office({ timers: { life: '1h' } });
    callUp(world, alice, bob);
    update({ timers: { life: '10h' } });
    world.advance(3_599_000);
    expect(world.core.supervisor.size).toBe(1);
    world.advance(2000);
    expect(world.core.supervisor.size).toBe(0);
  });
});

describe('from then on', () => {
  test('passwords: asked for, of the users there are then', () => {
    const { alice, update } = office();
    update({ auth: 'required' });
    expect(alice.register().status).toBe(401);
    update({});
    expect(alice.register().status).toBe(200);
  });

  test('networks and open', () => {
    const { world, alice, update } = office();
    const stranger = world.phone('stranger', '203.0.113.9');
    expect(stranger.register().status).toBe(403);
    update({ open: true });
    expect(stranger.register().status).toBe(200);
    update({ networks: { allow: ['10.0.0.3'] } });
    expect(alice.register().status).toBe(403);
    update({ networks: { refuse: ['10.0.0.2'] } });
    alice.request('OPTIONS', { to: 'sip:example.org' });
    expect(alice.heard).toEqual([]);
  });

  test('callers', () => {
    const { world, bob, update } = office();
    const guest = world.phone('guest', '10.0.0.9');
    update({ callers: 'registered' });
    guest.request('INVITE', { to: bob.aor });
    guest.response('INVITE', 100);
    expect(guest.response('INVITE').status).toBe(400);
  });

  test('caps, and rates: who has had its share under the same rate has had it', () => {
    const { world, alice, bob, update } = office({ limits: { newCalls: '1/h' } });
    callUp(world, alice, bob);
    update({ limits: { newCalls: '1/h', calls: 1 } });
    const again = (status: number) => {
      alice.inbox.length = 0;
      alice.request('INVITE', { to: bob.aor });
      alice.response('INVITE', 100);
      expect(alice.response('INVITE').status).toBe(status);
    };
    again(503);
    expect(world.core.drops.get('rate-calls')).toBe(1);
    update({ limits: { calls: 1 } });
    again(503);
    expect(world.core.drops.get('too-many-calls')).toBe(1);
    update({ limits: { newCalls: '1/h' } });
    alice.inbox.length = 0;
    alice.request('INVITE', { to: bob.aor });
    expect(bob.got('INVITE').method).toBe('INVITE');
  });

  test('transactions at once, scanners', () => {
    const { world, alice, update } = office();
    update({ limits: { transactions: 1, scanners: ['nosy'] } });
    alice.request('OPTIONS', { to: 'sip:example.org', headers: ['User-Agent: Nosy/1'] });
    expect(alice.heard).toEqual([]);
    alice.request('OPTIONS', { to: 'sip:example.org' });
    expect(alice.response('OPTIONS').status).toBe(503);
    expect(Object.fromEntries(world.core.drops)).toEqual({ scanner: 1, overload: 1 });
  });

  test('outbound', () => {
    const { world, alice, update } = office();
    const far = world.phone('far', '198.51.100.7');
    const call = () => alice.request('MESSAGE', { to: 'sip:far@198.51.100.7' });
    call();
    expect(alice.response('MESSAGE').status).toBe(403);
    update({ outbound: ['198.51.100.0/24'] });
    call();
    expect(far.got('MESSAGE').method).toBe('MESSAGE');
  });

  test('the registrar', () => {
    const { alice, bob, update } = office();
    update({ registrar: { minExpires: 600, maxExpires: 900, defaultExpires: 700, maxContacts: 1 } });
    expect(alice.register().first('contact')).toContain('expires=700');
    expect(alice.register({ headers: ['Expires: 60'] }).status).toBe(423);
    expect(bob.register({ headers: ['Expires: 3600'] }).first('contact')).toContain('expires=900');
    expect(alice.register({ contact: 'sip:alice@10.0.0.2:5099' }).status).toBe(403);
    update({ limits: { bindings: 2 } });
    expect(alice.register({ contact: 'sip:alice@10.0.0.2:5099' }).status).toBe(503);
  });

  test('words and the answer for who is not there', () => {
    const { alice, update } = office();
    update({ phrases: { 404: 'Kto to je' }, unavailable: 404 });
    alice.request('MESSAGE', { to: 'sip:nobody@example.org' });
    expect(alice.response('MESSAGE', 404).reason).toBe('Kto to je');
  });

  test('domains', () => {
    const { alice, update } = office();
    update({ domains: ['example.net'] });
    alice.request('REGISTER', { uri: 'sip:example.net', to: 'sip:alice@example.net' });
    expect(alice.response('REGISTER').status).toBe(200);
    alice.request('MESSAGE', { to: 'sip:bob@example.org' });
    expect(alice.response('MESSAGE').status).toBe(403);
  });

  test.each([
    { ring: '20s', late: 20_000 },
    { ring: '400s', late: 400_000 },
  ])('a phone rings for $ring', ({ ring, late }) => {
    const { world, alice, bob, update } = office();
    update({ timers: { ring, life: '1h' } });
    alice.request('INVITE', { to: bob.aor });
    bob.answer(bob.got('INVITE'), 180);
    alice.inbox.length = 0;
    world.advance(late - 1);
    expect(bob.heard).toEqual([]);
    world.advance(1);
    expect(bob.got('CANCEL').method).toBe('CANCEL');
  });

  test('contacts of a lower q are tried after the time that holds', () => {
    const { world, alice, bob, update } = office();
    const desk = world.phone('bob', '10.0.0.33');
    desk.register({ contact: null, headers: ['Contact: <sip:bob@10.0.0.33:5060>;q=0.1'] });
    update({ timers: { serial: '5s' } });
    alice.request('INVITE', { to: bob.aor });
    const invite = bob.got('INVITE');
    bob.answer(invite, 180);
    world.advance(4999);
    expect(bob.heard).toEqual([]);
    world.advance(1);
    bob.answer(bob.got('CANCEL'), 200);
    bob.answer(invite, 487);
    expect(desk.got('INVITE').method).toBe('INVITE');
  });
});

test('what was told until then is kept before the journal uses other words', () => {
  const done: string[] = [];
  const note = (what: string) => () => void done.push(what);
  const config = configSchema.parse({});
  const log = { info: () => undefined, warn: () => undefined, level: 'info' };
  const parts = {
    core: { drain: { onOver: () => undefined }, update: note('core') },
    journal: { reopen: note('reopen'), update: note('journal') },
    users: { users: new Users([]) },
    ...{ config, folder: '/nowhere', log, now: () => 0 },
    load: () => ({ config }),
    store: { keep: note('keep') },
  };
  new Caretaker(parts as unknown as CaretakerParts).reload();
  expect(done).toEqual(['reopen', 'core', 'keep', 'journal']);
});
