// RFC 6665, 3515, 3891, 3892, 4575: subscriptions, transfers and conferences between phones; the server is no party.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import type { Message } from '../wire/puppet-message.ts';
import { acknowledge, count, final, Ground, hangUp, heardNothing, send } from './ground.ts';

const ground = Ground.open();

const CONFERENCE = ['Event: conference', 'Accept: application/conference-info+xml', 'Expires: 600'];

/** A subscription that stands: the subscriber's and the notifier's side. */
async function subscribed(
  anna: Puppet,
  focus: Puppet,
  uri = focus.aor,
  lines: readonly string[] = CONFERENCE,
) {
  const out = Leg.open(anna, uri, { method: 'SUBSCRIBE', lines });
  const inc = await Leg.incoming(focus, 'SUBSCRIBE', out.callId);
  inc.respond(200, 'OK', { lines: ['Expires: 600'] });
  await out.response(200, 'SUBSCRIBE');
  return { out, inc };
}

async function notify(
  by: Leg,
  other: Leg,
  state: string,
  body = '',
  lines: readonly string[] = ['Event: conference'],
): Promise<Message> {
  by.send('NOTIFY', { lines: [...lines, `Subscription-State: ${state}`], body });
  const there = await other.request('NOTIFY');
  other.puppet.reply(there, 200, 'OK');
  await by.response(200, 'NOTIFY');
  return there;
}

const sipfrag = (line: string) =>
  [`${line}\r\n`, ['Event: refer', 'Content-Type: message/sipfrag;version=2.0']] as const;

describe.concurrent('RFC 6665, RFC 4575: SUBSCRIBE to a conference', () => {
  it('arrives with its conf-id, and NOTIFY comes back to the subscriber', async () => {
    const [anna, focus] = await ground.pair();
    const { out, inc } = await subscribed(anna, focus, `${focus.aor};conf-id=r5rVr`);
    expect(inc.incoming.uri).toBe(`${focus.uri};conf-id=r5rVr`);
    const body = '<conference-info/>';
    const there = await notify(inc, out, 'active;expires=599', body, [
      'Event: conference',
      'Content-Type: application/conference-info+xml',
    ]);
    expect([there.uri, there.body, there.get('subscription-state')]).toEqual([
      anna.uri,
      body,
      'active;expires=599',
    ]);
    await notify(inc, out, 'terminated;reason=noresource');
  });

  it('§4.1.2.2: a refresh, and an end with Expires 0', async () => {
    const { out, inc } = await subscribed(...(await ground.pair()));
    for (const seconds of [900, 0]) {
      out.send('SUBSCRIBE', { lines: ['Event: conference', `Expires: ${seconds}`] });
      const there = await inc.request('SUBSCRIBE');
      expect(there.get('expires')).toBe(String(seconds));
      inc.puppet.reply(there, 200, 'OK', { lines: [`Expires: ${seconds}`] });
      await out.response(200, 'SUBSCRIBE');
    }
    await notify(inc, out, 'terminated;reason=timeout');
  });

  it('§4.1.2.4: a NOTIFY that overtakes the 200 goes through', async () => {
    const [anna, focus] = await ground.pair();
    const out = Leg.open(anna, focus.aor, { method: 'SUBSCRIBE', lines: CONFERENCE });
    const inc = await Leg.incoming(focus, 'SUBSCRIBE', out.callId);
    await notify(inc, out, 'active;expires=600');
    inc.respond(200, 'OK', { lines: ['Expires: 600'] });
    await out.response(200, 'SUBSCRIBE');
    await notify(inc, out, 'terminated');
  });

  it('200 and NOTIFY in one breath keep their order', async () => {
    const [anna, focus] = await ground.pair();
    for (let round = 0; round < 5; round++) {
      const out = Leg.open(anna, focus.aor, { method: 'SUBSCRIBE', lines: CONFERENCE });
      const inc = await Leg.incoming(focus, 'SUBSCRIBE', out.callId);
      inc.respond(200, 'OK', { lines: ['Expires: 600'] });
      inc.send('NOTIFY', { lines: ['Event: conference', 'Subscription-State: terminated'] });
      anna.reply(await out.request('NOTIFY'), 200, 'OK');
      expect(anna.seen(out.callId).map((m) => m.method || m.status)).toEqual([200, 'NOTIFY']);
    }
  });

  it('§4.4.1: forked, each notifier makes a dialog of its own', async () => {
    const foci = (await ground.fork([1, 1])) as [Puppet, Puppet];
    const anna = await ground.phone('anna');
    const out = Leg.open(anna, foci[0].aor, { method: 'SUBSCRIBE', lines: CONFERENCE });
    const legs = await Promise.all(foci.map((p) => Leg.incoming(p, 'SUBSCRIBE', out.callId)));
    legs[0]?.respond(200, 'OK', { lines: ['Expires: 600'] });
    await out.response(200, 'SUBSCRIBE');
    legs[1]?.respond(200, 'OK', { lines: ['Expires: 600'] });
    for (const leg of legs) {
      const there = await notify(leg, out, 'active');
      expect(there.fromTag).toBe(leg.localTag);
    }
    await anna.settled();
    expect(count(anna, out.callId, (m) => m.status === 200)).toBe(1);
  });

  it.each([489, 403, 481, 404])('§4.1.2: %d goes back', async (status) => {
    const [anna, focus] = await ground.pair();
    const asked = send(anna, 'SUBSCRIBE', focus.aor, { lines: CONFERENCE });
    focus.reply(await focus.request('SUBSCRIBE', asked.callId), status, 'No', { tag: 'f' });
    expect((await final(anna, asked)).status).toBe(status);
  });

  it('§4.1.3: a NOTIFY that is refused with 481 is told so', async () => {
    const { out, inc } = await subscribed(...(await ground.pair()));
    inc.send('NOTIFY', { lines: ['Event: conference', 'Subscription-State: active'] });
    out.puppet.reply(await out.request('NOTIFY'), 481, 'Subscription Does Not Exist');
    await inc.response(481, 'NOTIFY');
  });

  it('of a package nobody has heard of goes to the phone', async () => {
    const { out, inc } = await subscribed(...(await ground.pair()), undefined, [
      'Event: xyzzy;id=3',
      'Expires: 60',
    ]);
    expect(inc.incoming.get('event')).toBe('xyzzy;id=3');
    await notify(inc, out, 'terminated', '', ['Event: xyzzy;id=3']);
  });

  it('RFC 3265: NOTIFY without any subscription goes to the phone (message-summary)', async () => {
    const [anna, boris] = await ground.pair();
    const lines = ['Event: message-summary', 'Subscription-State: active', `Contact: <${anna.uri}>`];
    const asked = send(anna, 'NOTIFY', boris.aor, { lines, body: 'Messages-Waiting: yes\r\n' });
    const there = await boris.request('NOTIFY', asked.callId);
    expect(there.body).toBe('Messages-Waiting: yes\r\n');
    boris.reply(there, 200, 'OK', { tag: 'b' });
    expect((await final(anna, asked)).status).toBe(200);
  });

  it('the same within a call', async () => {
    const [anna, boris] = await ground.pair();
    const { out, inc } = await ground.talk(anna, boris);
    out.send('SUBSCRIBE', { lines: CONFERENCE });
    boris.reply(await inc.request('SUBSCRIBE'), 202, 'Accepted', { lines: ['Expires: 60'] });
    await out.response(202, 'SUBSCRIBE');
    await notify(inc, out, 'terminated');
    await hangUp(out, inc);
  });
});

describe.concurrent('RFC 3515: REFER', () => {
  it('202, progress and result by NOTIFY, the old call’s BYE, all in the order they came', async () => {
    const [anna, boris] = await ground.pair();
    const cyril = await ground.phone('cyril');
    const { out, inc } = await ground.talk(anna, boris);
    out.send('REFER', { lines: [`Refer-To: <${cyril.aor}>`, `Referred-By: <${anna.aor}>`] });
    const refer = await inc.request('REFER');
    expect([refer.get('refer-to'), refer.get('referred-by')]).toEqual([`<${cyril.aor}>`, `<${anna.aor}>`]);
    boris.reply(refer, 202, 'Accepted', { lines: [`Contact: ${inc.contact}`] });
    const [trying, headers] = sipfrag('SIP/2.0 100 Trying');
    inc.send('NOTIFY', { lines: [...headers, 'Subscription-State: active;expires=60'], body: trying });
    anna.reply(await out.request('NOTIFY'), 200, 'OK');
    await out.response(202, 'REFER');
    await inc.response(200, 'NOTIFY');
    const order = anna.seen(out.callId).map((m) => m.method || `${m.status} ${m.cseqMethod}`);
    expect(order.indexOf('202 REFER')).toBeLessThan(order.indexOf('NOTIFY'));
    const next = Leg.open(boris, cyril.aor, { lines: [`Referred-By: <${anna.aor}>`] });
    const called = await Leg.incoming(cyril, 'INVITE', next.callId);
    expect(called.incoming.get('referred-by')).toBe(`<${anna.aor}>`);
    called.respond(200, 'OK');
    await next.response(200);
    next.ack();
    await called.request('ACK');
    const [ok] = sipfrag('SIP/2.0 200 OK');
    expect((await notify(inc, out, 'terminated;reason=noresource', ok, headers)).body).toBe(ok);
    await hangUp(out, inc);
    await hangUp(called, next);
  });

  it('a NOTIFY that overtakes the 202 goes through', async () => {
    const { out, inc } = await ground.talk(...(await ground.pair()));
    out.send('REFER', { lines: ['Refer-To: <sip:x@y>'] });
    const refer = await inc.request('REFER');
    const [body, headers] = sipfrag('SIP/2.0 603 Declined');
    await notify(inc, out, 'terminated', body, headers);
    inc.puppet.reply(refer, 202, 'Accepted');
    await out.response(202, 'REFER');
    await hangUp(out, inc);
  });

  it('§2.4.4: the result may come after the BYE (RFC 5057)', async () => {
    const { out, inc } = await ground.talk(...(await ground.pair()));
    out.send('REFER', { lines: ['Refer-To: <sip:x@y>'] });
    inc.puppet.reply(await inc.request('REFER'), 202, 'Accepted');
    await out.response(202, 'REFER');
    await hangUp(out, inc);
    const [body, headers] = sipfrag('SIP/2.0 200 OK');
    await notify(inc, out, 'terminated', body, headers);
  });

  it.each([603, 405, 481])('%d goes back, the call goes on', async (status) => {
    const { out, inc } = await ground.talk(...(await ground.pair()));
    out.send('REFER', { lines: ['Refer-To: <sip:x@y>'] });
    inc.puppet.reply(await inc.request('REFER'), status, 'No');
    await out.response(status, 'REFER');
    await hangUp(out, inc);
  });

  it('outside of any call opens a dialog of its own', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor, { method: 'REFER', lines: ['Refer-To: <sip:x@y>'] });
    const inc = await Leg.incoming(boris, 'REFER', out.callId);
    inc.respond(202, 'Accepted');
    await out.response(202, 'REFER');
    const [body, headers] = sipfrag('SIP/2.0 486 Busy Here');
    await notify(inc, out, 'terminated', body, headers);
  });

  it('RFC 3891: an INVITE with Replaces reaches whom it is meant for, header untouched', async () => {
    const [anna, boris] = await ground.pair();
    const cyril = await ground.phone('cyril');
    const { out, inc } = await ground.talk(anna, boris);
    const replaces = `${out.callId};to-tag=${inc.localTag};from-tag=${out.localTag};early-only`;
    const lines = [`Replaces: ${replaces}`, 'Require: replaces', `Contact: <${cyril.uri}>`];
    const asked = send(cyril, 'INVITE', boris.aor, { lines });
    const invite = await boris.request('INVITE', asked.callId);
    expect(invite.get('replaces')).toBe(replaces);
    boris.reply(invite, 481, 'No Such Dialog', { tag: 'b' });
    acknowledge(cyril, asked, await final(cyril, asked));
    await hangUp(inc, out);
  });

  it('to a target within the other’s domain of any scheme: Refer-To is not looked at', async () => {
    const { out, inc } = await ground.talk(...(await ground.pair()));
    const target = '<tel:+421905123456?x=y>;method=INVITE';
    out.send('REFER', { lines: [`r: ${target}`] });
    const refer = await inc.request('REFER');
    expect(refer.get('refer-to')).toBe(target);
    inc.puppet.reply(refer, 416, 'Unsupported');
    await out.response(416, 'REFER');
  });
});

describe.concurrent('requests outside of any dialog', () => {
  it.each(['MESSAGE', 'OPTIONS', 'PUBLISH', 'INFO', 'XTRA'])(
    '%s reaches the phone, its answer comes back',
    async (method) => {
      const [anna, boris] = await ground.pair();
      const asked = send(anna, method, boris.aor, {
        lines: ['Event: presence', 'Content-Type: text/plain'],
        body: 'ahoj',
      });
      const there = await boris.request(method, asked.callId);
      expect([there.body, there.uri, there.get('to')]).toEqual(['ahoj', boris.uri, `<${boris.aor}>`]);
      boris.reply(there, 200, 'OK', { tag: 'b', lines: ['Allow: INVITE', 'SIP-ETag: x'], body: 'nazdar' });
      const answer = await final(anna, asked);
      expect([answer.body, answer.get('allow'), answer.get('sip-etag')]).toEqual(['nazdar', 'INVITE', 'x']);
    },
  );

  it('RFC 3428: several MESSAGEs under way at once', async () => {
    const [anna, boris] = await ground.pair();
    const all = Array.from({ length: 8 }, (_, i) => send(anna, 'MESSAGE', boris.aor, { body: String(i) }));
    for (const asked of all.toReversed())
      boris.reply(await boris.request('MESSAGE', asked.callId), 200, `OK ${asked.callId}`, { tag: 'b' });
    for (const asked of all) expect((await final(anna, asked)).reason).toBe(`OK ${asked.callId}`);
  });

  it('to several contacts: each gets it, one final response', async () => {
    const phones = (await ground.fork([1, 1])) as [Puppet, Puppet];
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', phones[0].aor, { body: 'x' });
    const [one, two] = await Promise.all(phones.map((p) => p.request('MESSAGE', asked.callId)));
    phones[0].reply(one as Message, 480, 'Away', { tag: 'b0' });
    phones[1].reply(two as Message, 202, 'Accepted', { tag: 'b1' });
    expect((await final(anna, asked)).status).toBe(202);
  });

  it.each([
    ['PUBLISH', 405],
    ['SUBSCRIBE', 489],
  ])('RFC 3903, RFC 6665: %s to one’s own AOR is not sent back to oneself: %d', async (method, expected) => {
    const anna = await ground.phone('anna');
    const asked = send(anna, method, anna.aor, { lines: ['Event: presence', 'Expires: 60'] });
    expect((await final(anna, asked)).status).toBe(expected);
    expect(count(anna, asked.callId, (m) => m.method === method)).toBe(0);
  });

  it('MESSAGE to oneself comes back to oneself', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'MESSAGE', anna.aor, { body: 'note' });
    anna.reply(await anna.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'me' });
    expect((await final(anna, asked)).toTag).toBe('me');
  });

  it('a call to oneself rings at oneself', async () => {
    const anna = await ground.phone('anna');
    const asked = send(anna, 'INVITE', anna.aor);
    anna.reply(await anna.request('INVITE', asked.callId), 486, 'Busy Here', { tag: 'me' });
    acknowledge(anna, asked, await final(anna, asked));
  });

  it('nobody else hears of it', async () => {
    const [anna, boris] = await ground.pair();
    const cyril = await ground.phone('cyril');
    const asked = send(anna, 'MESSAGE', boris.aor);
    boris.reply(await boris.request('MESSAGE', asked.callId), 200, 'OK', { tag: 'b' });
    await final(anna, asked);
    await heardNothing(cyril, asked.callId);
  });
});
