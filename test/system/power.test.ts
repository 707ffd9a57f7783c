// durability: power. Whatever phones have been told is there after a power failure that takes all that was not synced.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SipRequest } from '../../src/sip/message.ts';
import { CrashDisk, chanceOf } from '../store/crash-disk.ts';
import { type Phone, routeSet, SDP, World } from './world.ts';

/** A call as its two phones know it. */
interface Call {
  readonly callId: string;
  readonly from: Phone;
  readonly to: Phone;
  readonly tag: string;
  invite: SipRequest | undefined;
  dialog: Parameters<Phone['request']>[1];
  /** What the callee has said, and what of it the caller has heard. */
  said: number;
  heard: number;
  /** A BYE: sent, and answered as far as its sender knows. */
  bye: 'none' | 'sent' | 'answered';
}

class Outage {
  readonly #disk = new CrashDisk();
  readonly #world = new World({ disk: this.#disk });
  readonly #chance: () => number;
  readonly #phones: Phone[];
  /** Whether it is registered as far as it knows; undefined: an answer is owed. */
  readonly #registered = new Map<Phone, boolean | undefined>();
  readonly #cseqs = new Map<Phone, number>();
  readonly #calls: Call[] = [];
  /** How many were up when the power failed. */
  up = 0;

  constructor(seed: number) {
    this.#chance = chanceOf(seed);
    this.#phones = ['anna', 'boris', 'cyril', 'dana'].map((user, i) =>
      this.#world.phone(user, `10.0.0.${i + 2}`),
    );
    for (const phone of this.#phones) this.#register(phone, 600);
    this.#settle();
  }

  run(steps: number): void {
    for (let i = 0; i < steps; i++) {
      this.#step();
      this.#look();
    }
    this.#disk.losePower(this.#chance);
    this.#world.kill();
    this.#check();
    this.#finish();
  }

  #pick<T>(of: readonly T[]): T | undefined {
    return of[Math.floor(this.#chance() * of.length)];
  }

  #step(): void {
    const phone = this.#pick(this.#phones) as Phone;
    const other = this.#pick(this.#phones) as Phone;
    const call = this.#pick(this.#calls);
    const r = this.#chance();
    if (r < 0.1) this.#register(phone, this.#chance() < 0.3 ? 0 : 600);
    else if (r < 0.25) {
      if (phone !== other && this.#registered.get(other) === true) this.#call(phone, other);
    } else if (r < 0.6) {
      if (call?.invite !== undefined && call.said < 200)
        this.#say(call, call.said === 0 ? 180 : (this.#pick([180, 200, 200, 486]) ?? 200));
    } else if (r < 0.7) {
      if (call?.heard === 200 && call.bye === 'none') this.#bye(call);
    } else this.#disk.settle(1 + Math.floor(this.#chance() * 4));
  }

  #register(phone: Phone, expires: number): void {
    if (this.#registered.has(phone) && this.#registered.get(phone) === undefined) return;
    const cseq = (this.#cseqs.get(phone) ?? 0) + 1;
    this.#cseqs.set(phone, cseq);
    this.#registered.set(phone, undefined);
    const callId = `${expires === 0 ? 'leave' : 'enter'}-${phone.user}`;
    const headers = [`Expires: ${expires}`];
    phone.request('REGISTER', { uri: 'sip:example.org', to: phone.aor, callId, cseq, headers });
  }

  #call(from: Phone, to: Phone): void {
    const callId = `call-${this.#calls.length}`;
    const { fromTag } = from.request('INVITE', { to: to.aor, callId, body: SDP.audio });
    this.#calls.push({
      callId,
      from,
      to,
      tag: fromTag,
      invite: undefined,
      dialog: undefined,
      said: 0,
      heard: 0,
      bye: 'none',
    });
  }

  #say(call: Call, status: number): void {
    if (call.invite === undefined) return;
    call.said = status;
    call.to.answer(call.invite, status, status === 200 ? { body: SDP.audio } : {});
  }

  #bye(call: Call): void {
    call.bye = 'sent';
    call.from.request('BYE', { ...call.dialog, cseq: 2 });
  }

  /** Phones take what has come. */
  #look(): void {
    for (const phone of this.#phones)
      for (const message of phone.inbox.splice(0)) {
        const call = this.#calls.find(({ callId }) => callId === message.callId);
        if (message instanceof SipRequest) {
          if (call !== undefined) this.#asked(call, phone, message);
        } else if (message.cseq.method === 'REGISTER') {
          expect(message.status).toBe(200);
          this.#registered.set(phone, message.callId.startsWith('enter'));
        } else if (call !== undefined && message.cseq.method === 'BYE') call.bye = 'answered';
        else if (call !== undefined && message.cseq.method === 'INVITE' && message.status > 100) {
          call.heard = Math.max(call.heard, message.status);
          if (message.status !== 200) continue;
          call.dialog = {
            callId: call.callId,
            fromTag: call.tag,
            toTag: message.to.tag ?? '',
            routes: routeSet(message),
            to: call.to.aor,
            uri: call.to.contact,
          };
          call.from.request('ACK', { ...call.dialog, cseq: 1 });
        }
      }
  }

  #asked(call: Call, phone: Phone, request: SipRequest): void {
    if (request.method === 'INVITE') call.invite = request;
    else if (request.method === 'BYE') phone.answer(request, 200);
  }

  /** All that is under way arrives. */
  #settle(): void {
    for (let i = 0; i < 20; i++) {
      this.#disk.settle();
      this.#world.settle();
      this.#look();
    }
  }

  #check(): void {
    const { core } = this.#world;
    for (const [phone, isThere] of this.#registered)
      if (isThere !== undefined)
        expect(
          [...core.location.all()].some(({ uri }) => uri === phone.contact),
          phone.user,
        ).toBe(isThere);
    for (const { callId, said, heard, bye } of this.#calls) {
      const state = core.supervisor.get(callId)?.state;
      if (heard >= 300 || bye === 'answered') expect(state, `${callId}, over`).toBeUndefined();
      else if (heard === 200 && bye === 'none') expect(state, `${callId}, answered`).toMatch(/^confirmed/);
      else if (heard === 180 && said === 180) expect(state, `${callId}, ringing`).toBe('ringing');
      else if (heard === 180 && said === 200)
        expect(state, `${callId}, being answered`).toMatch(/^(ringing|confirmed)/);
      if (state !== undefined) this.up++;
    }
  }

  /** What is up goes on: what a phone says now reaches the other. */
  #finish(): void {
    const { supervisor } = this.#world.core;
    for (const call of this.#calls) {
      const state = supervisor.get(call.callId)?.state ?? '';
      if (call.heard === 180 && call.said === 180) {
        this.#say(call, 486);
        this.#settle();
        expect(call.heard, `${call.callId}, refused afterwards`).toBe(486);
      } else if (call.heard === 200 && call.bye === 'none') {
        this.#bye(call);
        this.#settle();
        expect(call.bye, `${call.callId}, ended afterwards`).toBe('answered');
      } else if (state === 'ringing' && call.said === 200) {
        this.#say(call, 200);
        this.#settle();
        expect(call.heard, `${call.callId}, answered afterwards`).toBe(200);
      }
    }
    expect(this.#world.bugs).toEqual([]);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('what was sent was kept, whenever the power fails', () => {
  let up = 0;
  for (let seed = 0; seed < 300; seed++) {
    const outage = new Outage(seed);
    try {
      outage.run(10 + (seed % 60));
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    up += outage.up;
  }
  expect(up).toBeGreaterThan(300);
});
