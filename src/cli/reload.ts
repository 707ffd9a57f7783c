// `callchart reload`: has the running server take its configuration over as it stands now, and says what came of it.
import type { Command } from 'commander';
import { ask, ControlError } from '../control/client.ts';
import type { ReloadAnswer } from '../control/upkeep.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';

export function reloadCommand(): Command {
  return askingCommand('reload', 'have the running server read its configuration and users again')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
The server reads its own --config, with the flags and the environment it was
started with. All of it is taken over, or with exit code 2 nothing. What cannot
change while it runs is named, and stays as it was until a restart.`,
    )
    .action((flags: Record<string, unknown>) => asking(() => reload(folderOf(flags), flags.json === true)));
}

async function reload(folder: string, asJson: boolean): Promise<void> {
  try {
    for await (const item of ask(folder, { ask: 'reload' })) {
      if (asJson) await writeLine(JSON.stringify(item));
      else process.stdout.write(said(item as ReloadAnswer));
    }
  } catch (error) {
    if (!(error instanceof ControlError) || error.reason !== 'config-invalid') throw error;
    for (const problem of error.message.split('\n')) process.stderr.write(`callchart: ${problem}\n`);
    process.exitCode = 2;
  }
}

function said(answer: ReloadAnswer): string {
  if ('problems' in answer) return '';
  const { applied, restart } = answer;
  const lines = [applied.length === 0 ? 'reloaded: nothing has changed' : `reloaded: ${applied.join(', ')}`];
  if (restart.length > 0) lines.push(`needs a restart: ${restart.join(', ')}`);
  return `${lines.join('\n')}\n`;
}
