// The server is asked to end while somebody is on the phone: calls end first, nothing new begins, nothing is lost.
import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { Puppet } from './puppet.ts';
import { Leg } from './puppet-leg.ts';
import { bundle, Server, type ServerOptions } from './server.ts';
import { until } from './wait.ts';

async function office(options: ServerOptions = {}) {
  const server = await Server.start({ drain: '60s', ...options });
  onTestFinished(async () => {
    await server.stop('SIGKILL');
    server.clear();
  });
  const phone = { domain: server.domain, server: server.address };
  const [anna, boris] = [
    await Puppet.open({ user: 'anna', ...phone }),
    await Puppet.open({ user: 'boris', ...phone }),
  ];
  onTestFinished(async () => void (await Promise.all([anna.close(), boris.close()])));
  await anna.register();
  await boris.register();
  const logged = (what: string) =>
    until(`"${what}" in the log`, () => server.output.some((line) => line.includes(`"msg":"${what}`)));
  return { server, anna, boris, logged };
}

async function callUp(anna: Puppet, boris: Puppet) {
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  const hangUp = async () => {
    out.send('BYE');
    boris.reply(await inc.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
  };
  return { callId: out.callId, hangUp };
}

function callchart(server: Server, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...args, '--data', server.data], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, out: stdout, err: stderr };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s: the call goes on, a new one hears 503, the end comes with its BYE',
  async (signal) => {
    const { server, anna, boris, logged } = await office();
    const { callId, hangUp } = await callUp(anna, boris);
    server.signal(signal);
    await logged('draining');
    const late = Leg.open(boris, anna.aor);
    expect((await late.response(503)).get('retry-after')).toMatch(/^\d+$/);
    await anna.register();
    expect(callchart(server, 'drops').out).toMatch(/^ +1 +draining /m);
    expect(callchart(server, 'status').out).toMatch(
      /^draining: .*; 1 call, 0 subscriptions, 2 registrations; /,
    );
    await hangUp();
    expect(await server.ended()).toBe(0);
    expect(server.output.some((line) => line.includes('"msg":"drained"'))).toBe(true);
    expect(server.diary(callId).at(-1)).toBe('\tCall Has Ended');
  },
);

test('without calls it ends at once', async () => {
  const { server } = await office();
  server.signal('SIGTERM');
  expect(await server.ended()).toBe(0);
  // by its own log: a busy machine ends a process slowly
  const at = (what: string) =>
    JSON.parse(server.output.find((line) => line.includes(`"msg":"${what}"`)) ?? '{}').time as number;
  expect(at('stopped') - at('stopping')).toBeLessThan(1000);
});

test('a second signal ends it, and the journal has all that was', async () => {
  const { server, anna, boris, logged } = await office();
  const { callId } = await callUp(anna, boris);
  server.signal('SIGTERM');
  await logged('draining');
  server.signal('SIGTERM');
  expect(await server.ended()).toBe(0);
  expect(server.diary(callId)).toHaveLength(2);
  expect(server.journal(callId).map((entry) => entry.to)).toContain('confirmed.media.audio|transfer.idle');
});

test('calls have no more time than they are given, and the log says how many were left', async () => {
  const { server, anna, boris } = await office({ drain: '200ms' });
  await callUp(anna, boris);
  server.signal('SIGTERM');
  expect(await server.ended()).toBe(0);
  expect(server.output.join('\n')).toMatch(/"calls":1,"msg":"drained as long as it may: calls were left"/);
});

test('callchart drain says how many calls are left; the second that it drains already, and its end if earlier', async () => {
  const { server, anna, boris } = await office();
  await callUp(anna, boris);
  expect(callchart(server, 'status').out).toMatch(/^serving; 1 call, /);
  expect(callchart(server, 'drain', '--timeout', '5m')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^draining: 1 call left, ends by \S+\n$/),
    err: '',
  });
  expect(callchart(server, 'drain', '--timeout', '500ms').out).toMatch(/^already draining: 1 call left/);
  expect(await server.ended()).toBe(0);
});

test('callchart drain --wait comes back when the server has ended', async () => {
  const { server, anna, boris } = await office();
  await callUp(anna, boris);
  const { status, out } = callchart(server, 'drain', '--timeout', '300ms', '--wait');
  expect([status, out]).toEqual([
    0,
    expect.stringMatching(/^draining: 1 call left.*\ndrained: 1 call was left\n$/),
  ]);
  expect(await server.ended()).toBe(0);
  expect(callchart(server, 'drain').status).toBe(3);
});
