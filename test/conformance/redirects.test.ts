// RFC 3261 §16.7 step 4, §21.3: a phone's 3xx, passed to the caller or followed by the server.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { acknowledge, final, Ground, hangUp, heardNothing, send } from './ground.ts';

type Phones = [Puppet, Puppet, Puppet];

describe.concurrent('--redirects pass, which is the default', () => {
  const ground = Ground.open();

  it.each([300, 301, 302, 305, 380])(
    '§16.7 step 6: %d goes to the caller with its Contacts',
    async (status) => {
      const [anna, boris, cyril] = (await ground.phones('anna', 'boris', 'cyril')) as Phones;
      const asked = send(anna, 'INVITE', boris.aor);
      const contact = `<${cyril.aor}>;q=0.3;expires=60`;
      boris.reply(await boris.request('INVITE', asked.callId), status, 'Elsewhere', {
        tag: 'b',
        lines: [`Contact: ${contact}`],
      });
      const answer = await final(anna, asked);
      expect([answer.status, answer.all('contact')]).toEqual([status, [contact]]);
      acknowledge(anna, asked, answer);
      await heardNothing(cyril, asked.callId);
    },
  );
});

describe.concurrent('--redirects follow', () => {
  const ground = Ground.open({ args: ['--redirects', 'follow'] });

  it('§16.7 step 4: the call goes on at the Contact, and is one call', async () => {
    const [anna, boris, cyril] = (await ground.phones('anna', 'boris', 'cyril')) as Phones;
    const out = Leg.open(anna, boris.aor);
    boris.reply(await boris.request('INVITE', out.callId), 302, 'Moved', {
      tag: 'b',
      lines: [`Contact: <${cyril.aor}>`],
    });
    await boris.request('ACK', out.callId);
    const inc = await Leg.incoming(cyril, 'INVITE', out.callId);
    expect(inc.incoming.uri).toBe(cyril.uri);
    inc.respond(180, 'Ringing');
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    await hangUp(inc, out);
    await ground.server.wrote(out.callId, [
      `Incomming Call From: ${anna.aor} >> To: ${boris.aor}`,
      `\tCall Forwarded by ${boris.aor} >> To: ${cyril.aor}`,
      `\tCall Ringing at ${cyril.aor}`,
      `\tCall Answered by ${cyril.aor}`,
      '\tCall Has Ended',
    ]);
  });

  it('a stranger it names is not called: the 302 goes to the caller', async () => {
    const [anna, boris] = await ground.pair();
    const stranger = await ground.phone('eve', { registered: false });
    const asked = send(anna, 'INVITE', boris.aor);
    const lines = [`Contact: <sip:eve@${stranger.hostPort}>`];
    boris.reply(await boris.request('INVITE', asked.callId), 302, 'Moved', { tag: 'b', lines });
    const answer = await final(anna, asked);
    expect(answer.status).toBe(302);
    acknowledge(anna, asked, answer);
    await heardNothing(stranger, asked.callId);
  });
});
