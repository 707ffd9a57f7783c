// Where log lines go: gathered while a write is under way, written by the thread pool, and never anybody's trouble.
import { write, writeSync } from 'node:fs';

/** Bytes that may wait for a reader who does not read; beyond, lines are dropped. */
const MAX_WAITING = 8_000_000;

/**
 * A descriptor for pino. A reader who stalls does not hold up the calls, one who left or a full disk costs the lines
 * and nothing else. (pino's own destination waits for a full disk for ever when the process ends.)
 */
export class LogStream {
  readonly #fd: number;
  readonly #format: (line: string) => string;
  #waiting = '';
  #busy = false;
  #drained: (() => void)[] = [];

  constructor(fd: number, format: (line: string) => string = (line) => line) {
    this.#fd = fd;
    this.#format = format;
    process.on('exit', () => this.flushSync());
  }

  write(line: string): void {
    if (this.#waiting.length > MAX_WAITING) return;
    this.#waiting += this.#format(line);
    if (!this.#busy) this.#send();
  }

  /** Resolves when nothing waits any more. */
  drain(): Promise<void> {
    return new Promise((done) => {
      if (this.#busy) this.#drained.push(done);
      else done();
    });
  }

  /** What waits, now: for a process that is about to end. pino calls it after a fatal line. */
  flushSync(): void {
    try {
      writeSync(this.#fd, this.#waiting);
    } catch {
      // nobody is left who could be told
    }
    this.#waiting = '';
  }

  #send(): void {
    this.#busy = true;
    let bytes = Buffer.from(this.#waiting, 'utf8');
    this.#waiting = '';
    const go = () =>
      write(this.#fd, bytes, (error, written) => {
        bytes = error ? bytes : bytes.subarray(written);
        if (error?.code === 'EAGAIN') setTimeout(go, 10);
        else if (error === null && bytes.length > 0) go();
        else if (this.#waiting !== '') this.#send();
        else this.#idle();
      });
    go();
  }

  #idle(): void {
    this.#busy = false;
    for (const done of this.#drained.splice(0)) done();
  }
}
