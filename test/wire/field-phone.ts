// How the phones met in the field write: their header order, spelling, and what they leave out.
import { fresh, Puppet, type PuppetOptions } from './puppet.ts';
import { type Message, uriOf } from './puppet-message.ts';

const ALLOW = 'INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, PRACK, UPDATE';

/** One side of a dialog as such a phone remembers it. */
export interface Held {
  readonly callId: string;
  readonly local: string;
  readonly localTag: string;
  remote: string;
  remoteTag: string;
  target: string;
  routes: readonly string[];
  cseq: number;
  /** The INVITE's branch: its ACK to a refusal has it again. */
  readonly branch: string;
}

export class FieldPhone {
  readonly puppet: Puppet;
  readonly agent: string;
  /** What its Contact carries behind the brackets. */
  readonly features: string;
  #sdpVersion = 1;

  private constructor(puppet: Puppet, model: string) {
    this.puppet = puppet;
    this.agent = `FieldPhone/${model} (test double)`;
    this.features = `+sip.instance="<urn:uuid:00000000-0000-4000-8000-${fresh()}>";+org.example.specs="lime"`;
  }

  static async open(options: PuppetOptions, model: string): Promise<FieldPhone> {
    return new FieldPhone(await Puppet.open(options), model);
  }

  get aor(): string {
    return this.puppet.aor;
  }

  contact(uriParameters = ''): string {
    const uri = `sip:${this.puppet.user}@${this.puppet.hostPort}${uriParameters};transport=udp`;
    return `<${uri}>;${this.features}${uriParameters === '' ? '' : ';isfocus'}`;
  }

  #via(branch: string, order: 'branch' | 'rport' = 'branch'): string {
    const sent = `Via: SIP/2.0/UDP ${this.puppet.hostPort}`;
    return order === 'branch' ? `${sent};branch=${branch};rport` : `${sent};rport;branch=${branch}`;
  }

  #send(lines: readonly string[], body = ''): void {
    this.puppet.send(`${lines.join('\r\n')}\r\n\r\n${body}`);
  }

  /** RFC 3264 offers and answers with the many lines a phone writes. */
  sdp(direction = '', video?: number): string {
    const host = this.puppet.host;
    return [
      'v=0',
      `o=${this.puppet.user} 31 ${this.#sdpVersion++} IN IP4 ${host}`,
      's=Talk',
      `c=IN IP4 ${host}`,
      't=0 0',
      'a=ice-pwd:notarealpassword1234567',
      'a=ice-ufrag:abcd1234',
      'a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics',
      'm=audio 41000 RTP/AVP 96 0 8 101',
      'c=IN IP4 198.51.100.7',
      'a=rtpmap:96 opus/48000/2',
      'a=fmtp:96 useinbandfec=1',
      'a=rtpmap:101 telephone-event/8000',
      ...(direction === '' ? [] : [`a=${direction}`]),
      `a=candidate:1 1 UDP 2130706303 ${host} 41000 typ host`,
      'a=candidate:2 1 UDP 1694498687 198.51.100.7 41000 typ srflx raddr 192.0.2.15 rport 41000',
      'a=rtcp-fb:* trr-int 1000',
      ...(video === undefined ? [] : [`m=video ${video} RTP/AVP 97`, 'a=rtpmap:97 VP8/90000']),
      '',
    ].join('\r\n');
  }

  /** REGISTER without brackets in To, without Content-Length, with three Accept lines; then its keepalive. */
  async register(): Promise<Message> {
    const callId = fresh();
    this.#send([
      `REGISTER sip:${this.puppet.domain} SIP/2.0`,
      this.#via(`z9hG4bK.${fresh()}`),
      `From: <${this.aor}>;tag=${fresh()}`,
      `To: ${this.aor}`,
      'CSeq: 23 REGISTER',
      `Call-ID: ${callId}`,
      'Max-Forwards: 70',
      'Supported: replaces, outbound, gruu',
      'Accept: application/sdp',
      'Accept: text/plain',
      'Accept: application/vnd.example.ft-http+xml',
      `Contact: ${this.contact()}`,
      'Expires: 3600',
      `User-Agent: ${this.agent}`,
    ]);
    return this.puppet.response(200, 'REGISTER', callId);
  }

  /** Four bytes that keep a NAT open. */
  keepAlive(): void {
    this.puppet.send('\r\n\r\n');
  }

  /** The INVITE of a new call: To has no brackets. */
  invite(uri: string, options: { lines?: readonly string[]; contact?: string } = {}): Held {
    const held: Held = {
      callId: fresh(),
      local: this.aor,
      localTag: fresh(),
      remote: uri,
      remoteTag: '',
      target: uri,
      routes: [],
      cseq: 20,
      branch: `z9hG4bK.${fresh()}`,
    };
    const body = this.sdp();
    this.#send(
      [
        `INVITE ${uri} SIP/2.0`,
        this.#via(held.branch),
        `From: <${held.local}>;tag=${held.localTag}`,
        `To: ${uri}`,
        'CSeq: 20 INVITE',
        `Call-ID: ${held.callId}`,
        'Max-Forwards: 70',
        'Supported: replaces, outbound, gruu',
        `Allow: ${ALLOW}`,
        'Content-Type: application/sdp',
        `Content-Length: ${body.length}`,
        ...(options.lines ?? []),
        `Contact: ${options.contact ?? this.contact()}`,
        `User-Agent: ${this.agent}`,
      ],
      body,
    );
    return held;
  }

  /** The callee's side of an INVITE that came. */
  holdOf(invite: Message): Held {
    return {
      callId: invite.callId,
      local: uriOf(invite.get('to')),
      localTag: fresh(),
      remote: uriOf(invite.get('from')),
      remoteTag: invite.fromTag,
      target: uriOf(invite.get('contact')),
      routes: invite.all('record-route'),
      cseq: 110,
      branch: '',
    };
  }

  /** What the caller learns from a response. */
  learn(held: Held, response: Message): void {
    held.remoteTag = response.toTag;
    held.target = uriOf(response.get('contact'));
    held.routes = response.all('record-route').reverse();
  }

  /**
   * Any response: the received parameter moved in the Via, Call-ID before CSeq, `Record-route`, a 100 without tag in
   * To, no Content-Length without a body.
   */
  respond(
    request: Message,
    held: Held,
    status: number,
    reason: string,
    body = '',
    contact = this.contact(),
  ): void {
    const vias = request.all('via').map((via, at) => {
      const received = /;received=[^;]*/.exec(via)?.[0] ?? '';
      return at === 0 ? via : via.replace(received, '').replace(';', `${received};`);
    });
    const to = request.get('to');
    const tagged = status === 100 || to.includes(';tag=') ? to : `<${uriOf(to)}>;tag=${held.localTag}`;
    this.#send(
      [
        `SIP/2.0 ${status} ${reason}`,
        ...vias.map((via) => `Via: ${via}`),
        `From: ${request.get('from')}`,
        `To: ${tagged}`,
        `Call-ID: ${request.callId}`,
        `CSeq: ${request.get('cseq')}`,
        ...(status === 100 ? [] : [`User-Agent: ${this.agent}`, 'Supported: replaces, outbound, gruu']),
        ...(body === ''
          ? []
          : [
              `Allow: ${ALLOW}`,
              `Contact: ${contact}`,
              'Content-Type: application/sdp',
              `Content-Length: ${body.length}`,
            ]),
        ...(status === 100 || status >= 300
          ? []
          : request.all('record-route').map((route) => `Record-route: ${route}`)),
      ],
      body,
    );
  }

  #within(
    method: string,
    held: Held,
    order: 'branch' | 'rport',
    cseq: number,
    lines: readonly string[],
    body = '',
  ): string {
    return [
      `${method} ${held.target} SIP/2.0`,
      this.#via(`z9hG4bK.${fresh()}`, order),
      `From: <${held.local}>;tag=${held.localTag}`,
      `To: <${held.remote}>;tag=${held.remoteTag}`,
      `CSeq: ${cseq} ${method}`,
      `Call-ID: ${held.callId}`,
      'Max-Forwards: 70',
      ...lines,
      '',
      body,
    ].join('\r\n');
  }

  #routed(held: Held): string[] {
    return held.routes.map((route) => `Route: ${route}`);
  }

  /** ACK for a 2xx, and the function that repeats it: the same branch, the Via's parameters in another order. */
  ack(held: Held): () => void {
    const text = this.#within('ACK', held, 'rport', held.cseq, [
      ...this.#routed(held),
      `User-Agent: ${this.agent}`,
    ]);
    this.puppet.send(text);
    return () => this.puppet.send(text.replace(/;rport(;branch=[^\r]*)/, '$1;rport'));
  }

  /** ACK for a refusal: the INVITE's branch, its Request-URI, a Contact nobody needs. */
  ackRefusal(held: Held, refusal: Message): void {
    this.#send([
      `ACK ${held.remote} SIP/2.0`,
      this.#via(held.branch),
      `Call-ID: ${held.callId}`,
      `From: <${held.local}>;tag=${held.localTag}`,
      `To: ${refusal.get('to')}`,
      `Contact: ${this.contact()}`,
      'Max-Forwards: 70',
      'CSeq: 20 ACK',
    ]);
  }

  bye(held: Held): void {
    held.cseq++;
    this.puppet.send(
      this.#within('BYE', held, 'branch', held.cseq, [...this.#routed(held), `User-Agent: ${this.agent}`]),
    );
  }

  reinvite(held: Held, subject: string, body: string): void {
    held.cseq++;
    this.puppet.send(
      this.#within(
        'INVITE',
        held,
        'branch',
        held.cseq,
        [
          ...this.#routed(held),
          `Subject: ${subject}`,
          'Supported: replaces, outbound, gruu',
          `Allow: ${ALLOW}`,
          'Content-Type: application/sdp',
          `Content-Length: ${body.length}`,
          `Contact: ${this.contact()}`,
          `User-Agent: ${this.agent}`,
        ],
        body,
      ),
    );
  }

  /** Blind transfer of the other side. */
  refer(held: Held, display: string, to: string): void {
    held.cseq++;
    this.puppet.send(
      this.#within('REFER', held, 'branch', held.cseq, [
        ...this.#routed(held),
        `Refer-To: "${display}" <${to}>`,
        `Referred-By: ${this.aor}`,
        `Contact: ${this.contact()}`,
        `User-Agent: ${this.agent}`,
      ]),
    );
  }

  /** How the transfer goes: no Contact, Route last, and in the end a reason that says `reason=` twice. */
  notify(held: Held, sipfrag: string): void {
    held.cseq++;
    const over = !/^SIP\/2\.0 1/.test(sipfrag);
    this.puppet.send(
      this.#within(
        'NOTIFY',
        held,
        'branch',
        held.cseq,
        [
          `Subscription-State: ${over ? 'terminated;reason=reason=noresource' : 'active'}`,
          'Event: refer',
          'Content-Type: message/sipfrag',
          `Content-Length: ${sipfrag.length}`,
          `User-Agent: ${this.agent}`,
          ...this.#routed(held),
        ],
        sipfrag,
      ),
    );
  }

  /** SUBSCRIBE to a focus: its URI without the port, `conf-id` kept; To without the transport. */
  subscribe(focus: string, expires: number): Held {
    const bare = focus.replace(/(@[^;:]*):\d+/, '$1');
    const held: Held = {
      callId: fresh(),
      local: this.aor,
      localTag: fresh(),
      remote: bare.replace(/;transport=udp/, ''),
      remoteTag: '',
      target: bare,
      routes: [],
      cseq: 20,
      branch: `z9hG4bK.${fresh()}`,
    };
    this.#send([
      `SUBSCRIBE ${held.target} SIP/2.0`,
      this.#via(held.branch),
      `From: <${held.local}>;tag=${held.localTag}`,
      `To: <${held.remote}>`,
      `CSeq: ${held.cseq} SUBSCRIBE`,
      `Call-ID: ${held.callId}`,
      ...this.#subscription(expires),
    ]);
    return held;
  }

  /** The end of that subscription, inside its dialog. */
  unsubscribe(held: Held): void {
    held.cseq++;
    const [, ...lines] = this.#subscription(0);
    this.puppet.send(this.#within('SUBSCRIBE', held, 'branch', held.cseq, [...this.#routed(held), ...lines]));
  }

  #subscription(expires: number): string[] {
    return [
      'Max-Forwards: 70',
      'Supported: replaces, outbound, gruu',
      'Event: conference',
      `Expires: ${expires}`,
      `Contact: ${this.contact()}`,
      'Last-Notify-Version: 0',
      `User-Agent: ${this.agent}`,
    ];
  }
}
