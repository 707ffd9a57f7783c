// The configuration's options as flags of a command, and back as a source of the configuration.
import { type Command, Option as Flag } from 'commander';
import { defaultConfig } from '../config/config.ts';
import type { Sources } from '../config/load.ts';
import { type Option, options } from '../config/options.ts';

const defaults = defaultConfig();

/** Adds every option of the table (or those `only`), with its default and unit in the help, and `--config`. */
export function addConfigOptions(command: Command, only?: readonly string[]): Command {
  command.addOption(
    new Flag('--config <FILE>', 'YAML file; flags and CALLCHART_* variables go before it').helpGroup(
      'Configuration:',
    ),
  );
  command.addHelpOption(new Flag('-h, --help', 'show this help').helpGroup('Configuration:'));
  for (const option of options) {
    if (only !== undefined && !only.includes(option.flag)) continue;
    command.addOption(flagOf(option).helpGroup(`${option.group}:`));
    if (option.takes === undefined) command.addOption(new Flag(`--no-${option.flag}`).hideHelp());
  }
  return command;
}

/** What the parsed flags of a command say about the configuration. */
export function sourcesOf(
  parsed: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv = process.env,
): Sources {
  const flags = Object.fromEntries(
    options.map((option) => [option.flag, parsed[flagOf(option).attributeName()]]),
  );
  return { flags, env, file: typeof parsed.config === 'string' ? parsed.config : undefined };
}

function flagOf(option: Option): Flag {
  const { flag: name, takes, help, repeatable, unit } = option;
  const facts = [`default: ${defaultOf(option)}`];
  if (unit !== undefined) facts.push(`plain number: ${unit}`);
  if (repeatable) facts.push('repeatable');
  const flag = new Flag(
    `--${name}${takes === undefined ? '' : ` <${takes}>`}`,
    `${help} (${facts.join('; ')})`,
  );
  // no default for commander: an absent flag must let the environment and the file speak
  return option.repeatable
    ? flag.argParser((value, before: string[] | undefined) => [...(before ?? []), value])
    : flag;
}

/** The default as one would type it. */
export function defaultOf(option: Option): string {
  if (option.fallback !== undefined) return option.fallback;
  const value = option.show(defaults);
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : value.join(' ');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value === undefined ? 'empty' : String(value);
}
