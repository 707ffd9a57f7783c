// Whether a binding leads to its Contact or back along its flow.
import { describe, expect, test } from 'vitest';
import { alice, from, Office } from './office.ts';

interface Case {
  readonly contact: string;
  readonly source: readonly [address: string, port: number];
  readonly via: string;
}

const followed = ({ contact, source, via }: Case, contactRouting: 'auto' | 'contact' | 'flow' = 'auto') => {
  const office = new Office({ contactRouting });
  office.send([`<sip:alice@${contact}>`], { flow: from(...source), via });
  return office.location.bindings(alice)[0]?.follow;
};

describe('the Contact is followed', () => {
  test.each<[string, Case]>([
    ['a plain phone', { contact: '192.0.2.10:5060', source: ['192.0.2.10', 5060], via: '192.0.2.10:5060' }],
    ['no port means 5060', { contact: '192.0.2.10', source: ['192.0.2.10', 5060], via: '192.0.2.10:5060' }],
    [
      'it listens on one port and sends from another',
      { contact: '192.0.2.10:5080', source: ['192.0.2.10', 41000], via: '192.0.2.10:41000' },
    ],
    [
      'its Via names a host',
      { contact: '192.0.2.10:5080', source: ['192.0.2.10', 41000], via: 'phone.example:5080' },
    ],
    [
      'IPv6 in another spelling',
      { contact: '[2001:DB8:0::A]:5060', source: ['2001:db8::a', 5060], via: '[2001:db8::a]:5060' },
    ],
  ])('%s', (_, it) => expect(followed(it)).toBe('contact'));
});

describe('the flow is followed', () => {
  test.each<[string, Case]>([
    [
      'another address: a phone behind a NAT',
      { contact: '192.168.1.5:5060', source: ['203.0.113.9', 41000], via: '192.168.1.5:5060' },
    ],
    [
      'another address: somebody else',
      { contact: '198.51.100.1:5060', source: ['192.0.2.10', 5060], via: '192.0.2.10:5060' },
    ],
    ['a name', { contact: 'phone.example:5060', source: ['192.0.2.10', 5060], via: '192.0.2.10:5060' }],
    [
      'a NAT that keeps the address',
      { contact: '192.0.2.10:5060', source: ['192.0.2.10', 41000], via: '192.0.2.10:5060' },
    ],
    [
      'a NAT that keeps the address, default ports',
      { contact: '192.0.2.10', source: ['192.0.2.10', 41000], via: '192.0.2.10' },
    ],
  ])('%s', (_, it) => expect(followed(it)).toBe('flow'));
});

test('either way can be forced', () => {
  const natted: Case = {
    contact: '192.168.1.5:5060',
    source: ['203.0.113.9', 41000],
    via: '192.168.1.5:5060',
  };
  const plain: Case = { contact: '192.0.2.10:5060', source: ['192.0.2.10', 5060], via: '192.0.2.10:5060' };
  expect(followed(natted, 'contact')).toBe('contact');
  expect(followed(plain, 'flow')).toBe('flow');
});

test('what is no SIP URI is never followed', () => {
  const office = new Office({ contactRouting: 'contact' });
  office.send(['<tel:112>']);
  expect(office.location.bindings(alice)[0]?.follow).toBe('flow');
});

test('a refresh from elsewhere decides anew', () => {
  const office = new Office();
  const contacts = ['<sip:alice@192.0.2.10:5060>'];
  office.send(contacts, { flow: from('192.0.2.10', 5060) });
  office.send(contacts, { flow: from('192.0.2.99', 5060) });
  const [binding] = office.location.lookup(alice);
  expect([binding?.follow, binding?.flow.remoteAddress]).toEqual(['flow', '192.0.2.99']);
  expect(office.location.isBoundAddress('192.0.2.99', 5060)).toBe(binding);
});
