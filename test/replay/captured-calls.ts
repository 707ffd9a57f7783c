// Writes down what a server of another make and its phones would have said to each other, as a capture shows it.
import { type CapturedMessage, type CaptureStyle, capture } from './write-capture.ts';

export interface Phone {
  readonly user: string;
  /** Where its packets come from. */
  readonly at: string;
  /** What it believes its address to be; another one when it sits behind a NAT. */
  readonly contact?: string;
}

export interface ServerStyle {
  readonly at?: string;
  /** Host of the AORs; default: the server's address. */
  readonly domain?: string;
  /** Values as it writes them, top first; default: one with `lr`. */
  readonly recordRoute?: readonly string[];
  /** Puts its own address in place of the phones' Contacts, and takes its Vias off. */
  readonly hides?: boolean;
}

export const SERVER = '192.0.2.14:5060';
export const ALICE: Phone = { user: 'alice', at: '192.0.2.1:5070' };
export const BOB: Phone = { user: 'bob', at: '192.0.2.2:5080' };
export const CAROL: Phone = { user: 'carol', at: '192.0.2.3:5090' };

const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0',
].join('\r\n');
export const audio = (direction = 'sendrecv') => `${SDP}\r\na=${direction}\r\n`;

interface More {
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly type?: string;
}

/** One Call-ID as the two legs of a server see it. */
export class Call {
  readonly #tape: Tape;
  readonly caller: Phone;
  readonly callee: Phone;
  readonly id: string;
  readonly tags: { caller: string; callee: string };
  #cseq = { caller: 20, callee: 110 };
  #branch = 0;
  #last = '';
  #isChallenged = false;

  constructor(tape: Tape, caller: Phone, callee: Phone, id: string) {
    this.#tape = tape;
    this.caller = caller;
    this.callee = callee;
    this.id = id;
    this.tags = { caller: `a-${id}`, callee: `b-${id}` };
  }

  /** The opening INVITE on both legs. */
  invite(more: More = {}): this {
    const { callee } = this;
    const credentials = this.#isChallenged ? ['Proxy-Authorization: Digest username="x"'] : [];
    this.#last = `z9hG4bK-${this.id}-${++this.#branch}`;
    return this.#send('INVITE', 'caller', ++this.#cseq.caller, this.#tape.aor(callee), {
      body: audio(),
      headers: credentials,
      ...more,
    });
  }

  /** Asked for credentials by the server; the phone acknowledges, and comes again. */
  challenged(status: 401 | 407 = 407): this {
    const number = ++this.#cseq.caller;
    this.#isChallenged = true;
    this.#last = `z9hG4bK-${this.id}-${++this.#branch}`;
    const aor = this.#tape.aor(this.callee);
    const request = this.#request('INVITE', 'caller', number, aor, '', { body: audio() });
    this.#tape.say(this.caller.at, this.#tape.at, request);
    const tagged = { caller: this.tags.caller, callee: `s-${this.id}` };
    const response = this.#response(status, 'INVITE', 'caller', number, [this.#via('caller')], tagged, {});
    this.#tape.say(this.#tape.at, this.caller.at, response);
    this.#tape.say(
      this.caller.at,
      this.#tape.at,
      this.#request('ACK', 'caller', number, aor, tagged.callee, {}),
    );
    return this;
  }

  answer(status: number, more: More = {}): this {
    const body = status === 200 ? { body: audio() } : {};
    return this.#respond(status, 'INVITE', 'caller', this.#cseq.caller, { ...body, ...more });
  }

  ack(): this {
    this.#last = `z9hG4bK-${this.id}-${++this.#branch}`;
    return this.#send('ACK', 'caller', this.#cseq.caller, this.#target('callee'), {});
  }

  /** The refusal's ACK: each hop makes its own. */
  ackRefusal(): this {
    const { caller, callee, tags } = this;
    const number = this.#cseq.caller;
    this.#tape.say(
      caller.at,
      this.#tape.at,
      this.#request('ACK', 'caller', number, this.#tape.aor(callee), tags.callee, {}),
    );
    this.#tape.say(
      this.#tape.at,
      callee.at,
      this.#message(
        `ACK ${this.#contactUri(callee)} SIP/2.0`,
        'ACK',
        number,
        [this.#serverVia()],
        'caller',
        tags.callee,
        {},
      ),
    );
    return this;
  }

  cancel(): this {
    const { caller, callee } = this;
    const number = this.#cseq.caller;
    this.#tape.say(
      caller.at,
      this.#tape.at,
      this.#request('CANCEL', 'caller', number, this.#tape.aor(callee), '', {}),
    );
    this.#tape.say(
      this.#tape.at,
      caller.at,
      this.#response(
        200,
        'CANCEL',
        'caller',
        number,
        [this.#via('caller')],
        { ...this.tags, callee: 's' },
        {},
      ),
    );
    this.#tape.say(
      this.#tape.at,
      callee.at,
      this.#message(
        `CANCEL ${this.#contactUri(callee)} SIP/2.0`,
        'CANCEL',
        number,
        [this.#serverVia()],
        'caller',
        '',
        {},
      ),
    );
    this.#tape.say(
      callee.at,
      this.#tape.at,
      this.#response(200, 'CANCEL', 'caller', number, [this.#serverVia()], this.tags, {}),
    );
    return this;
  }

  /** A request inside the dialog, on both legs. */
  inside(method: string, side: 'caller' | 'callee', more: More = {}): this {
    this.#last = `z9hG4bK-${this.id}-${++this.#branch}`;
    const number = ++this.#cseq[side];
    return this.#send(method, side, number, this.#target(side === 'caller' ? 'callee' : 'caller'), more);
  }

  answerInside(method: string, side: 'caller' | 'callee', status = 200, more: More = {}): this {
    return this.#respond(status, method, side, this.#cseq[side], more);
  }

  bye(side: 'caller' | 'callee' = 'caller'): this {
    return this.inside('BYE', side).answerInside('BYE', side);
  }

  /** The last `n` messages once more. */
  again(n: number): this {
    this.#tape.again(n);
    return this;
  }

  #send(method: string, side: 'caller' | 'callee', number: number, uri: string, more: More): this {
    const [from, to] = side === 'caller' ? [this.caller, this.callee] : [this.callee, this.caller];
    const opens = method === 'INVITE' && uri === this.#tape.aor(this.callee);
    const toTag = opens ? '' : side === 'caller' ? this.tags.callee : this.tags.caller;
    this.#tape.say(from.at, this.#tape.at, this.#request(method, side, number, uri, toTag, more));
    const { style } = this.#tape;
    const vias = style.hides ? [this.#serverVia()] : [this.#serverVia(), this.#via(side, true)];
    const headers = [
      ...(opens ? this.#tape.recordRoutes.map((value) => `Record-Route: ${value}`) : []),
      ...this.#contact(method, from, true),
      ...(more.headers ?? []),
    ];
    const out = opens || !uri.includes(from.user) ? this.#contactUri(to) : uri;
    this.#tape.say(
      this.#tape.at,
      to.at,
      this.#message(`${method} ${out} SIP/2.0`, method, number, vias, side, toTag, { ...more, headers }),
    );
    return this;
  }

  #respond(status: number, method: string, side: 'caller' | 'callee', number: number, more: More): this {
    const [asker, answerer] = side === 'caller' ? [this.caller, this.callee] : [this.callee, this.caller];
    const { style } = this.#tape;
    const vias = style.hides ? [this.#serverVia()] : [this.#serverVia(), this.#via(side, true)];
    const established = status > 100 && status < 300;
    const routed =
      established && method === 'INVITE' ? this.#tape.recordRoutes.map((v) => `Record-Route: ${v}`) : [];
    const make = (byServer: boolean) => [
      ...routed,
      ...(established ? this.#contact(method, answerer, byServer) : []),
      ...(more.headers ?? []),
    ];
    this.#tape.say(
      answerer.at,
      this.#tape.at,
      this.#response(status, method, side, number, vias, this.tags, { ...more, headers: make(false) }),
    );
    this.#tape.say(
      this.#tape.at,
      asker.at,
      this.#response(status, method, side, number, [this.#via(side, true)], this.tags, {
        ...more,
        headers: make(true),
      }),
    );
    return this;
  }

  #request(
    method: string,
    side: 'caller' | 'callee',
    number: number,
    uri: string,
    toTag: string,
    more: More,
  ): string {
    const sender = side === 'caller' ? this.caller : this.callee;
    const isInside = toTag !== '' && !(method === 'ACK' && uri === this.#tape.aor(this.callee));
    const set = side === 'caller' ? this.#tape.recordRoutes.toReversed() : this.#tape.recordRoutes;
    const headers = [
      ...(isInside ? set.map((value) => `Route: ${value}`) : []),
      ...this.#contact(method, sender, false),
      ...(more.headers ?? []),
    ];
    return this.#message(`${method} ${uri} SIP/2.0`, method, number, [this.#via(side)], side, toTag, {
      ...more,
      headers,
    });
  }

  #response(
    status: number,
    method: string,
    side: 'caller' | 'callee',
    number: number,
    vias: readonly string[],
    tags: { caller: string; callee: string },
    more: More,
  ): string {
    const toTag = status === 100 ? '' : side === 'caller' ? tags.callee : tags.caller;
    return this.#message(`SIP/2.0 ${status} So`, method, number, vias, side, toTag, more);
  }

  #message(
    start: string,
    method: string,
    number: number,
    vias: readonly string[],
    side: 'caller' | 'callee',
    toTag: string,
    more: More,
  ): string {
    const [from, to] = side === 'caller' ? [this.caller, this.callee] : [this.callee, this.caller];
    const fromTag = side === 'caller' ? this.tags.caller : this.tags.callee;
    const body = more.body ?? '';
    return [
      start,
      ...vias.map((via) => `Via: ${via}`),
      `From: <${this.#tape.aor(from)}>;tag=${fromTag}`,
      `To: <${this.#tape.aor(to)}>${toTag === '' ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${this.id}`,
      `CSeq: ${number} ${method}`,
      ...(start.startsWith('SIP/') ? [] : ['Max-Forwards: 70']),
      ...(more.headers ?? []),
      ...(body === '' ? [] : [`Content-Type: ${more.type ?? 'application/sdp'}`]),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  }

  #via(side: 'caller' | 'callee', seen = false): string {
    const { at, contact } = side === 'caller' ? this.caller : this.callee;
    const port = at.slice(at.lastIndexOf(':') + 1);
    const host = at.slice(0, at.lastIndexOf(':')).replace(/^\[|\]$/g, '');
    return `SIP/2.0/UDP ${contact ?? at};branch=${this.#last};rport${seen ? `=${port};received=${host}` : ''}`;
  }

  #serverVia(): string {
    return `SIP/2.0/UDP ${this.#tape.at};branch=${this.#last}-s`;
  }

  #contact(method: string, phone: Phone, byServer: boolean): string[] {
    if (method === 'BYE' || method === 'ACK' || method === 'CANCEL') return [];
    const uri =
      byServer && this.#tape.style.hides ? `sip:${phone.user}@${this.#tape.at}` : this.#contactUri(phone);
    return [`Contact: <${uri}>`];
  }

  #contactUri({ user, at, contact }: Phone): string {
    return `sip:${user}@${contact ?? at}`;
  }

  #target(side: 'caller' | 'callee'): string {
    const phone = side === 'caller' ? this.caller : this.callee;
    return this.#tape.style.hides ? `sip:${phone.user}@${this.#tape.at}` : this.#contactUri(phone);
  }
}

/** A capture in the making; a message every 20 ms. */
export class Tape {
  readonly style: ServerStyle;
  readonly messages: CapturedMessage[] = [];
  /** µs between two messages. */
  step = 20_000;
  #now = Date.UTC(2026, 4, 4, 11, 0, 0) * 1000;

  constructor(style: ServerStyle = {}) {
    this.style = style;
  }

  get at(): string {
    return this.style.at ?? SERVER;
  }

  get recordRoutes(): readonly string[] {
    return this.style.hides ? [] : (this.style.recordRoute ?? [`<sip:${this.at};lr>`]);
  }

  aor({ user }: Phone): string {
    return `sip:${user}@${this.style.domain ?? this.at.slice(0, this.at.lastIndexOf(':'))}`;
  }

  call(caller: Phone, callee: Phone, id = 'one'): Call {
    return new Call(this, caller, callee, id);
  }

  say(from: string, to: string, message: string): this {
    this.messages.push({ at: this.#now, from, to, message });
    this.#now += this.step;
    return this;
  }

  /** Seconds in which nobody says anything. */
  pause(seconds: number): this {
    this.#now += seconds * 1_000_000;
    return this;
  }

  again(n: number): void {
    for (const { from, to, message } of this.messages.slice(-n)) this.say(from, to, String(message));
  }

  register(phone: Phone, more: { expires?: number; cseq?: number; status?: number } = {}): this {
    const { expires = 3600, cseq = 1, status = 200 } = more;
    const head = [
      `Via: SIP/2.0/UDP ${phone.contact ?? phone.at};branch=z9hG4bK-r-${phone.user}-${cseq}-${status};rport`,
      `From: <${this.aor(phone)}>;tag=r`,
      `To: <${this.aor(phone)}>`,
      `Call-ID: reg-${phone.user}`,
      `CSeq: ${cseq} REGISTER`,
    ];
    const contact = `Contact: <sip:${phone.user}@${phone.contact ?? phone.at}>;expires=${expires}`;
    const host = this.style.domain ?? this.at.slice(0, this.at.lastIndexOf(':'));
    const rest = ['Content-Length: 0', '', ''];
    this.say(
      phone.at,
      this.at,
      [`REGISTER sip:${host} SIP/2.0`, ...head, 'Max-Forwards: 70', contact, ...rest].join('\r\n'),
    );
    return this.say(this.at, phone.at, [`SIP/2.0 ${status} So`, ...head, contact, ...rest].join('\r\n'));
  }

  /** Only what this phone's own machine sees. */
  seenBy({ at }: Phone): this {
    return this.#keep(({ from, to }) => from === at || to === at);
  }

  /** The capture begins with the n-th message, from 0. */
  from(n: number): this {
    let i = 0;
    return this.#keep(() => i++ >= n);
  }

  until(n: number): this {
    let i = 0;
    return this.#keep(() => i++ < n);
  }

  bytes(style?: CaptureStyle): Buffer {
    return capture(this.messages, style);
  }

  #keep(which: (message: CapturedMessage) => boolean): this {
    this.messages.splice(0, this.messages.length, ...this.messages.filter(which));
    return this;
  }
}
