import { describe, expect, test } from 'vitest';
import { text } from '../../src/sip/message.ts';
import { parse } from '../../src/sip/parse.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { datagram, invite, parsed, request, response, ringing } from './wire.ts';

function problem(bytes: Buffer) {
  const result = parse(bytes);
  if (result.ok) expect.fail('parsed');
  return { ...result.problem, offset: result.offset, request: result.request };
}

describe('a request', () => {
  test('gives what is routed on', () => {
    const r = request(
      invite({ Route: ['Route: <sip:a.example;lr>, <sip:b.example;lr>', 'Route: <sip:c.example>'] }, 'ahoj'),
    );
    expect(r.method).toBe('INVITE');
    expect(r.uri).toBe('sip:eva@kosice.example');
    expect(r.requestUri?.host).toBe('kosice.example');
    expect(r.via).toMatchObject({
      transport: 'UDP',
      host: '198.51.100.7',
      port: 5071,
      branch: 'z9hG4bKq1w2e3',
    });
    expect(r.from).toMatchObject({ uri: 'sip:adam@zilina.example', tag: 'ad-1', display: undefined });
    expect(r.to.tag).toBeUndefined();
    expect(r.callId).toBe('c0ffee@zilina.example');
    expect(r.cseq).toEqual({ number: 7, method: 'INVITE' });
    expect(r.all('route')).toEqual(['<sip:a.example;lr>', '<sip:b.example;lr>', '<sip:c.example>']);
    expect(r.first('route')).toBe('<sip:a.example;lr>');
    expect(r.has('route')).toBe(true);
    expect(r.has('contact')).toBe(false);
    expect(r.body.toString()).toBe('ahoj');
  });

  test('knows headers by any spelling and keeps the one that came', () => {
    const bytes = invite({
      'Call-ID': 'I  : abc',
      X: ['Record-route: <sip:x.example>', 'rEcOrD-rOuTe:<sip:y.example>'],
    });
    const r = request(bytes);
    expect(r.callId).toBe('abc');
    expect(r.all('record-route')).toEqual(['<sip:x.example>', '<sip:y.example>']);
    expect(r.headers.map((line) => line.name)).toContain('rEcOrD-rOuTe');
    expect(serialize(r).equals(bytes)).toBe(true);
  });

  test('unfolds values for the reader only', () => {
    const bytes = invite({ Subject: 'Subject:  prvy \r\n\t druhy\r\n  treti  ' });
    const r = request(bytes);
    expect(r.first('subject')).toBe('prvy  druhy treti');
    expect(serialize(r).equals(bytes)).toBe(true);
  });

  test('splits lists at commas that are neither quoted nor in brackets', () => {
    const r = request(
      invite({
        Contact: 'm: "A, \\" B" <sip:a@x.example;p=1,2>;q=0.5 , <sip:b@x.example>,, sip:c@x.example',
      }),
    );
    expect(r.all('contact')).toEqual([
      '"A, \\" B" <sip:a@x.example;p=1,2>;q=0.5',
      '<sip:b@x.example>',
      'sip:c@x.example',
    ]);
    expect(request(invite({ Date: 'Date: Sat, 13 Nov 2010 23:29:00 GMT' })).all('date')).toHaveLength(1);
  });

  test('keeps UTF-8 whose last byte looks like a space', () => {
    const bytes = invite({ From: 'From: "Cà" <sip:a@b.example>;tag=1', Subject: 'Subject: voilà' });
    const r = request(bytes);
    expect(text(r.first('subject') ?? '')).toBe('voilà');
    expect(text(r.from.display ?? '')).toBe('Cà');
  });

  test('parsed views follow edits of the headers', () => {
    const r = request(invite());
    expect(r.via.host).toBe('198.51.100.7');
    const copy = r.copy();
    copy.headers = copy.headers.filter((line) => line.key !== 'via');
    expect(copy.via.host).toBe('');
    expect(r.via.host).toBe('198.51.100.7');
    copy.uri = 'sip:inde.example';
    expect(copy.requestUri?.host).toBe('inde.example');
    expect(r.requestUri?.host).toBe('kosice.example');
  });
});

describe('framing', () => {
  test('without Content-Length the body reaches to the end', () => {
    expect(parsed(invite({ 'Content-Length': undefined }, 'abc')).body.toString()).toBe('abc');
  });
  test('what goes beyond Content-Length is cut', () => {
    expect(parsed(invite({ 'Content-Length': 'l: 2' }, 'abc')).body.toString()).toBe('ab');
  });
  test('an equal Content-Length may stand there twice', () => {
    expect(parsed(invite({ 'Content-Length': ['l: 3', 'Content-Length:  003'] }, 'abc')).body.length).toBe(3);
  });
  test.each(['', '-1', '+3', '0x3', '3 3', '1e3', '3;x', '99999999999', '4294967296'])(
    'Content-Length %j is refused',
    (value) => {
      expect(problem(invite({ 'Content-Length': `Content-Length: ${value}` }, 'abc'))).toMatchObject({
        status: 400,
      });
    },
  );
  test('empty lines before the start line are skipped', () => {
    expect(parsed(Buffer.concat([Buffer.from('\r\n\r\n\n'), invite({}, 'abc')])).body.toString()).toBe('abc');
  });
  test('lone LF ends a line, and becomes CRLF', () => {
    const bytes = invite({ Subject: 'Subject: a\r\n b' }, 'x\ny');
    const lone = Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    expect(serialize(parsed(lone)).equals(bytes)).toBe(true);
  });
  test('the body is binary', () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const bytes = Buffer.concat([invite({ 'Content-Length': 'Content-Length: 256' }), body]);
    const message = parsed(bytes);
    expect(message.body.equals(body)).toBe(true);
    expect(serialize(message).equals(bytes)).toBe(true);
  });
  test('a NUL in an unknown header passes', () => {
    const bytes = invite({ X: 'X: a\0b' });
    expect(serialize(parsed(bytes)).equals(bytes)).toBe(true);
  });
});

describe('a response', () => {
  test('has status and reason', () => {
    const r = response(ringing({ start: 'SIP/2.0 486 Mám hosťa' }));
    expect(r.status).toBe(486);
    expect(text(r.reason)).toBe('Mám hosťa');
    expect(r.cseq.method).toBe('INVITE');
  });
  test.each(['99 Low', '700 High', '20 Short', '2000 Long', '2OO Letters', '200OK', '200\rX'])(
    '%j is dropped',
    (rest) => {
      expect(problem(ringing({ start: `SIP/2.0 ${rest}` }))).toMatchObject({ status: 0, code: 'bad-status' });
    },
  );
  test('without a space before the empty reason is read', () => {
    expect(response(ringing({ start: 'SIP/2.0 183' }))).toMatchObject({ status: 183, reason: '' });
  });
  test('is never answered, whatever is wrong with it', () => {
    for (const key of ['Via', 'From', 'To', 'Call-ID', 'CSeq'])
      expect(problem(ringing({ [key]: undefined }))).toMatchObject({ status: 0, request: undefined });
    expect(problem(ringing({ 'Content-Length': 'Content-Length: 9' })).status).toBe(0);
  });
});

describe('what cannot be used', () => {
  test.each([
    ['nothing', ''],
    ['line ends alone', '\r\n\r\n'],
    ['words', 'hello'],
    ['a web request', 'GET / HTTP/1.1\r\nHost: x.example\r\nVia: 1.1 y\r\n\r\n'],
    ['NULs', '\0'.repeat(100)],
    ['a start line alone', 'INVITE sip:a@b.example SIP/2.0\r\n\r\n'],
  ])('%s is dropped', (_, bytes) => {
    expect(problem(Buffer.from(bytes)).status).toBe(0);
  });

  test.each([
    ['no Call-ID', { 'Call-ID': undefined }, 'Missing Call-ID'],
    ['empty Call-ID', { 'Call-ID': 'Call-ID: ' }, 'Malformed Call-ID'],
    ['spaces in Call-ID', { 'Call-ID': 'Call-ID: a b' }, 'Malformed Call-ID'],
    ['no CSeq', { CSeq: undefined }, 'Missing CSeq'],
    ['CSeq without method', { CSeq: 'CSeq: 7' }, 'Malformed CSeq'],
    ['CSeq without number', { CSeq: 'CSeq: INVITE' }, 'Malformed CSeq'],
    ['CSeq of 2**31', { CSeq: 'CSeq: 2147483648 INVITE' }, 'Malformed CSeq'],
    ['two CSeq methods', { CSeq: 'CSeq: 7 INVITE BYE' }, 'Malformed CSeq'],
    ['another CSeq method', { CSeq: 'CSeq: 7 invite' }, 'CSeq Method Does Not Match'],
    ['two Max-Forwards', { X: 'Max-Forwards: 31' }, 'Repeated Max-Forwards'],
    ['two From in two spellings', { X: 'f: <sip:x@y.example>;tag=1' }, 'Repeated From'],
    ['a line without colon', { X: 'nonsense' }, 'Header Line without Colon'],
    ['a name with a space', { X: 'X Y: z' }, 'Malformed Header Name'],
    ['an empty name', { X: ': z' }, 'Malformed Header Name'],
    ['a bare CR', { X: 'X: a\rVia: b' }, 'Carriage Return in Header'],
    ['a bare CR in a fold', { X: 'X: a\r\n b\rc' }, 'Carriage Return in Header'],
    [
      'a fold without header',
      { start: ['INVITE sip:eva@kosice.example SIP/2.0', ' more'] },
      'Header Line without Colon',
    ],
    ['a method that is no token', { start: 'IN(VITE sip:eva@kosice.example SIP/2.0' }, 'Malformed Method'],
    ['no Request-URI', { start: 'INVITE SIP/2.0' }, 'Missing Request-URI'],
    ['no version', { start: 'INVITE sip:eva@kosice.example' }, 'Malformed Request-Line'],
    [
      'a tab in the Request-URI',
      { start: 'INVITE sip:eva@\tx SIP/2.0' },
      'White Space or Control Character in Request-Line',
    ],
    ['513 headers', { X: Array.from({ length: 513 }, (_, i) => `X-${i}: y`) }, 'Too Many Headers'],
  ])('%s is answered with 400', (_, changes, phrase) => {
    const found = problem(invite(changes));
    expect(found).toMatchObject({ status: 400, phrase });
    expect(found.request?.via.host).toBe('198.51.100.7');
  });

  test('headers without end are answered with what stood there whole', () => {
    const whole = invite().toString('latin1');
    const found = problem(Buffer.from(whole.slice(0, whole.indexOf('Content-Length: ') + 8), 'latin1'));
    expect(found).toMatchObject({ status: 400, code: 'no-end-of-headers' });
    expect(found.request?.callId).toBe('c0ffee@zilina.example');
  });

  test('an ACK is never answered', () => {
    const ack = { start: 'ACK sip:eva@kosice.example SIP/2.0', CSeq: 'CSeq: 7 INVITE' };
    expect(problem(invite(ack))).toMatchObject({ status: 0, code: 'cseq-mismatch', request: undefined });
  });

  test.each([
    '',
    'x',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ;branch=x',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP a:99999',
    ', SIP/2.0/UDP a',
  ])('Via %j leads nowhere: dropped', (via) => {
    expect(problem(invite({ Via: `Via: ${via}` }))).toMatchObject({ status: 0, code: 'bad-via' });
  });

  test.each([';', ';=', ';branch=', ';x="', ';rport=x', ';rport=70000', ';a b', ';branch=a,SIP/2.0/UDP b;;'])(
    'Via parameters %j, yet the host can be answered',
    (params) => {
      const result = parse(invite({ Via: `Via: SIP/2.0/UDP a.example:5080${params}` }));
      if (result.ok)
        expect(params).toContain('SIP'); // only the top value is ours to judge
      else expect(result.request?.via).toMatchObject({ host: 'a.example', port: 5080 });
    },
  );

  test('the offset points at the line', () => {
    const bytes = Buffer.concat([Buffer.from('\r\n'), invite({ X: 'nonsense' })]);
    expect(problem(bytes).offset).toBe(bytes.indexOf('nonsense'));
    const cseq = invite({ CSeq: 'CSeq: 7' });
    expect(problem(cseq).offset).toBe(cseq.indexOf('CSeq'));
  });

  test('a message of another version is 505, whatever else', () => {
    expect(problem(invite({ start: 'INVITE sip:a@b.example SIP/3.0', CSeq: undefined }))).toMatchObject({
      status: 505,
      phrase: 'Version Not Supported',
    });
  });

  test('a datagram without its blank line but with lines is not read as one', () => {
    expect(problem(datagram([]).subarray(0, 1)).status).toBe(0);
  });
});
