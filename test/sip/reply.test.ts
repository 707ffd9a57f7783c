import { describe, expect, test } from 'vitest';
import { pushVia } from '../../src/sip/edit.ts';
import { headerLine, text, wire } from '../../src/sip/message.ts';
import { defaultReason, makeAck, makeCancel, makeResponse } from '../../src/sip/reply.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { invite, parsed, request, response, ringing } from './wire.ts';

const bytes = invite({
  Via: ['v: SIP/2.0/UDP a.example;branch=1,\r\n SIP/2.0/UDP b.example', 'Via: SIP/2.0/TCP c.example'],
  Timestamp: 'Timestamp: 54',
  Route: ['Route: <sip:r1.example;lr>', 'route: <sip:r2.example;lr>'],
  Require: 'Require: 100rel',
  Contact: 'Contact: <sip:adam@198.51.100.7>',
});

describe('a response of ours', () => {
  test('carries what RFC 3261 §8.2.6.2 says, as it came, and nothing else', () => {
    expect(serialize(makeResponse(request(bytes), 404, 'Not Found', { toTag: 'tt' })).toString()).toBe(
      [
        'SIP/2.0 404 Not Found',
        'v: SIP/2.0/UDP a.example;branch=1,',
        ' SIP/2.0/UDP b.example',
        'Via: SIP/2.0/TCP c.example',
        'From: <sip:adam@zilina.example>;tag=ad-1',
        'To: <sip:eva@kosice.example>;tag=tt',
        'Call-ID: c0ffee@zilina.example',
        'CSeq: 7 INVITE',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
  });

  test('copies Timestamp into 100 alone, and adds no tag unasked', () => {
    const trying = makeResponse(request(bytes), 100, 'Trying');
    expect(trying.first('timestamp')).toBe('54');
    expect(trying.to.tag).toBeUndefined();
  });

  test('keeps a tag that is there', () => {
    const r = request(invite({ To: 't: sip:eva@kosice.example\r\n ;tag=mine' }));
    expect(makeResponse(r, 200, 'OK', { toTag: 'other' }).line('to')?.raw).toBe(
      't: sip:eva@kosice.example\r\n ;tag=mine',
    );
  });

  test('carries headers and a body, and its length in bytes', () => {
    const more = { headers: [headerLine('Content-Type', 'text/plain')], body: Buffer.from('čaj') };
    const reply = response(serialize(makeResponse(request(bytes), 200, wire('OK - pohoda ☕'), more)));
    expect(text(reply.reason)).toBe('OK - pohoda ☕');
    expect(reply.first('content-length')).toBe('4');
    expect(reply.body.toString()).toBe('čaj');
  });

  test('has the words of the RFC', () => {
    expect(defaultReason(481)).toBe('Call/Transaction Does Not Exist');
    expect(defaultReason(100)).toBe('Trying');
    expect(defaultReason(499)).toBe('Bad Request');
    expect(defaultReason(299)).toBe('OK');
    expect(defaultReason(999)).toBe('Unknown');
  });
});

describe('hop by hop', () => {
  const sent = pushVia(request(bytes).copy(), 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours');

  test('RFC 3261 §9.1: a CANCEL has the branch, the routes and no body', () => {
    expect(serialize(makeCancel(sent)).toString()).toBe(
      [
        'CANCEL sip:eva@kosice.example SIP/2.0',
        'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours',
        'Route: <sip:r1.example;lr>',
        'route: <sip:r2.example;lr>',
        'Max-Forwards: 70',
        'From: <sip:adam@zilina.example>;tag=ad-1',
        'To: <sip:eva@kosice.example>',
        'Call-ID: c0ffee@zilina.example',
        'CSeq: 7 CANCEL',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n'),
    );
  });

  test('RFC 3261 §17.1.1.3: the ACK takes its To from the response', () => {
    const busy = response(
      ringing({ start: 'SIP/2.0 486 Busy Here', To: 'To: <sip:eva@kosice.example>;tag=busy' }),
    );
    const ack = request(serialize(makeAck(sent, busy)));
    expect(ack).toMatchObject({
      method: 'ACK',
      uri: 'sip:eva@kosice.example',
      cseq: { number: 7, method: 'ACK' },
    });
    expect(ack.to.tag).toBe('busy');
    expect(ack.all('via')).toEqual(['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours']);
    expect(ack.all('route')).toHaveLength(2);
  });

  test('has one Via even when the INVITE joined several in a line', () => {
    const cancel = makeCancel(request(bytes));
    expect(cancel.all('via')).toEqual(['SIP/2.0/UDP a.example;branch=1']);
    expect(parsed(serialize(cancel)).kind).toBe('request');
  });
});
