// RFC 3261 §16.4, §16.5, §16.12: Route sets, strict routers, and where a Request-URI leads.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { type Message, uriOf } from '../wire/puppet-message.ts';
import { acknowledge, final, Ground, heardNothing, type Parts, register, send } from './ground.ts';

const ground = Ground.open({ args: ['--domain', 'conformance.test'] });

const ours = (): string => ground.server.hostPort;

async function arrives(
  uri: (boris: Puppet) => string,
  parts: (boris: Puppet) => Parts = () => ({}),
): Promise<Message> {
  const [anna, boris] = await ground.pair();
  const asked = send(anna, 'MESSAGE', uri(boris), parts(boris));
  return boris.request('MESSAGE', asked.callId);
}

async function status(method: string, uri: string, parts: Parts = {}): Promise<number> {
  const anna = await ground.phone('anna');
  const asked = send(anna, method, uri, parts);
  const response = await final(anna, asked);
  if (method === 'INVITE') acknowledge(anna, asked, response);
  return response.status;
}

describe.concurrent('§16.4: a Route set that begins with us', () => {
  it.each([
    ['<sip:HOST:PORT;lr>', 'as phones write it'],
    ['<sip:HOST;lr>', 'without a port'],
    ['<sip:conformance.test;lr>', 'by the name of our domain'],
    ['<sip:CONFORMANCE.test:PORT;lr=on>', 'by the name of our domain in capitals, `lr` with a value'],
    ['"Us" <sip:anybody@HOST:PORT;transport=udp;lr>;x=y', 'with a display name, a user and parameters'],
    ['<sip:HOST:PORT>', 'without lr'],
    ['<sip:HOST:PORT;lr>, <sip:conformance.test;lr>', 'twice in one line'],
  ])('is taken off: %s, %s', async (form) => {
    const route = form.replaceAll('HOST', ground.server.host).replaceAll('PORT', String(ground.server.port));
    const message = await arrives(
      (boris) => boris.aor,
      () => ({ routes: [route] }),
    );
    expect(message.has('route')).toBe(false);
  });

  it('taken off leaves the phone’s own Route behind it as it was written', async () => {
    const route = (boris: Puppet) => `<sip:${boris.hostPort};lr>;a = "b,c"`;
    const message = await arrives(
      (boris) => boris.aor,
      (boris) => ({ routes: [`<sip:${ours()};lr> , ${route(boris)}`] }),
    );
    expect(message.all('route')).toHaveLength(1);
    expect(message.get('route')).toMatch(/;a = "b,c"$/);
  });

  it('compact or odd spelling does not hide it', async () => {
    const message = await arrives(
      (boris) => boris.aor,
      () => ({ lines: [`rOuTe  : <sip:${ours()};lr>`] }),
    );
    expect(message.has('route')).toBe(false);
  });

  it('a port of our address where we do not listen is not us', async () => {
    expect(await status('MESSAGE', ground.aor('x'), { routes: [`<sip:${ground.server.host}:1;lr>`] })).toBe(
      403,
    );
  });
});

describe.concurrent('§16.6 step 6: the next Route', () => {
  it('that is loose gets the request, Request-URI untouched, Route still there', async () => {
    const [anna, edge] = await ground.pair();
    const route = `<sip:${edge.hostPort};lr>`;
    const uri = 'sip:far@away.example;x=y';
    const asked = send(anna, 'MESSAGE', uri, {
      routes: [`<sip:${ours()};lr>`, route, '<sip:next.example;lr>'],
    });
    const message = await edge.request('MESSAGE', asked.callId);
    expect(message.uri).toBe(uri);
    expect(message.all('route')).toEqual([route, '<sip:next.example;lr>']);
  });

  it('that is strict becomes the Request-URI, the target goes to the end of the Routes', async () => {
    const [anna, edge] = await ground.pair();
    const asked = send(anna, 'MESSAGE', 'sip:far@away.example;x=y', {
      routes: [`<sip:${ours()};lr>`, `<sip:${edge.hostPort};transport=udp>`, '<sip:next.example>'],
    });
    const message = await edge.request('MESSAGE', asked.callId);
    expect(message.uri).toBe(`sip:${edge.hostPort};transport=udp`);
    expect(message.all('route')).toEqual(['<sip:next.example>', '<sip:far@away.example;x=y>']);
  });

  it('goes before the Request-URI, though that is an AOR of ours', async () => {
    const [anna, boris] = await ground.pair();
    const edge = await ground.phone('edge');
    const asked = send(anna, 'MESSAGE', boris.aor, { routes: [`<sip:${edge.hostPort};lr>`] });
    await edge.request('MESSAGE', asked.callId);
    await heardNothing(boris, asked.callId);
  });

  it.each(['<sip:192.0.2.7;lr>', '<sip:edge.example;lr>', '<sip:192.0.2.7>', 'sip:192.0.2.7'])(
    '%s is nobody of ours: 403',
    async (route) => {
      expect(await status('MESSAGE', ground.aor('x'), { routes: [`<sip:${ours()};lr>`, route] })).toBe(403);
    },
  );

  it.each(['<sip:>', '<>', 'sip:a b', '<sip:x@y', '<tel:+1>', '<http://x>', ';lr', '"x'])(
    'that cannot be read, %s, is answered 400',
    async (route) => {
      expect(await status('MESSAGE', ground.aor('x'), { routes: [route] })).toBe(400);
    },
  );
});

describe.concurrent('§16.4: a strict router before us', () => {
  /** A standing call, and our Record-Route URI as a strict router would put it into the Request-URI. */
  async function call() {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    return { anna, boris, out, inc, sealed: uriOf(out.routes[0] ?? '') };
  }

  const inside = (leg: Leg, routes: readonly string[]): Parts => ({
    callId: leg.callId,
    fromTag: leg.localTag,
    toTag: leg.remoteTag,
    cseq: ++leg.cseq,
    routes,
  });

  it('puts the target into the last Route, and it comes back into the Request-URI', async () => {
    const { anna, boris, out, sealed } = await call();
    send(anna, 'INFO', sealed, inside(out, [`<${boris.uri}>`]));
    const info = await boris.request('INFO', out.callId);
    expect([info.uri, info.has('route')]).toEqual([boris.uri, false]);
  });

  it('may drop our URI’s parameters', async () => {
    const { anna, boris, out, sealed } = await call();
    send(anna, 'INFO', sealed.replace(';lr', ''), inside(out, [`<${boris.uri}>`]));
    expect((await boris.request('INFO', out.callId)).uri).toBe(boris.uri);
  });

  it('from the callee’s side as well', async () => {
    const { anna, boris, inc, sealed } = await call();
    send(boris, 'INFO', sealed, inside(inc, [`<${anna.uri}>`]));
    expect((await anna.request('INFO', inc.callId)).uri).toBe(anna.uri);
  });

  it('without any Route is answered 400', async () => {
    const { anna, out, sealed } = await call();
    expect((await final(anna, send(anna, 'INFO', sealed, inside(out, [])))).status).toBe(400);
  });

  it('leads nowhere with another target than the two sides', async () => {
    const { anna, boris, out, sealed } = await call();
    const asked = send(anna, 'INFO', sealed, inside(out, ['<sip:192.0.2.7>']));
    const there = await boris.request('INFO', out.callId);
    expect(there.uri).toBe('sip:192.0.2.7');
    boris.reply(there, 200, 'OK');
    await final(anna, asked);
  });

  it('is a phone with an ACK as well', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(200, 'OK');
    await out.response(200);
    send(anna, 'ACK', uriOf(out.routes[0] ?? ''), {
      callId: out.callId,
      fromTag: out.localTag,
      toTag: out.remoteTag,
      cseq: out.cseq,
      routes: [`<${boris.uri}>`],
    });
    expect((await inc.request('ACK')).uri).toBe(boris.uri);
  });
});

describe.concurrent('§16.5: an AOR of ours', () => {
  const written = (uri: string): string =>
    uri.replace('HOST', ground.server.host).replace('PORT', String(ground.server.port));

  it.each<[string, (user: string) => string]>([
    ['our port', (user) => `sip:${user}@HOST:PORT`],
    ['an escaped user', (user) => `sip:%${user.charCodeAt(0).toString(16)}${user.slice(1)}@HOST`],
    ['parameters', (user) => `sip:${user}@HOST;user=phone;transport=tcp;x`],
    ['a password', (user) => `sip:${user}:secret@HOST`],
    ['maddr', (user) => `sip:${user}@HOST;maddr=192.0.2.1`],
  ])('is found with %s', async (_what, uri) => {
    expect((await arrives((boris) => written(uri(boris.user)))).uri).toContain('sip:boris');
  });

  it.each<[string, string]>([
    ['its domain', 'conformance.test'],
    ['capitals in the host', 'CONFORMANCE.Test'],
    ['a dot at the end of the host', 'conformance.test.'],
    ['domain and port', 'conformance.test:PORT'],
  ])('of a named domain is found with %s', async (_what, host) => {
    const [anna, boris] = await ground.pair();
    const to = `<sip:${boris.user}@conformance.test>`;
    await register(boris, [`Contact: <${boris.uri}>`], { to });
    const asked = send(anna, 'MESSAGE', written(`sip:${boris.user}@${host}`));
    expect((await boris.request('MESSAGE', asked.callId)).uri).toBe(boris.uri);
  });

  it('is another one in another domain, and in another case of the user', async () => {
    const boris = await ground.phone('boris');
    expect(await status('MESSAGE', `sip:${boris.user}@conformance.test`)).toBe(480);
    expect(await status('MESSAGE', boris.aor.replace('boris', 'Boris'))).toBe(480);
  });

  it.each(['INVITE', 'MESSAGE', 'OPTIONS', 'REFER', 'SUBSCRIBE', 'INFO', 'NOTIFY', 'FOO'])(
    'where nobody is registered: 480 to %s',
    async (method) => {
      expect(await status(method, ground.aor(ground.name('nobody')), { lines: ['Event: x'] })).toBe(480);
    },
  );

  it('whose phone is gone: 480', async () => {
    const boris = await ground.phone('boris');
    await boris.register(['Expires: 0']);
    expect(await status('INVITE', boris.aor)).toBe(480);
  });

  it('that leads to another AOR of ours is looked up again', async () => {
    const [anna, boris] = await ground.pair();
    const work = ground.aor(ground.name('work'));
    await register(boris, [`Contact: <${boris.aor}>`], { to: `<${work}>` });
    const asked = send(anna, 'MESSAGE', work);
    expect((await boris.request('MESSAGE', asked.callId)).uri).toBe(boris.uri);
  });

  it('whose Contact is the AOR itself leads where the REGISTER came from', async () => {
    const [anna, boris] = [await ground.phone('anna'), await ground.phone('boris', { registered: false })];
    await register(boris, [`Contact: <${boris.aor}>`]);
    const asked = send(anna, 'MESSAGE', boris.aor);
    expect((await boris.request('MESSAGE', asked.callId)).uri).toBe(boris.aor);
  });

  it('that leads round in a circle ends: 480', async () => {
    const anna = await ground.phone('anna');
    const [one, two] = [ground.aor(ground.name('one')), ground.aor(ground.name('two'))];
    await register(anna, [`Contact: <${two}>`], { to: `<${one}>` });
    await register(anna, [`Contact: <${one}>`], { to: `<${two}>` });
    expect(await status('INVITE', one)).toBe(480);
    expect(await status('MESSAGE', two)).toBe(480);
  });

  it('§16.5: by two ways to one phone rings once', async () => {
    const [anna, boris] = await ground.pair();
    const [work, night] = [ground.aor(ground.name('work')), ground.aor(ground.name('night'))];
    await register(boris, [`Contact: <${boris.aor}>`], { to: `<${night}>` });
    await register(boris, [`Contact: <${boris.aor}>, <${night}>, <${boris.uri}>`], { to: `<${work}>` });
    const { callId } = send(anna, 'MESSAGE', work);
    await boris.request('MESSAGE', callId);
    await boris.settled();
    expect(new Set(boris.seen(callId).map((m) => m.branch)).size).toBe(1);
  });

  it('§16.6: that leads to other AORs asks them in the order it gives', async () => {
    const [anna, boris] = await ground.pair();
    const cyril = await ground.phone('cyril');
    const work = ground.aor(ground.name('work'));
    await register(boris, [`Contact: <${boris.aor}>;q=0.2, <${cyril.aor}>;q=0.8`], { to: `<${work}>` });
    const asked = send(anna, 'MESSAGE', work);
    const first = await cyril.request('MESSAGE', asked.callId);
    await heardNothing(boris, asked.callId);
    cyril.reply(first, 480, 'Away', { tag: 'c' });
    boris.reply(await boris.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'b' });
    expect((await final(anna, asked)).toTag).toBe('b');
  });
});

describe.concurrent('§16.5: other Request-URIs', () => {
  it('a phone’s own address is reached as it was written', async () => {
    const uri = (boris: Puppet) => `sip:focus@${boris.hostPort};conf-id=r5rVr;x`;
    const message = await arrives(uri);
    expect(message.uri).toMatch(/^sip:focus@[\d.]+:\d+;conf-id=r5rVr;x$/);
  });

  it.each([
    ['INVITE', 404],
    ['MESSAGE', 405],
    ['SUBSCRIBE', 405],
    ['FOO', 405],
    ['OPTIONS', 200],
  ])('our own address without a user, for %s: %d', async (method, expected) => {
    expect(await status(method, `sip:${ours()}`)).toBe(expected);
    expect(await status(method, 'sip:conformance.test')).toBe(expected);
  });

  it('§11.2: OPTIONS to us says what we do', async () => {
    const anna = await ground.phone('anna');
    const response = await final(anna, send(anna, 'OPTIONS', `sip:${ours()}`));
    expect(response.all('allow')).toEqual(
      expect.arrayContaining(['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'REGISTER']),
    );
    expect(response.get('accept')).toBe('application/sdp');
    expect(response.all('supported')).toContain('path');
    expect(response.toTag).not.toBe('');
  });

  it('§8.2.2.2: OPTIONS to us by two ways is answered once, then 482', async () => {
    const anna = await ground.phone('anna');
    const uri = `sip:${ours()}`;
    const first = send(anna, 'OPTIONS', uri);
    expect((await final(anna, first)).status).toBe(200);
    const { callId, fromTag, cseq } = first;
    expect((await final(anna, send(anna, 'OPTIONS', uri, { callId, fromTag }))).status).toBe(482);
    expect((await final(anna, send(anna, 'OPTIONS', uri, { callId, fromTag, cseq: cseq + 1 }))).status).toBe(
      200,
    );
    expect((await final(anna, send(anna, 'OPTIONS', uri, { callId, fromTag: 'other' }))).status).toBe(200);
  });

  it('§8.2.1: 405 says what would be allowed', async () => {
    const anna = await ground.phone('anna');
    const response = await final(anna, send(anna, 'MESSAGE', `sip:${ours()}`));
    expect([response.status, response.all('allow').length > 3]).toEqual([405, true]);
  });

  it('the focus of a conference is found by its conf-id, which stays in the Request-URI', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'SUBSCRIBE', `${boris.aor};conf-id=r5rVr`, {
      lines: ['Event: conference', 'Expires: 60'],
    });
    const there = await boris.request('SUBSCRIBE', asked.callId);
    expect(there.uri).toBe(`${boris.uri};conf-id=r5rVr`);
    boris.reply(there, 489, 'Bad Event', { tag: 'b' });
    expect((await final(anna, asked)).status).toBe(489);
  });

  it('RFC 5627 §5.1: a GRUU names one of several phones', async () => {
    const anna = await ground.phone('anna');
    const phones = await ground.fork([1, 1]);
    for (const [i, phone] of phones.entries()) {
      await register(phone, [`Contact: <${phone.uri}>;+sip.instance="<urn:uuid:dev-${phone.user}-${i}>"`]);
    }
    const [one, two] = phones as [Puppet, Puppet];
    const { callId } = send(anna, 'MESSAGE', `${one.aor};gr=urn:uuid:dev-${one.user}-1`);
    await two.request('MESSAGE', callId);
    await heardNothing(one, callId);
  });
});

describe.concurrent('RFC 3327: Path', () => {
  it('§5.4: becomes the Route, and leads to the edge', async () => {
    const anna = await ground.phone('anna');
    const edge = await ground.phone('edge', { registered: false });
    const path = `<sip:${edge.hostPort};lr;x=y%2Cz>`;
    await register(edge, [
      'Contact: <sip:far@192.168.9.9:5099>',
      `Path: ${path}, <sip:inner.example;lr>`,
      'Supported: path',
    ]);
    const { callId } = send(anna, 'MESSAGE', edge.aor);
    const message = await edge.request('MESSAGE', callId);
    expect(message.uri).toBe('sip:far@192.168.9.9:5099');
    expect(message.all('route')).toEqual([path, '<sip:inner.example;lr>']);
  });

  it('§5.3: is told back to whom it concerns only if it understands', async () => {
    const edge = await ground.phone('edge', { registered: false });
    const lines = [`Contact: <${edge.uri}>`, `Path: <sip:${edge.hostPort};lr>`];
    expect((await register(edge, lines)).has('path')).toBe(false);
    expect((await register(edge, [...lines, 'Supported: path'])).get('path')).toBe(
      `<sip:${edge.hostPort};lr>`,
    );
  });

  it('stands before the Routes the caller gave', async () => {
    const [anna, edge] = [await ground.phone('anna'), await ground.phone('edge', { registered: false })];
    await register(edge, [`Contact: <${edge.uri}>`, `Path: <sip:${edge.hostPort};lr>`]);
    const { callId } = send(anna, 'MESSAGE', edge.aor, { routes: [`<sip:${ours()};lr>`] });
    expect((await edge.request('MESSAGE', callId)).all('route')).toEqual([`<sip:${edge.hostPort};lr>`]);
  });

  it('that names a third party is not followed: the flow is', async () => {
    const [anna, boris] = await ground.pair();
    const eve = await ground.phone('eve', { registered: false, host: '127.0.0.66' });
    await register(eve, ['Contact: <sip:e@192.168.9.9>', `Path: <sip:${boris.hostPort};lr>`]);
    const { callId } = send(anna, 'MESSAGE', eve.aor);
    await eve.request('MESSAGE', callId);
    await heardNothing(boris, callId);
  });
});
