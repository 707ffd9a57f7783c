// What goes wrong on a network: silence, phones that are gone, messages that come again. Short timers.
import { expect, test } from 'vitest';
import type { Puppet } from './puppet.ts';
import { Leg } from './puppet-leg.ts';
import { Stage } from './stage.ts';

// Timer B is 1.6 s, and a phone may ring for 2.2 s.
const stage = Stage.open({
  args: ['--t1', '25ms', '--t2', '200ms', '--t4', '250ms', '--timer-ring', '2200ms'],
});

const incoming = (a: Puppet, b: Puppet): string => `Incomming Call From: ${a.aor} >> To: ${b.aor}`;

async function answered(): Promise<{ out: Leg; inc: Leg; diary: string[] }> {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(200, 'OK');
  await out.response(200);
  return { out, inc, diary: [incoming(anna, boris), `\tCall Answered by ${boris.aor}`] };
}

test('a silent phone is asked again, seven times at doubling steps, then the caller gets 408', async () => {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor);
  out.ackFailure(await out.response(408));
  const asked = boris.seen(out.callId).filter((m) => m.method === 'INVITE');
  // RFC 3261 §17.1.1.2: at 0, T1, 3 T1, 7 T1 ... 63 T1; timer B at 64 T1.
  expect(asked).toHaveLength(7);
  expect(new Set(asked.map((m) => m.text)).size).toBe(1);
  await stage.server.wrote(out.callId, [incoming(anna, boris), `\tCall Could Not Reach ${boris.aor}`]);
});

test('a phone that rings too long is cancelled, and the caller gets 408', async () => {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(180, 'Ringing');
  boris.reply(await inc.request('CANCEL'), 200, 'OK', { tag: inc.localTag });
  inc.respond(487, 'Request Terminated');
  await inc.request('ACK');
  out.ackFailure(await out.response(408));
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Ringing at ${boris.aor}`,
    `\tCall Not Answered by ${boris.aor}`,
  ]);
});

test('a real phone that rings too long is cancelled, and the real caller is told', async () => {
  const [anna, boris] = [await stage.baresip('anna'), await stage.linphone('boris')];
  await anna.call(boris.aor);
  await boris.is('IncomingReceived');
  const closed = await anna.event('CALL_CLOSED');
  expect(closed.param).toContain('408');
  await boris.message('in', /^CANCEL /);
  await boris.is('Released');
  const first = `Incomming Call From: ${anna.aor} >> To: ${boris.aor}`;
  await stage.server.wrote(await stage.server.call(first), [
    first,
    `\tCall Ringing at ${boris.aor}`,
    `\tCall Not Answered by ${boris.aor}`,
  ]);
});

test('a refusal whose ACK is lost is sent again, and no more once the ACK is there', async () => {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(603, 'Decline');
  await inc.request('ACK');
  const refusal = await out.response(603);
  await out.response(603);
  out.ackFailure(refusal);
  await anna.settled();
  const before = anna.seen(out.callId).length;
  // Longer than T2 would have let it pass: a whole other call.
  const other = Leg.open(anna, boris.aor);
  other.ackFailure(await other.response(408));
  expect(anna.seen(out.callId)).toHaveLength(before);
});

test('the callee repeats its 200 until it hears ACK: every one passes, none of the server', async () => {
  const { out, inc, diary } = await answered();
  for (let again = 0; again < 3; again++) {
    inc.respond(200, 'OK');
    await out.response(200);
  }
  out.ack();
  await inc.request('ACK');
  await out.puppet.settled();
  expect(out.puppet.seen(out.callId).filter((m) => m.status === 200)).toHaveLength(4);
  expect(inc.puppet.seen(out.callId).filter((m) => m.method === 'ACK')).toHaveLength(1);
  out.send('BYE');
  inc.puppet.reply(await inc.request('BYE'), 200, 'OK');
  await out.response(200, 'BYE');
  await stage.server.wrote(out.callId, [...diary, '\tCall Has Ended']);
});

test('a call whose caller vanished before its ACK does not live on', async () => {
  const { out, diary } = await answered();
  await stage.server.wrote(out.callId, [...diary, '\tCall Has Timed Out']);
});

test('a BYE that nobody hears ends the call all the same', async () => {
  const { out, inc, diary } = await answered();
  out.ack();
  await inc.request('ACK');
  out.send('BYE');
  await inc.request('BYE');
  await stage.server.wrote(out.callId, [...diary, '\tCall Has Ended']);
  // RFC 4320: a non-INVITE request that timed out is not answered with 408.
  await out.puppet.settled();
  expect(out.puppet.seen(out.callId).filter((m) => m.cseqMethod === 'BYE' && m.status >= 200)).toEqual([]);
});

test('CANCEL of a call whose phone says nothing: the caller gets its 487', async () => {
  const [anna, boris] = [await stage.puppet('anna'), await stage.puppet('boris')];
  const out = Leg.open(anna, boris.aor);
  await boris.request('INVITE', out.callId);
  out.cancel();
  await out.response(200, 'CANCEL');
  // Whichever comes first: timer B of the branch, or the wait after a CANCEL.
  const refusal = await anna.expect(
    '408 or 487',
    (m) => m.callId === out.callId && [408, 487].includes(m.status),
  );
  out.ackFailure(refusal);
  expect(refusal.status).toBe(487);
  expect(boris.seen(out.callId).filter((m) => m.method === 'CANCEL')).toEqual([]);
  await stage.server.wrote(out.callId, [incoming(anna, boris), `\tCall Cancelled by ${anna.aor}`]);
});

test('garbage between the messages of a call disturbs nothing', async () => {
  const { out, inc, diary } = await answered();
  const garbage = [
    Buffer.alloc(0),
    Buffer.from('\0\0\0\0'),
    Buffer.from('INVITE sip:x@y SIP/2.0\r\n'),
    Buffer.from('SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKnone\r\n\r\n'),
    Buffer.from(`BYE sip:nobody@${stage.server.domain} SIP/2.0\r\nCall-ID: ${out.callId}\r\n\r\n`),
    Buffer.from([0xff, 0xfe, 0x0d, 0x0a, 0x0d, 0x0a]),
    Buffer.alloc(60_000, 'x'),
  ];
  for (const bytes of garbage) out.puppet.send(bytes);
  out.ack();
  await inc.request('ACK');
  inc.send('BYE');
  out.puppet.reply(await out.request('BYE'), 200, 'OK');
  await inc.response(200, 'BYE');
  await stage.server.wrote(out.callId, [...diary, '\tCall Has Ended']);
});
