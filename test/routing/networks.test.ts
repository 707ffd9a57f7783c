// CIDR networks and the networks that are trusted.

import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTrusted, Networks, parseNetwork } from '../../src/routing/networks.ts';

const networks = (...texts: string[]) =>
  new Networks(
    texts.map((text) => {
      const network = parseNetwork(text);
      if (network === undefined) throw new Error(`test network: ${text}`);
      return network;
    }),
  );

describe('trusted sources', () => {
  test.each([
    '127.0.0.1',
    '127.255.255.255',
    '10.0.0.0',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.14',
    '169.254.7.7',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'febf::1',
    'fc00::1',
    'fdff:ffff::1',
    '::ffff:192.168.1.14',
    '::ffff:c0a8:10e',
    '0:0:0:0:0:FFFF:7F00:1',
  ])('%s is trusted', (address) => expect(isTrusted(address)).toBe(true));

  test.each([
    '126.255.255.255',
    '128.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '169.253.255.255',
    '8.8.8.8',
    '0.0.0.0',
    '255.255.255.255',
    '100.64.0.1',
    '::',
    '::2',
    'fec0::1',
    'fbff::1',
    'fe00::1',
    '2001:db8::1',
    '::ffff:8.8.8.8',
    '::192.168.1.14',
    '64:ff9b::192.168.1.14',
    '',
    'localhost',
    '127.1',
    '127.0.0.1.',
    '127.0.0.1.1',
    '127.0.0.256',
    '127..0.1',
    ' 127.0.0.1',
    '10.0.0',
    '::1::',
    '[::1]',
  ])('%s is not', (address) => expect(isTrusted(address)).toBe(false));
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0/',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '2001:db8::/129',
  'example.com',
  'example.com/8',
  '',
  '/8',
  '10.0.0.0/ 8',
])('%s is no network', (text) => expect(parseNetwork(text)).toBeUndefined());

test('a single address is a network of one', () => {
  expect(networks('192.0.2.7').includes('192.0.2.7')).toBe(true);
  expect(networks('192.0.2.7').includes('192.0.2.6')).toBe(false);
  expect(networks('2001:db8::7').includes('2001:0DB8::7')).toBe(true);
});

test('the whole of IPv4, the whole of IPv6, and nothing', () => {
  expect(networks('0.0.0.0/0').includes('203.0.113.9')).toBe(true);
  expect(networks('0.0.0.0/0').includes('2001:db8::1')).toBe(false);
  expect(networks('::/0').includes('2001:db8::1')).toBe(true);
  expect(networks('::/0').includes('203.0.113.9')).toBe(true);
  expect(networks().includes('203.0.113.9')).toBe(false);
});

test('agrees with node:net about any address and network', () => {
  const v4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.'));
  const near = fc
    .tuple(fc.constantFrom('10.1', '10.2', '192.0'), fc.nat(255), fc.nat(255))
    .map((it) => it.join('.'));
  fc.assert(
    fc.property(fc.oneof(v4, near), fc.nat(32), fc.oneof(v4, near), (net, bits, address) => {
      const list = new BlockList();
      list.addSubnet(net, bits, 'ipv4');
      expect(networks(`${net}/${bits}`).includes(address)).toBe(list.check(address, 'ipv4'));
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), fc.nat(128), fc.ipV6(), (net, bits, address) => {
      const list = new BlockList();
      list.addSubnet(net, bits, 'ipv6');
      const ours = networks(`${net}/${bits}`);
      expect(ours.includes(address)).toBe(list.check(address, 'ipv6'));
      expect(ours.includes(net)).toBe(true);
    }),
  );
});

test('many addresses do not change the answers', () => {
  const ours = networks('2001:db8::/32');
  for (let i = 0; i < 10_000; i++) ours.includes(`2001:db9::${i.toString(16)}`);
  expect(ours.includes('2001:db8::5')).toBe(true);
  expect(ours.includes('2001:db9::5')).toBe(false);
});
