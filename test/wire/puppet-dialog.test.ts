// Calls that are not told in one line: forks, glare, late offers, challenges, redirections, phones behind a NAT.
import { expect, test } from 'vitest';
import { fresh, type Puppet } from './puppet.ts';
import { Leg, sdp } from './puppet-leg.ts';
import { compose, uriOf } from './puppet-message.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

const incoming = (a: Puppet, b: Puppet): string => `Incomming Call From: ${a.aor} >> To: ${b.aor}`;

async function pair(): Promise<[Puppet, Puppet]> {
  return [await stage.puppet('anna'), await stage.puppet('boris')];
}

async function talk(anna: Puppet, boris: Puppet, options: Parameters<typeof Leg.open>[2] = {}) {
  const out = Leg.open(anna, boris.aor, options);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  return { out, inc, diary: [incoming(anna, boris), `\tCall Answered by ${boris.aor}`] };
}

async function hangUp(by: Leg, other: Leg): Promise<void> {
  by.send('BYE');
  other.puppet.reply(await other.request('BYE'), 200, 'OK');
  await by.response(200, 'BYE');
}

test('two phones of one person answer: both answers reach the caller, who keeps one', async () => {
  const [anna, boris] = await pair();
  const other = await stage.puppet('other', { registered: false });
  await boris.register(['Expires: 60'], `<${other.uri}>`);
  const out = Leg.open(anna, boris.aor);
  const [first, second] = [
    await Leg.incoming(boris, 'INVITE', out.callId),
    await Leg.incoming(other, 'INVITE', out.callId),
  ];
  expect(first.incoming.branch).not.toBe(second.incoming.branch);
  first.respond(200, 'OK');
  second.respond(200, 'OK');
  const answers = [
    await out.puppet.response(200, 'INVITE', out.callId),
    await out.puppet.response(200, 'INVITE', out.callId),
  ];
  expect(new Set(answers.map((m) => m.toTag)).size).toBe(2);
  for (const answer of answers) {
    const leg = answer.toTag === first.localTag ? first : second;
    out.remoteTag = answer.toTag;
    out.routes = answer.all('record-route').reverse();
    out.target = uriOf(answer.get('contact'));
    out.ack(20);
    const ack = await leg.request('ACK');
    expect(ack.toTag).toBe(leg.localTag);
    out.send('BYE');
    leg.puppet.reply(await leg.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
  }
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
});

test('both sides hang up at the same time', async () => {
  const [anna, boris] = await pair();
  const { out, inc, diary } = await talk(anna, boris);
  out.send('BYE');
  inc.send('BYE');
  inc.puppet.reply(await inc.request('BYE'), 200, 'OK');
  out.puppet.reply(await out.request('BYE'), 200, 'OK');
  await out.response(200, 'BYE');
  await inc.response(200, 'BYE');
  await stage.server.wrote(out.callId, [...diary, '\tCall Has Ended']);
});

test('both sides ask for video at the same time: 491 to each, and the second try has it', async () => {
  const [anna, boris] = await pair();
  const { out, inc, diary } = await talk(anna, boris);
  const cseqs = [out.reinvite({ video: 40_010, version: 2 }), inc.reinvite({ video: 40_020, version: 2 })];
  const [there, here] = [await inc.request('INVITE'), await out.request('INVITE')];
  boris.reply(there, 491, 'Request Pending');
  anna.reply(here, 491, 'Request Pending');
  for (const [leg, cseq] of [
    [out, cseqs[0]],
    [inc, cseqs[1]],
  ] as const) {
    await leg.response(491);
    leg.puppet.send(leg.text('ACK', { cseq: cseq ?? 0 }));
    await leg.request('ACK');
  }
  out.reinvite({ video: 40_010, version: 3 });
  inc.accept(await inc.request('INVITE'), { video: 40_020, version: 3 });
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  await hangUp(inc, out);
  await stage.server.wrote(out.callId, [
    ...diary,
    `\tRequested Video Call ON From: ${anna.aor} >> To: ${boris.aor}`,
    `\tRequested Video Call ON From: ${anna.aor} >> To: ${boris.aor}`,
    '\t\tVideo Call ON',
    '\tCall Has Ended',
  ]);
});

test('no offer in the INVITE: the 200 offers video, the ACK takes it', async () => {
  const [anna, boris] = await pair();
  const out = Leg.open(anna, boris.aor, { body: '' });
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(200, 'OK', { body: sdp(boris.user, boris.host, { video: 40_020 }) });
  await out.response(200);
  anna.send(
    out.text('ACK', {
      lines: ['Content-Type: application/sdp'],
      body: sdp(anna.user, anna.host, { video: 40_010 }),
    }),
  );
  expect((await inc.request('ACK')).body).toContain('m=video 40010');
  await hangUp(out, inc);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Answered by ${boris.aor}`,
    '\t\tVideo Call ON',
    '\tCall Has Ended',
  ]);
});

test('held the old way, with the address 0.0.0.0, and by both at once', async () => {
  const [anna, boris] = await pair();
  const { out, inc, diary } = await talk(anna, boris);
  const reinvite = async (by: Leg, other: Leg, offer: string, answer: string): Promise<void> => {
    by.send('INVITE', { lines: ['Content-Type: application/sdp'], body: offer });
    other.puppet.reply(await other.request('INVITE'), 200, 'OK', {
      lines: [`Contact: ${other.contact}`, 'Content-Type: application/sdp'],
      body: answer,
    });
    await by.response(200);
    by.ack();
    await other.request('ACK');
  };
  const of = (puppet: Puppet, audio: 'sendrecv' | 'recvonly' | 'inactive', version: number): string =>
    sdp(puppet.user, puppet.host, { audio, version });
  await reinvite(out, inc, sdp(anna.user, '0.0.0.0', { version: 2 }), of(boris, 'sendrecv', 2));
  await reinvite(inc, out, of(boris, 'inactive', 3), of(anna, 'inactive', 3));
  await reinvite(
    inc,
    out,
    of(boris, 'recvonly', 4),
    of(anna, 'sendrecv', 4).replace('a=', 'a=sendonly\r\na='),
  );
  await reinvite(out, inc, of(anna, 'sendrecv', 5), of(boris, 'sendrecv', 5));
  await hangUp(out, inc);
  await stage.server.wrote(out.callId, [
    ...diary,
    `\tCall Put On Hold by ${anna.aor}`,
    `\tCall Put On Hold by ${boris.aor}`,
    `\tCall Resumed by ${boris.aor}`,
    `\tCall Resumed by ${anna.aor}`,
    '\tCall Has Ended',
  ]);
});

test.each([
  { status: 401, header: 'WWW-Authenticate: Digest realm="phone", nonce="1"' },
  { status: 407, header: 'Proxy-Authenticate: Digest realm="phone", nonce="1"' },
  { status: 422, header: 'Min-SE: 90' },
])(
  'asked by the phone to come again ($status), the caller comes again: one call',
  async ({ status, header }) => {
    const [anna, boris] = await pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(status, 'Once More', { lines: [header] });
    const asked = await out.response(status);
    expect(asked.text).toContain(header);
    out.ackFailure(asked);
    await inc.request('ACK');
    anna.send(
      out.opening.replace('CSeq: 20', 'CSeq: 21').replace(/branch=[^;]*/, `branch=z9hG4bK.${fresh()}`),
    );
    out.cseq = 21;
    const again = await Leg.incoming(boris, 'INVITE', out.callId);
    again.respond(180, 'Ringing');
    again.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await again.request('ACK');
    await hangUp(again, out);
    await stage.server.wrote(out.callId, [
      incoming(anna, boris),
      `\tCall Ringing at ${boris.aor}`,
      `\tCall Answered by ${boris.aor}`,
      '\tCall Has Ended',
    ]);
  },
);

test('redirected by the phone: the 302 passes with its Contact', async () => {
  const [anna, boris] = await pair();
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(302, 'Moved Temporarily', { lines: ['Contact: <sip:elsewhere@192.0.2.99>'] });
  const moved = await out.response(302);
  expect(moved.get('contact')).toBe('<sip:elsewhere@192.0.2.99>');
  out.ackFailure(moved);
  await inc.request('ACK');
});

test('cancelled before the phone has said anything: CANCEL follows its first word', async () => {
  const [anna, boris] = await pair();
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  out.cancel();
  await out.response(200, 'CANCEL');
  await boris.settled();
  expect(boris.seen(out.callId).filter((m) => m.method === 'CANCEL')).toEqual([]);
  inc.respond(180, 'Ringing');
  boris.reply(await inc.request('CANCEL'), 200, 'OK', { tag: inc.localTag });
  inc.respond(487, 'Request Terminated');
  await inc.request('ACK');
  out.ackFailure(await out.response(487));
  await expect.poll(() => stage.server.diary(out.callId).at(-1)).toBe(`\tCall Cancelled by ${anna.aor}`);
});

test('messages leave in the order they came', async () => {
  const [anna, boris] = await pair();
  const { out, inc } = await talk(anna, boris);
  inc.send('REFER', { lines: ['Refer-To: <sip:cyril@home.test>'] });
  const refer = await out.request('REFER');
  // One burst: 202 and twenty NOTIFYs.
  anna.reply(refer, 202, 'Accepted', { lines: [`Contact: ${out.contact}`] });
  for (let at = 0; at < 20; at++) {
    out.send('NOTIFY', {
      lines: ['Event: refer', 'Subscription-State: active', 'Content-Type: message/sipfrag'],
      body: `SIP/2.0 18${at % 10} Step ${at}\r\n`,
    });
  }
  await boris.expect('the last NOTIFY', (m) => m.body.endsWith('Step 19\r\n'));
  const came = boris.seen(out.callId).filter((m) => m.cseqMethod === 'REFER' || m.method === 'NOTIFY');
  expect(came.map((m) => (m.status === 0 ? m.body.split(' ').at(-1)?.trim() : m.status))).toEqual([
    202,
    ...Array.from({ length: 20 }, (_, at) => String(at)),
  ]);
});

test('a body of 30,000 bytes passes in fragments', async () => {
  const [anna, boris] = await pair();
  const { out, inc } = await talk(anna, boris);
  const body = 'x'.repeat(30_000);
  out.send('MESSAGE', { lines: ['Content-Type: text/plain'], body });
  const message = await inc.request('MESSAGE');
  expect(message.body).toBe(body);
  boris.reply(message, 200, 'OK');
  await out.response(200, 'MESSAGE');
});

test('phones that give an address nobody can reach are reached where they spoke from', async () => {
  const [anna, boris] = [
    await stage.puppet('anna', { registered: false }),
    await stage.puppet('boris', { registered: false }),
  ];
  const inside = (puppet: Puppet, port: number): string => `<sip:${puppet.user}@10.11.12.13:${port}>`;
  await boris.register(['Expires: 60'], inside(boris, 5062));
  const out = Leg.open(anna, boris.aor, { contact: inside(anna, 5064) });
  const inc = Leg.of(boris, await boris.request('INVITE', out.callId), inside(boris, 5062));
  expect(inc.incoming.uri).toBe(`sip:${boris.user}@10.11.12.13:5062`);
  inc.respond(200, 'OK');
  await out.response(200);
  expect(out.target).toBe(`sip:${boris.user}@10.11.12.13:5062`);
  out.ack();
  await inc.request('ACK');
  for (const [by, other] of [
    [out, inc],
    [inc, out],
  ] as const) {
    by.send('INFO');
    const info = await other.request('INFO');
    expect(info.uri).toBe(by.target);
    other.puppet.reply(info, 200, 'OK');
    await by.response(200, 'INFO');
  }
  await hangUp(inc, out);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
});

test('a phone that asks for nothing in its Via still gets its answers', async () => {
  const [anna, boris] = await pair();
  const callId = fresh();
  // No rport, and a sent-by that says another host: RFC 3261 §18.2.2 answers to `received` and the sent-by port.
  anna.send(
    compose(`OPTIONS ${boris.aor} SIP/2.0`, [
      `v: SIP/2.0/UDP phone.invalid:${anna.port};branch=z9hG4bK.${fresh()}`,
      `f: <${anna.aor}>;tag=${fresh()}`,
      `t: <${boris.aor}>`,
      `i: ${callId}`,
      'CSeq: 1 OPTIONS',
      'l: 0',
    ]),
  );
  const request = await boris.request('OPTIONS', callId);
  expect(request.get('max-forwards')).toBe('70');
  boris.reply(request, 200, 'OK', { tag: 'x' });
  expect((await anna.response(200, 'OPTIONS', callId)).all('via')[0]).toContain('received=127.0.0.1');
});

test('the same person under other spellings of one address', async () => {
  const [anna, boris] = await pair();
  const spelled = boris.user.replace('b', '%62');
  for (const uri of [
    `sip:${spelled}@${stage.server.domain}`,
    `sip:${boris.user}@${stage.server.hostPort}`,
    `sip:${boris.user}@${stage.server.hostPort};transport=udp;user=phone`,
  ]) {
    const callId = anna.ask('MESSAGE', uri, ['Content-Type: text/plain'], 'hi');
    boris.reply(await boris.request('MESSAGE', callId), 200, 'OK', { tag: 'x' });
    await anna.response(200, 'MESSAGE', callId);
  }
});

test('a phrase in national letters passes as it is', async () => {
  const boris = await stage.puppet('boris');
  const anna = await stage.puppet('anna');
  const out = Leg.open(anna, boris.aor);
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(486, Buffer.from('Obsadené', 'utf8').toString('latin1'));
  const refusal = await out.response(486);
  expect(Buffer.from(refusal.reason, 'latin1').toString('utf8')).toBe('Obsadené');
  out.ackFailure(refusal);
  await inc.request('ACK');
});

test('a REFER outside any call, and its result, go through', async () => {
  const [anna, boris] = await pair();
  const refer = Leg.open(anna, boris.aor, { method: 'REFER', lines: ['Refer-To: <sip:cyril@home.test>'] });
  const asked = await Leg.incoming(boris, 'REFER', refer.callId);
  asked.respond(202, 'Accepted');
  await refer.response(202, 'REFER');
  asked.send('NOTIFY', {
    lines: [
      'Event: refer',
      'Subscription-State: terminated;reason=noresource',
      'Content-Type: message/sipfrag',
    ],
    body: 'SIP/2.0 200 OK\r\n',
  });
  anna.reply(await refer.request('NOTIFY'), 200, 'OK');
  await asked.response(200, 'NOTIFY');
});

test.each(['SUBSCRIBE', 'PUBLISH'])(
  '%s of a package the server does not serve, to oneself, is not sent back',
  async (method) => {
    const anna = await stage.puppet('anna');
    const callId = anna.ask(method, anna.aor, ['Event: presence', 'Expires: 60', `Contact: <${anna.uri}>`]);
    const refusal = await anna.expect('a refusal', (m) => m.callId === callId && m.status >= 200);
    expect([405, 489]).toContain(refusal.status);
    await anna.settled();
    expect(anna.seen(callId).filter((m) => m.method === method)).toEqual([]);
  },
);

test('a BYE to nothing is answered with 481, and so is an INVITE inside no call', async () => {
  const [anna, boris] = await pair();
  for (const method of ['BYE', 'INVITE']) {
    const callId = fresh();
    anna.send(
      compose(`${method} sip:${boris.user}@192.0.2.77 SIP/2.0`, [
        anna.via(),
        `From: <${anna.aor}>;tag=${fresh()}`,
        `To: <${boris.aor}>;tag=${fresh()}`,
        `Call-ID: ${callId}`,
        `CSeq: 7 ${method}`,
        `Contact: <${anna.uri}>`,
        'Content-Length',
      ]),
    );
    await anna.expect('481 or 403', (m) => m.callId === callId && [403, 481].includes(m.status));
  }
});

test('a call to oneself rings at home', async () => {
  const anna = await stage.puppet('anna');
  const out = Leg.open(anna, anna.aor);
  const inc = await Leg.incoming(anna, 'INVITE', out.callId);
  inc.respond(180, 'Ringing');
  await anna.expect('180', (m) => m.status === 180 && m.all('via').length === 1);
  inc.respond(486, 'Busy Here');
  out.ackFailure(await anna.expect('486', (m) => m.status === 486 && m.all('via').length === 1));
  await stage.server.wrote(out.callId, [
    incoming(anna, anna),
    `\tCall Ringing at ${anna.aor}`,
    `\tCall Refused as Busy by ${anna.aor}`,
  ]);
});

async function talkAt(anna: Puppet, called: Puppet, answering: Puppet): Promise<{ out: Leg; inc: Leg }> {
  const out = Leg.open(anna, called.aor);
  const inc = await Leg.incoming(answering, 'INVITE', out.callId);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack();
  await inc.request('ACK');
  return { out, inc };
}

test('somebody who registered another person as the Contact is called there', async () => {
  const [anna, cyril] = [await stage.puppet('anna'), await stage.puppet('cyril')];
  const boris = await stage.puppet('boris', { registered: false });
  await boris.register(['Expires: 60'], `<${cyril.aor}>`);
  const { out, inc } = await talkAt(anna, boris, cyril);
  await hangUp(inc, out);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
});

test('a NOTIFY that comes before the answer to its SUBSCRIBE passes', async () => {
  const [anna, boris] = await pair();
  const watch = Leg.open(anna, boris.aor, {
    method: 'SUBSCRIBE',
    lines: ['Event: conference', 'Expires: 60'],
  });
  const watched = await Leg.incoming(boris, 'SUBSCRIBE', watch.callId);
  watched.send('NOTIFY', { lines: ['Event: conference', 'Subscription-State: active;expires=60'] });
  anna.reply(await watch.request('NOTIFY'), 200, 'OK');
  await watched.response(200, 'NOTIFY');
  watched.respond(200, 'OK', { lines: ['Expires: 60'] });
  await watch.response(200, 'SUBSCRIBE');
  watched.send('NOTIFY', {
    lines: ['Event: conference', 'Subscription-State: terminated;reason=noresource'],
  });
  anna.reply(await watch.request('NOTIFY'), 200, 'OK');
  await watched.response(200, 'NOTIFY');
  await stage.server.wrote(watch.callId, [
    `Conference Joined by ${anna.aor} >> At: ${boris.aor}`,
    `\tConference Left by ${anna.aor}`,
  ]);
});

test('early media and its changes pass before the answer', async () => {
  const [anna, boris] = await pair();
  const out = Leg.open(anna, boris.aor, { lines: ['Supported: 100rel'] });
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(183, 'Session Progress', {
    lines: ['Require: 100rel', 'RSeq: 7', 'Content-Type: application/sdp'],
    body: sdp(boris.user, boris.host).replace('Talk', 'Early'),
  });
  const early = await out.response(183);
  expect(early.body).toContain('s=Early');
  out.send('PRACK', { lines: ['RAck: 7 20 INVITE'] });
  boris.reply(await inc.request('PRACK'), 200, 'OK');
  await out.response(200, 'PRACK');
  inc.send('UPDATE', {
    lines: ['Content-Type: application/sdp'],
    body: sdp(boris.user, boris.host, { version: 2 }),
  });
  out.accept(await out.request('UPDATE'), { version: 2 });
  await inc.response(200, 'UPDATE');
  inc.respond(180, 'Ringing');
  await out.response(180);
  inc.respond(200, 'OK');
  await out.response(200);
  out.ack(20);
  await inc.request('ACK');
  await hangUp(out, inc);
  await stage.server.wrote(out.callId, [
    incoming(anna, boris),
    `\tCall Ringing at ${boris.aor}`,
    `\tCall Answered by ${boris.aor}`,
    '\tCall Has Ended',
  ]);
});
