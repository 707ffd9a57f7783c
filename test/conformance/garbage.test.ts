// RFC 3261 §16.3, §18, DESIGN 'What must never happen': whatever bytes come, the process lives and serves.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import type { Leg } from '../wire/puppet-leg.ts';
import { reply } from '../wire/puppet-message.ts';
import { acknowledge, ask, final, Ground, hangUp, heardNothing, hopByHop, register, send } from './ground.ts';

const ground = Ground.open({ args: ['--t1', '100'] });

/** One seed, one sequence: mulberry32. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SPICE = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ';',
  ',',
  '<',
  '>',
  '"',
  '\\',
  '%',
  '%00',
  '%zz',
  ':',
  '@',
  '[',
  ']',
  '[::1]',
  '=',
  '\xff\xfe',
  'é',
  '99999999999',
  '-1',
  '4294967296',
  'SIP/2.0',
  'z9hG4bK',
  'sip:',
  ';lr',
  ';tag=',
  '\r\n ',
  '\r\n\r\n',
  'Via: x',
  'l: 5\r\n',
  '?',
  '*',
  '~'.repeat(300),
  '(',
];

/** Some wounds to a message: bytes changed, cut, doubled, lines exchanged, spice strewn in. */
function wounded(message: string, random: () => number): Buffer {
  const upTo = (n: number): number => Math.floor(random() * n);
  let text = message;
  for (let wounds = 1 + upTo(4); wounds > 0; wounds--) {
    const at = upTo(text.length);
    const end = Math.min(text.length, at + upTo(20));
    switch (upTo(8)) {
      case 0:
        text = text.slice(0, at) + String.fromCharCode(upTo(256)) + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(end);
        break;
      case 2:
        text = text.slice(0, end) + text.slice(at);
        break;
      case 3:
        text = text.slice(0, at);
        break;
      case 4: {
        const lines = text.split('\r\n');
        const [one, two] = [upTo(lines.length), upTo(lines.length)];
        [lines[one], lines[two]] = [lines[two] ?? '', lines[one] ?? ''];
        text = lines.join('\r\n');
        break;
      }
      case 5: {
        const lines = text.split('\r\n');
        lines.splice(upTo(lines.length), 0, lines[upTo(lines.length)] ?? '');
        text = lines.join('\r\n');
        break;
      }
      default:
        text = text.slice(0, at) + (SPICE[upTo(SPICE.length)] ?? '') + text.slice(at);
    }
  }
  return Buffer.from(text, 'latin1');
}

/** Gives the kernel and the server time after each handful: a queue that overflows would prove nothing. */
async function flood(by: Puppet, count: number, make: (i: number) => string | Buffer): Promise<void> {
  for (let i = 0; i < count; i++) {
    const bytes = make(i);
    if (bytes.length > 0 && bytes.length < 65_507) by.send(bytes);
    if (i % 100 === 99) await by.settled();
  }
  await by.settled();
}

describe('a good call goes on while', () => {
  let good: { out: Leg; inc: Leg };

  beforeAll(async () => {
    good = await ground.talk(...(await ground.pair()));
  });

  afterAll(async () => {
    await hangUp(good.out, good.inc);
    await ground.server.wrote(good.out.callId, [
      `Incomming Call From: ${good.out.puppet.aor} >> To: ${good.inc.puppet.aor}`,
      `\tCall Answered by ${good.inc.puppet.aor}`,
      '\tCall Has Ended',
    ]);
  });

  async function undisturbed(): Promise<void> {
    good.out.send('INFO', { lines: ['Content-Type: text/plain'], body: 'good' });
    const info = await good.inc.request('INFO');
    expect(info.body).toBe('good');
    good.inc.puppet.reply(info, 200, 'OK');
    await good.out.response(200, 'INFO');
  }

  async function talkative(): Promise<[Puppet, Puppet, readonly string[]]> {
    const [eve, mallory] = await ground.pair();
    const invite = ask(eve, 'INVITE', mallory.aor, {
      lines: [`Contact: <${eve.uri}>`, 'Route: <sip:127.0.0.1;lr>'],
    });
    const messages = [
      invite.text,
      hopByHop('CANCEL', invite),
      hopByHop('ACK', invite),
      ask(eve, 'REGISTER', 'sip:127.0.0.1', {
        to: `<${eve.aor}>`,
        lines: [`Contact: "E" <${eve.uri}>;q=0.5;expires=60`],
      }).text,
      ask(eve, 'OPTIONS', `sip:${ground.server.hostPort}`).text,
      ask(eve, 'SUBSCRIBE', mallory.aor, {
        lines: ['Event: conference', 'Expires: 60', `Contact: <${eve.uri}>`],
      }).text,
      ask(eve, 'MESSAGE', mallory.aor, {
        body: 'v=0\r\nm=audio 1 RTP/AVP 0\r\n',
        lines: ['Content-Type: application/sdp'],
      }).text,
      ask(eve, 'BYE', mallory.aor, { toTag: 'x', routes: good.out.routes }).text,
      good.out.text('UPDATE', { body: 'v=0\r\nm=video 0 RTP/AVP 0\r\na=sendonly\r\n', cseq: 1 }),
      reply(good.inc.incoming, 200, 'OK', { tag: good.inc.localTag }),
      reply(good.inc.incoming, 180, 'Ringing', { tag: 'other', lines: [`Contact: <${eve.uri};conf-id=1>`] }),
    ];
    return [eve, mallory, messages];
  }

  it.each([1, 2, 3, 4])('wounded messages come, seed %d', async (seed) => {
    const random = chance(seed * 7919);
    const [eve, mallory, messages] = await talkative();
    await flood(eve, 1500, (i) => wounded(messages[i % messages.length] ?? '', random));
    // What came through is answered, wounded as well.
    const heard = mallory.inbox.all.filter((m) => m.method !== '').slice(0, 300);
    const answers = heard.map((request) => reply(request, 200, 'OK', { tag: 'm' }));
    await flood(mallory, answers.length, (i) => wounded(answers[i] ?? '', random));
    await undisturbed();
  });

  it('noise comes', async () => {
    const random = chance(4711);
    const eve = await ground.phone('eve');
    await flood(eve, 500, () =>
      Buffer.from(Array.from({ length: 1 + Math.floor(random() * 1400) }, () => Math.floor(random() * 256))),
    );
    await undisturbed();
  });

  it('messages cut at every byte come', async () => {
    const [eve, , messages] = await talkative();
    const text = messages[0] ?? '';
    await flood(eve, text.length, (i) => text.slice(0, i));
    await undisturbed();
  });

  it.each<[string, (text: string) => string]>([
    [
      '100 Vias',
      (text) => text.replace('Via:', `${'Via: SIP/2.0/UDP x.example;branch=z9hG4bKx\r\n'.repeat(100)}Via:`),
    ],
    [
      '100 Vias in one line',
      (text) => text.replace('\r\nMax', `${', SIP/2.0/UDP x.example;branch=z9hG4bKx'.repeat(100)}\r\nMax`),
    ],
    [
      '500 Routes',
      (text) => text.replace('\r\nMax', `${'\r\nRoute: <sip:127.0.0.1;lr>'.repeat(450)}\r\nMax`),
    ],
    [
      '2000 Routes in one line',
      (text) => text.replace('\r\nMax', `\r\nRoute: ${Array(2000).fill('<sip:127.0.0.1;lr>').join()}\r\nMax`),
    ],
    ['5000 header lines', (text) => text.replace('\r\nMax', `${'\r\nX: y'.repeat(5000)}\r\nMax`)],
    ['a header line of 60 KB', (text) => text.replace('\r\nMax', `\r\nX: ${'y'.repeat(60_000)}\r\nMax`)],
    [
      'a header of 20,000 folds',
      (text) => text.replace('\r\nMax', `\r\nX: y${'\r\n z'.repeat(15_000)}\r\nMax`),
    ],
    ['10,000 parameters', (text) => text.replace('\r\nMax', `${';p=v'.repeat(10_000)}\r\nMax`)],
    ['50,000 quotes', (text) => text.replace('\r\nFrom: ', `\r\nFrom: ${'"'.repeat(50_000)}`)],
    ['50,000 open brackets', (text) => text.replace('\r\nFrom: ', `\r\nFrom: ${'<'.repeat(50_000)}`)],
    [
      '50,000 backslashes in quotes',
      (text) => text.replace('\r\nFrom: ', `\r\nFrom: "${'\\'.repeat(50_000)}" `),
    ],
    [
      '50,000 commas in Contact',
      (text) => text.replace('\r\nMax', `\r\nContact: ${','.repeat(50_000)}\r\nMax`),
    ],
    ['a Request-URI of 60 KB', (text) => text.replace('sip:', `sip:${'x'.repeat(60_000)}`)],
    ['a method of 60 KB', (text) => text.replaceAll('OPTIONS', 'O'.repeat(20_000))],
    ['a Call-ID of 60 KB', (text) => text.replace('Call-ID: ', `Call-ID: ${'c'.repeat(60_000)}`)],
    ['a branch of 60 KB', (text) => text.replace('branch=z9hG4bK', `branch=z9hG4bK${'b'.repeat(60_000)}`)],
    ['NULs everywhere', (text) => text.replace(/ /g, ' \0')],
    ['bytes that are no UTF-8', (text) => text.replace('From: ', 'From: "\xc3\x28\xff\xfe\x80" ')],
    ['colons missing', (text) => text.replace(/:/g, ' ')],
    ['spaces for line ends', (text) => text.replace(/\r\n/g, ' ')],
    ['a Content-Length of 4 GB', (text) => text.replace('Content-Length: 0', 'Content-Length: 4294967295')],
    ['a port of 70,000 in Via', (text) => text.replace(/(UDP [\d.]+):\d+/, '$1:70000')],
    ['port 0 in Via', (text) => text.replace(/(UDP [\d.]+):\d+/, '$1:0')],
    ['a Via of another protocol', (text) => text.replace('SIP/2.0/UDP', 'HTTP/1.1/CARRIER-PIGEON')],
    ['no Via', (text) => text.replace(/Via: .*\r\n/, '')],
    ['no anything', () => 'OPTIONS sip:x@127.0.0.1 SIP/2.0\r\n\r\n'],
    ['a start line alone', () => 'OPTIONS sip:x@127.0.0.1 SIP/2.0'],
    ['HTTP', () => 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a TLS hello', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(300, '\x55')],
    ['STUN', () => '\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl'],
  ])('%s come', async (_what, change) => {
    const eve = await ground.phone('eve');
    for (const [method, uri] of [
      ['OPTIONS', eve.aor],
      ['REGISTER', 'sip:127.0.0.1'],
      ['INVITE', good.inc.puppet.aor],
    ] as const) {
      const { text } = ask(eve, method, uri, { lines: [] });
      eve.send(change(text).slice(0, 65_000));
    }
    const began = performance.now();
    await eve.settled();
    // What is dear to read is dear for whom comes next.
    expect(performance.now() - began).toBeLessThan(5_000);
    await undisturbed();
    for (const invite of good.inc.puppet.inbox.unclaimed().filter((m) => m.method === 'INVITE')) {
      good.inc.puppet.reply(invite, 486, 'Busy Here', { tag: 'x' });
    }
  });

  it('answers to nothing come, for every method and class', async () => {
    const [eve, , messages] = await talkative();
    const base = messages.at(-2) ?? '';
    for (const status of [99, 100, 180, 200, 202, 302, 401, 408, 486, 487, 500, 603, 699, 700])
      for (const method of ['INVITE', 'ACK', 'CANCEL', 'BYE', 'REGISTER', 'XTRA'])
        eve.send(
          base
            .replace('200 OK', `${status} X`)
            .replace(/CSeq: (\d+) INVITE/, `CSeq: $1 ${method}`)
            .replace('z9hG4bK', 'z9hG4bKno'),
        );
    await eve.settled();
    await undisturbed();
  });

  it('ACK, BYE and CANCEL to nothing come', async () => {
    const eve = await ground.phone('eve');
    for (let i = 0; i < 50; i++) send(eve, 'ACK', `sip:x${i}@127.0.0.1`, { toTag: 'x' });
    for (let i = 0; i < 20; i++) {
      expect(
        (await final(eve, send(eve, 'BYE', `sip:x${i}@127.0.0.1`, { toTag: 'x' }))).status,
      ).toBeGreaterThanOrEqual(400);
      expect((await final(eve, send(eve, 'CANCEL', `sip:x${i}@127.0.0.1`))).status).toBe(481);
    }
    await undisturbed();
  });

  it('its own datagrams come again, from another address', async () => {
    const echo = await ground.phone('echo', { registered: false, host: '127.0.0.67' });
    for (const { bytes } of [...good.out.puppet.inbox.all, ...good.inc.puppet.inbox.all]) echo.send(bytes);
    await echo.settled();
    await undisturbed();
  });

  it('the process has not been hurt', async () => {
    await undisturbed();
    await ground.serves();
  });
});

describe.concurrent('the diary', () => {
  const diary = (): string => readFileSync(join(ground.server.data, 'dennik-hovorov.log'), 'utf8');

  it.each([
    ['a line end', '%0D%0A2026-01-01 00%3A00%3A00,000%3A Forged'],
    ['a line feed', '%0AForged'],
    ['a separator of lines', '%E2%80%A8Forged'],
    ['a terminal’s escape', '%1B[2J%1B[31mForged'],
    ['a NUL', '%00Forged'],
    ['half a letter', '%C3Forged'],
  ])('%s in a user stays in its line', async (_what, forged) => {
    const [anna, boris] = await ground.pair();
    const user = `${ground.name('evil')}${forged.replaceAll(' ', '%20')}`;
    const asked = send(anna, 'INVITE', boris.aor, { from: `<sip:${user}@127.0.0.1>` });
    boris.reply(await boris.request('INVITE', asked.callId), 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
    await ground.server.wrote(asked.callId, [
      expect.stringContaining('Incomming Call From: sip:evil'),
      expect.stringContaining('Busy'),
    ] as unknown as string[]);
    for (const line of diary().split('\n').slice(0, -1)) {
      expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: \t{0,2}\S.* \(Call-ID: .*\)$/);
      expect(line).not.toMatch(/[\0\x1b\u2028]/);
    }
  });

  it('a line end in a Call-ID is none: the message is refused', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'INVITE', boris.aor);
    anna.send(asked.text.replace('Call-ID: ', 'Call-ID: a\r\n '));
    await anna.expect('400', (m) => m.status === 400);
    await heardNothing(boris, asked.callId);
  });

  it('a bare CR inside a header is refused', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'INVITE', boris.aor, { lines: ['Subject: a\rVia: x'] });
    anna.send(asked.text);
    const refusal = await final(anna, asked);
    expect(refusal.status).toBe(400);
    await heardNothing(boris, asked.callId);
  });

  it('a bare LF does not make two headers of one for the phone and one for us', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'MESSAGE', boris.aor, { lines: ['Subject: a\nX-Smuggled: 1'] });
    anna.send(asked.text);
    const there = await boris.request('MESSAGE', asked.callId);
    expect(there.text).toContain('Subject: a\r\nX-Smuggled: 1\r\n');
  });
});

describe('many at once', () => {
  it('2000 new INVITEs that nobody answers, CANCELled: a good phone is served meanwhile', async () => {
    const eve = await ground.phone('eve');
    const mute = await ground.phone('mute');
    const all = Array.from({ length: 2000 }, () => ask(eve, 'INVITE', mute.aor));
    await flood(eve, all.length, (i) => all[i]?.text ?? '');
    await ground.serves();
    await flood(eve, all.length, (i) => hopByHop('CANCEL', all[i] ?? ask(eve, 'INVITE', mute.aor)));
    await ground.serves();
  }, 60_000);

  it('2000 AORs from one phone', async () => {
    const eve = await ground.phone('eve');
    await flood(
      eve,
      2000,
      (i) =>
        ask(eve, 'REGISTER', 'sip:127.0.0.1', {
          to: `<sip:mass${i}@127.0.0.1>`,
          lines: [`Contact: <${eve.uri}>`],
        }).text,
    );
    expect((await register(eve, [], { to: '<sip:mass1999@127.0.0.1>' })).all('contact')).toHaveLength(1);
    await ground.serves();
  });
});
