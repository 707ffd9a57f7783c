// DESIGN rules 2 to 5: nobody uses the server against a third party, whatever he writes into a request.
import { describe, expect, it } from 'vitest';
import { fresh, type Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import { uriOf } from '../wire/puppet-message.ts';
import { until } from '../wire/wait.ts';
import {
  acknowledge,
  count,
  final,
  Ground,
  hangUp,
  heardNothing,
  hopByHop,
  type Parts,
  register,
  send,
} from './ground.ts';

const ground = Ground.open();

const ours = (): string => ground.server.hostPort;

/** Somebody who has nothing to do with us. */
const outsider = (): Promise<Puppet> =>
  ground.phone('victim', { registered: false, host: `127.0.${1 + (process.pid % 200)}.200` });

/** Nothing at all has reached him. */
async function spared(victim: Puppet, sender: Puppet): Promise<void> {
  await sender.settled();
  await sender.settled();
  expect(victim.inbox.all.map((m) => m.start)).toEqual([]);
}

const methods = ['INVITE', 'MESSAGE', 'OPTIONS', 'SUBSCRIBE', 'REFER', 'REGISTER', 'BYE', 'XTRA'];

describe.concurrent('rule 3: the destination decides', () => {
  for (const registered of [true, false]) {
    it.each(methods)(
      `%s to a stranger from a ${registered ? 'registered' : 'unregistered'} phone is refused`,
      async (method) => {
        const [eve, victim] = [await ground.phone('eve', { registered }), await outsider()];
        const asked = send(eve, method, victim.uri, { lines: [`Contact: <${eve.uri}>`] });
        const refusal = await final(eve, asked);
        expect(refusal.status).toBe(403);
        if (method === 'INVITE') acknowledge(eve, asked, refusal);
        await spared(victim, eve);
      },
    );
  }

  const tricks: ReadonlyArray<
    readonly [string, (victim: Puppet, boris: Puppet) => readonly [uri: string, parts: Parts]]
  > = [
    ['a Route to him', (v, b) => [b.aor, { routes: [`<sip:${v.hostPort};lr>`] }]],
    [
      'a Route to him behind ours',
      (v, b) => [b.aor, { routes: [`<sip:${ours()};lr>`, `<sip:${v.hostPort};lr>`] }],
    ],
    [
      'a Route to him behind ours in one line',
      (v, b) => [b.aor, { routes: [`<sip:${ours()};lr>,<sip:${v.hostPort};lr>`] }],
    ],
    ['a strict Route to him', (v, b) => [b.aor, { routes: [`<sip:${v.hostPort}>`] }]],
    ['a Route of his name', (_v, b) => [b.aor, { routes: ['<sip:localhost.localdomain;lr>'] }]],
    ['a Route that is folded', (v, b) => [b.aor, { lines: [`Route:\r\n <sip:${v.hostPort};lr>`] }]],
    ['maddr in a Route of ours', (v, b) => [b.aor, { routes: [`<sip:${ours()};lr;maddr=${v.host}>`] }]],
    [
      'received in a Route of ours',
      (v, b) => [b.aor, { routes: [`<sip:${ours()};lr;received=${v.hostPort}>`] }],
    ],
    ['maddr in the Request-URI', (v, b) => [`${b.aor};maddr=${v.host}`, {}]],
    ['our address as his user', (v) => [`sip:${ours()}@${v.hostPort}`, {}]],
    ['our address as his password', (v) => [`sip:x:${v.hostPort}@127.0.0.1`, {}]],
    ['his address escaped in the user', (v) => [`sip:x%40${v.hostPort.replace(':', '%3A')}@127.0.0.1`, {}]],
    ['a To tag', (v) => [v.uri, { toTag: 'x' }]],
    ['a Record-Route of his', (v, b) => [b.aor, { lines: [`Record-Route: <sip:${v.hostPort};lr>`] }]],
    ['a Path of his', (v, b) => [b.aor, { lines: [`Path: <sip:${v.hostPort};lr>`] }]],
    ['a Contact of his', (v, b) => [b.aor, { lines: [`Contact: <${v.uri}>`] }]],
    [
      'a Via of his',
      (v, b) => [b.aor, { via: [`SIP/2.0/UDP ${v.hostPort};branch=z9hG4bK${fresh()};rport`] }],
    ],
    [
      'a Via of his below',
      (v, b) => [b.aor, { lines: [`Via: SIP/2.0/UDP ${v.hostPort};branch=z9hG4bK${fresh()}`] }],
    ],
    ['a cookie of his making in the Request-URI', (v) => [`sip:cc1-x@${ours()}`, { routes: [`<${v.uri}>`] }]],
    [
      'a cookie of his making in a Route',
      (v) => [v.uri, { routes: [`<sip:cc1-f1.7f000001~f1.7f000001~aaaa~bbbbbbbbbbbbbb@${ours()};lr>`] }],
    ],
  ];
  it.each(tricks)('%s does not lead there', async (_what, trick) => {
    const [eve, boris] = await ground.pair();
    const victim = await outsider();
    const [uri, parts] = trick(victim, boris);
    send(eve, 'MESSAGE', uri, parts);
    const toVia = send(eve, 'INVITE', uri, parts);
    await spared(victim, eve);
    // Who got it refuses: the answers may not go there either.
    for (const invite of boris.seen(toVia.callId))
      if (invite.method === 'INVITE') boris.reply(invite, 486, 'No', { tag: 'b' });
    await boris.settled();
    await spared(victim, eve);
  });

  it('a Route to a registered phone leads to that phone, not to where the Request-URI points', async () => {
    const [eve, boris] = await ground.pair();
    const victim = await outsider();
    const asked = send(eve, 'MESSAGE', victim.uri, { routes: [`<sip:${boris.hostPort};lr>`] });
    expect((await boris.request('MESSAGE', asked.callId)).uri).toBe(victim.uri);
    await spared(victim, eve);
  });

  it('neither after that phone has gone', async () => {
    const [eve, boris] = await ground.pair();
    await boris.register(['Expires: 0']);
    const asked = send(eve, 'MESSAGE', boris.uri);
    expect((await final(eve, asked)).status).toBe(403);
    await heardNothing(boris, asked.callId);
  });

  it('an ACK to a stranger goes nowhere', async () => {
    const [eve, victim] = [await ground.phone('eve'), await outsider()];
    for (const parts of [
      {},
      { toTag: 'x' },
      { toTag: 'x', routes: [`<sip:${ours()};lr>`, `<sip:${victim.hostPort};lr>`] },
    ])
      send(eve, 'ACK', victim.uri, parts);
    await spared(victim, eve);
  });

  it('a CANCEL to a stranger goes nowhere', async () => {
    const [eve, victim] = [await ground.phone('eve'), await outsider()];
    const asked = send(eve, 'CANCEL', victim.uri, { routes: [`<sip:${victim.hostPort};lr>`] });
    expect((await final(eve, asked)).status).toBe(481);
    await spared(victim, eve);
  });
});

describe.concurrent('rule 2: registrations', () => {
  it.each<[string, (victim: Puppet) => readonly string[]]>([
    ['a Contact', (v) => [`Contact: <sip:x@${v.hostPort}>`]],
    ['a Contact with maddr', (v) => [`Contact: <sip:x@${v.hostPort};maddr=${v.host}>`]],
    ['a Path', (v) => ['Contact: <sip:x@10.9.9.9>', `Path: <sip:${v.hostPort};lr>`]],
    [
      'a Path behind an honest one',
      (v) => ['Contact: <sip:x@10.9.9.9>', `Path: <sip:${ours()};lr>, <sip:${v.hostPort};lr>`],
    ],
  ])('%s that names a stranger does not lead there', async (_what, lines) => {
    const [anna, eve, victim] = [
      await ground.phone('anna'),
      await ground.phone('eve', { registered: false }),
      await outsider(),
    ];
    await register(eve, lines(victim));
    send(anna, 'MESSAGE', eve.aor);
    const asked = send(anna, 'INVITE', eve.aor);
    await spared(victim, anna);
    anna.send(hopByHop('CANCEL', asked));
    await anna.response(200, 'CANCEL', asked.callId);
    await spared(victim, anna);
  });

  it.each([
    ['our own address', () => `<sip:${ours()}>`],
    ['our own address with a user nobody is', () => `<sip:nobody@${ours()}>`],
  ])('%s as a Contact ends in a refusal, not in a circle', async (_what, contact) => {
    const [anna, eve] = [await ground.phone('anna'), await ground.phone('eve', { registered: false })];
    await register(eve, [`Contact: ${contact()}`]);
    for (const method of ['MESSAGE', 'INVITE']) {
      const asked = send(anna, method, eve.aor);
      const answer = await final(anna, asked);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      if (method === 'INVITE') acknowledge(anna, asked, answer);
    }
  });

  it('a Path that leads to us ends in a refusal, not in a circle', async () => {
    const [anna, eve] = [await ground.phone('anna'), await ground.phone('eve', { registered: false })];
    await register(eve, [`Contact: <${eve.uri}>`, `Path: <sip:${ours()};lr>`]);
    const asked = send(anna, 'MESSAGE', eve.aor);
    const answer = await anna.expect('an answer, or the phone', (m) => m.callId === asked.callId);
    expect(answer.status === 0 || answer.status >= 400).toBe(true);
  });

  it('RFC 5393 §4: AORs that lead to AORs do not make one request a hundred', async () => {
    const [anna, eve] = [await ground.phone('anna'), await ground.phone('eve', { registered: false })];
    const top = ground.aor(ground.name('top'));
    const branches: string[] = [];
    for (let i = 0; i < 8; i++) {
      const aor = ground.aor(ground.name('mid'));
      const leaves = Array.from({ length: 20 }, (_, k) => `<sip:l${i}-${k}@${eve.hostPort}>`);
      await register(eve, [`Contact: ${leaves.join(', ')}`], { to: `<${aor}>` });
      branches.push(`<${aor}>`);
    }
    await register(eve, [`Contact: ${branches.join(', ')}`], { to: `<${top}>` });
    const asked = send(anna, 'MESSAGE', top);
    const answered = new Set<string>();
    const isEnd = () => anna.seen(asked.callId).some((m) => m.status >= 200);
    await until('the end of the search', () => {
      for (const request of eve.seen(asked.callId)) {
        if (answered.has(request.branch)) continue;
        answered.add(request.branch);
        eve.reply(request, 480, 'Away', { tag: 'e' });
      }
      return isEnd();
    });
    expect(answered.size).toBeLessThanOrEqual(60);
  });
});

describe.concurrent('rule 5: cookies', () => {
  async function call() {
    const [anna, boris] = await ground.pair();
    return { anna, boris, ...(await ground.talk(anna, boris)) };
  }

  const inside = (leg: Leg, more: Parts): Parts => ({
    callId: leg.callId,
    fromTag: leg.localTag,
    toTag: leg.remoteTag,
    cseq: ++leg.cseq,
    ...more,
  });

  const forgeries: ReadonlyArray<readonly [string, (route: string) => string]> = [
    [
      'another MAC',
      (r) =>
        r.replace(/~([^~@]+)@/, (_, mac: string) => `~${mac.replace(/./, (c) => (c === 'A' ? 'B' : 'A'))}@`),
    ],
    ['no MAC', (r) => r.replace(/~[^~@]+@/, '@')],
    ['an empty MAC', (r) => r.replace(/~[^~@]+@/, '~@')],
    ['a MAC cut short', (r) => r.replace(/.@/, '@')],
    ['a MAC made longer', (r) => r.replace('@', 'A@')],
    ['another address', (r) => r.replace(/7f000001/, '7f0000c8')],
    ['the other side’s address', (r) => r.replace(/7f000001/g, '7f0000c8')],
    ['another port', (r) => r.replace(/cc1-(.)[^.]+\./, 'cc1-$1a2.')],
    ['exact for followed', (r) => r.replace(/cc1-./, 'cc1-x')],
    ['the sides exchanged', (r) => r.replace(/cc1-([^~]+)~([^~]+)/, 'cc1-$2~$1')],
    ['another tag', (r) => r.replace(/~([^~]+)~([^~]+)@/, '~aaaa~$2@')],
    ['a part more', (r) => r.replace('~', '~x~')],
    ['no parts', (r) => r.replace(/cc1-[^@]+/, 'cc1-')],
    ['letters in another case', (r) => r.replace(/cc1-[^@]+/, (c) => c.toUpperCase().replace('CC1', 'cc1'))],
    ['an escaped letter, which is the same user', (r) => r.replace('cc1-', '%63c1-')],
  ];
  it.each(forgeries)('with %s are worth nothing', async (_what, forge) => {
    const { anna, boris, out } = await call();
    const victim = await outsider();
    const routes = out.routes.map(forge);
    if (routes[0] === out.routes[0]) expect(_what).toMatch(/sides/);
    else {
      const asked = send(anna, 'INFO', victim.uri, inside(out, { routes }));
      expect((await final(anna, asked)).status).toBe(481);
      const strict = send(anna, 'INFO', uriOf(routes[0] ?? ''), inside(out, { routes: [`<${victim.uri}>`] }));
      expect((await final(anna, strict)).status).toBeGreaterThanOrEqual(400);
    }
    await spared(victim, anna);
    expect(count(boris, out.callId, (m) => m.method === 'INFO')).toBe(0);
  });

  it('lead to the other side alone: the Request-URI of a stranger, a Route behind, a Route before', async () => {
    const { anna, boris, out } = await call();
    const victim = await outsider();
    const theirs = `<sip:${victim.hostPort};lr>`;
    for (const routes of [
      out.routes,
      [...out.routes, theirs],
      [theirs, ...out.routes],
      [...out.routes, `<${victim.uri}>`],
    ])
      send(anna, 'INFO', victim.uri, inside(out, { routes }));
    await boris.request('INFO', out.callId);
    await spared(victim, anna);
  });

  it('of one call do not serve another, with or without its tags', async () => {
    const { anna, out } = await call();
    const victim = await outsider();
    for (const parts of [{}, { toTag: out.remoteTag, fromTag: out.localTag }]) {
      const asked = send(anna, 'INFO', victim.uri, { routes: out.routes, ...parts });
      expect([403, 481]).toContain((await final(anna, asked)).status);
    }
    await spared(victim, anna);
  });

  it('made by a call with oneself do not lead to the Contact one writes into the answer', async () => {
    const [eve, mallory] = await ground.pair();
    const victim = await outsider();
    const out = Leg.open(eve, mallory.aor, { contact: `<${victim.uri}>` });
    const inc = await Leg.incoming(mallory, 'INVITE', out.callId);
    inc.contact = `<${victim.uri}>`;
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    for (const [by, other] of [
      [out, inc],
      [inc, out],
    ] as const) {
      by.target = victim.uri;
      by.send('INFO');
      other.puppet.reply(await other.request('INFO'), 200, 'OK');
      await by.response(200, 'INFO');
    }
    await spared(victim, eve);
    await hangUp(out, inc);
  });

  it('survive a strict router, who has put them into the Request-URI', async () => {
    const { anna, boris, out } = await call();
    const victim = await outsider();
    const sealed = uriOf(out.routes[0] ?? '');
    send(anna, 'INFO', sealed, inside(out, { routes: [`<${victim.uri}>`] }));
    expect((await boris.request('INFO', out.callId)).uri).toBe(victim.uri);
    send(anna, 'INFO', sealed, inside(out, { routes: [`<sip:${victim.hostPort};lr>`, `<${boris.uri}>`] }));
    await boris.request('INFO', out.callId);
    await spared(victim, anna);
  });

  it('a user whose name looks like one can be called', async () => {
    const anna = await ground.phone('anna');
    const boris = await ground.phone('boris', { user: `cc1-${fresh()}` });
    const { callId } = send(anna, 'MESSAGE', boris.aor);
    await boris.request('MESSAGE', callId);
  });

  it('do not tell what they are about: two calls of the same phones have nothing in common but addresses', async () => {
    const { anna, boris, out } = await call();
    const again = await ground.talk(anna, boris);
    const mac = (leg: Leg) => /~([^~@]+)@/.exec(leg.routes[0] ?? '')?.[1];
    expect(mac(out)).not.toBe(mac(again.out));
    expect(out.routes[0]).not.toContain(out.localTag);
  });
});

describe.concurrent('a request that has lost its way', () => {
  it('inside no dialog of ours is not sent back to its sender', async () => {
    const eve = await ground.phone('eve');
    const asked = send(eve, 'BYE', eve.uri, { toTag: 'x' });
    expect((await final(eve, asked)).status).toBe(481);
    expect(count(eve, asked.callId, (m) => m.method === 'BYE')).toBe(0);
  });

  it('BYE of somebody else’s call with guessed tags ends nothing', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    const eve = await ground.phone('eve');
    const asked = send(eve, 'BYE', boris.aor, {
      callId: out.callId,
      fromTag: 'guess',
      toTag: 'guess',
      cseq: 99,
    });
    boris.reply(await boris.expect('BYE', (m) => m.method === 'BYE' && m.cseq === 99), 481, 'No');
    await final(eve, asked);
    await hangUp(out, inc);
    await ground.server.wrote(out.callId, [
      `Incomming Call From: ${anna.aor} >> To: ${boris.aor}`,
      `\tCall Answered by ${boris.aor}`,
      '\tCall Has Ended',
    ]);
  });

  it('an INVITE with somebody else’s Call-ID is a call of its own to the phone, and none in the diary', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    const eve = await ground.phone('eve');
    const asked = send(eve, 'INVITE', boris.aor, { callId: out.callId, fromTag: 'eve' });
    boris.reply(await boris.expect('INVITE', (m) => m.fromTag === 'eve'), 486, 'Busy', { tag: 'x' });
    const busy = await final(eve, asked);
    acknowledge(eve, asked, busy);
    await hangUp(out, inc);
    await ground.server.wrote(out.callId, [
      `Incomming Call From: ${anna.aor} >> To: ${boris.aor}`,
      `\tCall Answered by ${boris.aor}`,
      '\tCall Has Ended',
    ]);
  });
});
