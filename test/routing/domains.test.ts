// Which URIs are ours.
import { describe, expect, test } from 'vitest';
import { Domains } from '../../src/routing/domains.ts';
import { parseUri } from '../../src/sip/uri.ts';

const isOurs = (domains: Domains, text: string): boolean => {
  const uri = parseUri(text);
  if (uri === undefined) throw new Error(`test URI: ${text}`);
  return domains.isOurs(uri);
};

describe('with configured domains', () => {
  const domains = new Domains({ domains: ['Example.com', '198.51.100.1'], hostNames: ['box'] });
  domains.listensOn([
    { address: '192.0.2.1', port: 5060 },
    { address: '127.0.0.1', port: 5070 },
    { address: '2001:db8::1', port: 5060 },
    { address: 'fe80::5%eth0', port: 5060 },
  ]);

  test.each([
    'sip:alice@example.com',
    'sip:alice@EXAMPLE.COM.',
    'sip:example.com:5060',
    'sip:example.com:5070',
    'sips:alice@example.com',
    'sip:alice@198.51.100.1:5060',
    'sip:alice@192.0.2.1',
    'sip:alice@192.0.2.1:5060;transport=udp',
    'sip:127.0.0.1:5070',
    'sip:127.0.0.1',
    'sip:alice@[2001:DB8:0:0::1]:5060',
    'sip:alice@[fe80::5]',
  ])('%s is ours', (uri) => expect(isOurs(domains, uri)).toBe(true));

  test.each([
    'sip:alice@example.org',
    'sip:alice@sub.example.com',
    'sip:alice@example.com:45009',
    'sip:alice@127.0.0.1:45009',
    'sip:alice@127.0.0.1:5060',
    'sip:alice@192.0.2.1:5070',
    'sip:alice@192.0.2.2',
    'sip:alice@[2001:db8::1]:5061',
    'sip:alice@[2001:db8::2]',
    'sip:alice@box',
  ])('%s is not', (uri) => expect(isOurs(domains, uri)).toBe(false));

  test('a sent-by with brackets is understood', () => {
    expect(domains.isOurs({ host: '[2001:db8::1]', port: 5060 })).toBe(true);
    expect(domains.isOurs({ host: 'EXAMPLE.com', port: undefined })).toBe(true);
  });

  test('local addresses are those listened on', () => {
    expect(['192.0.2.1', '[2001:db8::1]', 'fe80::5'].map((it) => domains.isLocalAddress(it))).toEqual([
      true,
      true,
      true,
    ]);
    expect(['192.0.2.2', 'example.com', '198.51.100.1'].some((it) => domains.isLocalAddress(it))).toBe(false);
  });
});

test('without configured domains the machine answers to its names', () => {
  const domains = new Domains({ domains: [], hostNames: ['Box.lan', 'localhost'] });
  domains.listensOn([{ address: '192.0.2.1', port: 5060 }]);
  expect(isOurs(domains, 'sip:alice@box.lan')).toBe(true);
  expect(isOurs(domains, 'sip:alice@localhost:5060')).toBe(true);
  expect(isOurs(domains, 'sip:alice@localhost:5080')).toBe(false);
  expect(domains.names).toEqual(['box.lan', 'localhost', '192.0.2.1']);
});

test('a wildcard stands for every local address of its family', () => {
  const localAddresses = () => ['127.0.0.1', '192.0.2.1', '::1', 'fe80::5%eth0'];
  const domains = new Domains({ domains: [], localAddresses });
  domains.listensOn([{ address: '0.0.0.0', port: 5060 }]);
  expect(domains.names).toEqual(['127.0.0.1', '192.0.2.1']);
  domains.listensOn([{ address: '::', port: 5062 }]);
  expect(domains.names).toEqual(['::1', 'fe80::5']);
  expect(isOurs(domains, 'sip:[::1]:5062')).toBe(true);
  expect(isOurs(domains, 'sip:192.0.2.1')).toBe(false);
});

test('this machine listens on loopback when it listens everywhere', () => {
  const domains = new Domains({ domains: [] });
  domains.listensOn([{ address: '0.0.0.0', port: 5060 }]);
  expect(domains.isLocalAddress('127.0.0.1')).toBe(true);
});

test('what is advertised is ours, on its own port or those listened on', () => {
  const domains = new Domains({ domains: ['example.com'] });
  const sockets = [{ address: '10.0.0.2', port: 5060 }];
  domains.listensOn(sockets, { host: '203.0.113.5', port: 5080 });
  expect(isOurs(domains, 'sip:203.0.113.5:5080')).toBe(true);
  expect(isOurs(domains, 'sip:203.0.113.5:5060')).toBe(false);
  expect(isOurs(domains, 'sip:10.0.0.2:5060')).toBe(true);
  domains.listensOn(sockets, { host: 'SIP.example.net', port: undefined });
  expect(isOurs(domains, 'sip:sip.example.net:5060')).toBe(true);
  expect(isOurs(domains, 'sip:203.0.113.5:5080')).toBe(false);
});
