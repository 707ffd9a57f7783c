// `callchart status`: does the running server take calls, and how many of what it has.
import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import type { StatusAnswer, StoreAnswer } from '../control/upkeep.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { harmless, shortTime } from './words.ts';

export function statusCommand(): Command {
  return askingCommand('status', 'say whether the running server takes calls, and how many it has')
    .option('--json', 'one JSON object')
    .action((flags: Record<string, unknown>) =>
      asking(async () => {
        for await (const item of ask(folderOf(flags), { ask: 'status' })) {
          if (flags.json === true) await writeLine(JSON.stringify(item));
          else process.stdout.write(said(item as StatusAnswer, Date.now()));
        }
      }),
    );
}

export function said(status: StatusAnswer, now: number): string {
  const { calls, subscriptions, registrations, started, until, store } = status;
  const state =
    until === undefined
      ? 'serving'
      : `draining: nothing new is taken in, ends by ${shortTime(until, now)} or with the last call`;
  const counts = [counted(calls, 'call'), counted(subscriptions, 'subscription')];
  const all = `${counts.join(', ')}, ${counted(registrations, 'registration')}; since ${shortTime(started, now)}`;
  return `${state}; ${all}${store === undefined ? '' : `; ${storeWords(store)}`}\n`;
}

function storeWords(store: StoreAnswer): string {
  const { state, waiting, ended, lost = 0, problem, recordsProblem } = store;
  const why = problem === undefined ? '' : ` (${harmless(problem)})`;
  const words = [
    state === 'ok' ? 'store ok' : `store ${state}: ${counted(waiting, 'byte')} wait for the disk${why}`,
  ];
  if (lost > 0) words.push(`${counted(lost, 'ended call')} lost`);
  if (recordsProblem !== undefined)
    words.push(`${counted(ended, 'ended call')} cannot be stored: ${harmless(recordsProblem)}`);
  return words.join('; ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
