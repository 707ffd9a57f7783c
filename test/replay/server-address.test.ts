import { describe, expect, it } from 'vitest';
import { findServerAddress } from '../../src/replay/server-address.ts';
import { readAll } from './read-all.ts';
import { capture } from './write-capture.ts';

const SERVER = '192.0.2.14:5060';
const ALICE = '192.0.2.1:5070';
const BOB = '192.0.2.2:5080';
const OTHER = '198.51.100.1:5060';

type Line = readonly [from: string, to: string, message: string];

function found(...lines: Line[]) {
  const messages = lines.map(([from, to, message], n) => ({
    at: 1_000_000 * n,
    from,
    to,
    message: `${message}\r\n\r\n`,
  }));
  return findServerAddress(readAll(capture(messages), { only: 'udp' }).datagrams);
}

const request = (method: string, ...headers: string[]) =>
  [`${method} sip:someone@example.com SIP/2.0`, ...headers, `CSeq: 1 ${method}`].join('\r\n');
const response = (status: number, method: string, ...headers: string[]) =>
  [`SIP/2.0 ${status} So`, ...headers, `CSeq: 1 ${method}`].join('\r\n');
const via = (hop: string) => `Via: SIP/2.0/UDP ${hop};branch=z9hG4bK${hop}`;

const address = { address: '192.0.2.14', port: 5060 };

describe("the captured server's address", () => {
  it('is where phones register', () => {
    expect(
      found([ALICE, SERVER, request('REGISTER')], [SERVER, ALICE, response(200, 'REGISTER')]),
    ).toMatchObject({
      kind: 'found',
      server: address,
      because: 'registered',
      candidates: [{ server: address, registered: 1, peers: 1 }, { registered: 0 }],
    });
  });

  it('is where registration is answered, not where it is only tried', () => {
    const tries = Array.from(
      { length: 5 },
      (_, n): Line => [`192.0.2.${n + 1}:5070`, OTHER, request('REGISTER')],
    );
    expect(
      found(...tries, [ALICE, SERVER, request('REGISTER')], [SERVER, ALICE, response(401, 'REGISTER')]),
    ).toMatchObject({ server: address, because: 'registered' });
  });

  it('is the nearer one when registrations are passed on to another', () => {
    const toProxy: Line[] = [ALICE, BOB].flatMap((phone): Line[] => [
      [phone, SERVER, request('REGISTER', via(phone))],
      [SERVER, OTHER, request('REGISTER', via(SERVER), via(phone))],
      [OTHER, SERVER, response(200, 'REGISTER', via(SERVER), via(phone))],
      [SERVER, phone, response(200, 'REGISTER', via(phone))],
    ]);
    expect(found(...toProxy)).toMatchObject({ server: address, because: 'registered' });
    expect(found(...toProxy.slice(0, 4))).toMatchObject({ server: address, because: 'peers' });
  });

  it('is who talks with most when nobody registers', () => {
    expect(found([ALICE, SERVER, request('INVITE')], [SERVER, BOB, request('INVITE')])).toMatchObject({
      server: address,
      because: 'peers',
    });
  });

  it.each([
    ['passes on a request', [SERVER, ALICE, request('INVITE', via(SERVER), via(BOB))]],
    ['gets back a response', [ALICE, SERVER, response(180, 'INVITE', `${via(SERVER)}, SIP/2.0/UDP ${BOB}`)]],
    [
      'stands in a Record-Route',
      [ALICE, SERVER, response(180, 'INVITE', `Record-Route: <sip:x@${SERVER};lr>`)],
    ],
    [
      'stands in a Record-Route without port',
      [ALICE, SERVER, response(180, 'INVITE', 'record-route: <sip:192.0.2.14;lr>')],
    ],
  ] as const)('is who %s, of two that talk with nobody else', (_, line) => {
    expect(found(line)).toMatchObject({ kind: 'found', server: address, because: 'relays' });
  });

  it('may be an IPv6 one', () => {
    const server = '[2001:db8::14]:5062';
    expect(
      found(['[2001:db8::1]:5060', server, response(180, 'INVITE', `Record-Route: <sip:${server};lr>`)]),
    ).toMatchObject({
      server: { address: '2001:db8::14', port: 5062 },
    });
  });

  it('is the address that both parties have for their domain, of two that talk with nobody else', () => {
    const parties = ['From: <sip:a@192.0.2.14>;tag=1', 't: "B" <sip:b@192.0.2.14>'];
    const server = '192.0.2.14:5070';
    expect(found([ALICE, server, request('INVITE', ...parties)])).toMatchObject({
      server: { ...address, port: 5070 },
      because: 'named',
    });
    const v6 = parties.map((party) => party.replace('192.0.2.14', '[2001:db8::14]'));
    expect(found(['[2001:db8::1]:5070', '[2001:db8::14]:5070', request('BYE', ...v6)])).toMatchObject({
      because: 'named',
    });
  });

  it('has the port that servers have, in the end', () => {
    expect(found([ALICE, SERVER, request('INVITE')])).toMatchObject({ server: address, because: 'port' });
  });

  it('is ambiguous when nothing decides, and says between whom', () => {
    const other = '192.0.2.14:5070';
    const signs = { registered: 0, registering: 0, peers: 1, relays: false, named: false, port: false };
    expect(found([ALICE, other, request('INVITE')], [other, ALICE, response(200, 'INVITE')])).toEqual({
      kind: 'ambiguous',
      candidates: [
        { server: { address: '192.0.2.1', port: 5070 }, ...signs },
        { server: { ...address, port: 5070 }, ...signs },
      ],
    });
  });

  it('is none where there is no SIP', () => {
    expect(found([ALICE, SERVER, 'hello'])).toEqual({ kind: 'none' });
  });
});
