// The lock on a data folder, held by one server at a time: the kernel keeps it, and lets go of it with the process.
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { identityOf } from '../config/data-folder.ts';
import { isAnswered } from './control-server.ts';

/** ms for a server that ends: its control socket goes before it has written its last. */
const PATIENCE = 10_000;
const AGAIN_AFTER = 50;

/** All of `sun_path`: a shorter name is filled up with zeros by some versions of Node, and by others not. */
const NAME_BYTES = 108;

export class FolderLock {
  readonly #server: Server | undefined;

  private constructor(server: Server | undefined) {
    this.#server = server;
  }

  /**
   * `key`: what only servers of this folder know: else anybody on this machine could take the name, and keep them from
   * starting. undefined: another server keeps the folder. Its control socket says so too, and says it alone where there is no
   * such lock: on another system than Linux, or to a process in another network namespace.
   */
  static async take(folder: string, key: string, patience = PATIENCE): Promise<FolderLock | undefined> {
    const until = performance.now() + patience;
    for (;;) {
      if (await isAnswered(folder)) return undefined;
      const held = await hold(lockName(folder, key));
      if (held !== 'taken') return new FolderLock(held);
      if (performance.now() >= until) return undefined;
      await pause(AGAIN_AFTER);
    }
  }

  async release(): Promise<void> {
    await new Promise((released) => (this.#server ? this.#server.close(released) : released(undefined)));
  }
}

/** In Linux's abstract names, which need no file; undefined: there are none. */
export function lockName(folder: string, key: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const name = createHmac('sha256', key).update(identityOf(folder)).digest('base64url');
  return `\0callchart-data-${name}`.padEnd(NAME_BYTES, '\0');
}

/** undefined: this system has no such lock, or lets nobody have it. */
function hold(path: string | undefined): Promise<Server | 'taken' | undefined> {
  if (path === undefined) return Promise.resolve(undefined);
  return new Promise((done) => {
    // anybody on this machine may connect: there is nothing to hear
    const server = createServer((socket) => socket.destroy());
    server.once('error', (cause: NodeJS.ErrnoException) =>
      done(cause.code === 'EADDRINUSE' ? 'taken' : undefined),
    );
    server.listen(path, () => {
      // no file descriptor that is short, and no stranger, ends the process
      server.on('error', () => {});
      server.unref();
      done(server);
    });
  });
}
