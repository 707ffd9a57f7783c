// SIPp with real phones: it answers with several Vias in one line, echoes sound, refuses, and calls.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeTone } from './sound.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

test('answers a Linphone, sends its sound back, is hung up on', async () => {
  const [a, sipp] = [await stage.linphone('anna'), await stage.sippAt('sipp')];
  expect(await (await stage.sipp('register', sipp)).ended()).toBe(0);
  const callee = await stage.sipp('answers', { ...sipp, echo: true });
  const to = `sip:${sipp.user}@${stage.server.domain}`;
  a.call(to);
  await a.is('StreamsRunning');
  a.play();
  await a.hearsAndSpeaks();
  a.hangUp();
  expect(await callee.ended()).toBe(0);
  expect(a.rtp().received).toBeGreaterThan(20);
  const line = `Incomming Call From: ${a.aor} >> To: ${to}`;
  await stage.server.wrote(await stage.server.call(line), [
    line,
    `\tCall Ringing at ${to}`,
    `\tCall Answered by ${to}`,
    '\tCall Has Ended',
  ]);
});

test.each([
  { status: '480', phrase: 'Nobody Came', line: 'Call Not Answered by' },
  { status: '486', phrase: 'Busy Here', line: 'Call Refused as Busy by' },
  { status: '603', phrase: 'Decline', line: 'Call Declined by' },
])('refuses a baresip with $status', async ({ status, phrase, line }) => {
  const [a, sipp] = [await stage.baresip('anna'), await stage.sippAt('sipp')];
  expect(await (await stage.sipp('register', sipp)).ended()).toBe(0);
  const callee = await stage.sipp('refuses', { ...sipp, words: { status, phrase } });
  const to = `sip:${sipp.user}@${stage.server.domain}`;
  await a.call(to);
  const closed = await a.event('CALL_CLOSED');
  expect(closed.param).toContain(`${status} ${phrase}`);
  expect(await callee.ended()).toBe(0);
  const incoming = `Incomming Call From: ${a.aor} >> To: ${to}`;
  await stage.server.wrote(await stage.server.call(incoming), [
    incoming,
    `\tCall Ringing at ${to}`,
    `\t${line} ${to}`,
  ]);
});

test('calls a baresip, speaks, and hangs up', async () => {
  const [b, sipp] = [await stage.baresip('boris'), await stage.sippAt('sipp')];
  const tone = join(sipp.folder, 'tone.wav');
  writeTone(tone, { seconds: 2 });
  const caller = await stage.sipp('calls', {
    ...sipp,
    to: b.aor.slice(4).split('@')[0] ?? '',
    words: { tone },
  });
  await b.answer();
  await b.event('CALL_ESTABLISHED');
  await b.hears();
  await b.event('CALL_CLOSED');
  expect(await caller.ended()).toBe(0);
  expect((await b.rtp()).received).toBeGreaterThan(20);
  const incoming = `Incomming Call From: sip:${sipp.user}@${stage.server.domain} >> To: ${b.aor}`;
  await stage.server.wrote(await stage.server.call(incoming), [
    incoming,
    `\tCall Ringing at ${b.aor}`,
    `\tCall Answered by ${b.aor}`,
    '\tCall Has Ended',
  ]);
});
