// One address that floods: sends what it is given no faster than the server takes it, and counts the answers.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as breathe, setTimeout as pause } from 'node:timers/promises';

/** Datagrams under way at once: more would be lost in the kernel and tell nothing of the server. */
const WINDOW = 64;

export class Sender {
  readonly answers = new Map<number, number>();
  /** Requests that came. */
  asked = 0;
  readonly #socket: Socket;
  readonly #port: number;
  #heard = 0;
  /** Requests of which an answer was heard. */
  #taken = 0;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (bytes) => {
      const status = Number(/^SIP\/2\.0 (\d{3})/.exec(bytes.toString('latin1', 0, 12))?.[1]);
      if (Number.isNaN(status)) this.asked++;
      else {
        // An INVITE gets its 100 at once, and may get more.
        if (status === 100 || !this.answers.has(100)) this.#taken++;
        this.#heard++;
        this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
      }
    });
  }

  static async open(address: string, server: number): Promise<Sender> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new Sender(socket, server);
  }

  get hostPort(): string {
    const { address, port } = this.#socket.address();
    return `${address}:${port}`;
  }

  send(bytes: string | Buffer): void {
    this.#socket.send(
      typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes,
      this.#port,
      '127.0.0.1',
    );
  }

  /** Sends `count` of them; waits for an answer where there is no room, but not for one that does not come. */
  async answered(count: number, make: (n: number) => string): Promise<void> {
    for (let sent = 0, from = this.#taken; sent < count; ) {
      if (sent - (this.#taken - from) < WINDOW) this.send(make(sent++));
      else {
        const before = this.#taken;
        for (let waited = 0; this.#taken === before && waited < 50; waited++) await pause(2);
        // Lost: the window moves on.
        if (this.#taken === before) from -= WINDOW;
      }
      if (sent % 16 === 0) await breathe();
    }
  }

  /** Until half a second passes without an answer. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.#heard; ) {
      before = this.#heard;
      await pause(500);
    }
  }

  /** What gets no answer is sent between questions that get one. */
  async unanswered(
    count: number,
    make: (n: number) => string | Buffer,
    question: () => string,
  ): Promise<void> {
    for (let sent = 0; sent < count; ) {
      const before = this.#heard;
      for (let i = 0; i < WINDOW / 2 && sent < count; i++) this.send(make(sent++));
      this.send(question());
      for (let waited = 0; this.#heard === before && waited < 100; waited++) await pause(1);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
