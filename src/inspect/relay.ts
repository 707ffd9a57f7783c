// Brings the messages of watched calls to a browser on this machine: loopback only, a token in the address, its own page.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebSocket } from 'ws';
import { bridgePage, INSPECTOR } from './page.ts';
import type { StatelyMessage } from './stately.ts';

export interface RelayOptions {
  /** 0 or absent: any that is free. */
  readonly port?: number;
  /** The page that shows it; Stately's own when absent. */
  readonly inspector?: string;
  /** How many pages look, whenever that changes. */
  readonly onPages?: (count: number) => void;
}

export interface Relay {
  /** What to open in a browser; holds the token. */
  readonly url: string;
  send(message: StatelyMessage): void;
  /** A page that comes later begins with an empty picture. */
  forget(): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** For a page that comes late: the last messages, and the announcement of each actor they speak of. */
const KEPT_MESSAGES = 500;
const KEPT_ACTORS = 200;
const MOST_PAGES = 16;
/** Bytes that may wait for a page that does not read. */
const MOST_WAITING = 16_000_000;

/** Rejects with the system's error when the port cannot be had. */
export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  // a server whose calls nobody watches does without
  const { WebSocketServer } = await import('ws');
  const token = randomBytes(24).toString('base64url');
  const http = createServer();
  await listening(http, options.port ?? 0);
  const { port } = http.address() as AddressInfo;
  const gate = new Gate(port, token);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  const memory = new Memory();
  const pages = new Set<WebSocket>();
  const inspector = options.inspector ?? INSPECTOR;
  http.on('request', (request, response) => answer(request, response, gate, inspector));
  // a visitor's trouble is nobody else's
  http.on('error', () => {});
  http.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (!gate.admits(request) || !gate.isOwnOrigin(request) || pages.size >= MOST_PAGES) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (page) => {
      for (const line of memory.lines()) page.send(line);
      pages.add(page);
      options.onPages?.(pages.size);
      // whatever went wrong, it ends with `close`
      page.on('error', () => {});
      page.on('close', () => {
        pages.delete(page);
        options.onPages?.(pages.size);
      });
    });
  });
  return {
    url: `http://${HOST}:${port}/?token=${token}`,
    send: (message) => {
      const line = JSON.stringify(message);
      memory.keep(message, line);
      for (const page of pages) {
        if (page.bufferedAmount > MOST_WAITING) page.terminate();
        else page.send(line);
      }
    },
    forget: () => memory.forget(),
    close: async () => {
      for (const page of pages) page.terminate();
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
    },
  };
}

function listening(http: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    http.once('error', failed);
    http.listen(port, HOST, () => {
      http.off('error', failed);
      done();
    });
  });
}

/** Who may come in: whoever knows the token, speaks to this machine by its own name, and is no foreign page. */
class Gate {
  readonly #hosts: readonly string[];
  readonly #token: Buffer;

  constructor(port: number, token: string) {
    this.#hosts = [`${HOST}:${port}`, `localhost:${port}`];
    this.#token = Buffer.from(token);
  }

  admits({ url = '', headers }: IncomingMessage): boolean {
    // a foreign name that leads to loopback (DNS rebinding) is none of ours
    if (!this.#hosts.includes(headers.host ?? '')) return false;
    if (!URL.canParse(url, `http://${HOST}`)) return false;
    const { pathname, searchParams } = new URL(url, `http://${HOST}`);
    const given = Buffer.from(searchParams.get('token') ?? '');
    return pathname === '/' && given.length === this.#token.length && timingSafeEqual(given, this.#token);
  }

  /** Browsers always say where a page comes from; what says nothing is no page. */
  isOwnOrigin({ headers: { origin } }: IncomingMessage): boolean {
    return origin === undefined || this.#hosts.some((host) => origin === `http://${host}`);
  }
}

function answer(request: IncomingMessage, response: ServerResponse, gate: Gate, inspector: string): void {
  if (!gate.admits(request) || request.method !== 'GET') {
    response
      .writeHead(403, { 'Content-Type': 'text/plain' })
      .end('Forbidden: open the address as it was printed.\n');
    return;
  }
  const nonce = randomBytes(12).toString('base64');
  const { origin, host: shown } = new URL(inspector);
  response
    .writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': [
        "default-src 'none'",
        `script-src 'nonce-${nonce}'`,
        `style-src 'nonce-${nonce}'`,
        `frame-src ${origin} https://*.${shown}`,
        `connect-src ws://${request.headers.host}`,
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join('; '),
      // the token in our address is nobody else's
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(bridgePage(inspector, nonce));
}

/** What a page that comes late has to hear first. */
class Memory {
  readonly #actors = new Map<string, string>();
  #recent: [sessionId: string, line: string][] = [];

  keep({ type, sessionId }: StatelyMessage, line: string): void {
    if (type !== '@xstate.actor') {
      this.#recent.push([sessionId, line]);
      // now and then: an array that loses its first element each time is slow
      if (this.#recent.length >= 2 * KEPT_MESSAGES) this.#recent = this.#recent.slice(-KEPT_MESSAGES);
      return;
    }
    this.#actors.set(sessionId, line);
    const [oldest] = this.#actors.keys();
    if (this.#actors.size > KEPT_ACTORS && oldest !== undefined) this.#actors.delete(oldest);
  }

  forget(): void {
    this.#actors.clear();
    this.#recent = [];
  }

  *lines(): Generator<string> {
    yield* this.#actors.values();
    for (const [sessionId, line] of this.#recent) if (this.#actors.has(sessionId)) yield line;
  }
}
