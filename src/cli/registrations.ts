// `callchart registrations`: who is registered, where, and for how long.
import type { Command } from 'commander';
import { formatHostPort } from '../config/address.ts';
import { ask } from '../control/client.ts';
import type { RegistrationAnswer } from '../control/questions.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { lasted, table } from './words.ts';

export function registrationsCommand(): Command {
  return askingCommand('registrations', 'list who is registered at the running server')
    .option('--json', 'one JSON object a line')
    .action((flags: Record<string, unknown>) =>
      asking(async () => {
        const all: RegistrationAnswer[] = [];
        for await (const item of ask(folderOf(flags), { ask: 'registrations' })) {
          if (flags.json === true) await writeLine(JSON.stringify(item));
          else all.push(item as RegistrationAnswer);
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
