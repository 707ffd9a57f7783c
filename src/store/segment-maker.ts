// Makes the files of new segments, ahead of need: opening one may stand behind all that the file system has to sync.
import { join } from 'node:path';
import { asError, type StoreFileSystem } from './file-system.ts';
import { Segment, segmentName } from './segment.ts';

export interface SegmentMakerOptions {
  readonly fs: StoreFileSystem;
  readonly folder: string;
  readonly nextNumber: number;
  readonly now: () => number;
  readonly onFailed: (err: Error) => void;
}

const RETRY_MS = 1000;

export class SegmentMaker {
  readonly #options: SegmentMakerOptions;
  /** Each attempt has a number of its own: what comes late or cannot be removed is in nobody's way. */
  #nextNumber: number;
  #prepared: Segment | undefined;
  #isMaking = false;
  #retryAt = 0;
  #isClosed = false;

  constructor(options: SegmentMakerOptions) {
    this.#options = options;
    this.#nextNumber = options.nextNumber;
  }

  /** Sees to it that there will be one to take; not on the event loop. */
  prepare(): void {
    const { fs, now } = this.#options;
    if (this.#prepared !== undefined || this.#isMaking || now() < this.#retryAt) return;
    this.#isMaking = true;
    const { number, path } = this.#next();
    fs.create(path, (err, file) => {
      this.#isMaking = false;
      if (file === undefined) this.#failed(asError(err));
      else this.#made(new Segment(number, path, file.fd, { ino: file.ino, size: 0 }));
    });
  }

  /** The one that was prepared, if it is there. */
  take(): Segment | undefined {
    const segment = this.#prepared;
    this.#prepared = undefined;
    return segment;
  }

  /** The event loop is held for it. */
  makeNow(): Segment {
    const { fs } = this.#options;
    const { number, path } = this.#next();
    const fd = fs.openSync(path, 'ax+');
    return new Segment(number, path, fd, fs.statSync(fd));
  }

  /** The folder is no longer what it was when this one was made. */
  discard(): void {
    const segment = this.take();
    if (segment !== undefined) this.#drop(segment);
  }

  /** A process that ends now could leave the file behind. */
  close(): void {
    const { fs } = this.#options;
    this.#isClosed = true;
    const segment = this.take();
    if (segment === undefined) return;
    fs.closeSync(segment.fd);
    try {
      fs.unlinkSync(segment.path);
    } catch {
      // it is removed at the next start
    }
  }

  #next(): { readonly number: number; readonly path: string } {
    const number = this.#nextNumber++;
    return { number, path: join(this.#options.folder, segmentName(number)) };
  }

  #made(segment: Segment): void {
    // one that was made meanwhile is the newer one, and must stay it
    const isLast = segment.number === this.#nextNumber - 1;
    if (isLast && !this.#isClosed) this.#prepared = segment;
    else this.#drop(segment);
  }

  #drop({ fd, path }: Segment): void {
    this.#options.fs.close(fd, () => undefined);
    // what stays behind is empty, and removed at the next start
    this.#options.fs.unlink(path, () => undefined);
  }

  #failed(err: Error): void {
    this.#retryAt = this.#options.now() + RETRY_MS;
    this.#options.onFailed(err);
  }
}
