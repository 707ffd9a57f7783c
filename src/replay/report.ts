// A replay for people: each call with its parties, states, diary and messages, and what the captured server did otherwise.
import { WallTime, type ZoneOffset } from '../journal/wall-time.ts';
import type { Difference, Why } from './differences.ts';
import type { Habit, HabitCode } from './habits.ts';
import type { ReplayBegin, ReplayEnd, ReplayedCall, StateChange, WouldSend } from './result.ts';

/** What the captured server did. */
const WORDS: Record<Why, string> = {
  'answered-itself': 'it answered instead of the phone that was asked, and never passed it on',
  'refused-itself': 'it refused what ours passes on',
  'gave-up': 'it gave up waiting for an answer',
  'own-dialog':
    'it answered in a dialog that only it knows, because it had answered the first request itself',
  'never-forwarded': 'it kept it to itself',
  'passed-retransmissions': 'it passed on retransmissions, which ours absorbs',
  'sent-again': 'it sent again what ours sends once',
  'passed-ack': 'it passed on the ACK of a refusal, which ends at each hop',
  'passed-trying': 'it passed on the 100 of another hop',
  'no-trying': 'it did not say 100 at once',
  'asked-again': 'nobody in the capture answers in time, so ours asks again',
  challenged: 'it wanted credentials, ours is open',
  'its-own': 'a request of its own',
  'other-way': 'it sent it to another phone',
  bypassed: 'it went from phone to phone, ours stays in the path',
  'cancelled-otherwise': 'it cancelled other branches, or at another time',
  'refused-by-ours': 'ours refuses what it let pass',
  'other-answer': 'it answered otherwise',
  'outside-capture': 'not in the capture, or never sent by it',
  unexplained: 'unexplained',
};

const SHORT: Record<Why, string> = {
  'answered-itself': 'answered itself',
  'refused-itself': 'refused itself',
  'gave-up': 'gave up waiting',
  'own-dialog': 'in a dialog of its own',
  'never-forwarded': 'kept to itself',
  'passed-retransmissions': 'passed on retransmissions',
  'sent-again': 'sent again',
  'passed-ack': 'passed on the ACK of a refusal',
  'passed-trying': 'passed on a 100',
  'no-trying': 'no 100 at once',
  'asked-again': 'asked again by ours',
  challenged: 'wanted credentials',
  'its-own': 'requests of its own',
  'other-way': 'to another phone',
  bypassed: 'past the server',
  'cancelled-otherwise': 'cancelled otherwise',
  'refused-by-ours': 'refused by ours',
  'other-answer': 'answered otherwise',
  'outside-capture': 'not all in the capture',
  unexplained: 'unexplained',
};

const HABITS: Record<HabitCode, string> = {
  'max-forwards-kept': 'left Max-Forwards as it was in requests it passed on (RFC 3261 §16.6 step 3)',
  'request-uri-kept': 'sent requests to a phone under its AOR instead of its Contact (§16.6 step 2)',
  'no-record-route': 'put no Record-Route of its own into INVITEs, so later requests pass it by',
  'trying-passed-on': "passed on the phone's 100 instead of saying its own at once (§16.7 step 5, §17.2.1)",
  'ack-passed-on': 'passed on the ACK of a refusal instead of making its own (§17.1.1.3)',
  'request-copied':
    "copied the request's own headers, Contact among them, into answers it made itself (§8.2.6)",
};

/** What the reader of the file passed over. */
export interface PassedOver {
  readonly incomplete: number;
  readonly sipOverTcp: number;
  readonly sipInIcmp: number;
}

const OTHERS_SHOWN = 20;
const INFERRED_SHOWN = 50;

export class Report {
  readonly #time: WallTime;
  readonly #zoneName: string;

  constructor(zone: ZoneOffset, zoneName: string) {
    this.#time = new WallTime(zone);
    this.#zoneName = zoneName;
  }

  begin(name: string, begin: ReplayBegin, passed: PassedOver): string {
    const { began, ended, inferred } = begin;
    const out = [
      `${name}: ${count(begin.messages, 'SIP message')} in ${((ended - began) / 1000).toFixed(3)} s from ${this.#time.local(began)} ${this.#zoneName}`,
      `server ${begin.server}; played: ${begin.fromPhones} from phones; compared: ${begin.fromServer} from the captured server`,
    ];
    if (begin.past > 0) out.push(`${count(begin.past, 'message')} neither to nor from it`);
    if (passed.sipOverTcp > 0) out.push(`not played: ${count(passed.sipOverTcp, 'SIP message')} over TCP`);
    if (passed.incomplete > 0)
      out.push(`not played: ${count(passed.incomplete, 'IP packet')} of which fragments are missing`);
    if (passed.sipInIcmp > 0)
      out.push(`${count(passed.sipInIcmp, 'SIP message')} came back as undeliverable (ICMP)`);
    if (inferred.length > 0) {
      out.push('registrations the capture does not show, inferred:');
      const aors = width(inferred.slice(0, INFERRED_SHOWN).map(({ aor }) => aor));
      for (const { aor, contact, at } of inferred.slice(0, INFERRED_SHOWN))
        out.push(`  ${aor.padEnd(aors)}  at ${at}, Contact ${contact}`);
      if (inferred.length > INFERRED_SHOWN) out.push(`  and ${inferred.length - INFERRED_SHOWN} more`);
    }
    return lines(out);
  }

  call(call: ReplayedCall): string {
    const what = call.machine === 'dialog' ? 'call' : 'subscription';
    const outcome = call.over ? call.outcome : `${call.outcome ?? 'going on'} when the capture ends`;
    const out = ['', `${what} ${call.callId}  ${call.from} >> ${call.to}  (${outcome})`, ...marks(call)];
    out.push('  states');
    const causes = width(call.states.map(causeOf));
    if (call.adopted !== '') out.push(`    ${' '.repeat(12)}  ${'before'.padEnd(causes)}  ${call.adopted}`);
    for (const state of call.states) {
      const notes = state.notes.length > 0 ? `  (${state.notes.join(', ')})` : '';
      out.push(`    ${this.#clock(state.at)}  ${causeOf(state).padEnd(causes)}  ${state.to}${notes}`);
    }
    if (call.diary.length > 0) out.push('  diary', ...call.diary.map((line) => `    ${line}`));
    if (call.sends.length > 0) out.push('  we would send', ...this.#sends(call.sends));
    if (call.differences.length > 0)
      out.push(
        '  the captured server did otherwise',
        ...call.differences.map((one) => `    ${differenceLine(one)}`),
      );
    return lines(out);
  }

  end(begin: ReplayBegin, end: ReplayEnd): string {
    const out: string[] = [];
    if (end.others.length > 0) {
      out.push('', 'outside of calls we would send', ...this.#sends(end.others.slice(0, OTHERS_SHOWN)));
      if (end.others.length > OTHERS_SHOWN)
        out.push(`    and ${end.others.length - OTHERS_SHOWN} more kinds`);
    }
    if (end.otherDifferences.length > 0) {
      out.push('', 'outside of calls the captured server did otherwise');
      for (const one of end.otherDifferences)
        out.push(`    ${differenceLine(one)}${one.transactions > 1 ? `; so ${one.transactions} times` : ''}`);
    }
    const drops = Object.entries(end.drops);
    if (drops.length > 0) out.push('', `dropped: ${drops.map(([reason, n]) => `${reason} ${n}`).join(', ')}`);
    if (end.challenged > 0)
      out.push(
        '',
        `not played: ${count(end.challenged, 'request')} that the captured server answered by asking for credentials; ours does not ask`,
      );
    if (end.habits.length > 0) {
      out.push('', 'habits of the captured server');
      for (const habit of end.habits) out.push(`    ${habitLine(habit)}`);
    }
    out.push('', verdict(begin, end));
    return lines(out);
  }

  #clock(at: number): string {
    return this.#time.local(at).slice(11);
  }

  #sends(all: readonly WouldSend[]): string[] {
    const places = width(all.map(({ to }) => to));
    return all.map(({ at, to, what, cseq, times, until }) => {
      const again = times > 1 ? `, ${times} times until ${this.#clock(until)}` : '';
      return `    ${this.#clock(at)}  to ${to.padEnd(places)}  ${what}  (${cseq}${again})`;
    });
  }
}

function marks(call: ReplayedCall): string[] {
  const { adopted, missing, origin, legOf } = call;
  const out: string[] = [];
  if (origin !== undefined) out.push(`  comes from ${origin.callId} (${origin.why})`);
  if (adopted !== '') {
    const guess = call.callerGuessed ? ', and who called whom is a guess' : '';
    out.push(`  adopted: the capture begins in its middle; what came before is put in place${guess}`);
  }
  if (missing !== undefined) {
    const where = missing.at === '' ? '' : ` (${missing.at})`;
    out.push(
      `  one side only: the ${missing.side}${where} is not in the capture; ${missing.messages} of its messages told from what the server passed on`,
    );
  }
  if (call.lost > 0)
    out.push(
      `  ${count(call.lost, 'message')} of phones missing in the capture, told from what the server passed on`,
    );
  if (legOf !== undefined)
    out.push(`  a leg of ${legOf}: the captured server gives each leg a Call-ID of its own`);
  return out;
}

function causeOf({ cause, side }: StateChange): string {
  return /^[A-Z]/.test(cause) && side !== undefined ? `${cause} of ${side}` : cause;
}

function differenceLine({ cseq, why, captured, ours }: Difference): string {
  const told = [
    captured.length > 0 ? `it sent ${captured.map(sentText).join(', ')}` : '',
    ours.length > 0 ? `we send ${ours.map(sentText).join(', ')}` : '',
  ].filter((part) => part !== '');
  return `${cseq}: ${WORDS[why]} (${told.join('; ')})`;
}

function sentText({ what, to, times }: Difference['captured'][number]): string {
  return `${what} to ${to}${times > 1 ? ` ${times} times` : ''}`;
}

function habitLine({ code, times, of }: Habit): string {
  return `${HABITS[code]}: ${times} of ${of}`;
}

/** One line: what is in the file, and how the two servers differ. */
function verdict(begin: ReplayBegin, { totals, habits }: ReplayEnd): string {
  const { calls, subscriptions, adopted, halves, unfinished, differences } = totals;
  const what = [
    calls > 0 ? count(calls, 'call') : '',
    subscriptions > 0 ? count(subscriptions, 'subscription') : '',
    calls + subscriptions === 0 ? `no calls in ${count(begin.messages, 'message')}` : '',
  ].filter((part) => part !== '');
  const more = [
    adopted > 0 ? `${adopted} adopted` : '',
    halves > 0 ? `${halves} with one side missing` : '',
    unfinished > 0 ? `${unfinished} not ended` : '',
  ].filter((part) => part !== '');
  const all = Object.entries(differences) as [Why, number][];
  const sum = all.reduce((total, [, n]) => total + n, 0);
  const unexplained = differences.unexplained ?? 0;
  const how =
    sum === 0
      ? 'the captured server sent the same messages'
      : `${count(sum, 'difference')}, ${unexplained === 0 ? 'all explained' : `${unexplained} unexplained`}: ${all.map(([why, n]) => `${SHORT[why]} ${n}`).join(', ')}`;
  const also = habits.length === 0 ? '' : `; ${count(habits.length, 'habit')} of its own`;
  return `verdict: ${what.join(' and ')}${more.length > 0 ? ` (${more.join(', ')})` : ''}; ${how}${also}`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

function width(all: readonly string[]): number {
  return all.reduce((most, { length }) => Math.max(most, length), 0);
}

/** What came over the wire moves no cursor and opens no line of its own. */
const UNSAFE = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u;
const EACH_UNSAFE = new RegExp(UNSAFE, 'gu');

function safe(line: string): string {
  if (!UNSAFE.test(line)) return line;
  return line.replace(
    EACH_UNSAFE,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

function lines(out: readonly string[]): string {
  return `${out.map(safe).join('\n')}\n`;
}
