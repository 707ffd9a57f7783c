// UDP sockets: one for each local address, so that the address each side sees is the one it was reached by.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Flow } from './flow.ts';
import { type Listen, ListenError } from './listen.ts';

export interface UdpHost {
  receive(bytes: Buffer, flow: Flow): void;
  /** A socket broke while it served; the others go on. */
  failed(local: string, cause: Error): void;
}

/** What the kernel queues while the event loop is busy: enough for a second of a loaded server. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export class UdpSocket {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  readonly #host: UdpHost;

  private constructor(socket: Socket, address: string, port: number, host: UdpHost) {
    this.#socket = socket;
    this.address = address;
    this.port = port;
    this.#host = host;
  }

  /** Throws ListenError when the address is taken, absent or forbidden. */
  static async open(listen: Listen, host: UdpHost): Promise<UdpSocket> {
    const family = listen.host.includes(':') ? 'udp6' : 'udp4';
    const socket = createSocket({
      type: family,
      ipv6Only: family === 'udp6',
      // Node looks even a numeric address up, one tick later; here every address is numeric.
      lookup: (name, _options, done) => done(null, name, family === 'udp6' ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause) => reject(refusal(listen, cause as NodeJS.ErrnoException)));
      socket.bind({ address: listen.host, port: listen.port, exclusive: true }, () => {
        socket.removeAllListeners('error');
        resolve();
      });
    });
    try {
      socket.setRecvBufferSize(BUFFER_BYTES);
      socket.setSendBufferSize(BUFFER_BYTES);
    } catch {
      // The kernel's own size does too.
    }
    const opened = new UdpSocket(socket, listen.host, socket.address().port, host);
    socket.on('message', (bytes, from) => opened.#receive(bytes, from));
    socket.on('error', (cause) => host.failed(`${opened.address}:${opened.port}`, cause));
    return opened;
  }

  /** Never throws; a datagram that cannot leave calls `failed`, later. */
  send(bytes: Buffer, flow: Flow, failed: (() => void) | undefined): void {
    try {
      // A callback costs a turn of the tick queue: only who would hear of a failure pays for it.
      if (failed === undefined) this.#socket.send(bytes, flow.remotePort, flow.remoteAddress);
      else this.#socket.send(bytes, flow.remotePort, flow.remoteAddress, (error) => error && failed());
    } catch {
      // A port of 0, or a socket that is closing.
      if (failed !== undefined) setImmediate(failed);
    }
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(bytes: Buffer, from: RemoteInfo): void {
    this.#host.receive(bytes, {
      transport: 'udp',
      localAddress: this.address,
      localPort: this.port,
      remoteAddress: from.address,
      remotePort: from.port,
    });
  }
}

function refusal(listen: Listen, cause: NodeJS.ErrnoException): ListenError {
  const where = `udp ${listen.host} port ${listen.port}`;
  switch (cause.code) {
    case 'EADDRINUSE':
      return new ListenError(
        'address-in-use',
        `${where} is in use by another program; stop it or give another with --listen`,
        { cause },
      );
    case 'EACCES':
      return new ListenError(
        'address-forbidden',
        `${where} may not be opened by this user; give a port above 1023 with --listen`,
        { cause },
      );
    default:
      return new ListenError(
        'address-unavailable',
        `${where} cannot be opened (${cause.code}): not an address of this machine? give another with --listen`,
        { cause },
      );
  }
}
