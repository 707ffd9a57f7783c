// One side of a dialog as a puppet holds it: tags, route set, remote target and CSeq (RFC 3261 §12).
import type { Puppet } from './puppet.ts';
import { fresh } from './puppet.ts';
import { compose, type Message, type ReplyOptions, uriOf } from './puppet-message.ts';
import { PATIENCE } from './wait.ts';

export interface Sdp {
  readonly port?: number;
  readonly audio?: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  /** Port of the video line; 0 refuses it, absent leaves the line out. */
  readonly video?: number;
  readonly version?: number;
}

/** A session description with PCMU and, when asked for, VP8. */
export function sdp(user: string, host: string, options: Sdp = {}): string {
  return [
    'v=0',
    `o=${user} 4711 ${options.version ?? 1} IN IP4 ${host}`,
    's=Talk',
    `c=IN IP4 ${host}`,
    't=0 0',
    `m=audio ${options.port ?? 40_000} RTP/AVP 0 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:101 telephone-event/8000',
    ...(options.audio === undefined || options.audio === 'sendrecv' ? [] : [`a=${options.audio}`]),
    ...(options.video === undefined ? [] : [`m=video ${options.video} RTP/AVP 96`, 'a=rtpmap:96 VP8/90000']),
    '',
  ].join('\r\n');
}

const SDP_LINE = 'Content-Type: application/sdp';

export class Leg {
  readonly puppet: Puppet;
  readonly callId: string;
  readonly localTag: string;
  localUri: string;
  remoteUri: string;
  remoteTag = '';
  routes: string[] = [];
  /** Where requests inside the dialog go: the other side's Contact. */
  target: string;
  cseq = 20;
  /** Its own Contact line's value. */
  contact: string;
  /** The opening request: as it was sent (caller) or received (callee). */
  opening = '';
  #incoming: Message | undefined;
  #openBranch = '';

  private constructor(puppet: Puppet, callId: string, localTag: string, remoteUri: string) {
    this.puppet = puppet;
    this.callId = callId;
    this.localTag = localTag;
    this.localUri = puppet.aor;
    this.remoteUri = remoteUri;
    this.target = remoteUri;
    this.contact = `<${puppet.uri}>`;
  }

  /** Sends the request that opens a dialog (INVITE unless told otherwise). */
  static open(
    puppet: Puppet,
    uri: string,
    options: {
      method?: string;
      body?: string;
      lines?: readonly string[];
      contact?: string;
      callId?: string;
    } = {},
  ): Leg {
    const leg = new Leg(puppet, options.callId ?? fresh(), fresh(), uri);
    if (options.contact !== undefined) leg.contact = options.contact;
    const method = options.method ?? 'INVITE';
    const body = options.body ?? (method === 'INVITE' ? sdp(puppet.user, puppet.host) : '');
    leg.#openBranch = `z9hG4bK.${fresh()}`;
    leg.opening = compose(
      `${method} ${uri} SIP/2.0`,
      [
        puppet.via(leg.#openBranch),
        `From: <${leg.localUri}>;tag=${leg.localTag}`,
        `To: <${uri}>`,
        `Call-ID: ${leg.callId}`,
        `CSeq: ${leg.cseq} ${method}`,
        'Max-Forwards: 70',
        `Contact: ${leg.contact}`,
        ...(body === '' ? [] : [SDP_LINE]),
        ...(options.lines ?? []),
        'Content-Length',
      ],
      body,
    );
    puppet.send(leg.opening);
    return leg;
  }

  /** The callee's side of a request that came in. */
  static of(puppet: Puppet, request: Message, contact?: string): Leg {
    const leg = new Leg(puppet, request.callId, fresh(), uriOf(request.get('from')));
    leg.localUri = uriOf(request.get('to'));
    leg.remoteTag = request.fromTag;
    leg.target = uriOf(request.get('contact'));
    leg.routes = request.all('record-route');
    leg.cseq = 110;
    leg.#incoming = request;
    if (contact !== undefined) leg.contact = contact;
    return leg;
  }

  /** Waits for a request that opens a call and takes the callee's side of it. */
  static async incoming(puppet: Puppet, method = 'INVITE', callId?: string): Promise<Leg> {
    return Leg.of(puppet, await puppet.request(method, callId));
  }

  get incoming(): Message {
    if (this.#incoming === undefined) throw new Error('this side has opened the dialog');
    return this.#incoming;
  }

  /** Answers the opening request; a 2xx to INVITE carries SDP. */
  respond(status: number, reason: string, options: ReplyOptions = {}): void {
    const invited = this.incoming.method === 'INVITE' && status >= 200 && status < 300;
    const body = options.body ?? (invited ? sdp(this.puppet.user, this.puppet.host) : '');
    this.puppet.reply(this.incoming, status, reason, {
      tag: this.localTag,
      ...options,
      body,
      lines: [
        ...(status < 300 && status > 100 ? [`Contact: ${this.contact}`] : []),
        ...(body === '' ? [] : [SDP_LINE]),
        ...(options.lines ?? []),
      ],
    });
  }

  /** Waits for a response in this dialog; what it says of tags, routes and target is kept (RFC 3261 §12.1.2). */
  async response(status: number, method = 'INVITE', within = PATIENCE): Promise<Message> {
    const response = await this.puppet.response(status, method, this.callId, within);
    // The To tag of a CANCEL's answer is not that of the dialog (RFC 3261 §9.2).
    if (this.remoteTag === '' && status > 100 && status < 300 && method !== 'CANCEL') {
      this.remoteTag = response.toTag;
      this.routes = response.all('record-route').reverse();
    }
    if (status >= 200 && status < 300 && method === 'INVITE' && response.has('contact')) {
      this.target = uriOf(response.get('contact'));
    }
    return response;
  }

  request(method: string, within = PATIENCE): Promise<Message> {
    return this.puppet.request(method, this.callId, within);
  }

  /** The text of a request inside the dialog. */
  text(
    method: string,
    options: { lines?: readonly string[]; body?: string; branch?: string; cseq?: number } = {},
  ): string {
    return compose(
      `${method} ${this.target} SIP/2.0`,
      [
        this.puppet.via(options.branch),
        `From: <${this.localUri}>;tag=${this.localTag}`,
        `To: <${this.remoteUri}>;tag=${this.remoteTag}`,
        `Call-ID: ${this.callId}`,
        `CSeq: ${options.cseq ?? this.cseq} ${method}`,
        'Max-Forwards: 70',
        ...this.routes.map((route) => `Route: ${route}`),
        ...(options.lines ?? []),
        'Content-Length',
      ],
      options.body,
    );
  }

  /** Sends a request inside the dialog with the next CSeq; gives back its CSeq. */
  send(method: string, options: { lines?: readonly string[]; body?: string } = {}): number {
    this.cseq++;
    const contact = ['INVITE', 'UPDATE', 'SUBSCRIBE', 'REFER', 'NOTIFY'].includes(method)
      ? [`Contact: ${this.contact}`]
      : [];
    this.puppet.send(this.text(method, { ...options, lines: [...contact, ...(options.lines ?? [])] }));
    return this.cseq;
  }

  /** A re-INVITE with that session description. */
  reinvite(description: Sdp): number {
    return this.send('INVITE', {
      lines: [SDP_LINE],
      body: sdp(this.puppet.user, this.puppet.host, description),
    });
  }

  /** Answers a re-INVITE (or UPDATE) that came in. */
  accept(request: Message, description: Sdp): void {
    this.puppet.reply(request, 200, 'OK', {
      lines: [`Contact: ${this.contact}`, SDP_LINE],
      body: sdp(this.puppet.user, this.puppet.host, description),
    });
  }

  /** ACK for the 2xx with that CSeq; its own transaction, the same bytes each time it is sent. */
  ack(cseq = this.cseq): string {
    const text = this.text('ACK', { cseq });
    this.puppet.send(text);
    return text;
  }

  /** ACK for a failure: the INVITE's own branch and Request-URI (RFC 3261 §17.1.1.3). */
  ackFailure(response: Message): void {
    this.puppet.send(this.#onInvite('ACK', response.get('to')));
  }

  cancel(): void {
    this.puppet.send(this.#onInvite('CANCEL', `<${this.remoteUri}>`));
  }

  #onInvite(method: string, to: string): string {
    return compose(`${method} ${this.remoteUri} SIP/2.0`, [
      this.puppet.via(this.#openBranch),
      `From: <${this.localUri}>;tag=${this.localTag}`,
      `To: ${to}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${this.cseq} ${method}`,
      'Max-Forwards: 70',
      'Content-Length',
    ]);
  }
}
