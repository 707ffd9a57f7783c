import { describe, expect, test } from 'vitest';
import { changesOf, NEEDS_RESTART } from '../../src/config/changes.ts';
import { configSchema } from '../../src/config/config.ts';
import { options } from '../../src/config/options.ts';

const parse = (raw: Record<string, unknown>) => configSchema.parse(raw);

describe('changes of a configuration', () => {
  test('none: nothing is named', () => {
    expect(changesOf(parse({}), parse({}))).toMatchObject({ applied: [], restart: [] });
  });

  test('are named by what stands in the file, users too', () => {
    const next = parse({
      callers: 'registered',
      timers: { ring: '4m' },
      auth: { users: [{ user: 'a', password: 'b' }] },
    });
    expect(changesOf(parse({}), next).applied.toSorted()).toEqual(['auth.users', 'callers', 'timers.ring']);
    const other = parse({ auth: { users: [{ user: 'a', password: 'c' }] } });
    expect(changesOf(next, other).applied).toContain('auth.users');
  });

  test('that need a restart leave what runs as it is, and are named as long as they are there', () => {
    const before = parse({ listen: ['udp:127.0.0.1:5070'] });
    const next = parse({
      advertise: 'pbx.example',
      data: '/elsewhere',
      timers: { t1: 100, t2: 200, t4: 300, ring: '4m' },
      records: { keep: '1d', maxSize: '5MB' },
      log: { format: 'json', level: 'warn' },
    });
    const { config, applied, restart } = changesOf(before, next);
    expect(restart).toEqual(
      expect.arrayContaining(['advertise', 'data', 'listen', 'records.keep', 'timers.t1']),
    );
    for (const path of restart) expect(NEEDS_RESTART).toContain(path);
    expect(applied.toSorted()).toEqual(['log.level', 'timers.ring']);
    expect(config).toEqual({
      ...before,
      timers: { ...before.timers, ring: 240_000 },
      log: { level: 'warn', format: 'auto' },
    });
    expect(changesOf(config, next).restart).toEqual(restart);
    expect(changesOf(config, before)).toMatchObject({ restart: [] });
  });

  test('are decided for every option: one that is new stands here when the running server takes it over', () => {
    const live = options.map(({ path }) => path).filter((path) => !NEEDS_RESTART.includes(path));
    expect(live).toEqual([
      ...['domains', 'open', 'callers', 'unavailable', 'outbound', 'redirects', 'contactRouting'],
      ...['coalesce', 'drainTimeout', 'phrases'],
      ...[
        'auth.mode',
        'auth.domains',
        'auth.file',
        'auth.trusted',
        'auth.algorithms',
        'auth.md5Only',
        'auth.nonceLife',
      ],
      ...[
        'registrar.defaultExpires',
        'registrar.minExpires',
        'registrar.maxExpires',
        'registrar.maxContacts',
      ],
      ...['timers.ring', 'timers.cancel', 'timers.retry', 'timers.serial', 'timers.life', 'timers.usage'],
      'timers.subscription',
      ...['journal.style', 'journal.detail', 'journal.maxSize', 'journal.keep', 'log.level'],
      ...['networks.allow', 'networks.refuse', 'limits.memory', 'limits.calls', 'limits.bindings'],
      ...['limits.transactions', 'limits.requests', 'limits.registrations', 'limits.newCalls'],
      'limits.scanners',
    ]);
    expect(live.length + NEEDS_RESTART.length).toBe(options.length);
  });
});
