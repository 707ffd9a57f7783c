// RFC 3261 §9 and §16.10: CANCEL, hop by hop, and every race it can lose.
import { describe, expect, it } from 'vitest';
import { fresh, type Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import type { Message } from '../wire/puppet-message.ts';
import {
  type Asked,
  acknowledge,
  ask,
  count,
  final,
  Ground,
  hangUp,
  heardNothing,
  hopByHop,
  type Parts,
  send,
} from './ground.ts';

const ground = Ground.open();

interface Call {
  readonly anna: Puppet;
  readonly boris: Puppet;
  readonly asked: Asked;
  readonly invite: Message;
}

async function invited(parts: Parts = {}): Promise<Call> {
  const [anna, boris] = await ground.pair();
  const asked = send(anna, 'INVITE', boris.aor, parts);
  return { anna, boris, asked, invite: await boris.request('INVITE', asked.callId) };
}

async function ringing(parts: Parts = {}): Promise<Call> {
  const call = await invited(parts);
  call.boris.reply(call.invite, 180, 'Ringing', { tag: 'b' });
  await call.anna.response(180, 'INVITE', call.asked.callId);
  return call;
}

function cancel({ anna, asked }: Call, change = (text: string) => text): void {
  anna.send(change(hopByHop('CANCEL', asked)));
}

/** The phone gives way. */
async function yields({ boris, asked, invite }: Call): Promise<Message> {
  const there = await boris.request('CANCEL', asked.callId);
  boris.reply(there, 200, 'OK', { tag: 'b' });
  boris.reply(invite, 487, 'Request Terminated', { tag: 'b' });
  return there;
}

async function terminated({ anna, asked }: Call): Promise<Message> {
  const response = await final(anna, asked);
  expect(response.status).toBe(487);
  acknowledge(anna, asked, response);
  return response;
}

function cancels(phone: Puppet, callId: string): number {
  return count(phone, callId, (m) => m.method === 'CANCEL');
}

describe.concurrent('§9.2, §16.10: towards the caller', () => {
  it('CANCEL is answered 200 at once, with a tag, and the INVITE 487 when the phone has said so', async () => {
    const call = await ringing();
    cancel(call);
    const ok = await call.anna.response(200, 'CANCEL', call.asked.callId);
    expect(ok.toTag).not.toBe('');
    expect(ok.get('via')).toContain(call.asked.branch);
    await call.boris.request('CANCEL', call.asked.callId);
    expect(count(call.anna, call.asked.callId, (m) => m.status === 487)).toBe(0);
    call.boris.reply(call.invite, 487, 'Own Words', { tag: 'b' });
    expect((await terminated(call)).reason).toBe('Own Words');
    expect((await call.boris.request('ACK', call.asked.callId)).toTag).toBe('b');
  });

  it('CANCEL sent again is answered again, and goes on once', async () => {
    const call = await ringing();
    for (let i = 0; i < 3; i++) {
      cancel(call);
      await call.anna.response(200, 'CANCEL', call.asked.callId);
    }
    await yields(call);
    await terminated(call);
    expect(cancels(call.boris, call.asked.callId)).toBe(1);
  });

  it('its answer has the same To tag as that of the INVITE would, or another: never none', async () => {
    const call = await invited();
    cancel(call);
    expect((await call.anna.response(200, 'CANCEL', call.asked.callId)).toTag).not.toBe('');
    call.boris.reply(call.invite, 180, 'Ringing', { tag: 'b' });
    await yields(call);
    await terminated(call);
  });

  it.each<[string, (text: string) => string]>([
    ['another source port, for an ACK or CANCEL is not matched by where it comes from', (text) => text],
    ['sent-by in capitals and the port spelled out', (text) => text],
    [
      'Max-Forwards 0: it goes no further than this hop',
      (text) => text.replace('Max-Forwards: 70', 'Max-Forwards: 0'),
    ],
    [
      'another Request-URI: the branch decides',
      (text) => text.replace(/^CANCEL \S+/, 'CANCEL sip:other@away.example'),
    ],
    ['no Max-Forwards', (text) => text.replace('Max-Forwards: 70\r\n', '')],
    ['a body', (text) => text.replace('Content-Length: 0\r\n\r\n', 'Content-Length: 2\r\n\r\nhi')],
  ])('finds the INVITE with %s', async (what, change) => {
    const call = await ringing();
    const other = await ground.phone('other', { registered: false });
    const sender = what.startsWith('another source') ? other : call.anna;
    sender.send(change(hopByHop('CANCEL', call.asked)));
    await sender.response(200, 'CANCEL', call.asked.callId);
    await yields(call);
    await terminated(call);
  });

  it.each<[string, (text: string, asked: Asked) => string]>([
    ['another branch', (text, { branch }) => text.replace(branch, `${branch}x`)],
    ['another sent-by', (text) => text.replace(/UDP [\d.]+:\d+/, 'UDP 127.0.0.1:9')],
    ['no branch', (text, { branch }) => text.replace(`;branch=${branch}`, '')],
  ])('§9.2: with %s it finds nothing: 481, and the phone rings on', async (_what, change) => {
    const call = await ringing();
    cancel(call, (text) => change(text, call.asked));
    await call.anna.response(481, 'CANCEL', call.asked.callId);
    await call.boris.settled();
    expect(cancels(call.boris, call.asked.callId)).toBe(0);
    cancel(call);
    await yields(call);
    await terminated(call);
  });

  it('§9.2: for nothing: 481', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'CANCEL', boris.aor);
    await anna.response(481, 'CANCEL', asked.callId);
    await heardNothing(boris, asked.callId);
  });

  it('§9.1: for another method than INVITE: 481, and nothing happens to it', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'MESSAGE', boris.aor);
    const message = await boris.request('MESSAGE', asked.callId);
    anna.send(hopByHop('CANCEL', asked));
    await anna.response(481, 'CANCEL', asked.callId);
    boris.reply(message, 200, 'OK', { tag: 'b' });
    expect((await final(anna, asked)).status).toBe(200);
    expect(cancels(boris, asked.callId)).toBe(0);
  });

  it('that comes before its INVITE: 481; the INVITE is a new call', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'INVITE', boris.aor);
    anna.send(hopByHop('CANCEL', asked));
    await anna.response(481, 'CANCEL', asked.callId);
    anna.send(asked.text);
    boris.reply(await boris.request('INVITE', asked.callId), 486, 'Busy Here', { tag: 'b' });
    const busy = await final(anna, asked);
    expect(busy.status).toBe(486);
    acknowledge(anna, asked, busy);
  });
});

describe.concurrent('§9.1: towards the phone', () => {
  it('CANCEL has Request-URI, Call-ID, To, From, CSeq number and the one Via of the INVITE as we sent it', async () => {
    const call = await ringing({ lines: ['Contact: <sip:a@b>', 'X-Other: 1', 'Require: foo'] });
    cancel(call);
    const there = await yields(call);
    const { invite } = call;
    expect(there.uri).toBe(invite.uri);
    for (const name of ['call-id', 'to', 'from']) expect(there.get(name)).toBe(invite.get(name));
    expect(there.get('cseq')).toBe(`${invite.cseq} CANCEL`);
    expect(there.all('via')).toEqual([invite.get('via')]);
    expect([there.has('x-other'), there.has('require'), there.has('contact'), there.body]).toEqual([
      false,
      false,
      false,
      '',
    ]);
    await terminated(call);
  });

  it('and its Route, where the INVITE had one (RFC 3327)', async () => {
    const anna = await ground.phone('anna');
    const boris = await ground.phone('edge', { registered: false });
    await boris.register([`Path: <sip:${boris.hostPort};lr>`, 'Supported: path'], '<sip:far@10.9.9.9>');
    const asked = send(anna, 'INVITE', boris.aor);
    const call = { anna, boris, asked, invite: await boris.request('INVITE', asked.callId) };
    boris.reply(call.invite, 180, 'Ringing', { tag: 'b' });
    await anna.response(180, 'INVITE', asked.callId);
    cancel(call);
    expect((await yields(call)).all('route')).toEqual([`<sip:${boris.hostPort};lr>`]);
    const ack = await boris.request('ACK', asked.callId);
    expect([ack.uri, ack.get('route')]).toEqual([call.invite.uri, call.invite.get('route')]);
    await terminated(call);
  });

  it('RFC 3326: a Reason goes on with it', async () => {
    const call = await ringing();
    const reason = 'SIP ;cause=200 ;text="Call completed elsewhere"';
    cancel(call, (text) => text.replace('Content-Length', `Reason: ${reason}\r\nContent-Length`));
    expect((await yields(call)).get('reason')).toBe(reason);
    await terminated(call);
  });

  it('it waits until the phone has said anything; then it goes at once', async () => {
    const call = await invited();
    cancel(call);
    await call.anna.response(200, 'CANCEL', call.asked.callId);
    await call.boris.settled();
    expect(cancels(call.boris, call.asked.callId)).toBe(0);
    call.boris.reply(call.invite, 100, 'Trying');
    await yields(call);
    await terminated(call);
  });

  it('§16.10: it goes to every phone that rings, and to no other', async () => {
    const phones = (await ground.fork([1, 1, 1])) as [Puppet, Puppet, Puppet];
    const anna = await ground.phone('anna');
    const asked = send(anna, 'INVITE', phones[0].aor);
    const invites = await Promise.all(phones.map((p) => p.request('INVITE', asked.callId)));
    const [one, two, three] = invites as [Message, Message, Message];
    phones[0].reply(one, 486, 'Busy Here', { tag: 'b0' });
    await phones[0].request('ACK', asked.callId);
    for (const [phone, invite] of [
      [phones[1], two],
      [phones[2], three],
    ] as const) {
      phone.reply(invite, 180, 'Ringing', { tag: phone.hostPort });
      await anna.response(180, 'INVITE', asked.callId);
    }
    anna.send(hopByHop('CANCEL', asked));
    for (const [phone, invite] of [
      [phones[1], two],
      [phones[2], three],
    ] as const) {
      phone.reply(await phone.request('CANCEL', asked.callId), 200, 'OK');
      phone.reply(invite, 487, 'Request Terminated', { tag: phone.hostPort });
    }
    await final(anna, asked).then((m) => acknowledge(anna, asked, m));
    expect(cancels(phones[0], asked.callId)).toBe(0);
  });
});

describe.concurrent('races', () => {
  it('the answer was on its way: 200 to CANCEL, 200 to INVITE, and the call stands', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(180, 'Ringing');
    await out.response(180);
    out.cancel();
    const there = await inc.request('CANCEL');
    inc.respond(200, 'OK');
    boris.reply(there, 200, 'OK');
    await out.response(200);
    await out.response(200, 'CANCEL');
    out.ack();
    await inc.request('ACK');
    await hangUp(out, inc);
  });

  it('the answer was there: 200 to CANCEL, nothing to the phone', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    out.cancel();
    await out.response(200, 'CANCEL');
    await boris.settled();
    expect(cancels(boris, out.callId)).toBe(0);
    await hangUp(inc, out);
  });

  it('the refusal was there: 200 to CANCEL, nothing to the phone', async () => {
    const call = await ringing();
    call.boris.reply(call.invite, 486, 'Busy Here', { tag: 'b' });
    const busy = await final(call.anna, call.asked);
    cancel(call);
    await call.anna.response(200, 'CANCEL', call.asked.callId);
    acknowledge(call.anna, call.asked, busy);
    await call.boris.settled();
    expect(cancels(call.boris, call.asked.callId)).toBe(0);
  });

  it('the refusal crosses: the caller hears it', async () => {
    const call = await ringing();
    cancel(call);
    await call.boris.request('CANCEL', call.asked.callId);
    call.boris.reply(call.invite, 486, 'Busy Here', { tag: 'b' });
    const busy = await final(call.anna, call.asked);
    expect(busy.status).toBe(486);
    acknowledge(call.anna, call.asked, busy);
  });

  it('INVITE and CANCEL in one breath: the phone hears CANCEL once it has spoken', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'INVITE', boris.aor);
    anna.send(asked.text);
    anna.send(hopByHop('CANCEL', asked));
    await anna.response(200, 'CANCEL', asked.callId);
    const call = { anna, boris, asked, invite: await boris.request('INVITE', asked.callId) };
    boris.reply(call.invite, 183, 'Session Progress', { tag: 'b' });
    await yields(call);
    await terminated(call);
  });

  it('a phone that answers the CANCELled INVITE 200 without having spoken: the call stands', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    out.cancel();
    await out.response(200, 'CANCEL');
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    expect(cancels(boris, out.callId)).toBe(0);
    await hangUp(out, inc);
  });

  it('after the 487 a late 200 still reaches the caller', async () => {
    const call = await ringing();
    cancel(call);
    await yields(call);
    await terminated(call);
    call.boris.reply(call.invite, 200, 'OK', { tag: 'b' });
    expect((await call.anna.response(200, 'INVITE', call.asked.callId)).toTag).toBe('b');
  });

  it('a phone that refuses the CANCEL (481) may still answer', async () => {
    const call = await ringing();
    cancel(call);
    call.boris.reply(await call.boris.request('CANCEL', call.asked.callId), 481, 'Call Leg Does Not Exist');
    call.boris.reply(call.invite, 603, 'Decline', { tag: 'b' });
    const response = await final(call.anna, call.asked);
    expect(response.status).toBe(603);
    acknowledge(call.anna, call.asked, response);
    await call.anna.settled();
    expect(count(call.anna, call.asked.callId, (m) => m.status === 481)).toBe(0);
  });
});

describe.concurrent('§14.1: CANCEL of a re-INVITE', () => {
  it('ends the re-INVITE, the call goes on', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    const branch = `z9hG4bK${fresh()}`;
    out.cseq++;
    const text = out.text('INVITE', { branch, lines: [`Contact: ${out.contact}`] });
    anna.send(text);
    const again = await inc.request('INVITE');
    boris.reply(again, 100, 'Trying');
    boris.reply(again, 180, 'Ringing');
    await out.response(180);
    anna.send(text.replace(/^INVITE/, 'CANCEL').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 CANCEL'));
    await out.response(200, 'CANCEL');
    boris.reply(await inc.request('CANCEL'), 200, 'OK');
    boris.reply(again, 487, 'Request Terminated');
    await out.response(487);
    anna.send(text.replace(/^INVITE/, 'ACK').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 ACK'));
    await inc.request('ACK');
    await hangUp(inc, out);
  });
});
