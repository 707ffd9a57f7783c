// RFC 3261 §18 and RFC 3581: where answers go, what a datagram holds, and what keeps a NAT open.
import { describe, expect, it } from 'vitest';
import { fresh, type Puppet } from '../wire/puppet.ts';
import { compose, type Message, paramOf, reply } from '../wire/puppet-message.ts';
import { acknowledge, ask, final, Ground, heardNothing, send } from './ground.ts';

const ground = Ground.open();

/** The caller's Via as the callee sees it, and the answer as the caller gets it at `listener`. */
async function through(via: (anna: Puppet) => string, listener?: (anna: Puppet) => Promise<Puppet>) {
  const [anna, boris] = await ground.pair();
  const hears = listener === undefined ? anna : await listener(anna);
  const asked = send(anna, 'MESSAGE', boris.aor, { via: [via(anna)] });
  const message = await boris.request('MESSAGE', asked.callId);
  boris.reply(message, 200, 'OK', { tag: 'b' });
  const answer = await final(hears, asked);
  return { anna, seen: message.all('via')[1] ?? '', answer: answer.get('via') };
}

const branch = (): string => `branch=z9hG4bK${fresh()}`;

describe.concurrent('§18.2.1: received', () => {
  it('is not added when sent-by names the source', async () => {
    const { seen } = await through((anna) => `SIP/2.0/UDP ${anna.hostPort};${branch()}`);
    expect(paramOf(seen, 'received')).toBeUndefined();
  });

  it.each(['phone.example', '10.255.255.254', '127.0.0.2', 'LOCALHOST', '[2001:db8::1]'])(
    'is added when sent-by is %s',
    async (host) => {
      const { seen, answer } = await through((anna) => `SIP/2.0/UDP ${host}:${anna.port};${branch()}`);
      expect(paramOf(seen, 'received')).toBe('127.0.0.1');
      expect(answer).toBe(seen);
    },
  );

  it('that the sender wrote itself is put right', async () => {
    const { seen } = await through(
      (anna) => `SIP/2.0/UDP phone.example:${anna.port};received=192.0.2.9;${branch()}`,
    );
    expect(seen.match(/received/g)).toHaveLength(1);
    expect(paramOf(seen, 'received')).toBe('127.0.0.1');
  });

  it('stands on the top Via only', async () => {
    const [anna, boris] = await ground.pair();
    const via = [
      `SIP/2.0/UDP x.example:${anna.port};${branch()};rport`,
      `SIP/2.0/UDP y.example;${branch()};rport`,
    ];
    const { callId } = send(anna, 'MESSAGE', boris.aor, { via });
    const [, top, below] = (await boris.request('MESSAGE', callId)).all('via');
    expect([paramOf(top ?? '', 'received'), below]).toEqual(['127.0.0.1', via[1]]);
  });
});

describe.concurrent('RFC 3581 §4: rport', () => {
  it('is filled, and received added whatever sent-by says', async () => {
    const { anna, seen, answer } = await through((a) => `SIP/2.0/UDP ${a.hostPort};rport;${branch()}`);
    expect([paramOf(seen, 'rport'), paramOf(seen, 'received')]).toEqual([String(anna.port), anna.host]);
    expect(answer).toBe(seen);
  });

  it('is not added for whom did not ask', async () => {
    const { seen } = await through((anna) => `SIP/2.0/UDP ${anna.hostPort};${branch()}`);
    expect(paramOf(seen, 'rport')).toBeUndefined();
  });

  it('that the sender filled itself is put right', async () => {
    const { anna, seen } = await through((a) => `SIP/2.0/UDP ${a.hostPort};rport=9;${branch()}`);
    expect(paramOf(seen, 'rport')).toBe(String(anna.port));
  });

  it('sends the answer to the source port, though sent-by names another', async () => {
    await through(() => `SIP/2.0/UDP 127.0.0.1:9;rport;${branch()}`);
  });

  it('stands in our own answers, too', async () => {
    const anna = await ground.phone('anna');
    const via = `SIP/2.0/UDP nowhere.example;rport;${branch()}`;
    const answer = await final(anna, send(anna, 'OPTIONS', `sip:${ground.server.hostPort}`, { via: [via] }));
    expect(paramOf(answer.get('via'), 'rport')).toBe(String(anna.port));
  });
});

describe.concurrent('§18.2.2: without rport the answer goes', () => {
  const listener = () => ground.phone('listener', { registered: false });

  it('to the port of sent-by, at the address it came from', async () => {
    const other = await listener();
    await through(
      () => `SIP/2.0/UDP phone.example:${other.port};${branch()}`,
      async () => other,
    );
  });

  it('to 5060 when sent-by has no port', async () => {
    const host = `127.9.${process.pid % 250}.9`;
    const listens = await ground.phone('old', { registered: false, host, port: 5060 });
    const sends = await ground.phone('old', { registered: false, host });
    const boris = await ground.phone('boris');
    const asked = send(sends, 'MESSAGE', boris.aor, { via: [`SIP/2.0/UDP ${host};${branch()}`] });
    boris.reply(await boris.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'b' });
    await final(listens, asked);
  });

  it('Deviation: never to maddr, which could be anybody', async () => {
    const victim = await ground.phone('victim', { registered: false, host: '127.0.0.77' });
    const { anna } = await through((a) => `SIP/2.0/UDP ${a.hostPort};maddr=${victim.host};ttl=1;${branch()}`);
    await anna.settled();
    expect(victim.inbox.all).toEqual([]);
  });

  it('never to a received of the sender’s', async () => {
    const victim = await ground.phone('victim', { registered: false, host: '127.0.0.78' });
    const { anna } = await through((a) => `SIP/2.0/UDP ${a.hostPort};received=${victim.host};${branch()}`);
    await anna.settled();
    expect(victim.inbox.all).toEqual([]);
  });

  it('§16.7: to the caller’s Via, wherever the phone’s answer came from', async () => {
    const [anna, boris] = await ground.pair();
    const elsewhere = await ground.phone('elsewhere', { registered: false, host: '127.0.0.79' });
    const asked = send(anna, 'MESSAGE', boris.aor);
    elsewhere.send(reply(await boris.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'b' }));
    expect((await final(anna, asked)).status).toBe(200);
  });
});

describe.concurrent('§18.3, §7.5: what a datagram holds', () => {
  it.each([
    ['\r\n\r\n', 'empty lines'],
    ['\r\n', 'one empty line'],
    ['\n\n', 'bare line feeds'],
  ])('%j before the start line is passed over', async (before) => {
    const anna = await ground.phone('anna');
    const asked = ask(anna, 'OPTIONS', `sip:${ground.server.hostPort}`);
    anna.send(before + asked.text);
    expect((await final(anna, asked)).status).toBe(200);
  });

  it('lines that end with a line feed alone are read, and go on with CRLF', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'MESSAGE', boris.aor, { lines: ['X-A: 1'] });
    const head = asked.text.replace(/\r\n/g, '\n').replace(/\n\n$/, '\n\r\n\r\n');
    anna.send(head.replace(/\n\r\n\r\n$/, '\r\n\r\n'));
    const message = await boris.request('MESSAGE', asked.callId);
    expect(message.get('x-a')).toBe('1');
    expect(message.text.replace(/\r\n/g, '')).not.toContain('\n');
  });

  it.each([
    ['Content-Length: 5', 'four'],
    ['Content-Length: 99999999999', 'four'],
    ['Content-Length: -1', ''],
    ['Content-Length: x', 'four'],
    ['Content-Length: 4, 4', 'four'],
    ['Content-Length:', 'four'],
    ['Content-Length: 4\r\nContent-Length: 2', 'four'],
    ['l: 4\r\nContent-Length: 2', 'four'],
    ['Content-Length: 4.0', 'four'],
    ['Content-Length: 0x4', 'four'],
  ])('%j with a body of %j is answered 400', async (length, body) => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'MESSAGE', boris.aor, { body });
    anna.send(asked.text.replace(/Content-Length: \d+/, length));
    const answer = await final(anna, asked);
    expect(answer.status).toBe(400);
    expect(answer.reason).toMatch(/Content-Length/);
    await heardNothing(boris, asked.callId);
  });

  it('Content-Length twice with the same number goes on as it is', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'MESSAGE', boris.aor, { body: 'four' });
    anna.send(asked.text.replace('Content-Length: 4', 'Content-Length: 4\r\nl : 004'));
    expect((await boris.request('MESSAGE', asked.callId)).text).toContain(
      'Content-Length: 4\r\nl : 004\r\n\r\nfour',
    );
  });

  it('a request of 60,000 bytes goes through, and its answer of as many comes back', async () => {
    const [anna, boris] = await ground.pair();
    const body = 'x'.repeat(60_000);
    const asked = send(anna, 'MESSAGE', boris.aor, { body });
    const message = await boris.request('MESSAGE', asked.callId);
    expect(message.body).toBe(body);
    boris.reply(message, 200, 'OK', { tag: 'b', body });
    expect((await final(anna, asked)).body).toBe(body);
  });

  it('a request that grows beyond what a datagram may hold is answered 5xx, and nothing stops', async () => {
    const [anna, boris] = await ground.pair();
    const shell = ask(anna, 'INVITE', boris.aor).text.length;
    const asked = send(anna, 'INVITE', boris.aor, { body: 'x'.repeat(65_507 - shell - 4) });
    const answer = await final(anna, asked);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    acknowledge(anna, asked, answer);
    await ground.serves();
  });
});

describe.concurrent('RFC 5626 §3.5.1, §4.4.1: keepalives', () => {
  it('a double CRLF is answered with one, where it came from', async () => {
    const anna = await ground.phone('anna', { registered: false });
    anna.send('\r\n\r\n');
    const pong = await anna.expect('CRLF', (m) => m.text === '\r\n');
    expect(pong.from.port).toBe(ground.server.port);
  });

  it.each(['\r\n', '\0', '\0\0\0\0', '\n', ' ', ''])('%j is taken without a word', async (bytes) => {
    const anna = await ground.phone('anna', { registered: false });
    anna.send(bytes);
    await anna.settled();
    expect(anna.inbox.all.filter((m) => m.status === 0)).toEqual([]);
    expect(anna.inbox.all).toHaveLength(1);
  });
});

describe.concurrent('DESIGN rule 2: phones behind a NAT', () => {
  /** A phone that thinks it has an address of its own, and a socket whose address the server sees. */
  async function hidden(user = ground.name('hidden')) {
    const phone = await ground.phone(user, { registered: false, user });
    const inside = `10.1.2.3:${5060}`;
    const callId = fresh();
    const register = compose(`REGISTER sip:${phone.domain} SIP/2.0`, [
      `Via: SIP/2.0/UDP ${inside};${branch()};rport`,
      `From: <${phone.aor}>;tag=${fresh()}`,
      `To: <${phone.aor}>`,
      `Call-ID: ${callId}`,
      'CSeq: 1 REGISTER',
      `Contact: <sip:${user}@${inside}>`,
      'Content-Length',
    ]);
    phone.send(register);
    await phone.response(200, 'REGISTER', callId);
    return { phone, contact: `sip:${user}@${inside}` };
  }

  it('are reached where they came from, the Request-URI is their Contact', async () => {
    const anna = await ground.phone('anna');
    const { phone, contact } = await hidden();
    const { callId } = send(anna, 'MESSAGE', phone.aor);
    expect((await phone.request('MESSAGE', callId)).uri).toBe(contact);
  });

  it('two with the same inner address are not taken for each other inside a dialog', async () => {
    const anna = await ground.phone('anna');
    const first = await hidden();
    const second = await hidden();
    for (const { phone, contact } of [first, second]) {
      const asked = send(anna, 'INVITE', phone.aor);
      const invite = await phone.request('INVITE', asked.callId);
      phone.reply(invite, 200, 'OK', { tag: 'b', lines: [`Contact: <${contact}>`] });
      const ok = await final(anna, asked);
      const inside = {
        callId: asked.callId,
        fromTag: asked.fromTag,
        toTag: 'b',
        routes: ok.all('record-route').reverse(),
      };
      send(anna, 'ACK', contact, { ...inside, cseq: 7 });
      await phone.request('ACK', asked.callId);
      const bye = send(anna, 'BYE', contact, { ...inside, cseq: 8 });
      phone.reply(await phone.request('BYE', asked.callId), 200, 'OK');
      await final(anna, bye);
    }
  });

  it('call, and are called back inside the dialog', async () => {
    const boris = await ground.phone('boris');
    const { phone, contact } = await hidden();
    const via = [`SIP/2.0/UDP 10.1.2.3:5060;${branch()};rport`];
    const asked = send(phone, 'INVITE', boris.aor, { via, lines: [`Contact: <${contact}>`] });
    const invite = await boris.request('INVITE', asked.callId);
    boris.reply(invite, 200, 'OK', { tag: 'b', lines: [`Contact: <${boris.uri}>`] });
    await final(phone, asked);
    const bye = send(boris, 'BYE', contact, {
      callId: asked.callId,
      fromTag: 'b',
      toTag: asked.fromTag,
      from: invite.get('to'),
      to: `<${phone.aor}>`,
      routes: invite.all('record-route'),
    });
    const there: Message = await phone.request('BYE', asked.callId);
    expect(there.uri).toBe(contact);
    phone.reply(there, 200, 'OK');
    await final(boris, bye);
  });

  it('on the same address with another port than they say are reached where they came from', async () => {
    const anna = await ground.phone('anna');
    const phone = await ground.phone('mapped', { registered: false });
    const said = `127.0.0.1:${phone.port === 9 ? 10 : 9}`;
    const callId = fresh();
    phone.send(
      compose(`REGISTER sip:${phone.domain} SIP/2.0`, [
        `Via: SIP/2.0/UDP ${said};${branch()};rport`,
        `From: <${phone.aor}>;tag=${fresh()}`,
        `To: <${phone.aor}>`,
        `Call-ID: ${callId}`,
        'CSeq: 1 REGISTER',
        `Contact: <sip:${phone.user}@${said}>`,
        'Content-Length',
      ]),
    );
    await phone.response(200, 'REGISTER', callId);
    const message = send(anna, 'MESSAGE', phone.aor);
    expect((await phone.request('MESSAGE', message.callId)).uri).toBe(`sip:${phone.user}@${said}`);
  });

  it('that listen elsewhere than they send from, on the same address, are reached where they listen', async () => {
    const anna = await ground.phone('anna');
    const sends = await ground.phone('two', { registered: false });
    const listens = await ground.phone('two', { registered: false });
    await sends.register(['Expires: 300'], `<${listens.uri}>`);
    const { callId } = send(anna, 'MESSAGE', sends.aor);
    await listens.request('MESSAGE', callId);
    await heardNothing(sends, callId);
  });
});
