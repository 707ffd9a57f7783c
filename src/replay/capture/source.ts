// The bytes of a capture: in memory, or a file read piece by piece so that its size does not matter.
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';

const PIECE = 256 * 1024;

export interface CaptureSource {
  readonly size: number;
  /** A view of the bytes at `offset`, valid until the next call; shorter than asked where the capture ends. */
  read(offset: number, length: number): Buffer;
  close(): void;
}

/** What can be read twice: a regular file is reopened each time, anything else (a pipe) is taken into memory. */
export type OpenSource = () => CaptureSource;

/** Throws the file system's error when the path cannot be read. */
export function sourceOf(from: string | Uint8Array): OpenSource {
  if (typeof from !== 'string') return () => new MemorySource(from);
  const probe = openSync(from, 'r');
  try {
    const about = fstatSync(probe);
    // a file that still grows is read as long as it was at first
    if (about.isFile()) return () => new FileSource(from, about.size);
    const bytes = readFileSync(probe);
    return () => new MemorySource(bytes);
  } finally {
    closeSync(probe);
  }
}

class MemorySource implements CaptureSource {
  readonly size: number;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.size = bytes.byteLength;
  }

  read(offset: number, length: number): Buffer {
    return this.#bytes.subarray(offset, offset + length);
  }

  close(): void {}
}

class FileSource implements CaptureSource {
  readonly size: number;
  readonly #fd: number;
  #piece = Buffer.allocUnsafeSlow(PIECE);
  #start = 0;
  #end = 0;

  constructor(path: string, size: number) {
    this.#fd = openSync(path, 'r');
    this.size = size;
  }

  read(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.size);
    if (offset < this.#start || end > this.#end) this.#load(offset, end - offset);
    return this.#piece.subarray(
      offset - this.#start,
      Math.max(offset, Math.min(end, this.#end)) - this.#start,
    );
  }

  #load(offset: number, wanted: number): void {
    if (wanted > this.#piece.length) this.#piece = Buffer.allocUnsafeSlow(wanted);
    this.#start = offset;
    this.#end = offset;
    const limit = Math.min(offset + this.#piece.length, this.size);
    while (this.#end < limit) {
      const got = readSync(this.#fd, this.#piece, this.#end - offset, limit - this.#end, this.#end);
      if (got === 0) break;
      this.#end += got;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
