// RFC 3261 §16.3: what a request must be before it is forwarded.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import type { Message } from '../wire/puppet-message.ts';
import { acknowledge, ask, final, Ground, heardNothing, hopByHop, type Parts, send } from './ground.ts';

const ground = Ground.open();

/** What `anna` hears when she sends that to `boris`, who must not hear of it. */
async function refused(method: string, parts: Parts): Promise<Message> {
  const [anna, boris] = await ground.pair();
  const asked = send(anna, method, boris.aor, parts);
  const response = await final(anna, asked);
  if (method === 'INVITE') acknowledge(anna, asked, response);
  await heardNothing(boris, asked.callId);
  return response;
}

async function passed(method: string, parts: Parts): Promise<Message> {
  const [anna, boris] = await ground.pair();
  return boris.request(method, send(anna, method, boris.aor, parts).callId);
}

/** The same request as it came, sent on by its receiver: his own Via above the others, and what he changes. */
function sentOn(by: Puppet, request: Message, uri = request.uri): string {
  const lines = request.text.slice(request.start.length + 2);
  return `${request.method} ${uri} SIP/2.0\r\n${by.via()}\r\n${lines}`;
}

describe.concurrent('§16.3 step 3: Max-Forwards', () => {
  it.each([
    ['0', undefined],
    ['1', '0'],
    ['2', '1'],
    ['70', '69'],
    ['255', '254'],
    ['0070', '69'],
  ])('§16.6 step 3: %s goes on as %s', async (hops, expected) => {
    if (expected === undefined) expect((await refused('MESSAGE', { hops })).status).toBe(483);
    else expect((await passed('MESSAGE', { hops })).get('max-forwards')).toBe(expected);
  });

  it('§16.6 step 3: an absent one becomes 70', async () => {
    expect((await passed('MESSAGE', { hops: null })).get('max-forwards')).toBe('70');
  });

  it.each(['256', '-1', 'abc', '1.5', '99999999999999999999', '7 0', ''])(
    '%j is answered 400',
    async (hops) => {
      const response = await refused('MESSAGE', { hops });
      expect(response.status).toBe(400);
      expect(response.reason).toMatch(/Max-Forwards/);
    },
  );

  it('0 is answered 483 for an INVITE', async () => {
    expect((await refused('INVITE', { hops: 0 })).status).toBe(483);
  });

  it('0 is answered 483 for an OPTIONS that names a phone', async () => {
    expect((await refused('OPTIONS', { hops: 0 })).status).toBe(483);
  });

  it('0 is answered before anybody is looked up', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', ground.aor(ground.name('nobody')), { hops: 0 });
    expect((await final(anna, asked)).status).toBe(483);
  });

  it('0 does not matter to what is for the server itself', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'OPTIONS', `sip:${ground.server.hostPort}`, { hops: 0 });
    expect((await final(anna, asked)).status).toBe(200);
  });

  it('0 is answered 483 inside a dialog, which lives on', async () => {
    const { out, inc } = await ground.talk(...(await ground.pair()));
    out.puppet.send(out.text('INFO').replace('Max-Forwards: 70', 'Max-Forwards: 0'));
    await out.response(483, 'INFO');
    out.send('INFO');
    inc.puppet.reply(await inc.request('INFO'), 200, 'OK');
    await out.response(200, 'INFO');
  });

  it('two Max-Forwards lines are answered 400', async () => {
    expect((await refused('MESSAGE', { lines: ['Max-Forwards: 3'] })).status).toBe(400);
  });
});

describe.concurrent('§16.3 step 4: loops (RFC 5393)', () => {
  it('a request that comes back for the same target is answered 482', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'INVITE', boris.aor);
    const invite = await boris.request('INVITE', asked.callId);
    boris.send(sentOn(boris, invite, boris.aor));
    const loop = await boris.response(482, 'INVITE', asked.callId);
    expect(loop.all('via')).toHaveLength(3);
    boris.reply(invite, 482, 'Loop Detected', { tag: 'x' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it('a MESSAGE that comes back for the same target is answered 482', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    boris.send(sentOn(boris, message, boris.aor));
    expect((await boris.response(482, 'MESSAGE', asked.callId)).all('via')).toHaveLength(3);
  });

  it('a request that is sent back as it came ends in 482, not in Max-Forwards', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    let rounds = 0;
    for (;;) {
      const next = await boris.expect('MESSAGE or its end', (m) => m.callId === asked.callId);
      if (next.status === 482) break;
      expect(next.method).toBe('MESSAGE');
      expect(++rounds).toBeLessThan(4);
      boris.send(sentOn(boris, next));
    }
  });

  it('a spiral, sent on to another user, is forwarded', async () => {
    const [anna, boris] = await ground.pair();
    const cyril = await ground.phone('cyril');
    const asked = send(anna, 'INVITE', boris.aor);
    const invite = await boris.request('INVITE', asked.callId);
    boris.send(sentOn(boris, invite, cyril.aor));
    const spiral = await cyril.request('INVITE', asked.callId);
    expect(spiral.all('via')).toHaveLength(4);
    cyril.reply(spiral, 486, 'Busy Here', { tag: 'c' });
    boris.reply(invite, 486, 'Busy Here', { tag: 'c' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it('a spiral that comes home to its caller is forwarded', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    boris.send(sentOn(boris, message, anna.aor));
    expect((await anna.request('MESSAGE', asked.callId)).all('via')).toHaveLength(4);
  });

  it('a Via with our sent-by and another branch is no loop', async () => {
    const [anna, boris] = await ground.pair();
    const own = `SIP/2.0/UDP ${ground.server.hostPort};branch=z9hG4bK-ccsomething.else`;
    const via = [`SIP/2.0/UDP ${anna.hostPort};branch=z9hG4bK${ground.name()};rport`, own];
    const asked = send(anna, 'MESSAGE', boris.aor, { via });
    expect((await boris.request('MESSAGE', asked.callId)).all('via')).toHaveLength(3);
  });

  it('§8.2.2.2: a merged request, the same by two ways, is for the phone to refuse: both are forwarded', async () => {
    const [anna, boris] = await ground.pair();
    const first = send(anna, 'INVITE', boris.aor);
    const { callId, fromTag } = first;
    const second = send(anna, 'INVITE', boris.aor, { callId, fromTag });
    const one = await boris.request('INVITE', callId);
    const two = await boris.request('INVITE', callId);
    expect(one.branch).not.toBe(two.branch);
    boris.reply(two, 482, 'Loop Detected', { tag: 'merged' });
    boris.reply(one, 603, 'Decline', { tag: 'first' });
    const answers = [await final(anna, first), await final(anna, first)];
    expect(answers.map((m) => m.status).sort()).toEqual([482, 603]);
    for (const answer of answers) acknowledge(anna, answer.status === 482 ? second : first, answer);
  });
});

describe.concurrent('§16.3 step 5: Proxy-Require', () => {
  it('is answered 420 with every tag in Unsupported', async () => {
    const response = await refused('INVITE', { lines: ['Proxy-Require: foo, bar', 'Proxy-Require: baz'] });
    expect(response.status).toBe(420);
    const tags = response.all('unsupported').flatMap((value) => value.split(/\s*,\s*/));
    expect(tags).toEqual(['foo', 'bar', 'baz']);
  });

  it('is answered 420 inside a dialog, too', async () => {
    const { out } = await ground.talk(...(await ground.pair()));
    out.send('INFO', { lines: ['Proxy-Require: foo'] });
    await out.response(420, 'INFO');
  });

  it('§20.32: Require is for the phone: it goes on untouched', async () => {
    const request = await passed('INVITE', { lines: ['Require: 100rel, foo', 'Supported: timer'] });
    expect(request.text).toContain('\r\nRequire: 100rel, foo\r\nSupported: timer\r\n');
  });

  it('§8.2.2.3: Require of what is for the server itself is answered 420', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'OPTIONS', `sip:${ground.server.hostPort}`, { lines: ['Require: foo, bar'] });
    const response = await final(anna, asked);
    expect(response.status).toBe(420);
    expect(response.all('unsupported').flatMap((value) => value.split(/\s*,\s*/))).toEqual(['foo', 'bar']);
  });

  it('a CANCEL with Proxy-Require is answered like any other', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'INVITE', boris.aor);
    const invite = await boris.request('INVITE', asked.callId);
    boris.reply(invite, 180, 'Ringing', { tag: 'b' });
    await anna.response(180, 'INVITE', asked.callId);
    anna.send(hopByHop('CANCEL', asked).replace('Content-Length', 'Proxy-Require: foo\r\nContent-Length'));
    await anna.response(200, 'CANCEL', asked.callId);
    await boris.request('CANCEL', asked.callId);
  });
});

describe.concurrent('RFC 5393 §5: Max-Breadth', () => {
  it('0 is answered 440', async () => {
    expect((await refused('INVITE', { lines: ['Max-Breadth: 0'] })).status).toBe(440);
  });

  it('one branch keeps it all', async () => {
    expect((await passed('MESSAGE', { lines: ['Max-Breadth: 7'] })).get('max-breadth')).toBe('7');
  });

  it('branches that run together share it', async () => {
    const [one, two] = (await ground.fork([1, 1])) as [Puppet, Puppet];
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', one.aor, { lines: ['Max-Breadth: 7'] });
    const values = await Promise.all([one, two].map((p) => p.request('MESSAGE', asked.callId)));
    const shares = values.map((m) => Number(m.get('max-breadth')));
    expect(Math.min(...shares)).toBeGreaterThan(0);
    expect(shares.reduce((a, b) => a + b)).toBeLessThanOrEqual(7);
  });

  it('1 makes two equal contacts ring one after the other', async () => {
    const phones = await ground.fork([1, 1]);
    const anna = await ground.phone('anna');
    const asked = send(anna, 'INVITE', phones[0]?.aor ?? '', { lines: ['Max-Breadth: 1'] });
    const rings = phones.map((phone) => phone.request('INVITE', asked.callId));
    const first = await Promise.race(rings);
    const rung = phones.find((phone) => phone.seen(asked.callId).length > 0);
    const other = phones.find((phone) => phone !== rung);
    expect(other?.seen(asked.callId)).toEqual([]);
    rung?.reply(first, 486, 'Busy Here', { tag: 'one' });
    other?.reply((await Promise.all(rings))[other === phones[0] ? 0 : 1] ?? first, 486, 'Busy Here', {
      tag: 'two',
    });
    acknowledge(anna, asked, await final(anna, asked));
  });
});

describe.concurrent('§16.3 steps 1 and 2: syntax and scheme', () => {
  it.each(['tel:+421905123456', 'mailto:anna@example.org', 'unknownscheme:opaque'])(
    'a Request-URI %s is answered 416',
    async (uri) => {
      const anna = await ground.phone('anna');
      const asked = send(anna, 'INVITE', uri, { to: `<${anna.aor}>` });
      const response = await final(anna, asked);
      expect(response.status).toBe(416);
      acknowledge(anna, asked, response);
    },
  );

  it('§7.1: method names are case-sensitive: `invite` is a method nobody knows, and goes on as it is', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'invite', boris.aor, { lines: [] });
    const request = await boris.request('invite', asked.callId);
    expect(request.has('record-route')).toBe(false);
    boris.reply(request, 501, 'Not Implemented', { tag: 'b' });
    expect((await final(anna, asked)).status).toBe(501);
  });

  it('§8.2.1: a method nobody knows goes on', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'NEWMETHOD.1!', boris.aor);
    boris.reply(await boris.request('NEWMETHOD.1!', asked.callId), 200, 'OK', { tag: 'b' });
    expect((await final(anna, asked)).status).toBe(200);
  });

  it.each([0, 1, 2 ** 31 - 1])('§8.1.1.5: CSeq %d goes on', async (cseq) => {
    expect((await passed('MESSAGE', { cseq })).cseq).toBe(cseq);
  });

  it('§8.1.1.5: a CSeq of 2**31 is answered 400', async () => {
    expect((await refused('MESSAGE', { cseq: 2 ** 31 })).status).toBe(400);
  });

  it('a refusal carries all Vias, From, Call-ID and CSeq as they were, and a tag on To', async () => {
    const anna = await ground.phone('anna');
    const via = [
      'SIP/2.0/UDP a.example;branch=z9hG4bKone',
      'SIP/2.0/TCP b.example:99;branch=z9hG4bKtwo;x="y,z"',
    ];
    const own = `SIP/2.0/UDP ${anna.hostPort};branch=z9hG4bK${ground.name('via')}`;
    const asked = ask(anna, 'MESSAGE', anna.aor, { via: [own, ...via], hops: 0, from: '"A, B" <sip:a@b>' });
    anna.send(asked.text);
    const response = await final(anna, asked);
    expect(response.all('via')).toEqual([own, ...via]);
    expect(response.get('from')).toBe(`"A, B" <sip:a@b>;tag=${asked.fromTag}`);
    expect(response.get('to')).toMatch(/^<sip:anna\d+@127\.0\.0\.1>;tag=\S+$/);
    expect(response.get('content-length')).toBe('0');
  });
});
