// What people do with their phones in the torture: calls and subscriptions in every state, each on its own and at its own pace.
import { setTimeout as pause } from 'node:timers/promises';
import type { Message } from '../wire/puppet-message.ts';
import { type InviteAsking, Leg } from './leg.ts';
import type { Phone } from './phone.ts';

/** A number in [0, 1). */
type Chance = () => number;

/** A line of the diary; one that may be missing where phones cannot know. */
export interface Line {
  readonly text: string;
  readonly optional: boolean;
}

export type Kind = 'call' | 'fork' | 'unreachable' | 'subscription' | 'refer' | 'deserted';

/** One call as its phones know it. */
export class Call {
  readonly callId: string;
  readonly kind: Kind;
  readonly chance: Chance;
  /** The diary as it must be in the end. */
  readonly lines: Line[] = [];
  /** Outcomes the record may have. */
  outcomes: readonly string[] = [];
  /** What it is doing, for people. */
  phase = 'begun';
  /** How the server has to name its state while nothing happens; undefined: something does. */
  settled: RegExp | undefined;
  /** Counts each thing that happens. */
  version = 0;
  /** The caller has heard it ring, or a dialog was made; nobody has begun to end it. */
  isUp = false;
  over = false;
  /** The server died before anybody could know that it is kept: it may have forgotten it, and begin anew. */
  mayBegin = false;
  /** It was forgotten: nobody waits for it any more. */
  isLost = false;
  /** When it began to try, ms; 0: what came of it has been heard. */
  tryingSince = performance.now();
  /** Has the caller heard that its INVITE has come, so that it repeats it no more? */
  isHeard: () => boolean = () => false;
  readonly lost: Promise<void>;
  lose: () => void = () => {};
  failure: string | undefined;
  readonly trace: string[] = [];

  constructor(callId: string, kind: Kind, chance: Chance) {
    this.callId = callId;
    this.kind = kind;
    this.chance = chance;
    this.lost = new Promise((resolve) => {
      this.lose = resolve;
    });
  }

  /** `settled`: it stays so until the next step. */
  at(phase: string, settled?: RegExp): void {
    this.phase = phase;
    this.settled = settled;
    this.version++;
    this.trace.push(`-- ${phase}`);
  }

  tell(text: string, optional = false): void {
    this.lines.push({ text, optional });
  }

  /** 0 to n - 1. */
  pick(n: number): number {
    return Math.floor(this.chance() * n);
  }

  one<T>(of: readonly T[]): T {
    return of[this.pick(of.length)] as T;
  }

  /** People think: mostly a moment, now and then for long; in a storm no longer. */
  async think(): Promise<void> {
    const r = this.chance();
    const ms = r < 0.3 ? 0 : r < 0.85 ? this.chance() * 400 : 400 + this.chance() * 2000;
    let wake = (): void => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
      thinking.add(wake);
    });
    await Promise.race([pause(ms), woken]);
    thinking.delete(wake);
  }
}

const thinking = new Set<() => void>();

/** Everybody who thinks acts, all at the same moment. */
export function storm(): void {
  for (const wake of thinking) wake();
}

const sdp = (direction: string, video = '') =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=${direction}\r\n${video}`;
const AUDIO = sdp('sendrecv');
const VIDEO = sdp('sendrecv', 'm=video 4002 RTP/AVP 96\r\n');
const NO_VIDEO = sdp('sendrecv', 'm=video 0 RTP/AVP 96\r\n');
const HOLD = sdp('sendonly');
const HELD = sdp('recvonly');

/** One side of an answered call. */
interface Talk {
  readonly call: Call;
  readonly out: Leg;
  readonly inc: Leg;
  media: 'audio' | 'video' | 'held';
  transfer: 'idle' | 'referred' | 'transferred' | 'failed';
  heldBy: Leg | undefined;
}

export async function basicCall(call: Call, from: Phone, to: Phone): Promise<void> {
  const out = new Leg(from, call.callId, to.aor);
  const inc = new Leg(to, call.callId, from.aor);
  call.tell(`Incomming Call From: ${from.aor} >> To: ${to.aor}`);
  call.at('INVITE under way');
  const invite = out.invite(AUDIO);
  call.isHeard = invite.isHeard;
  const request = await inc.take('INVITE');
  call.tryingSince = performance.now();
  call.at('trying', /^trying$/);
  await call.think();
  if (call.chance() < 0.9) await ring(call, invite, () => inc.respond(request, 180));
  else if (call.chance() < 0.5) call.tell(`\tCall Ringing at ${to.aor}`, true);
  if (call.phase === 'ringing') await call.think();
  const r = call.chance();
  if (r < 0.12) await decline(call, invite, inc, request);
  else if (r < 0.3) await cancel(call, out, inc, invite, request);
  else {
    const talk = await answer(call, out, inc, invite, request);
    await converse(talk);
  }
  done(call, out, inc);
}

async function ring(call: Call, invite: InviteAsking, say: () => void): Promise<void> {
  call.at('180 under way');
  say();
  // a 180 that met no server is said again only when the INVITE comes again
  for (let i = 0; i < 150 && !invite.isRinging(); i++) await pause(20);
  const [, to = ''] = /To: (.*)$/.exec(call.lines[0]?.text ?? '') ?? [];
  call.tell(`\tCall Ringing at ${to}`, !invite.isRinging());
  call.isUp = invite.isRinging();
  if (call.isUp) call.tryingSince = 0;
  call.at('ringing', invite.isRinging() ? /^ringing$/ : /^(ringing|trying)$/);
}

async function decline(call: Call, invite: InviteAsking, inc: Leg, request: Message): Promise<void> {
  const [status, entry, outcome] = call.one([
    [486, 'Refused as Busy', 'busy'],
    [603, 'Declined', 'declined'],
    [480, 'Not Answered', 'no-answer'],
    [500, '', 'failed'],
  ] as const);
  call.isUp = false;
  call.at('refusal under way');
  inc.respond(request, status);
  const final = await invite.final;
  call.tryingSince = 0;
  if (final.status !== status) throw new Error(`the caller heard ${final.status} for ${status}`);
  call.tell(entry === '' ? `\tCall Has Failed (${status})` : `\tCall ${entry} by ${inc.phone.aor}`);
  call.outcomes = [outcome];
  call.at('refused');
  await inc.phone.acked(request);
}

/** Cancelled while it rings, or before; now and then the callee answers at the same moment. */
async function cancel(call: Call, out: Leg, inc: Leg, invite: InviteAsking, request: Message): Promise<void> {
  for (let i = 0; i < 500 && !invite.isHeard(); i++) await pause(20);
  const rang = invite.isRinging();
  call.isUp = false;
  call.at('cancelling');
  const races = call.chance() < 0.25;
  const isFirst = call.chance() < 0.5;
  if (races && isFirst) inc.respond(request, 200, { body: AUDIO });
  const cancelled = out.cancel(invite);
  if (races && !isFirst) inc.respond(request, 200, { body: AUDIO });
  else if (!rang && !races) {
    // it is cancelled only once it has been heard of: the phone rings at last
    await call.think();
    inc.respond(request, 180);
  }
  if (!rang) call.tell(`\tCall Ringing at ${inc.phone.aor}`, true);
  const { status } = await cancelled.final;
  if (status !== 200 && status !== 481) throw new Error(`${status} for a CANCEL`);
  const final = await invite.final;
  call.tryingSince = 0;
  if (final.status === 487) {
    call.tell(`\tCall Cancelled by ${out.phone.aor}`);
    call.outcomes = ['cancelled'];
    call.at('cancelled');
    await inc.phone.acked(request);
  } else if (final.status === 200) {
    out.ack(invite, final);
    await inc.phone.acked(request);
    call.tell(`\tCall Answered by ${inc.phone.aor}`);
    call.outcomes = ['answered'];
    call.at('answered all the same');
    await call.think();
    await bye(call, out, inc);
  } else throw new Error(`${final.status} for a cancelled INVITE`);
}

async function answer(
  call: Call,
  out: Leg,
  inc: Leg,
  invite: InviteAsking,
  request: Message,
  lines: readonly string[] = [],
): Promise<Talk> {
  call.at('answer under way');
  inc.respond(request, 200, { body: AUDIO, lines });
  const final = await invite.final;
  call.tryingSince = 0;
  if (final.status !== 200) throw new Error(`the caller heard ${final.status} for 200`);
  call.tell(`\tCall Answered by ${inc.phone.aor}`);
  call.outcomes = ['answered'];
  call.isUp = true;
  call.at('ACK under way');
  out.ack(invite, final);
  await inc.phone.acked(request);
  return { call, out, inc, media: 'audio', transfer: 'idle', heldBy: undefined };
}

/** Things that are done in a call, and its end. */
async function converse(talk: Talk): Promise<void> {
  const { call } = talk;
  for (let steps = call.pick(5); ; steps--) {
    rest(talk);
    await call.think();
    if (steps <= 0) break;
    const [by, other] = call.chance() < 0.5 ? [talk.out, talk.inc] : [talk.inc, talk.out];
    if (talk.media === 'held') await resume(talk);
    else if (talk.media === 'video') await video(talk, by, other, false);
    else if (talk.transfer === 'referred') await notified(talk, talk.out, talk.inc);
    else
      await call.one([
        () => hold(talk, by, other),
        () => hold(talk, by, other),
        () => video(talk, by, other, true),
        () => video(talk, by, other, true),
        () => refresh(talk, by, other),
        () => refused(talk, by, other),
        () => ask(talk, by, other, call.one(['INFO', 'UPDATE', 'OPTIONS'])),
        () => refer(talk, by, other),
        () => refer(talk, by, other),
      ])();
  }
  if (call.chance() < 0.15) await crossingByes(call, talk.out, talk.inc);
  else if (call.chance() < 0.5) await bye(call, talk.out, talk.inc);
  else await bye(call, talk.inc, talk.out);
}

function rest({ call, media, transfer }: Talk): void {
  const name = media === 'audio' && transfer === 'idle' ? 'confirmed' : media === 'audio' ? transfer : media;
  call.at(name, new RegExp(`^confirmed\\.media\\.${media}\\|transfer\\.${transfer}$`));
}

/** A re-INVITE and its answer, each in its time. */
async function reinvite(
  { call, transfer }: Talk,
  { by, other }: { by: Leg; other: Leg },
  { offer, status, answer, pending }: { offer: string; status: number; answer: string; pending: string },
): Promise<void> {
  call.at('re-INVITE under way');
  const asked = by.invite(offer);
  const request = await other.take('INVITE');
  call.at('re-INVITE pending', new RegExp(`^confirmed\\.media\\.${pending}\\|transfer\\.${transfer}$`));
  if (call.chance() < 0.7) await call.think();
  call.at('re-INVITE being answered');
  other.respond(request, status, answer === '' ? {} : { body: answer });
  const final = await asked.final;
  if (final.status !== status) throw new Error(`${final.status} for the ${status} of a re-INVITE`);
  if (status === 200) by.ack(asked, final);
  await other.phone.acked(request);
}

async function hold(talk: Talk, by: Leg, other: Leg): Promise<void> {
  await reinvite(talk, { by, other }, { offer: HOLD, status: 200, answer: HELD, pending: 'reinvite' });
  talk.call.tell(`\tCall Put On Hold by ${by.phone.aor}`);
  talk.media = 'held';
  talk.heldBy = by;
}

async function resume(talk: Talk): Promise<void> {
  const { out, inc } = talk;
  const by = talk.heldBy ?? out;
  const other = by === out ? inc : out;
  await reinvite(talk, { by, other }, { offer: AUDIO, status: 200, answer: AUDIO, pending: 'reinvite' });
  talk.call.tell(`\tCall Resumed by ${by.phone.aor}`);
  talk.media = 'audio';
}

async function video(talk: Talk, by: Leg, other: Leg, on: boolean): Promise<void> {
  const { call } = talk;
  const word = on ? 'ON' : 'OFF';
  call.tell(`\tRequested Video Call ${word} From: ${by.phone.aor} >> To: ${other.phone.aor}`);
  const pending = on ? 'reinvite-video' : 'reinvite-audio';
  const offer = on ? VIDEO : NO_VIDEO;
  const refuses = on && call.chance() < 0.3;
  const [status, answer] = !refuses
    ? ([200, offer] as const)
    : call.one([
        [200, NO_VIDEO],
        [488, ''],
      ] as const);
  await reinvite(talk, { by, other }, { offer, status, answer, pending });
  call.tell(refuses ? '\t\tVideo Call REFUSED' : `\t\tVideo Call ${word}`);
  if (!refuses) talk.media = on ? 'video' : 'audio';
}

async function refresh(talk: Talk, by: Leg, other: Leg): Promise<void> {
  await reinvite(talk, { by, other }, { offer: AUDIO, status: 200, answer: AUDIO, pending: 'reinvite' });
}

async function refused(talk: Talk, by: Leg, other: Leg): Promise<void> {
  const status = talk.call.one([488, 491]);
  await reinvite(talk, { by, other }, { offer: HOLD, status, answer: '', pending: 'reinvite' });
}

async function ask({ call }: Talk, by: Leg, other: Leg, method: string): Promise<void> {
  call.at(`${method} under way`);
  const asked = by.ask(method);
  other.respond(await other.take(method), 200);
  const { status } = await asked.final;
  if (status !== 200) throw new Error(`${status} for ${method}`);
}

async function refer(talk: Talk, by: Leg, other: Leg): Promise<void> {
  const { call } = talk;
  call.at('REFER under way');
  call.tell(`\tRequested Call Transfer From: ${by.phone.aor} >> To: ${other.phone.aor}`);
  const asked = by.ask('REFER', [`Refer-To: <sip:third@${by.phone.domain}>`]);
  const request = await other.take('REFER');
  if (call.chance() < 0.2) {
    other.respond(request, 603);
    const { status } = await asked.final;
    if (status !== 603) throw new Error(`${status} for the 603 of a REFER`);
    call.tell('\t\tCall Transfer REFUSED (603)');
    talk.transfer = 'idle';
    return;
  }
  other.respond(request, 202);
  const { status } = await asked.final;
  if (status !== 202) throw new Error(`${status} for the 202 of a REFER`);
  talk.transfer = 'referred';
  call.at('REFER in progress');
  await call.think();
  await notified(talk, other, by);
}

/** The NOTIFYs of a REFER. */
async function notified(talk: Talk, by: Leg, other: Leg): Promise<void> {
  const { call } = talk;
  if (call.chance() < 0.8) {
    call.tell('\t\tCall Transfer In Progress (100)');
    await notify(call, by, other, 'SIP/2.0 100 Trying', 'active;expires=60');
    call.at('REFER in progress', new RegExp(`^confirmed\\.media\\.${talk.media}\\|transfer\\.referred$`));
    await call.think();
  }
  const isDone = call.chance() < 0.6;
  call.tell(isDone ? '\t\tCall Transfer DONE' : '\t\tCall Transfer FAILED (486)');
  await notify(
    call,
    by,
    other,
    isDone ? 'SIP/2.0 200 OK' : 'SIP/2.0 486 Busy',
    'terminated;reason=noresource',
  );
  talk.transfer = isDone ? 'transferred' : 'failed';
  if (isDone) call.outcomes = ['transferred'];
}

async function notify(call: Call, by: Leg, other: Leg, sipfrag: string, state: string): Promise<void> {
  call.at('NOTIFY under way');
  const asked = by.ask(
    'NOTIFY',
    ['Event: refer', `Subscription-State: ${state}`, 'Content-Type: message/sipfrag'],
    `${sipfrag}\r\n`,
  );
  other.respond(await other.take('NOTIFY'), 200);
  const { status } = await asked.final;
  if (status !== 200) throw new Error(`${status} for a NOTIFY`);
}

async function bye(call: Call, by: Leg, other: Leg): Promise<void> {
  call.isUp = false;
  call.at('BYE under way');
  const asked = by.ask('BYE');
  const request = await other.take('BYE');
  call.at('BYE pending');
  if (call.chance() < 0.5) await call.think();
  other.respond(request, 200);
  const { status } = await asked.final;
  if (status !== 200) throw new Error(`${status} for a BYE`);
  call.tell('\tCall Has Ended');
}

async function crossingByes(call: Call, one: Leg, other: Leg): Promise<void> {
  call.isUp = false;
  call.at('two BYEs under way');
  const asked = [one.ask('BYE'), other.ask('BYE')];
  for (const leg of [one, other]) {
    const request = await leg.take('BYE');
    if (call.chance() < 0.5) await call.think();
    leg.respond(request, 200);
  }
  for (const { final } of asked) {
    const { status } = await final;
    if (status !== 200) throw new Error(`${status} for a BYE`);
  }
  call.tell('\tCall Has Ended');
}

/** Two phones of one person ring; one answers, or the caller gives up. */
export async function forkedCall(call: Call, from: Phone, to: readonly Phone[]): Promise<void> {
  const aor = to[0]?.aor ?? '';
  const out = new Leg(from, call.callId, aor);
  const forks = to.map((phone) => new Leg(phone, call.callId, from.aor));
  call.tell(`Incomming Call From: ${from.aor} >> To: ${aor}`);
  call.at('forked INVITE under way');
  const invite = out.invite(AUDIO);
  call.isHeard = invite.isHeard;
  const requests: Message[] = [];
  for (const fork of forks) requests.push(await fork.take('INVITE'));
  call.tryingSince = performance.now();
  call.at('forked, trying', /^trying$/);
  await call.think();
  await ring(call, invite, () => {
    for (const [i, fork] of forks.entries()) fork.respond(requests[i] as Message, 180);
  });
  await call.think();
  const winner = call.pick(forks.length);
  const inc = forks[winner] as Leg;
  const request = requests[winner] as Message;
  if (call.chance() < 0.3) {
    call.isUp = false;
    call.at('forked, cancelling');
    await out.cancel(invite).final;
    const final = await invite.final;
    call.tryingSince = 0;
    if (final.status !== 487) throw new Error(`${final.status} for a cancelled INVITE`);
    call.tell(`\tCall Cancelled by ${from.aor}`);
    call.outcomes = ['cancelled'];
    for (const [i, fork] of forks.entries()) await fork.phone.acked(requests[i] as Message);
    done(call, out, ...forks);
    return;
  }
  const refuses = call.chance() < 0.3;
  if (refuses) {
    const loser = 1 - winner;
    call.at('forked, one refuses');
    forks[loser]?.respond(requests[loser] as Message, 486);
    await forks[loser]?.phone.acked(requests[loser] as Message);
    call.at('ringing', /^ringing$/);
    await call.think();
  }
  const talk = await answer(call, out, inc, invite, request);
  for (const [i, fork] of forks.entries()) await fork.phone.acked(requests[i] as Message);
  await converse(talk);
  done(call, out, ...forks);
}

/** Both phones die in the middle of it: its session timer ends it. */
export async function desertedCall(call: Call, from: Phone, to: Phone): Promise<void> {
  const out = new Leg(from, call.callId, to.aor);
  const inc = new Leg(to, call.callId, from.aor);
  call.tell(`Incomming Call From: ${from.aor} >> To: ${to.aor}`);
  call.at('INVITE under way');
  const invite = out.invite(AUDIO);
  call.isHeard = invite.isHeard;
  const request = await inc.take('INVITE');
  call.tryingSince = performance.now();
  await ring(call, invite, () => inc.respond(request, 180));
  await answer(call, out, inc, invite, request, ['Session-Expires: 2;refresher=uac']);
  call.tell('\tCall Has Timed Out');
  call.outcomes = ['timed-out'];
  done(call, out, inc);
}

export async function unreachableCall(call: Call, from: Phone): Promise<void> {
  const nobody = `sip:nobody@${from.domain}`;
  const out = new Leg(from, call.callId, nobody);
  call.tell(`Incomming Call From: ${from.aor} >> To: ${nobody}`);
  call.tell(`\tCall Could Not Reach ${nobody}`);
  call.outcomes = ['unreachable'];
  call.at('unreachable');
  const final = await out.invite(AUDIO).final;
  if (final.status !== 480) throw new Error(`${final.status} for a call to nobody`);
  done(call, out);
}

/** Who is in a conference, or whether somebody is there: SUBSCRIBE, NOTIFYs, refreshes, the end. */
export async function subscription(call: Call, from: Phone, to: Phone): Promise<void> {
  const event = call.one(['conference', 'presence']);
  const isConference = event === 'conference';
  const state = isConference ? /^conference-subscribed$/ : /^subscribed$/;
  const out = new Leg(from, call.callId, to.aor);
  const inc = new Leg(to, call.callId, from.aor);
  call.outcomes = ['subscribed'];
  if (isConference) call.tell(`Conference Joined by ${from.aor} >> At: ${to.aor}`);
  call.at('SUBSCRIBE under way');
  const asked = out.ask('SUBSCRIBE', [`Event: ${event}`, 'Expires: 3600']);
  const request = await inc.take('SUBSCRIBE');
  call.at('subscribing');
  await call.think();
  inc.respond(request, 200, { lines: ['Expires: 3600'] });
  const final = await asked.final;
  call.tryingSince = 0;
  if (final.status !== 200) throw new Error(`${final.status} for a SUBSCRIBE`);
  out.established(final);
  const told = (value: string) => subscriptionNotify(call, { by: inc, other: out }, event, value);
  await told('active;expires=3600');
  call.isUp = true;
  for (let steps = call.pick(3); ; steps--) {
    call.at('subscribed', state);
    await call.think();
    if (steps <= 0) break;
    if (call.chance() < 0.5) await told('active;expires=3600');
    else await subscribeAgain(call, { by: out, other: inc }, event, 3600);
  }
  call.isUp = false;
  if (call.chance() < 0.7) await subscribeAgain(call, { by: out, other: inc }, event, 0);
  call.at('last NOTIFY under way');
  await told('terminated;reason=timeout');
  if (isConference) call.tell(`\tConference Left by ${from.aor}`);
  done(call, out, inc);
}

async function subscriptionNotify(
  call: Call,
  { by, other }: { by: Leg; other: Leg },
  event: string,
  state: string,
): Promise<void> {
  call.at('NOTIFY of a subscription under way');
  const asked = by.ask('NOTIFY', [`Event: ${event}`, `Subscription-State: ${state}`]);
  other.respond(await other.take('NOTIFY'), 200);
  const { status } = await asked.final;
  if (status !== 200) throw new Error(`${status} for a NOTIFY`);
}

async function subscribeAgain(
  call: Call,
  { by, other }: { by: Leg; other: Leg },
  event: string,
  expires: number,
): Promise<void> {
  call.at(expires === 0 ? 'un-SUBSCRIBE under way' : 'SUBSCRIBE again under way');
  const asked = by.ask('SUBSCRIBE', [`Event: ${event}`, `Expires: ${expires}`]);
  other.respond(await other.take('SUBSCRIBE'), 200, { lines: [`Expires: ${expires}`] });
  const { status } = await asked.final;
  if (status !== 200) throw new Error(`${status} for a SUBSCRIBE`);
}

/** A REFER outside any call. */
export async function referral(call: Call, from: Phone, to: Phone): Promise<void> {
  const out = new Leg(from, call.callId, to.aor);
  const inc = new Leg(to, call.callId, from.aor);
  call.tell(`\tRequested Call Transfer From: ${from.aor} >> To: ${to.aor}`);
  call.at('REFER outside a call under way');
  const asked = out.ask('REFER', [`Refer-To: <sip:third@${from.domain}>`]);
  const request = await inc.take('REFER');
  await call.think();
  inc.respond(request, 202);
  const final = await asked.final;
  call.tryingSince = 0;
  if (final.status !== 202) throw new Error(`${final.status} for a REFER`);
  out.established(final);
  call.tell('\t\tCall Transfer In Progress (100)');
  await notify(call, inc, out, 'SIP/2.0 100 Trying', 'active;expires=60');
  call.isUp = true;
  call.at('REFER outside a call in progress', /^referred$/);
  await call.think();
  call.isUp = false;
  call.tell('\t\tCall Transfer DONE');
  call.outcomes = ['transferred'];
  await notify(call, inc, out, 'SIP/2.0 200 OK', 'terminated;reason=noresource');
  done(call, out, inc);
}

function done(call: Call, ...legs: Leg[]): void {
  for (const leg of legs) {
    const [left] = leg.left;
    if (left !== undefined)
      throw new Error(`${left.method} (CSeq ${left.cseq}) came to ${leg.phone.user} once too often`);
    leg.over();
  }
  call.over = true;
  call.at('over');
}
