// `callchart inspect`: chosen live calls in the Stately inspector of a browser on this machine.
import { connect } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { StartError } from '../config/start-error.ts';
import { ask } from '../control/client.ts';
import type { InspectAnswer } from '../control/questions.ts';
import { INSPECTOR } from '../inspect/page.ts';
import { asking, askingCommand, folderOf, writeLine } from './asking.ts';

interface InspectFlags {
  readonly user?: string;
  readonly next?: number;
  readonly port?: number;
  readonly json?: true;
}

export function inspectCommand(): Command {
  return askingCommand('inspect', 'watch chosen live calls in the Stately inspector')
    .argument('[CALL-ID]', 'this call')
    .option('--user <AOR>', 'the calls of this user, those that live and those to come')
    .option('--next <COUNT>', 'so many of the calls to come', whole(1, 1000))
    .option('--port <PORT>', 'of the page on 127.0.0.1 (default: any that is free)', whole(1, 65_535))
    .option('--json', "no page: print the inspector's messages, one JSON object a line")
    .addHelpText('after', HELP)
    .action((callId: string | undefined, flags: InspectFlags & Record<string, unknown>) =>
      asking(() => inspect(callId, flags)),
    );
}

const HELP = `
The page is Stately's (${INSPECTOR}) and comes from the internet; what it
shows of the calls goes from this machine to the browser only. Nothing else of
the server is slowed down, and nothing of it stays when the command ends.`;

async function inspect(
  callId: string | undefined,
  flags: InspectFlags & Record<string, unknown>,
): Promise<void> {
  const { user, next, port, json } = flags;
  const choices = [callId, user, next].filter((choice) => choice !== undefined);
  if (choices.length !== 1)
    throw new StartError('usage', 'which calls? give a CALL-ID, --user AOR or --next COUNT, one of them');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  process.stdout.once('error', () => stop.abort());
  const question = { ask: 'inspect', callId, user, next };
  const answers = ask(folderOf(flags), question, { patience: 0, signal: stop.signal });
  if (json) await print(answers);
  else await show(answers as AsyncGenerator<InspectAnswer>, port, stop.signal);
}

async function print(answers: AsyncGenerator<unknown>): Promise<void> {
  for await (const item of answers) {
    const answer = item as InspectAnswer;
    if ('type' in answer) await writeLine(JSON.stringify(answer));
    else if ('notice' in answer) process.stderr.write(`callchart: ${answer.notice}\n`);
  }
}

async function show(
  answers: AsyncGenerator<InspectAnswer>,
  port: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  // nothing is promised before the server has agreed
  const first = await answers.next();
  if (first.done) return;
  const { startRelay } = await import('../inspect/relay.ts');
  const relay = await startRelay({ ...(port !== undefined && { port }) }).catch((cause: unknown) => {
    throw new StartError('address-in-use', `127.0.0.1:${port ?? 0} cannot be listened on`, { cause });
  });
  try {
    process.stdout.write(`${howTo(relay.url)}\n`);
    void warnWithoutInternet();
    const hear = (answer: InspectAnswer) => {
      if ('type' in answer) relay.send(answer);
      else if ('notice' in answer) process.stderr.write(`callchart: ${answer.notice}\n`);
    };
    hear(first.value);
    for await (const answer of answers) hear(answer);
    if (signal.aborted) return;
    process.stderr.write('callchart: what was chosen is over; the page is there until Ctrl-C\n');
    await new Promise((aborted) => signal.addEventListener('abort', aborted, { once: true }));
  } finally {
    await relay.close();
  }
}

/** What a person needs to know who is to open the page. */
export function howTo(url: string): string {
  return [
    `Open this in a browser on this machine:  ${url}`,
    `It shows Stately's inspector, ${INSPECTOR}, which comes from the internet;`,
    'what it shows of the calls goes from here to that browser only. Ctrl-C ends it.',
  ].join('\n');
}

/** Says so when the inspector page cannot be reached from here. */
export async function warnWithoutInternet(): Promise<void> {
  const { hostname } = new URL(INSPECTOR);
  const isReachable = await new Promise<boolean>((known) => {
    const socket = connect({ host: hostname, port: 443, timeout: 4000 });
    const is = (reachable: boolean) => {
      socket.destroy();
      known(reachable);
    };
    socket
      .once('connect', () => is(true))
      .once('error', () => is(false))
      .once('timeout', () => is(false));
    socket.unref();
  });
  if (isReachable) return;
  process.stderr.write(
    `callchart: ${hostname} cannot be reached from here: without internet the page stays empty; "callchart inspect --json" prints what it would show\n`,
  );
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`give a whole number from ${min} to ${max}.`);
  };
}
