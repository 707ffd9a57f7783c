// What the cases of one file share: a server of their own, phones that end with the file, and the words they use.
import { afterAll, beforeAll, expect } from 'vitest';
import { fresh, Puppet } from '../wire/puppet.ts';
import { Leg } from '../wire/puppet-leg.ts';
import type { Message } from '../wire/puppet-message.ts';
import { Server, type ServerOptions } from '../wire/server.ts';

export interface PhoneOptions {
  readonly registered?: boolean;
  readonly user?: string;
  readonly host?: string;
  readonly port?: number;
  /** Header lines of its REGISTER. */
  readonly lines?: readonly string[];
}

/** What a request says; everything else is written for it. */
export interface Parts {
  /** Values of the Via lines, topmost first; the phone's own when absent. */
  readonly via?: readonly string[];
  readonly branch?: string;
  readonly from?: string;
  readonly fromTag?: string;
  readonly to?: string;
  readonly toTag?: string;
  readonly callId?: string;
  readonly cseq?: number;
  /** null: no Max-Forwards line. */
  readonly hops?: number | string | null;
  readonly routes?: readonly string[];
  readonly lines?: readonly string[];
  /** One char per byte. */
  readonly body?: string;
  /** false: no Content-Length line. */
  readonly length?: boolean;
}

export interface Asked {
  readonly method: string;
  readonly uri: string;
  readonly text: string;
  readonly branch: string;
  readonly callId: string;
  readonly fromTag: string;
  readonly cseq: number;
}

/** A request, written out but not sent. */
export function ask(phone: Puppet, method: string, uri: string, parts: Parts = {}): Asked {
  const branch = parts.branch ?? `z9hG4bK${fresh()}`;
  const callId = parts.callId ?? fresh();
  const fromTag = parts.fromTag ?? fresh();
  const cseq = parts.cseq ?? 7;
  const vias = parts.via ?? [`SIP/2.0/UDP ${phone.hostPort};branch=${branch};rport`];
  const to = parts.to ?? `<${uri.split(/[;?]/)[0]}>`;
  const body = parts.body ?? '';
  const lines = [
    ...vias.map((via) => `Via: ${via}`),
    ...(parts.hops === null ? [] : [`Max-Forwards: ${parts.hops ?? 70}`]),
    ...(parts.routes ?? []).map((route) => `Route: ${route}`),
    `From: ${parts.from ?? `<${phone.aor}>`};tag=${fromTag}`,
    `To: ${to}${parts.toTag === undefined ? '' : `;tag=${parts.toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    ...(parts.lines ?? (method === 'INVITE' ? [`Contact: <${phone.uri}>`] : [])),
    ...(parts.length === false ? [] : [`Content-Length: ${body.length}`]),
  ];
  const text = `${[`${method} ${uri} SIP/2.0`, ...lines].join('\r\n')}\r\n\r\n${body}`;
  return { method, uri, text, branch, callId, fromTag, cseq };
}

/** Sends it. */
export function send(phone: Puppet, method: string, uri: string, parts: Parts = {}): Asked {
  const asked = ask(phone, method, uri, parts);
  phone.send(asked.text);
  return asked;
}

/** The final response to it. */
export function final(phone: Puppet, { callId, method, cseq }: Asked): Promise<Message> {
  return phone.expect(
    `the final response to ${method}`,
    (m) => m.status >= 200 && m.callId === callId && m.cseqMethod === method && m.cseq === cseq,
  );
}

/** The ACK or CANCEL of a sent INVITE, hop by hop (RFC 3261 §9.1, §17.1.1.3). */
export function hopByHop(method: 'ACK' | 'CANCEL', invite: Asked, to?: string): string {
  const [start = '', ...rest] = invite.text.split('\r\n\r\n', 1)[0]?.split('\r\n') ?? [];
  const kept = rest.filter((line) => /^(via|max-forwards|route|from|to|call-id|cseq):/i.test(line));
  const lines = kept.map((line) => {
    if (/^cseq:/i.test(line)) return `CSeq: ${invite.cseq} ${method}`;
    return to !== undefined && /^to:/i.test(line) ? `To: ${to}` : line;
  });
  return `${[start.replace(/^\S+/, method), ...lines, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`;
}

/** Acknowledges a failure, so that nothing of it is sent again. */
export function acknowledge(phone: Puppet, invite: Asked, failure: Message): void {
  phone.send(hopByHop('ACK', invite, failure.get('to')));
}

/** Nothing of that call has come, and nothing is on its way. */
export async function heardNothing(phone: Puppet, callId: string): Promise<void> {
  await phone.settled();
  expect(phone.seen(callId).map((m) => m.start)).toEqual([]);
}

/** How many messages of that call it was sent that fit. */
export function count(phone: Puppet, callId: string, fits: (message: Message) => boolean): number {
  return phone.seen(callId).filter(fits).length;
}

/** A REGISTER with those header lines for the phone's own AOR (or `parts.to`), and its answer. */
export function register(phone: Puppet, lines: readonly string[], parts: Parts = {}): Promise<Message> {
  const to = parts.to ?? `<${phone.aor}>`;
  return final(phone, send(phone, 'REGISTER', `sip:${phone.domain}`, { ...parts, to, lines }));
}

let people = 0;

export class Ground {
  #server: Server | undefined;
  readonly #phones: Puppet[] = [];

  /** Call at the top of a file. Afterwards the server must stop as one that nothing has hurt. */
  static open(options: ServerOptions = {}): Ground {
    const ground = new Ground();
    beforeAll(async () => {
      ground.#server = await Server.start(options);
    }, 60_000);
    afterAll(async () => {
      for (const phone of ground.#phones) await phone.close();
      const server = ground.#server;
      if (server === undefined) return;
      const status = await server.stop();
      const errors = server.errors();
      server.clear();
      expect(errors).toEqual([]);
      expect(status, server.output.slice(-20).join('\n')).toBe(0);
    }, 60_000);
    return ground;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not there yet');
    return this.#server;
  }

  /** A user name nobody else has. */
  name(like = 'u'): string {
    return `${like}${++people}`;
  }

  aor(user: string): string {
    return `sip:${user}@${this.server.domain}`;
  }

  /** An endpoint that does what the case says; registered unless told otherwise. */
  async phone(like = 'u', options: PhoneOptions = {}): Promise<Puppet> {
    const { domain, port } = this.server;
    const host = options.host ?? this.server.host;
    const at = host.includes(':') === this.server.host.includes(':') ? this.server.host : host;
    const phone = await Puppet.open({
      user: options.user ?? this.name(like),
      domain,
      host,
      server: { host: at, port },
      ...(options.port === undefined ? {} : { port: options.port }),
    });
    this.#phones.push(phone);
    if (options.registered ?? true) await phone.register(options.lines);
    return phone;
  }

  async phones(...names: readonly string[]): Promise<Puppet[]> {
    return Promise.all(names.map((like) => this.phone(like)));
  }

  async pair(): Promise<[Puppet, Puppet]> {
    return [await this.phone('anna'), await this.phone('boris')];
  }

  /** One person's further phones, each a contact of its own with that q. */
  async fork(qs: readonly (number | undefined)[]): Promise<Puppet[]> {
    const user = this.name('fork');
    const made: Puppet[] = [];
    for (const q of qs) {
      const phone = await this.phone(user, { user, registered: false });
      await phone.register(['Expires: 600'], `<${phone.uri}>${q === undefined ? '' : `;q=${q}`}`);
      made.push(phone);
    }
    return made;
  }

  /** A call that stands. */
  async talk(anna: Puppet, boris: Puppet, options: Parameters<typeof Leg.open>[2] = {}) {
    const out = Leg.open(anna, boris.aor, options);
    const inc = await Leg.incoming(boris, 'INVITE', out.callId);
    inc.respond(200, 'OK');
    await out.response(200);
    out.ack();
    await inc.request('ACK');
    return { out, inc };
  }

  /** A new pair calls and hangs up: the server serves. */
  async serves(): Promise<void> {
    const [anna, boris] = await this.pair();
    const { out, inc } = await this.talk(anna, boris);
    await hangUp(out, inc);
  }
}

export async function hangUp(by: Leg, other: Leg): Promise<void> {
  by.send('BYE');
  other.puppet.reply(await other.request('BYE'), 200, 'OK');
  await by.response(200, 'BYE');
}
