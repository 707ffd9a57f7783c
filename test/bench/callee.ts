// Owns the called phones of one load: 180 at once, 200 after ringing, again until the ACK, 200 to BYE.
import { type Heard, response, sdp } from './messages.ts';
import { type Network, sendUntil } from './phone.ts';

interface Answering {
  last: string;
  answered: boolean;
  acked: boolean;
  over: boolean;
}

/** How long an ended call is remembered, so that what comes late opens no new one. */
const LINGER = 5000;

export class Callees {
  readonly #network: Network;
  readonly #ring: number;
  readonly #calls = new Map<string, Answering>();
  #tags = 0;

  constructor(network: Network, ring: number) {
    this.#network = network;
    this.#ring = ring;
  }

  /** Calls that were answered but never acknowledged, or never ended. */
  unfinished(): number {
    let open = 0;
    for (const call of this.#calls.values()) if (!call.over) open += 1;
    return open;
  }

  /** `target` is the request's URI: our own Contact as we registered it. */
  hear(heard: Heard, target: string, line: number, port: number): void {
    const call = this.#calls.get(heard.callId);
    if (heard.method === 'INVITE') {
      if (call) {
        this.#network.tally.repeated += 1;
        this.#network.send(call.last, line, port);
      } else this.#ringFor(heard, target, line, port);
    } else if (heard.method === 'ACK') {
      if (!call || call.acked) this.#network.tally.repeated += 1;
      else call.acked = true;
    } else {
      this.#network.send(response(heard, '200 OK', 't0', ''), line, port);
      if (heard.method === 'BYE') this.#leave(heard.callId, call);
    }
  }

  #ringFor(heard: Heard, target: string, line: number, port: number): void {
    const network = this.#network;
    const came = network.now();
    this.#tags += 1;
    const tag = `t${this.#tags}`;
    const call: Answering = {
      last: response(heard, '180 Ringing', tag, target),
      answered: false,
      acked: false,
      over: false,
    };
    this.#calls.set(heard.callId, call);
    network.send(call.last, line, port);
    network.after(this.#ring, () => {
      if (call.over) return;
      const waited = `s=waited ${(network.now() - came).toFixed(3)}`;
      const body = sdp(network.portOf(line)).replace('s=Talk', waited);
      call.last = response(heard, '200 OK', tag, target, body);
      call.answered = true;
      const wanted = () => !call.acked && !call.over;
      sendUntil(network, { text: call.last, line, port }, wanted, () =>
        network.tally.fail('200: never acknowledged'),
      );
    });
  }

  #leave(callId: string, call: Answering | undefined): void {
    if (!call || call.over) {
      this.#network.tally.repeated += 1;
      return;
    }
    if (!call.acked) this.#network.tally.fail('BYE came without the ACK');
    call.over = true;
    this.#network.after(LINGER, () => this.#calls.delete(callId));
  }
}
