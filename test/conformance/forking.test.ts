// RFC 3261 §16.6, §16.7: several contacts of one person: order, best response, challenges.
import { describe, expect, it } from 'vitest';
import type { Puppet } from '../wire/puppet.ts';
import type { Message } from '../wire/puppet-message.ts';
import { type Asked, acknowledge, count, final, Ground, heardNothing, hopByHop, send } from './ground.ts';

const ground = Ground.open();

interface Fork {
  readonly anna: Puppet;
  readonly phones: Puppet[];
  readonly asked: Asked;
}

async function call(qs: readonly (number | undefined)[], method = 'INVITE'): Promise<Fork> {
  const phones = await ground.fork(qs);
  const anna = await ground.phone('anna');
  return { anna, phones, asked: send(anna, method, phones[0]?.aor ?? '') };
}

function at(fork: Fork, i: number): Puppet {
  const phone = fork.phones[i];
  if (phone === undefined) throw new Error(`no phone ${i}`);
  return phone;
}

/** The request has come to phone `i`. */
function rings(fork: Fork, i: number): Promise<Message> {
  return at(fork, i).request(fork.asked.method, fork.asked.callId);
}

function silent(fork: Fork, i: number): Promise<void> {
  return heardNothing(at(fork, i), fork.asked.callId);
}

async function answer(fork: Fork, i: number, status: number, lines: readonly string[] = []): Promise<void> {
  at(fork, i).reply(await rings(fork, i), status, `From ${i}`, { tag: `to${i}`, lines });
}

async function outcome(fork: Fork): Promise<Message> {
  const response = await final(fork.anna, fork.asked);
  if (fork.asked.method === 'INVITE' && response.status >= 300) acknowledge(fork.anna, fork.asked, response);
  return response;
}

/** Phone `i` gets its CANCEL and answers as it must. */
async function cancelled(fork: Fork, i: number, invite: Message): Promise<Message> {
  const phone = at(fork, i);
  const cancel = await phone.request('CANCEL', fork.asked.callId);
  phone.reply(cancel, 200, 'OK');
  phone.reply(invite, 487, 'Request Terminated', { tag: `to${i}` });
  await phone.request('ACK', fork.asked.callId);
  return cancel;
}

describe.concurrent('§16.6: the order', () => {
  it('equal q rings everywhere at once', async () => {
    const fork = await call([undefined, 1, 1]);
    await Promise.all([answer(fork, 0, 486), answer(fork, 1, 486), answer(fork, 2, 486)]);
    expect((await outcome(fork)).status).toBe(486);
  });

  it('a lower q waits until all of the higher have failed', async () => {
    const fork = await call([0.5, 0.9, 0.9]);
    await answer(fork, 1, 486);
    await silent(fork, 0);
    await answer(fork, 2, 486);
    await answer(fork, 0, 404);
    await outcome(fork);
  });

  it('a 2xx of the higher leaves the lower in peace', async () => {
    const fork = await call([1, 0.2]);
    await answer(fork, 0, 200);
    expect((await outcome(fork)).status).toBe(200);
    await silent(fork, 1);
  });

  it('a 6xx of the higher leaves the lower in peace', async () => {
    const fork = await call([1, 0.2]);
    await answer(fork, 0, 603);
    expect((await outcome(fork)).status).toBe(603);
    await silent(fork, 1);
  });

  it('q orders other methods as well', async () => {
    const fork = await call([0.1, 1], 'MESSAGE');
    await answer(fork, 1, 480);
    await answer(fork, 0, 200);
    expect((await outcome(fork)).reason).toBe('From 0');
  });

  it('CANCEL while the higher rings leaves the lower in peace', async () => {
    const fork = await call([1, 0.2]);
    const invite = await rings(fork, 0);
    at(fork, 0).reply(invite, 180, 'Ringing', { tag: 'to0' });
    await fork.anna.response(180, 'INVITE', fork.asked.callId);
    fork.anna.send(hopByHop('CANCEL', fork.asked));
    await cancelled(fork, 0, invite);
    expect((await outcome(fork)).status).toBe(487);
    await silent(fork, 1);
  });
});

describe.concurrent('§16.7 step 10: the others are cancelled', () => {
  it('after a 2xx, when they have rung, with a Reason (RFC 3326)', async () => {
    const fork = await call([1, 1]);
    const [one, two] = [await rings(fork, 0), await rings(fork, 1)];
    at(fork, 1).reply(two, 180, 'Ringing', { tag: 'to1' });
    await fork.anna.response(180, 'INVITE', fork.asked.callId);
    at(fork, 0).reply(one, 200, 'OK', { tag: 'to0' });
    expect((await outcome(fork)).toTag).toBe('to0');
    const cancel = await cancelled(fork, 1, two);
    expect(cancel.get('reason')).toContain('cause=200');
    await fork.anna.settled();
    expect(count(fork.anna, fork.asked.callId, (m) => m.status >= 200)).toBe(1);
  });

  it('after a 2xx, once they ring, when they had not yet', async () => {
    const fork = await call([1, 1]);
    const [one, two] = [await rings(fork, 0), await rings(fork, 1)];
    at(fork, 0).reply(one, 200, 'OK', { tag: 'to0' });
    await outcome(fork);
    await at(fork, 1).settled();
    expect(count(at(fork, 1), fork.asked.callId, (m) => m.method === 'CANCEL')).toBe(0);
    at(fork, 1).reply(two, 180, 'Ringing', { tag: 'to1' });
    await cancelled(fork, 1, two);
  });

  it('§16.7 step 5: after a 6xx, which is told when all have ended', async () => {
    const fork = await call([1, 1]);
    const [one, two] = [await rings(fork, 0), await rings(fork, 1)];
    at(fork, 1).reply(two, 180, 'Ringing', { tag: 'to1' });
    await fork.anna.response(180, 'INVITE', fork.asked.callId);
    at(fork, 0).reply(one, 600, 'Busy Everywhere', { tag: 'to0' });
    await cancelled(fork, 1, two);
    expect((await outcome(fork)).status).toBe(600);
  });

  it('a 2xx that crosses the 6xx wins', async () => {
    const fork = await call([1, 1]);
    const [one, two] = [await rings(fork, 0), await rings(fork, 1)];
    at(fork, 1).reply(two, 180, 'Ringing', { tag: 'to1' });
    at(fork, 0).reply(one, 603, 'Decline', { tag: 'to0' });
    const cancel = await at(fork, 1).request('CANCEL', fork.asked.callId);
    at(fork, 1).reply(two, 200, 'OK', { tag: 'to1' });
    at(fork, 1).reply(cancel, 200, 'OK');
    expect((await outcome(fork)).toTag).toBe('to1');
  });

  it('but none who has ended: no CANCEL follows a failure', async () => {
    const fork = await call([1, 1]);
    const [one, two] = [await rings(fork, 0), await rings(fork, 1)];
    at(fork, 1).reply(two, 180, 'Ringing', { tag: 'to1' });
    at(fork, 1).reply(two, 486, 'Busy Here', { tag: 'to1' });
    await at(fork, 1).request('ACK', fork.asked.callId);
    at(fork, 0).reply(one, 200, 'OK', { tag: 'to0' });
    await outcome(fork);
    await at(fork, 1).settled();
    expect(count(at(fork, 1), fork.asked.callId, (m) => m.method === 'CANCEL')).toBe(0);
  });
});

describe.concurrent('§17.1.1.3: each failed branch has its own ACK', () => {
  it('from us, with its own tag and branch, at once', async () => {
    const fork = await call([1, 1]);
    for (const i of [0, 1]) {
      const invite = await rings(fork, i);
      at(fork, i).reply(invite, 486, 'Busy Here', { tag: `to${i}` });
      const ack = await at(fork, i).request('ACK', fork.asked.callId);
      expect([ack.toTag, ack.branch, ack.uri, ack.all('via').length]).toEqual([
        `to${i}`,
        invite.branch,
        invite.uri,
        1,
      ]);
      expect([ack.get('from'), ack.get('cseq'), ack.has('route')]).toEqual([
        invite.get('from'),
        `${fork.asked.cseq} ACK`,
        false,
      ]);
    }
    await outcome(fork);
  });
});

describe.concurrent('§16.7 step 6: the best response', () => {
  it.each([
    [
      [486, 404],
      [404, 486],
    ],
    [[302, 486], [302]],
    [[486, 301], [301]],
    [[500, 486], [486]],
    [[486, 500], [486]],
    [[504, 302], [302]],
    [[408, 486], [486]],
    [[487, 404], [404]],
    [[404, 401], [401]],
    [[486, 407], [407]],
    [[480, 415], [415]],
    [[404, 420], [420]],
    [[480, 484], [484]],
    [[503, 486], [486]],
    [[503, 500], [500]],
    [[503, 503], [500]],
    [
      [500, 504],
      [500, 504],
    ],
    [[401, 302], [302]],
    [[404, 606], [606]],
    [[302, 603], [603]],
  ])('of %j is one of %j', async (answers, best) => {
    const fork = await call([1, 1], answers.includes(302) ? 'INVITE' : 'MESSAGE');
    await answer(fork, 0, answers[0] ?? 0);
    await answer(fork, 1, answers[1] ?? 0);
    expect(best).toContain((await outcome(fork)).status);
  });

  it('of a serial search is chosen among all that was heard', async () => {
    const fork = await call([1, 0.5, 0.1]);
    await answer(fork, 0, 407, ['Proxy-Authenticate: Digest realm="a", nonce="1"']);
    await answer(fork, 1, 500);
    await answer(fork, 2, 486);
    expect((await outcome(fork)).status).toBe(407);
  });

  it('comes with the phone’s own tag, words and headers', async () => {
    const fork = await call([1, 1]);
    await answer(fork, 0, 500);
    await answer(fork, 1, 302, ['Contact: <sip:elsewhere@away.example>']);
    const best = await outcome(fork);
    expect([best.reason, best.toTag, best.get('contact')]).toEqual([
      'From 1',
      'to1',
      '<sip:elsewhere@away.example>',
    ]);
  });
});

describe.concurrent('§16.7 step 7: challenges', () => {
  const www = (realm: string) => `WWW-Authenticate: Digest realm="${realm}", nonce="1", qop="auth"`;
  const proxy = (realm: string) => `Proxy-Authenticate: Digest realm="${realm}", nonce="2"`;

  it('of all 401 and 407 stand in the one that is sent on, untouched', async () => {
    const fork = await call([1, 1, 1]);
    await answer(fork, 0, 401, [www('one'), www('two')]);
    await answer(fork, 1, 407, [proxy('three')]);
    await answer(fork, 2, 404, ['X: y']);
    const best = await outcome(fork);
    expect([401, 407]).toContain(best.status);
    const lines = best.text.split('\r\n').filter((line) => /authenticate/i.test(line));
    expect(lines.sort()).toEqual([www('one'), www('two'), proxy('three')].sort());
    expect(best.has('x')).toBe(false);
  });

  it('of others do not come into a response that is none', async () => {
    const fork = await call([1, 1]);
    await answer(fork, 0, 401, [www('one')]);
    await answer(fork, 1, 603);
    const best = await outcome(fork);
    expect([best.status, best.has('www-authenticate')]).toEqual([603, false]);
  });

  it('§22.3: answered with the next CSeq reach the phone with their credentials', async () => {
    const fork = await call([1]);
    await answer(fork, 0, 401, [www('one')]);
    await outcome(fork);
    const lines = ['Authorization: Digest username="anna", realm="one", nonce="1", response="0"'];
    const { callId, fromTag, cseq } = fork.asked;
    const again = send(fork.anna, 'INVITE', at(fork, 0).aor, { callId, fromTag, cseq: cseq + 1, lines });
    const invite = await at(fork, 0).expect('the second INVITE', (m) => m.cseq === cseq + 1);
    expect(invite.get('authorization')).toBe(lines[0]?.replace('Authorization: ', ''));
    at(fork, 0).reply(invite, 486, 'Busy Here', { tag: 'x' });
    acknowledge(fork.anna, again, await final(fork.anna, again));
  });
});

describe.concurrent('§16.9: branches that cannot be reached', () => {
  it('do not hide what others say', async () => {
    const fork = await call([1, 1]);
    await answer(fork, 0, 486);
    await answer(fork, 1, 503);
    expect((await outcome(fork)).status).toBe(486);
  });
});
