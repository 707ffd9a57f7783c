// The control socket of a running server: questions come in as JSON lines, answers leave in slices that stop nobody.
import { chmodSync, lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { identityOf } from '../config/data-folder.ts';
import { type Answer, Lines, type Question } from './lines.ts';
import { LONGEST_PATH, SOCKET_FILE, socketPath } from './socket-path.ts';

/** One question, and the way for its answer. */
export interface Exchange {
  readonly question: Question;
  /** Sends items one by one, a slice at a time, then the end. */
  list(items: Iterable<unknown>): void;
  /** One item of a stream. */
  item(value: unknown): void;
  done(): void;
  fail(code: string, message: string): void;
  /** The one who asked has gone; told once, and never after the end. */
  onGone(listener: () => void): void;
}

export type Answering = (exchange: Exchange) => void;

export interface ControlOptions {
  /** An existing folder. */
  readonly folder: string;
  /** By name of the question. */
  readonly answers: Readonly<Record<string, Answering>>;
}

/** Why there is no control socket. The server does without. */
export class NoControl extends Error {}

const MOST_CLIENTS = 64;
const LONGEST_QUESTION = 65_536;
/** Bytes of a stream that may wait for a client that does not read. */
const MOST_WAITING = 16_000_000;
/** Bytes and ms of one slice of a list. */
const SLICE_BYTES = 65_536;
const SLICE_MS = 2;

export class ControlServer {
  readonly #folder: string;
  readonly #identity: string;
  readonly #answers: ControlOptions['answers'];
  readonly #clients = new Set<Socket>();
  #server: Server | undefined;
  #inode: number | undefined;
  #look: Promise<boolean> | undefined;

  constructor({ folder, answers }: ControlOptions) {
    this.#folder = folder;
    this.#identity = identityOf(folder);
    this.#answers = answers;
  }

  /**
   * Makes the socket, again when it is not there any more; tells whether it had to. Who is connected stays so. Rejects
   * with NoControl when there can be none.
   */
  listen(): Promise<boolean> {
    this.#look ??= this.#listen().finally(() => {
      this.#look = undefined;
    });
    return this.#look;
  }

  async close(): Promise<void> {
    await this.#look?.catch(() => {});
    for (const client of this.#clients) client.destroy();
    await new Promise((closed) => (this.#server ? this.#server.close(closed) : closed(undefined)));
    const path = join(this.#folder, SOCKET_FILE);
    // another server may have come meanwhile
    if (this.#inode !== undefined && inodeOf(path) === this.#inode) remove(path);
  }

  async #listen(): Promise<boolean> {
    const path = join(this.#folder, SOCKET_FILE);
    try {
      if (await this.#isThere(path)) return false;
      const server = await this.#make(path);
      // nobody finds the one before any more; who had found it is served on
      this.#server?.close();
      this.#server = server;
      return true;
    } catch (cause) {
      if (cause instanceof NoControl) throw cause;
      throw new NoControl(`${path} cannot be made (${codeOf(cause)})`, { cause });
    }
  }

  /** Throws NoControl for what is there and not ours to replace. */
  async #isThere(path: string): Promise<boolean> {
    // moved or mounted over: our socket belongs where our files are
    if (identityOf(this.#folder) !== this.#identity)
      throw new NoControl(`${this.#folder} is another folder than it was at the start`);
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there === undefined) return false;
    // as long as it is bound, nothing else gets its inode
    if (there.ino === this.#inode) return true;
    if (!there.isSocket()) throw new NoControl(`${path} is a file of somebody else's`);
    if (await isAnswered(this.#folder))
      throw new NoControl(`another server answers at ${path}; give each its own folder with --data`);
    return false;
  }

  /**
   * Listens under a name of its own, and takes the known name once nobody else can connect: so the socket is never
   * there with wider permissions, and a dead server's socket is replaced in one step.
   */
  async #make(path: string): Promise<Server> {
    const name = `.control-${process.pid}.sock`;
    const own = join(this.#folder, name);
    const server = createServer((socket) => this.#welcome(socket, this.#answers));
    try {
      rmSync(own, { force: true });
      await listening(server, this.#folder, name);
      chmodSync(own, 0o600);
      const { ino } = statSync(own);
      renameSync(own, path);
      this.#inode = ino;
    } catch (cause) {
      server.close();
      remove(own);
      throw cause;
    }
    // what a client does must not end the process
    server.on('error', () => {});
    return server;
  }

  #welcome(socket: Socket, answers: ControlOptions['answers']): void {
    socket.on('error', () => {});
    this.#clients.add(socket);
    socket.on('close', () => this.#clients.delete(socket));
    if (this.#clients.size > MOST_CLIENTS) {
      write(socket, { error: { code: 'busy', message: 'too many ask at once' } });
      // what it says is not read with care, but read: its end would not be seen else
      socket.resume().end();
      socket.setTimeout(1000, () => socket.destroy());
      return;
    }
    const lines = new Lines(LONGEST_QUESTION);
    const waiting: string[] = [];
    let current: RunningExchange | undefined;
    const next = () => {
      current = undefined;
      const line = waiting.shift();
      if (line === undefined || socket.destroyed) return;
      const question = questionOf(line);
      current = new RunningExchange(socket, question ?? { ask: '' }, next);
      const answer = question && Object.hasOwn(answers, question.ask) ? answers[question.ask] : undefined;
      if (answer === undefined) current.fail('unknown-question', `nobody answers ${line.slice(0, 80)}`);
      else current.run(answer);
    };
    socket.on('data', (bytes) => {
      const whole = lines.take(bytes);
      if (whole === undefined || waiting.length + whole.length > MOST_CLIENTS) {
        socket.destroy();
        return;
      }
      waiting.push(...whole);
      if (current === undefined) next();
    });
    socket.on('close', () => current?.gone());
  }
}

class RunningExchange implements Exchange {
  readonly question: Question;
  readonly #socket: Socket;
  readonly #after: () => void;
  #isOver = false;
  #leave: (() => void) | undefined;

  constructor(socket: Socket, question: Question, after: () => void) {
    this.#socket = socket;
    this.question = question;
    this.#after = after;
  }

  /** A bug in an answer is one question's trouble. */
  run(answer: Answering): void {
    try {
      answer(this);
    } catch (cause) {
      this.fail('bug', String(cause));
    }
  }

  list(items: Iterable<unknown>): void {
    this.#slice(items[Symbol.iterator]());
  }

  item(value: unknown): void {
    if (this.#isOver) return;
    write(this.#socket, { item: value });
    if (this.#socket.writableLength <= MOST_WAITING) return;
    // it would be said in vain: whoever does not read does not read this either
    this.#socket.destroy();
  }

  done(): void {
    this.#end({ done: true });
  }

  fail(code: string, message: string): void {
    this.#end({ error: { code, message } });
  }

  onGone(listener: () => void): void {
    this.#leave = listener;
  }

  gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave?.();
  }

  #end(answer: Answer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    write(this.#socket, answer);
    // not at once: a client with many questions takes its turn like all others
    setImmediate(this.#after);
  }

  #slice(items: Iterator<unknown>): void {
    const until = performance.now() + SLICE_MS;
    let slice = '';
    for (;;) {
      if (this.#isOver) return;
      const next = items.next();
      if (next.done) {
        this.#socket.write(slice);
        this.done();
        return;
      }
      slice += `${JSON.stringify({ item: next.value })}\n`;
      if (slice.length >= SLICE_BYTES || performance.now() >= until) break;
    }
    const goOn = () => this.run(() => this.#slice(items));
    if (this.#socket.write(slice)) setImmediate(goOn);
    else this.#socket.once('drain', goOn);
  }
}

function write(socket: Socket, answer: Answer): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`);
}

function questionOf(line: string): Question | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('ask' in value)) return undefined;
    return typeof value.ask === 'string' ? { ...value, ask: value.ask } : undefined;
  } catch {
    return undefined;
  }
}

/** Binds at once, so that nobody else's files are made under this mask. */
function listening(server: Server, folder: string, name: string): Promise<void> {
  return new Promise((done, failed) => {
    const at = socketPath(folder, name);
    if (at === undefined) {
      const longest = `longer than the ${LONGEST_PATH} bytes that a socket's path may have`;
      throw new NoControl(`${join(folder, SOCKET_FILE)} is ${longest}; give a shorter folder with --data`);
    }
    server.once('error', failed);
    const mask = process.umask(0o177);
    try {
      server.listen(at.path, () => {
        server.off('error', failed);
        done();
      });
    } finally {
      process.umask(mask);
      at.release();
    }
  });
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}

/** A socket that a disk keeps is a dead one, and no reason to end badly. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The next server replaces it.
  }
}

/** Does a living server listen there? */
export function isAnswered(folder: string): Promise<boolean> {
  const at = socketPath(folder);
  if (at === undefined) return Promise.resolve(false);
  return new Promise((known) => {
    const socket = createConnection(at.path);
    const is = (answered: boolean) => {
      socket.destroy();
      at.release();
      known(answered);
    };
    socket.once('connect', () => is(true));
    socket.once('error', (cause) => is(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(cause))));
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
