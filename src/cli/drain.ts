// `callchart drain`: has the running server end when its calls have ended.
import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../config/units.ts';
import { ask, ControlError } from '../control/client.ts';
import type { DrainAnswer, DrainedAnswer } from '../control/upkeep.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';
import { shortTime } from './words.ts';

export function drainCommand(): Command {
  return askingCommand('drain', 'have the running server take no new calls, and end when the last has ended')
    .option(
      '--timeout <TIME>',
      'how long the calls may go on; without it --drain-timeout of the server',
      time,
    )
    .option('--wait', 'come back when it has ended')
    .option('--json', 'one JSON object; with --wait another at the end')
    .action((flags: Record<string, unknown>) => asking(() => drain(flags)));
}

async function drain({ timeout, wait, json, ...flags }: Record<string, unknown>): Promise<void> {
  const question = {
    ask: 'drain',
    ...(timeout !== undefined && { timeout }),
    ...(wait === true && { wait }),
  };
  try {
    for await (const item of ask(folderOf(flags), question, wait === true ? { patience: 0 } : {})) {
      if (json === true) await writeLine(JSON.stringify(item));
      else process.stdout.write(said(item as DrainAnswer | DrainedAnswer, Date.now()));
    }
  } catch (error) {
    // that is what was waited for
    if (!(wait === true && error instanceof ControlError && error.code === 'server-gone')) throw error;
  }
}

export function said(answer: DrainAnswer | DrainedAnswer, now: number): string {
  if ('left' in answer) return drained(answer.left);
  const { already, calls, until } = answer;
  const left = calls === 0 ? 'no calls left' : `${calls} ${calls === 1 ? 'call' : 'calls'} left`;
  return `${already ? 'already draining' : 'draining'}: ${left}, ends by ${shortTime(until, now)}\n`;
}

function drained(left: number): string {
  if (left === 0) return 'drained\n';
  return `drained: ${left === 1 ? '1 call was' : `${left} calls were`} left\n`;
}

function time(text: string): number {
  const ms = parseDuration(text, 's');
  if (ms === undefined) throw new InvalidArgumentError('give a time such as 30s, 5m or 1h.');
  return ms * 1000;
}
