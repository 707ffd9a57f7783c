// Owns one placed call: INVITE, ACK, BYE as a real phone says them, following Contact and Record-Route.
import { type Heard, hopOf, request, sdp } from './messages.ts';
import { type Network, sendUntil } from './phone.ts';

export interface CallPlan {
  readonly callId: string;
  readonly caller: number;
  readonly callee: number;
  readonly line: number;
  readonly serverPort: number;
  /** ACK to BYE in ms; undefined: held until hangUp(). */
  readonly talk: number | undefined;
}

export class Caller {
  readonly #network: Network;
  readonly #plan: CallPlan;
  readonly #ended: () => void;
  #state: 'calling' | 'proceeding' | 'confirmed' | 'leaving' | 'ended' = 'calling';
  #placedAt = 0;
  #recorded = false;
  #rang = false;
  #ack: { text: string; port: number } | undefined;
  #remote: { uri: string; to: string; routes: string[]; port: number } | undefined;

  constructor(network: Network, plan: CallPlan, ended: () => void) {
    this.#network = network;
    this.#plan = plan;
    this.#ended = ended;
  }

  get state(): string {
    return this.#state;
  }

  place(): void {
    const { line, serverPort } = this.#plan;
    this.#placedAt = this.#network.now();
    this.#recorded = this.#network.tally.recording;
    const to = this.#aor(this.#plan.callee);
    const text = this.#say('INVITE', to, `<${to}>`, [], 1, 'i', sdp(this.#network.portOf(line)));
    const calling = () => this.#state === 'calling';
    sendUntil(this.#network, { text, line, port: serverPort, cap: Number.POSITIVE_INFINITY }, calling, () =>
      this.fail('INVITE: no answer'),
    );
  }

  hear(heard: Heard, text: string): void {
    if (heard.cseqMethod === 'INVITE') this.#hearInvite(heard, text);
    else if (heard.cseqMethod === 'BYE' && this.#state === 'leaving' && heard.status >= 200) {
      if (heard.status === 200) {
        this.#network.tally.completed += 1;
        this.#end();
      } else this.fail(`BYE: ${heard.status}`);
    } else this.#network.tally.repeated += 1;
  }

  #hearInvite(heard: Heard, text: string): void {
    if (heard.status < 200) {
      if (this.#state === 'calling') this.#state = 'proceeding';
      if (heard.status === 180 && !this.#rang) {
        this.#rang = true;
        if (this.#recorded) this.#network.tally.ringDelays.push(this.#network.now() - this.#placedAt);
      }
    } else if (heard.status >= 300) {
      const to = this.#aor(this.#plan.callee);
      const ack = this.#say('ACK', to, heard.to, [], 1, 'i');
      this.#network.send(ack, this.#plan.line, this.#plan.serverPort);
      this.fail(`INVITE: ${heard.status}`);
    } else if (this.#ack) {
      this.#network.tally.repeated += 1;
      this.#network.send(this.#ack.text, this.#plan.line, this.#ack.port);
    } else this.#confirm(heard, text);
  }

  #confirm(heard: Heard, text: string): void {
    const network = this.#network;
    const { line, talk } = this.#plan;
    if (this.#recorded) {
      const waited = /\r\ns=waited ([\d.]+)/.exec(text)?.[1];
      network.tally.answerDelays.push(network.now() - this.#placedAt - Number(waited ?? 0));
    }
    const routes = heard.routes.reverse();
    const port = hopOf(routes, heard.contact);
    if (port === undefined) {
      this.fail('200: its route leaves this machine');
      return;
    }
    this.#remote = { uri: heard.contact, to: heard.to, routes, port };
    this.#ack = { text: this.#say('ACK', heard.contact, heard.to, routes, 1, 'a'), port };
    network.send(this.#ack.text, line, port);
    this.#state = 'confirmed';
    if (talk !== undefined) network.after(talk, () => this.hangUp());
  }

  hangUp(): void {
    if (this.#state !== 'confirmed' || !this.#remote) return;
    const { uri, to, routes, port } = this.#remote;
    this.#state = 'leaving';
    const text = this.#say('BYE', uri, to, routes, 2, 'b');
    sendUntil(
      this.#network,
      { text, line: this.#plan.line, port },
      () => this.#state === 'leaving',
      () => this.fail('BYE: no answer'),
    );
  }

  fail(why: string): void {
    if (this.#state === 'ended') return;
    this.#network.tally.fail(why);
    this.#end();
  }

  #end(): void {
    this.#state = 'ended';
    this.#ended();
  }

  #aor(user: number): string {
    return `sip:u${user}@127.0.0.1:${this.#plan.serverPort}`;
  }

  #say(
    method: string,
    uri: string,
    to: string,
    routes: string[],
    cseq: number,
    step: string,
    body = '',
  ): string {
    const { callId, caller, line } = this.#plan;
    return request({
      method,
      uri,
      to,
      routes,
      cseq,
      callId,
      body,
      sentBy: this.#network.portOf(line),
      branch: `${step}${callId}`,
      from: `<${this.#aor(caller)}>;tag=f${callId}`,
      contact: this.#network.contact(caller, line),
    });
  }
}
