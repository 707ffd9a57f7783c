// A disk in memory that knows what was written and what was synced, and can lose its power, fill up, fail and be slow.
import { basename, dirname } from 'node:path';
import type { Counted, StoreFileSystem } from '../../src/store/file-system.ts';
import { LiveLog, type LiveLogOptions } from '../../src/store/live-log.ts';
import { KeyedLog, type OpenedKeyedLog } from './keyed-log.ts';

export type Operation =
  | 'readdir'
  | 'open'
  | 'create'
  | 'stat'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'syncFolder'
  | 'rename'
  | 'unlink';

interface Node {
  readonly inode: number;
  content: Buffer;
  /** What a power failure leaves in any case. */
  synced: Buffer;
}

interface Descriptor {
  readonly node: Node;
  readonly isOpen: boolean;
}

/** A number in [0, 1). */
export type Chance = () => number;

export const BLOCK = 64;

export class CrashDisk {
  /** Names as programs see them, and as they are after a power failure. */
  names = new Map<string, Node>();
  syncedNames = new Map<string, Node>();
  /** Bytes that still fit on it. */
  room = Number.POSITIVE_INFINITY;
  /** Ends an operation with an error when it gives one. */
  fault: (operation: Operation, path: string) => string | undefined = () => undefined;
  /** Called at each write and sync: may move the clock. */
  takes: (operation: Operation) => void = () => undefined;
  syncs = 0;
  writes = 0;
  readonly #open = new Map<number, Descriptor & { path: string }>();
  /** The names after each change of them, the last that was synced first. */
  #history: ReadonlyMap<string, Node>[] = [new Map()];
  #steps: (() => void)[] = [];
  #nextInode = 1;
  #nextFd = 10;

  /** Ends what is under way, one operation after the other; answers how many. */
  settle(most = Number.POSITIVE_INFINITY): number {
    let count = 0;
    for (; count < most; count++) {
      const step = this.#steps.shift();
      if (step === undefined) break;
      step();
    }
    return count;
  }

  get underway(): number {
    return this.#steps.length;
  }

  get openFiles(): number {
    return this.#open.size;
  }

  /** The process is gone, what it wrote is there; what was under way is done or not. */
  kill(chance: Chance): void {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps.slice(0, Math.floor(chance() * (steps.length + 1)))) {
      try {
        step();
      } catch {
        // nobody is left to hear of it
      }
    }
    this.#steps = [];
    this.#open.clear();
  }

  /**
   * Whatever was not synced is lost, kept, kept in part, or comes back as zeros or noise. Names come and go, or where the
   * file system has a journal: all changes of names up to some moment are there, and none since.
   */
  losePower(chance: Chance, hasJournal = false): void {
    this.#steps = [];
    this.#open.clear();
    const names = hasJournal
      ? new Map(this.#history[Math.floor(chance() * this.#history.length)])
      : this.#namesAnyhow(chance);
    for (const node of new Set([...names.values()])) {
      node.content = remains(node, chance);
      node.synced = Buffer.from(node.content);
    }
    this.names = names;
    this.syncedNames = new Map(names);
    this.#history = [new Map(names)];
  }

  /** Somebody removes the folder. */
  removeAll(): void {
    this.names.clear();
    this.syncedNames.clear();
  }

  /** The system has brought this file onto the disk of its own accord. */
  syncOf(name: string): void {
    const node = this.#named(name);
    node.synced = Buffer.from(node.content);
    this.syncedNames.set(name, node);
  }

  text(name: string): string {
    return this.#named(name).content.toString('utf8');
  }

  write(name: string, content: string | Buffer): void {
    const node = this.#create(name);
    node.content = Buffer.from(content as string);
    node.synced = Buffer.from(node.content);
    this.syncedNames.set(name, node);
  }

  list(): string[] {
    return [...this.names.keys()].sort();
  }

  size(): number {
    let size = 0;
    for (const { content } of this.names.values()) size += content.length;
    return size;
  }

  readonly fs: StoreFileSystem = {
    readdirSync: () => {
      this.#check('readdir', '');
      return [...this.names.keys()];
    },
    openSync: (path, flags) => {
      this.#check('open', path);
      return this.#opened(path, flags === 'ax+');
    },
    statSync: (fd) => {
      const { node } = this.#at(fd);
      return { ino: node.inode, size: node.content.length };
    },
    inodeSync: (path) => {
      this.#check('stat', path);
      return this.names.get(basename(path))?.inode;
    },
    readSync: (fd, bytes, offset, length, position) => this.#read(fd, bytes, offset, length, position),
    writeSync: (fd, bytes, offset, length) => this.#write(fd, bytes, offset, length),
    truncateSync: (fd, size) => {
      const { node, path } = this.#at(fd);
      this.#check('truncate', path);
      this.room += node.content.length - size;
      node.content = Buffer.from(node.content.subarray(0, size));
    },
    syncSync: (fd) => this.#sync(fd, this.#at(fd).node.content.length),
    syncFolderSync: (folder) => this.#syncFolder(folder, this.#remember()),
    renameSync: (from, to) => {
      this.#check('rename', from);
      const node = this.#named(basename(from));
      this.names.delete(basename(from));
      this.names.set(basename(to), node);
      this.#remember();
    },
    closeSync: (fd) => {
      this.#open.delete(fd);
    },
    unlinkSync: (path) => this.#unlink(path),
    create: (path, created) => {
      let file: { readonly fd: number; readonly ino: number } | undefined;
      const act = () => {
        this.#check('create', path);
        const fd = this.#opened(path, true);
        file = { fd, ino: this.#at(fd).node.inode };
        return 0;
      };
      this.#later((err) => created(err, file), act);
    },
    read: (fd, bytes, offset, length, position, counted) =>
      this.#later(counted, () => this.#read(fd, bytes, offset, length, position)),
    write: (fd, bytes, offset, length, counted) =>
      this.#later(counted, () => this.#write(fd, bytes, offset, length)),
    sync: (fd, done) => {
      // what comes after the call is none of its business
      const length = this.#open.get(fd)?.node.content.length ?? 0;
      this.#later(done, () => this.#sync(fd, length));
    },
    syncFolder: (folder, done) => {
      const names = this.#remember();
      this.#later(done, () => this.#syncFolder(folder, names));
    },
    unlink: (path, done) =>
      this.#later(done, () => {
        this.#unlink(path);
        return 0;
      }),
    close: (fd, done) => {
      this.#open.delete(fd);
      this.#later(done, () => 0);
    },
  };

  #namesAnyhow(chance: Chance): Map<string, Node> {
    const names = new Map(this.syncedNames);
    for (const name of new Set([...this.names.keys(), ...names.keys()])) {
      const node = this.names.get(name);
      if (node === names.get(name) || chance() < 0.5) continue;
      if (node === undefined) names.delete(name);
      else names.set(name, node);
    }
    return names;
  }

  #later(counted: Counted, act: () => number): void {
    this.#steps.push(() => {
      let count = 0;
      let failure: Error | null = null;
      try {
        count = act();
      } catch (error) {
        failure = error as Error;
      }
      counted(failure, count);
    });
  }

  #check(operation: Operation, path: string): void {
    this.takes(operation);
    const code = this.fault(operation, path);
    if (code !== undefined) throw coded(code);
  }

  #opened(path: string, isNew: boolean): number {
    const name = basename(path);
    const known = this.names.get(name);
    if (isNew && known !== undefined) throw coded('EEXIST');
    if (!isNew && known === undefined) throw coded('ENOENT');
    const fd = this.#nextFd++;
    this.#open.set(fd, { node: known ?? this.#create(name), path, isOpen: true });
    return fd;
  }

  #create(name: string): Node {
    const node = { inode: this.#nextInode++, content: Buffer.alloc(0), synced: Buffer.alloc(0) };
    this.names.set(name, node);
    this.#remember();
    return node;
  }

  #unlink(path: string): void {
    this.#check('unlink', path);
    this.#named(basename(path));
    this.names.delete(basename(path));
    this.#remember();
  }

  #remember(): ReadonlyMap<string, Node> {
    const names = new Map(this.names);
    this.#history.push(names);
    return names;
  }

  #named(name: string): Node {
    const node = this.names.get(name);
    if (node === undefined) throw coded('ENOENT');
    return node;
  }

  #at(fd: number): Descriptor & { path: string } {
    const descriptor = this.#open.get(fd);
    if (descriptor === undefined) throw coded('EBADF');
    return descriptor;
  }

  #read(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number {
    const { node, path } = this.#at(fd);
    this.#check('read', path);
    return node.content.copy(bytes, offset, position, position + length);
  }

  #write(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    const { node, path } = this.#at(fd);
    this.writes++;
    this.#check('write', path);
    const count = Math.min(length, this.room);
    if (count === 0) throw coded('ENOSPC');
    this.room -= count;
    node.content = Buffer.concat([node.content, bytes.subarray(offset, offset + count)]);
    return count;
  }

  #sync(fd: number, length: number): number {
    const { node, path } = this.#at(fd);
    this.syncs++;
    this.#check('sync', path);
    node.synced = Buffer.from(node.content.subarray(0, length));
    return 0;
  }

  #syncFolder(folder: string, names: ReadonlyMap<string, Node>): number {
    this.#check('syncFolder', dirname(folder));
    this.syncedNames = new Map(names);
    this.#history.splice(0, Math.max(0, this.#history.indexOf(names)));
    return 0;
  }
}

/** A file after a power failure: what was synced stands, the rest is anything. */
function remains({ content, synced }: Node, chance: Chance): Buffer {
  if (!content.subarray(0, synced.length).equals(synced)) return chance() < 0.5 ? synced : content;
  const kind = Math.floor(chance() * 6);
  const tail = content.length - synced.length;
  if (kind === 0 || tail === 0) return synced;
  if (kind === 1) return content;
  const length = synced.length + Math.floor(chance() * (tail + 1));
  if (kind === 2) return content.subarray(0, length);
  // a block that never reached the disk, at the end or in the middle of what did
  const left = Buffer.from(kind === 5 ? content : content.subarray(0, length));
  const from = synced.length + Math.floor(chance() * Math.max(0, left.length - synced.length));
  const to = Math.min(left.length, from + BLOCK);
  for (let at = from; at < to; at++) left[at] = kind === 3 ? 0 : Math.floor(chance() * 256);
  return left;
}

function coded(code: string): Error {
  return Object.assign(new Error(`${code}: the disk says so`), { code });
}

/** Repeatable chance (mulberry32). */
export function chanceOf(seed: number): Chance {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface OpenOnOptions extends LiveLogOptions {
  /** As a KeyedLog says. */
  readonly letsGo: boolean;
}

/** A log on that disk, cleaned as soon as there is anything to clean. */
export function openOn(disk: CrashDisk, { letsGo, ...options }: Partial<OpenOnOptions> = {}): OpenedKeyedLog {
  const { log, ...found } = LiveLog.open({
    folder: '/store',
    durability: 'process',
    onTrouble: () => undefined,
    fs: disk.fs,
    spare: 0,
    ...options,
  });
  return { log: new KeyedLog(log, letsGo), ...found };
}
