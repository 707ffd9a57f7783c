// RFC 3261 §12 to §15, RFC 3262, 3264, 3311, 4028, 6141: what goes on inside a call reaches the other side.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import { Leg, sdp } from '../wire/puppet-leg.ts';
import { type Message, uriOf } from '../wire/puppet-message.ts';
import { acknowledge, count, final, Ground, hangUp, heardNothing, type Parts, send } from './ground.ts';

const ground = Ground.open();

async function talking() {
  const [anna, boris] = await ground.pair();
  return { anna, boris, ...(await ground.talk(anna, boris)) };
}

async function early(lines: readonly string[] = []) {
  const [anna, boris] = await ground.pair();
  const out = Leg.open(anna, boris.aor, { lines });
  const inc = await Leg.incoming(boris, 'INVITE', out.callId);
  inc.respond(183, 'Session Progress', { lines: ['Require: 100rel', 'RSeq: 5'] });
  await out.response(183);
  return { anna, boris, out, inc };
}

async function answered(
  by: Leg,
  other: Leg,
  method: string,
  status: number,
  lines: readonly string[] = [],
): Promise<void> {
  other.puppet.reply(await other.request(method), status, `S${status}`, { lines });
  await by.response(status, method);
}

/** Sends a re-INVITE's ACK for a failure, by its own branch. */
function ackAgain(by: Leg, response: Message): void {
  const { branch } = response;
  by.puppet.send(by.text('ACK', { branch, cseq: response.cseq }));
}

const sides = ['caller', 'callee'] as const;

describe.concurrent('§12.2: inside a dialog', () => {
  const methods = [
    'INFO',
    'UPDATE',
    'MESSAGE',
    'OPTIONS',
    'NOTIFY',
    'SUBSCRIBE',
    'REFER',
    'PRACK',
    'PUBLISH',
    'XTRA',
  ];
  for (const side of sides) {
    it.each(methods)(`%s of the ${side} reaches the other, and its answer comes back`, async (method) => {
      const { out, inc } = await talking();
      const [by, other] = side === 'caller' ? [out, inc] : [inc, out];
      by.send(method, {
        lines: ['Event: refer', 'Refer-To: <sip:x@127.0.0.1>', 'Subscription-State: active', 'X-Keep:  me'],
      });
      const there = await other.request(method);
      expect([there.uri, there.has('route'), there.toTag]).toEqual([other.puppet.uri, false, other.localTag]);
      expect(there.text).toContain('\r\nX-Keep:  me\r\n');
      other.puppet.reply(there, 269, 'As You Like', { lines: ['X-Also:  this'] });
      expect((await by.response(269, method)).text).toContain('\r\nX-Also:  this\r\n');
    });
  }

  it('§16.4: the Route set decides, not To or From', async () => {
    const { anna, boris, out } = await talking();
    const asked = send(anna, 'INFO', boris.uri, {
      callId: out.callId,
      fromTag: out.localTag,
      toTag: out.remoteTag,
      from: '<sip:anonymous@anonymous.invalid>',
      to: '<sip:anonymous@anonymous.invalid>',
      cseq: 50,
      routes: out.routes,
    });
    boris.reply(await boris.request('INFO', out.callId), 200, 'OK');
    expect((await final(anna, asked)).status).toBe(200);
  });

  it('after the callee has unregistered', async () => {
    const { boris, out, inc } = await talking();
    await boris.register(['Expires: 0']);
    out.send('INFO');
    await answered(out, inc, 'INFO', 200);
    await hangUp(out, inc);
  });

  it('of a caller who never registered', async () => {
    const [anna, boris] = [await ground.phone('anna', { registered: false }), await ground.phone('boris')];
    const { out, inc } = await ground.talk(anna, boris);
    inc.send('INFO');
    await answered(inc, out, 'INFO', 200);
    await hangUp(inc, out);
  });

  it('§12.2.1.1: to a remote target that has moved (target refresh), on the same phone', async () => {
    const { boris, out, inc } = await talking();
    inc.contact = `<sip:moved@${boris.hostPort};x=1>`;
    inc.reinvite({ version: 2 });
    out.accept(await out.request('INVITE'), { version: 2 });
    await inc.response(200);
    inc.ack();
    await out.request('ACK');
    out.target = `sip:moved@${boris.hostPort};x=1`;
    out.send('INFO');
    expect((await inc.request('INFO')).uri).toBe(out.target);
  });

  it('a Contact with a name nobody can resolve is reached by the way it came', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor, { contact: '<sip:anna@client.atlanta.invalid>' });
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    inc.send('BYE');
    const bye = await out.request('BYE');
    expect(bye.uri).toBe('sip:anna@client.atlanta.invalid');
    anna.reply(bye, 200, 'OK');
    await inc.response(200, 'BYE');
  });

  it('§12.2.2: a refusal (481) of one request is told; the call is its own business', async () => {
    const { out, inc } = await talking();
    out.send('INFO');
    await answered(out, inc, 'INFO', 481);
    out.send('INFO');
    await answered(out, inc, 'INFO', 200);
    await hangUp(out, inc);
  });

  it('§12.2.2: an older CSeq is for the phone to refuse', async () => {
    const { out, inc } = await talking();
    out.cseq = 2;
    out.send('INFO');
    await answered(out, inc, 'INFO', 500);
  });

  it('RFC 5057: several requests under way at once do not mind each other', async () => {
    const { out, inc, anna, boris } = await talking();
    const cseqs = Array.from({ length: 10 }, (_, i) => (i % 2 ? inc : out).send('INFO'));
    for (const _ of cseqs.slice(5)) {
      boris.reply(await inc.request('INFO'), 200, 'OK');
      anna.reply(await out.request('INFO'), 200, 'OK');
    }
    for (const _ of cseqs.slice(5)) {
      await out.response(200, 'INFO');
      await inc.response(200, 'INFO');
    }
  });
});

describe.concurrent('§14: re-INVITE', () => {
  it.each(sides)('of the %s: hold, resume, each with its ACK', async (side) => {
    const { out, inc } = await talking();
    const [by, other] = side === 'caller' ? [out, inc] : [inc, out];
    for (const [version, audio] of [
      [2, 'sendonly'],
      [3, 'sendrecv'],
    ] as const) {
      by.reinvite({ audio, version });
      const there = await other.request('INVITE');
      expect(there.body).toBe(sdp(by.puppet.user, by.puppet.host, { audio, version }));
      expect(there.has('record-route')).toBe(false);
      other.accept(there, { version });
      await by.response(200);
      by.ack();
      await other.request('ACK');
    }
    await hangUp(other, by);
  });

  it('§14.1: 491 in both directions, one waits, the second try is taken', async () => {
    const { anna, boris, out, inc } = await talking();
    out.reinvite({ version: 2 });
    inc.reinvite({ version: 2 });
    boris.reply(await inc.request('INVITE'), 491, 'Request Pending');
    anna.reply(await out.request('INVITE'), 491, 'Request Pending');
    ackAgain(out, await out.response(491));
    ackAgain(inc, await inc.response(491));
    await inc.request('ACK');
    await out.request('ACK');
    inc.reinvite({ version: 3 });
    out.accept(await out.request('INVITE'), { version: 3 });
    await inc.response(200);
    inc.ack();
    await out.request('ACK');
    await hangUp(out, inc);
  });

  it('§14.2: 488 leaves the call as it was', async () => {
    const { out, inc, boris } = await talking();
    out.reinvite({ video: 40_010, version: 2 });
    boris.reply(await inc.request('INVITE'), 488, 'Not Acceptable Here', {
      lines: ['Warning: 304 x "Media"'],
    });
    const refusal = await out.response(488);
    expect(refusal.get('warning')).toBe('304 x "Media"');
    ackAgain(out, refusal);
    await inc.request('ACK');
    await hangUp(out, inc);
  });

  it('RFC 3264: without an offer: the 200 brings it, the ACK answers', async () => {
    const { out, inc, boris, anna } = await talking();
    out.send('INVITE');
    const there = await inc.request('INVITE');
    expect(there.body).toBe('');
    inc.accept(there, { version: 7 });
    expect((await out.response(200)).body).toBe(sdp(boris.user, boris.host, { version: 7 }));
    const body = sdp(anna.user, anna.host, { version: 2 });
    anna.send(out.text('ACK', { lines: ['Content-Type: application/sdp'], body }));
    expect((await inc.request('ACK')).body).toBe(body);
  });

  it('rings and gives provisionals, which go back', async () => {
    const { out, inc, boris } = await talking();
    out.reinvite({ version: 2 });
    const there = await inc.request('INVITE');
    await out.response(100);
    boris.reply(there, 180, 'Ringing');
    await out.response(180);
    inc.accept(there, { version: 2 });
    await out.response(200);
    out.ack();
    await inc.request('ACK');
  });

  it('that is sent again before its answer goes on once', async () => {
    const { out, inc, anna, boris } = await talking();
    out.cseq++;
    const text = out.text('INVITE', {
      branch: `z9hG4bKagain${out.callId}`,
      lines: [`Contact: ${out.contact}`],
    });
    anna.send(text);
    const there = await inc.request('INVITE');
    boris.reply(there, 100, 'Trying');
    anna.send(text);
    await boris.settled();
    expect(count(boris, out.callId, (m) => m.method === 'INVITE' && m.cseq === out.cseq)).toBe(1);
    inc.accept(there, { version: 2 });
    await out.response(200);
    out.ack();
    await inc.request('ACK');
  });

  it('RFC 6141: a 2xx sent again is passed again, and its ACK again', async () => {
    const { out, inc } = await talking();
    out.reinvite({ version: 2 });
    const there = await inc.request('INVITE');
    for (let i = 0; i < 2; i++) {
      inc.accept(there, { version: 2 });
      await out.response(200);
      out.ack();
      await inc.request('ACK');
    }
  });
});

describe.concurrent('§13: the offer', () => {
  it('late: none in INVITE, one in 200, the answer in ACK', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor, { body: '' });
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    expect(inc.incoming.body).toBe('');
    inc.respond(200, 'OK');
    expect((await out.response(200)).body).toContain('m=audio');
    anna.send(out.text('ACK', { lines: ['Content-Type: application/sdp'], body: sdp(anna.user, anna.host) }));
    expect((await inc.request('ACK')).body).toBe(sdp(anna.user, anna.host));
    await hangUp(inc, out);
  });

  it('of another type goes through as it is', async () => {
    const [anna, boris] = await ground.pair();
    const lines = [
      'Content-Type: multipart/mixed;boundary=b',
      'Contact: <sip:a@b>',
      'Content-Disposition: session',
    ];
    const body = `--b\r\nContent-Type: application/sdp\r\n\r\n${sdp('a', '127.0.0.1')}\r\n--b\r\n\r\n\0\xff\r\n--b--\r\n`;
    const asked = send(anna, 'INVITE', boris.aor, { lines, body });
    const invite = await boris.request('INVITE', asked.callId);
    expect(invite.body).toBe(body);
    boris.reply(invite, 415, 'Unsupported Media Type', { tag: 'b', lines: ['Accept: application/sdp'] });
    const refusal = await final(anna, asked);
    expect(refusal.get('accept')).toBe('application/sdp');
    acknowledge(anna, asked, refusal);
  });

  it('§13.2.2.4: requests of the callee may come before the ACK', async () => {
    const [anna, boris] = await ground.pair();
    const out = Leg.open(anna, boris.aor);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(200, 'OK');
    inc.send('INFO');
    await out.response(200);
    await answered(inc, out, 'INFO', 200);
    out.ack();
    await inc.request('ACK');
  });
});

describe.concurrent('RFC 3262, RFC 3311: early dialogs', () => {
  it('PRACK reaches the callee with its RAck and its answer comes back', async () => {
    const { out, inc } = await early(['Supported: 100rel']);
    out.send('PRACK', { lines: ['RAck: 5 20 INVITE'] });
    const prack = await inc.request('PRACK');
    expect([prack.get('rack'), prack.uri]).toEqual(['5 20 INVITE', inc.puppet.uri]);
    inc.puppet.reply(prack, 200, 'OK');
    await out.response(200, 'PRACK');
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack(20);
    await inc.request('ACK');
    await hangUp(out, inc);
  });

  it('PRACK with an offer, its 200 with the answer', async () => {
    const { out, inc, anna } = await early(['Supported: 100rel']);
    const body = sdp(anna.user, anna.host, { version: 9 });
    out.send('PRACK', { lines: ['RAck: 5 20 INVITE', 'Content-Type: application/sdp'], body });
    const prack = await inc.request('PRACK');
    expect(prack.body).toBe(body);
    inc.accept(prack, { version: 9 });
    expect((await out.response(200, 'PRACK')).body).toContain('m=audio');
    inc.respond(486, 'Busy Here');
    out.cseq = 20;
    out.ackFailure(await out.response(486));
  });

  it.each(sides)('UPDATE of the %s before the answer', async (side) => {
    const { out, inc } = await early();
    const [by, other] = side === 'caller' ? [out, inc] : [inc, out];
    by.send('UPDATE', {
      lines: ['Content-Type: application/sdp'],
      body: sdp(by.puppet.user, by.puppet.host, { version: 4 }),
    });
    other.accept(await other.request('UPDATE'), { version: 4 });
    expect((await by.response(200, 'UPDATE')).body).toContain('m=audio');
    inc.respond(486, 'Busy Here');
    out.cseq = 20;
    out.ackFailure(await out.response(486));
  });

  it('RFC 3311 §5.2: UPDATE glare (491) and 500 with Retry-After go back', async () => {
    const { out, inc } = await early();
    out.send('UPDATE');
    inc.send('UPDATE');
    await answered(out, inc, 'UPDATE', 491);
    await answered(inc, out, 'UPDATE', 500, ['Retry-After: 3']);
    inc.respond(486, 'Busy Here');
    out.cseq = 20;
    out.ackFailure(await out.response(486));
  });

  it('§15: BYE of the caller in an early dialog ends that fork only', async () => {
    const { out, inc } = await early();
    out.send('BYE');
    await answered(out, inc, 'BYE', 200);
    inc.respond(487, 'Request Terminated');
    out.cseq = 20;
    out.ackFailure(await out.response(487));
  });

  it('early dialogs of two forks are kept apart', async () => {
    const phones = (await ground.fork([1, 1])) as [Puppet, Puppet];
    const anna = await ground.phone('anna');
    const out = Leg.open(anna, phones[0].aor);
    const legs = await Promise.all(phones.map((p) => Leg.incoming(p, 'INVITE', out.callId)));
    for (const leg of legs) {
      leg.respond(183, 'Session Progress');
      const progress = await anna.response(183, 'INVITE', out.callId);
      out.remoteTag = progress.toTag;
      out.routes = progress.all('record-route').reverse();
      out.target = uriOf(progress.get('contact'));
      out.send('UPDATE');
      expect((await leg.request('UPDATE')).toTag).toBe(leg.localTag);
    }
    for (const leg of legs) leg.respond(486, 'Busy Here');
    out.cseq = 20;
    out.remoteUri = phones[0].aor;
    out.ackFailure(await anna.expect('486', (m) => m.status === 486 && m.callId === out.callId));
  });
});

describe.concurrent('RFC 4028: session timers', () => {
  it('Session-Expires, Min-SE and Supported go through, and are not judged', async () => {
    const [anna, boris] = await ground.pair();
    const lines = [
      'Session-Expires: 30;refresher=uac',
      'Min-SE: 20',
      'Supported: timer',
      'Contact: <sip:a@b>',
    ];
    const asked = send(anna, 'INVITE', boris.aor, { lines });
    const invite = await boris.request('INVITE', asked.callId);
    expect(invite.text).toContain(lines.join('\r\n'));
    boris.reply(invite, 422, 'Session Interval Too Small', { tag: 'b', lines: ['Min-SE: 90'] });
    const refusal = await final(anna, asked);
    expect([refusal.status, refusal.get('min-se')]).toEqual([422, '90']);
    acknowledge(anna, asked, refusal);
    const { callId, fromTag, cseq } = asked;
    const again = send(anna, 'INVITE', boris.aor, {
      callId,
      fromTag,
      cseq: cseq + 1,
      lines: ['Session-Expires: 90'],
    });
    const second = await boris.expect('the second INVITE', (m) => m.cseq === cseq + 1);
    boris.reply(second, 486, 'Busy Here', { tag: 'b' });
    acknowledge(anna, again, await final(anna, again));
  });

  it.each(sides)('a refresh of the %s by UPDATE without a body', async (side) => {
    const { out, inc } = await talking();
    const [by, other] = side === 'caller' ? [out, inc] : [inc, out];
    by.send('UPDATE', { lines: ['Session-Expires: 90;refresher=uac'] });
    await answered(by, other, 'UPDATE', 200, ['Session-Expires: 90;refresher=uac']);
    await hangUp(by, other);
  });
});

describe.concurrent('§15: BYE', () => {
  it.each(sides)('of the %s', async (side) => {
    const { out, inc } = await talking();
    await (side === 'caller' ? hangUp(out, inc) : hangUp(inc, out));
  });

  it('sent again after its 200 is answered again, and goes on once', async () => {
    const { out, inc, anna, boris } = await talking();
    out.cseq++;
    const text = out.text('BYE', { branch: `z9hG4bKbye${out.callId}` });
    anna.send(text);
    boris.reply(await inc.request('BYE'), 200, 'OK');
    await out.response(200, 'BYE');
    anna.send(text);
    await out.response(200, 'BYE');
    await boris.settled();
    expect(count(boris, out.callId, (m) => m.method === 'BYE')).toBe(1);
  });

  it('of both at once', async () => {
    const { out, inc } = await talking();
    out.send('BYE');
    inc.send('BYE');
    await answered(out, inc, 'BYE', 200);
    await answered(inc, out, 'BYE', 481);
  });

  it('once more, after the call is over, still reaches the phone by its Route', async () => {
    const { out, inc } = await talking();
    await hangUp(out, inc);
    out.send('BYE');
    await answered(out, inc, 'BYE', 481);
  });

  it('§22: challenged, comes again with credentials', async () => {
    const { out, inc } = await talking();
    out.send('BYE');
    await answered(out, inc, 'BYE', 407, ['Proxy-Authenticate: Digest realm="x", nonce="y"']);
    out.send('BYE', { lines: ['Proxy-Authorization: Digest username="a", realm="x"'] });
    await answered(out, inc, 'BYE', 200);
  });

  it('with a tag nobody knows but a good Route reaches the phone, whose business it is', async () => {
    const { out, inc } = await talking();
    out.remoteTag = 'nobody';
    out.send('BYE');
    await answered(out, inc, 'BYE', 481);
  });
});

describe.concurrent('DESIGN rule 5: dialogs that never were', () => {
  const inside = (more: Parts = {}): Parts => ({ toTag: 'never', cseq: 5, ...more });

  it.each(['BYE', 'INFO', 'INVITE', 'UPDATE', 'NOTIFY', 'REFER', 'MESSAGE'])(
    '%s without a Route to a foreign target is answered 481',
    async (method) => {
      const anna = await ground.phone('anna');
      const asked = send(anna, method, 'sip:x@away.example', inside());
      const response = await final(anna, asked);
      expect(response.status).toBe(481);
      if (method === 'INVITE') acknowledge(anna, asked, response);
    },
  );

  it('to an AOR of ours it is the phone that answers', async () => {
    const [anna, boris] = await ground.pair();
    const asked = send(anna, 'BYE', boris.aor, inside());
    boris.reply(await boris.request('BYE', asked.callId), 481, 'Never Heard Of It');
    expect((await final(anna, asked)).reason).toBe('Never Heard Of It');
  });

  it('a Route of another call leads nowhere', async () => {
    const { anna, boris, out } = await talking();
    const asked = send(anna, 'INFO', 'sip:x@away.example', inside({ routes: out.routes }));
    expect((await final(anna, asked)).status).toBe(481);
    await heardNothing(boris, asked.callId);
  });
});
