// What the configuration changes of a proxy's behaviour: names it goes by, who may call, where it may send, its words.
import { describe, expect, it } from 'vitest';
import { Leg } from '../wire/puppet-leg.ts';
import { until } from '../wire/wait.ts';
import { acknowledge, ask, final, Ground, hangUp, heardNothing, hopByHop, register, send } from './ground.ts';

describe.concurrent('--advertise', () => {
  const ground = Ground.open({
    args: ['--advertise', 'pbx.conformance.test:5999', '--domain', 'conformance.test'],
  });

  it('§16.6: stands in Via and Record-Route, and is ours when it comes back', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    expect(inc.incoming.get('via')).toContain('SIP/2.0/UDP pbx.conformance.test:5999;branch=');
    expect(inc.incoming.get('record-route')).toMatch(/@pbx\.conformance\.test:5999;lr>$/);
    inc.send('INFO');
    const info = await out.request('INFO');
    expect(info.has('route')).toBe(false);
    anna.reply(info, 200, 'OK');
    await inc.response(200, 'INFO');
    await hangUp(out, inc);
  });

  it('is known again in a Via: a loop is a loop', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    boris.send(
      message.text
        .replace(/^MESSAGE \S+/, `MESSAGE ${boris.aor}`)
        .replace('\r\nVia:', () => `\r\n${boris.via()}\r\nVia:`),
    );
    await boris.response(482, 'MESSAGE', asked.callId);
  });

  it('as an AOR’s host with its port is not taken for somebody else’s', async () => {
    const anna = await ground.phone('anna');
    const answer = await final(anna, send(anna, 'OPTIONS', 'sip:pbx.conformance.test:5999'));
    expect(answer.status).toBe(200);
  });
});

describe.concurrent('--callers registered, --unavailable 404, --phrases classic', () => {
  const ground = Ground.open({
    args: ['--callers', 'registered', '--unavailable', '404', '--phrases', 'classic'],
  });

  it.each(['INVITE', 'MESSAGE', 'SUBSCRIBE', 'REFER'])(
    '%s of somebody unregistered is answered 400',
    async (method) => {
      const [eve, boris] = [await ground.phone('eve', { registered: false }), await ground.phone('boris')];
      const asked = send(eve, method, boris.aor);
      const answer = await final(eve, asked);
      expect(answer.status).toBe(400);
      if (method === 'INVITE') acknowledge(eve, asked, answer);
      await heardNothing(boris, asked.callId);
    },
  );

  it('once registered he may call, and be called back inside the call when his registration is gone', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    await register(anna, ['Contact: *', 'Expires: 0']);
    await register(boris, ['Contact: *', 'Expires: 0']);
    await hangUp(out, inc);
  });

  it('the caller’s CANCEL and ACK pass', async () => {
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

  it('a callee of ours who is not there: 404', async () => {
    const anna = await ground.phone('anna');
    expect((await final(anna, send(anna, 'MESSAGE', ground.aor('nobody')))).status).toBe(404);
  });

  it('our own answers use our own words, a phone’s keep the phone’s', async () => {
    const [anna, boris] = await ground.pair();
    expect((await register(anna, [`Contact: <${anna.uri}>`])).reason).toBe('OK - pohoda');
    const asked = send(anna, 'MESSAGE', boris.aor);
    boris.reply(await boris.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'b' });
    expect((await final(anna, asked)).reason).toBe('OK');
  });
});

describe.concurrent('--outbound', () => {
  const ground = Ground.open({
    args: ['--outbound', 'localhost', '--outbound', '127.0.0.88/32', '--t1', '200'],
  });

  it('RFC 3263: a name that is allowed is resolved and reached, with all that belongs to the call', async () => {
    const anna = await ground.phone('anna');
    const far = await ground.phone('far', { registered: false });
    const uri = `sip:far@localhost:${far.port}`;
    const out = Leg.open(anna, uri);
    const inc = await Leg.incoming(far, 'INVITE', out.callId);
    expect(inc.incoming.uri).toBe(uri);
    inc.contact = `<${uri}>`;
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    await hangUp(out, inc);
  });

  it('CANCEL while the name is being looked for, or right after it', async () => {
    const anna = await ground.phone('anna');
    const far = await ground.phone('far', { registered: false });
    const asked = ask(anna, 'INVITE', `sip:far@localhost:${far.port}`);
    anna.send(asked.text);
    anna.send(hopByHop('CANCEL', asked));
    await anna.response(200, 'CANCEL', asked.callId);
    const heard = new Set<string>();
    await until('the 487', () => {
      for (const request of far.seen(asked.callId)) {
        if (heard.has(request.method)) continue;
        heard.add(request.method);
        if (request.method === 'INVITE') far.reply(request, 180, 'Ringing', { tag: 'f' });
        const invite = far.seen(asked.callId)[0];
        if (request.method !== 'CANCEL' || invite === undefined) continue;
        far.reply(request, 200, 'OK');
        far.reply(invite, 487, 'Request Terminated', { tag: 'f' });
      }
      return anna.seen(asked.callId).some((m) => m.status === 487);
    });
  });

  it.each([
    ['sip:x@127.0.0.88', true],
    ['sip:x@127.0.0.89', false],
    ['sip:x@localhost.evil.example', false],
    ['sip:x@notlocalhost', false],
    ['sip:localhost@127.0.0.89', false],
    ['sip:x@127.0.0.89;maddr=127.0.0.88', false],
  ])('%s: %s', async (uri, allowed) => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', uri);
    if (!allowed) expect((await final(anna, asked)).status).toBe(403);
    else {
      await anna.settled();
      expect(anna.seen(asked.callId).filter((m) => m.status === 403)).toEqual([]);
    }
  });

  it('a name that leads nowhere: the call fails, and does not hang', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'INVITE', 'sip:x@localhost', { routes: ['<sip:localhost:0;lr>'] });
    const bad = await final(anna, asked);
    expect(bad.status).toBe(400);
    acknowledge(anna, asked, bad);
  });

  it('a Route that is allowed is followed', async () => {
    const anna = await ground.phone('anna');
    const far = await ground.phone('far', { registered: false, host: '127.0.0.88' });
    const asked = send(anna, 'MESSAGE', 'sip:x@anywhere.example', { routes: [`<sip:${far.hostPort};lr>`] });
    expect((await far.request('MESSAGE', asked.callId)).uri).toBe('sip:x@anywhere.example');
  });
});
