// RFC 3263 for UDP over a DNS made of tables.
import { describe, expect, test } from 'vitest';
import { type Dns, type ResolvedHop, Resolver, type ResolverOptions } from '../../src/routing/resolver.ts';
import { VirtualClock } from '../../src/time/clock.ts';

interface Zone {
  readonly naptr?: Record<
    string,
    readonly (readonly [order: number, preference: number, service: string, to: string])[]
  >;
  readonly srv?: Record<
    string,
    readonly (readonly [priority: number, weight: number, port: number, name: string])[]
  >;
  readonly a?: Record<string, readonly (readonly [address: string, ttl: number])[]>;
  readonly aaaa?: Record<string, readonly (readonly [address: string, ttl: number])[]>;
  readonly hosts?: Record<string, readonly string[]>;
}

class World {
  readonly clock = new VirtualClock();
  readonly asked: string[] = [];
  readonly resolver: Resolver;
  zone: Zone;
  /** While set, nothing is answered. */
  hold: Promise<void> | undefined;

  constructor(zone: Zone, options: Partial<ResolverOptions> = {}) {
    this.zone = zone;
    const ask = async <T, R>(
      kind: keyof Zone,
      name: string,
      found: (zone: Zone) => readonly T[] | undefined,
      make: (it: T) => R,
    ) => {
      this.asked.push(`${kind} ${name}`);
      await this.hold;
      const records = found(this.zone);
      if (records === undefined) throw new Error('ENOTFOUND');
      return records.map(make);
    };
    const dns: Dns = {
      naptr: (name) =>
        ask(
          'naptr',
          name,
          (z) => z.naptr?.[name],
          ([order, preference, service, replacement]) => ({
            flags: 's',
            service,
            regexp: '',
            replacement,
            order,
            preference,
          }),
        ),
      srv: (name) =>
        ask(
          'srv',
          name,
          (z) => z.srv?.[name],
          ([priority, weight, port, to]) => ({ priority, weight, port, name: to }),
        ),
      a: (name) =>
        ask(
          'a',
          name,
          (z) => z.a?.[name],
          ([address, ttl]) => ({ address, ttl }),
        ),
      aaaa: (name) =>
        ask(
          'aaaa',
          name,
          (z) => z.aaaa?.[name],
          ([address, ttl]) => ({ address, ttl }),
        ),
      hosts: (name) =>
        ask(
          'hosts',
          name,
          (z) => z.hosts?.[name],
          (it) => it,
        ),
    };
    this.resolver = new Resolver({ clock: this.clock, dns, random: () => 0, ...options });
  }

  resolve(host: string, port?: number): Promise<ResolvedHop | undefined> {
    return new Promise((done) => this.resolver.resolve(host, port, done));
  }

  /** What is known already; 'later' when it must be asked. */
  now(host: string, port?: number): ResolvedHop | undefined | 'later' {
    let result: ResolvedHop | undefined | 'later' = 'later';
    this.resolver.resolve(host, port, (hop) => {
      result = hop;
    });
    return result;
  }
}

const A = { a: { 'h.example': [['192.0.2.7', 30]] } } as const;

describe('what is asked', () => {
  test('a numeric host asks nothing and is answered at once', () => {
    const world = new World({});
    expect(world.now('192.0.2.1')).toEqual({ address: '192.0.2.1', port: 5060 });
    expect(world.now('192.0.2.1', 5090)).toEqual({ address: '192.0.2.1', port: 5090 });
    expect(world.now('[2001:DB8::1]')).toEqual({ address: '2001:db8::1', port: 5060 });
    expect(world.asked).toEqual([]);
  });

  test('with a port only addresses are asked for', async () => {
    const world = new World({ ...A, srv: { '_sip._udp.h.example': [[0, 0, 5080, 'other.example']] } });
    expect(await world.resolve('H.example.', 5070)).toEqual({ address: '192.0.2.7', port: 5070 });
    expect(world.asked).toEqual(['a h.example', 'aaaa h.example']);
  });

  test('NAPTR for UDP leads to its SRV, by order and preference', async () => {
    const world = new World({
      ...A,
      naptr: {
        'example.com': [
          [10, 50, 'SIP+D2T', '_sip._tcp.example.com'],
          [30, 10, 'SIP+D2U', 'third.example.com'],
          [20, 20, 'SIP+D2U', 'second.example.com'],
          [20, 10, 'sip+d2u', 'first.example.com'],
        ],
      },
      srv: {
        'first.example.com': [[1, 0, 5083, 'h.example']],
        'second.example.com': [[1, 0, 1, 'h.example']],
      },
    });
    expect(await world.resolve('example.com')).toEqual({ address: '192.0.2.7', port: 5083 });
    expect(world.asked.slice(0, 2)).toEqual(['naptr example.com', 'srv first.example.com']);
  });

  test('without NAPTR the SRV record of the domain is asked for', async () => {
    const world = new World({ ...A, srv: { '_sip._udp.example.com': [[0, 0, 5080, 'h.example']] } });
    expect(await world.resolve('example.com')).toEqual({ address: '192.0.2.7', port: 5080 });
  });

  test('without SRV the host itself on 5060', async () => {
    const world = new World(A);
    expect(await world.resolve('h.example')).toEqual({ address: '192.0.2.7', port: 5060 });
  });

  test('IPv6 when there is no IPv4, or none that can be reached', async () => {
    const aaaa = { 'h.example': [['2001:db8::7', 30]] } as const;
    expect(await new World({ aaaa }).resolve('h.example')).toEqual({ address: '2001:db8::7', port: 5060 });
    const reachable = (address: string) => address.includes(':');
    const world = new World({ ...A, aaaa }, { reachable });
    expect(await world.resolve('h.example')).toEqual({ address: '2001:db8::7', port: 5060 });
    expect(await new World(A, { reachable }).resolve('h.example')).toBeUndefined();
  });

  test('what only the hosts file knows is found', async () => {
    const world = new World({ hosts: { printer: ['10.0.0.9'] } });
    expect(await world.resolve('printer', 5061)).toEqual({ address: '10.0.0.9', port: 5061 });
  });

  test('a service that is not offered leads nowhere, whatever addresses there are', async () => {
    const world = new World({ ...A, srv: { '_sip._udp.h.example': [[0, 0, 0, '.']] } });
    expect(await world.resolve('h.example')).toBeUndefined();
  });
});

describe('RFC 2782: which SRV record', () => {
  const zone: Zone = {
    srv: {
      '_sip._udp.example.com': [
        [20, 100, 5060, 'backup.example'],
        [10, 1, 5060, 'light.example'],
        [10, 3, 5060, 'heavy.example'],
      ],
    },
    a: {
      'backup.example': [['192.0.2.1', 60]],
      'light.example': [['192.0.2.2', 60]],
      'heavy.example': [['192.0.2.3', 60]],
    },
  };

  test.each([
    [0, '192.0.2.2'],
    [0.24, '192.0.2.2'],
    [0.25, '192.0.2.3'],
    [0.999, '192.0.2.3'],
  ])('of the lowest priority, by weight (chance %d)', async (chance, address) => {
    expect((await new World(zone, { random: () => chance }).resolve('example.com'))?.address).toBe(address);
  });

  test('one whose name leads nowhere is passed over', async () => {
    const world = new World({ ...zone, a: { 'backup.example': [['192.0.2.1', 60]] } });
    expect((await world.resolve('example.com'))?.address).toBe('192.0.2.1');
  });
});

describe('what is remembered', () => {
  test('an answer for its TTL, to the millisecond, and then it is asked anew', async () => {
    const world = new World(A);
    await world.resolve('h.example', 1);
    world.clock.advance(29_999);
    expect(world.now('h.example', 1)).toEqual({ address: '192.0.2.7', port: 1 });
    world.clock.advance(1);
    expect(world.now('h.example', 1)).toBe('later');
  });

  test('no TTL is longer than a minute or shorter than a second', async () => {
    const world = new World({ a: { long: [['192.0.2.7', 86_400]], short: [['192.0.2.8', 0]] } });
    await world.resolve('long', 1);
    await world.resolve('short', 1);
    world.clock.advance(999);
    expect(world.now('short', 1)).not.toBe('later');
    world.clock.advance(1);
    expect(world.now('short', 1)).toBe('later');
    world.clock.advance(58_999);
    expect(world.now('long', 1)).not.toBe('later');
    world.clock.advance(1);
    expect(world.now('long', 1)).toBe('later');
  });

  test('a failure for five seconds', async () => {
    const world = new World({});
    expect(await world.resolve('gone.example')).toBeUndefined();
    world.zone = { a: { 'gone.example': [['192.0.2.7', 60]] } };
    world.clock.advance(4_999);
    expect(world.now('gone.example')).toBeUndefined();
    world.clock.advance(1);
    expect((await world.resolve('gone.example'))?.address).toBe('192.0.2.7');
  });

  test('no more names than allowed: the oldest goes', async () => {
    const world = new World({ hosts: { a: ['10.0.0.1'], b: ['10.0.0.2'], c: ['10.0.0.3'] } }, { size: 2 });
    for (const name of ['a', 'b', 'c']) await world.resolve(name, 1);
    expect(['b', 'c'].map((name) => world.now(name, 1) === 'later')).toEqual([false, false]);
    expect(world.now('a', 1)).toBe('later');
  });
});

describe('waiting', () => {
  const held = () => {
    let release = () => {};
    const hold = new Promise<void>((done) => {
      release = done;
    });
    return { hold, release };
  };

  test('who asks for the same name meanwhile waits for the same answer', async () => {
    const world = new World(A);
    const both = [world.resolve('h.example', 1), world.resolve('h.example', 1)];
    expect(await Promise.all(both)).toEqual([
      { address: '192.0.2.7', port: 1 },
      { address: '192.0.2.7', port: 1 },
    ]);
    expect(world.asked).toHaveLength(2);
  });

  test('a silent DNS is given up after the time-out, not before; its late answer counts for the next', async () => {
    const world = new World(A);
    const { hold, release } = held();
    world.hold = hold;
    const results: unknown[] = [];
    world.resolver.resolve('h.example', 1, (hop) => results.push(hop));
    world.clock.advance(4_999);
    expect(results).toEqual([]);
    world.clock.advance(1);
    expect(results).toEqual([undefined]);
    release();
    await new Promise(setImmediate);
    expect(world.now('h.example', 1)).toEqual({ address: '192.0.2.7', port: 1 });
    expect(results).toHaveLength(1);
    expect(world.clock.pending).toBe(0);
  });

  test('a late failure makes nobody forget what was found since', async () => {
    const world = new World(A);
    const { hold, release } = held();
    world.hold = hold;
    world.now('h.example', 1);
    world.clock.advance(10_000);
    world.hold = undefined;
    expect(await world.resolve('h.example', 1)).toEqual({ address: '192.0.2.7', port: 1 });
    world.zone = {};
    release();
    await new Promise(setImmediate);
    expect(world.now('h.example', 1)).toEqual({ address: '192.0.2.7', port: 1 });
  });

  test('a late answer of a first question does not disturb who waits for the second', async () => {
    const world = new World(A);
    const first = held();
    world.hold = first.hold;
    world.now('h.example', 1);
    world.clock.advance(10_000);
    const second = held();
    world.hold = second.hold;
    const results: unknown[] = [];
    world.resolver.resolve('h.example', 1, (hop) => results.push(hop));
    first.release();
    await new Promise(setImmediate);
    expect(results).toEqual([]);
    second.release();
    await new Promise(setImmediate);
    expect(results).toEqual([{ address: '192.0.2.7', port: 1 }]);
    expect(world.clock.pending).toBe(0);
  });

  test('too many names at once: a further one leads nowhere, and is asked for later', async () => {
    const world = new World(A, { pending: 1 });
    const { hold, release } = held();
    world.hold = hold;
    const first = world.resolve('slow.example', 1);
    expect(world.now('h.example', 1)).toBeUndefined();
    release();
    await first;
    expect((await world.resolve('h.example', 1))?.address).toBe('192.0.2.7');
  });

  test('a DNS that throws at once leads nowhere', async () => {
    const fail = () => {
      throw new Error('EBADNAME');
    };
    const world = new World({}, { dns: { naptr: fail, srv: fail, a: fail, aaaa: fail, hosts: fail } });
    expect(await world.resolve('h.example')).toBeUndefined();
  });
});

test('nobody is asked about localhost', async () => {
  const world = new World({ a: { localhost: [['192.0.2.7', 60]] } });
  expect(await world.resolve('localhost', 5070)).toEqual({ address: '127.0.0.1', port: 5070 });
  expect(await world.resolve('box.localhost')).toEqual({ address: '127.0.0.1', port: 5060 });
  expect(world.asked).toEqual([]);
});
