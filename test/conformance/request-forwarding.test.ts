// RFC 3261 §16.6: what of a request is changed on its way, and that everything else keeps its bytes.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { type Message, paramOf } from '../wire/puppet-message.ts';
import { acknowledge, ask, final, Ground, heardNothing, hopByHop, type Parts, send } from './ground.ts';

const ground = Ground.open();

/** As `asked` must look at its target: only Request-URI, Vias, Max-Forwards and Record-Route differ. */
function onItsWay(asked: string, from: Puppet, uri: string, arrived: Message): string {
  const added = arrived.text
    .split('\r\n')
    .slice(1)
    .filter((line) => /^(Via|Record-Route): .*\b/.test(line) && line.includes(`:${ground.server.port};`));
  const [via = '', ...recordRoute] = added;
  const [start = '', ...lines] = asked.split('\r\n');
  const first = lines.findIndex((line) => /^(via|v)\s*:/i.test(line));
  lines[first] = (lines[first] ?? '')
    .replace(/;rport\b/, `;rport=${from.port}`)
    .concat(`;received=${from.host}`);
  lines.splice(first, 0, via);
  const hops = lines.indexOf('Max-Forwards: 70');
  lines[hops] = 'Max-Forwards: 69';
  const lastVia = lines.findLastIndex((line) => /^(via|v)\s*:/i.test(line));
  const firstRoute = lines.findIndex((line) => /^record-route\s*:/i.test(line));
  lines.splice(firstRoute < 0 ? lastVia + 1 : firstRoute, 0, ...recordRoute);
  return [start.replace(/ .* /, ` ${uri} `), ...lines].join('\r\n');
}

async function expectLossless(method: string, parts: Parts): Promise<void> {
  const [anna, boris] = await ground.pair();
  const asked = send(anna, method, boris.aor, parts);
  const arrived = await boris.request(method, asked.callId);
  expect(arrived.text).toBe(onItsWay(asked.text, anna, boris.uri, arrived));
}

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
const noLineEnds = everyByte.replace(/[\0\r\n]/g, '');

describe.concurrent('§16.6 step 1: everything else keeps its bytes', () => {
  it.each<[string, readonly string[]]>([
    ['headers nobody knows, in their order', ['X-B: 2', 'X-A: 1', 'x-b:  3', "Z9.!%*_+`'~: odd"]],
    ['spaces around colons and inside values', ['Subject   :   three   words  ', 'X:', 'Y: ', 'Z:tight']],
    [
      'compact forms',
      ['s: subject', 'k: path', 'u: presence', 'o: presence', 'r: <sip:a@b>', 'b: <sip:c@d>'],
    ],
    ['folded lines', ['Subject: one', ' two', '\tthree', '   four', 'X-After: yes']],
    ['several values in one line', ['Accept: a/b,c/d ,  e/f', 'Supported: a,b', 'Allow: INVITE,ACK , BYE']],
    ['the same header several times', ['X-Same: 1', 'X-Same: 1', 'X-Same: 2', 'Warning: 399 a "b, c"']],
    [
      'quotes, escapes and brackets',
      ['Subject: "a \\" b" <;,>', 'X-Q: "', 'Call-Info: <http://x/,y>;p="a,b"'],
    ],
    ['UTF-8', [Buffer.from('Subject: ľúbozvučný „hovor“ 大停電 👍').toString('latin1')]],
    ['bytes that are no UTF-8', [`X-Bytes: ${noLineEnds}`]],
    ['an identity and its privacy', ['P-Asserted-Identity: "A" <sip:a@b>, <tel:+1>', 'Privacy: id']],
    ['credentials', ['Proxy-Authorization: Digest username="x", realm="y, z", response="0"']],
    ['Record-Routes of others', ['Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>']],
    ['extensions that are required', ['Require: 100rel', 'RSeq: 77', 'Supported: timer, replaces']],
    ['session timers (RFC 4028)', ['Session-Expires: 1800;refresher=uac', 'Min-SE: 90', 'x: 1800']],
  ])('%s', async (_what, lines) => {
    await expectLossless('MESSAGE', { lines });
  });

  it('of an INVITE, too, with our Record-Route above those of others', async () => {
    const lines = ['Contact: <sip:x@127.0.0.1>;a="b,c"', 'Record-route: <sip:p.example;lr>', 'm: <sip:y@z>'];
    await expectLossless('INVITE', { lines });
  });

  it('a body of any bytes', async () => {
    await expectLossless('MESSAGE', { body: `${everyByte}\r\n\r\n${everyByte}\0`, lines: ['c: x/y'] });
  });

  it('§20.14: a body without Content-Length reaches to the end of the datagram, and none is added', async () => {
    await expectLossless('MESSAGE', { body: 'to the end\r\n\r\n', lines: ['c: x/y'], length: false });
  });

  it('§18.3: what goes beyond Content-Length is cut', async () => {
    const [anna, boris] = await ground.pair();
    const asked = ask(anna, 'MESSAGE', boris.aor, { body: 'four', lines: ['Content-Type: text/plain'] });
    anna.send(`${asked.text}and more\r\n\r\n`);
    expect((await boris.request('MESSAGE', asked.callId)).body).toBe('four');
  });

  it('a header of 20 KB', async () => {
    await expectLossless('MESSAGE', { lines: [`X-Long: ${'dlhy '.repeat(4000).trim()}`] });
  });

  it('400 header lines', async () => {
    await expectLossless('MESSAGE', { lines: Array.from({ length: 400 }, (_, i) => `X-${i}: ${i}`) });
  });

  it('70 Vias', async () => {
    const [anna, boris] = await ground.pair();
    const others = Array.from(
      { length: 69 },
      (_, i) => `SIP/2.0/UDP h${i}.example:${i + 1};branch=z9hG4bK${i}`,
    );
    const via = [`SIP/2.0/UDP ${anna.hostPort};branch=z9hG4bK${ground.name()}`, ...others];
    const { callId } = send(anna, 'MESSAGE', boris.aor, { via });
    expect((await boris.request('MESSAGE', callId)).all('via').slice(1)).toEqual(via);
  });

  it('§7.3.1: several Vias in one line', async () => {
    const [anna, boris] = await ground.pair();
    const own = `SIP/2.0/UDP ${anna.hostPort};branch=z9hG4bK${ground.name()};rport`;
    const asked = send(anna, 'MESSAGE', boris.aor, {
      via: [`${own}, SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx`],
    });
    const arrived = await boris.request('MESSAGE', asked.callId);
    const stamped = `${own}=${anna.port};received=${anna.host}`;
    expect(arrived.all('via').slice(1)).toEqual([stamped, 'SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx']);
  });

  it('the Contact of the caller', async () => {
    const [anna, boris] = await ground.pair();
    const contact =
      '"A \\"B\\"" <sip:anna%20x@10.1.2.3:5099;transport=udp;ob>;+sip.instance="<urn:uuid:1>";x';
    const { callId } = send(anna, 'MESSAGE', boris.aor, { lines: [`Contact: ${contact}`] });
    expect((await boris.request('MESSAGE', callId)).get('contact')).toBe(contact);
  });
});

describe.concurrent('§16.6 step 2: the Request-URI', () => {
  it.each([
    ['sip:%s;transport=UDP;Foo=BAR;bare', 'parameters'],
    ['sip:J%%6Fe.X+y~!@%s;user=phone', 'an escaped user, not unescaped'],
    ['sip:joe:pass,word@%s;lr', 'a password'],
    ['SIP:joe@%s', 'its scheme in capitals'],
  ])('is the Contact as it was given: %s', async (form) => {
    const [anna, boris] = [await ground.phone('anna'), await ground.phone('boris', { registered: false })];
    const contact = form.replaceAll('%%', '%').replace('%s', boris.hostPort);
    await boris.register(['Expires: 300'], `<${contact}>`);
    const { callId } = send(anna, 'MESSAGE', boris.aor);
    expect((await boris.request('MESSAGE', callId)).uri).toBe(contact);
  });

  it('§19.1.1: loses the headers of a Contact', async () => {
    const [anna, boris] = [await ground.phone('anna'), await ground.phone('boris', { registered: false })];
    await boris.register(['Expires: 300'], `<${boris.uri}?Subject=x&Route=%3Csip:evil%3E>`);
    const { callId } = send(anna, 'MESSAGE', boris.aor);
    const arrived = await boris.request('MESSAGE', callId);
    expect([arrived.uri, arrived.has('subject'), arrived.has('route')]).toEqual([boris.uri, false, false]);
  });
});

describe.concurrent('§16.6 step 4: Record-Route', () => {
  const opening = ['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'];

  it.each(opening)('stands on %s, is ours and loose', async (method) => {
    const [anna, boris] = await ground.pair();
    const lines = ['Event: x', 'Refer-To: <sip:x@y>', 'Subscription-State: active', `Contact: <${anna.uri}>`];
    const asked = send(anna, method, boris.aor, { lines });
    const arrived = await boris.request(method, asked.callId);
    expect(arrived.all('record-route')).toHaveLength(1);
    expect(arrived.get('record-route')).toMatch(
      new RegExp(`^<sip:[^@]+@127\\.0\\.0\\.1:${ground.server.port};lr>$`),
    );
    if (method !== 'INVITE') return;
    boris.reply(arrived, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it.each(['MESSAGE', 'OPTIONS', 'PUBLISH', 'INFO', 'XYZZY'])('does not stand on %s', async (method) => {
    const [anna, boris] = await ground.pair();
    const { callId } = send(anna, method, boris.aor, { lines: ['Event: x'] });
    expect((await boris.request(method, callId)).has('record-route')).toBe(false);
  });

  it('comes back to the caller in the answers as the phone copied it', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(180, 'Ringing');
    expect((await out.response(180)).all('record-route')).toEqual(inc.incoming.all('record-route'));
    inc.respond(200, 'OK');
    expect((await out.response(200)).all('record-route')).toEqual(inc.incoming.all('record-route'));
    out.ack();
  });

  it('§16.6 step 4: the same URI would not do for two calls', async () => {
    const [anna, boris] = await ground.pair();
    const calls = [Leg.open(anna, boris.aor), Leg.open(anna, boris.aor)];
    const [one, two] = await Promise.all(calls.map((leg) => Leg.incoming(boris, 'INVITE', leg.callId)));
    expect(one?.routes).not.toEqual(two?.routes);
    one?.respond(486, 'Busy Here');
    two?.respond(486, 'Busy Here');
    for (const leg of calls) leg.ackFailure(await leg.response(486));
  });
});

describe.concurrent('§16.6 step 8: Via', () => {
  it('is ours with a branch of RFC 3261, above the others', async () => {
    const [anna, boris] = await ground.pair();
    const { callId } = send(anna, 'MESSAGE', boris.aor);
    const [own, theirs] = (await boris.request('MESSAGE', callId)).all('via');
    expect(own).toMatch(
      new RegExp(`^SIP/2\\.0/UDP 127\\.0\\.0\\.1:${ground.server.port};branch=z9hG4bK[\\w.~+-]{12,}$`),
    );
    expect(theirs).toContain(anna.hostPort);
  });

  it('has another branch for every target of one request', async () => {
    const phones = await ground.fork([1, 1, 1]);
    const anna = await ground.phone('anna');
    const { callId } = send(anna, 'MESSAGE', phones[0]?.aor ?? '');
    const branches = await Promise.all(phones.map(async (p) => (await p.request('MESSAGE', callId)).branch));
    expect(new Set(branches).size).toBe(3);
  });

  it('has another branch for every request of a call, ACK for 2xx included; CANCEL alone shares the INVITE’s', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    for (const method of ['INFO', 'INFO', 'BYE']) {
      out.send(method);
      boris.reply(await inc.request(method), 200, 'OK');
    }
    const branches = boris.seen(out.callId).map((m) => m.branch);
    expect(branches).toHaveLength(5);
    expect(new Set(branches).size).toBe(5);
    const asked = send(anna, 'INVITE', boris.aor);
    const invite = await boris.request('INVITE', asked.callId);
    boris.reply(invite, 180, 'Ringing', { tag: 'b' });
    await anna.response(180, 'INVITE', asked.callId);
    anna.send(hopByHop('CANCEL', asked));
    expect((await boris.request('CANCEL', asked.callId)).branch).toBe(invite.branch);
  });

  it('has another branch when nothing but the caller’s own branch differs', async () => {
    const [anna, boris] = await ground.pair();
    const first = send(anna, 'MESSAGE', boris.aor);
    const same = { callId: first.callId, fromTag: first.fromTag };
    const one = await boris.request('MESSAGE', first.callId);
    send(anna, 'MESSAGE', boris.aor, same);
    expect((await boris.request('MESSAGE', first.callId)).branch).not.toBe(one.branch);
  });

  it('and the caller’s branch comes back with every parameter it had', async () => {
    const [anna, boris] = await ground.pair();
    const via = `SIP/2.0/UDP ${anna.hostPort};a=1;BRANCH=z9hG4bK${ground.name()};alias;x="q;,";ttl=3`;
    const asked = send(anna, 'MESSAGE', boris.aor, { via: [via] });
    boris.reply(await boris.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'b' });
    expect((await final(anna, asked)).all('via')).toEqual([via]);
    expect(paramOf(via, 'ttl')).toBe('3');
  });
});

describe.concurrent('§16.6 steps 6 and 7: where it goes', () => {
  it('§16.5: to the Request-URI’s user, whatever To says', async () => {
    const [anna, boris] = await ground.pair();
    const { callId } = send(anna, 'MESSAGE', boris.aor, { to: `<${anna.aor}>` });
    expect((await boris.request('MESSAGE', callId)).get('to')).toBe(`<${anna.aor}>`);
  });

  it('to whom it names, though To names somebody who is there as well', async () => {
    const [anna, boris] = await ground.pair();
    const cyril = await ground.phone('cyril');
    const { callId } = send(anna, 'MESSAGE', boris.aor, { to: `<${cyril.aor}>` });
    await boris.request('MESSAGE', callId);
    await heardNothing(cyril, callId);
  });

  it('messages leave in the order they came', async () => {
    const [anna, boris] = await ground.pair();
    const callId = ground.name('order');
    for (let cseq = 1; cseq <= 40; cseq++)
      send(anna, cseq % 2 ? 'MESSAGE' : 'INFO', boris.aor, { callId, cseq });
    await boris.expect('the last one', (m) => m.callId === callId && m.cseq === 40);
    expect(boris.seen(callId).map((m) => m.cseq)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });
});
