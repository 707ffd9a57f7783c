// `callchart calls`: the calls that live, one line each.
import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { CallAnswer } from '../control/questions.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { lasted, shortTime, stateWords, table } from './words.ts';

export function callsCommand(): Command {
  return askingCommand('calls', 'list the calls that live in the running server')
    .option('--all', 'subscriptions as well')
    .option('--json', 'one JSON object a line')
    .action((flags: Record<string, unknown>) => asking(() => calls(flags)));
}

async function calls(flags: Record<string, unknown>): Promise<void> {
  const shown: CallAnswer[] = [];
  let others = 0;
  for await (const item of ask(folderOf(flags), { ask: 'calls' })) {
    const call = item as CallAnswer;
    if (flags.all !== true && call.machine !== 'dialog') others++;
    else if (flags.json === true) await writeLine(JSON.stringify(call));
    else shown.push(call);
  }
  if (flags.json === true) return;
  process.stdout.write(listed(shown, Date.now()));
  if (others > 0)
    process.stderr.write(`and ${others} ${others === 1 ? 'subscription' : 'subscriptions'}: --all\n`);
}

export function listed(calls: readonly CallAnswer[], now: number): string {
  if (calls.length === 0) return 'no calls\n';
  return table(
    ['STARTED', ' TALK', 'STATE', 'FROM', 'TO', 'CALL-ID'],
    calls.map((call) => [
      shortTime(call.started, now),
      call.talkMs === undefined ? '-' : lasted(call.talkMs),
      stateWords(call.state),
      call.parties.from,
      call.parties.to,
      call.callId,
    ]),
  );
}
