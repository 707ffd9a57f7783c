// A call that is over, as the journal tells it: what `callchart call` shows when no live call has the Call-ID.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallDetailAnswer, StateAnswer } from '../control/questions.ts';
import { NDJSON_FILE } from '../journal/journal.ts';

/** The fields of journal lines that matter here. */
interface Line {
  readonly type: 'transition' | 'call' | 'subscription';
  readonly time: string;
  readonly callId: string;
  readonly parties: CallDetailAnswer['parties'];
  readonly [field: string]: unknown;
}

/** The newest call of that Call-ID in the journal's files; undefined: they do not know it, or not its end. */
export function endedCall(folder: string, callId: string): CallDetailAnswer | undefined {
  const path = join(folder, NDJSON_FILE);
  const lines: Line[] = [];
  // a call may have begun in a file that was rotated meanwhile
  for (let n = 0; n === 0 || existsSync(`${path}.${n}`); n++) {
    const file = n === 0 ? path : `${path}.${n}`;
    if (existsSync(file)) lines.unshift(...linesOf(file, callId));
    if (lines[0]?.seq === 1) break;
  }
  const end = lines.findLastIndex(({ type }) => type !== 'transition');
  const record = lines[end];
  if (record === undefined) return undefined;
  const begin = lines.findLastIndex(({ seq }, i) => i < end && seq === 1);
  const transitions = lines.slice(Math.max(0, begin), end).filter(({ type }) => type === 'transition');
  const { v: _v, type, time, setupMs: _setup, ringMs: _ring, ...facts } = record;
  const rang = transitions.find(({ to }) => to === 'ringing');
  return {
    ...(facts as unknown as CallDetailAnswer),
    machine: type === 'subscription' ? 'subscription' : 'dialog',
    state: String(transitions.at(-1)?.to ?? 'terminated'),
    ...(rang !== undefined && { ringing: rang.time }),
    ended: time,
    states: transitions.map(stateOf),
  };
}

function stateOf({ time, to, cause, event, side }: Line): StateAnswer {
  const by = String(event).startsWith('request.') && side !== undefined ? { by: String(side) } : {};
  return { time, state: String(to), cause: String(cause), ...by };
}

function* linesOf(file: string, callId: string): Generator<Line> {
  const bytes = readFileSync(file);
  const wanted = Buffer.from(`"callId":${JSON.stringify(callId)},`);
  for (let found = bytes.indexOf(wanted); found !== -1; ) {
    const begin = bytes.lastIndexOf(10, found) + 1;
    const end = bytes.indexOf(10, found);
    const line = parsed(bytes.toString('utf8', begin, end === -1 ? bytes.length : end));
    // another call may come from this one
    if (line?.callId === callId) yield line;
    if (end === -1) return;
    found = bytes.indexOf(wanted, end);
  }
}

function parsed(line: string): Line | undefined {
  try {
    return JSON.parse(line);
  } catch {
    // cut off when a process died
    return undefined;
  }
}
