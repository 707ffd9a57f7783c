// `callchart user add|list|remove`: who has a password, kept as what proves it and never as itself.
import { join } from 'node:path';
import { Command } from 'commander';
import { secretsOf, wire } from '../auth/users.ts';
import { readUsersFile, type UserLine, UsersFileError, writeUsersFile } from '../auth/users-file.ts';
import { parseHost } from '../config/address.ts';
import { prepareDataFolder } from '../config/data-folder.ts';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../config/start-error.ts';
import { addConfigOptions, sourcesOf } from './config-options.ts';
import { readPassword } from './password.ts';

export function userCommand(): Command {
  const command = new Command('user').description('say who has a password: add, list or remove users');
  command.addHelpText('after', HELP);
  command
    .command('add <NAME@DOMAIN>')
    .description('add a user, or give it another password: asked for, or the first line of stdin')
    .action(async (who: string, _flags: unknown, self: Command) => {
      const { name, realm } = nameOf(who);
      const path = fileOf(self);
      const password = await readPassword(`Password for ${who}: `);
      if (password === '') throw new StartError('users-file', 'the password is empty; nothing was changed');
      const secrets = secretsOf(name, realm, wire(password));
      const others = read(path).filter((user) => !same(user, name, realm));
      write(path, [...others, { name, realm, secrets }]);
      said(`${who}: kept in ${path}`);
    });
  command
    .command('list')
    .description('print the users, one a line')
    .action((_flags: unknown, self: Command) => {
      for (const { name, realm } of read(fileOf(self))) said(`${shown(name)}@${realm}`);
    });
  command
    .command('remove <NAME@DOMAIN>')
    .description('remove a user; a phone that is registered stays so until its registration ends')
    .action((who: string, _flags: unknown, self: Command) => {
      const { name, realm } = nameOf(who);
      const path = fileOf(self);
      const users = read(path);
      const others = users.filter((user) => !same(user, name, realm));
      if (others.length === users.length)
        throw new StartError('users-file', `there is no ${who} in ${path}; see "callchart user list"`);
      write(path, others);
      said(`${who}: removed from ${path}`);
    });
  for (const sub of command.commands) addConfigOptions(sub, ['data', 'auth-file']);
  return command;
}

const HELP = `
A running server sees the change within two seconds. What is kept is a hash for
NAME and DOMAIN that lets a server check the password: who reads the file can
call as these users, so it is readable by its owner alone. Users ask for a
password only with --auth register or --auth required.`;

/** The file that the server would read with the same options. */
function fileOf(command: Command): string {
  const { config } = loadConfig(sourcesOf(command.opts()));
  return config.auth.file || join(prepareDataFolder(config.data), 'users');
}

function nameOf(who: string): { name: string; realm: string } {
  const at = who.lastIndexOf('@');
  const realm = parseHost(who.slice(at + 1));
  const name = wire(who.slice(0, Math.max(0, at)).replace(/^sips?:/i, ''));
  if (name === '' || /[\s"\\:]/.test(name) || name.startsWith('#') || realm === undefined)
    throw new StartError('users-file', `"${who}" is not NAME@DOMAIN, such as alice@example.org`);
  return { name, realm };
}

function same(user: UserLine, name: string, realm: string): boolean {
  return user.name === name && user.realm === realm;
}

function read(path: string): UserLine[] {
  try {
    return readUsersFile(path);
  } catch (cause) {
    throw new StartError(
      'users-file',
      cause instanceof UsersFileError ? cause.message : whyNot(path, cause),
      { cause },
    );
  }
}

function write(path: string, users: readonly UserLine[]): void {
  try {
    writeUsersFile(path, users);
  } catch (cause) {
    throw new StartError('users-file', whyNot(path, cause), { cause });
  }
}

function whyNot(path: string, cause: unknown): string {
  return `users file ${path}: ${cause instanceof Error && 'code' in cause ? cause.code : cause}; nothing was changed`;
}

/** For people: UTF-8. */
function shown(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

function said(line: string): void {
  process.stdout.write(`${line}\n`);
}
