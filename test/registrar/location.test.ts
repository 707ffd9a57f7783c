// The bindings and their indexes: visible together, gone together, and nothing stays behind.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BindingFields } from '../../src/registrar/binding.ts';
import { Location } from '../../src/registrar/location.ts';
import { VirtualClock } from '../../src/time/clock.ts';
import { alice, aor, flow, from, Office } from './office.ts';

const fields = (more: Partial<BindingFields> = {}): BindingFields => ({
  aor: alice,
  uri: 'sip:alice@192.0.2.10:5060',
  contact: '<sip:alice@192.0.2.10:5060>',
  q: 1000,
  callId: 'one',
  cseq: 1,
  expiresAt: 1000,
  flow,
  path: [],
  follow: 'contact',
  instance: undefined,
  regId: undefined,
  address: '192.0.2.10 5060',
  ...more,
});

describe('addresses', () => {
  test('Contact and flow both lead to the binding, while it lives', () => {
    const office = new Office();
    office.send(['<sip:alice@192.168.1.5:5070>;expires=60'], { flow: from('203.0.113.9', 41000) });
    const [binding] = office.location.lookup(alice);
    expect(office.location.isBoundAddress('192.168.1.5', 5070)).toBe(binding);
    expect(office.location.isBoundAddress('203.0.113.9', 41000)).toBe(binding);
    expect(office.location.isBoundAddress('203.0.113.9', 5070)).toBeUndefined();
    expect(office.location.isBoundAddress('192.168.1.5', 5060)).toBeUndefined();
    office.clock.advance(60_000);
    expect(office.location.isBoundAddress('203.0.113.9', 41000)).toBeUndefined();
    expect(office.location.addresses).toBe(0);
  });

  test('several behind one address: the newest, then the one that is left', () => {
    const office = new Office();
    const contact = '<sip:x@192.0.2.10:5060>';
    for (const user of ['a', 'b', 'c']) office.send([contact], { to: `sip:${user}@example.com` });
    const there = () => office.location.isBoundAddress('192.0.2.10', 5060)?.aor;
    expect(there()).toBe('sip:c@example.com');
    office.send([`${contact};expires=0`], { to: 'sip:b@example.com' });
    office.send([`${contact};expires=0`], { to: 'sip:c@example.com' });
    expect(there()).toBe('sip:a@example.com');
    office.send([`${contact};expires=0`], { to: 'sip:a@example.com' });
    expect(there()).toBeUndefined();
  });

  test.each([
    ['[2001:DB8::A]', '2001:db8::a', '2001:db8::a'],
    ['[fe80::1]', 'fe80::1%eth0', 'fe80::1'],
    ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207'],
  ])('%s from %s is found as %s', (host, remote, asked) => {
    const office = new Office();
    office.send([`<sip:alice@${host}:5060>`], { flow: from(remote, 5060) });
    expect(office.location.isBoundAddress(asked, 5060)?.aor).toBe(alice);
    expect(office.location.addresses).toBe(1);
  });
});

describe('changes', () => {
  test('a list that was looked up stays as it was', () => {
    const office = new Office();
    office.send(['<sip:a@h1>']);
    const before = office.location.lookup(alice);
    office.send(['<sip:b@h1>', '<sip:a@h1>;expires=0']);
    expect(before.map(({ uri }) => uri)).toEqual(['sip:a@h1']);
  });

  test('listeners hear of a change when all of it is visible, until they leave', () => {
    const office = new Office();
    const seen: number[] = [];
    const leave = office.location.onChange(() => seen.push(office.location.size));
    office.send(['<sip:a@h1>', '<sip:b@h1>']);
    expect(seen).toEqual([2, 2]);
    leave();
    office.send(['<sip:c@h1>']);
    expect(seen).toHaveLength(2);
  });

  test('what has ended before is removed without harm', () => {
    const clock = new VirtualClock();
    const location = new Location({ clock });
    location.replace(alice, [{ old: undefined, fresh: fields() }]);
    const [old] = location.lookup(alice);
    clock.advance(1000);
    location.replace(alice, [{ old, fresh: undefined }]);
    expect([location.size, location.aors, location.addresses]).toEqual([0, 0, 0]);
  });
});

describe('time', () => {
  test('a lookup at the last millisecond leaves out what the timer has not yet taken', () => {
    const late = { now: () => late.time, after: () => ({ cancel: () => {} }), time: 0 };
    const location = new Location({ clock: late });
    location.replace(alice, [{ old: undefined, fresh: fields() }]);
    late.time = 999;
    expect(location.lookup(alice)).toHaveLength(1);
    expect([...location.all()]).toHaveLength(1);
    late.time = 1000;
    expect(location.lookup(alice)).toHaveLength(0);
    expect([...location.all()]).toHaveLength(0);
    expect(location.isBoundAddress('192.0.2.10', 5060)).toBeUndefined();
  });

  test('thousands that end at once are all told, each once, and leave one timer or none', () => {
    const clock = new VirtualClock();
    const location = new Location({ clock });
    let expired = 0;
    location.onChange((_, change) => {
      if (change === 'expired') expired++;
    });
    for (let i = 0; i < 5000; i++) {
      const who = aor(`sip:user${i}@example.com`);
      location.replace(who, [{ old: undefined, fresh: fields({ aor: who, expiresAt: 60_000 }) }]);
    }
    expect(clock.pending).toBe(1);
    clock.advance(59_999);
    expect(expired).toBe(0);
    clock.advance(1);
    expect(expired).toBe(5000);
    expect([location.size, location.aors, location.addresses, clock.pending]).toEqual([0, 0, 0, 0]);
  });

  test('closed, it leaves no timer', () => {
    const office = new Office();
    office.send(['<sip:a@h1>']);
    office.location.close();
    expect(office.clock.pending).toBe(0);
  });
});

interface Step {
  readonly kind: 'put' | 'remove' | 'wait';
  readonly user: number;
  readonly host: number;
  readonly source: number;
  readonly q: number;
  readonly seconds: number;
}

test('whatever happens, it agrees with a plain list', () => {
  const step = fc.record<Step>({
    kind: fc.constantFrom('put', 'put', 'remove', 'wait'),
    user: fc.nat(2),
    host: fc.nat(3),
    source: fc.nat(2),
    q: fc.constantFrom(0, 500, 1000),
    seconds: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new VirtualClock();
      const location = new Location({ clock });
      let model: BindingFields[] = [];
      const told = new Map<string, number>();
      location.onChange((_, change) => told.set(change, (told.get(change) ?? 0) + 1));
      for (const { kind, user, host, source, q, seconds } of steps) {
        const who = aor(`sip:u${user}@example.com`);
        const uri = `sip:u@10.0.0.${host}:5060`;
        const old = location.bindings(who).find((binding) => binding.uri === uri);
        if (kind === 'wait') clock.advance(seconds * 500);
        else if (kind === 'remove') {
          if (old !== undefined) location.replace(who, [{ old, fresh: undefined }]);
          model = model.filter((it) => it.aor !== who || it.uri !== uri);
        } else {
          const fresh = fields({
            aor: who,
            uri,
            q,
            address: `10.0.0.${host} 5060`,
            flow: from(`10.0.0.${source}`, 5060),
            expiresAt: clock.now() + seconds * 1000,
          });
          location.replace(who, [{ old, fresh }]);
          model = [fresh, ...model.filter((it) => it.aor !== who || it.uri !== uri)];
        }
        model = model.filter(({ expiresAt }) => expiresAt > clock.now());
        for (const each of [0, 1, 2].map((i) => aor(`sip:u${i}@example.com`))) {
          const expected = model.filter((it) => it.aor === each).toSorted((a, b) => b.q - a.q);
          expect(location.lookup(each).map(({ uri }) => uri)).toEqual(expected.map((it) => it.uri));
        }
        for (let i = 0; i < 4; i++) {
          const newest = model.find(
            (it) => it.address === `10.0.0.${i} 5060` || it.flow.remoteAddress === `10.0.0.${i}`,
          );
          const found = location.isBoundAddress(`10.0.0.${i}`, 5060);
          expect([found?.aor, found?.uri]).toEqual([newest?.aor, newest?.uri]);
        }
        expect(location.size).toBe(model.length);
      }
      clock.advance(20_000);
      expect([location.size, location.aors, location.addresses, clock.pending]).toEqual([0, 0, 0, 0]);
      const ended = (told.get('expired') ?? 0) + (told.get('removed') ?? 0);
      expect(ended).toBe(told.get('added') ?? 0);
    }),
    { numRuns: 200 },
  );
});
