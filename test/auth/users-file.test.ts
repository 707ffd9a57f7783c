import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { secretsOf, Users, wire } from '../../src/auth/users.ts';
import { formatUserLine, parseUserLine, readUsersFile, writeUsersFile } from '../../src/auth/users-file.ts';
import { WatchedUsers } from '../../src/auth/watch-users.ts';

const folder = mkdtempSync(join(tmpdir(), 'callchart-users-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'users');

const line = (name: string, realm: string, password = 'tajné heslo') => ({
  name: wire(name),
  realm,
  secrets: secretsOf(wire(name), realm, wire(password)),
});

describe('the file', () => {
  test('holds hashes by algorithm and no password, for its owner alone', () => {
    writeFileSync(path, 'old', { mode: 0o644 });
    writeUsersFile(path, [line('žofia', '2001:db8::1'), line('a@b', 'example.org')]);
    const text = readFileSync(path, 'latin1');
    expect(text).not.toContain('heslo');
    expect(text).toMatch(
      /^# .*\na@b@example\.org SHA-512-256=[0-9a-f]{64} SHA-256=[0-9a-f]{64} MD5=[0-9a-f]{32}\n/,
    );
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['users']);
    expect(readUsersFile(path)).toEqual([line('a@b', 'example.org'), line('žofia', '2001:db8::1')]);
  });

  test('that is not there holds nobody', () => expect(readUsersFile(join(folder, 'no'))).toEqual([]));

  test.each(['alice', 'alice@', '@example.org MD5=00', 'a@b MD5=xyz', 'a@b SHA-256=00', 'a@b secret', 'a@b'])(
    'with "%s" is refused by line, without showing it',
    (bad) => {
      writeFileSync(path, `# ours\n\n${bad}\n`);
      expect(() => readUsersFile(path)).toThrow(`${path}:3: not a user`);
      expect(() => readUsersFile(path)).not.toThrow(bad);
    },
  );

  test('a user of before an algorithm was served has no hash for it', () => {
    const md5 = `a@example.org MD5=${'0'.repeat(32)}`;
    expect(parseUserLine(md5)?.secrets).toEqual({ MD5: '0'.repeat(32) });
    expect(formatUserLine(parseUserLine(md5) ?? line('', ''))).toBe(md5);
  });
});

test('a running server takes up changes, and keeps its users when the file is broken', () => {
  writeUsersFile(path, [line('alice', 'example.org')]);
  const users = new Users();
  const troubles: unknown[] = [];
  const watch = new WatchedUsers(path, users, (cause) => troubles.push(cause));
  expect(users.secrets('alice', 'example.org')).toEqual(line('alice', 'example.org').secrets);
  writeUsersFile(path, [line('bob', 'example.org')]);
  watch.look();
  expect(users.secrets('alice', 'example.org')).toBeUndefined();
  expect(users.secrets('bob', 'example.org')).toBeDefined();
  writeFileSync(path, 'broken');
  watch.look();
  watch.look();
  expect(troubles).toHaveLength(1);
  expect(users.secrets('bob', 'example.org')).toBeDefined();
  rmSync(path);
  watch.look();
  expect(users.size).toBe(0);
});

describe('users of the configuration', () => {
  const users = new Users([
    { user: 'alice', domain: 'example.org', password: 'one' },
    { user: 'alice', password: 'two' },
    { user: 'bob', domain: 'example.org', ha1s: { MD5: 'f'.repeat(32) } },
  ]);

  test('without a domain belong to every one, unless one has its own', () => {
    expect(users.secrets('alice', 'example.org')).toEqual(secretsOf('alice', 'example.org', 'one'));
    expect(users.secrets('alice', '192.0.2.1')).toEqual(secretsOf('alice', '192.0.2.1', 'two'));
    expect(users.secrets('Alice', 'example.org')).toBeUndefined();
  });

  test('with hashes have those alone', () => {
    expect(users.secrets('bob', 'example.org')).toEqual({ MD5: 'f'.repeat(32) });
    expect(users.secrets('bob', 'example.com')).toBeUndefined();
  });
});
