// `callchart replay`: captures through the same machines, under a virtual clock.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { formatHostPort, parseHostPort } from '../config/address.ts';
import { StartError } from '../config/start-error.ts';
import { namedZone, type ZoneOffset } from '../journal/wall-time.ts';
import { type Capture, readCapture } from '../replay/capture/capture.ts';
import type { Endpoint } from '../replay/capture/datagrams.ts';
import { type Replay, replay } from '../replay/replay.ts';
import { report } from '../replay/report.ts';
import { findServerAddress } from '../replay/server-address.ts';

interface ReplayFlags {
  readonly server?: Endpoint;
  readonly tz: { readonly name: string; readonly zone: ZoneOffset };
  readonly json?: true;
  readonly save?: string;
  readonly expect?: string;
}

/** Shape of `--json` and of what `--save` keeps; counted up when it changes. */
const FORMAT = 1;

export function replayCommand(): Command {
  return new Command('replay')
    .description('play captures (pcap, pcapng) through the same machines under a virtual clock')
    .argument('<file...>', 'captures; each is played on its own')
    .option(
      '--server <ADDRESS[:PORT]>',
      'address of the captured server (default: found by itself)',
      endpoint,
    )
    .option('--tz <ZONE>', 'zone of the times that are printed', zone, {
      name: 'UTC',
      zone: namedZone('UTC'),
    })
    .option('--json', 'one JSON object instead of text')
    .option('--save <FILE>', 'keep the result, for a later --expect')
    .option('--expect <FILE>', 'compare with a kept result; exit code 1 when it differs')
    .addHelpText('after', HELP)
    .action((files: string[], flags: ReplayFlags) => run(files, flags));
}

const HELP = `
What the phones sent is played as it was; only what they copied from the captured
server (its Via, Route and To tag) is exchanged for ours. Exit codes: 0; 1 when the
result is not the expected one; 2 for a file that cannot be used.`;

function run(files: readonly string[], flags: ReplayFlags): void {
  const results = files.map((file) => ({ file: basename(file), ...one(file, flags) }));
  const json = `${JSON.stringify({ format: FORMAT, files: results }, undefined, 2)}\n`;
  const shown = flags.json
    ? json
    : results.map(({ file, ...r }) => report(file, r, flags.tz.zone)).join('\n');
  process.stdout.write(shown);
  if (flags.save !== undefined) save(flags.save, json);
  if (flags.expect !== undefined) compare(flags.expect, json);
}

function one(file: string, flags: ReplayFlags): Replay {
  const read = readCapture(file);
  if (!read.ok)
    throw new StartError('capture-unusable', `${file}: ${read.problem.message}; give a pcap or pcapng file`);
  return replay(read.capture, { server: flags.server ?? serverOf(file, read.capture), zone: flags.tz.zone });
}

function serverOf(file: string, capture: Capture): Endpoint {
  const found = findServerAddress(capture);
  if (found.kind === 'found') return found.server;
  if (found.kind === 'none')
    throw new StartError('capture-unusable', `${file}: there is no SIP over UDP in it`);
  const candidates = found.candidates.map(({ server }) =>
    formatHostPort({ host: server.address, port: server.port }),
  );
  throw new StartError(
    'capture-unusable',
    `${file}: the server may be any of ${candidates.join(', ')}; say which with --server`,
  );
}

function save(path: string, json: string): void {
  try {
    writeFileSync(path, json);
  } catch (cause) {
    throw new StartError('data-unwritable', `--save ${path} cannot be written (${codeOf(cause)})`, { cause });
  }
}

function compare(path: string, json: string): void {
  let expected: string;
  try {
    expected = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StartError('data-unreadable', `--expect ${path} cannot be read (${codeOf(cause)})`, { cause });
  }
  if (expected === json) return;
  const [was, is] = [expected.split('\n'), json.split('\n')];
  const at = is.findIndex((line, i) => line !== was[i]);
  const line = at < 0 ? is.length : at;
  process.stderr.write(
    `callchart: not as expected: ${path} line ${line + 1} says ${(was[line] ?? 'nothing').trim()}, now it is ${(is[line] ?? 'nothing').trim()}\n`,
  );
  process.exitCode = 1;
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}

function endpoint(text: string): Endpoint {
  const at = parseHostPort(text);
  if (at === undefined) throw new InvalidArgumentError('give an address, with a port unless it is 5060.');
  return { address: at.host, port: at.port ?? 5060 };
}

function zone(name: string): { name: string; zone: ZoneOffset } {
  try {
    return { name, zone: namedZone(name) };
  } catch {
    throw new InvalidArgumentError('give a zone such as UTC or Europe/Bratislava.');
  }
}
