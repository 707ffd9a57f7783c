import { describe, expect, test } from 'vitest';
import {
  appendHeader,
  decrementMaxForwards,
  maxForwards,
  popVia,
  pushVia,
  recordRoute,
  removeHeader,
  routes,
  setHeader,
  setRequestUri,
  setRoutes,
  stampReceived,
} from '../../src/sip/edit.ts';
import { headerLine, type SipMessage } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { invite, request } from './wire.ts';

function lines(m: SipMessage, key: string): string[] {
  return m.headers.filter((line) => line.key === key).map((line) => line.raw);
}

const VIA = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnew';

describe('Via', () => {
  test('goes on top, and comes off again without a trace', () => {
    const bytes = invite({
      Via: ['v : SIP/2.0/UDP a.example;branch=1 ,', '\tSIP/2.0/UDP b.example'].join('\r\n'),
    });
    const r = request(bytes).copy();
    pushVia(r, VIA);
    expect(r.via.branch).toBe('z9hG4bKnew');
    expect(r.all('via')).toHaveLength(3);
    popVia(r);
    expect(serialize(r).equals(bytes)).toBe(true);
  });

  test('goes before the first Via, wherever that stands', () => {
    const r = request(invite({ start: ['INVITE sip:x.example SIP/2.0', 'User-Agent: first'] }));
    pushVia(r, VIA);
    expect(r.headers.map((line) => line.key).slice(0, 3)).toEqual(['user-agent', 'via', 'via']);
  });

  test('only the first value of a comma-joined, folded line comes off; the rest keeps its bytes', () => {
    const r = request(
      invite({
        Via: 'V:  SIP  / 2.0 / TCP a.example ;\r\n x="q, \\" ," ; branch = 1\r\n ,\r\n  SIP/2.0/UDP  b.example;branch=2 ,SIP/2.0/UDP c.example',
      }),
    );
    popVia(r);
    expect(lines(r, 'via')).toEqual(['V: SIP/2.0/UDP  b.example;branch=2 ,SIP/2.0/UDP c.example']);
    expect(r.via.branch).toBe('2');
    popVia(r);
    expect(lines(r, 'via')).toEqual(['V: SIP/2.0/UDP c.example']);
    popVia(r);
    expect(lines(r, 'via')).toEqual([]);
    popVia(r);
    expect(r.via.host).toBe('');
  });

  test('an edit of a copy leaves the original alone', () => {
    const bytes = invite();
    const r = request(bytes);
    setHeader(
      decrementMaxForwards(popVia(stampReceived(pushVia(r.copy(), VIA), '203.0.113.1', 9))),
      'To',
      'x',
    );
    expect(serialize(r).equals(bytes)).toBe(true);
  });
});

describe('received and rport', () => {
  const stamped = (via: string, host = '203.0.113.5', port = 40_000): string[] => {
    const r = request(invite({ Via: `Via: ${via}` }));
    stampReceived(r, host, port);
    expect(r.via.received ?? host).toBe(host);
    return lines(r, 'via');
  };

  test('RFC 3261 §18.2.1: received when the host differs', () => {
    expect(stamped('SIP/2.0/UDP a.example:5070;branch=1')).toEqual([
      'Via: SIP/2.0/UDP a.example:5070;branch=1;received=203.0.113.5',
    ]);
    expect(stamped('SIP/2.0/UDP 203.0.113.5:5070;branch=1')).toEqual([
      'Via: SIP/2.0/UDP 203.0.113.5:5070;branch=1',
    ]);
  });

  test('RFC 3581 §4: rport is filled where it stands, and received always with it', () => {
    expect(stamped('SIP/2.0/UDP 203.0.113.5;rport;branch=1')).toEqual([
      'Via: SIP/2.0/UDP 203.0.113.5;rport=40000;branch=1;received=203.0.113.5',
    ]);
    expect(stamped('SIP / 2.0/UDP a.example ; branch=1 ; RPORT')).toEqual([
      'Via: SIP / 2.0/UDP a.example;branch=1;rport=40000;received=203.0.113.5',
    ]);
  });

  test('what the sender wrote there itself is overwritten', () => {
    expect(stamped('SIP/2.0/UDP a.example;received=198.51.100.99;rport=1;branch=1')).toEqual([
      'Via: SIP/2.0/UDP a.example;rport=40000;branch=1;received=203.0.113.5',
    ]);
    expect(stamped('SIP/2.0/UDP 203.0.113.5;received=198.51.100.99;branch=1')).toEqual([
      'Via: SIP/2.0/UDP 203.0.113.5;branch=1;received=203.0.113.5',
    ]);
  });

  test('only the first of several values, and no quoted text', () => {
    expect(
      stamped('SIP/2.0/UDP a.example;x="\\";rport;received=1";branch=1, SIP/2.0/UDP b.example;rport'),
    ).toEqual([
      'Via: SIP/2.0/UDP a.example;x="\\";rport;received=1";branch=1;received=203.0.113.5, SIP/2.0/UDP b.example;rport',
    ]);
  });

  test('IPv6 is compared as an address and written without brackets', () => {
    expect(stamped('SIP/2.0/UDP [2001:DB8:0::5];branch=1', '2001:db8::5')).toEqual([
      'Via: SIP/2.0/UDP [2001:DB8:0::5];branch=1',
    ]);
    expect(stamped('SIP/2.0/UDP [2001:db8::5];rport;branch=1', '2001:db8::6', 7)).toEqual([
      'Via: SIP/2.0/UDP [2001:db8::5];rport=7;branch=1;received=2001:db8::6',
    ]);
  });

  test('a Via with bad parameters can be stamped, so that the refusal finds its way', () => {
    const result = parse(invite({ Via: 'Via: SIP/2.0/UDP a.example;;branch=1' }));
    if (result.ok || result.request === undefined) expect.fail('not refused');
    stampReceived(result.request, '203.0.113.5', 1);
    expect(lines(result.request, 'via')).toEqual([
      'Via: SIP/2.0/UDP a.example;;branch=1;received=203.0.113.5',
    ]);
  });
});

describe('Max-Forwards', () => {
  const after = (line: string | undefined): string[] =>
    lines(decrementMaxForwards(request(invite({ 'Max-Forwards': line }))), 'max-forwards');
  test('goes down by one', () => {
    expect(after('MAX-FORWARDS :\r\n 0070')).toEqual(['MAX-FORWARDS: 69']);
  });
  test('is 70 when absent', () => {
    expect(after(undefined)).toEqual(['Max-Forwards: 70']);
  });
  test('is read as number, absent, or bad', () => {
    expect(maxForwards(request(invite()))).toBe(31);
    expect(maxForwards(request(invite({ 'Max-Forwards': undefined })))).toBeUndefined();
    expect(maxForwards(request(invite({ 'Max-Forwards': 'Max-Forwards: 3x' })))).toBe('bad');
  });
});

describe('Record-Route', () => {
  test('goes before those that stand there, folded and odd as they are', () => {
    const r = request(
      invite({
        RR: ['X: y', 'Record-route: <sip:a.example>,\r\n <sip:b.example>', 'record-route:<sip:c.example>'],
      }),
    );
    recordRoute(r, '<sip:192.0.2.1;lr>');
    expect(r.all('record-route')).toEqual([
      '<sip:192.0.2.1;lr>',
      '<sip:a.example>',
      '<sip:b.example>',
      '<sip:c.example>',
    ]);
    expect(lines(r, 'record-route')[1]).toBe('Record-route: <sip:a.example>,\r\n <sip:b.example>');
  });
  test('with none there, behind the Vias', () => {
    const r = recordRoute(request(invite()), '<sip:192.0.2.1;lr>');
    expect(r.headers.map((line) => line.key).slice(0, 3)).toEqual(['via', 'record-route', 'max-forwards']);
  });
});

describe('the Route set', () => {
  const folded = 'Route:  <sip:a.example;lr> ,\r\n\t<sip:b.example;lr>;x="," ,<sip:c.example>';
  const second = 'ROUTE : <sip:d.example;lr>';
  const routed = () => request(invite({ Route: [folded, 'X: between', second] }));

  test('is read across lines', () => {
    expect(routes(routed())).toEqual([
      '<sip:a.example;lr>',
      '<sip:b.example;lr>;x=","',
      '<sip:c.example>',
      '<sip:d.example;lr>',
    ]);
  });
  test.each([0, 1, 2, 3, 4])('with its first %i values taken off keeps the bytes of the rest', (count) => {
    const r = routed();
    const rest = routes(r).slice(count);
    setRoutes(r, rest);
    expect(routes(r)).toEqual(rest);
    if (count === 0) expect(lines(r, 'route')).toEqual([folded, second]);
    if (count === 1)
      expect(lines(r, 'route')).toEqual(['Route: <sip:b.example;lr>;x="," ,<sip:c.example>', second]);
    if (count === 3) expect(lines(r, 'route')).toEqual([second]);
    expect(r.headers.filter((line) => line.key !== 'route').map((line) => line.raw)).toEqual(
      routed().headers.flatMap((line) => (line.key === 'route' ? [] : [line.raw])),
    );
  });
  test('takes new values in front, at the end, and in another order', () => {
    for (const change of [
      (all: string[]) => ['<sip:new.example>', ...all],
      (all: string[]) => [...all, '<sip:new.example>'],
      (all: string[]) => ['<sip:new.example>', ...all.slice(2)],
      (all: string[]) => all.toReversed(),
      (all: string[]) => all.slice(0, -1),
      () => ['<sip:d.example;lr>', '<sip:d.example;lr>'],
      () => [],
    ]) {
      const r = routed();
      const values = change(routes(r));
      expect(routes(setRoutes(r, values))).toEqual(values);
    }
  });
  test('can begin where there was none', () => {
    const r = setRoutes(request(invite()), ['<sip:a.example>']);
    expect(r.headers.map((line) => line.key).slice(0, 2)).toEqual(['via', 'route']);
  });
});

describe('any header', () => {
  test('is set in its place, whatever its spelling, once', () => {
    const r = request(invite({ X: ['e: 60', 'EXPIRES: 61', 'Expires: 62'] }));
    setHeader(r, 'expires', '5');
    expect(lines(r, 'expires')).toEqual(['expires: 5']);
    setHeader(r, 'Min-Expires', '60');
    expect(r.headers.at(-1)?.raw).toBe('Min-Expires: 60');
  });
  test('is removed by long, compact or odd name', () => {
    const r = request(invite({ X: ['m: <sip:a.example>', 'CONTACT: <sip:b.example>'] }));
    expect(removeHeader(r, 'M').has('contact')).toBe(false);
    expect(removeHeader(r, 'cOnTeNt-LeNgTh').has('content-length')).toBe(false);
  });
  test('cannot carry a line of its own', () => {
    const r = appendHeader(request(invite()), 'Subject', 'a\r\nVia: SIP/2.0/UDP evil\nb');
    expect(r.headers.at(-1)?.raw).toBe('Subject: a Via: SIP/2.0/UDP evil b');
    expect(headerLine('v', 'x').key).toBe('via');
  });
  test('the Request-URI is set as given', () => {
    expect(serialize(setRequestUri(request(invite()), 'sip:x.example;a')).toString()).toMatch(
      /^INVITE sip:x\.example;a SIP\/2\.0\r\n/,
    );
  });
});
