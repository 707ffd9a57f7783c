// Proves that the load generator makes whole calls, repeats what is lost, and calls a failure a failure.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { Load } from './load.ts';
import { read, response } from './messages.ts';

type Fault = (text: string, times: number) => 'pass' | 'lose' | 'refuse' | 'twice';

/** A proxy of a few lines: one registrar, one Record-Route, one Via; `fault` decides what befalls each message. */
class SmallProxy {
  readonly #socket: Socket = createSocket('udp4');
  readonly #contacts = new Map<string, number>();
  readonly #seen = new Map<string, number>();
  readonly #fault: Fault;
  port = 0;

  constructor(fault: Fault) {
    this.#fault = fault;
    this.#socket.on('message', (bytes, from) => this.#pass(bytes.toString('latin1'), from.port));
  }

  async listen(): Promise<void> {
    const listening = once(this.#socket, 'listening');
    this.#socket.bind(0, '127.0.0.1');
    await listening;
    this.port = this.#socket.address().port;
  }

  close(): void {
    this.#socket.close();
  }

  #send(text: string, port: number): void {
    this.#socket.send(text, port, '127.0.0.1');
  }

  #pass(text: string, from: number): void {
    const heard = read(text);
    if (!heard) return;
    const key = `${heard.status} ${heard.method} ${heard.cseqMethod} ${heard.callId}`;
    const times = (this.#seen.get(key) ?? 0) + 1;
    this.#seen.set(key, times);
    const fate = this.#fault(text, times);
    if (fate === 'lose') return;
    if (fate === 'refuse') {
      this.#send(response(heard, '486 Busy Here', 'p', ''), from);
      return;
    }
    if (heard.method === 'REGISTER' || heard.method === 'OPTIONS') {
      this.#contacts.set(/sip:(u\d+)@/.exec(heard.to)?.[1] ?? '', from);
      this.#send(response(heard, '200 OK', 'p', ''), from);
      return;
    }
    const [out, port] = heard.method === '' ? this.#back(text) : this.#forth(text);
    this.#send(out, port);
    if (fate === 'twice') this.#send(out, port);
  }

  #forth(text: string): [string, number] {
    const user = /^\w+ sip:(u\d+)@127\.0\.0\.1:(\d+)/.exec(text);
    const port =
      Number(user?.[2]) === this.port ? (this.#contacts.get(user?.[1] ?? '') ?? 0) : Number(user?.[2]);
    const ours = `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bKp\r\n`;
    const route = text.startsWith('INVITE') ? `Record-Route: <sip:127.0.0.1:${this.port};lr>\r\n` : '';
    const out = text
      .replace(/^(\w+ )sip:\S+/, `$1sip:${user?.[1]}@127.0.0.1:${port}`)
      .replace(/Route: .*\r\n/, '')
      .replace('Via:', `${ours}${route}Via:`);
    return [out, port];
  }

  #back(text: string): [string, number] {
    const out = text.replace(/Via: .*\r\n/, '');
    return [out, Number(/Via: SIP\/2\.0\/UDP 127\.0\.0\.1:(\d+)/.exec(out)?.[1])];
  }
}

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** Places ten calls through a proxy with that fault, and waits for their ends. */
async function tenCalls(fault: Fault) {
  const proxy = new SmallProxy(fault);
  await proxy.listen();
  const load = new Load({ serverPort: proxy.port, users: 10, ring: 5, talk: 5 });
  open.push(proxy, load);
  await load.open();
  expect(await load.reach(10, () => false)).toBe(true);
  expect(await load.registerAll()).toBe(10);
  load.tally.recording = true;
  load.startCalling(100);
  const until = performance.now() + 10_000;
  while (load.tally.placed < 10 && performance.now() < until) await new Promise((go) => setTimeout(go, 1));
  load.stop();
  await load.drain(10);
  return load.tally;
}

test('calls are placed, answered, acknowledged and ended, and their delays are known', async () => {
  const tally = await tenCalls(() => 'pass');
  expect(tally.failures).toEqual(new Map());
  expect(tally.completed).toBe(tally.placed);
  expect(tally.ringDelays).toHaveLength(tally.placed);
  expect(tally.answerDelays).toHaveLength(tally.placed);
  expect(Math.min(...tally.answerDelays)).toBeGreaterThan(0);
});

test('a lost INVITE, 200 or BYE is sent again, and the call lives', async () => {
  const tally = await tenCalls((text, times) =>
    times === 1 && /^(INVITE|BYE|REGISTER)/.test(text) ? 'lose' : 'pass',
  );
  expect(tally.failures).toEqual(new Map());
  expect(tally.completed).toBe(tally.placed);
  expect(tally.retransmitted).toBeGreaterThanOrEqual(2 * tally.placed);
});

test('what the server says twice is counted, and breaks no call', async () => {
  const tally = await tenCalls((text) => (text.startsWith('INVITE') ? 'twice' : 'pass'));
  expect(tally.failures).toEqual(new Map());
  expect(tally.completed).toBe(tally.placed);
  expect(tally.repeated).toBeGreaterThanOrEqual(tally.placed);
});

test('a refused call is a failure, by its status', async () => {
  const tally = await tenCalls((text) => (text.startsWith('INVITE') ? 'refuse' : 'pass'));
  expect(tally.completed).toBe(0);
  expect(tally.failures).toEqual(new Map([['INVITE: 486', tally.placed]]));
});

test('a call that never got its ACK is a failure', async () => {
  const tally = await tenCalls((text) => (text.startsWith('ACK') ? 'lose' : 'pass'));
  expect(tally.failures.get('BYE came without the ACK')).toBe(tally.placed);
});
