// `callchart config check|print`: is it right, and what holds.
import { Command } from 'commander';
import { loadConfig, tryConfig } from '../config/load.ts';
import { printConfig } from '../config/print.ts';
import { addConfigOptions, sourcesOf } from './config-options.ts';

export function configCommand(): Command {
  const command = new Command('config').description('check the configuration, or print what holds');
  const check = command
    .command('check')
    .description('say everything that is wrong with it, one line each; exit code 2 if anything is');
  addConfigOptions(check).action((flags: Record<string, unknown>) => {
    const sources = sourcesOf(flags);
    const [loaded, problems] = tryConfig(sources);
    for (const problem of problems) process.stderr.write(`callchart: ${problem}\n`);
    if (loaded)
      process.stdout.write(`${sources.file ?? (sources.env.CALLCHART_CONFIG || 'configuration')}: ok\n`);
    else process.exitCode = 2;
  });
  const print = command
    .command('print')
    .description('print every value as YAML, each with where it came from');
  addConfigOptions(print).action((flags: Record<string, unknown>) => {
    process.stdout.write(printConfig(loadConfig(sourcesOf(flags))));
  });
  return command;
}
