import { expect, test } from 'vitest';
import {
  formatHostPort,
  formatListen,
  formatOutbound,
  outboundAllows,
  parseHost,
  parseHostPort,
  parseListen,
  parseOutbound,
} from '../../src/config/address.ts';

test.each([
  ['udp:127.0.0.1:5070', '127.0.0.1', 5070],
  ['udp:[::1]:5070', '::1', 5070],
  ['UDP:0.0.0.0', '0.0.0.0', 5060],
  ['udp:[::]', '::', 5060],
  ['udp:localhost:0', 'localhost', 0],
])('listens at %s', (written, host, port) =>
  expect(parseListen(written)).toEqual({ transport: 'udp', host, port }),
);

test.each([
  '',
  'udp:',
  'tcp:127.0.0.1:5060',
  '127.0.0.1:5060',
  'udp:127.0.0.1:65536',
  'udp:1.2.3:5060',
  'udp:[::1',
  'udp:a b:5',
  'udp:h:x',
])('does not listen at %j', (written) => expect(parseListen(written)).toBeUndefined());

test('hosts have one form', () => {
  expect(parseHost('[2001:DB8:0:0::1]')).toBe('2001:db8::1');
  expect(parseHost('Example.COM.')).toBe('example.com');
  expect(parseHost('my_pbx.local')).toBe('my_pbx.local');
  for (const bad of ['', '256.1.1.1', '1.2.3', 'a..b', '-a', 'a/b', '[x]', 'a:5060', 'ho st'])
    expect(parseHost(bad)).toBeUndefined();
});

test('a bare IPv6 address has no port', () =>
  expect(parseHostPort('2001:db8::1')).toEqual({ host: '2001:db8::1', port: undefined }));

test.each([
  'h.example',
  'h.example:5062',
  '*.example',
  '*.example:5060',
  '10.0.0.0/8',
  '2001:db8::/32',
  '[2001:db8::1]:5060',
  '192.0.2.1',
])('the rule %s is written as it was read', (written) => {
  const rule = parseOutbound(written);
  expect(rule && formatOutbound(rule)).toBe(written);
});

test.each(['', '*', '10.0.0.0/33', 'h/8', 'a:b', '*.*.example', '10.0.0.0/'])('%j is no rule', (written) =>
  expect(parseOutbound(written)).toBeUndefined(),
);

test('rules let through what they name, and nothing beside it', () => {
  const rules = [
    'h.example',
    'p.example:5062',
    '*.wide.example',
    '10.0.0.0/8',
    '2001:db8::/32',
    '192.0.2.1:5080',
  ].map(parseOutbound);
  const allows = outboundAllows(rules.filter((rule) => rule !== undefined));
  expect(allows('h.example', 1)).toBe(true);
  expect(allows('x.h.example', 1)).toBe(false);
  expect(allows('p.example', 5062)).toBe(true);
  expect(allows('p.example', 5060)).toBe(false);
  expect(allows('a.b.wide.example', 5060)).toBe(true);
  expect(allows('wide.example', 5060)).toBe(false);
  expect(allows('evilwide.example', 5060)).toBe(false);
  expect(allows('10.255.0.1', 9)).toBe(true);
  expect(allows('11.0.0.1', 9)).toBe(false);
  expect(allows('2001:db8:ffff::1', 9)).toBe(true);
  expect(allows('2001:db9::1', 9)).toBe(false);
  expect(allows('192.0.2.1', 5080)).toBe(true);
  expect(allows('192.0.2.1', 5060)).toBe(false);
  expect(outboundAllows([])('h.example', 5060)).toBe(false);
});

test('addresses are written with brackets where they need them', () => {
  expect(formatHostPort({ host: '::1', port: 5060 })).toBe('[::1]:5060');
  expect(formatHostPort({ host: '::1', port: undefined })).toBe('[::1]');
  expect(formatListen({ transport: 'udp', host: '127.0.0.1', port: 5070 })).toBe('udp:127.0.0.1:5070');
});
