// RFC 3261 §16.7: what becomes of a phone's answer on its way to the caller.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { type Message, reply } from '../wire/puppet-message.ts';
import {
  type Asked,
  acknowledge,
  count,
  final,
  Ground,
  hangUp,
  heardNothing,
  type Parts,
  send,
} from './ground.ts';

const ground = Ground.open();

/** An INVITE under way: with its caller and its callee. */
async function invited(
  parts: Parts = {},
): Promise<{ anna: Puppet; boris: Puppet; asked: Asked; invite: Message }> {
  const [anna, boris] = await ground.pair();
  const asked = send(anna, 'INVITE', boris.aor, parts);
  return { anna, boris, asked, invite: await boris.request('INVITE', asked.callId) };
}

async function end({ anna, boris, asked, invite }: Awaited<ReturnType<typeof invited>>): Promise<void> {
  boris.reply(invite, 486, 'Busy Here', { tag: 'end' });
  acknowledge(anna, asked, await final(anna, asked));
}

/** Everything of a call the caller was told, but our own 100. */
const told = (phone: Puppet, callId: string): number[] =>
  phone.seen(callId).flatMap((m) => (m.status > 100 ? [m.status] : []));

describe.concurrent('§16.7 step 5: provisional responses', () => {
  it('§16.2: a 100 of ours comes first, without a tag, before anybody has answered', async () => {
    const call = await invited();
    const trying = await call.anna.response(100, 'INVITE', call.asked.callId);
    expect([trying.toTag, trying.get('content-length'), trying.all('via').length]).toEqual(['', '0', 1]);
    await end(call);
  });

  it('a 100 of the phone stays with us', async () => {
    const call = await invited();
    call.boris.reply(call.invite, 100, 'Mine');
    call.boris.reply(call.invite, 180, 'Ringing', { tag: 'b' });
    await call.anna.response(180, 'INVITE', call.asked.callId);
    expect(count(call.anna, call.asked.callId, (m) => m.status === 100)).toBe(1);
    await end(call);
  });

  it('every other one goes on, repeated or not, in its order', async () => {
    const call = await invited();
    const all = [180, 183, 180, 181, 182, 199, 180, 170];
    for (const status of all) call.boris.reply(call.invite, status, 'X', { tag: 'b' });
    await call.anna.response(170, 'INVITE', call.asked.callId);
    expect(told(call.anna, call.asked.callId)).toEqual(all);
    await end(call);
  });

  it('RFC 3262: with RSeq, Require and a body they keep all of it', async () => {
    const call = await invited({ lines: ['Supported: 100rel', 'Contact: <sip:a@b>'] });
    const lines = ['Require: 100rel', 'RSeq: 813520', 'Content-Type: application/sdp'];
    call.boris.reply(call.invite, 183, 'Session Progress', { tag: 'b', lines, body: 'v=0\r\n' });
    const progress = await call.anna.response(183, 'INVITE', call.asked.callId);
    expect(progress.text).toContain(`${lines.join('\r\n')}\r\n`);
    expect(progress.body).toBe('v=0\r\n');
    await end(call);
  });

  it('§20.38: our 100 carries the Timestamp of the request', async () => {
    const call = await invited({ lines: ['Timestamp: 54.21', 'Contact: <sip:a@b>'] });
    expect((await call.anna.response(100, 'INVITE', call.asked.callId)).get('timestamp')).toBe('54.21');
    await end(call);
  });

  it('RFC 4320 §4.1: one to another method than INVITE stays with us', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    boris.reply(message, 183, 'Progress', { tag: 'b' });
    boris.reply(message, 200, 'OK', { tag: 'b' });
    await final(anna, asked);
    expect(told(anna, asked.callId)).toEqual([200]);
  });
});

describe.concurrent('§16.7 step 3: the answer keeps its bytes', () => {
  it('but for our Via', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const lines = [
      's: folded',
      ' twice',
      '\tover',
      'X-A:1',
      'x-a :  2',
      'Server: Škoda',
      'X-\x2a: \xff\xfe',
      'WARNING: 399 a "b"',
    ];
    const text = reply(await boris.request('MESSAGE', asked.callId), 200, '= 4**2 Všetko fajn', {
      tag: 'b',
      lines,
      body: 'a\0b\r\n\r\n\xff',
    }).replace(/Server: .*/, () => Buffer.from('Server: Škoda').toString('latin1'));
    const bytes = text.replace('Všetko', () => Buffer.from('Všetko').toString('latin1'));
    boris.send(bytes);
    const arrived = await final(anna, asked);
    expect(arrived.text).toBe(bytes.replace(/Via: .*\r\n/, ''));
  });

  it('§7.3.1: and when all Vias stand in one line, only ours is taken out of it', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    const text = reply(message, 200, 'OK', { tag: 'b' });
    const [own = '', theirs = ''] = message.all('via');
    boris.send(text.replace(`Via: ${own}\r\nVia: ${theirs}\r\n`, `v: ${own} ,${theirs}\r\n`));
    expect((await final(anna, asked)).all('via')).toEqual([theirs]);
  });

  it('an empty phrase, or none at all, goes on', async () => {
    const [anna, boris] = await ground.pair();
    for (const [i, phrase] of [' ', ''].entries()) {
      const asked = send(anna, 'MESSAGE', boris.aor);
      const message = await boris.request('MESSAGE', asked.callId);
      boris.send(reply(message, 299, 'PHRASE', { tag: 'b' }).replace(' PHRASE', phrase));
      const answer = await final(anna, asked);
      expect([answer.status, answer.start.slice(11).trim(), i]).toEqual([299, '', i]);
    }
  });

  it.each([
    200, 202, 299, 301, 302, 305, 380, 400, 403, 404, 405, 415, 420, 422, 480, 488, 489, 491, 500, 501, 504,
    580, 600, 603, 606, 699,
  ])('%d goes on with the phone’s own words', async (status) => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const lines = ['Contact: <sip:other@away.example>;q=0.3', 'Retry-After: 7 (x)'];
    boris.reply(await boris.request('MESSAGE', asked.callId), status, `Own ${status}`, { tag: 'b', lines });
    const answer = await final(anna, asked);
    expect(answer.start).toBe(`SIP/2.0 ${status} Own ${status}`);
    expect([answer.get('contact'), answer.get('retry-after')]).toEqual(
      lines.map((l) => l.replace(/.*?: /, '')),
    );
  });

  it.each(['INVITE', 'MESSAGE'])('§16.7 step 6: a 503 alone to %s becomes a 500', async (method) => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, method, boris.aor);
    const lines = ['Retry-After: 60'];
    boris.reply(await boris.request(method, asked.callId), 503, 'Go Away', { tag: 'b', lines });
    const answer = await final(anna, asked);
    expect(answer.status).toBe(500);
    if (method === 'INVITE') acknowledge(anna, asked, answer);
  });
});

describe.concurrent('§16.7 steps 1 to 3, §18.1.2: answers that are dropped', () => {
  const changes: ReadonlyArray<readonly [string, (text: string, request: Message) => string]> = [
    ['a branch that is not ours', (text, { branch }) => text.replace(branch, `${branch}x`)],
    ['another method in CSeq', (text) => text.replace(/CSeq: (\d+) MESSAGE/, 'CSeq: $1 INFO')],
    ['no Via but ours', (text) => text.replace(/Via: [^\r]*;received=[^\r]*\r\n/, '')],
    ['no Via at all', (text) => text.replace(/Via: [^\r]*\r\n/g, '')],
    ['a status beyond all classes', (text) => text.replace('SIP/2.0 200', 'SIP/2.0 700')],
    ['a status of four digits', (text) => text.replace('SIP/2.0 200', 'SIP/2.0 2000')],
    ['another version', (text) => text.replace('SIP/2.0 200', 'SIP/3.0 200')],
    ['a body shorter than it says', (text) => text.replace('Content-Length: 0', 'Content-Length: 9')],
    [
      'our Via below another one',
      (text) => text.replace('Via:', 'Via: SIP/2.0/UDP x.example;branch=z9hG4bKx\r\nVia:'),
    ],
  ];
  it.each(changes)('%s', async (_what, change) => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    const text = reply(message, 200, 'OK', { tag: 'b' });
    const changed = change(text, message);
    expect(changed).not.toBe(text);
    boris.send(changed);
    await boris.settled();
    await heardNothing(anna, asked.callId);
    boris.send(text);
    expect((await final(anna, asked)).status).toBe(200);
  });

  it('one that nobody asked for', async () => {
    const [anna, boris] = await ground.pair();
    const callId = ground.name('stray');
    const via = [
      `Via: SIP/2.0/UDP ${ground.server.hostPort};branch=z9hG4bKnobody`,
      `Via: SIP/2.0/UDP ${anna.hostPort};branch=z9hG4bKx`,
    ];
    const rest = ['From: <sip:a@b>;tag=1', 'To: <sip:c@d>;tag=2', `Call-ID: ${callId}`];
    for (const method of ['INVITE', 'BYE', 'REGISTER', 'CANCEL', 'ACK'])
      boris.send(`${['SIP/2.0 200 OK', ...via, ...rest, `CSeq: 1 ${method}`].join('\r\n')}\r\n\r\n`);
    await boris.settled();
    await heardNothing(anna, callId);
  });
});

describe.concurrent('§16.7 step 9: 2xx', () => {
  it('is sent on each time it comes', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    for (let i = 0; i < 4; i++) inc.respond(200, 'OK');
    const bytes: string[] = [];
    for (let i = 0; i < 4; i++) bytes.push((await out.response(200)).text);
    expect(new Set(bytes).size).toBe(1);
    out.ack();
    await inc.request('ACK');
    out.ack();
    await inc.request('ACK');
    await hangUp(out, inc);
  });

  it('§13.2.2.4: from several phones, all are sent on, and each ACK finds its phone', async () => {
    const phones = await ground.fork([1, 1, 1]);
    const anna = await ground.phone('anna');
    const out = Leg.open(anna, phones[0]?.aor ?? '');
    const legs = await Promise.all(phones.map((p) => Leg.incoming(p, 'INVITE', out.callId)));
    for (const leg of legs) leg.respond(200, 'OK');
    const answers = [];
    for (const _ of legs) answers.push(await anna.response(200, 'INVITE', out.callId));
    expect(new Set(answers.map((m) => m.toTag)).size).toBe(3);
    for (const answer of answers) {
      const leg = legs.find((one) => one.localTag === answer.toTag) as Leg;
      out.remoteTag = answer.toTag;
      out.routes = answer.all('record-route').reverse();
      out.target = leg.puppet.uri;
      out.ack(20);
      await leg.request('ACK');
      out.send('BYE');
      leg.puppet.reply(await leg.request('BYE'), 200, 'OK');
      await out.response(200, 'BYE');
    }
  });

  it('to another method is sent once, the first one that comes', async () => {
    const phones = (await ground.fork([1, 1])) as [Puppet, Puppet];
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', phones[0].aor);
    const [one, two] = await Promise.all(phones.map((p) => p.request('MESSAGE', asked.callId)));
    if (one === undefined || two === undefined) throw new Error('both were asked');
    phones[0].reply(one, 200, 'First', { tag: 'b1' });
    expect((await final(anna, asked)).reason).toBe('First');
    phones[1].reply(two, 200, 'Second', { tag: 'b2' });
    phones[0].reply(one, 200, 'First', { tag: 'b1' });
    await phones[1].settled();
    await anna.settled();
    expect(told(anna, asked.callId)).toEqual([200]);
  });

  it('after a failure that was sent on, another phone’s 2xx still reaches the caller', async () => {
    const phones = (await ground.fork([1, 1])) as [Puppet, Puppet];
    const anna = await ground.phone('anna');
    const asked = send(anna, 'INVITE', phones[0].aor);
    const [one, two] = await Promise.all(phones.map((p) => p.request('INVITE', asked.callId)));
    if (one === undefined || two === undefined) throw new Error('both were asked');
    phones[0].reply(one, 486, 'Busy Here', { tag: 'b1' });
    phones[1].reply(two, 486, 'Busy Here', { tag: 'b2' });
    acknowledge(anna, asked, await final(anna, asked));
    await phones[1].request('ACK', asked.callId);
    phones[1].reply(two, 200, 'Changed My Mind', { tag: 'b2' });
    expect((await anna.response(200, 'INVITE', asked.callId)).toTag).toBe('b2');
  });
});
