// One house speaks IPv4, the other IPv6: the server stands between, and each side is shown the address it can reach.
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { Leg } from './puppet-leg.ts';
import { Stage } from './stage.ts';

const loopbacks = Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []);

describe.skipIf(!loopbacks.includes('::1'))('between IPv4 and IPv6', () => {
  const stage = Stage.open({ host: '::1', also: '127.0.0.1', domain: 'home.test' });

  test.each([
    { from: '127.0.0.1', to: '::1' },
    { from: '::1', to: '127.0.0.1' },
    { from: '::1', to: '::1' },
  ])('a call from $from to $to', async ({ from, to }) => {
    const [anna, boris] = [
      await stage.puppet('anna', { host: from }),
      await stage.puppet('boris', { host: to }),
    ];
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    expect(inc.incoming.from.host).toBe(to);
    inc.respond(180, 'Ringing');
    await out.response(180);
    inc.respond(200, 'OK');
    const ok = await out.response(200);
    expect(ok.from.host).toBe(from);
    out.ack();
    await inc.request('ACK');
    // The first hop of each side's route set is of its own family.
    const written = (host: string): string => (host.includes(':') ? `[${host}]` : host);
    expect(out.routes[0]).toContain(`${written(from)}:${stage.server.port}`);
    expect(inc.routes[0]).toContain(`${written(to)}:${stage.server.port}`);
    inc.send('INFO', { lines: ['Content-Type: text/plain'], body: '5' });
    const info = await out.request('INFO');
    expect(info.has('route')).toBe(false);
    anna.reply(info, 200, 'OK');
    await inc.response(200, 'INFO');
    out.send('BYE');
    boris.reply(await inc.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
    await stage.server.wrote(out.callId, [
      `Incomming Call From: ${anna.aor} >> To: ${boris.aor}`,
      `\tCall Ringing at ${boris.aor}`,
      `\tCall Answered by ${boris.aor}`,
      '\tCall Has Ended',
    ]);
  });
});
