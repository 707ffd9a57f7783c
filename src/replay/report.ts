// A replay for people: each call with its parties, states, diary and messages, then what the captured server did otherwise.
import { WallTime, type ZoneOffset } from '../journal/wall-time.ts';
import type { Difference, Why } from './differences.ts';
import type { Replay, ReplayedCall, WouldSend } from './replay.ts';

const WORDS: Record<Why, string> = {
  'answered-itself': 'answered it itself; the phone it was meant for never saw it',
  'never-forwarded': 'the captured server kept it to itself',
  'passed-retransmissions': 'passed on retransmissions, which ours absorbs',
  'passed-hop-by-hop': 'passed on what ends hop by hop',
  'asked-again': 'no answer in the capture: ours asks again',
  'other-status': 'another answer',
  unexplained: 'unexplained',
};

export function report(name: string, replay: Replay, zone: ZoneOffset): string {
  const time = new WallTime(zone);
  const clock = (at: number) => time.local(at).slice(11);
  const out: string[] = [];
  const seconds = ((replay.ended - replay.began) / 1000).toFixed(3);
  out.push(
    `${name}: ${replay.messages} SIP messages in ${seconds} s from ${time.local(replay.began)}; server ${replay.server}; ${replay.fromPhones} from phones played`,
  );
  for (const { aor, contact, at } of replay.inferred) {
    out.push(`inferred registration: ${aor} as ${contact} from ${at} (no REGISTER of it in the capture)`);
  }
  for (const call of replay.calls) out.push('', ...callLines(call, clock));
  if (replay.others.length > 0)
    out.push('', 'outside of calls we would send', ...sends(replay.others, clock));
  const drops = Object.entries(replay.drops);
  if (drops.length > 0) out.push('', `dropped: ${drops.map(([reason, n]) => `${reason} ${n}`).join(', ')}`);
  out.push('', ...differenceLines(replay.differences));
  return `${out.join('\n')}\n`;
}

function callLines(call: ReplayedCall, clock: (at: number) => string): string[] {
  const what = call.machine === 'dialog' ? 'call' : 'subscription';
  const marks = [
    call.adopted ? 'adopted: the capture begins in its middle' : '',
    call.origin === undefined ? '' : `${call.origin.why} of ${call.origin.callId}`,
    call.over ? '' : 'the capture ends before it does',
  ].filter((mark) => mark !== '');
  const lines = [
    `${what} ${call.callId}  ${call.from} >> ${call.to}${marks.length > 0 ? `  [${marks.join('; ')}]` : ''}`,
  ];
  lines.push('  states');
  for (const { at, to, cause, notes } of call.states) {
    lines.push(
      `    ${clock(at)}  ${cause.padEnd(12)} ${to}${notes.length > 0 ? `  (${notes.join(', ')})` : ''}`,
    );
  }
  lines.push('  diary');
  for (const line of call.diary) lines.push(`    ${line}`);
  lines.push('  we would send', ...sends(call.sends, clock));
  return lines;
}

function sends(all: readonly WouldSend[], clock: (at: number) => string): string[] {
  return all.map(({ at, to, what, cseq }) => `    ${clock(at)}  to ${to.padEnd(21)} ${what}  (${cseq})`);
}

function differenceLines(differences: readonly Difference[]): string[] {
  if (differences.length === 0) return ['the captured server sent the same messages'];
  const lines = ['the captured server did otherwise'];
  for (const { who, what, to, callId, cseq, times, why } of differences) {
    const sender = who === 'captured' ? 'it sent   ' : 'we send   ';
    const often = times > 1 ? ` ${times} times` : '';
    lines.push(`  ${sender}${what} to ${to}${often}  (${callId}, ${cseq}): ${WORDS[why]}`);
  }
  return lines;
}
