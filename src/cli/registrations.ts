// `callchart registrations`: who is registered, where, and for how long.
import type { Command } from 'commander';
import { formatHostPort } from '../config/address.ts';
import type { RegistrationAnswer } from '../control/answers.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { registrations } from './left-alive.ts';
import { lasted, table } from './words.ts';

export function registrationsCommand(): Command {
  return askingCommand('registrations', 'list who is registered')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nWhen no server runs, those are told that the last one left in its data folder.')
    .action((flags: Record<string, unknown>) =>
      asking(async () => {
        const all: RegistrationAnswer[] = [];
        for await (const item of registrations(folderOf(flags))) {
          if (flags.json === true) await writeLine(JSON.stringify(item));
          else all.push(item);
        }
        if (flags.json !== true) process.stdout.write(listed(all));
      }),
    );
}

export function listed(registrations: readonly RegistrationAnswer[]): string {
  if (registrations.length === 0) return 'nobody is registered\n';
  return table(
    ['USER', ' EXPIRES IN', 'REGISTERED FROM', ' Q', 'CONTACT'],
    registrations.map(({ aor, expiresIn, from, q, contact }) => [
      aor,
      lasted(expiresIn * 1000),
      `${from.transport}:${formatHostPort(from)}`,
      String(q),
      contact,
    ]),
  );
}
