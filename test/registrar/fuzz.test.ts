// Whatever a REGISTER says, it is answered, and the registrar keeps what it promised.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerLine, SipRequest } from '../../src/sip/message.ts';
import { flow, Office } from './office.ts';

const NAMES = ['Contact', 'm', 'Expires', 'Path', 'Require', 'Supported', 'To', 'Via', 'CSeq', 'Call-ID'];
const PIECES = [
  '<sip:a@h1>',
  '<sip:a@h1;transport=udp>',
  '<sips:b@[2001:db8::1]:5061>',
  'sip:c@h2',
  '<tel:1>',
  '*',
  '<>',
  '"q\\"',
  '"',
  ';',
  ',',
  '?',
  '%',
  '%61',
  '<',
  '>',
  '=',
  ' ',
  'q=0.5',
  ';q=2',
  ';expires=0',
  ';expires=',
  ';expires=61',
  ';+sip.instance="<urn:uuid:1>"',
  ';reg-id=1',
  '0',
  '60',
  '9999999999999',
  '-1',
  'path',
  'gruu',
  '<sip:e@h3;lr>',
  'sip:alice@example.com',
  '<sip:bob@example.com>',
  '1 REGISTER',
  'SIP/2.0/UDP h1',
  '\u00ff',
  '\u0000',
  '\t',
];

const value = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 40 }).map((it) => Buffer.from(it, 'utf8').toString('latin1')),
);
const headers = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 12 });

test('no header makes it throw, exceed its limits, or lose track of time', () => {
  fc.assert(
    fc.property(fc.array(headers, { minLength: 1, maxLength: 5 }), fc.boolean(), (requests, known) => {
      const office = new Office({ maxContacts: 3, maxBindings: 5 });
      for (const [i, lines] of requests.entries()) {
        const proper = known
          ? [
              ['To', 'sip:alice@example.com'],
              ['CSeq', `${i + 1} REGISTER`],
              ['Call-ID', 'x'],
            ]
          : [];
        const all = [...proper, ...lines].map(([name = '', it = '']) => headerLine(name, it));
        const before = office.location.size;
        const response = office.registrar.handle(
          new SipRequest('REGISTER', 'sip:example.com', all, Buffer.alloc(0)),
          flow,
        );
        expect([200, 400, 403, 404, 420, 423, 500, 503]).toContain(response.status);
        if (response.status !== 200) expect(office.location.size).toBe(before);
        for (const contact of response.all('contact')) expect(contact).toMatch(/^[^\r\n]+;expires=\d+$/);
      }
      expect(office.location.size).toBeLessThanOrEqual(5);
      office.clock.advance(7_200_000);
      const { size, aors, addresses } = office.location;
      expect([size, aors, addresses, office.clock.pending]).toEqual([0, 0, 0, 0]);
    }),
    { numRuns: 1000 },
  );
});
