// RFC 3261 §18, §19.1 and RFC 5118 on an IPv6 listener, and RFC 5658 between the families.
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { fresh } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { paramOf, uriOf } from '../wire/puppet-message.ts';
import { acknowledge, final, Ground, hangUp, register, send } from './ground.ts';

const addresses = Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []);

describe.skipIf(!addresses.includes('::1')).concurrent('on udp:[::1]', () => {
  const ground = Ground.open({ host: '::1', also: '127.0.0.1', domain: 'six.test' });

  it('§16.6 step 8: our Via and Record-Route have brackets', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'INVITE', boris.aor);
    const invite = await boris.request('INVITE', asked.callId);
    expect(invite.get('via')).toContain(`SIP/2.0/UDP [::1]:${ground.server.port};branch=z9hG4bK`);
    expect(uriOf(invite.get('record-route'))).toMatch(new RegExp(`@\\[::1\\]:${ground.server.port};lr$`));
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it.each([
    ['[::1]', undefined],
    ['[0:0:0:0:0:0:0:1]', undefined],
    ['[2001:db8::9]', '::1'],
    ['phone.example', '::1'],
    ['127.0.0.1', '::1'],
  ])('§18.2.1: sent-by %s gets received %s, without brackets', async (host, received) => {
    const [anna, boris] = await ground.pair();
    const via = [`SIP/2.0/UDP ${host}:${anna.port};branch=z9hG4bK${fresh()}`];
    const asked = send(anna, 'MESSAGE', boris.aor, { via });
    const message = await boris.request('MESSAGE', asked.callId);
    expect(paramOf(message.all('via')[1] ?? '', 'received')).toBe(received);
    boris.reply(message, 200, 'OK', { tag: 'b' });
    await final(anna, asked);
  });

  it('RFC 5118 §4.5: received with brackets, as some write it, is put right', async () => {
    const [anna, boris] = await ground.pair();
    const via = [`SIP/2.0/UDP [2001:db8::9]:${anna.port};received=[2001:db8::9];branch=z9hG4bK${fresh()}`];
    const { callId } = send(anna, 'MESSAGE', boris.aor, { via });
    expect((await boris.request('MESSAGE', callId)).all('via')[1]).toContain('received=::1');
  });

  it('RFC 3581: rport and received', async () => {
    const anna = await ground.phone('anna');
    const via = [`SIP/2.0/UDP [::1]:${anna.port};rport;branch=z9hG4bK${fresh()}`];
    const answer = await final(anna, send(anna, 'OPTIONS', `sip:[::1]:${ground.server.port}`, { via }));
    expect([paramOf(answer.get('via'), 'rport'), paramOf(answer.get('via'), 'received')]).toEqual([
      String(anna.port),
      '::1',
    ]);
  });

  it.each(['[::1]', '[0:0::1]', '[0000:0000:0000:0000:0000:0000:0000:0001]'])(
    'RFC 5118 §4.1: %s in a Contact leads to the phone, and stays as written',
    async (host) => {
      const [anna, boris] = await ground.pair();
      await register(boris, ['Contact: *', 'Expires: 0']);
      const contact = `sip:${boris.user}@${host}:${boris.port}`;
      expect((await register(boris, [`Contact: <${contact}>`])).get('contact')).toContain(contact);
      const { callId } = send(anna, 'MESSAGE', boris.aor);
      expect((await boris.request('MESSAGE', callId)).uri).toBe(contact);
    },
  );

  it('§19.1.4: one Contact in two spellings is one binding', async () => {
    const anna = await ground.phone('anna', { registered: false });
    await register(anna, [`Contact: <sip:a@[::1]:${anna.port}>`]);
    const listed = await register(anna, [`Contact: <sip:a@[0:0:0:0:0:0:0:1]:${anna.port}>`]);
    expect(listed.all('contact')).toHaveLength(1);
  });

  it.each(['sip:x@[::1', 'sip:x@::1', 'sip:x@[::g]', 'sip:x@[1:2:3]', 'sip:x@[::1]x'])(
    'RFC 5118 §4.2: Request-URI %s is answered 400',
    async (uri) => {
      const anna = await ground.phone('anna');
      const asked = send(anna, 'MESSAGE', uri, { to: '<sip:x@y>' });
      expect((await final(anna, asked)).status).toBe(400);
    },
  );

  it('§12: a call stands, and everything in it goes to and fro', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    inc.reinvite({ audio: 'sendonly', version: 2 });
    out.accept(await out.request('INVITE'), { audio: 'recvonly', version: 2 });
    await inc.response(200);
    inc.ack();
    await out.request('ACK');
    await hangUp(inc, out);
  });

  it('§9: CANCEL and ACK find their INVITE by a sent-by with brackets', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(180, 'Ringing');
    await out.response(180);
    out.cancel();
    await out.response(200, 'CANCEL');
    boris.reply(await inc.request('CANCEL'), 200, 'OK');
    inc.respond(487, 'Request Terminated');
    out.ackFailure(await out.response(487));
  });

  it.each([
    ['127.0.0.1', '::1'],
    ['::1', '127.0.0.1'],
  ])('RFC 5658 §4: from %s to %s two Record-Routes, each side’s own on its side', async (from, to) => {
    const anna = await ground.phone('anna', { host: from });
    const boris = await ground.phone('boris', { host: to });
    const written = (host: string) => (host.includes(':') ? `[${host}]` : host);
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    expect(inc.incoming.all('record-route').map((r) => uriOf(r).replace(/^.*@|:\d+;lr$/g, ''))).toEqual([
      written(to),
      written(from),
    ]);
    expect(inc.incoming.get('via')).toContain(`${written(to)}:${ground.server.port}`);
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    for (const [by, other] of [
      [out, inc],
      [inc, out],
    ] as const) {
      by.send('INFO');
      const info = await other.request('INFO');
      expect(info.has('route')).toBe(false);
      other.puppet.reply(info, 200, 'OK');
      await by.response(200, 'INFO');
    }
    await hangUp(inc, out);
  });

  it('§16.4: two Record-Routes of ours that a strict router has turned round are both taken off', async () => {
    const anna = await ground.phone('anna', { host: '127.0.0.1' });
    const boris = await ground.phone('boris', { host: '::1' });
    const { out } = await ground.talk(anna, boris);
    const [first = '', second = ''] = out.routes;
    send(anna, 'INFO', uriOf(first), {
      callId: out.callId,
      fromTag: out.localTag,
      toTag: out.remoteTag,
      cseq: 50,
      routes: [second, `<${boris.uri}>`],
    });
    const info = await boris.request('INFO', out.callId);
    expect([info.uri, info.has('route'), info.get('via').includes('[::1]')]).toEqual([
      boris.uri,
      false,
      true,
    ]);
  });
});
