// RFC 3261 §10.3: what a REGISTER is answered and what it leaves behind.
import { describe, expect, test } from 'vitest';
import { restore, snapshot } from '../../src/registrar/saved.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { alice, aor, from, Office, register, request } from './office.ts';

const PHONE = '<sip:alice@192.0.2.10:5060>';
const CELL = '<sip:alice@192.0.2.20:5062>';

describe('step 1: whose domain', () => {
  test.each([
    ['sip:example.com', true],
    ['sip:EXAMPLE.com', true],
    ['sip:example.com:5060', true],
    ['sip:somebody@example.com', true],
    ['sip:[2001:0db8:0::1]', true],
    ['sip:example.com:5999', false],
    ['sip:example.org', false],
    ['tel:112', false],
  ])('%s is ours: %s', (uri, ours) => {
    expect(new Office().registrar.accepts(register([], { uri }))).toBe(ours);
  });
});

describe('step 2: required extensions', () => {
  test('every unsupported option tag is named in one 420', () => {
    const office = new Office();
    const response = office.send([PHONE], { lines: ['Require: path, gruu', 'Require: outbound'] });
    expect(response.status).toBe(420);
    expect(response.all('unsupported')).toEqual(['gruu', 'outbound']);
    expect(office.location.size).toBe(0);
  });

  test('path is supported', () => {
    expect(new Office().send([PHONE], { lines: ['Require: Path'] }).status).toBe(200);
  });
});

describe('step 5: the address of record', () => {
  test('a To of another domain gets 404', () => {
    expect(new Office().send([PHONE], { to: 'sip:alice@example.org' }).status).toBe(404);
  });

  test('a To without user gets 404', () => {
    expect(new Office().send([PHONE], { to: 'sip:example.com' }).status).toBe(404);
  });

  test('a To that is no SIP URI gets 400', () => {
    expect(new Office().send([PHONE], { to: 'isbn:2983792873' }).status).toBe(400);
  });

  test('escapes, case of the host, port, parameters and scheme make no other AOR', () => {
    const office = new Office();
    office.send([PHONE], { to: 'sip:%61lice@EXAMPLE.com:5060;user=phone' });
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.10:5060']);
    expect(office.contacts(aor('sips:alice@example.com'))).toHaveLength(1);
    expect(office.contacts(aor('sip:Alice@example.com'))).toEqual([]);
  });

  test('an IPv6 domain in any spelling is one AOR', () => {
    const office = new Office();
    office.send([PHONE], { to: 'sip:bob@[2001:DB8:0:0::1]' });
    expect(office.contacts(aor('sip:bob@[2001:db8::1]'))).toHaveLength(1);
  });
});

describe('step 6: queries and Contact *', () => {
  test('without Contact nothing changes and every binding is listed', () => {
    const office = new Office();
    office.send([PHONE, CELL]);
    office.clock.advance(10_500);
    const response = office.send([]);
    expect(response.status).toBe(200);
    expect(response.all('contact')).toEqual([`${PHONE};expires=3590`, `${CELL};expires=3590`]);
    office.clock.advance(3_589_499);
    expect(office.send([]).all('contact')[0]).toBe(`${PHONE};expires=1`);
  });

  test('a query for somebody who is not there lists nothing', () => {
    const response = new Office().send([]);
    expect(response.status).toBe(200);
    expect(response.has('contact')).toBe(false);
  });

  test('* with Expires 0 removes all', () => {
    const office = new Office();
    office.send([PHONE, CELL]);
    const response = office.send(['*'], { callId: 'another', cseq: 1, lines: ['Expires: 0'] });
    expect(response.status).toBe(200);
    expect(response.has('contact')).toBe(false);
    expect(office.location.size).toBe(0);
    expect(office.location.addresses).toBe(0);
  });

  test.each([
    ['without Expires', ['*'], []],
    ['with another Expires', ['*'], ['Expires: 60']],
    ['with a malformed Expires', ['*'], ['Expires: soon']],
    ['with another Contact', ['*', PHONE], ['Expires: 0']],
    ['twice', ['*', '*'], ['Expires: 0']],
    ['with parameters', ['*;expires=0'], ['Expires: 0']],
    ['in angle brackets', ['<*>'], ['Expires: 0']],
  ])('* %s gets 400 and removes nothing', (_, contacts, lines) => {
    const office = new Office();
    office.send([PHONE]);
    expect(office.send(contacts, { lines }).status).toBe(400);
    expect(office.location.size).toBe(1);
  });

  test('* that comes too late removes nothing, neither its own nor others', () => {
    const office = new Office();
    office.send([CELL], { callId: 'b', cseq: 1 });
    office.send([PHONE], { callId: 'a', cseq: 7 });
    expect(office.send(['*'], { callId: 'a', cseq: 7, lines: ['Expires: 0'] }).status).toBe(500);
    expect(office.location.size).toBe(2);
    expect(office.send(['*'], { callId: 'a', cseq: 8, lines: ['Expires: 0'] }).status).toBe(200);
    expect(office.location.size).toBe(0);
  });

  test('an empty Contact gets 400', () => {
    expect(new Office().send(['']).status).toBe(400);
  });
});

describe('step 7: how long', () => {
  const granted = (contact: string, lines: string[] = [], office = new Office()) =>
    office
      .send([contact], { lines })
      .all('contact')[0]
      ?.match(/expires=(\d+)$/)?.[1];

  test('the Contact parameter goes before Expires, Expires before the default', () => {
    expect(granted(`${PHONE};expires=120`, ['Expires: 600'])).toBe('120');
    expect(granted(PHONE, ['Expires: 600'])).toBe('600');
    expect(granted(PHONE)).toBe('3600');
    expect(granted(PHONE, [], new Office({ defaultExpires: 300 }))).toBe('300');
  });

  test('more than the maximum is cut', () => {
    expect(granted(PHONE, ['Expires: 7201'])).toBe('7200');
    expect(granted(PHONE, ['Expires: 4294967296'])).toBe('7200');
    expect(granted(`${PHONE};expires=99999999999999999999999`)).toBe('7200');
  });

  test.each(['soon', '-1', '60.5', 'Thu, 01 Dec 1994 16:00:00 GMT'])(
    'malformed Expires %s counts as 3600',
    (it) => {
      expect(granted(PHONE, [`Expires: ${it}`])).toBe('3600');
    },
  );

  test.each([';expires=soon', ';expires="60"', ';expires'])('malformed parameter %s counts as 3600', (it) => {
    expect(granted(PHONE + it, ['Expires: 600'])).toBe('3600');
  });

  test('less than the minimum gets 423 that says the minimum; the minimum itself is granted', () => {
    const office = new Office();
    const response = office.send([PHONE], { lines: ['Expires: 59'] });
    expect([response.status, response.first('min-expires')]).toEqual([423, '60']);
    expect(office.location.size).toBe(0);
    expect(granted(PHONE, ['Expires: 60'], office)).toBe('60');
  });

  test('who asks for an hour is never told that it is too brief', () => {
    const office = new Office({ minExpires: 3700 });
    expect(office.send([PHONE], { lines: ['Expires: 3600'] }).status).toBe(200);
    expect(office.send([PHONE], { lines: ['Expires: 3599'] }).status).toBe(423);
  });

  test('0 removes one Contact, by either way of asking', () => {
    const office = new Office();
    office.send([PHONE, CELL]);
    office.send([PHONE], { lines: ['Expires: 0'] });
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.20:5062']);
    office.send([`${CELL};expires=0`]);
    expect(office.location.size).toBe(0);
    expect(office.location.aors).toBe(0);
  });

  test('removing what is not there is fine', () => {
    expect(new Office().send([`${PHONE};expires=0`]).status).toBe(200);
  });

  test('a binding is there until the millisecond it ends', () => {
    const office = new Office();
    office.send([`${PHONE};expires=60`, CELL]);
    office.clock.advance(59_999);
    expect(office.contacts()).toHaveLength(2);
    expect(office.location.isBoundAddress('192.0.2.10', 5060)?.contact).toBe(CELL);
    office.changes.length = 0;
    office.clock.advance(1);
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.20:5062']);
    expect(office.changes).toEqual([`expired ${alice} sip:alice@192.0.2.10:5060`]);
  });
});

describe('step 7: q', () => {
  test('the best come first, among equals the newest', () => {
    const office = new Office();
    office.send([
      '<sip:a@h1>;q=0.5',
      '<sip:b@h1>;q=0.7',
      '<sip:c@h1>',
      '<sip:d@h1>;q=0',
      '<sip:e@h1>;q=1.000',
    ]);
    office.send(['<sip:f@h1>;q=0.5'], { callId: 'newer' });
    expect(office.contacts()).toEqual([
      'sip:c@h1',
      'sip:e@h1',
      'sip:b@h1',
      'sip:f@h1',
      'sip:a@h1',
      'sip:d@h1',
    ]);
    expect(office.location.lookup(alice).map(({ q }) => q)).toEqual([1000, 1000, 700, 500, 500, 0]);
  });

  test.each(['2', '1.1', '0.1234', '-0.5', 'x', '"0.5"', '.5', '1.0000'])('q=%s gets 400', (q) => {
    expect(new Office().send([`${PHONE};q=${q}`]).status).toBe(400);
  });

  test('q without value gets 400', () => {
    expect(new Office().send([`${PHONE};q`]).status).toBe(400);
  });
});

describe('step 7: which binding is meant', () => {
  test('Contacts are compared as URIs', () => {
    const office = new Office();
    office.send(['<sip:%61lice@HOST.example.com;Foo=bar;transport=udp>;q=0.3']);
    const response = office.send(['"Alice" <sip:alice@host.example.com;transport=UDP>;q=0.4']);
    expect(response.all('contact')).toEqual([
      '"Alice" <sip:alice@host.example.com;transport=UDP>;q=0.4;expires=3600',
    ]);
    expect(office.changes).toEqual([
      `added ${alice} sip:%61lice@HOST.example.com;Foo=bar;transport=udp`,
      `refreshed ${alice} sip:alice@host.example.com;transport=UDP`,
    ]);
  });

  test.each(['<sip:alice@192.0.2.10>', '<sips:alice@192.0.2.10:5060>', '<sip:Alice@192.0.2.10:5060>'])(
    '%s is another one',
    (other) => {
      const office = new Office();
      office.send([PHONE]);
      office.send([other]);
      expect(office.location.size).toBe(2);
    },
  );

  test('among several that are equal to it, the one written alike is meant', () => {
    const office = new Office();
    office.send(['<sip:a@h1;x=1>', '<sip:a@h1;x=2>']);
    office.send(['<sip:a@h1;x=2>;expires=0']);
    expect(office.contacts()).toEqual(['sip:a@h1;x=1']);
  });

  test.each([
    ['the same CSeq', 5],
    ['a lower CSeq', 4],
  ])('the same Call-ID with %s fails and changes nothing', (_, cseq) => {
    const office = new Office();
    office.send([PHONE], { callId: 'a', cseq: 5 });
    const response = office.send([CELL, `${PHONE};expires=0`], { callId: 'a', cseq });
    expect([response.status, response.reason]).toEqual([500, 'REGISTER Out Of Order']);
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.10:5060']);
  });

  test('another Call-ID may come with any CSeq', () => {
    const office = new Office();
    office.send([PHONE], { callId: 'a', cseq: 500 });
    expect(office.send([PHONE], { callId: 'b', cseq: 1 }).status).toBe(200);
    expect(office.send([PHONE], { callId: 'a', cseq: 2 }).status).toBe(200);
    expect(office.location.size).toBe(1);
  });

  test('a Contact named twice in one request is taken twice, in turn', () => {
    const office = new Office();
    office.send([PHONE]);
    const response = office.send([`${PHONE};expires=0`, `${PHONE};expires=100`]);
    expect(response.all('contact')).toEqual([`${PHONE};expires=100`]);
    office.send([`${CELL};expires=100`, `${CELL};expires=0`]);
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.10:5060']);
  });
});

describe('step 7: all or nothing', () => {
  test.each([
    ['a brief one', [CELL, '<sip:c@h1>;expires=5'], 423],
    ['a malformed one', [CELL, '<sip:@>'], 400],
    ['one with a bad q', [CELL, '<sip:c@h1>;q=7'], 400],
  ])('%s among good ones fails all', (_, contacts, status) => {
    const office = new Office();
    office.send([PHONE]);
    expect(office.send(contacts).status).toBe(status);
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.10:5060']);
    expect(office.changes).toHaveLength(1);
  });

  test('more contacts than allowed get 403, and none of them stays', () => {
    const office = new Office({ maxContacts: 3 });
    office.send([PHONE, CELL]);
    const response = office.send(['<sip:c@h1>', '<sip:d@h1>']);
    expect([response.status, response.reason]).toEqual([403, 'More Than 3 Contacts']);
    expect(office.location.size).toBe(2);
    expect(office.send(['<sip:c@h1>', `${CELL};expires=0`, '<sip:d@h1>']).status).toBe(200);
    expect(office.send(['<sip:c@h1>']).status).toBe(200);
    expect(office.send(Array.from({ length: 9 }, () => PHONE)).status).toBe(403);
  });

  test('a full registrar answers 503 to new bindings, and still refreshes and removes', () => {
    const office = new Office({ maxBindings: 2 });
    office.send([PHONE]);
    office.send([PHONE], { to: 'sip:bob@example.com' });
    const response = office.send([CELL]);
    expect(response.status).toBe(503);
    expect(Number(response.first('retry-after'))).toBeGreaterThan(0);
    expect(office.send([PHONE]).status).toBe(200);
    expect(office.send([CELL, `${PHONE};expires=0`]).status).toBe(200);
    expect(office.send([`${CELL};expires=0`]).status).toBe(200);
    expect(office.send([], { to: 'sip:carol@example.com' }).status).toBe(200);
  });
});

test('whoever is there beyond a limit that was lowered may stay', () => {
  const office = new Office();
  office.send([PHONE, CELL]);
  const { location, clock } = office;
  const narrow = new Office({ maxBindings: 1, maxContacts: 1 });
  restore(narrow.location, snapshot(location, { clock, wall: () => 0 }), {
    clock: narrow.clock,
    wall: () => 0,
  });
  expect(narrow.send([CELL]).status).toBe(200);
  expect(narrow.location.size).toBe(2);
});

describe('RFC 5626: instances', () => {
  const INSTANCE = '+sip.instance="<urn:uuid:6c878054-5105-0096-a69e-9cdf32f9ce60>"';

  test('a phone that moved replaces its old binding', () => {
    const office = new Office();
    office.send([`<sip:alice@192.0.2.10:39858;transport=udp>;${INSTANCE}`]);
    office.send([`<sip:alice@192.0.2.77:40000;transport=udp>;${INSTANCE}`], {
      callId: 'after-restart',
      cseq: 1,
    });
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.77:40000;transport=udp']);
    expect(office.changes.slice(1)).toEqual([
      `removed ${alice} sip:alice@192.0.2.10:39858;transport=udp`,
      `added ${alice} sip:alice@192.0.2.77:40000;transport=udp`,
    ]);
    expect(office.location.addresses).toBe(2);
  });

  test('another reg-id, another instance and another AOR stay', () => {
    const office = new Office();
    office.send([`<sip:a@h1>;${INSTANCE};reg-id=1`]);
    office.send([`<sip:a@h2>;${INSTANCE};reg-id=2`]);
    office.send([`<sip:a@h3>;+sip.instance="<urn:uuid:other>";reg-id=1`]);
    office.send([`<sip:a@h4>;${INSTANCE};reg-id=1`], { to: 'sip:bob@example.com' });
    expect(office.location.size).toBe(4);
    office.send([`<sip:a@h5>;reg-id=1;${INSTANCE}`]);
    expect(office.contacts()).toEqual(['sip:a@h5', 'sip:a@h3', 'sip:a@h2']);
  });

  test('an old REGISTER of the phone does not bring its old address back', () => {
    const office = new Office();
    office.send([`<sip:a@new>;${INSTANCE}`], { callId: 'a', cseq: 9 });
    expect(office.send([`<sip:a@old>;${INSTANCE}`], { callId: 'a', cseq: 8 }).status).toBe(500);
    expect(office.contacts()).toEqual(['sip:a@new']);
  });

  test.each([
    ['before', [`<sip:a@old>;expires=0;${INSTANCE}`, `<sip:a@new>;${INSTANCE}`]],
    ['after', [`<sip:a@new>;${INSTANCE}`, `<sip:a@old>;expires=0;${INSTANCE}`]],
  ])('a phone may take its old Contact away %s it names the new one', (_, contacts) => {
    const office = new Office();
    office.send([`<sip:a@old>;${INSTANCE}`]);
    expect(office.send(contacts).status).toBe(200);
    expect(office.contacts()).toEqual(['sip:a@new']);
  });

  test('two Contacts of one instance in one request both stay, and so they do when refreshed', () => {
    const office = new Office();
    for (const _ of [1, 2]) {
      office.send([`<sip:a@h1>;${INSTANCE}`, `<sip:a@h1;transport=tcp>;${INSTANCE}`]);
      expect(office.contacts()).toEqual(['sip:a@h1', 'sip:a@h1;transport=tcp']);
    }
  });

  test('a removal takes another URI along only when reg-id says which', () => {
    const office = new Office();
    office.send([`<sip:a@h1>;${INSTANCE}`]);
    office.send([`<sip:a@h2>;${INSTANCE};expires=0`]);
    expect(office.location.size).toBe(1);
    office.send([`<sip:a@h3>;${INSTANCE};reg-id=1`]);
    office.send([`<sip:a@h4>;${INSTANCE};reg-id=1;expires=0`]);
    expect(office.contacts()).toEqual(['sip:a@h1']);
  });

  test('GRUU parameters come back as they were given', () => {
    const contact = `<sip:alice@192.0.2.10;gr=urn:uuid:f81d>;${INSTANCE};pub-gruu="sip:alice@example.com;gr=urn:uuid:f81d"`;
    expect(new Office().send([contact]).all('contact')).toEqual([`${contact};expires=3600`]);
  });
});

describe('RFC 3327: Path', () => {
  const lines = ['Path: <sip:edge.example.net;lr>', 'Path: <sip:inner@192.0.2.99;lr>, <sip:192.0.2.98;lr>'];

  test('it is kept with the binding and told to a phone that understands it', () => {
    const office = new Office();
    const response = office.send([PHONE], { lines: [...lines, 'Supported: gruu, PATH'] });
    const path = ['<sip:edge.example.net;lr>', '<sip:inner@192.0.2.99;lr>', '<sip:192.0.2.98;lr>'];
    expect(response.all('path')).toEqual(path);
    expect(office.location.lookup(alice)[0]?.path).toEqual(path);
  });

  test('it is kept, not told, for a phone that does not', () => {
    const office = new Office();
    const response = office.send([PHONE], { lines });
    expect([response.status, response.has('path')]).toEqual([200, false]);
    expect(office.location.lookup(alice)[0]?.path).toHaveLength(3);
  });

  test('a refresh brings its own Path, or none', () => {
    const office = new Office();
    office.send([PHONE], { lines });
    office.send([PHONE]);
    expect(office.location.lookup(alice)[0]?.path).toEqual([]);
  });

  test('a malformed one gets 400', () => {
    const office = new Office();
    expect(office.send([PHONE], { lines: ['Path: <sip:edge@>'] }).status).toBe(400);
    expect(office.location.size).toBe(0);
  });

  test('the binding leads to the edge proxy, along the flow when its Path names another host', () => {
    const office = new Office();
    office.send([PHONE], { lines, flow: from('192.0.2.10', 5060) });
    expect(office.location.lookup(alice)[0]?.follow).toBe('flow');
    office.send([PHONE], {
      lines: ['Path: <sip:192.0.2.50:5080;lr>'],
      flow: from('192.0.2.50', 41000),
      via: '192.0.2.50:41000',
    });
    expect(office.location.lookup(alice)[0]?.follow).toBe('contact');
  });
});

describe('the answer', () => {
  test('carries our tag, the words for its status, and Contacts as they were given', () => {
    const office = new Office({}, (status) => (status === 200 ? 'OK - pohoda' : 'Ajaj'));
    const contact =
      '"Al \\"x\\" <ice>, B" <sip:alice@192.0.2.10:5060;transport=udp>;+org.linphone.specs="lime;a";Q=0.5';
    const response = office.send([`${contact};Expires=90;audio`]);
    const bytes = serialize(response).toString('latin1');
    expect(bytes).toContain('SIP/2.0 200 OK - pohoda\r\n');
    expect(bytes).toContain('To: <sip:alice@example.com>;tag=our-tag\r\n');
    expect(response.all('contact')).toEqual([`${contact};audio;expires=90`]);
    expect(office.send(['*']).reason).toBe('Ajaj');
    expect(office.location.lookup(alice)[0]?.params.map(([name]) => name)).toEqual([
      '+org.linphone.specs',
      'q',
      'audio',
    ]);
  });

  test('the standard words make room for what was wrong', () => {
    expect(new Office().send([`${PHONE};q=5`]).reason).toBe('Malformed q In Contact');
  });

  test('several values in one line, compact names and odd spacing are understood', () => {
    const office = new Office();
    const response = office.send([], {
      lines: [`m: ${PHONE} ; expires = 100 , sip:alice@192.0.2.20:5062;EXPIRES=200`],
    });
    expect(response.all('contact').map((it) => it.replaceAll(' ', ''))).toEqual([
      `${PHONE};expires=100`,
      `${CELL};expires=200`,
    ]);
  });
});

describe('other schemes', () => {
  test('tel and mailto are kept and listed, but nothing is routed there', () => {
    const office = new Office();
    const response = office.send([PHONE, '<tel:+421123>;q=0.1', 'mailto:alice@example.com']);
    expect(response.all('contact')).toEqual([
      `${PHONE};expires=3600`,
      '<mailto:alice@example.com>;expires=3600',
      '<tel:+421123>;q=0.1;expires=3600',
    ]);
    expect(office.contacts()).toEqual(['sip:alice@192.0.2.10:5060']);
    office.send(['tel:+421123'], { lines: ['Expires: 0'] });
    expect(office.location.size).toBe(2);
  });
});

describe('RFC 4475', () => {
  const message = (name: string, contact: string) =>
    request(
      'REGISTER sip:example.com SIP/2.0',
      'To: sip:watson@example.com',
      'From: sip:watson@example.com;tag=838293',
      `Call-ID: ${name}.70710@saturn.example.com`,
      'CSeq: 2 REGISTER',
      'Via: SIP/2.0/UDP saturn.example.com:5060;branch=z9hG4bKkdjuw',
      contact,
      'l: 0',
    );
  const answer = (contact: string) => {
    const office = new Office();
    const { flow } = { flow: from('192.0.2.10', 5060) };
    const response = office.registrar.handle(message('x', contact), flow);
    return {
      status: response.status,
      contacts: response.all('contact'),
      uris: office.contacts(aor('sip:watson@example.com')),
    };
  };

  test('§3.1.2.11 regbadct: headers in a Contact URI without angle brackets', () => {
    expect(answer('Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E').status).toBe(400);
  });

  test('§3.3.14 regescrt: headers in a Contact URI are listed, and never put into a request', () => {
    const given = '<sip:user@example.com?Route=%3Csip:sip.example.com%3E>';
    const { status, contacts, uris } = answer(`M: ${given}`);
    expect([status, contacts]).toEqual([200, [`${given};expires=3600`]]);
    expect(uris).toEqual(['sip:user@example.com']);
  });

  test('§3.3.12 cparam01: the parameter belongs to the header', () => {
    const { status, contacts, uris } = answer('Contact: sip:+19725552222@gw1.example.net;unknownparam');
    expect([status, contacts]).toEqual([
      200,
      ['<sip:+19725552222@gw1.example.net>;unknownparam;expires=3600'],
    ]);
    expect(uris).toEqual(['sip:+19725552222@gw1.example.net']);
  });

  test('§3.3.13 cparam02: the parameter belongs to the URI', () => {
    const { status, contacts, uris } = answer('Contact: <sip:+19725552222@gw1.example.net;unknownparam>');
    expect([status, contacts]).toEqual([
      200,
      ['<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600'],
    ]);
    expect(uris).toEqual(['sip:+19725552222@gw1.example.net;unknownparam']);
  });

  test.each([
    '<sip:>',
    '<sip:alice@>',
    '<sip:alice@h1:99999>',
    'sip:a b@h1',
    '<sip:alice@h1',
    'nonsense',
    '<>',
  ])('Contact %s gets 400', (contact) => {
    expect(new Office().send([contact]).status).toBe(400);
  });
});
