// RFC 4475 over the wire: all of it to one process, one after another, and a good call in progress all the while.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Torture, torture } from '../sip/torture.ts';
import type { Puppet } from '../wire/puppet.ts';
import type { Leg } from '../wire/puppet-leg.ts';
import type { Message } from '../wire/puppet-message.ts';
import { Ground, hangUp, register } from './ground.ts';

const domains = ['trnava.example', 'brana.trnava.example', 'presov.example'];
const ground = Ground.open({ args: ['--t1', '100', ...domains.flatMap((domain) => ['--domain', domain])] });

/** What the server owes for what parser and syntax check let pass: on to the phone, an answer of its own, nothing. */
const OWED: Readonly<Record<string, number | 'nothing'>> = {
  '3.1.1.4': 200,
  '3.1.1.8': 200,
  '3.1.1.12': 'nothing',
  '3.1.1.13': 'nothing',
  '3.1.2.13': 400,
  '3.3.4': 400,
  '3.3.5': 420,
  '3.3.7': 200,
  '3.3.10': 'nothing',
  '3.3.11': 483,
  '3.3.12': 200,
  '3.3.13': 200,
  '3.3.14': 200,
};

/** Users of ours whom the messages name. */
const NAMED = [
  'sip:maja@trnava.example',
  'sip:Maja@trnava.example',
  'sip:0+Vsetko~(ide!)&a=b+c$/d?,/;;*@trnava.example',
  'sip:maja;druh=a%40b.example@trnava.example',
  'sip:sips%3Amaja%40trnava.example@presov.example',
];

/** Its own branch and Call-ID: many share them in the table, and one server would take the next for the last again. */
function own({ bytes }: Torture, i: number): string {
  return bytes
    .toString('latin1')
    .replaceAll('z9hG4bKm4j4', `z9hG4bKm4j4${i}`)
    .replaceAll('t0rtur3', `t0rtur3-${i}-`);
}

const owedFor = ({ verdict, section }: Torture): number | 'nothing' | 'on' => {
  if (verdict !== 'passes') return verdict.status === 0 ? 'nothing' : verdict.status;
  return OWED[section] ?? 'on';
};

describe('RFC 4475', () => {
  let torturer: Puppet;
  let maja: Puppet;
  let call: { out: Leg; inc: Leg };

  beforeAll(async () => {
    // The messages name no port and ask for no rport: their answers go to 5060.
    torturer = await ground.phone('zly', {
      registered: false,
      host: `127.44.75.${1 + (process.pid % 250)}`,
      port: 5060,
    });
    maja = await ground.phone('maja');
    await bind();
    call = await ground.talk(...(await ground.pair()));
  });

  afterAll(async () => {
    await hangUp(call.out, call.inc);
    const [anna, boris] = [call.out.puppet.aor, call.inc.puppet.aor];
    await ground.server.wrote(call.out.callId, [
      `Incomming Call From: ${anna} >> To: ${boris}`,
      `\tCall Answered by ${boris}`,
      '\tCall Has Ended',
    ]);
  });

  /** All that is named leads to `maja`, and to nobody else. */
  async function bind(): Promise<void> {
    for (const aor of NAMED) {
      await register(maja, ['Contact: *', 'Expires: 0'], { to: `<${aor}>` });
      await register(maja, [`Contact: <${maja.uri}>`], { to: `<${aor}>` });
    }
  }

  /** Refusals of INVITEs that nobody acknowledges come again and again: the same bytes. */
  const known = new Set<string>();
  const isNews = (m: Message): boolean => m.status >= 200 && !known.has(m.text);

  async function answer(): Promise<Message> {
    const response = await torturer.expect('an answer', isNews);
    known.add(response.text);
    return response;
  }

  async function goesOn(text: string, cut: number): Promise<void> {
    const there = await maja.expect('the message', (m) => m.method !== '' && m.method !== 'ACK');
    const body = text.slice(text.indexOf('\r\n\r\n') + 4, text.length - cut);
    expect(there.body).toBe(body);
    expect(there.method).toBe(text.slice(0, text.indexOf(' ')));
    maja.reply(there, 499, 'Heard Enough', { tag: 'maja' });
    expect((await answer()).start).toBe('SIP/2.0 499 Heard Enough');
    await maja.settled();
  }

  for (const [i, one] of torture.entries()) {
    const owed = owedFor(one);
    it(`§${one.section}: ${one.idea}: ${owed}`, async () => {
      const text = own(one, i);
      torturer.send(text);
      if (owed === 'on') await goesOn(text, one.cut ?? 0);
      else if (owed === 'nothing') {
        await torturer.settled();
        // The answer that settles it is the only one.
        const news = torturer.inbox.all.filter(isNews);
        expect(news).toHaveLength(1);
        known.add(news[0]?.text ?? '');
      } else {
        const response = await answer();
        expect(response.status).toBe(owed);
        expect(response.reason).toMatch(owed < 300 ? /^OK$/ : /^[A-Z]\S+ .+/);
        expect(response.has('to') && response.toTag === '').toBe(false);
        if (response.has('contact')) await bind();
      }
      // Nothing of it has leaked into what comes next.
      call.out.send('INFO', { lines: ['Content-Type: text/plain'], body: 'good' });
      const info = await call.inc.request('INFO');
      expect(info.body).toBe('good');
      call.inc.puppet.reply(info, 200, 'OK');
      await call.out.response(200, 'INFO');
    });
  }

  it('§3.3.5: the 420 lists every tag', () => {
    const refusal = torturer.inbox.all.find((m) => m.status === 420);
    const tags = refusal?.all('unsupported').flatMap((value) => value.split(/\s*,\s*/));
    expect(tags).toEqual(['taketoNie', 'aniInaksie']);
  });

  it('§3.3.14: the 200 lists the Contact as it was given', () => {
    const listed = torturer.inbox.all.filter((m) => m.status === 200).flatMap((m) => m.all('contact'));
    expect(
      listed.some((value) => value.startsWith('<sip:maja@trnava.example?Route=%3Csip:brana.example%3E>')),
    ).toBe(true);
  });

  it('§3.1.1.8: the second message of one datagram was not taken', async () => {
    await maja.settled();
    expect(maja.inbox.unclaimed().filter((m) => m.method === 'INVITE')).toEqual([]);
  });
});
