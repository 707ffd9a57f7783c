// Phones that register, refresh and leave all the while, and what the server owes them for it.

import type { RegistrationAnswer } from '../../src/control/answers.ts';
import { compose } from '../wire/puppet-message.ts';
import type { Phone } from './phone.ts';

/** ms a clock may be off: whole seconds on the wire, and the way there. */
const SLACK = 1500;

interface Registration {
  readonly phone: Phone;
  readonly callId: string;
  cseq: number;
  /** Of what was acknowledged last: wall ms between which it ends; 0: it is not registered. */
  from: number;
  to: number;
  isUnderway: boolean;
}

export class Registrations {
  acknowledged = 0;
  readonly failures: string[] = [];
  readonly #all: Registration[];
  readonly #underway = new Set<Promise<void>>();

  constructor(phones: readonly Phone[]) {
    this.#all = phones.map((phone) => ({
      phone,
      callId: `register-${phone.port}`,
      cseq: 0,
      from: 0,
      to: 0,
      isUnderway: false,
    }));
  }

  get underway(): number {
    return this.#underway.size;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#underway);
  }

  /** Registers the phone, for so many seconds; one whose REGISTER is under way waits for that. */
  register(phone: Phone, seconds: number): void {
    const one = this.#all.find((registration) => registration.phone === phone);
    if (one === undefined || one.isUnderway) return;
    const registering = this.#register(one, seconds).catch((cause) => {
      this.failures.push(`REGISTER of ${phone.user}: ${cause instanceof Error ? cause.message : cause}`);
    });
    this.#underway.add(registering);
    void registering.finally(() => this.#underway.delete(registering));
  }

  async #register(one: Registration, seconds: number): Promise<void> {
    const { phone, callId } = one;
    one.isUnderway = true;
    const cseq = ++one.cseq;
    const branch = `z9hG4bK${phone.fresh()}`;
    const from = Date.now();
    const { status } = await phone.ask(
      compose(`REGISTER sip:${phone.domain} SIP/2.0`, [
        phone.via(branch),
        'Max-Forwards: 70',
        `From: <${phone.aor}>;tag=${cseq}`,
        `To: <${phone.aor}>`,
        `Call-ID: ${callId}`,
        `CSeq: ${cseq} REGISTER`,
        `Contact: <${phone.contact};n=${phone.port}>;expires=${seconds}`,
        'Content-Length',
      ]),
      branch,
    );
    if (status !== 200) throw new Error(`${status}`);
    this.acknowledged++;
    one.isUnderway = false;
    one.from = seconds === 0 ? 0 : from + seconds * 1000;
    one.to = seconds === 0 ? 0 : Date.now() + seconds * 1000;
  }

  /** What the server says of them, held against what it told them. */
  check(told: readonly RegistrationAnswer[], askedAt: number): void {
    const now = Date.now();
    for (const { phone, from, to, isUnderway } of this.#all) {
      if (isUnderway) continue;
      const found = told.filter(({ contact }) => contact.endsWith(`;n=${phone.port}`));
      const [one] = found;
      const name = `${phone.user}:${phone.port}`;
      if (found.length > 1) this.failures.push(`${name} is registered ${found.length} times`);
      if (one === undefined) {
        if (from > now + SLACK) this.failures.push(`the registration of ${name} is lost`);
        continue;
      }
      const ends = Date.parse(one.expires);
      if (to < askedAt - SLACK) this.failures.push(`the registration of ${name} has outlived its time`);
      else if (ends < from - SLACK || ends > to + SLACK)
        this.failures.push(`the registration of ${name} ends ${ends - to} ms off its time`);
      if (one.from.port !== phone.port)
        this.failures.push(`${name} is registered from port ${one.from.port}`);
    }
  }
}
