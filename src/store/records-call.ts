// An ended call as it is kept: what its record says and the states it went through, as JSON and as a row.
import type { Side } from '../../machines/types.ts';
import type { CallRecord, Outcome } from '../journal/call-record.ts';
import type { DialogFacts } from '../journal/transition.ts';
import { quote } from '../json/quote.ts';
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

/** JSON of a StoredCall, by hand. `record` as it came out of the call's last transition; `history`, what was gathered of it. */
export function storedText(record: CallRecord, history: Gone | undefined): string {
  const { dialog, callee, startedAt, ringingAt, answeredAt, endedAt = startedAt, status, endedBy } = record;
  const { origin } = dialog;
  let text = `{"callId":${quote(dialog.callId)},"machine":"${dialog.machine}","from":${quote(dialog.from)},"to":${quote(dialog.to)}`;
  if (callee !== undefined) text += `,"callee":${quote(callee)}`;
  text += `,"startedAt":${startedAt}`;
  if (ringingAt !== undefined) text += `,"ringingAt":${ringingAt}`;
  if (answeredAt !== undefined) text += `,"answeredAt":${answeredAt}`;
  text += `,"endedAt":${endedAt},"outcome":"${record.outcome ?? 'failed'}"`;
  if (status !== undefined) text += `,"status":${status}`;
  if (endedBy !== undefined) text += `,"endedBy":"${endedBy}"`;
  text += `,"video":${record.video},"state":"${record.state}"`;
  if (origin !== undefined) text += `,"origin":{"callId":${quote(origin.callId)},"why":"${origin.why}"}`;
  text += `,"transitions":${record.transitions},"steps":[`;
  let isFirst = true;
  for (const { at, to, cause, by } of history?.steps ?? []) {
    text += `${isFirst ? '' : ','}[${at - startedAt},"${to}",${quote(cause)}${by === undefined ? '' : `,"${by}"`}]`;
    isFirst = false;
  }
  return `${text}],"skipped":${history?.skipped ?? 0}}`;
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

/** In the order of COLUMNS. Throws for what is no call. */
export function rowOf(call: StoredCall): Value[] {
  return [
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
