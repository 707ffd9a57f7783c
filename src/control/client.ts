// Asks a running server through the control socket in its data folder.
import { createConnection, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { type Answer, Lines, type Question } from './lines.ts';
import { socketPath } from './socket-path.ts';

export type ControlErrorCode =
  /** Nobody serves from that folder. */
  | 'no-server'
  /** A server is there, but not for this user. */
  | 'forbidden'
  /** It was there and went away in the middle. */
  | 'server-gone'
  | 'no-answer'
  /** The server said no; `reason` says with which code. */
  | 'refused';

export class ControlError extends Error {
  readonly code: ControlErrorCode;
  /** The server's own code: `unknown-call`. */
  readonly reason: string | undefined;

  constructor(code: ControlErrorCode, message: string, reason?: string) {
    super(message);
    this.name = 'ControlError';
    this.code = code;
    this.reason = reason;
  }
}

export interface AskOptions {
  /** ms of silence after which a server counts as stuck; 0: a stream, which may be silent for hours. */
  readonly patience?: number;
  readonly signal?: AbortSignal;
}

const LONGEST_LINE = 64_000_000;

/** The items of the answer, as they come. Throws ControlError. */
export async function* ask(
  folder: string,
  question: Question,
  { patience = 10_000, signal }: AskOptions = {},
): AsyncGenerator<unknown> {
  const socket = await connected(folder);
  const stop = () => socket.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  socket.setTimeout(patience, () =>
    socket.destroy(new ControlError('no-answer', `the server in ${resolve(folder)} does not answer`)),
  );
  socket.write(`${JSON.stringify(question)}\n`);
  const lines = new Lines(LONGEST_LINE);
  try {
    for await (const bytes of socket) {
      for (const line of lines.take(bytes) ?? []) {
        const answer: Answer = JSON.parse(line);
        if ('item' in answer) yield answer.item;
        else if ('done' in answer) return;
        else throw new ControlError('refused', answer.error.message, answer.error.code);
      }
    }
  } catch (cause) {
    if (signal?.aborted) return;
    if (cause instanceof ControlError) throw cause;
  } finally {
    signal?.removeEventListener('abort', stop);
    socket.destroy();
  }
  if (!signal?.aborted) throw new ControlError('server-gone', `the server in ${resolve(folder)} has ended`);
}

async function connected(folder: string): Promise<Socket> {
  const where = resolve(folder);
  const none = () =>
    new ControlError(
      'no-server',
      `no server runs in ${where}; start one with "callchart serve", or give its folder with --data`,
    );
  let at: ReturnType<typeof socketPath>;
  try {
    at = socketPath(where);
  } catch {
    throw none();
  }
  if (at === undefined) throw none();
  const { path, release } = at;
  return new Promise<Socket>((done, failed) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      release();
      socket.removeAllListeners('error');
      done(socket);
    });
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      release();
      const { code = '' } = cause;
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK'].includes(code)) failed(none());
      else if (['EACCES', 'EPERM'].includes(code))
        failed(new ControlError('forbidden', `the server in ${where} is not yours to ask (${code})`));
      else failed(new ControlError('no-answer', `the server in ${where} does not answer (${code})`));
    });
  });
}
