import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultConfig } from '../../src/config/config.ts';
import { loadConfig, type Sources, tryConfig } from '../../src/config/load.ts';
import { envName, fileOnly, options } from '../../src/config/options.ts';
import { printConfig } from '../../src/config/print.ts';
import { StartError } from '../../src/config/start-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'callchart-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'c.yaml');

function load(yaml: string, flags: Sources['flags'] = {}, env: Sources['env'] = {}) {
  writeFileSync(path, yaml);
  return loadConfig({ flags, env, file: path });
}

function refusal(yaml: string, flags: Sources['flags'] = {}, env: Sources['env'] = {}): string {
  try {
    load(yaml, flags, env);
  } catch (error) {
    if (error instanceof StartError) return error.message.replaceAll(path, 'c.yaml');
    throw error;
  }
  throw new Error('was not refused');
}

describe('precedence', () => {
  test('nothing said: the defaults', () => {
    const { config, origin } = loadConfig({ flags: {}, env: { PATH: '/bin' } });
    expect(config).toEqual(defaultConfig());
    expect(origin('timers.t1')).toBe('default');
  });

  test('each parameter for itself: flag, then environment, then file, then default', () => {
    const yaml = 'timers:\n  t1: 1\n  t2: 2\n  t4: 3\n';
    const { config, origin } = load(yaml, { t1: '100' }, { CALLCHART_T1: '10', CALLCHART_T2: '20ms' });
    expect(config.timers).toMatchObject({ t1: 100, t2: 20, t4: 3, cancel: 5000 });
    expect(['timers.t1', 'timers.t2', 'timers.t4', 'timers.cancel'].map(origin)).toEqual([
      '--t1',
      'CALLCHART_T2',
      `${path}:4`,
      'default',
    ]);
  });

  test('a list is one parameter: the higher source replaces it', () => {
    const { config } = load('listen: [udp:127.0.0.1:1, udp:127.0.0.1:2]', { listen: ['udp:[::1]:9'] });
    expect(config.listen).toEqual([{ transport: 'udp', host: '::1', port: 9 }]);
  });

  test('a false switch speaks as loud as a true one', () =>
    expect(load('open: yes', { open: false }, { CALLCHART_OPEN: '1' }).config.open).toBe(false));

  test('the environment names the file when no flag does', () => {
    writeFileSync(path, 'callers: registered');
    expect(loadConfig({ flags: {}, env: { CALLCHART_CONFIG: path } }).config.callers).toBe('registered');
  });
});

describe('ways of writing', () => {
  test('lists as one text with commas, as environments have them', () => {
    const env = { CALLCHART_LISTEN: 'udp:127.0.0.1:1, udp:[::1]:2', CALLCHART_DOMAIN: 'A.example,[::1]' };
    const { config } = loadConfig({ flags: {}, env });
    expect(config.listen.map(({ port }) => port)).toEqual([1, 2]);
    expect(config.domains).toEqual(['a.example', '::1']);
  });

  test('phrases: a preset, a map, or both', () => {
    expect(load('phrases: classic').config.phrases).toEqual({ preset: 'classic' });
    expect(load('phrases: {200: "OK - pohoda", preset: classic}').config.phrases).toEqual({
      preset: 'classic',
      200: 'OK - pohoda',
    });
    expect(load('', { phrases: '{480: "nie je doma"}' }).config.phrases).toEqual({
      preset: 'standard',
      480: 'nie je doma',
    });
  });

  test('units in every source', () => {
    const { config } = load(
      'journal: { maxSize: 10MB }\nregistrar: { minExpires: 2m }',
      { t1: '0.2s' },
      { CALLCHART_TIMER_LIFE: '1d' },
    );
    expect(config.journal.maxSize).toBe(10_000_000);
    expect(config.registrar.minExpires).toBe(120);
    expect(config.timers.t1).toBe(200);
    expect(config.timers.life).toBe(86_400_000);
  });

  test('keys without a value, and files without keys, say nothing', () => {
    expect(load('timers:\nadvertise:\nlog:\n  level:\n').config).toEqual(defaultConfig());
    expect(load('# nothing\n').config).toEqual(defaultConfig());
  });

  test('the default expiry stays between a moved minimum and maximum', () => {
    expect(load('registrar: { maxExpires: 600 }').config.registrar.defaultExpires).toBe(600);
    expect(
      load('registrar: { minExpires: 3600, maxExpires: 3600, defaultExpires: 60 }').config.registrar
        .defaultExpires,
    ).toBe(3600);
  });
});

describe('a refusal is one line: what, which value, what to do', () => {
  test.each([
    ['timer: {}', 'c.yaml:1: unknown key "timer"; did you mean "timers"?'],
    ['\n\ntimers:\n  t5: 1', 'c.yaml:4: unknown key "timers.t5"; did you mean "t1"?'],
    ['log: { colour: red }', 'c.yaml:1: unknown key "log.colour"; known here: level, format'],
    [
      'timers:\n  t1: soon',
      'c.yaml:2: timers.t1: "soon" is not a time of 1 to 60000 milliseconds, such as 5s, 2m, 12h or 1',
    ],
    ['timers: 5', 'c.yaml:1: timers: 5 is not a map of keys; see the README'],
    ['callers: none', 'c.yaml:1: callers: "none" is not one of any, registered'],
    ['unavailable: 500', 'c.yaml:1: unavailable: 500 is not one of 480, 404'],
    ['open: maybe', 'c.yaml:1: open: "maybe" is not yes or no'],
    [
      'listen:\n  - udp:127.0.0.1:1\n  - tcp:127.0.0.1:1',
      'c.yaml:3: listen: "tcp:127.0.0.1:1" is not udp:HOST:PORT or udp:[IPV6]:PORT',
    ],
    ['listen: []', 'c.yaml:1: listen: [] is not at least one address, such as udp:0.0.0.0:5060'],
    [
      'outbound: 10.0.0.0/99',
      'c.yaml:1: outbound: "10.0.0.0/99" is not HOST, HOST:PORT, *.DOMAIN or NETWORK/BITS',
    ],
    [
      'limits: { calls: 1.5 }',
      'c.yaml:1: limits.calls: 1.5 is not a whole number from 1 to 10000000, or auto',
    ],
    [
      'registrar: { minExpires: 60, maxExpires: 30 }',
      'c.yaml:1: registrar.maxExpires: 30 is not minExpires (60) or more',
    ],
    ['phrases: { 99: x }', 'c.yaml:1: phrases: "99" is not a status code; give 100 to 699, or preset'],
    [
      'phrases: { 200: "a\\r\\nVia: b" }',
      'c.yaml:1: phrases.200: "a\\r\\nVia: b" is not words for a status line (one line of at most 200 characters)',
    ],
    ['phrases: klasik', 'c.yaml:1: phrases.preset: "klasik" is not one of standard, classic'],
    ['[1]', 'c.yaml: holds no keys; write lines such as "log: { level: info }"'],
    ['a: 1\na: 2', expect.stringMatching(/^c\.yaml:2: not YAML: .+unique/)],
    ['a: [', expect.stringMatching(/^c\.yaml:\d: not YAML: /)],
  ])('%j', (yaml, message) => {
    const said = refusal(yaml);
    expect(said).toEqual(message);
    expect(said).not.toContain('\n');
  });

  test('says which flag or variable it was', () => {
    expect(refusal('', { t1: 'x' })).toMatch(/^--t1: "x" is not a time/);
    expect(refusal('', {}, { CALLCHART_LOG_LEVEL: 'loud' })).toMatch(
      /^CALLCHART_LOG_LEVEL: "loud" is not one of trace/,
    );
    expect(refusal('', {}, { CALLCHART_LOG_LEVLE: 'info' })).toBe(
      'environment: unknown variable CALLCHART_LOG_LEVLE; did you mean "CALLCHART_LOG_LEVEL"?',
    );
  });

  test('counts what else is wrong, and tells all of it when asked', () => {
    expect(refusal('timer: {}\nopen: x\ncallers: y')).toMatch(
      / \(and 2 more; see "callchart config check --config .*"\)$/,
    );
    expect(tryConfig({ flags: {}, env: {}, file: path })[1]).toHaveLength(3);
  });

  test('files that are not there or are folders', () => {
    expect(() => loadConfig({ flags: {}, env: {}, file: join(folder, 'no.yaml') })).toThrow(
      /no\.yaml: there is no such file; check the path/,
    );
    mkdirSync(join(folder, 'd'));
    expect(() => loadConfig({ flags: {}, env: {}, file: join(folder, 'd') })).toThrow(/it is a folder/);
  });

  test("a cluster's service links are no misspelt options", () => {
    const env = {
      CALLCHART_PORT: 'udp://10.0.0.1:5060',
      CALLCHART_PORT_5060_UDP_ADDR: '10.0.0.1',
      CALLCHART_SERVICE_HOST: '10.0.0.1',
    };
    expect(loadConfig({ flags: {}, env }).config).toEqual(defaultConfig());
  });

  test('a hostile file neither hangs nor reaches a prototype', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${`*${'abcdefgh'[i]},`.repeat(9)}]`),
    ];
    expect(refusal(bomb.join('\n'))).toMatch(/not YAML/);
    expect(refusal('__proto__: { open: true }')).toMatch(/unknown key "__proto__"/);
  });
});

describe('the table of options', () => {
  test('names every leaf of the schema, each flag once', () => {
    const leaves = Object.entries({ ...defaultConfig(), advertise: undefined }).flatMap(([key, value]) =>
      typeof value === 'object' && !Array.isArray(value) && key !== 'phrases'
        ? Object.keys(value).map((inner) => `${key}.${inner}`)
        : [key],
    );
    expect([...options, ...fileOnly].map((option) => option.path).sort()).toEqual(leaves.sort());
    expect(new Set(options.map((option) => option.flag)).size).toBe(options.length);
    expect(envName('log-level')).toBe('CALLCHART_LOG_LEVEL');
  });

  test('what is printed can be read again, and means the same', () => {
    const loaded = load(
      'listen: ["udp:[::1]:5070"]\nadvertise: pbx.example:5080\nphrases: {preset: classic, 200: "OK - pohoda #1"}\noutbound: ["*.example", 10.0.0.0/8]\nopen: true',
      { 'timer-life': '90m', domain: ['a.example', '2001:db8::1'] },
    );
    const printed = printConfig(loaded);
    expect(printed).toMatch(/^ {2}life: 90m +# --timer-life$/m);
    expect(printed).toMatch(/^open: true +# .*c\.yaml:5$/m);
    expect(parse(printed)).toBeTypeOf('object');
    expect(load(printed).config).toEqual(loaded.config);
  });

  test('so can the defaults', () =>
    expect(load(printConfig(loadConfig({ flags: {}, env: {} }))).config).toEqual(defaultConfig()));
});
