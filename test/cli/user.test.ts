// `callchart user`: passwords go in by stdin and stay nowhere.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readUsersFile } from '../../src/auth/users-file.ts';
import { buildCommand, callchart, scratchFolder, start } from './command.ts';

let clear = () => {};
beforeAll(async () => {
  clear = await buildCommand();
}, 60_000);
afterAll(() => clear());

async function add(data: string, who: string, typed: string) {
  const running = start(['user', 'add', who, '--data', data], {}, typed);
  return running.ended;
}

describe('callchart user', () => {
  test('adds, changes, lists and removes; the file holds hashes alone and is its owner’s', async () => {
    const data = scratchFolder();
    const path = join(data, 'users');
    expect(await add(data, 'alice@example.org', 'first pass\nnot this\n')).toMatchObject({
      code: 0,
      out: `alice@example.org: kept in ${path}\n`,
      err: '',
    });
    const before = readUsersFile(path);
    expect((await add(data, 'sip:bob@[2001:DB8::1]', 'žaba')).code).toBe(0);
    expect((await add(data, 'alice@Example.org', 'second\r\n')).code).toBe(0);
    expect(readUsersFile(path)).not.toContainEqual(before[0]);
    expect(readFileSync(path, 'utf8')).not.toMatch(/first|second|žaba/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const list = await callchart(['user', 'list', '--data', data]);
    expect(list.out).toBe('alice@example.org\nbob@2001:db8::1\n');
    expect((await callchart(['user', 'remove', 'alice@example.org', '--data', data])).code).toBe(0);
    expect((await callchart(['user', 'list', '--data', data])).out).toBe('bob@2001:db8::1\n');
  }, 30_000);

  test.each([
    [
      ['user', 'remove', 'eve@example.org'],
      /^callchart: there is no eve@example\.org in .*\/users; see "callchart user list"\n$/,
    ],
    [['user', 'remove', 'eve'], /^callchart: "eve" is not NAME@DOMAIN, such as alice@example\.org\n$/],
    [['user', 'add', 'a b@example.org'], /is not NAME@DOMAIN/],
    [['user', 'add', 'alice@example.org', 'password'], /^callchart: .*too many arguments/],
    [['user', 'add', 'alice@example.org'], /^callchart: the password is empty; nothing was changed\n$/],
  ])('%j is refused in one line', async (args, said) => {
    const ended = await start([...args, '--data', scratchFolder()], {}, '').ended;
    expect(ended.code).toBe(2);
    expect(ended.err).toMatch(said);
    expect(ended.err.trim().split('\n')).toHaveLength(1);
  });
});

test('the start line says what needs a password', async () => {
  const data = scratchFolder();
  const serve = async (...args: string[]) => {
    const running = start(['serve', '--listen', 'udp:127.0.0.1:0', '--data', data, ...args]);
    const line = await running.said(/\n/);
    running.process.kill('SIGTERM');
    return line;
  };
  expect(await serve()).toContain('registration open to loopback and private networks, no password');
  expect(await serve('--open')).toContain('registration open to everybody, no password');
  expect(await serve('--auth', 'register')).toContain(
    'registration needs a password; calling open to loopback and private networks, no password',
  );
  expect(await serve('--auth', 'required')).toContain(
    'registration needs a password; calling needs a password',
  );
  expect(await serve('--auth-domain', 'a.example=required', '--allow', '10.0.0.0/8')).toContain(
    'registration needs a password in some domains, elsewhere open to 10.0.0.0/8; calling',
  );
}, 30_000);
