// `callchart serve`: runs the server until a signal stops it, and says in one line what it serves.
import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import type { Logger } from 'pino';
import { formatHostPort } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { configOrProblems, loadConfig, type Sources } from '../config/load.ts';
import type { Relay } from '../inspect/relay.ts';
import type { RunningServer } from '../server.ts';
import { addConfigOptions, sourcesOf } from './config-options.ts';
import { howTo, warnWithoutInternet } from './inspect.ts';
import { createLog } from './log.ts';
import { stopSignals } from './stop-signals.ts';

export function serveCommand(version: string): Command {
  const command = new Command('serve').description('run the server');
  addConfigOptions(command);
  command.addOption(
    new Option(
      '--inspect [AOR]',
      'let a browser on this machine watch the calls, all or those of AOR, in the Stately inspector (needs internet)',
    ).helpGroup('Configuration:'),
  );
  command.addHelpText('after', HELP);
  return command.action((flags: Record<string, unknown>) => serve(sourcesOf(flags), version, flags.inspect));
}

const HELP = `
Every option can also stand in the YAML file and in the environment:
  --log-level debug    CALLCHART_LOG_LEVEL=debug    log: { level: debug }
A flag goes before the environment, the environment before the file. Times are
written 500ms, 5s, 2m, 12h; sizes 512KB, 10MB; switches --open and --no-open.
"callchart config print" shows what holds, and why.

Signals: SIGTERM and SIGINT let the calls there are end first, for --drain-timeout
at most (as "callchart drain" does); a second one ends them. SIGHUP reads the
configuration again (as "callchart reload" does) and opens the journal files anew.`;

/** `inspected`: true for every call, or a user's AOR. */
async function serve(sources: Sources, version: string, inspected: unknown): Promise<void> {
  const { config } = loadConfig(sources);
  const { log, drain } = createLog(config.log);
  // only this command needs the whole server in memory
  const { startServer } = await import('../server.ts');
  let running: RunningServer | undefined;
  dieLoudly(log, () => running?.flush());
  const asked = stopSignals();
  process.on('SIGHUP', () => running?.reload());
  running = await startServer(config, { log, load: () => configOrProblems(sources) });
  const inspector = inspected === undefined ? undefined : await openInspector(running, inspected);
  const lines = [startLine(running, config, version), ...(inspector ? [howTo(inspector.url)] : [])];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (inspector) void warnWithoutInternet();
  const { drain: endCalls, drained } = running;
  void asked.first.then((signal) => {
    log.info({ signal }, 'stopping');
    endCalls();
  });
  const atOnce = asked.second.then((signal) => log.warn({ signal }, 'stopping at once'));
  await Promise.race([drained, atOnce]);
  await inspector?.close();
  await running.close();
  log.info('stopped');
  await drain();
  // whatever still holds the event loop has nothing left to do
  process.exit(0);
}

async function openInspector({ lens }: RunningServer, inspected: unknown): Promise<Relay> {
  const { relayLive } = await import('../inspect/live-relay.ts');
  return relayLive(lens, typeof inspected === 'string' ? { user: inspected } : 'every call');
}

/** A bug that nobody caught leaves a process nobody can trust: it ends, but with its journal written. */
function dieLoudly(log: Logger, flush: () => void): void {
  process.on('uncaughtException', (err, origin) => {
    try {
      log.fatal({ err, origin }, 'a bug: the process ends');
      flush();
    } finally {
      process.exit(1);
    }
  });
}

/** What a person wants to know who has just typed `npm start`; it holds the word `ready` for programs that wait. */
export function startLine(running: RunningServer, config: Config, version: string): string {
  const listening = running.addresses.map(({ transport, ...at }) => `${transport}:${formatHostPort(at)}`);
  return [
    `callchart ${version} is ready on ${hostname()}: listening on ${few(listening)}`,
    `advertised as ${running.advertised}`,
    `domains ${few(running.domains)}`,
    `journal ${running.journalPath}`,
    ...admission(config),
  ].join('; ');
}

/** Who may do what, so that nobody is open to the world without knowing. */
function admission({ auth, networks, open }: Config): string[] {
  const modes = [auth.mode, ...Object.values(auth.domains)];
  const who =
    networks.allow.length > 0 ? few(networks.allow) : open ? 'everybody' : 'loopback and private networks';
  const noPassword = `open to ${who}, no password`;
  const asked = (all: boolean) =>
    `${all ? 'needs a password' : 'needs a password in some domains, elsewhere open to '.concat(who)}`;
  const registers = modes.filter((mode) => mode !== 'open').length;
  const calls = modes.filter((mode) => mode === 'required').length;
  if (registers === 0) return [`registration ${noPassword}`];
  const calling = calls === 0 ? noPassword : asked(calls === modes.length);
  return [`registration ${asked(registers === modes.length)}`, `calling ${calling}`];
}

/** A host with many interfaces would fill the screen. */
function few(names: readonly string[]): string {
  return names.length <= 8 ? names.join(' ') : `${names.slice(0, 8).join(' ')} and ${names.length - 8} more`;
}
