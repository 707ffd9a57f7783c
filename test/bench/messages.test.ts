// Proves that the benchmark's phones read and write SIP as the RFC has it, so that what they count can be believed.
import { expect, test } from 'vitest';
import { type Heard, hopOf, read, request, response, sdp } from './messages.ts';

const INVITE = [
  'INVITE sip:u2@127.0.0.1:5070 SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKb',
  'v: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bKa',
  'Record-Route: <sip:127.0.0.1:5060;lr;a=1>, <sip:127.0.0.1:5061;lr>',
  'RECORD-ROUTE: <sip:127.0.0.1:5063;lr>',
  'f: <sip:u1@127.0.0.1>;tag=1',
  'To: <sip:u2@127.0.0.1>',
  'i: abc',
  'CSeq: 7 INVITE',
  'm: "U, one" <sip:u1@127.0.0.1:5062;ob>;q=1',
  'Content-Length: 0',
  '',
  '',
].join('\r\n');

function heard(text: string): Heard {
  const message = read(text);
  if (!message) throw new Error('unread');
  return message;
}

test('reads what a phone needs, in short and long names and any case', () => {
  expect(heard(INVITE)).toMatchObject({
    method: 'INVITE',
    status: 0,
    callId: 'abc',
    cseq: 7,
    cseqMethod: 'INVITE',
    contact: 'sip:u1@127.0.0.1:5062;ob',
    routes: ['<sip:127.0.0.1:5060;lr;a=1>', '<sip:127.0.0.1:5061;lr>', '<sip:127.0.0.1:5063;lr>'],
  });
});

test('a response gives back Vias and Record-Routes in order, and a tag', () => {
  const text = response(heard(INVITE), '180 Ringing', 't9', 'sip:u2@127.0.0.1:5070');
  const answer = heard(text);
  expect(answer.status).toBe(180);
  expect(answer.to).toBe('<sip:u2@127.0.0.1>;tag=t9');
  expect(answer.routes).toEqual(heard(INVITE).routes);
  expect(text.indexOf('branch=z9hG4bKb')).toBeLessThan(text.indexOf('branch=z9hG4bKa'));
});

test('a tag that is there stays', () => {
  const asked = { ...heard(INVITE), to: '<sip:u2@127.0.0.1>;tag=old' };
  expect(heard(response(asked, '200 OK', 'new', '')).to).toBe('<sip:u2@127.0.0.1>;tag=old');
});

test('the next hop is the first route, else the target, and never off this machine', () => {
  expect(hopOf(['<sip:127.0.0.1:5060;lr>'], 'sip:u@127.0.0.1:9')).toBe(5060);
  expect(hopOf([], 'sip:u@127.0.0.1:9;ob')).toBe(9);
  expect(hopOf([], 'sip:127.0.0.1')).toBe(5060);
  expect(hopOf([], 'sip:u@127.0.0.1.example.com:9')).toBeUndefined();
  expect(hopOf(['<sip:192.0.2.1;lr>'], 'sip:u@127.0.0.1:9')).toBeUndefined();
});

test('a request carries its routes, its body and the length of it', () => {
  const body = sdp(40_000);
  const text = request({
    method: 'INVITE',
    uri: 'sip:u2@127.0.0.1',
    sentBy: 5062,
    branch: 'x',
    routes: ['<sip:a;lr>', '<sip:b;lr>'],
    from: '<sip:u1@127.0.0.1>;tag=1',
    to: '<sip:u2@127.0.0.1>',
    callId: 'c',
    cseq: 1,
    contact: 'sip:u1@127.0.0.1:5062',
    body,
  });
  expect(text).toContain('\r\nRoute: <sip:a;lr>\r\nRoute: <sip:b;lr>\r\n');
  expect(text.endsWith(`\r\nContent-Length: ${body.length}\r\n\r\n${body}`)).toBe(true);
  expect(body.length).toBeGreaterThan(350);
  expect(body.length).toBeLessThan(450);
});
