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
      log: { format: 'json', level: 'warn' },
    });
    const { config, applied, restart } = changesOf(before, next);
    expect(restart.toSorted()).toEqual([...NEEDS_RESTART].sort());
    expect(applied.toSorted()).toEqual(['log.level', 'timers.ring']);
    expect(config).toEqual({
      ...before,
      timers: { ...before.timers, ring: 240_000 },
      log: { level: 'warn', format: 'auto' },
    });
    expect(changesOf(config, next).restart).toEqual(restart);
    expect(changesOf(config, before)).toMatchObject({ restart: [] });
  });

  test('the names are those of options', () => {
    const paths = options.map(({ path }) => path);
    for (const path of NEEDS_RESTART) expect(paths).toContain(path);
  });
});
