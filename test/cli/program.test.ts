import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { painted } from '../../src/cli/tail.ts';
import { takesColour } from '../../src/cli/terminal.ts';
import { options } from '../../src/config/options.ts';
import { buildCommand, callchart, scratchFolder, start } from './command.ts';

/** A busy machine starts a process slowly. */
const PATIENCE = { timeout: 15_000, interval: 10 };

let remove = () => {};
beforeAll(async () => {
  remove = await buildCommand();
});
afterAll(() => remove());

describe('help', () => {
  test('names the commands, on stdout, and is no failure', async () => {
    const { code, out, err } = await callchart(['--help']);
    expect([code, err]).toEqual([0, '']);
    for (const command of ['serve', 'tail', 'config'])
      expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });

  test('of serve names every option with its default, and its unit where it has one', async () => {
    const { out } = await callchart(['serve', '--help']);
    const lines = out.replace(/\n {20,}/g, ' ');
    for (const { flag, unit } of options) {
      const line = new RegExp(`^ +--${flag} .*\\(default: [^)]+\\)$`, 'm').exec(lines)?.[0];
      expect(line, flag).toBeDefined();
      if (unit !== undefined) expect(line).toContain(`plain number: ${unit}`);
    }
  });

  test('of tail is about tail alone', async () => {
    const { out } = await callchart(['tail', '--help']);
    expect(out).toContain('--lines');
    expect(out).not.toContain('--t1');
  });

  test('--version', async () =>
    expect(await callchart(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' }));
});

describe('what cannot be done is refused in one line, with 2', () => {
  test.each([
    [['srve'], `callchart: unknown command 'srve' (Did you mean serve?); see "callchart --help"\n`],
    [
      ['serve', '--lisen', 'x'],
      `callchart: unknown option '--lisen' (Did you mean --listen?); see "callchart serve --help"\n`,
    ],
    [['serve', '--t1'], `callchart: option '--t1 <TIME>' argument missing; see "callchart serve --help"\n`],
    [
      ['serve', 'now'],
      expect.stringMatching(/^callchart: too many arguments.*see "callchart serve --help"\n$/),
    ],
    [
      ['drain', '--timeout', 'x'],
      `callchart: option '--timeout <TIME>' argument 'x' is invalid: give a time such as 30s, 5m or 1h; see "callchart drain --help"\n`,
    ],
    [['serve', '--t1', 'soon'], expect.stringMatching(/^callchart: --t1: "soon" is not a time of .*\n$/)],
    [
      ['serve', '--config', '/no/such.yaml'],
      'callchart: configuration file /no/such.yaml: there is no such file; check the path given with --config\n',
    ],
    [['serve', '--data', '/proc/x'], expect.stringMatching(/^callchart: data folder \/proc\/x: .*\n$/)],
    [['config', 'chek'], expect.stringMatching(/^callchart: .*chek.*\n$/)],
    [['tail', '--lines', 'many'], expect.stringMatching(/^callchart: .*many.*\n$/)],
  ])('%j', async (args, said) => {
    const { code, out, err } = await callchart(args);
    expect(err).toEqual(said);
    expect(err.trimEnd()).not.toContain('\n');
    expect([code, out]).toEqual([2, '']);
  });

  test('no command at all: the help, as a complaint', async () => {
    const { code, err } = await callchart([]);
    expect(code).toBe(2);
    expect(err).toContain('Usage: callchart');
  });
});

describe('config', () => {
  test('check says ok, or everything that is wrong', async () => {
    const file = join(scratchFolder(), 'c.yaml');
    writeFileSync(file, 'callers: registered\n');
    expect(await callchart(['config', 'check', '--config', file])).toMatchObject({
      code: 0,
      out: `${file}: ok\n`,
      err: '',
    });
    writeFileSync(file, 'calers: registered\nopen: x\n');
    const { code, err } = await callchart(['config', 'check'], { CALLCHART_CONFIG: file });
    expect(code).toBe(2);
    const refused = await callchart(['serve', '--config', file]);
    expect(refused.err).toContain(`(and 1 more; see "callchart config check --config ${file}")`);
    expect(err.split('\n').sort()).toEqual([
      '',
      `callchart: ${file}:1: unknown key "calers"; did you mean "callers"?`,
      `callchart: ${file}:2: open: "x" is not yes or no`,
    ]);
  });

  test('print shows what holds and why', async () => {
    const { code, out } = await callchart(['config', 'print', '--t1', '100', '--open'], {
      CALLCHART_T2: '2',
    });
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}t1: 100ms +# --t1$/m);
    expect(out).toMatch(/^ {2}t2: 2ms +# CALLCHART_T2$/m);
    expect(out).toMatch(/^open: true +# --open$/m);
    expect(out).toMatch(/^ {2}t4: 5s +# default$/m);
  });
});

describe('serve', () => {
  const args = (folder: string, port = 5070) => [
    'serve',
    '--listen',
    `udp:127.0.0.1:${port}`,
    '--domain',
    'pbx.example',
    '--data',
    folder,
  ];

  test('says in one line what it serves, without escape codes in a pipe', async () => {
    const folder = scratchFolder();
    const { said, ended, process: child } = start(args(folder));
    const out = await said(/ready.*\n/);
    expect(out.trimEnd()).not.toContain('\n');
    for (const part of [
      'udp:127.0.0.1:5070',
      '192.0.2.1:5060',
      'pbx.example',
      `${folder}/dennik-hovorov.log`,
    ])
      expect(out).toContain(part);
    expect(out).toContain('registration open to loopback and private networks, no password');
    child.kill('SIGTERM');
    const { code, signal, err } = await ended;
    expect([code, signal]).toEqual([0, null]);
    expect(out + err).not.toContain('\u001b');
  });

  test('says so when it is open to everybody', async () => {
    const { said } = start([...args(scratchFolder()), '--open']);
    expect(await said(/ready.*\n/)).toContain('registration open to everybody, no password');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s closes the server and ends with 0', async (signal) => {
    const folder = scratchFolder();
    const { said, ended, process: child } = start(args(folder));
    await said(/ready/);
    child.kill(signal);
    expect((await ended).code).toBe(0);
    expect(readdirSync(folder)).toContain('closed');
  });

  test('a second signal ends it where calls would not', async () => {
    const folder = scratchFolder();
    const { said, ended, process: child } = start(args(folder, 3));
    await said(/ready/);
    child.kill('SIGTERM');
    await vi.waitUntil(() => readdirSync(folder).includes('draining'), PATIENCE);
    expect(readdirSync(folder)).not.toContain('closed');
    child.kill('SIGTERM');
    const { code, err } = await ended;
    expect(code).toBe(0);
    expect(err).toContain('"msg":"stopping at once"');
    expect(readdirSync(folder)).toContain('closed');
  });

  test('a Ctrl-C that npm passes on once more is one Ctrl-C', async () => {
    const folder = scratchFolder();
    const { said, ended, process: child } = start(args(folder, 3));
    await said(/ready/);
    child.kill('SIGINT');
    await vi.waitUntil(() => readdirSync(folder).includes('draining'), PATIENCE);
    child.kill('SIGINT');
    expect(child.exitCode).toBeNull();
    // until it counts as another one
    const again = setInterval(() => child.kill('SIGINT'), 50);
    const { code, err } = await ended.finally(() => clearInterval(again));
    expect(code).toBe(0);
    expect(err.match(/stopping at once/g)).toHaveLength(1);
  });

  test('logs JSON lines on stderr when that is no terminal', async () => {
    const { said, ended, process: child } = start(args(scratchFolder()));
    await said(/ready/);
    child.kill('SIGTERM');
    const messages = (await ended).err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).msg);
    expect(messages).toEqual(['started', 'stopping', 'stopped']);
  });

  test('logs for people when asked to', async () => {
    const { said, ended, process: child } = start([...args(scratchFolder()), '--log-format', 'pretty']);
    await said(/ready/);
    child.kill('SIGTERM');
    expect((await ended).err).toMatch(/^\[[\d:.]+\] INFO: started$/m);
  });

  test('refuses to start in one line, and ends though something still runs', async () => {
    const { code, err } = await callchart([...args(scratchFolder(), 1), '--log-level', 'silent']);
    expect([code, err]).toEqual([2, 'callchart: udp:127.0.0.1:1 is in use\n']);
  });

  test('a bug that nobody caught: logged, the journal written, exit code 1', async () => {
    const folder = scratchFolder();
    const { code, err } = await callchart(args(folder, 2));
    expect(code).toBe(1);
    expect(err).toContain('"msg":"a bug: the process ends"');
    expect(readdirSync(folder)).toContain('flushed');
  });

  test('SIGHUP reloads', async () => {
    const folder = scratchFolder();
    const { said, process: child } = start(args(folder));
    await said(/ready/);
    child.kill('SIGHUP');
    await vi.waitUntil(() => readdirSync(folder).includes('reloaded'), PATIENCE);
  });

  test('outlives a reader of stdout who leaves', async () => {
    const folder = join(scratchFolder(), 'data');
    const { process: child, ended } = start(args(folder));
    child.stdout?.destroy();
    await vi.waitUntil(() => existsSync(folder), PATIENCE);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, out: '' });
    expect(readdirSync(folder)).toContain('closed');
  });
});

describe('tail', () => {
  const LINE = '2026-05-04 13:07:09,042: \tCall Has Ended (Call-ID: c1@h)';

  function data() {
    const folder = scratchFolder();
    return { folder, diary: join(folder, 'dennik-hovorov.log'), ndjson: join(folder, 'journal.ndjson') };
  }

  test('shows the last lines of the diary as they are', async () => {
    const { folder, diary } = data();
    writeFileSync(diary, `a\nb\n${LINE}\n`);
    expect(await callchart(['tail', '--data', folder, '--no-follow', '--lines', '2'])).toMatchObject({
      code: 0,
      out: `b\n${LINE}\n`,
      err: '',
    });
  });

  test('--json shows the objects', async () => {
    const { folder, ndjson } = data();
    writeFileSync(ndjson, '{"v":1}\n');
    expect((await callchart(['tail', '--json', '--no-follow'], { CALLCHART_DATA: folder })).out).toBe(
      '{"v":1}\n',
    );
  });

  test('waits for a diary, follows it through rotation, and ends at a signal with 0', async () => {
    const { folder, diary } = data();
    const { process: child, said, ended } = start(['tail', '--data', join(folder, 'later')]);
    mkdirSync(join(folder, 'later'));
    const there = diary.replace(folder, join(folder, 'later'));
    writeFileSync(there, 'a\n');
    await said(/^a\n$/);
    appendFileSync(there, 'b\n');
    renameSync(there, `${there}.1`);
    writeFileSync(there, 'c\n');
    await said(/^a\nb\nc\n$/);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, out: 'a\nb\nc\n' });
  });

  test('a missing diary that shall not be waited for is refused', async () => {
    const { code, err } = await callchart(['tail', '--data', '/no/such', '--no-follow']);
    expect(code).toBe(2);
    expect(err).toMatch(/^callchart: \/no\/such\/dennik-hovorov\.log is not there yet; .*\n$/);
  });

  test('a reader who leaves ends it quietly', async () => {
    const { folder, diary } = data();
    writeFileSync(diary, 'a\n'.repeat(100_000));
    const { process: child, ended, said } = start(['tail', '--data', folder, '--lines', '100000']);
    await said(/a/);
    child.stdout?.destroy();
    appendFileSync(diary, 'more\n');
    expect(await ended).toMatchObject({ code: 0, err: '' });
  });

  test('colours differ by call, and only colours are added', () => {
    const one = painted(LINE);
    const other = painted(LINE.replace('c1@h', 'c2@h'));
    const codes = /\u001b\[\d+m/g;
    expect(one.replace(codes, '')).toBe(LINE);
    expect(one.match(codes)?.[2]).not.toBe(other.match(codes)?.[2]);
    expect(painted('something else')).toBe('something else');
  });
});

test('only a terminal takes colour, and only if its owner likes it', () => {
  expect(takesColour({ isTTY: true }, {})).toBe(true);
  expect(takesColour({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
  expect(takesColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
  expect(takesColour({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  expect(takesColour({ isTTY: false }, {})).toBe(false);
});
