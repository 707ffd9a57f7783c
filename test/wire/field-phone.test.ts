// The calls that phones of the field made, message by message, with all their oddities.
import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { FieldPhone, type Held } from './field-phone.ts';
import type { Message } from './puppet-message.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

let phones = 0;

async function phone(name: string): Promise<FieldPhone> {
  const made = await FieldPhone.open(
    { user: `${name}${++phones}`, domain: stage.server.domain, server: stage.server.address },
    name,
  );
  onTestFinished(() => made.puppet.close());
  onTestFailed(() =>
    console.log(
      made.aor,
      made.puppet.inbox.all.map((m) => m.text),
    ),
  );
  await made.register();
  made.keepAlive();
  return made;
}

interface Rung {
  readonly held: Held;
  readonly invite: Message;
  readonly there: Held;
  readonly diary: readonly string[];
}

/** From the INVITE to the 180: the callee's 100 carries no tag and stops at the server. */
async function ring(
  caller: FieldPhone,
  callee: FieldPhone,
  options: { lines?: readonly string[]; contact?: string; uri?: string } = {},
): Promise<Rung> {
  const uri = options.uri ?? callee.aor;
  const held = caller.invite(uri, options);
  const invite = await callee.puppet.request('INVITE', held.callId);
  const there = callee.holdOf(invite);
  callee.respond(invite, there, 100, 'Trying');
  callee.respond(invite, there, 180, 'Ringing');
  await caller.puppet.response(180, 'INVITE', held.callId);
  return {
    held,
    invite,
    there,
    diary: [`Incomming Call From: ${caller.aor} >> To: ${callee.aor}`, `\tCall Ringing at ${callee.aor}`],
  };
}

/** From the INVITE to the ACK. */
async function talk(
  caller: FieldPhone,
  callee: FieldPhone,
  options: Parameters<typeof ring>[2] = {},
): Promise<Rung> {
  const rung = await ring(caller, callee, options);
  callee.respond(rung.invite, rung.there, 200, 'Ok', callee.sdp());
  caller.learn(rung.held, await caller.puppet.response(200, 'INVITE', rung.held.callId));
  caller.ack(rung.held);
  await callee.puppet.request('ACK', rung.held.callId);
  return { ...rung, diary: [...rung.diary, `\tCall Answered by ${callee.aor}`] };
}

async function hangUp(by: FieldPhone, held: Held, other: FieldPhone, there: Held): Promise<void> {
  by.bye(held);
  const bye = await other.puppet.request('BYE', held.callId);
  expect(bye.has('content-length')).toBe(false);
  other.respond(bye, there, 200, 'Ok');
  await by.puppet.response(200, 'BYE', held.callId);
}

test('registers without Content-Length and gets its own Contact back, every parameter of it', async () => {
  const mobile = await phone('mobile');
  const ok = await mobile.register();
  expect(ok.all('contact')).toHaveLength(1);
  expect(ok.get('contact')).toContain(`<sip:${mobile.puppet.user}@${mobile.puppet.hostPort};transport=udp>`);
  expect(ok.get('contact')).toContain('+sip.instance=');
  expect(ok.get('contact')).toMatch(/;expires=\d+/);
});

test('declines: 603 without Content-Length, an ACK with a Contact', async () => {
  const [mobile, pad] = [await phone('mobile'), await phone('pad')];
  // As a phone dials from its address book: the server's port is in the URI.
  const uri = `sip:${pad.puppet.user}@${stage.server.hostPort}`;
  const { held, invite, there, diary } = await ring(mobile, pad, { uri });
  expect(invite.get('user-agent')).toBe(mobile.agent);
  pad.respond(invite, there, 603, 'Decline');
  const refusal = await mobile.puppet.response(603, 'INVITE', held.callId);
  expect(refusal.all('via')).toHaveLength(1);
  expect(refusal.get('user-agent')).toBe(pad.agent);
  mobile.ackRefusal(held, refusal);
  const ack = await pad.puppet.request('ACK', held.callId);
  // Our own, hop by hop: the caller's Contact has no business there.
  expect(ack.has('contact')).toBe(false);
  await pad.puppet.settled();
  expect(pad.puppet.seen(held.callId).filter((m) => m.method === 'ACK')).toHaveLength(1);
  await stage.server.wrote(held.callId, [...diary, `\tCall Declined by ${pad.aor}`]);
});

test('picks up: every 200 passes, every ACK passes, the diary says it once', async () => {
  const [mobile, desk] = [await phone('mobile'), await phone('desk')];
  const { held, invite, there, diary } = await ring(mobile, desk);
  const answer = desk.sdp();
  const acked = (): Promise<Message> => desk.puppet.request('ACK', held.callId);
  desk.respond(invite, there, 200, 'Ok', answer);
  const ok = await mobile.puppet.response(200, 'INVITE', held.callId);
  expect(ok.headers.find(([, value]) => value.includes(`${stage.server.hostPort}`))?.[0]).toBe(
    'Record-route',
  );
  expect(ok.get('contact')).toBe(desk.contact());
  // Again before the caller has said ACK: RFC 3261 §13.3.1.4.
  desk.respond(invite, there, 200, 'Ok', answer);
  await mobile.puppet.response(200, 'INVITE', held.callId);
  mobile.learn(held, ok);
  const repeat = mobile.ack(held);
  repeat();
  const [first, second] = [await acked(), await acked()];
  expect(first.uri).toBe(`sip:${desk.puppet.user}@${desk.puppet.hostPort};transport=udp`);
  expect(first.has('route')).toBe(false);
  expect(first.get('user-agent')).toBe(mobile.agent);
  expect(second.callId).toBe(first.callId);
  // And again after it.
  desk.respond(invite, there, 200, 'Ok', answer);
  await mobile.puppet.response(200, 'INVITE', held.callId);
  repeat();
  await acked();
  await hangUp(mobile, held, desk, there);
  await stage.server.wrote(held.callId, [...diary, `\tCall Answered by ${desk.aor}`, '\tCall Has Ended']);
});

test('asks for video and gives it back, whatever the Subject says', async () => {
  const [mobile, desk] = [await phone('mobile'), await phone('desk')];
  const { held, there, diary } = await talk(mobile, desk);
  for (const [video, subject] of [
    [41_020, 'Media change'],
    [0, 'Call resuming'],
  ] as const) {
    mobile.reinvite(held, subject, mobile.sdp('', video));
    const again = await desk.puppet.request('INVITE', held.callId);
    expect(again.get('subject')).toBe(subject);
    desk.respond(again, there, 100, 'Trying');
    desk.respond(again, there, 200, 'Ok', desk.sdp('', video === 0 ? 0 : 41_030));
    await mobile.puppet.response(200, 'INVITE', held.callId);
    mobile.ack(held);
    await desk.puppet.request('ACK', held.callId);
  }
  await hangUp(mobile, held, desk, there);
  await stage.server.wrote(held.callId, [
    ...diary,
    `\tRequested Video Call ON From: ${mobile.aor} >> To: ${desk.aor}`,
    '\t\tVideo Call ON',
    `\tRequested Video Call OFF From: ${mobile.aor} >> To: ${desk.aor}`,
    '\t\tVideo Call OFF',
    '\tCall Has Ended',
  ]);
});

test('transfers: REFER, hold in the middle, both NOTIFYs reach the transferor, then the new call', async () => {
  const [mobile, desk, pad] = [await phone('mobile'), await phone('desk'), await phone('pad')];
  const { held, there, diary } = await talk(mobile, desk);
  const { callId } = held;
  // The desk phone sends the mobile to the pad.
  desk.refer(there, pad.puppet.user, `sip:${pad.puppet.user}@${stage.server.hostPort}`);
  const refer = await mobile.puppet.request('REFER', callId);
  expect(refer.get('referred-by')).toBe(desk.aor);
  mobile.respond(refer, held, 202, 'Accepted');
  await desk.puppet.response(202, 'REFER', callId);
  // It puts the desk phone on hold first.
  mobile.reinvite(held, 'Call on hold', mobile.sdp('sendonly'));
  const hold = await desk.puppet.request('INVITE', callId);
  desk.respond(hold, there, 100, 'Trying');
  desk.respond(hold, there, 200, 'Ok', desk.sdp('recvonly'));
  await mobile.puppet.response(200, 'INVITE', callId);
  mobile.ack(held);
  await desk.puppet.request('ACK', callId);
  mobile.notify(held, 'SIP/2.0 100 Trying\r\n');
  const trying = await desk.puppet.request('NOTIFY', callId);
  expect(trying.body).toBe('SIP/2.0 100 Trying\r\n');
  desk.respond(trying, there, 200, 'Ok');
  // The phone's own words come back: the server answers no NOTIFY.
  const told = await mobile.puppet.response(200, 'NOTIFY', callId);
  expect(told.get('user-agent')).toBe(desk.agent);
  const third = await ring(mobile, pad, { lines: [`Referred-By: ${desk.aor}`] });
  expect(third.invite.get('referred-by')).toBe(desk.aor);
  pad.respond(third.invite, third.there, 200, 'Ok', pad.sdp());
  mobile.learn(third.held, await mobile.puppet.response(200, 'INVITE', third.held.callId));
  mobile.notify(held, 'SIP/2.0 200 Ok\r\n');
  const done = await desk.puppet.request('NOTIFY', callId);
  expect(done.body).toBe('SIP/2.0 200 Ok\r\n');
  expect(done.get('subscription-state')).toBe('terminated;reason=reason=noresource');
  desk.respond(done, there, 200, 'Ok');
  await mobile.puppet.response(200, 'NOTIFY', callId);
  // The answer was slow to be acknowledged: 200 twice, ACK twice.
  pad.respond(third.invite, third.there, 200, 'Ok', pad.sdp());
  await mobile.puppet.response(200, 'INVITE', third.held.callId);
  const repeat = mobile.ack(third.held);
  repeat();
  await pad.puppet.request('ACK', third.held.callId);
  await pad.puppet.request('ACK', third.held.callId);
  mobile.reinvite(third.held, 'ICE processing concluded', mobile.sdp());
  const ice = await pad.puppet.request('INVITE', third.held.callId);
  pad.respond(ice, third.there, 200, 'Ok', pad.sdp());
  await mobile.puppet.response(200, 'INVITE', third.held.callId);
  mobile.ack(third.held);
  await pad.puppet.request('ACK', third.held.callId);
  await hangUp(desk, there, mobile, held);
  await hangUp(mobile, third.held, pad, third.there);
  await stage.server.wrote(callId, [
    ...diary,
    `\tRequested Call Transfer From: ${desk.aor} >> To: ${mobile.aor}`,
    `\tCall Put On Hold by ${mobile.aor}`,
    '\t\tCall Transfer In Progress (100)',
    '\t\tCall Transfer DONE',
    '\tCall Has Ended',
  ]);
  await stage.server.wrote(third.held.callId, [
    ...third.diary,
    `\tCall Answered by ${pad.aor}`,
    '\tCall Has Ended',
  ]);
  expect(await stage.server.record(callId)).toMatchObject({ outcome: 'transferred' });
  const moved = await stage.server.record(third.held.callId);
  expect(moved).toMatchObject({ outcome: 'answered', origin: { callId, why: 'transfer' } });
});

test('a transfer that fails is told as failed, and the call goes on', async () => {
  const [mobile, desk] = [await phone('mobile'), await phone('desk')];
  const { held, there, diary } = await talk(mobile, desk);
  desk.refer(there, 'nobody', `sip:nobody@${stage.server.domain}`);
  mobile.respond(await mobile.puppet.request('REFER', held.callId), held, 202, 'Accepted');
  await desk.puppet.response(202, 'REFER', held.callId);
  const try3 = mobile.invite(`sip:nobody@${stage.server.domain}`, { lines: [`Referred-By: ${desk.aor}`] });
  mobile.ackRefusal(try3, await mobile.puppet.response(480, 'INVITE', try3.callId));
  mobile.notify(held, 'SIP/2.0 480 Temporarily Unavailable\r\n');
  desk.respond(await desk.puppet.request('NOTIFY', held.callId), there, 200, 'Ok');
  await mobile.puppet.response(200, 'NOTIFY', held.callId);
  await hangUp(mobile, held, desk, there);
  await stage.server.wrote(held.callId, [
    ...diary,
    `\tRequested Call Transfer From: ${desk.aor} >> To: ${mobile.aor}`,
    '\t\tCall Transfer FAILED (480)',
    '\tCall Has Ended',
  ]);
});

test('meets in a conference: each member subscribes at the focus, by its conf-id and without a port', async () => {
  const [focus, pad, mobile] = [await phone('focus'), await phone('pad'), await phone('mobile')];
  const room = ';conf-id=k7QzP';
  const contact = focus.contact(room);
  const calls = [await talk(focus, pad, { contact }), await talk(focus, mobile, { contact })];
  const members = [pad, mobile].map((member, at) => ({ member, call: calls[at] }));
  for (const { member, call } of members) {
    if (call === undefined) throw new Error('unreachable');
    // What the member was told: the focus' Contact, untouched.
    expect(call.invite.get('contact')).toBe(contact);
    const subscription = member.subscribe(call.there.target, 600);
    const subscribe = await focus.puppet.request('SUBSCRIBE', subscription.callId);
    expect(subscribe.uri).toContain(room);
    expect(subscribe.get('event')).toBe('conference');
    expect(subscribe.get('to')).toBe(`<${subscription.remote}>`);
    expect(subscribe.get('last-notify-version')).toBe('0');
    const watched = focus.holdOf(subscribe);
    focus.puppet.reply(subscribe, 200, 'Ok', {
      tag: watched.localTag,
      lines: ['Expires: 600', `Contact: ${contact}`],
      recordRoute: 'Record-route',
      contentLength: false,
    });
    member.learn(subscription, await member.puppet.response(200, 'SUBSCRIBE', subscription.callId));
    const roster = '<?xml version="1.0" encoding="UTF-8"?>\r\n<conference-info version="1"/>\r\n';
    const notify = (state: string): void => {
      watched.cseq++;
      focus.puppet.send(
        [
          `NOTIFY ${watched.target} SIP/2.0`,
          focus.puppet.via(),
          `From: <${watched.local}>;tag=${watched.localTag}`,
          `To: <${watched.remote}>;tag=${watched.remoteTag}`,
          `CSeq: ${watched.cseq} NOTIFY`,
          `Call-ID: ${watched.callId}`,
          'Max-Forwards: 70',
          ...watched.routes.map((route) => `Route: ${route}`),
          'Event: conference',
          `Subscription-State: ${state}`,
          'Content-Type: application/conference-info+xml',
          `Content-Length: ${roster.length}`,
          '',
          roster,
        ].join('\r\n'),
      );
    };
    notify('active;expires=599');
    const news = await member.puppet.request('NOTIFY', subscription.callId);
    expect(news.body).toBe(roster);
    member.respond(news, subscription, 200, 'Ok');
    await focus.puppet.response(200, 'NOTIFY', subscription.callId);
    await hangUp(focus, call.held, member, call.there);
    member.unsubscribe(subscription);
    const end = await focus.puppet.request('SUBSCRIBE', subscription.callId);
    expect(end.get('expires')).toBe('0');
    focus.puppet.reply(end, 200, 'Ok', {
      lines: ['Expires: 0', `Contact: ${contact}`],
      contentLength: false,
    });
    await member.puppet.response(200, 'SUBSCRIBE', subscription.callId);
    notify('terminated;reason=timeout');
    member.respond(await member.puppet.request('NOTIFY', subscription.callId), subscription, 200, 'Ok');
    await focus.puppet.response(200, 'NOTIFY', subscription.callId);
    await stage.server.wrote(call.held.callId, [...call.diary, '\tCall Has Ended']);
    await stage.server.wrote(subscription.callId, [
      `Conference Joined by ${member.aor} >> At: ${focus.aor}`,
      `\tConference Left by ${member.aor}`,
    ]);
    expect(await stage.server.record(subscription.callId)).toMatchObject({
      type: 'subscription',
      origin: { callId: call.held.callId, why: 'conference' },
    });
  }
});

test('a focus that refuses to be watched: its words come back, the call goes on', async () => {
  const [focus, pad] = [await phone('focus'), await phone('pad')];
  const call = await talk(focus, pad, { contact: focus.contact(';conf-id=none') });
  const subscription = pad.subscribe(call.there.target, 600);
  const subscribe = await focus.puppet.request('SUBSCRIBE', subscription.callId);
  focus.respond(subscribe, focus.holdOf(subscribe), 603, 'Decline');
  await pad.puppet.response(603, 'SUBSCRIBE', subscription.callId);
  await hangUp(pad, call.there, focus, call.held);
  await stage.server.wrote(call.held.callId, [...call.diary, '\tCall Has Ended']);
});

test('goes straight at a focus by its address: that is what its binding says, so it is routed as it is', async () => {
  const [focus, pad] = [await phone('focus'), await phone('pad')];
  const uri = `sip:${focus.puppet.user}@${focus.puppet.hostPort};conf-id=z9;transport=udp`;
  const callId = pad.puppet.ask('SUBSCRIBE', uri, [
    'Event: conference',
    'Expires: 60',
    `Contact: ${pad.contact()}`,
  ]);
  const subscribe = await focus.puppet.request('SUBSCRIBE', callId);
  expect(subscribe.uri).toBe(uri);
  focus.puppet.reply(subscribe, 404, 'No Such Room', { tag: 'gone' });
  const refusal = await pad.puppet.response(404, 'SUBSCRIBE', callId);
  expect(refusal.reason).toBe('No Such Room');
});
