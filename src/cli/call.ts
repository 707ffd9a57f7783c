// `callchart call ID`: one call, live or ended, with the states it went through and what brought it there.
import type { Command } from 'commander';
import { StartError } from '../config/start-error.ts';
import type { CallDetailAnswer } from '../control/answers.ts';
import { asking, askingCommand, folderOf } from './asking.ts';
import { oneCall } from './past-calls.ts';
import { harmless, lasted, localTime, stateWords, table } from './words.ts';

export function callCommand(): Command {
  return askingCommand('call', 'show one call, live or ended: parties, states with times and causes, outcome')
    .argument('<CALL-ID>', 'its Call-ID; its beginning will do when no other begins so')
    .option('--json', 'as one JSON object')
    .addHelpText('after', '\nWhen no server runs, they are read from its data folder.')
    .action((callId: string, flags: Record<string, unknown>) =>
      asking(async () => {
        if (callId === '')
          throw new StartError('usage', 'the Call-ID is empty; "callchart calls" lists them');
        const { call, isLeft } = await oneCall(folderOf(flags), callId);
        process.stdout.write(flags.json === true ? `${JSON.stringify(call)}\n` : told(call, isLeft));
      }),
    );
}

/** `isLeft`: it lived when its server ended, and nobody carries it. */
export function told(call: CallDetailAnswer, isLeft = false): string {
  const { parties, origin } = call;
  const what = call.machine === 'subscription' ? 'subscription' : 'call';
  const facts: [name: string, value: string][] = [
    ['Call-ID', call.callId],
    ['state', stateWords(call.state)],
    ['started', localTime(call.started)],
  ];
  if (call.callee !== undefined) facts.push(['taken by', call.callee]);
  if (call.ringing !== undefined) facts.push(['ringing', since(call.started, call.ringing)]);
  if (call.answered !== undefined) facts.push(['answered', since(call.started, call.answered)]);
  if (call.ended !== undefined) facts.push(['ended', since(call.started, call.ended)]);
  facts.push(['outcome', outcome(call, isLeft)]);
  if (origin !== undefined) facts.push(['comes from', `${origin.callId} (${origin.why})`]);
  const head = `${what} from ${harmless(parties.from)} to ${harmless(parties.to)}\n\n`;
  const rows = call.states.map(({ time, state, cause, by }) => [
    localTime(time).slice(11),
    stateWords(state),
    by === undefined ? cause : `${cause} of the ${by}`,
  ]);
  if (call.skippedStates !== undefined) rows.splice(10, 0, ['...', `${call.skippedStates} more`, '']);
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `  ${name.padEnd(width)}  ${harmless(value)}\n`).join('');
  const states = table(['TIME', 'STATE', 'BY'], rows).replace(/^/gm, '  ').trimEnd();
  return `${head}${lines}\n${states}\n`;
}

/** `2026-05-04 13:07:12,192 (after 3.1 s)`, `(after 80 ms)`. */
function since(from: string, to: string): string {
  const ms = Date.parse(to) - Date.parse(from);
  return `${localTime(to)} (after ${ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`})`;
}

function outcome(call: CallDetailAnswer, isLeft: boolean): string {
  const { outcome, status, endedBy, answered, talkMs, machine } = call;
  const facts = [
    ...(status === undefined ? [] : [String(status)]),
    ...(endedBy === undefined ? [] : [`ended by the ${endedBy}`]),
    ...(talkMs === undefined || machine === 'subscription' ? [] : [`${lasted(talkMs)} of talk`]),
  ];
  const soFar = answered === undefined ? 'none so far' : 'answered so far';
  const lately = `${answered === undefined ? 'not answered' : 'answered'}; no server runs`;
  const word = outcome ?? (isLeft ? lately : soFar);
  return facts.length === 0 ? word : `${word} (${facts.join(', ')})`;
}
