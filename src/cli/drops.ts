// `callchart drops`: what the running server dropped since its start, by reason.
import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { DropAnswer } from '../control/questions.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { table } from './words.ts';

export function dropsCommand(): Command {
  return askingCommand('drops', 'count what the running server dropped since its start, by reason')
    .option('--json', 'one JSON object a line')
    .action((flags: Record<string, unknown>) =>
      asking(async () => {
        const all: DropAnswer[] = [];
        for await (const item of ask(folderOf(flags), { ask: 'drops' })) {
          if (flags.json === true) await writeLine(JSON.stringify(item));
          else all.push(item as DropAnswer);
        }
        if (flags.json !== true) process.stdout.write(listed(all));
      }),
    );
}

export function listed(drops: readonly DropAnswer[]): string {
  if (drops.length === 0) return 'nothing was dropped\n';
  const rows = drops.toSorted((a, b) => b.count - a.count);
  return table(
    [' COUNT', 'REASON', 'WHAT IT IS'],
    rows.map(({ reason, count, why }) => [String(count), reason, why]),
  );
}
