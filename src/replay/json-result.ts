// The result of a replay as JSON, written call by call: what `--json` prints and `--save` keeps.
import type { ReplayBegin, ReplayEnd, ReplayedCall } from './result.ts';

/** Counted up when the shape changes. */
const FORMAT = 1;

/** `{ format, files: [{ file, ..., calls: [...], ... }] }`, a line for each value, so that two of them can be compared by eye. */
export class JsonResult {
  readonly #write: (piece: string) => void;
  #files = 0;
  #calls = 0;

  constructor(write: (piece: string) => void) {
    this.#write = write;
  }

  begin(): void {
    this.#write(`{\n  "format": ${FORMAT},\n  "files": [`);
  }

  file(name: string, begin: ReplayBegin): void {
    const head = indented({ file: name, ...begin }, '    ');
    this.#write(
      `${this.#files++ > 0 ? ',' : ''}\n    ${head.slice(0, head.lastIndexOf('\n'))},\n      "calls": [`,
    );
    this.#calls = 0;
  }

  call(call: ReplayedCall): void {
    this.#write(`${this.#calls++ > 0 ? ',' : ''}\n        ${indented(call, '        ')}`);
  }

  fileEnd(end: ReplayEnd): void {
    const tail = indented(end, '    ');
    this.#write(`${this.#calls > 0 ? '\n      ' : ''}],${tail.slice(1)}`);
  }

  end(): void {
    this.#write('\n  ]\n}\n');
  }
}

function indented(value: unknown, by: string): string {
  return JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${by}`);
}
