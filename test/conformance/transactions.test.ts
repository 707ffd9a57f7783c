// RFC 3261 §17: what is repeated, by us and by others, and what is made of it.
import { describe, expect, it } from 'vitest';
import { fresh, type Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import type { Message } from '../wire/puppet-message.ts';
import { type Asked, acknowledge, ask, count, final, Ground, hopByHop, send } from './ground.ts';

/** Repeats come soon; 64*T1, where they end, is more than six seconds away. */
const ground = Ground.open({ args: ['--t1', '100', '--t2', '400', '--t4', '500'] });

async function invited(): Promise<{ anna: Puppet; boris: Puppet; asked: Asked; invite: Message }> {
  const [anna, boris] = await ground.pair();
  const asked = send(anna, 'INVITE', boris.aor);
  return { anna, boris, asked, invite: await boris.request('INVITE', asked.callId) };
}

/** How often the phone was sent that request since. */
const times = (phone: Puppet, { method, callId }: Asked): number =>
  count(phone, callId, (m) => m.method === method);

describe.concurrent('§17.2.1: INVITE of a caller who repeats himself', () => {
  it('is answered with the 100 while nobody has spoken, and goes on once', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 100, 'Trying');
    await anna.response(100, 'INVITE', asked.callId);
    for (let i = 0; i < 3; i++) {
      anna.send(asked.text);
      await anna.response(100, 'INVITE', asked.callId);
    }
    await boris.settled();
    expect(times(boris, asked)).toBe(1);
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it('is answered with the last provisional', async () => {
    const { anna, boris, asked, invite } = await invited();
    for (const status of [180, 183]) {
      boris.reply(invite, status, `S${status}`, { tag: 'b' });
      const first = await anna.response(status, 'INVITE', asked.callId);
      anna.send(asked.text);
      expect((await anna.response(status, 'INVITE', asked.callId)).text).toBe(first.text);
    }
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it('is answered with the refusal, the same bytes', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    const first = await final(anna, asked);
    anna.send(asked.text);
    expect((await final(anna, asked)).text).toBe(first.text);
    acknowledge(anna, asked, first);
  });

  it('after the ACK of a refusal is answered with nothing', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
    await anna.settled();
    const before = anna.seen(asked.callId).length;
    anna.send(asked.text);
    await anna.settled();
    expect(anna.seen(asked.callId)).toHaveLength(before);
    expect(times(boris, asked)).toBe(1);
  });

  it('RFC 6026 §7.1: after a 2xx is answered with nothing, and does not ring again', async () => {
    const [anna, boris] = await ground.pair();
    const { out } = await ground.talk(anna, boris);
    const before = anna.seen(out.callId).length;
    anna.send(out.opening);
    await anna.settled();
    await boris.settled();
    expect(anna.seen(out.callId)).toHaveLength(before);
    expect(count(boris, out.callId, (m) => m.method === 'INVITE')).toBe(1);
  });

  it('the refusal is repeated until its ACK comes (timer G), and not after', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    const all: Message[] = [];
    for (let i = 0; i < 4; i++) all.push(await final(anna, asked));
    expect(new Set(all.map((m) => m.text)).size).toBe(1);
    const gaps = all.slice(1).map((m, i) => m.at - (all[i]?.at ?? 0));
    // At least T1, then twice that, then T2; a busy machine may make them longer.
    for (const [i, least] of [100, 200, 400].entries()) expect(gaps[i]).toBeGreaterThan(least * 0.5);
    acknowledge(anna, asked, all[0] as Message);
    await anna.settled();
    const before = anna.seen(asked.callId).length;
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(anna.seen(asked.callId)).toHaveLength(before);
  });
});

describe.concurrent('§17.2.3: which request is the same one', () => {
  it('not by where it comes from: branch, sent-by and method decide', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 180, 'Ringing', { tag: 'b' });
    await anna.response(180, 'INVITE', asked.callId);
    const other = await ground.phone('other', { registered: false });
    other.send(asked.text);
    await anna.response(180, 'INVITE', asked.callId);
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    other.send(hopByHop('ACK', asked, (await final(anna, asked)).get('to')));
    await boris.settled();
    expect(times(boris, asked)).toBe(1);
    await anna.settled();
    const before = anna.seen(asked.callId).length;
    anna.send(asked.text);
    await anna.settled();
    expect(anna.seen(asked.callId)).toHaveLength(before);
  });

  it('the same branch with another sent-by is another one', async () => {
    const [anna, boris] = await ground.pair();
    const first = send(anna, 'MESSAGE', boris.aor);
    await boris.request('MESSAGE', first.callId);
    anna.send(first.text.replace(anna.hostPort, `phone.example:${anna.port}`));
    await boris.request('MESSAGE', first.callId);
    anna.send(first.text);
    await boris.settled();
    expect(times(boris, first)).toBeGreaterThanOrEqual(2);
  });

  it('the same branch with another method is another one', async () => {
    const [anna, boris] = await ground.pair();
    const first = send(anna, 'MESSAGE', boris.aor);
    await boris.request('MESSAGE', first.callId);
    anna.send(first.text.replaceAll('MESSAGE', 'INFO'));
    await boris.request('INFO', first.callId);
  });

  it('sent-by without a port is the one with 5060, in any case of letters', async () => {
    const [anna, boris] = await ground.pair();
    const via = (sentBy: string) => [`SIP/2.0/UDP ${sentBy};branch=z9hG4bKsame${anna.user};rport`];
    const callId = fresh();
    for (const sentBy of ['Phone.example', 'phone.EXAMPLE:5060'])
      send(anna, 'MESSAGE', boris.aor, { via: via(sentBy), callId, fromTag: 'x' });
    await boris.request('MESSAGE', callId);
    await boris.settled();
    expect(count(boris, callId, (m) => m.method === 'MESSAGE' && m.cseq === 7)).toBe(1);
  });

  it.each(['', ';branch=1', ';branch=z9hG4bK'])(
    'RFC 2543: without a branch of its own (%j) by Call-ID, tags, CSeq, Request-URI and Via',
    async (branch) => {
      const [anna, boris] = await ground.pair();
      const via = [`SIP/2.0/UDP ${anna.hostPort}${branch}`];
      const asked = send(anna, 'MESSAGE', boris.aor, { via });
      const message = await boris.request('MESSAGE', asked.callId);
      boris.reply(message, 202, 'Accepted', { tag: 'b' });
      await final(anna, asked);
      anna.send(asked.text);
      await final(anna, asked);
      expect(times(boris, asked)).toBe(1);
      send(anna, 'MESSAGE', boris.aor, { via, callId: asked.callId, fromTag: asked.fromTag, cseq: 8 });
      await boris.expect('the next one', (m) => m.callId === asked.callId && m.cseq === 8);
    },
  );

  it('RFC 2543: INVITE, its refusal, its ACK and its CANCEL find each other, too', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'INVITE', boris.aor, { via: [`SIP/2.0/UDP ${anna.hostPort}`] });
    const invite = await boris.request('INVITE', asked.callId);
    boris.reply(invite, 180, 'Ringing', { tag: 'b' });
    await anna.response(180, 'INVITE', asked.callId);
    anna.send(hopByHop('CANCEL', asked));
    await anna.response(200, 'CANCEL', asked.callId);
    boris.reply(await boris.request('CANCEL', asked.callId), 200, 'OK');
    boris.reply(invite, 487, 'Request Terminated', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
    await boris.request('ACK', asked.callId);
    await boris.settled();
    expect(count(boris, asked.callId, (m) => m.method === 'ACK')).toBe(1);
  });
});

describe.concurrent('§17.2.2: any other request that comes again', () => {
  it.each(['MESSAGE', 'OPTIONS', 'FOO'])(
    '%s goes on once, and is answered with the final response',
    async (method) => {
      const [anna, boris] = await ground.pair();
      const asked = send(anna, method, boris.aor);
      const request = await boris.request(method, asked.callId);
      anna.send(asked.text);
      anna.send(asked.text);
      boris.reply(request, 200, 'OK', { tag: 'b' });
      const first = await final(anna, asked);
      anna.send(asked.text);
      expect((await final(anna, asked)).text).toBe(first.text);
      await boris.settled();
      expect(new Set(boris.seen(asked.callId).map((m) => m.branch)).size).toBe(1);
    },
  );

  it('to us is answered with the same bytes', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'OPTIONS', `sip:${ground.server.hostPort}`);
    const first = await final(anna, asked);
    anna.send(asked.text);
    expect((await final(anna, asked)).text).toBe(first.text);
  });

  it('a refusal of ours is answered with the same bytes', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', ground.aor(ground.name('nobody')));
    const first = await final(anna, asked);
    anna.send(asked.text);
    expect((await final(anna, asked)).text).toBe(first.text);
  });

  it('a REGISTER is carried out once', async () => {
    const anna = await ground.phone('anna', { registered: false });
    const lines = [`Contact: <${anna.uri}>`, 'Expires: 300'];
    const asked = send(anna, 'REGISTER', `sip:${anna.domain}`, { to: `<${anna.aor}>`, lines });
    const first = await final(anna, asked);
    anna.send(asked.text);
    expect((await final(anna, asked)).text).toBe(first.text);
    expect(first.status).toBe(200);
  });
});

describe.concurrent('§17.1: what we repeat', () => {
  it('INVITE to a phone that says nothing, until it does (timer A); the same bytes', async () => {
    const { anna, boris, asked, invite } = await invited();
    const all = [invite];
    for (let i = 0; i < 3; i++) all.push(await boris.request('INVITE', asked.callId));
    expect(new Set(all.map((m) => m.text)).size).toBe(1);
    for (const [i, least] of [100, 200, 400].entries())
      expect((all[i + 1]?.at ?? 0) - (all[i]?.at ?? 0)).toBeGreaterThan(least * 0.5);
    boris.reply(invite, 100, 'Trying');
    await boris.settled();
    const before = times(boris, asked);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(times(boris, asked)).toBe(before);
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it('§17.1.2: any other request, also after a provisional (timer E)', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    await boris.request('MESSAGE', asked.callId);
    boris.reply(message, 100, 'Trying');
    await boris.request('MESSAGE', asked.callId);
    boris.reply(message, 200, 'OK', { tag: 'b' });
    await final(anna, asked);
    await boris.settled();
    const before = times(boris, asked);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(times(boris, asked)).toBe(before);
  });

  it('§17.1.1.2: the ACK, for every refusal the phone repeats, and the caller hears it once', async () => {
    const { anna, boris, asked, invite } = await invited();
    const acks: string[] = [];
    for (let i = 0; i < 3; i++) {
      boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
      acks.push((await boris.request('ACK', asked.callId)).text);
    }
    expect(new Set(acks).size).toBe(1);
    acknowledge(anna, asked, await final(anna, asked));
    await anna.settled();
  });

  it('CANCEL to a phone that does not answer it', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 180, 'Ringing', { tag: 'b' });
    await anna.response(180, 'INVITE', asked.callId);
    anna.send(hopByHop('CANCEL', asked));
    const first = await boris.request('CANCEL', asked.callId);
    expect((await boris.request('CANCEL', asked.callId)).text).toBe(first.text);
    boris.reply(first, 200, 'OK');
    boris.reply(invite, 487, 'Request Terminated', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
  });
});

describe.concurrent('§13.2.2.4, §17.1.1.3: ACK', () => {
  it('of a refusal ends with us', async () => {
    const { anna, boris, asked, invite } = await invited();
    boris.reply(invite, 486, 'Busy Here', { tag: 'b' });
    const busy = await final(anna, asked);
    await boris.request('ACK', asked.callId);
    acknowledge(anna, asked, busy);
    acknowledge(anna, asked, busy);
    await anna.settled();
    await boris.settled();
    expect(count(boris, asked.callId, (m) => m.method === 'ACK')).toBe(1);
  });

  it('of a 2xx goes through, each time, and is never answered', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    const before = anna.seen(out.callId).length;
    for (let i = 0; i < 3; i++) {
      out.ack();
      await inc.request('ACK');
    }
    await anna.settled();
    expect(anna.seen(out.callId)).toHaveLength(before);
  });

  it('of a 2xx with the branch of its INVITE, as old phones send it, goes through', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(200, 'OK');
    await out.response(200);
    const branch = /branch=([^;\r]+)/.exec(out.opening)?.[1] ?? '';
    anna.send(out.text('ACK', { branch }));
    expect((await inc.request('ACK')).toTag).toBe(inc.localTag);
  });

  it('to nothing is dropped', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'ACK', 'sip:x@away.example', { toTag: 'none' });
    anna.send(asked.text);
    await anna.settled();
    await boris.settled();
    expect([...anna.seen(asked.callId), ...boris.seen(asked.callId)]).toEqual([]);
  });
});
