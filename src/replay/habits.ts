// What the captured server does to messages that it should not, or leaves undone: its faults in passing on, counted.
import type { SipMessage, SipRequest, SipResponse } from '../sip/message.ts';
import { parseNameAddr, parseUri } from '../sip/uri.ts';
import type { CallFacts } from './call-facts.ts';
import type { ServerNames } from './server-names.ts';
import { vias } from './vias.ts';

export type HabitCode =
  /** RFC 3261 §16.6 step 3. */
  | 'max-forwards-kept'
  /** RFC 3261 §16.6 step 2: to a registered phone under its AOR, not under its Contact. */
  | 'request-uri-kept'
  /** RFC 3261 §16.6 step 4: an INVITE without it, so that later requests pass the server by. */
  | 'no-record-route'
  /** RFC 3261 §16.7 step 5: each hop makes its own 100. */
  | 'trying-passed-on'
  /** RFC 3261 §17.1.1.3: the ACK of a refused INVITE ends at each hop. */
  | 'ack-passed-on'
  /** RFC 3261 §8.2.6: an answer of its own with headers that belong to the request (its Contact among them). */
  | 'request-copied';

export interface Habit {
  readonly code: HabitCode;
  readonly times: number;
  /** How often it could have done so. */
  readonly of: number;
}

const ORDER: readonly HabitCode[] = [
  'max-forwards-kept',
  'request-uri-kept',
  'no-record-route',
  'trying-passed-on',
  'ack-passed-on',
  'request-copied',
];

export class Habits {
  readonly #counts = new Map<HabitCode, { times: number; of: number }>();

  /** The server sent this; what reached it before is in `facts`. */
  sent(message: SipMessage, facts: CallFacts, names: ServerNames): void {
    if (message.kind === 'request') this.#request(message, facts, names);
    else this.#response(message, facts);
  }

  list(): Habit[] {
    return ORDER.flatMap((code) => {
      const count = this.#counts.get(code);
      return count === undefined || count.times === 0 ? [] : [{ code, ...count }];
    });
  }

  #request(request: SipRequest, facts: CallFacts, names: ServerNames): void {
    const asked = facts.asked(request);
    if (asked === undefined) return;
    // An ACK or CANCEL of its own bears no Via but its own.
    const isPassedOn = vias(request).length > 1;
    if (request.method === 'ACK' && facts.wasRefused(request)) this.#count('ack-passed-on', isPassedOn);
    if (!isPassedOn) return;
    if (asked.maxForwards !== '')
      this.#count('max-forwards-kept', request.first('max-forwards') === asked.maxForwards);
    const uri = parseUri(asked.uri);
    if (request.to.tag === undefined && uri?.user !== undefined && names.has(uri))
      this.#count('request-uri-kept', request.uri === asked.uri);
    if (request.to.tag === undefined && request.method === 'INVITE')
      this.#count('no-record-route', !request.all('record-route').some((value) => names.hasValue(value)));
  }

  #response(response: SipResponse, facts: CallFacts): void {
    if (response.cseq.method === 'INVITE' && response.status === 100 && !facts.wasAnswered(response))
      this.#count('trying-passed-on', facts.wasHeard(response));
    const isOwn = response.status >= 200 && response.cseq.method !== 'REGISTER' && !facts.wasHeard(response);
    if (isOwn && facts.passedOn(response).length === 0)
      this.#count('request-copied', response.has('max-forwards') || this.#bearsOwnContact(response));
  }

  /** The Contact of whoever is answered: an answer names the answerer. */
  #bearsOwnContact(response: SipResponse): boolean {
    const contact = parseUri(parseNameAddr(response.first('contact') ?? '')?.uri ?? '');
    const from = parseUri(response.from.uri);
    return contact?.user !== undefined && contact.user === from?.user && response.status < 300;
  }

  #count(code: HabitCode, did: boolean): void {
    const count = this.#counts.get(code) ?? { times: 0, of: 0 };
    count.of++;
    if (did) count.times++;
    this.#counts.set(code, count);
  }
}
