// baresip with Linphone and with itself: pictures on and off, and what baresip does in its own way.
import { expect, test } from 'vitest';
import type { Baresip } from './baresip.ts';
import type { Linphone } from './linphone.ts';
import { Stage } from './stage.ts';

const stage = Stage.open();

type Phone = Linphone | Baresip;

const incoming = (a: Phone, b: Phone): string => `Incomming Call From: ${a.aor} >> To: ${b.aor}`;
const rung = (a: Phone, b: Phone): string[] => [incoming(a, b), `\tCall Ringing at ${b.aor}`];
const answered = (a: Phone, b: Phone): string[] => [...rung(a, b), `\tCall Answered by ${b.aor}`];

/** baresip calls baresip; both hear the other. */
async function talk(a: Baresip, b: Baresip): Promise<string> {
  await a.call(b.aor);
  await b.answer();
  await Promise.all([a.event('CALL_ESTABLISHED'), b.event('CALL_ESTABLISHED')]);
  await Promise.all([a.hears(), b.hears()]);
  return stage.server.call(incoming(a, b));
}

async function two(): Promise<[Baresip, Baresip]> {
  return Promise.all([stage.baresip('anna'), stage.baresip('boris')]);
}

test('two talk, are held and resumed, and one hangs up', async () => {
  const [a, b] = await two();
  const callId = await talk(a, b);
  await b.command('hold');
  await a.message('in', /^INVITE [^]*a=sendonly/);
  await b.message('in', /^SIP\/2\.0 200 [^]*a=recvonly/);
  await b.command('resume');
  await a.message('out', /^SIP\/2\.0 200 [^]*a=sendrecv/);
  await expect.poll(() => stage.server.diary(callId).at(-1)).toBe(`\tCall Resumed by ${b.aor}`);
  await b.hangUp();
  await a.event('CALL_CLOSED');
  for (const { sent, received } of await Promise.all([a.rtp(), b.rtp()])) {
    expect(sent).toBeGreaterThan(0);
    expect(received).toBeGreaterThan(0);
  }
  await stage.server.wrote(callId, [
    ...answered(a, b),
    `\tCall Put On Hold by ${b.aor}`,
    `\tCall Resumed by ${b.aor}`,
    '\tCall Has Ended',
  ]);
});

test('pictures are switched on, off and on again in a call with Linphone', async () => {
  const [a, b] = await Promise.all([
    stage.linphone('anna', { video: true, settings: ['[video]', 'automatically_initiate=0'] }),
    stage.baresip('boris', { video: true }),
  ]);
  a.call(b.aor);
  await b.answer();
  await Promise.all([b.event('CALL_ESTABLISHED'), a.is('StreamsRunning')]);
  a.play();
  await b.hears();
  const callId = await stage.server.call(incoming(a, b));
  const told = (line: string, times = 1): Promise<void> =>
    expect
      .poll(() => stage.server.diary(callId).filter((l) => l === line).length, { timeout: 10_000 })
      .toBe(times);
  await b.command('video_dir', 'sendrecv');
  await told('\t\tVideo Call ON');
  await Promise.all([b.hears('video'), a.hearsAndSpeaks('video', 1)]);
  await b.command('video_dir', 'inactive');
  await told('\t\tVideo Call OFF');
  await b.command('video_dir', 'sendrecv');
  await told('\t\tVideo Call ON', 2);
  a.hangUp();
  await b.event('CALL_CLOSED');
  const on = [`\tRequested Video Call ON From: ${b.aor} >> To: ${a.aor}`, '\t\tVideo Call ON'];
  const off = [`\tRequested Video Call OFF From: ${b.aor} >> To: ${a.aor}`, '\t\tVideo Call OFF'];
  await stage.server.wrote(callId, [...answered(a, b), ...on, ...off, ...on, '\tCall Has Ended']);
});

test('a call that begins with pictures', async () => {
  const [a, b] = await Promise.all([
    stage.baresip('anna', { video: true }),
    stage.linphone('boris', { video: true }),
  ]);
  await a.call(b.aor);
  await b.answer();
  await Promise.all([a.event('CALL_ESTABLISHED'), b.is('StreamsRunning')]);
  await Promise.all([a.hears('video'), b.hearsAndSpeaks('video', 1)]);
  await a.hangUp();
  await b.is('Released');
  expect((await a.rtp('video')).received).toBeGreaterThan(0);
  await stage.server.wrote(await stage.server.call(incoming(a, b)), [
    ...answered(a, b),
    '\t\tVideo Call ON',
    '\tCall Has Ended',
  ]);
});

test('refuses a call while it rings', async () => {
  const [a, b] = await two();
  await a.call(b.aor);
  await b.event('CALL_INCOMING');
  await b.hangUp();
  const closed = await a.event('CALL_CLOSED');
  expect(closed.param).toContain('486');
  await stage.server.wrote(await stage.server.call(incoming(a, b)), [
    ...rung(a, b),
    `\tCall Refused as Busy by ${b.aor}`,
  ]);
});

test('takes its registration away when it leaves', async () => {
  const [a, b] = await two();
  await b.stop();
  await a.call(b.aor);
  const closed = await a.event('CALL_CLOSED');
  expect(closed.param).toContain('480');
  await a.message('in', /^SIP\/2\.0 480 /);
});

test('gives up calling', async () => {
  const [a, b] = await two();
  await a.call(b.aor);
  await Promise.all([a.event('CALL_RINGING'), b.event('CALL_INCOMING')]);
  await a.hangUp();
  await b.event('CALL_CLOSED');
  await b.message('in', /^CANCEL /);
  await stage.server.wrote(await stage.server.call(incoming(a, b)), [
    ...rung(a, b),
    `\tCall Cancelled by ${a.aor}`,
  ]);
});

test('transfers blindly: its NOTIFYs come in the order they were sent', async () => {
  const [[a, b], c] = await Promise.all([two(), stage.baresip('cyril')]);
  const callId = await talk(a, b);
  await b.command('transfer', c.aor);
  await c.answer();
  await c.event('CALL_ESTABLISHED');
  await b.message('in', /^NOTIFY [^]*\r\n\r\nSIP\/2\.0 200 /);
  const second = await stage.server.call(incoming(a, c));
  await b.event('CALL_CLOSED');
  await c.hears();
  await c.hangUp();
  await stage.server.wrote(second, [...answered(a, c), '\tCall Has Ended']);
  await stage.server.wrote(callId, [
    ...answered(a, b),
    `\tRequested Call Transfer From: ${b.aor} >> To: ${a.aor}`,
    '\t\tCall Transfer In Progress (100)',
    '\t\tCall Transfer DONE',
    '\tCall Has Ended',
  ]);
});

test.each(['a Linphone', 'a baresip'])('Linphone transfers it to %s', async (kind) => {
  const [a, b, c] = await Promise.all([
    stage.baresip('anna'),
    stage.linphone('boris'),
    kind === 'a baresip' ? stage.baresip('cyril') : stage.linphone('cyril'),
  ]);
  await a.call(b.aor);
  await b.answer();
  await Promise.all([a.event('CALL_ESTABLISHED'), b.is('StreamsRunning')]);
  b.play();
  await a.hears();
  const callId = await stage.server.call(incoming(a, b));
  b.say(`transfer ${c.aor}`);
  await c.answer();
  await b.message('in', /^NOTIFY [^]*\r\n\r\nSIP\/2\.0 200 /);
  await b.is('Released');
  const second = await stage.server.call(incoming(a, c));
  if ('play' in c) c.play();
  await a.hears();
  await a.command('line', '1');
  await a.hangUp();
  await stage.server.wrote(second, [...answered(a, c), '\tCall Has Ended']);
  expect(stage.server.diary(callId).slice(-2)).toEqual(['\t\tCall Transfer DONE', '\tCall Has Ended']);
});

test('transfers a Linphone to a Linphone', async () => {
  const [a, b, c] = await Promise.all([
    stage.linphone('anna'),
    stage.baresip('boris'),
    stage.linphone('cyril'),
  ]);
  a.call(b.aor);
  await b.answer();
  await Promise.all([b.event('CALL_ESTABLISHED'), a.is('StreamsRunning')]);
  a.play();
  await b.hears();
  const callId = await stage.server.call(incoming(a, b));
  await b.command('transfer', c.aor);
  await c.answer();
  await b.message('in', /^NOTIFY [^]*\r\n\r\nSIP\/2\.0 200 /);
  await b.event('CALL_CLOSED');
  c.play();
  await Promise.all([a.hearsAndSpeaks(), c.hearsAndSpeaks()]);
  const second = await stage.server.call(incoming(a, c));
  c.hangUp();
  await a.is('Released');
  await stage.server.wrote(second, [...answered(a, c), '\tCall Has Ended']);
  expect(stage.server.diary(callId)).toContain('\t\tCall Transfer DONE');
  expect(stage.server.diary(callId).at(-1)).toBe('\tCall Has Ended');
});

test('asks another phone what it can do', async () => {
  const [a, b] = await two();
  await a.command('options', b.aor);
  await b.message('in', /^OPTIONS /);
  await a.message('in', /^SIP\/2\.0 200 [^]*\r\nCSeq: \d+ OPTIONS/);
});
