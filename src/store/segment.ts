// One file of the live log, open from its creation to its removal, and what of it still counts.

export class Segment {
  readonly number: number;
  readonly path: string;
  /** For reading only, but in the segment that is written to. */
  fd: number;
  readonly inode: number;
  /** Bytes up to the end of the last line that was written whole. */
  size: number;
  /** Bytes of the lines in it that are the newest of their keys. */
  live = 0;
  /** A write broke off: behind `size` may stand half a burst. */
  isTorn = false;
  /** All that lives was carried out of it: it waits for its removal. */
  isEmptied = false;
  /** Something in it could not be read: it is set aside in the end, not removed. */
  isDamaged = false;

  constructor(number: number, path: string, fd: number, { ino, size }: { ino: number; size: number }) {
    this.number = number;
    this.path = path;
    this.fd = fd;
    this.inode = ino;
    this.size = size;
  }
}

export function segmentName(number: number): string {
  return `live-${String(number).padStart(8, '0')}.log`;
}

/** 12 for `live-00000012.log`, and for what was set aside from it; undefined for any other name. */
export function segmentNumber(name: string): { number: number; isAside: boolean } | undefined {
  const match = /^live-(\d{8,15})\.log(\.damaged)?$/.exec(name);
  return match === null ? undefined : { number: Number(match[1]), isAside: match[2] !== undefined };
}

export function asideOf(path: string): string {
  return `${path}.damaged`;
}
