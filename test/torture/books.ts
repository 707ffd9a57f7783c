// What the server wrote of its calls, held against what their phones know: diary, journal, database.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallAnswer } from '../../src/control/answers.ts';
import type { Call, Line } from './calls.ts';

interface Entry {
  readonly type: string;
  readonly callId: string;
  readonly seq: number;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
  readonly done?: true;
  readonly outcome?: string;
  readonly notes?: readonly { readonly entry: string }[];
}

/** Both journals as they stand, by call. */
export class Books {
  readonly diary = new Map<string, string[]>();
  readonly journal = new Map<string, Entry[]>();
  readonly broken: string[] = [];
  lines = 0;

  constructor(folder: string) {
    for (const line of this.#lines(join(folder, 'dennik-hovorov.log'))) {
      const found = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: (.*) \(Call-ID: (.*)\)$/.exec(line);
      if (found === null) this.broken.push(`not a line of the diary: ${line}`);
      else push(this.diary, found[2] ?? '', found[1] ?? '');
    }
    for (const line of this.#lines(join(folder, 'journal.ndjson'))) {
      try {
        const entry: Entry = JSON.parse(line);
        push(this.journal, entry.callId, entry);
      } catch {
        this.broken.push(`not a line of the journal: ${line}`);
      }
    }
  }

  #lines(path: string): string[] {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [''];
    const torn = lines.pop();
    if (torn !== '') this.broken.push(`a torn line at the end of ${path}: ${torn}`);
    this.lines += lines.length;
    return lines;
  }

  /** What is wrong with a call that is over; `stored`: its records in the database. */
  faults(call: Call, stored: readonly CallAnswer[]): string[] {
    const faults: string[] = [];
    let diary = this.diary.get(call.callId) ?? [];
    if (call.mayBegin) diary = diary.slice(Math.max(0, diary.lastIndexOf(call.lines[0]?.text ?? '')));
    if (!fits(diary, call.lines))
      faults.push(`diary:\n  ${diary.join('\n  ')}\ninstead of\n  ${call.lines.map(shown).join('\n  ')}`);
    let entries = this.journal.get(call.callId) ?? [];
    if (call.mayBegin) entries = entries.slice(Math.max(0, lastBeginning(entries)));
    faults.push(...chainFaults(entries));
    const records = entries.filter(({ type }) => type !== 'transition');
    if (records.length !== 1 || entries.at(-1) !== records[0])
      faults.push(
        `${records.length} records in the journal, the last line is ${JSON.stringify(entries.at(-1))}`,
      );
    if (stored.length !== 1) faults.push(`${stored.length} records in the database`);
    const outcomes = [...records, ...stored].map(({ outcome }) => outcome ?? '');
    if (!outcomes.every((outcome) => call.outcomes.includes(outcome)))
      faults.push(`outcomes ${outcomes.join(', ')} instead of ${call.outcomes.join(' or ')}`);
    return faults;
  }
}

/** Transitions count up by one and each begins where the one before ended. */
function chainFaults(entries: readonly Entry[]): string[] {
  const faults: string[] = [];
  let [seq, at, done] = [0, '', false];
  for (const entry of entries) {
    if (entry.type !== 'transition') continue;
    if (entry.seq !== seq + 1) faults.push(`transition ${entry.seq} (${entry.cause}) after ${seq}`);
    if (entry.from !== at) faults.push(`transition ${entry.seq} from ${entry.from}, but it was in ${at}`);
    if (done) faults.push(`transition ${entry.seq} after the end`);
    if (entry.notes?.some((note) => note.entry === 'unexpected') === true)
      faults.push(`${entry.cause} was not expected in ${entry.from}`);
    seq = entry.seq;
    at = entry.to;
    done ||= entry.done === true;
  }
  if (!done) faults.push(`no end in the journal: it stands in ${at}`);
  return faults;
}

/** A call that was forgotten while it tried has begun anew. */
function lastBeginning(entries: readonly Entry[]): number {
  const last = entries.findLastIndex(({ seq }) => seq === 1);
  const before = entries.slice(0, last);
  return before.every(({ type, to }) => type === 'transition' && /^(trying|subscribing)$/.test(to))
    ? last
    : 0;
}

function fits(diary: readonly string[], lines: readonly Line[]): boolean {
  let at = 0;
  for (const { text, optional } of lines) {
    if (diary[at] === text) at++;
    else if (!optional) return false;
  }
  return at === diary.length;
}

function shown({ text, optional }: Line): string {
  return optional ? `(${text})` : text;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
