// An ended call as it is kept: what its record says and the states it went through, as JSON and as a row.
import type { Side } from '../../machines/types.ts';
import type { CallRecord, Outcome } from '../journal/call-record.ts';
import type { DialogFacts } from '../journal/transition.ts';
import { JsonWriter } from '../json/json-writer.ts';
import type { Row, Value } from './database.ts';

/** Safe as JSON. Instants are ms since the epoch; absent: it did not come to that. */
export interface StoredCall {
  readonly callId: string;
  readonly machine: DialogFacts['machine'];
  readonly from: string;
  readonly to: string;
  /** Who rang, answered or refused in place of `to`. */
  readonly callee?: string;
  readonly startedAt: number;
  readonly ringingAt?: number;
  readonly answeredAt?: number;
  readonly endedAt: number;
  readonly outcome: Outcome;
  readonly status?: number;
  readonly endedBy?: Side;
  readonly video: boolean;
  /** Its last. */
  readonly state: string;
  readonly origin?: NonNullable<DialogFacts['origin']>;
  readonly transitions: number;
  readonly steps: readonly StoredStep[];
  /** Steps between the first ten and the last thirty that were not kept. */
  readonly skipped: number;
}

/** What led to a state, and ms after the start. A tuple: names would make a third of the record. */
export type StoredStep = readonly [after: number, state: string, cause: string, by?: Side];

/** What a call went through, as `Histories` gives it at the end. */
export interface Gone {
  readonly steps: readonly {
    readonly at: number;
    readonly to: string;
    readonly cause: string;
    readonly by: Side | undefined;
  }[];
  readonly skipped: number;
}

/** Writes a StoredCall. `record` as it came out of the call's last transition; `history`, what was gathered of it. */
export function writeStored(out: JsonWriter, record: CallRecord, history: Gone | undefined): void {
  const { dialog, callee, startedAt, ringingAt, answeredAt, endedAt = startedAt, status, endedBy } = record;
  const field = (name: string, value: string | number | undefined) => {
    if (value === undefined) return;
    out.plain(name);
    if (typeof value === 'number') out.number(value);
    else out.quoted(value);
  };
  field('{"callId":', dialog.callId);
  field(',"machine":', dialog.machine);
  field(',"from":', dialog.from);
  field(',"to":', dialog.to);
  field(',"callee":', callee);
  field(',"startedAt":', startedAt);
  field(',"ringingAt":', ringingAt);
  field(',"answeredAt":', answeredAt);
  field(',"endedAt":', endedAt);
  field(',"outcome":', record.outcome ?? 'failed');
  field(',"status":', status);
  field(',"endedBy":', endedBy);
  out.plain(record.video ? ',"video":true' : ',"video":false');
  field(',"state":', record.state);
  if (dialog.origin !== undefined) {
    out.plain(',"origin":');
    out.value(dialog.origin);
  }
  field(',"transitions":', record.transitions);
  out.plain(',"steps":[');
  let isFirst = true;
  for (const { at, to, cause, by } of history?.steps ?? []) {
    out.plain(isFirst ? '[' : ',[');
    isFirst = false;
    out.number(at - startedAt);
    field(',', to);
    field(',', cause);
    field(',', by);
    out.plain(']');
  }
  field('],"skipped":', history?.skipped ?? 0);
  out.plain('}');
}

/** The same as an object. */
export function storedCall(record: CallRecord, history: Gone | undefined): StoredCall {
  const out = new JsonWriter();
  writeStored(out, record, history);
  return JSON.parse(out.toString()) as StoredCall;
}

/** The record it was made of. */
export function toRecord({
  callId,
  machine,
  from,
  to,
  origin,
  steps,
  skipped,
  ...rest
}: StoredCall): CallRecord {
  const dialog = { callId, machine, from, to, ...(origin && { origin }) };
  const { callee, ringingAt, answeredAt, status, endedBy } = rest;
  return { ...rest, dialog, callee, ringingAt, answeredAt, status, endedBy };
}

/** In the order of COLUMNS. Throws for what is no call: it may be cut, or none of ours. */
export function rowOf(call: StoredCall): Value[] {
  const row = [
    String(call.callId),
    call.machine,
    call.from,
    call.to,
    call.callee ?? null,
    call.startedAt,
    call.ringingAt ?? null,
    call.answeredAt ?? null,
    call.endedAt,
    call.outcome,
    call.status ?? null,
    call.endedBy ?? null,
    call.video ? 1 : 0,
    call.state,
    call.origin?.callId ?? null,
    call.origin?.why ?? null,
    call.transitions,
    JSON.stringify(call.steps),
    call.skipped,
  ];
  if (row.includes(undefined as never)) throw new TypeError('something of it is missing');
  return row;
}

/** Could it be stored? */
export function isWhole(call: StoredCall): boolean {
  try {
    rowOf(call);
    return true;
  } catch {
    return false;
  }
}

export const COLUMNS = [
  'call_id',
  'machine',
  'from_aor',
  'to_aor',
  'callee_aor',
  'started_at',
  'ringing_at',
  'answered_at',
  'ended_at',
  'outcome',
  'status',
  'ended_by',
  'video',
  'state',
  'origin_call_id',
  'origin_why',
  'transitions',
  'steps',
  'skipped_steps',
] as const;

/** A row back as the call it was made of; what stands in the file is trusted as far as its types go. */
export function callOf(row: Row): StoredCall {
  const given = (name: string, column: (typeof COLUMNS)[number]) =>
    row[column] === null ? {} : { [name]: row[column] };
  return {
    callId: row.call_id,
    machine: row.machine,
    from: row.from_aor,
    to: row.to_aor,
    ...given('callee', 'callee_aor'),
    startedAt: row.started_at,
    ...given('ringingAt', 'ringing_at'),
    ...given('answeredAt', 'answered_at'),
    endedAt: row.ended_at,
    outcome: row.outcome,
    ...given('status', 'status'),
    ...given('endedBy', 'ended_by'),
    video: row.video === 1,
    state: row.state,
    ...(row.origin_call_id !== null && { origin: { callId: row.origin_call_id, why: row.origin_why } }),
    transitions: row.transitions,
    steps: JSON.parse(String(row.steps)),
    skipped: row.skipped_steps,
  } as StoredCall;
}
