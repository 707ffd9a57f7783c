// Reads what a process before us left: all segments, the newest line of each key, and what is broken among them.
import { join } from 'node:path';
import { asError, type StoreFileSystem } from './file-system.ts';
import { APPENDED, PUT, SEPARATOR } from './log-entry.ts';
import { Item, Line } from './log-item.ts';
import { BATCHES_SINCE, FORMAT_VERSION, LineReader, newlineFrom, versionIn } from './log-line.ts';
import { asideOf, Segment, segmentNumber } from './segment.ts';
import { StoreError } from './store-error.ts';

export interface Damage {
  /** Ends of the last segment with bytes that were cut off: the process died while it wrote. */
  torn: number;
  /** Lines that are not what was written, skipped. */
  corrupt: number;
  /** Segments that could not be read at all; they are set aside as `.damaged`. */
  segments: number;
  /** In which files all this was found. */
  readonly files: string[];
}

export interface LogContents {
  readonly segments: Segment[];
  /** The last segment is whole and can be written on. */
  readonly canGoOn: boolean;
  readonly items: Map<string, Item>;
  readonly kept: Map<string, string>;
  readonly damage: Damage;
  readonly nextSeq: number;
  readonly nextNumber: number;
}

/** How much is given up when the disk does not give it. */
const STEP = 256 * 1024;
/** More lines than any segment has. */
const MOST_IN_SEGMENT = 1e9;

/** Throws StoreError before anything is changed on the disk. */
export function readLog(fs: StoreFileSystem, folder: string): LogContents {
  const files = list(fs, folder);
  const reading = new Reading(fs);
  try {
    for (const file of files) if (!file.isAside) reading.take(file.number, join(folder, file.name));
  } catch (error) {
    for (const { fd } of reading.segments) fs.closeSync(fd);
    throw error;
  }
  return reading.end(Math.max(0, ...files.map(({ number }) => number)) + 1);
}

function list(fs: StoreFileSystem, folder: string) {
  try {
    return fs
      .readdirSync(folder)
      .flatMap((name) => {
        const file = segmentNumber(name);
        return file === undefined ? [] : [{ ...file, name }];
      })
      .sort((a, b) => a.number - b.number);
  } catch (cause) {
    throw new StoreError(
      'store-unreadable',
      `cannot list the store's folder ${folder}: ${asError(cause).message}. Make it readable for this user.`,
      { cause },
    );
  }
}

interface Appended {
  readonly seq: number;
  /** The line it follows. */
  readonly after: number;
  readonly text: string;
  readonly length: number;
  readonly segment: Segment;
}

class Reading {
  readonly segments: Segment[] = [];
  readonly #fs: StoreFileSystem;
  readonly #reader = new LineReader();
  /** What was deleted stands in it too while it is read, with a line of length 0. */
  readonly #items = new Map<string, Item>();
  readonly #kept = new Map<string, string>();
  /** In the order of their places. */
  readonly #appended = new Map<string, Appended[]>();
  readonly #damage: Damage = { torn: 0, corrupt: 0, segments: 0, files: [] };
  readonly #unreadable: string[] = [];
  /** A process made them ahead of need, and never wrote to them. */
  readonly #empty: string[] = [];
  #bytes = Buffer.alloc(0);
  #seq = 0;
  #isSorted = true;
  #deletions = 0;
  #version: number | undefined;
  /** Of the segment read last: where its last whole line ends, and how many broken ones stand before and behind. */
  #wholeTo = 0;
  #broken = 0;
  #brokenBehind = 0;

  constructor(fs: StoreFileSystem) {
    this.#fs = fs;
  }

  take(number: number, path: string): void {
    const segment = this.#load(number, path);
    if (segment?.size === 0) {
      this.#fs.closeSync(segment.fd);
      this.#empty.push(path);
      return;
    }
    this.#settleTail();
    if (segment === undefined) {
      this.#unreadable.push(path);
      this.#damage.segments++;
      this.#damage.files.push(path);
      return;
    }
    this.segments.push(segment);
    this.#scan(segment);
  }

  end(nextNumber: number): LogContents {
    const last = this.segments.at(-1);
    const isWhole = last !== undefined && !last.isDamaged && this.#reopen(last) && this.#broken === 0;
    const isOurs = last?.size === 0 || this.#version === FORMAT_VERSION;
    this.#settleTail();
    for (const path of this.#unreadable) this.#setAside(path);
    for (const path of this.#empty) this.#remove(path);
    for (const [key, appended] of this.#appended) this.#join(key, appended);
    if (this.#deletions > 0)
      for (const [key, { line }] of this.#items) if (line?.length === 0) this.#items.delete(key);
    return {
      segments: this.segments,
      canGoOn: isWhole && isOurs,
      items: this.#items,
      kept: this.#isSorted ? this.#kept : this.#sorted(),
      damage: this.#damage,
      // what cannot be read today and can be tomorrow must not be newer than what is written meanwhile
      nextSeq: this.#seq + 1 + this.#unreadable.length * MOST_IN_SEGMENT,
      nextNumber,
    };
  }

  #load(number: number, path: string): Segment | undefined {
    let fd: number | undefined;
    try {
      fd = this.#fs.openSync(path, 'r');
      const segment = new Segment(number, path, fd, this.#fs.statSync(fd));
      if (segment.size > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(segment.size);
      if (this.#read(segment)) return segment;
    } catch {
      // said as damage
    }
    if (fd !== undefined) this.#fs.closeSync(fd);
    return undefined;
  }

  /** False: the disk gives nothing of it. */
  #read(segment: Segment): boolean {
    let given = segment.size === 0;
    for (let at = 0; at < segment.size; ) {
      const length = Math.min(STEP, segment.size - at);
      try {
        const count = this.#fs.readSync(segment.fd, this.#bytes, at, length, at);
        if (count === 0) segment.size = at;
        at += count;
        given = true;
      } catch {
        this.#bytes.fill(0, at, at + length);
        segment.isDamaged = true;
        at += length;
      }
    }
    return given;
  }

  #scan(segment: Segment): void {
    const all = this.#bytes.subarray(0, segment.size);
    let start = this.#scanHeader(segment, all);
    const bytes = all.subarray(0, wholeBatches(all, this.#version));
    while (start < bytes.length) {
      const newline = newlineFrom(bytes, start);
      const end = newline < 0 ? bytes.length : newline;
      if (newline >= 0 && this.#reader.read(bytes, start, end)) {
        this.#found(segment, bytes, start, end);
        this.#broken += this.#brokenBehind;
        this.#brokenBehind = 0;
        this.#wholeTo = end + 1;
      } else if (end > start) this.#brokenBehind++;
      else if (this.#brokenBehind === 0) this.#wholeTo = end + 1;
      start = end + 1;
    }
    if (bytes.length === all.length || this.#brokenBehind > 0) return;
    this.#wholeTo = bytes.length;
    this.#brokenBehind = 1;
  }

  #scanHeader(segment: Segment, bytes: Buffer): number {
    const end = newlineFrom(bytes, 0);
    const version = end < 0 ? undefined : versionIn(bytes, 0, end);
    this.#wholeTo = 0;
    this.#broken = 0;
    this.#brokenBehind = 0;
    this.#version = version;
    if (version === undefined) return 0;
    if (version > FORMAT_VERSION)
      throw new StoreError(
        'store-newer',
        `${segment.path} has format ${version}, and this version of Callchart knows formats up to ${FORMAT_VERSION}. Start the newer version again, or move the file away and lose what it keeps.`,
      );
    this.#wholeTo = end + 1;
    return end + 1;
  }

  #found(segment: Segment, bytes: Buffer, start: number, end: number): void {
    const { seq, key, sign, after } = this.#reader;
    if (sign === APPENDED) {
      const text = this.#reader.text(bytes, end);
      this.#foundAppended(key, { seq, after, text, length: end + 1 - start, segment });
      return;
    }
    const isPut = sign === PUT;
    const known = this.#items.get(key)?.line;
    // a line that was carried over keeps its seq, so a later place is not always a newer line
    if (known !== undefined && known.seq > seq) return;
    const length = isPut ? end + 1 - start : 0;
    if (known === undefined) this.#itemOf(key).line = new Line(seq, length, segment, undefined);
    else {
      known.segment.live -= known.length;
      this.#kept.delete(key);
      known.seq = seq;
      known.length = length;
      known.segment = segment;
    }
    segment.live += length;
    if (isPut) this.#kept.set(key, this.#reader.text(bytes, end));
    else this.#deletions++;
    if (seq > this.#seq) this.#seq = seq;
    else this.#isSorted = false;
  }

  #foundAppended(key: string, line: Appended): void {
    const known = this.#appended.get(key);
    if (known === undefined) this.#appended.set(key, [line]);
    else known.push(line);
    this.#seq = Math.max(this.#seq, line.seq);
    this.#isSorted = false;
  }

  /**
   * Puts together what was put and what was appended to it since. Of two lines that follow the same one, the older was
   * given up by its writer; where one is missing, what stood before it is how the key once was.
   */
  #join(key: string, appended: Appended[]): void {
    const head = this.#items.get(key)?.line;
    let text = this.#kept.get(key);
    let line = text === undefined ? undefined : head;
    const from = line?.seq ?? 0;
    const chain: Appended[] = [];
    for (const next of appended.sort((a, b) => a.seq - b.seq)) {
      if (head !== undefined && next.seq < head.seq) continue;
      const at = next.after === from ? -1 : chain.findLastIndex(({ seq }) => seq === next.after);
      if (at < 0 && next.after !== from) continue;
      chain.length = at + 1;
      chain.push(next);
    }
    for (const { seq, length, segment, text: more } of chain) {
      line = new Line(seq, length, segment, line);
      segment.live += length;
      text = text === undefined ? more : text + SEPARATOR + more;
    }
    if (line === undefined || text === undefined) return;
    this.#itemOf(key).line = line;
    this.#kept.set(key, text);
  }

  #itemOf(key: string): Item {
    let item = this.#items.get(key);
    if (item === undefined) {
      item = new Item(key);
      this.#items.set(key, item);
    }
    return item;
  }

  /** What is broken at the end of a segment that is not the last is damage like any other. */
  #settleTail(): void {
    const last = this.segments.at(-1);
    this.#damage.corrupt += this.#broken + this.#brokenBehind;
    if (last !== undefined && (this.#broken + this.#brokenBehind > 0 || last.isDamaged))
      this.#damage.files.push(last.path);
    this.#broken = 0;
    this.#brokenBehind = 0;
  }

  /** Opens the last segment for writing, and cuts off what a dying process left half. */
  #reopen(last: Segment): boolean {
    let fd: number;
    try {
      fd = this.#fs.openSync(last.path, 'a+');
    } catch {
      return false;
    }
    this.#fs.closeSync(last.fd);
    last.fd = fd;
    if (this.#wholeTo >= last.size) return true;
    // Cut off in the midst of a batch, that one would not be read the next time.
    const left = this.#bytes.subarray(0, this.#wholeTo);
    if (wholeBatches(left, this.#version) < left.length) return false;
    try {
      this.#fs.truncateSync(fd, this.#wholeTo);
    } catch {
      return false;
    }
    last.size = this.#wholeTo;
    this.#brokenBehind = 0;
    this.#damage.torn++;
    this.#damage.files.push(last.path);
    return true;
  }

  #setAside(path: string): void {
    try {
      this.#fs.renameSync(path, asideOf(path));
    } catch {
      // it is passed over again at the next start
    }
  }

  #remove(path: string): void {
    try {
      this.#fs.unlinkSync(path);
    } catch {
      // the same goes for this
    }
  }

  #sorted(): Map<string, string> {
    const seqOf = (key: string) => this.#items.get(key)?.newestSeq ?? 0;
    const sorted = Array.from(this.#kept, ([key, text]) => ({ key, text, seq: seqOf(key) }));
    sorted.sort((a, b) => a.seq - b.seq);
    return new Map(sorted.map(({ key, text }) => [key, text]));
  }
}

const BATCH_END = '\n\n';

/** Where the last whole batch ends: what was decided together is kept together, or not at all. */
function wholeBatches(bytes: Buffer, version: number | undefined): number {
  const end = bytes.lastIndexOf(BATCH_END, undefined, 'latin1');
  if (end >= 0) return end + BATCH_END.length;
  // a segment of before batches had an end
  return version !== undefined && version >= BATCHES_SINCE ? 0 : bytes.length;
}
