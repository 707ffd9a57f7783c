// Where the control socket is, and how to reach it where the kernel takes no path that long.
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';

export const SOCKET_FILE = 'control.sock';

/** `sockaddr_un` holds 108 bytes on Linux and 104 on BSD and macOS, the last of them zero. */
export const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

export interface SocketPath {
  /** Fits the kernel. */
  readonly path: string;
  /** Once it is bound or connected. */
  release(): void;
}

/**
 * The path of a socket file in the folder. A path that is too long is taken by way of the open folder, which Linux
 * shows under /proc; undefined: it is too long and there is no such way.
 */
export function socketPath(folder: string, file: string = SOCKET_FILE): SocketPath | undefined {
  const path = join(folder, file);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return { path, release: () => {} };
  if (!existsSync('/proc/self/fd')) return undefined;
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}/${file}`, release: () => closeSync(fd) };
}
