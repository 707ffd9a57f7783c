// What everything else on this machine costs: the way to a process that does nothing, and back.
import { type ChildProcess, fork } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';

export class Yardstick {
  /** ms. */
  readonly times: number[] = [];
  readonly #socket: Socket;
  readonly #child: ChildProcess;
  readonly #port: number;
  #answered: (() => void) | undefined;

  private constructor(socket: Socket, child: ChildProcess, port: number) {
    this.#socket = socket;
    this.#child = child;
    this.#port = port;
    socket.on('message', () => this.#answered?.());
  }

  static async start(): Promise<Yardstick> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.4');
    await once(socket, 'listening');
    const child = fork(join(import.meta.dirname, 'echo.mjs'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Yardstick(socket, child, port);
  }

  async measure(): Promise<void> {
    const began = performance.now();
    await new Promise<void>((resolve) => {
      this.#answered = resolve;
      this.#socket.send('?', this.#port, '127.0.0.1');
    });
    this.times.push(performance.now() - began);
  }

  stop(): void {
    this.#socket.close();
    this.#child.disconnect();
  }
}
