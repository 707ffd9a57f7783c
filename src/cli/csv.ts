// Calls as comma-separated values, RFC 4180, that no spreadsheet takes for formulas.
import type { CallAnswer } from '../control/answers.ts';
import { harmless } from './words.ts';

const FIELDS: readonly (readonly [
  name: string,
  of: (call: CallAnswer) => string | number | boolean | undefined,
])[] = [
  ['callId', (c) => c.callId],
  ['machine', (c) => c.machine],
  ['from', (c) => c.parties.from],
  ['to', (c) => c.parties.to],
  ['callee', (c) => c.callee],
  ['state', (c) => c.state],
  ['started', (c) => c.started],
  ['ringing', (c) => c.ringing],
  ['answered', (c) => c.answered],
  ['ended', (c) => c.ended],
  ['talkMs', (c) => c.talkMs],
  ['outcome', (c) => c.outcome],
  ['status', (c) => c.status],
  ['endedBy', (c) => c.endedBy],
  ['video', (c) => c.video],
  ['transitions', (c) => c.transitions],
  ['originCallId', (c) => c.origin?.callId],
  ['originWhy', (c) => c.origin?.why],
];

export const CSV_HEAD = line(FIELDS.map(([name]) => name));

/** One call, with its line end. */
export function csvLine(call: CallAnswer): string {
  return line(FIELDS.map(([, of]) => String(of(call) ?? '')));
}

function line(values: readonly string[]): string {
  return `${values.map(field).join(',')}\r\n`;
}

function field(raw: string): string {
  // a spreadsheet calculates what begins so; an apostrophe makes it text
  const text = /^[=+\-@\t\r]/.test(raw) ? `'${raw}` : raw;
  const safe = harmless(text);
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
