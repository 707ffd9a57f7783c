// One side of a call or of a subscription: its tags, its route set, what it asks and what it is asked.
import { compose, type Message, type ReplyOptions, uriOf } from '../wire/puppet-message.ts';
import { type Listener, PATIENCE, type Phone } from './phone.ts';

/** A request on its way to its final response. */
export interface Asking {
  readonly branch: string;
  readonly text: string;
  readonly final: Promise<Message>;
}

export interface InviteAsking extends Asking {
  /** A 18x has been heard. */
  readonly isRinging: () => boolean;
  /** Any provisional response has been heard: it may be cancelled. */
  readonly isHeard: () => boolean;
}

export class Leg implements Listener {
  readonly phone: Phone;
  readonly callId: string;
  readonly tag: string;
  readonly #peer: string;
  #peerTag = '';
  #target: string;
  #routes: string[] = [];
  #cseq = 0;
  #inviteCseq = 0;
  readonly #heard: Message[] = [];
  readonly #waiting: { method: string; take: (request: Message) => void }[] = [];

  /** `peer`: the AOR that is called, or that calls. */
  constructor(phone: Phone, callId: string, peer: string) {
    this.phone = phone;
    this.callId = callId;
    this.tag = phone.tagOf(callId);
    this.#peer = peer;
    this.#target = peer;
    phone.listen(callId, this);
  }

  heard(request: Message): void {
    const at = this.#waiting.findIndex(({ method }) => method === request.method);
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (waiting === undefined) this.#heard.push(request);
    else waiting.take(request);
  }

  /** Requests that nobody took. */
  get left(): readonly Message[] {
    return this.#heard;
  }

  /** The next request of that method. The first one of the callee's makes the dialog. */
  take(method: string, within = PATIENCE): Promise<Message> {
    const at = this.#heard.findIndex((request) => request.method === method);
    const [there] = at < 0 ? [] : this.#heard.splice(at, 1);
    return (
      there !== undefined
        ? Promise.resolve(there)
        : new Promise<Message>((resolve, reject) => {
            const late = setTimeout(
              () => reject(new Error(`no ${method} came to ${this.phone.user} within ${within} ms`)),
              within,
            );
            this.#waiting.push({
              method,
              take: (request) => {
                clearTimeout(late);
                resolve(request);
              },
            });
          })
    ).then((request) => {
      this.#learn(request);
      return request;
    });
  }

  #learn(request: Message): void {
    if (this.#peerTag === '') {
      this.#peerTag = request.fromTag;
      this.#routes = request.all('record-route');
    }
    const contact = request.get('contact');
    if (contact !== '') this.#target = uriOf(contact);
  }

  /** The answer that makes the dialog of whoever asked. */
  established(response: Message): void {
    if (this.#peerTag === '') {
      this.#peerTag = response.toTag;
      this.#routes = response.all('record-route').reverse();
    }
    const contact = response.get('contact');
    if (contact !== '') this.#target = uriOf(contact);
  }

  respond(request: Message, status: number, { lines = [], ...options }: ReplyOptions = {}): void {
    const typed = options.body === undefined ? [] : ['Content-Type: application/sdp'];
    this.phone.answer(request, status, {
      tag: this.tag,
      lines: [`Contact: <${this.phone.contact}>`, ...typed, ...lines],
      ...options,
    });
  }

  ask(method: string, lines: readonly string[] = [], body = ''): Asking {
    const cseq = ++this.#cseq;
    const branch = `z9hG4bK${this.phone.fresh()}`;
    const text = this.#text(method, cseq, branch, lines, body);
    const final = this.phone.ask(text, branch);
    return { branch, text, final: observed(final) };
  }

  invite(body: string): InviteAsking {
    const cseq = ++this.#cseq;
    this.#inviteCseq = cseq;
    const branch = `z9hG4bK${this.phone.fresh()}`;
    const text = this.#text('INVITE', cseq, branch, ['Content-Type: application/sdp'], body);
    let [isRinging, isHeard] = [false, false];
    const final = this.phone.ask(text, branch, {
      rings: ({ status }) => {
        isHeard = true;
        isRinging ||= status >= 180;
      },
    });
    return {
      branch,
      text,
      final: observed(final),
      isRinging: () => isRinging,
      isHeard: () => isHeard,
    };
  }

  /** The ACK of a 2xx. */
  ack(asked: Asking, response: Message): void {
    this.established(response);
    const branch = `z9hG4bK${this.phone.fresh()}`;
    this.phone.acknowledge(asked.branch, this.#text('ACK', this.#inviteCseq, branch, [], ''));
  }

  cancel(asked: Asking): Asking {
    const text = asked.text
      .slice(0, asked.text.indexOf('\r\n\r\n'))
      .split('\r\n')
      .filter((line) => !/^(route|contact|content-)/i.test(line))
      .map((line) => line.replace(/^INVITE /, 'CANCEL ').replace(/^(CSeq: \d+) INVITE/, '$1 CANCEL'))
      .concat('Content-Length: 0', '', '')
      .join('\r\n');
    return { branch: asked.branch, text, final: observed(this.phone.ask(text, asked.branch)) };
  }

  over(): void {
    this.phone.forget(this.callId);
  }

  #text(method: string, cseq: number, branch: string, lines: readonly string[], body: string): string {
    const { phone } = this;
    const toTag = this.#peerTag === '' ? '' : `;tag=${this.#peerTag}`;
    return compose(
      `${method} ${this.#target} SIP/2.0`,
      [
        phone.via(branch),
        ...this.#routes.map((route) => `Route: ${route}`),
        'Max-Forwards: 70',
        `From: <${phone.aor}>;tag=${this.tag}`,
        `To: <${this.#peer}>${toTag}`,
        `Call-ID: ${this.callId}`,
        `CSeq: ${cseq} ${method}`,
        ...(method === 'ACK' || method === 'BYE' ? [] : [`Contact: <${phone.contact}>`]),
        ...lines,
        'Content-Length',
      ],
      body,
    );
  }
}

/** Whoever waits hears of its failure; nobody waiting is no crash. */
function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
