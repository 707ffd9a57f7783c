// SIGHUP and `callchart reload`: the configuration as it stands now, or all as it was; journal files opened anew.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Puppet } from './puppet.ts';
import { Leg } from './puppet-leg.ts';
import { bundle, Server } from './server.ts';
import { until } from './wait.ts';

async function office(text = '', args: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-reload-'));
  const file = join(folder, 'callchart.yaml');
  writeFileSync(file, text);
  const server = await Server.start({ args: ['--config', file, ...args] });
  const phone = { domain: server.domain, server: server.address };
  const [anna, boris] = [
    await Puppet.open({ user: 'anna', ...phone }),
    await Puppet.open({ user: 'boris', ...phone }),
  ];
  onTestFinished(async () => {
    await Promise.all([anna.close(), boris.close()]);
    await server.stop('SIGKILL');
    server.clear();
    rmSync(folder, { recursive: true, force: true });
  });
  let from = 0;
  /** Waits for a line of the log that is newer than those waited for before. */
  const logged = (words: string) =>
    until(words, () => {
      const at = server.output.findIndex((line, n) => n >= from && line.includes(words));
      if (at === -1) return undefined;
      from = at + 1;
      return JSON.parse(server.output[at] ?? '') as Record<string, unknown>;
    });
  const hup = (next: string, words: string) => {
    writeFileSync(file, next);
    server.signal('SIGHUP');
    return logged(words);
  };
  const said = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...words], { encoding: 'utf8' });
    return { status, out: stdout, err: stderr };
  };
  return { server, anna, boris, file, hup, logged, said };
}

/** The status of the answer to somebody who is not there. */
async function asked(anna: Puppet, server: Server): Promise<string> {
  const callId = anna.ask('MESSAGE', `sip:nobody@${server.domain}`);
  const answer = await anna.expect('an answer', (m) => m.callId === callId && m.status >= 200);
  return answer.start;
}

test('SIGHUP takes the file over; flags go before it; what needs a restart is named', async () => {
  const { server, anna, hup } = await office('', ['--log-level', 'info']);
  expect(await asked(anna, server)).toContain('480');
  expect(
    await hup('unavailable: 404\nphrases: { 404: Kto to je }\nlog: { level: fatal }\n', 'reloaded'),
  ).toMatchObject({ applied: ['unavailable', 'phrases'] });
  expect(await asked(anna, server)).toBe('SIP/2.0 404 Kto to je');
  await hup(
    'unavailable: 404\nadvertise: pbx.example\ntimers: { t1: 100ms, ring: 4m }\n',
    'needs a restart: advertise, timers.t1',
  );
  await hup('unavailable: 404\nadvertise: pbx.example\n', 'needs a restart: advertise"');
  expect(await asked(anna, server)).toBe('SIP/2.0 404 Not Found');
});

test('a bad file changes nothing, and is told as config check tells it', async () => {
  const { server, anna, hup, said, file } = await office('unavailable: 404\n');
  const bad = 'unavailable: 480\ncalers: any\nlimits: { calls: many }\n';
  const { problems } = await hup(bad, 'configuration not reloaded');
  expect(await asked(anna, server)).toContain('404');
  const check = said('config', 'check', '--config', file);
  expect(check.status).toBe(2);
  expect(check.err).toBe((problems as string[]).map((problem) => `callchart: ${problem}\n`).join(''));
  expect(problems).toHaveLength(2);
  const reload = said('reload', '--data', server.data);
  expect(reload).toEqual({ status: 2, out: '', err: check.err });
  rmSync(file);
  expect(said('reload', '--data', server.data)).toMatchObject({
    status: 2,
    err: expect.stringContaining('there is no such file'),
  });
  writeFileSync(file, 'unavailable: 480\nlisten: ["udp:127.0.0.1:1"]\n');
  // --listen goes before the file
  expect(said('reload', '--data', server.data)).toEqual({
    status: 0,
    out: 'reloaded: unavailable\n',
    err: '',
  });
  expect(said('reload', '--data', server.data).out).toBe('reloaded: nothing has changed\n');
  expect(await asked(anna, server)).toContain('480');
});

test('a users file that cannot be read changes nothing; passwords come and go', async () => {
  const { server, anna, hup } = await office();
  const users = join(server.data, 'broken');
  writeFileSync(users, 'not a user\n');
  const { problems } = await hup(
    `unavailable: 404\nauth: { mode: required, file: ${users} }\n`,
    'not reloaded',
  );
  expect(problems).toEqual([expect.stringContaining(`${users}:1: not a user`)]);
  expect(await asked(anna, server)).toContain('480');
  await hup('auth: { mode: required, users: [{ user: x, password: y }] }\n', 'reloaded');
  expect(await asked(anna, server)).toContain('407');
  await hup('', 'reloaded');
  expect(await asked(anna, server)).toContain('480');
});

test('calls go on over a reload, and the journal in files of that name (logrotate)', async () => {
  const { server, anna, boris, hup } = await office();
  await anna.register();
  await boris.register();
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  const diary = join(server.data, 'dennik-hovorov.log');
  await until('the diary', () => server.diary(out.callId).length === 2);
  renameSync(diary, `${diary}.old`);
  await hup('journal: { style: plain, detail: calls }\nauth: required\n', 'reloaded');
  await until('a new diary', () => existsSync(diary));
  out.send('BYE');
  boris.reply(await inc.request('BYE'), 200, 'OK');
  await out.response(200, 'BYE');
  await until('the rest of the diary', () => server.diary(out.callId).length > 0);
  expect(readFileSync(`${diary}.old`, 'utf8').trimEnd().split('\n')).toHaveLength(2);
  expect((await server.record(out.callId)).outcome).toBe('answered');
});
