// Real Linphone phones among themselves: every kind of call they can make, with sound.
import { expect, test } from 'vitest';
import type { Linphone } from './linphone.ts';
import { Leg } from './puppet-leg.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

const incoming = (a: Linphone, b: Linphone): string => `Incomming Call From: ${a.aor} >> To: ${b.aor}`;

/** a calls b, b answers, both speak and hear; gives back the Call-ID and the diary so far. */
async function talk(a: Linphone, b: Linphone): Promise<{ callId: string; diary: string[] }> {
  a.call(b.aor);
  await b.answer();
  await Promise.all([a.reaches('StreamsRunning'), b.reaches('StreamsRunning')]);
  a.play();
  b.play();
  await Promise.all([a.hearsAndSpeaks(), b.hearsAndSpeaks()]);
  const callId = await stage.server.call(incoming(a, b));
  return { callId, diary: [incoming(a, b), `\tCall Ringing at ${b.aor}`, `\tCall Answered by ${b.aor}`] };
}

async function two(): Promise<[Linphone, Linphone]> {
  return Promise.all([stage.linphone('anna'), stage.linphone('boris')]);
}

test('talk with each other until the caller hangs up', async () => {
  const [a, b] = await two();
  const { callId, diary } = await talk(a, b);
  a.hangUp();
  await b.reaches('End');
  for (const phone of [a, b]) {
    expect(phone.rtp().sent).toBeGreaterThan(20);
    expect(phone.rtp().received).toBeGreaterThan(20);
  }
  await stage.server.wrote(callId, [...diary, '\tCall Has Ended']);
});

test('hold and resume by either side, then the callee hangs up', async () => {
  const [a, b] = await two();
  const { callId, diary } = await talk(a, b);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.say('pause');
    await Promise.all([one.is('Paused'), other.is('PausedByRemote')]);
    one.say('resume');
    await Promise.all([one.is('StreamsRunning'), other.is('StreamsRunning')]);
    await Promise.all([one.hearsAndSpeaks(), other.hearsAndSpeaks()]);
  }
  b.hangUp();
  await a.reaches('End');
  await stage.server.wrote(callId, [
    ...diary,
    `\tCall Put On Hold by ${a.aor}`,
    `\tCall Resumed by ${a.aor}`,
    `\tCall Put On Hold by ${b.aor}`,
    `\tCall Resumed by ${b.aor}`,
    '\tCall Has Ended',
  ]);
});

test('decline', async () => {
  const [a, b] = await two();
  a.call(b.aor);
  await b.reaches('IncomingReceived');
  b.hangUp();
  await a.reaches('End');
  await a.message('in', /^SIP\/2.0 603 /);
  await stage.server.wrote(await stage.server.call(incoming(a, b)), [
    incoming(a, b),
    `\tCall Ringing at ${b.aor}`,
    `\tCall Declined by ${b.aor}`,
  ]);
});

test('cancel', async () => {
  const [a, b] = await two();
  a.call(b.aor);
  await Promise.all([a.reaches('OutgoingRinging'), b.reaches('IncomingReceived')]);
  a.hangUp();
  await b.reaches('End');
  await a.message('in', /^SIP\/2.0 487 /);
  await stage.server.wrote(await stage.server.call(incoming(a, b)), [
    incoming(a, b),
    `\tCall Ringing at ${b.aor}`,
    `\tCall Cancelled by ${a.aor}`,
  ]);
});

test('are busy', async () => {
  const [a, b, c] = await Promise.all([
    stage.linphone('anna'),
    stage.linphone('boris', { settings: ['[misc]', 'max_calls=1'] }),
    stage.linphone('cyril'),
  ]);
  const { callId, diary } = await talk(a, b);
  c.call(b.aor);
  await c.message('in', /^SIP\/2.0 486 /);
  await stage.server.wrote(await stage.server.call(incoming(c, b)), [
    incoming(c, b),
    `\tCall Refused as Busy by ${b.aor}`,
  ]);
  a.hangUp();
  await b.reaches('End');
  await stage.server.wrote(callId, [...diary, '\tCall Has Ended']);
});

test('ring at two phones of one person: the one that answers has the call, the other stops', async () => {
  const [a, b] = await two();
  const other = await stage.linphone('other', { user: b.aor.slice('sip:'.length).split('@')[0] ?? '' });
  a.call(b.aor);
  await Promise.all([b.is('IncomingReceived'), other.is('IncomingReceived')]);
  other.say('answer');
  await Promise.all([a.is('StreamsRunning'), other.is('StreamsRunning'), b.message('in', /^CANCEL /)]);
  await b.message('in', /^ACK /);
  a.play();
  other.play();
  await Promise.all([a.hearsAndSpeaks(), other.hearsAndSpeaks()]);
  a.hangUp();
  await other.is('Released');
  await stage.server.wrote(await stage.server.call(incoming(a, b)), [
    incoming(a, b),
    `\tCall Ringing at ${b.aor}`,
    `\tCall Answered by ${b.aor}`,
    '\tCall Has Ended',
  ]);
});

test('call somebody who is not there', async () => {
  const a = await stage.linphone('anna');
  a.call(`sip:nobody@${stage.server.domain}`);
  await a.message('in', /^SIP\/2.0 480 /);
});

test('transfer blindly: the transferor hears how it went', async () => {
  const [[a, b], c] = await Promise.all([two(), stage.linphone('cyril')]);
  const { callId, diary } = await talk(a, b);
  b.say(`transfer ${c.aor}`);
  await c.answer();
  await b.message('in', /^NOTIFY [^]*\r\n\r\nSIP\/2\.0 200 /);
  const second = await stage.server.call(incoming(a, c));
  c.play();
  await Promise.all([a.hearsAndSpeaks(), c.hearsAndSpeaks()]);
  // The transferor is told and leaves by itself.
  await b.reaches('End');
  await stage.server.wrote(callId, [
    ...diary,
    `\tRequested Call Transfer From: ${b.aor} >> To: ${a.aor}`,
    `\tCall Put On Hold by ${a.aor}`,
    '\t\tCall Transfer In Progress (100)',
    '\t\tCall Transfer DONE',
    '\tCall Has Ended',
  ]);
  c.hangUp();
  await a.reaches('End', 2);
  await stage.server.wrote(second, [
    incoming(a, c),
    `\tCall Ringing at ${c.aor}`,
    `\tCall Answered by ${c.aor}`,
    '\tCall Has Ended',
  ]);
});

test('transfer after asking: the new call replaces the one that asked', async () => {
  const [[a, b], c] = await Promise.all([two(), stage.linphone('cyril')]);
  const { callId, diary } = await talk(a, b);
  b.say('pause');
  await a.reaches('PausedByRemote');
  b.call(c.aor);
  await c.answer();
  await Promise.all([b.reaches('StreamsRunning', 2), c.reaches('StreamsRunning')]);
  const asked = await stage.server.call(incoming(b, c));
  b.say('transfer 1 --to-call 2');
  await c.message('in', /^INVITE [^]*\r\nReplaces: /);
  await b.message('in', /^NOTIFY [^]*\r\n\r\nSIP\/2\.0 200 /);
  await b.reaches('End', 2);
  a.play();
  c.play();
  await Promise.all([a.hearsAndSpeaks(), c.hearsAndSpeaks()]);
  const third = await stage.server.call(incoming(a, c));
  a.hangUp();
  await c.reaches('End', 2);
  await stage.server.wrote(asked, [
    incoming(b, c),
    `\tCall Ringing at ${c.aor}`,
    `\tCall Answered by ${c.aor}`,
    '\tCall Has Ended',
  ]);
  await stage.server.wrote(third, [
    incoming(a, c),
    `\tCall Ringing at ${c.aor}`,
    `\tCall Answered by ${c.aor}`,
    '\tCall Has Ended',
  ]);
  await stage.server.wrote(callId, [
    ...diary,
    `\tCall Put On Hold by ${b.aor}`,
    `\tRequested Call Transfer From: ${b.aor} >> To: ${a.aor}`,
    // Each side holds the other now.
    `\tCall Put On Hold by ${a.aor}`,
    '\t\tCall Transfer In Progress (100)',
    '\t\tCall Transfer DONE',
    '\tCall Has Ended',
  ]);
  expect(await stage.server.record(third)).toMatchObject({ origin: { why: 'replaces' } });
});

test('send text', async () => {
  const [a, b] = await two();
  a.say(`chat ${b.aor} "good morning"`);
  const message = await b.message('in', /^MESSAGE /);
  expect(message).toContain('good morning');
  await a.message('in', /^SIP\/2.0 20\d [^]*\r\nCSeq: \d+ MESSAGE/);
});

test('meet in a conference at one of them: members ask at its conf-id, and what it says comes back', async () => {
  const [[a, b], c] = await Promise.all([two(), stage.linphone('cyril')]);
  const first = await talk(a, b);
  a.say('pause');
  await b.is('PausedByRemote');
  a.call(c.aor);
  await c.answer();
  await Promise.all([a.reaches('StreamsRunning', 2), c.is('StreamsRunning')]);
  a.say('conference add 1');
  a.say('conference add 2');
  const rooms: string[] = [];
  for (const member of [b, c]) {
    const subscribe = await member.message('out', /^SUBSCRIBE /);
    rooms.push(/;conf-id=[^;> ]+/.exec(subscribe)?.[0] ?? 'no conf-id');
    // This phone knows its room by an address with `transport=udp`, which its members leave out in To.
    await member.message('in', /^SIP\/2\.0 603 [^]*\r\nCSeq: \d+ SUBSCRIBE/);
    await member.is('StreamsRunning');
  }
  expect(rooms[0]).toBe(rooms[1]);
  const asked = a.messages().filter((m) => m.direction === 'in' && m.text.startsWith('SUBSCRIBE '));
  expect(asked.length).toBeGreaterThanOrEqual(2);
  for (const { text } of asked) expect(text.split(' ')[1]).toContain(rooms[0]);
  const second = await stage.server.call(incoming(a, c));
  a.say('terminate all');
  await Promise.all([b.is('End'), c.is('End')]);
  for (const callId of [first.callId, second]) {
    await expect.poll(() => stage.server.diary(callId).at(-1)).toBe('\tCall Has Ended');
  }
});

test('are members of a conference: they subscribe at the focus, are notified, and leave', async () => {
  const focus = await stage.puppet('focus');
  const contact = `<sip:${focus.user}@${focus.hostPort};conf-id=Yx3Wq;transport=udp>;isfocus`;
  const members = await Promise.all([stage.linphone('boris'), stage.linphone('cyril')]);
  for (const member of members) {
    const call = Leg.open(focus, member.aor, { contact });
    await member.answer();
    await call.response(200);
    call.ack();
    await member.is('StreamsRunning');
    const subscribe = await focus.request('SUBSCRIBE');
    expect(subscribe.uri).toContain(';conf-id=Yx3Wq');
    expect(subscribe.get('event')).toBe('conference');
    const watched = Leg.of(focus, subscribe, contact);
    watched.respond(200, 'OK', { lines: ['Expires: 600'] });
    const roster = [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="${focus.aor};conf-id=Yx3Wq"`,
      ' state="full" version="1"><users state="full">',
      `<user entity="${member.aor}" state="full"><roles><entry>participant</entry></roles></user>`,
      '</users></conference-info>',
    ].join('');
    watched.send('NOTIFY', {
      lines: [
        'Event: conference',
        'Subscription-State: active;expires=600',
        'Content-Type: application/conference-info+xml',
      ],
      body: roster,
    });
    await watched.response(200, 'NOTIFY');
    await member.message('in', /^NOTIFY [^]*<conference-info/);
    call.send('BYE');
    await call.response(200, 'BYE');
    await member.is('Released');
    const left = await watched.request('SUBSCRIBE');
    expect(left.get('expires')).toBe('0');
    focus.reply(left, 200, 'OK', { lines: ['Expires: 0', `Contact: ${contact}`] });
    await member.message('in', /^SIP\/2\.0 200 [^]*\r\nCSeq: 21 SUBSCRIBE/);
    await stage.server.wrote(call.callId, [
      `Incomming Call From: ${focus.aor} >> To: ${member.aor}`,
      `\tCall Ringing at ${member.aor}`,
      `\tCall Answered by ${member.aor}`,
      '\tCall Has Ended',
    ]);
    await stage.server.wrote(watched.callId, [
      `Conference Joined by ${member.aor} >> At: ${focus.aor}`,
      `\tConference Left by ${member.aor}`,
    ]);
  }
});
