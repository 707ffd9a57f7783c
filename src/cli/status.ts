// `callchart status`: is the running server ready, and how many of what it has.
import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import { notReady, type StatusAnswer, type StoreAnswer } from '../control/upkeep.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { harmless, shortTime } from './words.ts';

export function statusCommand(): Command {
  return askingCommand('status', 'say whether the running server takes calls, and how many it has')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      '\nExit code 0: it is ready; 1: it answers, but drains, or cannot keep what it is to keep; 3: no server runs.',
    )
    .action((flags: Record<string, unknown>) =>
      asking(async () => {
        for await (const item of ask(folderOf(flags), { ask: 'status' })) {
          const status = item as StatusAnswer;
          if (!status.ready) process.exitCode = 1;
          if (flags.json === true) await writeLine(JSON.stringify(item));
          else process.stdout.write(said(status, Date.now()));
        }
      }),
    );
}

export function said(status: StatusAnswer, now: number): string {
  const { calls, subscriptions, registrations, started, until, store } = status;
  const reasons = notReady(status.state, store);
  const state =
    until === undefined
      ? ['serving', ...(reasons.length === 0 ? [] : [`not ready: ${reasons.join(', ')}`])].join(', ')
      : `draining: nothing new is taken in, ends by ${shortTime(until, now)} or with the last call`;
  const counts = [counted(calls, 'call'), counted(subscriptions, 'subscription')];
  const all = `${counts.join(', ')}, ${counted(registrations, 'registration')}; since ${shortTime(started, now)}`;
  return `${state}; ${all}${store === undefined ? '' : `; ${storeWords(store)}`}\n`;
}

function storeWords(store: StoreAnswer): string {
  const { state, waiting, ended, lost = 0, problem, recordsProblem, recordsDamaged } = store;
  const waits = waiting === 1 ? '1 byte waits' : `${waiting} bytes wait`;
  const why = problem === undefined ? '' : ` (${harmless(problem)})`;
  const words = [state === 'ok' ? 'store ok' : `store ${state}: ${waits} for the disk${why}`];
  if (lost > 0) words.push(`${counted(lost, 'ended call')} lost`);
  if (recordsProblem !== undefined) {
    const stuck = ended === 0 ? '' : `${counted(ended, 'ended call')} cannot be stored: `;
    words.push(stuck + harmless(recordsProblem));
  }
  if (recordsDamaged !== undefined) words.push(harmless(recordsDamaged));
  return words.join('; ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
