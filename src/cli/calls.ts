// `callchart calls`: the calls that live, or those that have ended, one line each.
import { type Command, InvalidArgumentError } from 'commander';
import { StartError } from '../config/start-error.ts';
import type { CallAnswer } from '../control/answers.ts';
import { matcher } from '../journal/of-user.ts';
import { asking, askingCommand, folderOf, write, writeLine } from './asking.ts';
import { CSV_HEAD, csvLine } from './csv.ts';
import { liveCalls } from './left-alive.ts';
import { pastCalls } from './past-calls.ts';
import { whenOf } from './when.ts';
import { lasted, shortTime, stateWords, table } from './words.ts';

interface CallsFlags {
  readonly live?: true;
  readonly past?: true;
  readonly since?: string;
  readonly until?: string;
  readonly user?: string;
  readonly limit?: number;
  readonly all?: true;
  readonly json?: true;
  readonly csv?: true;
}

/** Calls that a person wants to see at once. */
const SHOWN = 100;

export function callsCommand(): Command {
  return askingCommand('calls', 'list the calls that live in the running server, or those that have ended')
    .option('--live', 'the calls that live, the oldest first (this is the default)')
    .option('--past', 'the calls that have ended, the newest first')
    .option('--since <WHEN>', 'only those that began then or later')
    .option('--until <WHEN>', 'only those that began before; a day counts in full')
    .option('--user <AOR>', 'only those from or to this user: alice@example.org, or alice of any domain')
    .option('--limit <COUNT>', `at most so many (a list of ended calls: ${SHOWN})`, count)
    .option('--all', 'subscriptions as well')
    .option('--json', 'one JSON object a line')
    .option('--csv', 'comma-separated values with a line of names')
    .addHelpText(
      'after',
      '\nWHEN is how long ago (90m, 2h, 3d), a day (2026-05-04) or a time of it (2026-05-04T13:07), local unless it ends in Z or +02:00.\nWhen no server runs, they are read from its data folder.',
    )
    .action((flags: CallsFlags & Record<string, unknown>) => asking(() => calls(flags)));
}

async function calls(flags: CallsFlags & Record<string, unknown>): Promise<void> {
  for (const [one, other] of [
    ['live', 'past'],
    ['json', 'csv'],
  ])
    if (flags[one ?? ''] && flags[other ?? ''])
      throw new StartError('usage', `give --${one} or --${other}, not both`);
  const now = Date.now();
  const since = whenOf('since', flags.since, now);
  const until = whenOf('until', flags.until, now, true);
  if (since !== undefined && until !== undefined && since >= until)
    throw new StartError('usage', `--since ${flags.since} is not before --until ${flags.until}`);
  const isPast = flags.past === true;
  const chosen = { ...flags, since, until };
  const found = isPast ? past(folderOf(flags), chosen) : live(folderOf(flags), chosen);
  const shown: CallAnswer[] = [];
  if (flags.csv) await write(CSV_HEAD);
  for await (const call of found) {
    if (flags.json) await writeLine(JSON.stringify(call));
    else if (flags.csv) await write(csvLine(call));
    else shown.push(call);
  }
  if (flags.json || flags.csv) return;
  process.stdout.write(isPast ? listedPast(shown, now) : listed(shown, now));
}

type Chosen = Omit<CallsFlags, 'since' | 'until'> & {
  readonly since: number | undefined;
  readonly until: number | undefined;
};

async function* past(
  data: string,
  { since, until, user, all, limit, json, csv }: Chosen,
): AsyncGenerator<CallAnswer> {
  // whoever reads it into a program wants all of it
  const most = limit ?? (json || csv ? undefined : SHOWN);
  // one more, to know whether there are more
  const asked = most === undefined ? undefined : most + 1;
  let n = 0;
  for await (const call of pastCalls(data, { ask: 'past', since, until, user, all, limit: asked })) {
    if (n++ !== most) yield call;
    else if (limit === undefined) process.stderr.write('and more before these: --limit, --since, --json\n');
  }
}

async function* live(data: string, chosen: Chosen): AsyncGenerator<CallAnswer> {
  const {
    since = Number.NEGATIVE_INFINITY,
    until = Number.POSITIVE_INFINITY,
    user,
    all,
    limit,
    json,
    csv,
  } = chosen;
  const isUser = user === undefined ? () => true : matcher(user);
  let [shown, others] = [0, 0];
  for await (const call of liveCalls(data)) {
    const started = Date.parse(call.started);
    const { from, to } = call.parties;
    if (started < since || started >= until || ![from, to, call.callee ?? ''].some(isUser)) continue;
    if (!all && call.machine !== 'dialog') others++;
    else if (shown === limit) break;
    else {
      shown++;
      yield call;
    }
  }
  if (others > 0 && !json && !csv)
    process.stderr.write(`and ${others} ${others === 1 ? 'subscription' : 'subscriptions'}: --all\n`);
}

export function listed(calls: readonly CallAnswer[], now: number): string {
  return lines(calls, now, 'STATE', (call) => stateWords(call.state));
}

export function listedPast(calls: readonly CallAnswer[], now: number): string {
  return lines(calls, now, 'OUTCOME', ({ outcome = '', status }) =>
    status === undefined ? outcome : `${outcome} (${status})`,
  );
}

function lines(
  calls: readonly CallAnswer[],
  now: number,
  what: string,
  said: (call: CallAnswer) => string,
): string {
  if (calls.length === 0) return 'no calls\n';
  return table(
    ['STARTED', ' TALK', what, 'FROM', 'TO', 'CALL-ID'],
    calls.map((call) => [
      shortTime(call.started, now),
      call.talkMs === undefined ? '-' : lasted(call.talkMs),
      said(call),
      call.parties.from,
      call.parties.to,
      call.callId,
    ]),
  );
}

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('give a number of calls.');
  return Number(text);
}
