// The server ends in the middle of calls and is started anew: what a message itself says is enough to route it.
import { describe, expect, test } from 'vitest';
import type { Puppet } from './puppet.ts';
import { Leg } from './puppet-leg.ts';
import { Stage } from './stage.ts';

describe.each(['SIGTERM', 'SIGKILL'] as const)('after %s', (signal) => {
  const stage = Stage.open();

  /** Registered under an address nobody can reach: only the flow that Record-Route remembers leads there. */
  async function behindNat(name: string): Promise<Puppet> {
    const puppet = await stage.puppet(name, { registered: false });
    await puppet.register(['Expires: 600'], `<sip:${puppet.user}@10.11.12.13:5062>`);
    return puppet;
  }

  test('calls go on, are held, and end', async () => {
    const [anna, boris] = [await behindNat('anna'), await behindNat('boris')];
    const out = Leg.open(anna, boris.aor, { contact: `<sip:${anna.user}@10.11.12.13:5062>` });
    const inc = Leg.of(boris, await boris.request('INVITE'), `<sip:${boris.user}@10.11.12.13:5062>`);
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    await stage.server.restart(signal);
    inc.reinvite({ audio: 'sendonly', version: 2 });
    out.accept(await out.request('INVITE'), { audio: 'recvonly', version: 2 });
    await inc.response(200);
    inc.ack();
    await out.request('ACK');
    out.send('BYE');
    boris.reply(await inc.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
  });

  test('somebody else cannot route through it with a Route of his own making', async () => {
    const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    out.routes = out.routes.map((route) => route.replace(/(sip:)([^@]{6})/, '$1forged'));
    const stranger = await stage.puppet('stranger', { registered: false });
    out.target = stranger.uri;
    out.send('INFO');
    const refusal = await anna.expect('a refusal', (m) => m.callId === out.callId && m.status >= 300);
    expect([403, 404, 481]).toContain(refusal.status);
    await stranger.settled();
    expect(stranger.seen(out.callId)).toEqual([]);
  });
});
