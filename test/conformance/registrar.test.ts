// RFC 3261 §10: the registrar, over the wire.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { type Message, paramOf, uriOf } from '../wire/puppet-message.ts';
import { final, Ground, heardNothing, type Parts, register, send } from './ground.ts';

const ground = Ground.open({
  args: ['--max-contacts', '4', '--min-expires', '60', '--default-expires', '1800', '--max-expires', '7200'],
});

const fresh = (): Promise<Puppet> => ground.phone('reg', { registered: false });

/** Contact URIs and seconds of a 200, in its order. */
function bindings(response: Message): Array<[string, number]> {
  expect(response.status).toBe(200);
  return response.all('contact').map((value) => [uriOf(value), Number(paramOf(value, 'expires'))]);
}

const listed = async (phone: Puppet, parts: Parts = {}): Promise<string[]> =>
  bindings(await register(phone, [], parts)).map(([uri]) => uri);

/** Each MESSAGE to the AOR that reaches nobody tells. */
async function reachable(phone: Puppet): Promise<boolean> {
  const asked = send(phone, 'MESSAGE', phone.aor);
  const first = await phone.expect('MESSAGE or refusal', (m) => m.callId === asked.callId);
  if (first.method === '') return false;
  phone.reply(first, 200, 'OK', { tag: 'x' });
  await final(phone, asked);
  return true;
}

describe.concurrent('§10.3 step 8: what a 200 says', () => {
  it('every binding with the seconds left, the own ones and those of others', async () => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>;expires=100`]);
    const all = bindings(await register(phone, ['Contact: <sip:b@127.0.0.1:9>', 'Expires: 200']));
    expect(all.map(([uri]) => uri).sort()).toEqual(['sip:b@127.0.0.1:9', phone.uri].sort());
    for (const [uri, seconds] of all) {
      const granted = uri === phone.uri ? 100 : 200;
      expect(seconds).toBeGreaterThan(granted - 30);
      expect(seconds).toBeLessThanOrEqual(granted);
    }
  });

  it('a tag on To, the Contact’s parameters as they were given, and the Date', async () => {
    const phone = await fresh();
    const contact = `"B, C" <${phone.uri};ob>;q=0.75;+sip.instance="<urn:uuid:1>";audio;Methods="INVITE,BYE"`;
    const response = await register(phone, [`Contact: ${contact};expires=120`]);
    expect(response.get('contact')).toBe(`${contact};expires=120`);
    expect(response.toTag).not.toBe('');
    expect(response.get('date')).toMatch(/ GMT$/);
  });

  it('without Contact it only asks', async () => {
    const phone = await fresh();
    expect(await listed(phone)).toEqual([]);
    await register(phone, [`Contact: <${phone.uri}>`]);
    expect(await listed(phone)).toEqual([phone.uri]);
    expect(await listed(phone, { cseq: 1 })).toEqual([phone.uri]);
  });

  it('Expires alone changes nothing', async () => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>`]);
    expect(bindings(await register(phone, ['Expires: 0']))).toHaveLength(1);
  });

  it('has no Record-Route', async () => {
    const phone = await fresh();
    expect((await register(phone, [`Contact: <${phone.uri}>`])).has('record-route')).toBe(false);
  });
});

describe.concurrent('§10.2.1, §10.3 step 7: for how long', () => {
  it.each<[string, string, number]>([
    ['<URI>', '', 1800],
    ['<URI>;expires=77', '', 77],
    ['<URI>', 'Expires: 88', 88],
    ['<URI>;expires=77', 'Expires: 3600', 77],
    ['<URI>;expires=100000', '', 7200],
    ['<URI>', 'Expires: 4294967295', 7200],
    ['<URI>;expires=99999999999999999999', '', 7200],
    ['<URI>;expires=soon', '', 3600],
    ['<URI>', 'Expires: tomorrow', 3600],
    ['URI;expires=99', '', 99],
    ['<URI>;EXPIRES=99;q=0.1', '', 99],
  ])('%s with %j is kept %d s', async (contact, header, seconds) => {
    const phone = await fresh();
    const uri = contact.startsWith('<') ? phone.uri : phone.uri.replace(';transport=udp', '');
    const lines = [`Contact: ${contact.replace('URI', uri)}`, ...(header === '' ? [] : [header])];
    const [[, granted] = ['', 0]] = bindings(await register(phone, lines));
    expect(granted).toBeLessThanOrEqual(seconds);
    expect(granted).toBeGreaterThan(seconds - 30);
  });

  it.each([1, 30, 59])('%d s is too brief: 423 with Min-Expires, and nothing is bound', async (seconds) => {
    const phone = await fresh();
    const response = await register(phone, [`Contact: <${phone.uri}>;expires=${seconds}`]);
    expect([response.status, response.get('min-expires')]).toEqual([423, '60']);
    expect(await listed(phone)).toEqual([]);
  });

  it('one that is too brief among several: none is bound', async () => {
    const phone = await fresh();
    const lines = [`Contact: <${phone.uri}>;expires=600, <sip:b@127.0.0.1:9>;expires=5`];
    expect((await register(phone, lines)).status).toBe(423);
    expect(await listed(phone)).toEqual([]);
  });

  it('0 removes that one alone', async () => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>, <sip:b@127.0.0.1:9>`]);
    const rest = bindings(await register(phone, [`Contact: <${phone.uri}>;expires=0`]));
    expect(rest.map(([uri]) => uri)).toEqual(['sip:b@127.0.0.1:9']);
  });

  it('0 for what was never bound is no fault', async () => {
    const phone = await fresh();
    expect(bindings(await register(phone, [`Contact: <${phone.uri}>`, 'Expires: 0']))).toEqual([]);
  });

  it('each Contact by its own expires, the rest by the header', async () => {
    const phone = await fresh();
    const lines = [`Contact: <${phone.uri}>;expires=100, <sip:b@127.0.0.1:9>`, 'Expires: 500'];
    const all = new Map(bindings(await register(phone, lines)));
    expect(all.get(phone.uri)).toBeLessThanOrEqual(100);
    expect(all.get('sip:b@127.0.0.1:9')).toBeGreaterThan(400);
  });
});

describe.concurrent('§10.2.2: Contact *', () => {
  it('with Expires 0 removes all', async () => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>, <sip:b@127.0.0.1:9>`]);
    expect(bindings(await register(phone, ['Contact: *', 'Expires: 0']))).toEqual([]);
    expect(await reachable(phone)).toBe(false);
  });

  it.each<[string, readonly string[]]>([
    ['without Expires', ['Contact: *']],
    ['with another Expires', ['Contact: *', 'Expires: 60']],
    ['beside another Contact', ['Contact: *, <sip:b@127.0.0.1:9>', 'Expires: 0']],
    ['twice', ['Contact: *', 'Contact: *', 'Expires: 0']],
    ['with expires of its own', ['Contact: *;expires=0']],
  ])('%s is answered 400, and nothing changes', async (_what, lines) => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>`]);
    expect((await register(phone, lines)).status).toBe(400);
    expect(await listed(phone)).toEqual([phone.uri]);
  });
});

describe.concurrent('§10.3 step 7: which binding is meant', () => {
  it.each([
    ['sip:x@127.0.0.1:4000', 'sip:x@127.0.0.1:4000;ob', 1],
    ['sip:x@Phone.Example:4000', 'sip:x@phone.example:4000', 1],
    ['sip:%78@127.0.0.1:4000', 'sip:x@127.0.0.1:4000', 1],
    ['sip:x@127.0.0.1:4000;a=1;b=2', 'sip:x@127.0.0.1:4000;B=2;A=1', 1],
    ['sip:x@127.0.0.1', 'sip:x@127.0.0.1:5060', 2],
    ['sip:x@127.0.0.1:4000', 'sip:X@127.0.0.1:4000', 2],
    ['sip:x@127.0.0.1:4000', 'sip:x@127.0.0.1:4000;transport=tcp', 2],
    ['sip:x@127.0.0.1:4000;a=1', 'sip:x@127.0.0.1:4000;a=2', 2],
    ['sip:x@127.0.0.1:4000', 'sip:y@127.0.0.1:4000', 2],
    ['sip:x@127.0.0.1:4000', 'sips:x@127.0.0.1:4000', 2],
  ])('§19.1.4: %s and %s make %d', async (one, two, expected) => {
    const phone = await fresh();
    await register(phone, [`Contact: <${one}>`]);
    expect(bindings(await register(phone, [`Contact: <${two}>`]))).toHaveLength(expected);
  });

  it('a refresh replaces parameters and q', async () => {
    const phone = await fresh();
    await register(phone, [`Contact: "Old" <${phone.uri}>;q=0.1;a=1`]);
    const response = await register(phone, [`Contact: "New" <${phone.uri}>;q=0.9;b=2`]);
    expect(response.all('contact')).toHaveLength(1);
    expect(response.get('contact')).toContain(`"New" <${phone.uri}>;q=0.9;b=2`);
  });

  it('RFC 5626 §6: the same instance and reg-id with a new Contact is the same phone', async () => {
    const phone = await fresh();
    const tail = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1';
    await register(phone, [`Contact: <sip:old@127.0.0.1:9>;${tail}`, 'Supported: outbound, path']);
    expect(bindings(await register(phone, [`Contact: <${phone.uri}>;${tail}`])).map(([uri]) => uri)).toEqual([
      phone.uri,
    ]);
  });

  it('RFC 5626 §4.2: another reg-id is another way to it', async () => {
    const phone = await fresh();
    const instance = '+sip.instance="<urn:uuid:2>"';
    await register(phone, [`Contact: <sip:one@127.0.0.1:9>;${instance};reg-id=1`]);
    expect(bindings(await register(phone, [`Contact: <${phone.uri}>;${instance};reg-id=2`]))).toHaveLength(2);
  });

  it('an instance keeps its bytes', async () => {
    const phone = await fresh();
    const contact = `<${phone.uri}>;+SIP.Instance="<urn:uuid:AbC>";reg-id=1;pub-gruu="sip:x@y;gr=z"`;
    expect((await register(phone, [`Contact: ${contact}`])).get('contact')).toContain(contact);
  });
});

describe.concurrent('§10.3 steps 6 and 7: the order', () => {
  const call = () => ({ callId: ground.name('reg-call'), fromTag: 'x' });

  it('an older CSeq of the same Call-ID fails, and nothing changes', async () => {
    const phone = await fresh();
    const same = call();
    await register(phone, [`Contact: <${phone.uri}>`], { ...same, cseq: 10 });
    expect((await register(phone, [`Contact: <${phone.uri}>;expires=0`], { ...same, cseq: 9 })).status).toBe(
      500,
    );
    expect((await register(phone, ['Contact: *', 'Expires: 0'], { ...same, cseq: 8 })).status).toBe(500);
    expect(await listed(phone)).toEqual([phone.uri]);
  });

  it('the same CSeq in another transaction fails', async () => {
    const phone = await fresh();
    const same = call();
    await register(phone, [`Contact: <${phone.uri}>`], { ...same, cseq: 10 });
    expect((await register(phone, [`Contact: <${phone.uri}>;expires=0`], { ...same, cseq: 10 })).status).toBe(
      500,
    );
  });

  it('a higher CSeq, with gaps, is taken', async () => {
    const phone = await fresh();
    const same = call();
    for (const cseq of [1, 5, 4_000_000, 2 ** 31 - 1])
      expect((await register(phone, [`Contact: <${phone.uri}>`], { ...same, cseq })).status).toBe(200);
  });

  it('another Call-ID begins anew, as after a restart of the phone', async () => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>`], { ...call(), cseq: 100 });
    expect(
      (await register(phone, [`Contact: <${phone.uri}>;expires=0`], { ...call(), cseq: 1 })).status,
    ).toBe(200);
    expect(await listed(phone)).toEqual([]);
  });

  it('an old CSeq does not touch another Contact’s order', async () => {
    const phone = await fresh();
    const same = call();
    await register(phone, [`Contact: <${phone.uri}>`], { ...same, cseq: 10 });
    expect((await register(phone, ['Contact: <sip:b@127.0.0.1:9>'], { ...same, cseq: 9 })).status).toBe(200);
  });
});

describe.concurrent('§10.3 steps 1, 2, 5: whom', () => {
  it('the AOR is that of To, whatever From says', async () => {
    const phone = await fresh();
    const user = ground.name('third');
    await register(phone, [`Contact: <${phone.uri}>`], { to: `<${ground.aor(user)}>` });
    expect(await listed(phone)).toEqual([]);
    expect(await listed(phone, { to: `<${ground.aor(user)}>` })).toEqual([phone.uri]);
  });

  it.each<[string, (user: string) => string]>([
    ['escaped', (user) => `sip:%${user.charCodeAt(0).toString(16)}${user.slice(1)}@127.0.0.1`],
    ['with our port', (user) => `sip:${user}@127.0.0.1:${ground.server.port}`],
    ['with parameters', (user) => `sip:${user}@127.0.0.1;transport=udp;x=y`],
    ['with a password', (user) => `sip:${user}:pw@127.0.0.1`],
    ['with a display name', (user) => `sip:${user}@127.0.0.1`],
  ])('an AOR %s is the same AOR', async (_what, aor) => {
    const phone = await fresh();
    await register(phone, [`Contact: <${phone.uri}>`]);
    expect(await listed(phone, { to: `"X" <${aor(phone.user)}>` })).toEqual([phone.uri]);
  });

  it('a To that is not of ours is answered 404', async () => {
    const phone = await fresh();
    const response = await register(phone, [`Contact: <${phone.uri}>`], { to: '<sip:x@away.example>' });
    expect(response.status).toBe(404);
  });

  it('a REGISTER for another domain is no REGISTER of ours, and goes nowhere', async () => {
    const phone = await fresh();
    const asked = send(phone, 'REGISTER', 'sip:away.example', { lines: [`Contact: <${phone.uri}>`] });
    expect((await final(phone, asked)).status).toBe(403);
  });

  it('§10.2: a user in the Request-URI does not matter', async () => {
    const phone = await fresh();
    const lines = [`Contact: <${phone.uri}>`];
    const asked = send(phone, 'REGISTER', `sip:${phone.user}@127.0.0.1`, { to: `<${phone.aor}>`, lines });
    expect(bindings(await final(phone, asked))).toHaveLength(1);
  });

  it('with a Route to us it is still for us', async () => {
    const phone = await fresh();
    const routes = [`<sip:${ground.server.hostPort};lr>`];
    expect(bindings(await register(phone, [`Contact: <${phone.uri}>`], { routes }))).toHaveLength(1);
  });

  it('§8.2.2.3: Require of what is not kept is answered 420 with every tag', async () => {
    const phone = await fresh();
    const response = await register(phone, [`Contact: <${phone.uri}>`, 'Require: path, gruu, foo']);
    expect(response.status).toBe(420);
    const tags = response.all('unsupported').flatMap((value) => value.split(/\s*,\s*/));
    expect(tags).toEqual(['gruu', 'foo']);
  });
});

describe.concurrent('Contacts that are not as they should be', () => {
  it.each([
    '<sip:>',
    'sip:a b',
    '<sip:x@y',
    '"x',
    '<>',
    'nonsense',
    '<sip:x@y>;q=2',
    '<sip:x@y>;q=0.1234',
    '<sip:x@y>;q=',
    '<sip:x@y:0>',
    '<sip:x@y:99999>',
    'sip:a@b?x=y',
  ])('%s is answered 400, and nothing is bound', async (contact) => {
    const phone = await fresh();
    expect((await register(phone, [`Contact: <${phone.uri}>, ${contact}`])).status).toBe(400);
    expect(await listed(phone)).toEqual([]);
  });

  it('§10.2.1: another scheme is bound and listed, but no request goes there', async () => {
    const phone = await fresh();
    expect(bindings(await register(phone, ['Contact: <tel:+421905123456>, <mailto:a@b>']))).toHaveLength(2);
    expect(await reachable(phone)).toBe(false);
  });

  it.each(['0', '0.', '0.5', '0.123', '1', '1.000'])('§25.1: q=%s is fine', async (q) => {
    const phone = await fresh();
    expect(bindings(await register(phone, [`Contact: <${phone.uri}>;q=${q}`]))).toHaveLength(1);
  });

  it('more than an AOR may have are refused, those that are there may be refreshed', async () => {
    const phone = await fresh();
    const four = Array.from({ length: 4 }, (_, i) => `<sip:c${i}@127.0.0.1:9>`).join(', ');
    await register(phone, [`Contact: ${four}`]);
    expect((await register(phone, [`Contact: <${phone.uri}>`])).status).toBe(403);
    expect(bindings(await register(phone, [`Contact: ${four}`]))).toHaveLength(4);
    expect(bindings(await register(phone, ['Contact: <sip:c0@127.0.0.1:9>;expires=0']))).toHaveLength(3);
    expect(bindings(await register(phone, [`Contact: <${phone.uri}>`]))).toHaveLength(4);
  });

  it('a Path that cannot be read is answered 400', async () => {
    const phone = await fresh();
    expect((await register(phone, [`Contact: <${phone.uri}>`, 'Path: <nothing>'])).status).toBe(400);
  });
});

describe.concurrent('a binding', () => {
  it('serves at once, and not after it was removed', async () => {
    const phone = await fresh();
    expect(await reachable(phone)).toBe(false);
    await register(phone, [`Contact: <${phone.uri}>`]);
    expect(await reachable(phone)).toBe(true);
    await register(phone, [`Contact: <${phone.uri}>;expires=0`]);
    expect(await reachable(phone)).toBe(false);
  });

  it('that names a third party’s address is reached by the flow it came by', async () => {
    const victim = await ground.phone('victim', { registered: false, host: '127.0.0.99' });
    const phone = await fresh();
    const contact = `sip:x@${victim.hostPort}`;
    await register(phone, [`Contact: <${contact}>`]);
    const asked = send(phone, 'MESSAGE', phone.aor);
    expect((await phone.request('MESSAGE', asked.callId)).uri).toBe(contact);
    await heardNothing(victim, asked.callId);
  });
});
