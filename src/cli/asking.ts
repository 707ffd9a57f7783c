// What the commands that ask a running server have in common: how they find it, and how they end when they do not.
import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { ControlError } from '../control/client.ts';
import { addConfigOptions, sourcesOf } from './config-options.ts';
import { harmless } from './words.ts';

/** A command that knows its server by the data folder. */
export function askingCommand(name: string, description: string): Command {
  const command = new Command(name).description(description);
  addConfigOptions(command);
  // the data folder is found as serve finds it, but the help would drown in what matters to serve alone
  for (const option of command.options)
    if (!['data', 'config'].includes(option.attributeName())) option.hideHelp();
  return command;
}

/** The data folder that the flags, the environment and the file speak of. */
export function folderOf(flags: Record<string, unknown>): string {
  return loadConfig(sourcesOf(flags)).config.data;
}

/** Exit code 3: no server runs there. 1: it does not know what was asked for. 2: it cannot be asked. */
export async function asking(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    // the server's words hold what came over the wire; lists of calls have lines
    process.stderr.write(`callchart: ${error.message.split('\n').map(harmless).join('\n')}\n`);
    process.exitCode = EXIT_CODES[error.code];
  }
}

const EXIT_CODES: Readonly<Record<ControlError['code'], number>> = {
  'no-server': 3,
  'server-gone': 3,
  refused: 1,
  forbidden: 2,
  'no-answer': 2,
};

/** One JSON object a line; on a terminal and elsewhere alike. Waits for a reader that is slow. */
export async function writeLine(line: string): Promise<void> {
  await write(`${line}\n`);
}

export async function write(text: string): Promise<void> {
  if (!process.stdout.write(text))
    await new Promise((drained) => process.stdout.once('drain', drained).once('error', drained));
}
