// RFC 3261 §16.12: other proxies before and behind us, and phones of RFC 2543.
import { describe, expect, it } from 'vitest';
import { fresh, type Puppet } from '../wire/puppet.ts';
import { reply } from '../wire/puppet-message.ts';
import { type Asked, ask, final, Ground, hopByHop, register, send } from './ground.ts';

const ground = Ground.open();

const OTHER_HOST = `127.0.${1 + (process.pid % 200)}.51`;

/** A request as a proxy of somebody else's sends it on. */
function relayed(proxy: Puppet, { text }: Asked): string {
  const added = [
    `Via: SIP/2.0/UDP ${proxy.hostPort};branch=z9hG4bK${fresh()};rport`,
    `Record-Route: <sip:${proxy.hostPort};lr>`,
  ];
  return text.replace('\r\nVia:', () => `\r\n${added.join('\r\n')}\r\nVia:`);
}

describe.concurrent('a proxy before us', () => {
  it.each([
    ['the same address as its phone', '127.0.0.1'],
    ['another address', OTHER_HOST],
  ])('at %s: everything of a call goes through it, both ways', async (_what, host) => {
    const anna = await ground.phone('anna', { registered: false });
    const boris = await ground.phone('boris');
    const proxy = await ground.phone('proxy', { registered: false, host });
    const asked = ask(anna, 'INVITE', boris.aor, {
      via: [`SIP/2.0/UDP ${anna.hostPort};branch=z9hG4bK${fresh()}`],
    });
    const { callId, fromTag } = asked;
    proxy.send(relayed(proxy, asked));

    const invite = await boris.request('INVITE', callId);
    expect(invite.all('via')).toHaveLength(3);
    const hops = invite.all('record-route').map((route) => route.replace(/^<sip:([^@]*@)?|;lr>$/g, ''));
    expect(hops).toEqual([ground.server.hostPort, proxy.hostPort]);
    boris.reply(invite, 200, 'OK', { tag: 'b', lines: [`Contact: <${boris.uri}>`] });
    const ok = await proxy.response(200, 'INVITE', callId);
    expect(ok.all('via')).toHaveLength(2);

    const [, ...behindProxy] = ok.all('record-route').reverse();
    const inside = {
      callId,
      fromTag,
      toTag: 'b',
      to: `<${boris.aor}>`,
      from: `<${anna.aor}>`,
      routes: behindProxy,
    };
    send(proxy, 'ACK', boris.uri, { ...inside, cseq: asked.cseq });
    await boris.request('ACK', callId);

    const back = { callId, fromTag: 'b', toTag: fromTag, to: `<${anna.aor}>`, cseq: 99 };
    const bye = send(boris, 'BYE', anna.uri, { ...back, routes: invite.all('record-route') });
    const there = await proxy.request('BYE', callId);
    expect([there.uri, there.all('route')]).toEqual([anna.uri, [`<sip:${proxy.hostPort};lr>`]]);
    proxy.reply(there, 200, 'OK');
    expect((await final(boris, bye)).status).toBe(200);
    expect(anna.seen(callId)).toEqual([]);
  });
});

describe.concurrent('a proxy behind us', () => {
  /** A phone that is registered by way of an edge proxy. */
  async function behind() {
    const anna = await ground.phone('anna');
    const edge = await ground.phone('edge', { registered: false, host: OTHER_HOST });
    const contact = `sip:${edge.user}@192.168.77.${1 + Math.floor(Math.random() * 250)}:5062`;
    await register(edge, [`Contact: <${contact}>`, `Path: <sip:${edge.hostPort};lr>`, 'Supported: path']);
    return { anna, edge, contact };
  }

  it('that records its route: requests of the call carry its Route once', async () => {
    const { anna, edge, contact } = await behind();
    const asked = send(anna, 'INVITE', edge.aor);
    const invite = await edge.request('INVITE', asked.callId);
    expect([invite.uri, invite.all('route')]).toEqual([contact, [`<sip:${edge.hostPort};lr>`]]);
    const own = `Record-Route: <sip:${edge.hostPort};lr>`;
    const answer = reply(invite, 200, 'OK', { tag: 'b', lines: [`Contact: <${contact}>`] });
    edge.send(answer.replace('Record-Route:', `${own}\r\nRecord-Route:`));
    const ok = await final(anna, asked);
    const inside = {
      callId: asked.callId,
      fromTag: asked.fromTag,
      toTag: 'b',
      routes: ok.all('record-route').reverse(),
    };
    send(anna, 'ACK', contact, { ...inside, cseq: 7 });
    expect((await edge.request('ACK', asked.callId)).all('route')).toEqual([`<sip:${edge.hostPort};lr>`]);
    const info = send(anna, 'INFO', contact, { ...inside, cseq: 8 });
    const there = await edge.request('INFO', asked.callId);
    expect([there.uri, there.all('route')]).toEqual([contact, [`<sip:${edge.hostPort};lr>`]]);
    edge.reply(there, 200, 'OK');
    await final(anna, info);
    const back = { callId: asked.callId, fromTag: 'b', toTag: asked.fromTag, to: `<${anna.aor}>`, cseq: 5 };
    const bye = send(edge, 'BYE', anna.uri, { ...back, routes: invite.all('record-route') });
    anna.reply(await anna.request('BYE', asked.callId), 200, 'OK');
    await final(edge, bye);
  });

  it('that does not: its Path leads there all the same', async () => {
    const { anna, edge, contact } = await behind();
    const asked = send(anna, 'INVITE', edge.aor);
    const invite = await edge.request('INVITE', asked.callId);
    edge.reply(invite, 200, 'OK', { tag: 'b', lines: [`Contact: <${contact}>`] });
    const ok = await final(anna, asked);
    const inside = {
      callId: asked.callId,
      fromTag: asked.fromTag,
      toTag: 'b',
      routes: ok.all('record-route').reverse(),
    };
    send(anna, 'ACK', contact, { ...inside, cseq: 7 });
    expect((await edge.request('ACK', asked.callId)).uri).toBe(contact);
  });

  it('that forks: several 1xx and 2xx with tags of their own come through one branch', async () => {
    const { anna, edge, contact } = await behind();
    const asked = send(anna, 'INVITE', edge.aor);
    const invite = await edge.request('INVITE', asked.callId);
    for (const tag of ['one', 'two']) edge.reply(invite, 180, 'Ringing', { tag });
    for (const tag of ['one', 'two'])
      edge.reply(invite, 200, 'OK', { tag, lines: [`Contact: <${contact};${tag}>`] });
    const ringing = [
      await anna.response(180, 'INVITE', asked.callId),
      await anna.response(180, 'INVITE', asked.callId),
    ];
    expect(ringing.map((m) => m.toTag)).toEqual(['one', 'two']);
    const ok = [await final(anna, asked), await final(anna, asked)];
    expect(ok.map((m) => m.toTag)).toEqual(['one', 'two']);
    for (const { toTag, ...answer } of ok.map((m) => ({
      toTag: m.toTag,
      routes: m.all('record-route').reverse(),
    }))) {
      const inside = { callId: asked.callId, fromTag: asked.fromTag, toTag, routes: answer.routes };
      send(anna, 'ACK', `${contact};${toTag}`, { ...inside, cseq: 7 });
      expect((await edge.request('ACK', asked.callId)).toTag).toBe(toTag);
    }
  });

  it('that answers 487 to our CANCEL and 200 after all', async () => {
    const { anna, edge, contact } = await behind();
    const asked = send(anna, 'INVITE', edge.aor);
    const invite = await edge.request('INVITE', asked.callId);
    edge.reply(invite, 180, 'Ringing', { tag: 'one' });
    await anna.response(180, 'INVITE', asked.callId);
    anna.send(hopByHop('CANCEL', asked));
    edge.reply(await edge.request('CANCEL', asked.callId), 200, 'OK');
    edge.reply(invite, 200, 'OK', { tag: 'two', lines: [`Contact: <${contact}>`] });
    expect((await anna.response(200, 'INVITE', asked.callId)).toTag).toBe('two');
  });
});

describe.concurrent('RFC 2543: a phone without tags, branches, Contacts or Content-Length', () => {
  it('calls, and is called back inside the call', async () => {
    const [old, boris] = await ground.pair();
    const callId = fresh();
    const head = (method: string, uri: string, to: string, cseq: string, more: readonly string[] = []) =>
      `${[`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP ${old.hostPort}`, `From: ${old.aor}`, `To: ${to}`, `Call-ID: ${callId}`, `CSeq: ${cseq}`, ...more].join('\r\n')}\r\n\r\n`;
    old.send(
      head('INVITE', boris.aor, boris.aor, '1 INVITE', [`Contact: ${old.uri.replace(';transport=udp', '')}`]),
    );
    const invite = await boris.request('INVITE', callId);
    boris.reply(invite, 180, 'Ringing', { tag: 'b' });
    boris.reply(invite, 200, 'OK', { tag: 'b', lines: [`Contact: <${boris.uri}>`] });
    const ok = await old.response(200, 'INVITE', callId);
    const routes = ok
      .all('record-route')
      .reverse()
      .map((route) => `Route: ${route}`);
    const to = `<${boris.aor}>;tag=b`;
    old.send(head('ACK', boris.uri, to, '1 ACK', routes));
    await boris.request('ACK', callId);
    const back = {
      callId,
      fromTag: 'b',
      from: `<${boris.aor}>`,
      to: `<${old.aor}>`,
      routes: invite.all('record-route'),
    };
    const info = send(boris, 'INFO', old.uri, { ...back, cseq: 4 });
    old.reply(await old.request('INFO', callId), 200, 'OK');
    await final(boris, info);
    const bye = send(boris, 'BYE', old.uri, { ...back, cseq: 5 });
    old.reply(await old.request('BYE', callId), 200, 'OK');
    await final(boris, bye);
    await ground.server.wrote(callId, [
      `Incomming Call From: ${old.aor} >> To: ${boris.aor}`,
      `\tCall Ringing at ${boris.aor}`,
      `\tCall Answered by ${boris.aor}`,
      '\tCall Has Ended',
    ]);
  });

  it('is called: its answers without a To tag go through', async () => {
    const [anna, old] = await ground.pair();
    const asked = send(anna, 'INVITE', old.aor);
    const invite = await old.request('INVITE', asked.callId);
    old.send(reply(invite, 180, 'Ringing', { contentLength: false }));
    await anna.response(180, 'INVITE', asked.callId);
    old.send(reply(invite, 200, 'OK', { contentLength: false, lines: [`Contact: ${old.uri}`] }));
    const ok = await anna.response(200, 'INVITE', asked.callId);
    expect(ok.toTag).toBe('');
    const { callId, fromTag } = asked;
    send(anna, 'ACK', old.uri, { callId, fromTag, cseq: 7, routes: ok.all('record-route').reverse() });
    await old.request('ACK', callId);
    const bye = send(anna, 'BYE', old.uri, {
      callId,
      fromTag,
      cseq: 8,
      routes: ok.all('record-route').reverse(),
    });
    old.reply(await old.request('BYE', callId), 200, 'OK');
    await final(anna, bye);
    await ground.server.wrote(callId, [
      `Incomming Call From: ${anna.aor} >> To: ${old.aor}`,
      `\tCall Ringing at ${old.aor}`,
      `\tCall Answered by ${old.aor}`,
      '\tCall Has Ended',
    ]);
  });

  it('writes what it knows in odd ways', async () => {
    const [old, boris] = await ground.pair();
    const callId = fresh();
    old.send(
      [
        `MESSAGE ${boris.aor} sip/2.0`,
        `vIA:sip/2.0/udp ${old.hostPort} ;BRANCH=z9hG4bK${callId} ; RPORT`,
        `FROM:<${old.aor}>;TAG=x`,
        `tO : <${boris.aor}>`,
        `I:${callId}`,
        'cseq:0001    MESSAGE',
        'MAX-forwards:  070',
        'L:2',
        '',
        'hi',
      ].join('\r\n'),
    );
    const there = await boris.request('MESSAGE', callId);
    expect([there.body, there.get('max-forwards')]).toEqual(['hi', '69']);
    boris.reply(there, 200, 'OK', { tag: 'b' });
    await old.response(200, 'MESSAGE', callId);
  });
});
