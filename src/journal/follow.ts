// Follows a growing file line by line, through rotation, truncation, and the time before it exists.
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

export interface FollowOptions {
  /** How many of the lines already there come first. */
  readonly lines: number;
  /** False: end where the file ends now. */
  readonly follow: boolean;
  readonly signal?: AbortSignal;
  /** ms between looks at the file. */
  readonly every?: number;
  /** Called once when the file is not there yet. */
  readonly onMissing?: () => void;
}

const CHUNK = 65_536;
const NEWLINE = 0x0a;

/** Whole lines without their ends. Ends when the signal says so, or at the end of the file if it is not followed. */
export async function* follow(path: string, options: FollowOptions): AsyncGenerator<string> {
  const { signal, every = 200 } = options;
  const first = await opened(path, options);
  if (first === undefined) return;
  let reader = new LineReader(first, await beginOfLast(first, options.lines));
  try {
    for (;;) {
      yield* reader.lines();
      if (!options.follow || signal?.aborted) return;
      const next = await reader.successor(path);
      if (next.length > 0) {
        // what was written between the last look and the rename
        yield* reader.lines();
        for (const handle of next) {
          await reader.close();
          reader = new LineReader(handle, 0);
          if (handle !== next.at(-1)) yield* reader.lines();
        }
      } else if (!(await pause(every, signal))) return;
    }
  } finally {
    await reader.close();
  }
}

async function opened(
  path: string,
  { follow, signal, every = 200, onMissing }: FollowOptions,
): Promise<FileHandle | undefined> {
  for (let tries = 0; ; tries++) {
    try {
      return await open(path, 'r');
    } catch (error) {
      if (!isMissing(error) || !follow) throw error;
    }
    if (tries === 0) onMissing?.();
    if (!(await pause(every, signal))) return undefined;
  }
}

class LineReader {
  readonly #file: FileHandle;
  #at: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: FileHandle, at: number) {
    this.#file = file;
    this.#at = at;
  }

  /** All lines that are whole by now. */
  async *lines(): AsyncGenerator<string> {
    const { size } = await this.#file.stat();
    // copytruncate: somebody emptied it
    if (size < this.#at) {
      this.#at = 0;
      this.#rest = Buffer.alloc(0);
    }
    const chunk = Buffer.alloc(CHUNK);
    for (;;) {
      const { bytesRead } = await this.#file.read(chunk, 0, CHUNK, this.#at);
      if (bytesRead === 0) return;
      this.#at += bytesRead;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      this.#rest = bytes.subarray(end);
      if (end > 0) yield* bytes.toString('utf8', 0, end - 1).split('\n');
    }
  }

  /** Files that took this one's place under the path since, oldest first; none while it is still the same. */
  async successor(path: string): Promise<FileHandle[]> {
    const { ino } = await this.#file.stat();
    const handles: FileHandle[] = [];
    // rotated twice between two looks: ours is .2, and .1 comes before the new one
    for (let n = 0; ; n++) {
      const name = n === 0 ? path : `${path}.${n}`;
      const found = await stat(name).catch(() => undefined);
      if (found?.ino === ino) return handles.reverse();
      if (found === undefined) {
        // ours is gone altogether: only what is at the path now can be its successor
        for (const stray of handles.splice(1)) await stray.close();
        return handles;
      }
      const handle = await open(name, 'r').catch(() => undefined);
      if (handle !== undefined) handles.push(handle);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Where the last `count` lines begin. */
async function beginOfLast(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat();
  if (count <= 0) return size;
  const chunk = Buffer.alloc(CHUNK);
  let seen = 0;
  for (let end = size; end > 0; ) {
    const begin = Math.max(0, end - CHUNK);
    await file.read(chunk, 0, end - begin, begin);
    for (let at = end - begin - 1; at >= 0; at--) {
      // the line end at the very end of the file ends the last line, it begins none
      if (chunk[at] === NEWLINE && begin + at !== size - 1 && ++seen === count) return begin + at + 1;
    }
    end = begin;
  }
  return 0;
}

/** False: the signal came. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await wait(ms, undefined, signal && { signal });
    return true;
  } catch {
    return false;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
