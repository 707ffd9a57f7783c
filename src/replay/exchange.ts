// Puts our Via, Record-Route and tags where a phone copied those of the captured server; nothing else is touched.
import { routes, setRoutes } from '../sip/edit.ts';
import {
  HeaderLine,
  headerLine,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../sip/message.ts';
import { parseNameAddr, parseUri } from '../sip/uri.ts';
import type { Endpoint } from './capture/datagrams.ts';
import { endpointText, type Known } from './known.ts';

/** What we sent to a phone that it will send back. */
interface Copied {
  readonly vias: readonly HeaderLine[];
  readonly recordRoutes: readonly string[];
}

export class Exchange {
  readonly #known: Known;
  /** Requests we sent: by phone, Call-ID and CSeq. */
  readonly #requests = new Map<string, Copied>();
  /** Our part of each phone's route set: by phone and Call-ID. */
  readonly #routes = new Map<string, readonly string[]>();
  /** The last To tag a phone heard from us: by phone and Call-ID. */
  readonly #tags = new Map<string, string>();

  constructor(known: Known) {
    this.#known = known;
  }

  /** Everything the virtual server sends goes by here. */
  sent(message: SipMessage, to: Endpoint): void {
    const recordRoutes = message.has('record-route')
      ? message.all('record-route').filter((v) => this.#isServer(v))
      : [];
    const phone = `${endpointText(to)} ${message.callId}`;
    if (message.kind === 'request') {
      const vias = message.headers.filter((line) => line.key === 'via');
      this.#requests.set(transactionKey(message, to), { vias, recordRoutes });
      if (recordRoutes.length > 0 && message.to.tag === undefined) this.#routes.set(phone, recordRoutes);
      return;
    }
    if (recordRoutes.length > 0 && message.status > 100) this.#routes.set(phone, recordRoutes.toReversed());
    if (message.to.tag !== undefined) this.#tags.set(phone, message.to.tag);
  }

  /** Did we send the request that this response answers? */
  answersOurs(response: SipResponse, from: Endpoint): boolean {
    return this.#requests.has(transactionKey(response, from));
  }

  /** Our part of the route set a phone has for a call. */
  routesOf(callId: string, phone: Endpoint): readonly string[] {
    return this.#routes.get(`${endpointText(phone)} ${callId}`) ?? [];
  }

  response(response: SipResponse, from: Endpoint): SipResponse {
    const copied = this.#requests.get(transactionKey(response, from));
    if (copied === undefined) return response;
    const out = response.copy();
    replaceLines(out, 'via', copied.vias);
    if (out.has('record-route')) {
      const ours = copied.recordRoutes.map((value) => headerLine('Record-Route', value));
      const others = out.all('record-route').filter((value) => !this.#isServer(value));
      replaceLines(out, 'record-route', [
        ...ours,
        ...others.map((value) => headerLine('Record-Route', value)),
      ]);
    }
    return out;
  }

  request(request: SipRequest, from: Endpoint): SipRequest {
    const phone = `${endpointText(from)} ${request.callId}`;
    let out = request;
    if (request.has('route')) {
      const given = routes(request);
      const ours = this.#routes.get(phone);
      const first = given.findIndex((value) => this.#isServer(value));
      if (ours !== undefined && first >= 0) {
        const rest = given.filter((value) => !this.#isServer(value));
        out = setRoutes(request.copy(), rest.toSpliced(first, 0, ...ours));
      }
    }
    const tag = request.to.tag;
    const ourTag = this.#tags.get(phone);
    if (
      tag !== undefined &&
      ourTag !== undefined &&
      tag !== ourTag &&
      !this.#known.isPhoneTag(request.callId, tag)
    ) {
      out = out === request ? request.copy() : out;
      out.headers = out.headers.map((line) =>
        line.key === 'to' ? headerLine(line.name, line.value.replace(`tag=${tag}`, `tag=${ourTag}`)) : line,
      );
    }
    return out;
  }

  #isServer(value: string): boolean {
    const uri = parseUri(parseNameAddr(value)?.uri ?? '');
    const { server, domains } = this.#known;
    if (uri === undefined || (uri.port ?? 5060) !== server.port) return false;
    return uri.host === server.address || domains.has(uri.host);
  }
}

function transactionKey(message: SipMessage, phone: Endpoint): string {
  const { number, method } = message.cseq;
  return `${endpointText(phone)} ${message.callId} ${number} ${method}`;
}

/** The new lines stand where the first old one stood. */
function replaceLines(message: SipMessage, key: string, lines: readonly HeaderLine[]): void {
  const at = message.headers.findIndex((line) => line.key === key);
  const rest = message.headers.filter((line) => line.key !== key);
  const before = message.headers.slice(0, at).filter((line) => line.key !== key).length;
  message.headers = rest.toSpliced(before, 0, ...lines);
}
