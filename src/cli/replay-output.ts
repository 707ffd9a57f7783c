// Where the result of a replay goes, piece by piece: to stdout, into the file of --save, against the one of --expect.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { StartError } from '../config/start-error.ts';

/** Takes text piece by piece. */
export interface Sink {
  write(piece: string): void;
  end(): void;
}

/** Gathers small pieces: a large capture has hundreds of thousands of lines. */
export class Gathered implements Sink {
  readonly #out: (text: string) => void;
  #pieces: string[] = [];
  #length = 0;

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  write(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length > 65_536) this.#flush();
  }

  end(): void {
    this.#flush();
  }

  #flush(): void {
    if (this.#length > 0) this.#out(this.#pieces.join(''));
    this.#pieces = [];
    this.#length = 0;
  }
}

/** Throws StartError when the file cannot be written. */
export function saveTo(path: string): Sink {
  const attempt = <T>(what: () => T): T => {
    try {
      return what();
    } catch (cause) {
      throw new StartError('data-unwritable', `--save ${path} cannot be written (${codeOf(cause)})`, {
        cause,
      });
    }
  };
  const file = attempt(() => openSync(path, 'w'));
  const gathered = new Gathered((text) => attempt(() => writeSync(file, text)));
  return {
    write: (piece) => gathered.write(piece),
    end: () => {
      gathered.end();
      closeSync(file);
    },
  };
}

/** Compares with a kept result while it is made; only the first difference is told. */
export class Expectation implements Sink {
  readonly #expected: string;
  readonly #path: string;
  readonly #differs: (line: string) => void;
  #offset = 0;
  #line = 1;
  /** The beginning of the line at hand, which may come in pieces. */
  #rest = '';
  #told = false;

  /** Throws StartError when the file cannot be read. */
  constructor(path: string, differs: (line: string) => void) {
    this.#path = path;
    this.#differs = differs;
    try {
      this.#expected = readFileSync(path, 'utf8');
    } catch (cause) {
      throw new StartError('data-unreadable', `--expect ${path} cannot be read (${codeOf(cause)})`, {
        cause,
      });
    }
  }

  write(piece: string): void {
    if (this.#told) return;
    const all = this.#rest + piece;
    let from = 0;
    for (let end = all.indexOf('\n'); end >= 0; end = all.indexOf('\n', from)) {
      if (!this.#same(all.slice(from, end + 1))) return;
      from = end + 1;
    }
    this.#rest = all.slice(from);
  }

  end(): void {
    if (this.#told || (this.#rest !== '' && !this.#same(this.#rest))) return;
    if (this.#offset < this.#expected.length) this.#tell('');
  }

  #same(line: string): boolean {
    if (!this.#expected.startsWith(line, this.#offset)) {
      this.#tell(line);
      return false;
    }
    this.#offset += line.length;
    this.#line++;
    return true;
  }

  #tell(line: string): void {
    this.#told = true;
    const end = this.#expected.indexOf('\n', this.#offset);
    const was = this.#expected.slice(this.#offset, end < 0 ? undefined : end);
    this.#differs(`${this.#path} line ${this.#line} says ${words(was)}, now it is ${words(line)}`);
  }
}

function words(line: string): string {
  const text = line.trim().replace(/,$/, '');
  if (text === '') return 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)} ...` : text;
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
