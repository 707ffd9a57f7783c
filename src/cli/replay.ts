// `callchart replay`: captures through the same machines, under a virtual clock.
import { basename } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { formatHostPort, parseHostPort } from '../config/address.ts';
import { StartError } from '../config/start-error.ts';
import { namedZone, type ZoneOffset } from '../journal/wall-time.ts';
import { type Capture, readCapture } from '../replay/capture/capture.ts';
import type { Endpoint } from '../replay/capture/datagrams.ts';
import type { CaptureProblem } from '../replay/capture/packet.ts';
import { JsonResult } from '../replay/json-result.ts';
import { replay } from '../replay/replay.ts';
import { Report } from '../replay/report.ts';
import type { ReplayBegin } from '../replay/result.ts';
import { findServerAddress } from '../replay/server-address.ts';
import { Expectation, Gathered, type Sink, saveTo } from './replay-output.ts';

interface ReplayFlags {
  readonly server?: Endpoint;
  readonly tz: { readonly name: string; readonly zone: ZoneOffset };
  readonly json?: true;
  readonly save?: string;
  readonly expect?: string;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('play captures (pcap, pcapng) through the same machines under a virtual clock')
    .argument('<file...>', 'captures; each is played on its own')
    .option(
      '--server <ADDRESS[:PORT]>',
      'address of the captured server (default: found by itself)',
      endpoint,
    )
    .addOption(
      new Option('--tz <ZONE>', 'zone of the times that are printed')
        .argParser(zone)
        .default(zone('UTC'), 'UTC'),
    )
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
  const { name, zone } = flags.tz;
  // A bad file is refused before anything is told of a good one.
  const captures = files.map((file) => ({ file, capture: captureOf(file) }));
  const played = captures.map(({ file, capture }) => ({
    file,
    capture,
    server: flags.server ?? serverOf(file, capture),
  }));
  const stdout = new Gathered((text) => process.stdout.write(text));
  const json: Sink[] = flags.json ? [stdout] : [];
  if (flags.save !== undefined) json.push(saveTo(flags.save));
  if (flags.expect !== undefined) json.push(new Expectation(flags.expect, differs));
  const whole = new JsonResult((piece) => {
    for (const sink of json) sink.write(piece);
  });
  const report = new Report(zone, name);
  whole.begin();
  for (const [n, { file, capture, server }] of played.entries()) {
    const title = basename(file);
    if (!flags.json && n > 0) stdout.write('\n');
    let begun: ReplayBegin | undefined;
    const end = replay(
      capture,
      { server, zone },
      {
        onBegin: (begin) => {
          begun = begin;
          whole.file(title, begin);
          if (!flags.json) stdout.write(report.begin(title, begin, capture.summary));
        },
        onCall: (call) => {
          if (json.length > 0) whole.call(call);
          if (!flags.json) stdout.write(report.call(call));
        },
      },
    );
    whole.fileEnd(end);
    if (!flags.json && begun !== undefined) stdout.write(report.end(begun, end));
  }
  whole.end();
  for (const sink of json) sink.end();
  stdout.end();
}

function differs(line: string): void {
  process.stderr.write(`callchart: not as expected: ${line}\n`);
  process.exitCode = 1;
}

function captureOf(file: string): Capture {
  const read = readCapture(file);
  if (!read.ok) throw new StartError('capture-unusable', `${file}: ${refusal(read.problem)}`);
  return read.capture;
}

function refusal({ code, message }: CaptureProblem): string {
  return code === 'unreadable' ? message : `${message}; give a pcap or pcapng file`;
}

function serverOf(file: string, capture: Capture): Endpoint {
  const found = findServerAddress(capture);
  if (found.kind === 'found') return found.server;
  if (found.kind === 'none')
    throw new StartError('capture-unusable', `${file}: there is no SIP over UDP in it${overTcp(capture)}`);
  const candidates = found.candidates.map(({ server }) =>
    formatHostPort({ host: server.address, port: server.port }),
  );
  throw new StartError(
    'capture-unusable',
    `${file}: the server may be any of ${candidates.join(', ')}; say which with --server`,
  );
}

function overTcp({ summary: { sipOverTcp } }: Capture): string {
  return sipOverTcp === 0 ? '' : `, and the ${sipOverTcp} SIP messages over TCP are not read`;
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
