// A capture that starts in mid-call: what the parties must have said before, so that the call has its chart.
import type { SipMessage, SipRequest, SipResponse } from '../sip/message.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointText } from './endpoint.ts';
import { bareVia, vias } from './vias.ts';

/** How far the call had come. */
export type Depth = 'asked' | 'ringing' | 'answered' | 'up';

/** What came before the first message that the capture has of a dialog. */
export interface Beginning {
  readonly method: 'INVITE' | 'SUBSCRIBE';
  readonly depth: Depth;
  /** Who opened it, as far as can be told: the sender of the first request that is seen. */
  readonly opener: Endpoint;
  readonly other: Endpoint;
  /** The message's sender opened the dialog: its From is the opening's. Else its To is. */
  readonly fromIsOpener: boolean;
  /** Only the one who opened the dialog could send what is seen. */
  readonly isSure: boolean;
  /** CSeq of the opening. */
  readonly cseq: number;
  /** Vias of the opening, where they show; else made up. */
  readonly vias: readonly string[];
  /** An offer, as near as the answer tells it. */
  readonly offer: Buffer | undefined;
  readonly event: string | undefined;
  /** The method of the request inside the dialog whose response is the first that is seen. */
  readonly inside: 'INVITE' | 'BYE' | undefined;
}

/** For a request whose dialog is unknown. undefined: there is nothing to put in its place. */
export function beforeRequest(
  request: SipRequest,
  sender: Endpoint,
  other: Endpoint,
  isCall: boolean,
): Beginning | undefined {
  const { number } = request.cseq;
  const base = {
    opener: sender,
    other,
    fromIsOpener: true,
    isSure: false,
    vias: [],
    offer: undefined,
    inside: undefined,
  };
  const event = request.first('event')?.split(';', 1)[0]?.trim().toLowerCase();
  const call = { ...base, method: 'INVITE', cseq: Math.max(0, number - 1), event: undefined } as const;
  switch (request.method) {
    case 'REGISTER':
    case 'OPTIONS':
    case 'PUBLISH':
    case 'MESSAGE':
      return undefined;
    case 'CANCEL':
      return {
        ...call,
        depth: 'ringing',
        isSure: true,
        cseq: number,
        vias: vias(request).map((via) => via.raw),
      };
    case 'PRACK':
      return { ...call, depth: 'ringing', isSure: true };
    case 'ACK':
      return { ...call, depth: 'answered', cseq: number };
    case 'SUBSCRIBE':
      if (isCall) return { ...call, depth: 'up' };
      return {
        ...base,
        method: 'SUBSCRIBE',
        depth: 'answered',
        isSure: true,
        cseq: Math.max(0, number - 1),
        event,
      };
    case 'NOTIFY': {
      if (isCall || event === 'refer') return { ...call, depth: 'up' };
      const turned = { ...base, opener: other, other: sender, fromIsOpener: false, isSure: true };
      return { ...turned, method: 'SUBSCRIBE', depth: 'answered', cseq: 1, event };
    }
    default:
      return { ...call, depth: 'up' };
  }
}

/** For a response whose request is unknown. `inDialog`: it answers a request inside its dialog. */
export function beforeResponse(
  response: SipResponse,
  answerer: Endpoint,
  asker: Endpoint,
  inDialog: boolean,
  askersVias: readonly string[],
  answerSdp: Buffer | undefined,
): Beginning | undefined {
  const { number, method } = response.cseq;
  const base = {
    method: 'INVITE',
    opener: asker,
    other: answerer,
    fromIsOpener: true,
    isSure: false,
    event: undefined,
  } as const;
  // An answer names the streams that were offered: the closest there is to the offer itself.
  const offer = answerSdp === undefined ? undefined : mirrored(answerSdp);
  if (method === 'INVITE' && !inDialog)
    return {
      ...base,
      depth: 'asked',
      isSure: true,
      cseq: number,
      vias: askersVias,
      offer,
      inside: undefined,
    };
  switch (method) {
    case 'INVITE':
    case 'BYE': {
      const cseq = Math.max(0, number - 1);
      return { ...base, depth: 'up', cseq, vias: [], offer, inside: method };
    }
    case 'UPDATE':
    case 'INFO':
    case 'REFER':
      return {
        ...base,
        depth: 'up',
        cseq: Math.max(0, number - 1),
        vias: [],
        offer: undefined,
        inside: undefined,
      };
    default:
      return undefined;
  }
}

/** The words of a beginning: each message without what only our server's own messages tell. */
export class Script {
  readonly #beginning: Beginning;
  readonly #from: string;
  readonly #to: string;
  readonly #tag: string | undefined;
  readonly #callId: string;

  /** `message`: the first of its dialog that is seen. */
  constructor(beginning: Beginning, message: SipMessage) {
    const { from, to } = message;
    this.#beginning = beginning;
    this.#from = beginning.fromIsOpener ? from.raw : to.raw;
    this.#to = beginning.fromIsOpener ? to.raw : from.raw;
    this.#tag = beginning.fromIsOpener ? to.tag : from.tag;
    this.#callId = message.callId;
  }

  opening(uri: string, contact: string): Buffer {
    const { method, cseq, event, inside } = this.#beginning;
    const offer = inside === undefined ? this.#beginning.offer : undefined;
    return this.#request(
      method,
      uri,
      cseq,
      this.#withoutTag(),
      this.#vias('opening'),
      [
        `Contact: <${contact}>`,
        ...(event === undefined ? [] : [`Event: ${event}`]),
        ...(method === 'SUBSCRIBE' ? ['Expires: 3600'] : []),
        ...(offer === undefined ? [] : ['Content-Type: application/sdp']),
      ],
      offer,
    );
  }

  /** `sent`: our request, of which an answer copies Via and Record-Route. */
  answer(status: 180 | 200, contact: string, sent: SipMessage): Buffer {
    const { method, cseq } = this.#beginning;
    return text([
      `SIP/2.0 ${status} ${status === 180 ? 'Ringing' : 'OK'}`,
      ...sent.headers.filter(({ key }) => key === 'via' || key === 'record-route').map(({ raw }) => raw),
      `From: ${this.#from}`,
      `To: ${this.#withTag()}`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <${contact}>`,
      ...(method === 'SUBSCRIBE' ? ['Expires: 3600'] : []),
      'Content-Length: 0',
    ]);
  }

  /** A request of the opener's inside its dialog. */
  inside(
    method: 'ACK' | 'BYE' | 'INVITE',
    uri: string,
    contact: string,
    routes: readonly string[],
    message: SipMessage,
  ): Buffer {
    const isAck = method === 'ACK';
    const number = isAck ? this.#beginning.cseq : message.cseq.number;
    const offer = method === 'INVITE' ? this.#beginning.offer : undefined;
    const lines = [
      ...routes.map((value) => `Route: ${value}`),
      `Contact: <${contact}>`,
      ...(offer === undefined ? [] : ['Content-Type: application/sdp']),
    ];
    return this.#request(method, uri, number, this.#withTag(), this.#vias(method), lines, offer);
  }

  #request(
    method: string,
    uri: string,
    cseq: number,
    to: string,
    via: readonly string[],
    more: readonly string[],
    body?: Buffer,
  ): Buffer {
    const head = text([
      `${method} ${uri} SIP/2.0`,
      ...via.map((value) => `Via: ${value}`),
      `From: ${this.#from}`,
      `To: ${to}`,
      `Call-ID: ${this.#callId}`,
      `CSeq: ${cseq} ${method}`,
      'Max-Forwards: 70',
      ...more,
      `Content-Length: ${body?.length ?? 0}`,
    ]);
    return body === undefined ? head : Buffer.concat([head, body]);
  }

  #vias(what: string): readonly string[] {
    const { vias: shown, opener } = this.#beginning;
    if (what === 'opening' && shown.length > 0) return shown;
    const unique = this.#callId.replace(/[^\w.~-]/g, '-');
    return [`SIP/2.0/UDP ${endpointText(opener)};branch=z9hG4bK-before-${what}-${unique};rport`];
  }

  #withTag(): string {
    return this.#tag === undefined ? `${this.#to};tag=before` : this.#to;
  }

  #withoutTag(): string {
    return this.#to.replace(/;\s*tag\s*=\s*[^;,>\s]+/i, '');
  }
}

/** Vias below the server's own, as their makers wrote them. */
export function askersVias(response: SipResponse, throughServer: boolean): string[] {
  const all = vias(response);
  return (throughServer ? all.slice(1) : all).map(bareVia);
}

/** RFC 3264 §6.1: who answers that it only receives was offered something that is only sent. */
function mirrored(answer: Buffer): Buffer {
  const sdp = answer.toString('latin1');
  const other: Record<string, string> = { sendonly: 'recvonly', recvonly: 'sendonly' };
  return Buffer.from(
    sdp.replace(/^a=(sendonly|recvonly)\b/gm, (_, direction: string) => `a=${other[direction]}`),
    'latin1',
  );
}

function text(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
