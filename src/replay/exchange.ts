// Puts our Via, Route, tag and target where a phone copied those of the captured server; nothing else is touched.
import { routes, setRoutes } from '../sip/edit.ts';
import {
  detached,
  HeaderLine,
  headerLine,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../sip/message.ts';
import { parseNameAddr, parseUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointText } from './endpoint.ts';
import type { Known } from './known.ts';

/** A request we sent: what its receiver copies into the answer. */
interface Sent {
  readonly to: Endpoint;
  readonly vias: readonly HeaderLine[];
  readonly recordRoutes: readonly string[];
}

/** What the phones of one Call-ID have of us. */
interface Copied {
  /** By CSeq and phone. */
  readonly requests: Map<string, Sent>;
  /** By phone: our part of its route set, the last To tag it heard, the Contact it was given. */
  readonly phones: Map<string, { routes?: readonly string[]; tag?: string; target?: string }>;
}

export class Exchange {
  readonly #known: Known;
  readonly #calls = new Map<string, Copied>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Everything the virtual server sends goes by here. */
  sent(message: SipMessage, to: Endpoint): void {
    const copied = this.#copied(message.callId);
    const at = endpointText(to);
    const phone = copied.phones.get(at) ?? {};
    copied.phones.set(at, phone);
    const recordRoutes = message.has('record-route')
      ? message
          .all('record-route')
          .filter((value) => this.#known.names.hasValue(value))
          .map(detached)
      : [];
    const contact = parseNameAddr(message.first('contact') ?? '')?.uri;
    const opens = message.cseq.method === 'INVITE' || message.cseq.method === 'SUBSCRIBE';
    if (contact !== undefined && opens) phone.target = detached(contact);
    if (message.kind === 'request') {
      const vias = message.headers.filter((line) => line.key === 'via').map(detachedLine);
      copied.requests.set(`${cseqOf(message)} ${at}`, { to, vias, recordRoutes });
      if (recordRoutes.length > 0 && (message.to.tag === undefined || phone.routes === undefined))
        phone.routes = recordRoutes;
      return;
    }
    if (recordRoutes.length > 0 && message.status > 100) phone.routes = recordRoutes.toReversed();
    if (message.to.tag !== undefined) phone.tag = detached(message.to.tag);
  }

  /** Did we send the request that this response answers? */
  answersOurs(response: SipResponse, from: Endpoint): boolean {
    const requests = this.#calls.get(response.callId)?.requests;
    return requests?.has(`${cseqOf(response)} ${endpointText(from)}`) === true;
  }

  /** Where we sent the requests that a response with this CSeq may answer. */
  receivers(response: SipResponse): Endpoint[] {
    const prefix = `${cseqOf(response)} `;
    const requests = this.#calls.get(response.callId)?.requests ?? NONE;
    return [...requests].filter(([key]) => key.startsWith(prefix)).map(([, { to }]) => to);
  }

  /** Our part of the route set a phone has for a call. */
  routesOf(callId: string, phone: Endpoint): readonly string[] {
    return this.#calls.get(callId)?.phones.get(endpointText(phone))?.routes ?? [];
  }

  forget(callId: string): void {
    this.#calls.delete(callId);
  }

  response(response: SipResponse, from: Endpoint): SipResponse {
    const sent = this.#calls.get(response.callId)?.requests.get(`${cseqOf(response)} ${endpointText(from)}`);
    if (sent === undefined) return response;
    const out = response.copy();
    replaceLines(out, 'via', sent.vias);
    const given = out.all('record-route');
    // A phone copies every Record-Route it was sent: ours too where the captured server had none.
    if (given.length > 0 || (response.status > 100 && response.status < 300)) {
      const first = given.findIndex((value) => this.#known.names.hasValue(value));
      const others = given.filter((value) => !this.#known.names.hasValue(value));
      const all = others.toSpliced(first < 0 ? others.length : first, 0, ...sent.recordRoutes);
      replaceLines(
        out,
        'record-route',
        all.map((value) => headerLine('Record-Route', value)),
      );
    }
    return out;
  }

  request(request: SipRequest, from: Endpoint): SipRequest {
    const tag = request.to.tag;
    const phone = this.#calls.get(request.callId)?.phones.get(endpointText(from));
    if (tag === undefined || phone === undefined) return request;
    const { names } = this.#known;
    const out = request.copy();
    const given = routes(request);
    if (phone.routes !== undefined) {
      const first = given.findIndex((value) => names.hasValue(value));
      const rest = given.filter((value) => !names.hasValue(value));
      setRoutes(out, rest.toSpliced(Math.max(first, 0), 0, ...phone.routes));
    }
    const uri = parseUri(request.uri);
    if (uri !== undefined && phone.target !== undefined && names.has(uri)) out.uri = phone.target;
    const isTheirs = this.#known.call(request.callId)?.isPhoneTag(tag) === true;
    if (phone.tag !== undefined && tag !== phone.tag && !isTheirs) {
      out.headers = out.headers.map((line) =>
        line.key === 'to'
          ? headerLine(line.name, line.value.replace(`tag=${tag}`, `tag=${phone.tag}`))
          : line,
      );
    }
    return out;
  }

  #copied(callId: string): Copied {
    let copied = this.#calls.get(callId);
    if (copied === undefined) {
      copied = { requests: new Map(), phones: new Map() };
      this.#calls.set(detached(callId), copied);
    }
    return copied;
  }
}

const NONE: ReadonlyMap<string, Sent> = new Map();

function cseqOf(message: SipMessage): string {
  const { number, method } = message.cseq;
  return `${number} ${method}`;
}

function detachedLine(line: HeaderLine): HeaderLine {
  return new HeaderLine(line.key, detached(line.raw), line.colon);
}

/** The new lines stand where the first old one stood, or behind the Vias. */
function replaceLines(message: SipMessage, key: string, lines: readonly HeaderLine[]): void {
  const first = message.headers.findIndex((line) => line.key === key);
  const at = first < 0 ? message.headers.findLastIndex((line) => line.key === 'via') + 1 : first;
  const before = message.headers.slice(0, at).filter((line) => line.key !== key);
  const after = message.headers.slice(at).filter((line) => line.key !== key);
  message.headers = [...before, ...lines, ...after];
}
