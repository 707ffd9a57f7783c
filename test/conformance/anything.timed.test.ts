// RFC 3261 §9, §13, §16, §17: what must hold whatever phones do and whenever, over many seeded histories of a forked call.
import { describe, expect, it } from 'vitest';
import { type SipMessage, SipRequest } from '../../src/sip/message.ts';
import { type Phone, routeSet, SDP, World } from '../system/world.ts';

function chance(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const FINALS = [200, 200, 200, 302, 401, 404, 480, 486, 486, 487, 500, 503, 600, 603];
/** Virtual ms between two looks at what has come. */
const LOOK = 400;
const WAITS = [0, 1, 10, 200, 499, 500, 2_000, 5_000, 30_000, 31_999, 32_000, 60_000, 181_000];

/** A phone that rings: what it was sent and has said on its branch. */
interface Ring {
  readonly phone: Phone;
  readonly invite: SipRequest;
  provisional: boolean;
  /** More than a 100: what a killed server remembers. */
  rang: boolean;
  final: number;
  acked: boolean;
  /** Virtual ms: when its first CANCEL came. */
  cancelled: number;
  /** Virtual ms: when it began to ring. */
  readonly since: number;
  /** It spoke when nobody waited any more: timer B has fired, or 64*T1 after the CANCEL have gone by. */
  late: boolean;
}

function ringing(phone: Phone, invite: SipRequest, since: number): Ring {
  return {
    phone,
    invite,
    provisional: false,
    rang: false,
    final: 0,
    acked: false,
    cancelled: Number.POSITIVE_INFINITY,
    since,
    late: false,
  };
}

class History {
  readonly world = new World({ config: { timers: { serial: '3s' } } });
  readonly #random: (n: number) => number;
  readonly #alice = this.world.phone('alice', '10.0.0.2');
  readonly #forks: Phone[] = [];
  readonly #rings: Ring[] = [];
  #invite: ReturnType<Phone['request']> | undefined;
  /** Finals the caller has heard: each 2xx by its tag, other ones by their status. */
  readonly #successes = new Set<string>();
  readonly #failures = new Set<string>();
  #acknowledged = false;
  #began = 0;
  #dialog: Record<string, unknown> | undefined;
  #cseq = 1;
  readonly told: string[] = [];

  readonly #dies: boolean;

  /** `dies`: the server is killed now and then, and comes back. */
  constructor(seed: number, dies = false) {
    this.#random = chance(seed);
    this.#dies = dies;
    this.#alice.register();
    for (let i = 0; i <= this.#random(3); i++) {
      const phone = this.world.phone('bob', `10.0.1.${i + 1}`);
      const q = [1, 1, 0.5, 0.1][this.#random(4)];
      phone.register({ contact: null, headers: [`Contact: <sip:bob@10.0.1.${i + 1}>;q=${q}`] });
      phone.inbox.length = 0;
      this.#forks.push(phone);
    }
  }

  run(steps: number): void {
    const body = this.#random(4) === 0 ? '' : SDP.audio;
    this.#began = this.world.clock.now();
    this.#invite = this.#alice.request('INVITE', { to: 'sip:bob@example.org', body });
    this.#look();
    for (let i = 0; i < steps; i++) {
      this.#step();
      this.#look();
    }
    this.#end();
  }

  #step(): void {
    const ring = this.#rings[this.#random(Math.max(1, this.#rings.length))];
    switch (this.#random(this.#dies ? 15 : 12)) {
      case 0:
      case 1:
      case 2:
        if (ring !== undefined) this.#provisional(ring, [100, 180, 183][this.#random(3)] ?? 180);
        break;
      case 3:
      case 4:
        if (ring !== undefined) this.#final(ring, FINALS[this.#random(FINALS.length)] ?? 486);
        break;
      case 5:
        this.#cancel();
        break;
      case 6:
        // The network has made two of it.
        // A final response that went out before a restart is not kept.
        if (this.#dies && this.#failures.size + this.#successes.size > 0) break;
        if (this.world.clock.now() < this.#began + 5_000) this.#alice.raw(this.#invite?.text ?? '');
        break;
      case 7:
        if (ring !== undefined && ring.final >= 200 && !ring.acked) this.#say(ring, ring.final);
        break;
      case 8:
        this.#inside(
          ['INFO', 'UPDATE', 'INVITE', 'BYE', 'REFER', 'NOTIFY', 'SUBSCRIBE'][this.#random(7)] ?? 'INFO',
        );
        break;
      case 12:
      case 13:
      case 14: {
        const ms = [0, 0, 100, 1000, 10_000][this.#random(5)] ?? 0;
        this.told.push(`kill, back after ${ms}`);
        this.world.kill(ms);
        break;
      }
      default: {
        const ms = WAITS[this.#random(WAITS.length)] ?? 0;
        this.told.push(`wait ${ms}`);
        this.#wait(ms);
      }
    }
  }

  /** Phones answer in their time, not after all of it. */
  #wait(ms: number): void {
    for (let left = ms; left > 0; left -= LOOK) {
      this.world.advance(Math.min(left, LOOK));
      this.#look();
    }
  }

  #say(ring: Ring, status: number): void {
    const from = (this.#dies ? ring.rang : ring.provisional) ? ring.cancelled : ring.since;
    if (ring.final === 0) ring.late ||= this.world.clock.now() - from >= 32_000 - LOOK;
    this.told.push(`${ring.phone.address} says ${status}`);
    const body = status >= 200 && status < 300 ? { body: SDP.audio } : {};
    ring.phone.answer(ring.invite, status, {
      tag: `to-${ring.phone.address}`,
      contact: `sip:bob@${ring.phone.address}`,
      ...body,
    });
  }

  #provisional(ring: Ring, status: number): void {
    if (ring.final !== 0) return;
    this.#say(ring, status);
    ring.provisional = true;
    ring.rang ||= status > 100;
  }

  #final(ring: Ring, status: number): void {
    if (ring.final !== 0) return;
    this.#say(ring, status);
    ring.final = status;
  }

  #cancel(): void {
    if (this.#invite === undefined || this.#successes.size + this.#failures.size > 0) return;
    const { branch, callId, fromTag } = this.#invite;
    this.told.push('cancel');
    this.#alice.request('CANCEL', {
      to: 'sip:bob@example.org',
      branch,
      callId,
      fromTag,
      cseq: 1,
      contact: null,
    });
  }

  /** Something inside the call, of either side; whoever gets it answers at once, or not at all. */
  #inside(method: string): void {
    if (this.#dialog === undefined) return;
    this.told.push(method);
    const headers = [
      'Refer-To: <sip:x@example.org>',
      'Event: refer',
      'Subscription-State: active;expires=60',
    ];
    const ring = this.#rings.find((one) => one.final >= 200 && one.final < 300);
    if (this.#random(2) === 0 || ring === undefined) {
      this.#alice.request(method, { ...this.#dialog, cseq: ++this.#cseq, headers });
      return;
    }
    ring.phone.request(method, {
      callId: ring.invite.callId,
      fromTag: `to-${ring.phone.address}`,
      toTag: ring.invite.from.tag ?? '',
      routes: ring.invite.all('record-route'),
      to: this.#alice.aor,
      uri: this.#alice.contact,
      cseq: ++this.#cseq,
      headers,
    });
  }

  #reply(phone: Phone, request: SipRequest): void {
    if (request.method === 'ACK' || this.#random(4) === 0) return;
    const status = [200, 200, 202, 481, 491, 500][this.#random(6)] ?? 200;
    phone.answer(request, status, { tag: `to-${phone.address}` });
  }

  /** Takes what has come, and holds it against the rules. */
  #look(): void {
    for (const message of this.#alice.inbox.splice(0)) this.#atCaller(message);
    for (const phone of this.#forks)
      for (const message of phone.inbox.splice(0)) this.#atCallee(phone, message);
  }

  #atCaller(message: SipMessage): void {
    if (message instanceof SipRequest) {
      this.#reply(this.#alice, message);
      return;
    }
    if (message.cseq.method !== 'INVITE' || message.cseq.number !== 1) return;
    const { status } = message;
    if (status < 200) {
      // Repeats of what was said before are answers to the caller's own repeats.
      return;
    }
    if (status >= 300) {
      this.#failures.add(`${status} ${message.to.tag}`);
      expect([...this.#failures], 'one refusal').toHaveLength(1);
      if (this.#acknowledged || this.#random(3) === 0) return;
      this.#acknowledged = true;
      const { branch = '', callId = '', fromTag = '' } = this.#invite ?? {};
      const toTag = message.to.tag ?? '';
      this.#alice.request('ACK', {
        to: 'sip:bob@example.org',
        toTag,
        branch,
        callId,
        fromTag,
        cseq: 1,
        contact: null,
      });
      return;
    }
    const tag = message.to.tag ?? '';
    this.#successes.add(tag);
    const { callId = '', fromTag = '' } = this.#invite ?? {};
    this.#dialog ??= {
      callId,
      fromTag,
      toTag: tag,
      routes: routeSet(message),
      to: 'sip:bob@example.org',
      uri: tag.replace('to-', 'sip:bob@'),
    };
    const dialog = {
      callId,
      fromTag,
      toTag: tag,
      routes: routeSet(message),
      uri: tag.replace('to-', 'sip:bob@'),
    };
    this.#alice.request('ACK', { ...dialog, to: 'sip:bob@example.org', cseq: 1 });
  }

  #atCallee(phone: Phone, message: SipMessage): void {
    if (!(message instanceof SipRequest)) return;
    const { method } = message;
    const ring = this.#rings.find((one) => one.invite.via.branch === message.via.branch);
    if (method === 'INVITE' && message.to.tag === undefined) {
      if (ring === undefined) this.#rings.push(ringing(phone, message, this.world.clock.now()));
      else
        expect(
          (this.#dies ? ring.rang : ring.provisional) && !ring.late,
          'INVITE is not repeated after a provisional',
        ).toBe(false);
    } else if (method === 'CANCEL') {
      expect(ring, 'a CANCEL has its INVITE').toBeDefined();
      if (ring === undefined) return;
      expect(ring.provisional, 'a CANCEL comes after a provisional').toBe(true);
      if (ring.cancelled === Number.POSITIVE_INFINITY) {
        expect(ring.final, 'no CANCEL after the final response').toBe(0);
        ring.cancelled = this.world.clock.now();
      }
      if (this.#random(4) > 0) phone.answer(message, 200);
      if (ring.final === 0 && this.#random(4) > 0) this.#final(ring, 487);
    } else if (method === 'ACK') {
      const failed = this.#rings.find(
        (one) => one.invite.via.branch === message.via.branch && one.final >= 300,
      );
      const answered = this.#rings.find((one) => one.phone === phone && one.final >= 200 && one.final < 300);
      const own = failed ?? answered;
      expect(own ?? message.cseq.number > 1, 'an ACK is for a final response').toBeTruthy();
      if (own !== undefined) own.acked = true;
    } else this.#reply(phone, message);
  }

  #end(): void {
    this.#wait(400_000);
    expect(
      this.#successes.size + this.#failures.size,
      'the caller has heard a final response',
    ).toBeGreaterThan(0);
    for (const { final, acked, late, phone } of this.#rings)
      if (final >= 300 && !late) expect(acked, `${phone.address} was acknowledged`).toBe(true);
    if (this.#dialog !== undefined) {
      this.#alice.request('BYE', { ...this.#dialog, cseq: 999 });
      this.#look();
    }
    this.world.advance(12 * 3_600_000);
    this.world.expectSilence();
  }
}

const SEEDS = 300;

function play(part: number, dies: boolean): void {
  for (let seed = part * SEEDS; seed < (part + 1) * SEEDS; seed++) {
    const history = new History(seed, dies);
    try {
      history.run(14);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${history.told.join(', ')}`, { cause });
    }
  }
}

describe('a call that phones do anything with', () => {
  it.each([1, 2, 3, 4])('keeps to the rules, %d', (part) => play(part, false));
  it.each([5, 6, 7, 8])('keeps to them when the server is killed now and then, %d', (part) =>
    play(part, true),
  );
});
