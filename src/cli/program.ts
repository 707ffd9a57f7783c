// The command line as a whole: which commands there are, and how a refusal looks.
import { Command, CommanderError } from 'commander';
import { StartError } from '../config/start-error.ts';
import { callCommand } from './call.ts';
import { callsCommand } from './calls.ts';
import { configCommand } from './config-command.ts';
import { drainCommand } from './drain.ts';
import { dropsCommand } from './drops.ts';
import { inspectCommand } from './inspect.ts';
import { machinesCommand } from './machines.ts';
import { registrationsCommand } from './registrations.ts';
import { reloadCommand } from './reload.ts';
import { replayCommand } from './replay.ts';
import { serveCommand } from './serve.ts';
import { statusCommand } from './status.ts';
import { tailCommand } from './tail.ts';
import { outliveClosedPipes } from './terminal.ts';
import { userCommand } from './user-command.ts';

/** Runs one command. Exit code 2: it was asked for in a way that cannot be done; the one line on stderr says why. */
export async function run(argv: readonly string[], version: string): Promise<void> {
  const program = new Command('callchart')
    .description('A SIP call manager in which every call is a live statechart.')
    .version(version, '-V, --version')
    .addHelpText(
      'after',
      '\nA server on UDP 5060, without any configuration:  callchart serve\nAll its options:  callchart serve --help',
    );
  for (const command of [
    serveCommand(version),
    statusCommand(),
    callsCommand(),
    callCommand(),
    registrationsCommand(),
    dropsCommand(),
    drainCommand(),
    reloadCommand(),
    tailCommand(),
    inspectCommand(),
    machinesCommand(),
    replayCommand(),
    userCommand(),
    configCommand(),
  ])
    program.addCommand(command);
  house(program);
  outliveClosedPipes();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof StartError) refuse(error.message);
    else throw error;
  }
}

function refuse(message: string): void {
  process.stderr.write(`callchart: ${message}\n`);
  // a server that came half way may hold sockets open
  process.exit(2);
}

/** Commander's own complaints, in one line and with the way out. */
function house(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const said = text
        .trim()
        .replace(/^error: /, '')
        .replace(/\s*\n\s*/g, ' ')
        .replace(/ is invalid\. /, ' is invalid: ')
        .replace(/\.$/, '');
      write(`callchart: ${said}; see "${pathOf(command)} --help"\n`);
    },
  });
  for (const sub of command.commands) house(sub);
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
