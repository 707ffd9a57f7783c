// `callchart tail`: the journal as it grows, each call in a colour of its own.
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../config/start-error.ts';
import { follow } from '../journal/follow.ts';
import { DIARY_FILE, NDJSON_FILE } from '../journal/journal.ts';
import { addConfigOptions, sourcesOf } from './config-options.ts';
import { takesColour } from './terminal.ts';

interface TailFlags {
  readonly lines: number;
  readonly follow: boolean;
  readonly json?: true;
}

export function tailCommand(): Command {
  const command = new Command('tail')
    .description('follow the journal in the data folder, each call in a colour of its own')
    .option('-n, --lines <COUNT>', 'begin with this many of the lines already there', count, 10)
    .option('--json', 'follow journal.ndjson instead of the diary, one JSON object a line')
    .option('--no-follow', 'stop at the end of the file');
  // the data folder is found as serve finds it, but the help would drown in what matters to serve alone
  addConfigOptions(command);
  for (const option of command.options) if (!SHOWN.has(option.attributeName())) option.hideHelp();
  return command.action((flags: TailFlags & Record<string, unknown>) => tail(flags));
}

const SHOWN = new Set(['lines', 'json', 'follow', 'data', 'config']);

async function tail(flags: TailFlags & Record<string, unknown>): Promise<void> {
  const { config } = loadConfig(sourcesOf(flags));
  const path = join(config.data, flags.json ? NDJSON_FILE : DIARY_FILE);
  const stop = new AbortController();
  process.stdout.once('error', () => stop.abort());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const paint = takesColour(process.stdout) && !flags.json ? painted : (line: string) => line;
  const onMissing = () => process.stderr.write(`callchart: ${path} is not there yet; waiting for it\n`);
  try {
    for await (const line of follow(path, {
      lines: flags.lines,
      follow: flags.follow,
      signal: stop.signal,
      onMissing,
    })) {
      if (stop.signal.aborted) return;
      process.stdout.write(`${paint(line)}\n`);
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
    const said =
      cause.code === 'ENOENT'
        ? 'is not there yet; start "callchart serve", or give its folder with --data'
        : `cannot be read (${cause.code})`;
    throw new StartError('data-unreadable', `${path} ${said}`, { cause });
  }
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('give a number of lines.');
  return Number(text);
}

/** 256-colour codes that read well on light and on dark. */
const COLOURS = [32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96];

/** `TIME: text (Call-ID: x)`: the text in its call's colour, what surrounds it dim. */
export function painted(line: string): string {
  const parts = /^([\d-]+ [\d:,]+: )(.*?)( \(Call-ID: (.*)\))$/.exec(line);
  if (parts === null) return line;
  const [, time = '', text = '', tail = '', callId = ''] = parts;
  let hash = 0;
  for (const char of callId) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return `\u001b[2m${time}\u001b[0m\u001b[${COLOURS[hash % COLOURS.length]}m${text}\u001b[0m\u001b[2m${tail}\u001b[0m`;
}
