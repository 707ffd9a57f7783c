// A call between two endpoints that do exactly what is written: what each is sent, and what the diary says.
import { expect, test } from 'vitest';
import type { Puppet } from './puppet.ts';
import { Leg } from './puppet-leg.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

const incoming = (a: Puppet, b: Puppet): string => `Incomming Call From: ${a.aor} >> To: ${b.aor}`;

interface Call {
  readonly anna: Puppet;
  readonly boris: Puppet;
  readonly out: Leg;
  readonly in: Leg;
  /** The diary up to the answer. */
  readonly diary: readonly string[];
}

async function ringing(options: Parameters<typeof Leg.open>[2] = {}): Promise<Call> {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor, options);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(180, 'Ringing');
  await out.response(180);
  return { anna, boris, out, in: inc, diary: [incoming(anna, boris), `\tCall Ringing at ${boris.aor}`] };
}

async function answered(options: Parameters<typeof Leg.open>[2] = {}, sdp?: string): Promise<Call> {
  const call = await ringing(options);
  call.in.respond(200, 'OK', sdp === undefined ? {} : { body: sdp });
  await call.out.response(200);
  call.out.ack();
  await call.in.request('ACK');
  return { ...call, diary: [...call.diary, `\tCall Answered by ${call.boris.aor}`] };
}

async function hangUp(by: Leg, other: Leg): Promise<void> {
  by.send('BYE');
  other.puppet.reply(await other.request('BYE'), 200, 'OK');
  await by.response(200, 'BYE');
}

test('is answered and ended by the caller', async () => {
  const call = await answered();
  await hangUp(call.out, call.in);
  await stage.server.wrote(call.out.callId, [...call.diary, '\tCall Has Ended']);
  const record = await stage.server.record(call.out.callId);
  expect(record).toMatchObject({
    v: 1,
    type: 'call',
    parties: { from: call.anna.aor, to: call.boris.aor },
    outcome: 'answered',
    endedBy: 'caller',
    video: false,
  });
  for (const span of ['setupMs', 'ringMs', 'talkMs']) expect(record[span]).toBeGreaterThanOrEqual(0);
});

test('is ended by the callee', async () => {
  const call = await answered();
  await hangUp(call.in, call.out);
  await stage.server.wrote(call.out.callId, [...call.diary, '\tCall Has Ended']);
  expect(await stage.server.record(call.out.callId)).toMatchObject({
    outcome: 'answered',
    endedBy: 'callee',
  });
});

test('gets a 100 from the server, and the phone behind it is sent the Contact it gave', async () => {
  const call = await ringing();
  await call.out.response(100);
  expect(call.in.incoming.uri).toBe(call.boris.uri);
  expect(call.in.incoming.all('via')).toHaveLength(2);
  expect(call.in.incoming.get('max-forwards')).toBe('69');
  expect(call.in.incoming.get('contact')).toBe(`<${call.anna.uri}>`);
  // The server's own 100 is the only one; the callee's would stop at it.
  expect(call.anna.seen(call.out.callId).filter((m) => m.status === 100)).toHaveLength(1);
});

test.each([
  { status: 603, reason: 'Decline', outcome: 'declined', line: 'Call Declined by' },
  { status: 403, reason: 'Forbidden', outcome: 'declined', line: 'Call Declined by' },
  { status: 486, reason: 'Busy Here', outcome: 'busy', line: 'Call Refused as Busy by' },
  { status: 600, reason: 'Busy Everywhere', outcome: 'busy', line: 'Call Refused as Busy by' },
  { status: 480, reason: 'Temporarily Unavailable', outcome: 'no-answer', line: 'Call Not Answered by' },
  { status: 408, reason: 'Request Timeout', outcome: 'no-answer', line: 'Call Not Answered by' },
])('is refused with $status', async ({ status, reason, outcome, line }) => {
  const call = await ringing();
  call.in.respond(status, `${reason} Indeed`);
  const refusal = await call.out.response(status);
  expect(refusal.reason).toBe(`${reason} Indeed`);
  call.out.ackFailure(refusal);
  // The server acknowledges on its own leg.
  const ack = await call.in.request('ACK');
  expect(ack.all('via')).toHaveLength(1);
  expect(ack.branch).toBe(call.in.incoming.branch);
  await stage.server.wrote(call.out.callId, [...call.diary, `\t${line} ${call.boris.aor}`]);
  expect(await stage.server.record(call.out.callId)).toMatchObject({ outcome, status });
  await call.boris.settled();
  expect(call.boris.seen(call.out.callId).filter((m) => m.method === 'ACK')).toHaveLength(1);
});

test('asked for three times goes on once and is answered with what was said last', async () => {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(180, 'Ringing');
  await out.response(180);
  anna.send(out.opening);
  await out.response(180);
  anna.send(out.opening);
  await out.response(180);
  await boris.settled();
  expect(boris.seen(out.callId).filter((m) => m.method === 'INVITE')).toHaveLength(1);
  inc.respond(486, 'Busy Here');
  out.ackFailure(await out.response(486));
  await inc.request('ACK');
});

test('is cancelled while it rings', async () => {
  const call = await ringing();
  call.out.cancel();
  await call.out.response(200, 'CANCEL');
  const cancel = await call.in.request('CANCEL');
  expect(cancel.branch).toBe(call.in.incoming.branch);
  call.boris.reply(cancel, 200, 'OK', { tag: call.in.localTag });
  call.in.respond(487, 'Request Terminated');
  await call.in.request('ACK');
  call.out.ackFailure(await call.out.response(487));
  await stage.server.wrote(call.out.callId, [...call.diary, `\tCall Cancelled by ${call.anna.aor}`]);
});

test('is answered although it was cancelled: the 200 wins the race', async () => {
  const call = await ringing();
  call.out.cancel();
  await call.out.response(200, 'CANCEL');
  const cancel = await call.in.request('CANCEL');
  call.in.respond(200, 'OK');
  call.boris.reply(cancel, 200, 'OK', { tag: call.in.localTag });
  await call.out.response(200);
  call.out.ack();
  await call.in.request('ACK');
  await hangUp(call.out, call.in);
  await stage.server.wrote(call.out.callId, [
    ...call.diary,
    `\tCall Answered by ${call.boris.aor}`,
    '\tCall Has Ended',
  ]);
});

test('to somebody who never registered is refused with 480', async () => {
  const anna = await stage.puppet('anna');
  const nobody = await stage.puppet('nobody', { registered: false });
  const out = Leg.open(anna, nobody.aor);
  out.ackFailure(await out.response(480));
  await nobody.settled();
  expect(nobody.inbox.all.filter((m) => m.method === 'INVITE')).toEqual([]);
});

test('is possible for a caller who never registered', async () => {
  const anna = await stage.puppet('anna', { registered: false });
  const boris = await stage.puppet('boris');
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  await hangUp(inc, out);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
});

test('is held and resumed', async () => {
  const call = await answered();
  call.out.reinvite({ audio: 'sendonly', version: 2 });
  call.in.accept(await call.in.request('INVITE'), { audio: 'recvonly', version: 2 });
  const held = await call.out.response(200);
  expect(held.body).toContain('a=recvonly');
  call.out.ack();
  await call.in.request('ACK');
  call.out.reinvite({ version: 3 });
  call.in.accept(await call.in.request('INVITE'), { version: 3 });
  await call.out.response(200);
  call.out.ack();
  await call.in.request('ACK');
  await hangUp(call.in, call.out);
  await stage.server.wrote(call.out.callId, [
    ...call.diary,
    `\tCall Put On Hold by ${call.anna.aor}`,
    `\tCall Resumed by ${call.anna.aor}`,
    '\tCall Has Ended',
  ]);
});

test('gets video from the caller and loses it by the callee', async () => {
  const call = await answered();
  call.out.reinvite({ video: 40_010, version: 2 });
  call.in.accept(await call.in.request('INVITE'), { video: 40_020, version: 2 });
  await call.out.response(200);
  call.out.ack();
  await call.in.request('ACK');
  call.in.reinvite({ video: 0, version: 3 });
  call.out.accept(await call.out.request('INVITE'), { video: 0, version: 3 });
  await call.in.response(200);
  call.in.ack();
  await call.out.request('ACK');
  await hangUp(call.out, call.in);
  const [a, b] = [call.anna.aor, call.boris.aor];
  await stage.server.wrote(call.out.callId, [
    ...call.diary,
    `\tRequested Video Call ON From: ${a} >> To: ${b}`,
    '\t\tVideo Call ON',
    `\tRequested Video Call OFF From: ${b} >> To: ${a}`,
    '\t\tVideo Call OFF',
    '\tCall Has Ended',
  ]);
});

test('is refused video', async () => {
  const call = await answered();
  call.out.reinvite({ video: 40_010, version: 2 });
  call.in.accept(await call.in.request('INVITE'), { video: 0, version: 2 });
  await call.out.response(200);
  call.out.ack();
  await call.in.request('ACK');
  const again = call.out.reinvite({ video: 40_010, version: 3 });
  call.boris.reply(await call.in.request('INVITE'), 488, 'Not Acceptable Here');
  await call.out.response(488);
  // The server's ACK on its own leg; ours ends the transaction on the other one.
  await call.in.request('ACK');
  call.anna.send(call.out.text('ACK', { cseq: again }));
  await hangUp(call.out, call.in);
  const asked = `\tRequested Video Call ON From: ${call.anna.aor} >> To: ${call.boris.aor}`;
  await stage.server.wrote(call.out.callId, [
    ...call.diary,
    asked,
    '\t\tVideo Call REFUSED',
    asked,
    '\t\tVideo Call REFUSED',
    '\tCall Has Ended',
  ]);
});

test.each(['INFO', 'UPDATE', 'MESSAGE', 'OPTIONS', 'NOTIFY'])(
  'carries %s both ways, with its body',
  async (method) => {
    const call = await answered();
    for (const [from, to] of [
      [call.out, call.in],
      [call.in, call.out],
    ] as const) {
      from.send(method, {
        lines: ['Content-Type: text/plain', 'X-Odd-Header:  kept , as   it is', 'Event: refer'],
        body: `${method} \xc5\xa1\x00\xff end`,
      });
      const request = await to.request(method);
      expect(request.body).toBe(`${method} \xc5\xa1\x00\xff end`);
      expect(request.text).toContain('\r\nX-Odd-Header:  kept , as   it is\r\n');
      expect(request.has('route')).toBe(false);
      to.puppet.reply(request, 200, 'As You Wish', { lines: ['X-Answer: yes'], body: 'kept' });
      const response = await from.response(200, method);
      expect(response.reason).toBe('As You Wish');
      expect(response.get('x-answer')).toBe('yes');
      expect(response.body).toBe('kept');
    }
    await hangUp(call.out, call.in);
    await stage.server.wrote(call.out.callId, [...call.diary, '\tCall Has Ended']);
  },
);

test('carries PRACK while it rings', async () => {
  const call = await ringing({ lines: ['Supported: 100rel'] });
  call.out.send('PRACK', { lines: [`RAck: 1 ${call.out.cseq - 1} INVITE`] });
  call.boris.reply(await call.in.request('PRACK'), 200, 'OK');
  await call.out.response(200, 'PRACK');
  call.in.respond(200, 'OK');
  await call.out.response(200);
  call.out.ack(20);
  await call.in.request('ACK');
  await hangUp(call.out, call.in);
  await stage.server.wrote(call.out.callId, [
    ...call.diary,
    `\tCall Answered by ${call.boris.aor}`,
    '\tCall Has Ended',
  ]);
});

test('passes a BYE that nobody answered the first time', async () => {
  const call = await answered();
  call.out.cseq++;
  const bye = call.out.text('BYE');
  call.anna.send(bye);
  const first = await call.in.request('BYE');
  call.anna.send(bye);
  call.boris.reply(first, 200, 'OK');
  await call.out.response(200, 'BYE');
  // What comes after the end is still answered, and told once.
  call.anna.send(bye);
  await call.out.response(200, 'BYE');
  await stage.server.wrote(call.out.callId, [...call.diary, '\tCall Has Ended']);
});

test.each(['MESSAGE', 'OPTIONS', 'PUBLISH', 'SUBSCRIBE'])(
  '%s reaches a registered user outside any call',
  async (method) => {
    const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
    const callId = anna.ask(
      method,
      boris.aor,
      [`Contact: <${anna.uri}>`, 'Event: presence', 'Expires: 60', 'Content-Type: text/plain;charset=UTF-8'],
      'Dobr\xc3\xbd de\xc5\x88',
    );
    const request = await boris.request(method, callId);
    expect(request.uri).toBe(boris.uri);
    expect(request.body).toBe('Dobr\xc3\xbd de\xc5\x88');
    boris.reply(request, 200, 'OK', { tag: 'there', lines: ['Expires: 60'] });
    await anna.response(200, method, callId);
    await anna.settled();
    expect(stage.server.diary(callId)).toEqual([]);
  },
);

test('OPTIONS to the server itself is answered by it', async () => {
  const anna = await stage.puppet('anna');
  const callId = anna.ask('OPTIONS', `sip:${stage.server.domain}`);
  await anna.response(200, 'OPTIONS', callId);
});

test('is declined by one phone of two, and rings on at the other', async () => {
  const anna = await stage.puppet('anna');
  const boris = await stage.puppet('boris');
  const other = await stage.puppet('other', { registered: false });
  // The second phone of the same person.
  boris.send((await secondBinding(boris, other.uri)).toString());
  await boris.response(200, 'REGISTER');
  const out = Leg.open(anna, boris.aor);
  const first = await Leg.incoming(boris, 'INVITE', out.callId);
  const second = await Leg.incoming(other, 'INVITE', out.callId);
  first.respond(486, 'Busy Here');
  await first.request('ACK');
  second.respond(180, 'Ringing');
  await out.response(180);
  second.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await second.request('ACK');
  await hangUp(out, second);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Ringing at ${boris.aor}`,
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
  expect(boris.seen(out.callId).filter((m) => m.method === 'CANCEL')).toEqual([]);
});

test('answered at one phone of two is cancelled at the other', async () => {
  const anna = await stage.puppet('anna');
  const boris = await stage.puppet('boris');
  const other = await stage.puppet('other', { registered: false });
  boris.send(await secondBinding(boris, other.uri));
  await boris.response(200, 'REGISTER');
  const out = Leg.open(anna, boris.aor);
  const first = await Leg.incoming(boris, 'INVITE', out.callId);
  const second = await Leg.incoming(other, 'INVITE', out.callId);
  for (const leg of [first, second]) leg.respond(180, 'Ringing');
  second.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await second.request('ACK');
  boris.reply(await first.request('CANCEL'), 200, 'OK', { tag: first.localTag });
  first.respond(487, 'Request Terminated');
  await first.request('ACK');
  await hangUp(second, out);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Ringing at ${boris.aor}`,
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
  expect(anna.seen(out.callId).filter((m) => m.status === 487)).toEqual([]);
});

async function secondBinding(owner: Puppet, contact: string): Promise<string> {
  return [
    `REGISTER sip:${owner.domain} SIP/2.0`,
    owner.via(),
    `From: <${owner.aor}>;tag=second`,
    `To: <${owner.aor}>`,
    `Call-ID: second-${owner.user}`,
    'CSeq: 1 REGISTER',
    `Contact: <${contact}>;expires=60`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
