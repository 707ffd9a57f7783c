// DESIGN 'What must never happen': no single datagram keeps the server from the others for long.
import { describe, expect, it } from 'vitest';
import { type Phone, type RequestOptions, World } from '../system/world.ts';

/** Milliseconds; a hundred times what the dearest takes, so that a busy machine does not matter. Quadratic work would. */
const LONG = 150;

const many = (count: number, make: (i: number) => string): string[] =>
  Array.from({ length: count }, (_, i) => make(i));
const params = (count: number) => many(count, (i) => `;p${i}=v`).join('');

type Sends = (phone: Phone, options?: RequestOptions) => unknown;
const message: Sends = (phone, options) => phone.request('MESSAGE', { to: phone.aor, ...options });
const invite: Sends = (phone, options) =>
  phone.request('INVITE', { to: phone.aor, contact: null, ...options });
const register: Sends = (phone, options) =>
  phone.request('REGISTER', { uri: 'sip:example.org', to: phone.aor, contact: null, ...options });
const withLines =
  (sends: Sends, headers: readonly string[]): Sends =>
  (phone) =>
    sends(phone, { headers });

describe('one datagram is dealt with in no time', () => {
  it.each<[string, Sends]>([
    [
      '500 lines of several Vias',
      withLines(
        message,
        many(500, (i) => `v:SIP/2.0/UDP a${i},SIP/2.0/UDP b${i},SIP/2.0/UDP c${i}`),
      ),
    ],
    [
      '2000 Vias in a line',
      withLines(message, [`v: ${many(2000, (i) => `SIP/2.0/UDP a${i};branch=z9hG4bK`).join()}`]),
    ],
    [
      '2000 Vias of ours',
      withLines(message, [`v: ${many(1500, () => 'SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK').join()}`]),
    ],
    [
      '2000 Routes of ours',
      withLines(invite, [`Route: ${many(2000, (i) => `<sip:10.0.0.1;lr;x=${i}>`).join()}`]),
    ],
    [
      '500 lines of Routes',
      withLines(
        invite,
        many(480, () => `Route: <sip:10.0.0.1;lr>,<sip:10.0.0.1;lr>,<sip:10.0.0.1;lr>`),
      ),
    ],
    [
      '2000 Record-Routes',
      withLines(invite, [`Record-Route: ${many(2000, (i) => `<sip:10.0.0.1;lr;x=${i}>`).join()}`]),
    ],
    [
      '9000 tags in Proxy-Require',
      withLines(message, [`Proxy-Require: ${many(9000, (i) => `a${i}`).join()}`]),
    ],
    ['9000 tags in Require', withLines(register, [`Require: ${many(9000, (i) => `a${i}`).join()}`])],
    ['3000 Contacts', withLines(register, [`Contact: ${many(3000, (i) => `<sip:a${i}@b>`).join()}`])],
    [
      '30 Contacts that differ in the last of 90 parameters',
      withLines(
        register,
        many(30, (i) => `m:<sip:c@10.0.0.2${params(89)};z=${i}>`),
      ),
    ],
    [
      'as many again',
      withLines(
        register,
        many(30, (i) => `m:<sip:c@10.0.0.2${params(89)};z=${i}>`),
      ),
    ],
    [
      '30 Contacts with escapes everywhere',
      withLines(
        register,
        many(30, (i) => `m:<sip:${'%41'.repeat(600)}${i}@10.0.0.2>`),
      ),
    ],
    [
      '500 Paths',
      withLines(register, ['m:<sip:c@10.0.0.2>', `Path: ${many(2000, (i) => `<sip:p${i};lr>`).join()}`]),
    ],
    ['2500 m-lines', (phone) => invite(phone, { body: 'm=audio 1 RTP/AVP 0\r\n'.repeat(2500) })],
    [
      '8000 parts',
      (phone) => invite(phone, { type: 'multipart/mixed;boundary=b', body: '--b\r\n\r\n'.repeat(8000) }),
    ],
    [
      'a boundary that is never found',
      (phone) => invite(phone, { type: 'multipart/mixed;boundary=b', body: '--'.repeat(30_000) }),
    ],
    ['a Reason of 9000 values', withLines(invite, [`Reason: ${many(9000, (i) => `a${i}`).join()}`])],
    ['a Subject of 60,000 spaces', withLines(invite, [`Subject: a${' '.repeat(60_000)}b`])],
    ['a display name of 60,000 spaces', withLines(register, [`Contact: a${' '.repeat(60_000)}<sip:a@b>`])],
    ['a fold of 15,000 lines', withLines(invite, [`Subject: a${'\r\n b'.repeat(15_000)}`])],
    [
      'a Refer-To of 60,000 letters',
      (phone) =>
        phone.request('REFER', { to: phone.aor, headers: [`Refer-To: <sip:${'x'.repeat(60_000)}@y>`] }),
    ],
    [
      'an Event of 60,000 semicolons',
      (phone) =>
        phone.request('SUBSCRIBE', { to: 'sip:x@example.org', headers: [`Event: x${';'.repeat(60_000)}`] }),
    ],
  ])('%s', (_what, sends) => {
    const world = new World();
    const phone = world.phone('alice', '10.0.0.2');
    phone.register();
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      sends(phone);
      best = Math.min(best, performance.now() - began);
    }
    expect(best).toBeLessThan(LONG);
    expect(world.bugs).toEqual([]);
  });
});
