// Many calls through one server with its store, under a virtual clock: what is alive, what it costs, what the disk holds.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STORE_FOLDER } from '../../src/persistence.ts';
import { LiveLog } from '../../src/store/live-log.ts';
import { RECORDS_FILE } from '../../src/store/records-file.ts';
import { begin, DOMAIN, type Kind, type Phone, register } from './calls.ts';
import { House } from './house.ts';

const ALICE: Phone = { user: 'alice', address: '10.0.0.2', port: 5060 };
const BOB: Phone = { user: 'bob', address: '10.0.0.3', port: 5060 };

const KINDS: Kind[] = ['answered', 'answered', 'answered', 'declined', 'cancelled', 'unreachable'];
const ROUNDS = 8;
const BATCH = 500;
/** Bytes. A full run is beyond it after a fifth of its calls. */
const MAX_DATABASE = 50_000_000;
/** What SQLite's own log may have beside it (journal_size_limit), and the pages that stay empty for what comes next. */
const SLACK = 10_000_000;
/** Bytes: some segments wait for the disk before they go; a full run that leaks has ten times as much. */
const MAX_LOG = 200_000_000;
/** MB by which the whole process may grow once it is warm: garbage of the collector and of the database's thread. */
const MAX_GROWTH = 40;

interface Memory {
  readonly heap: number;
  readonly rss: number;
}

/** MB of heap and of everything, after the garbage is gone. */
function memory(): Memory {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, rss, external } = process.memoryUsage();
  return { heap: (heapUsed + external) / 1e6, rss: rss / 1e6 };
}

/** Bytes. */
interface Disk {
  readonly log: number;
  readonly segments: number;
  readonly database: number;
}

function disk(folder: string): Disk {
  const sizes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size] as const);
  const isDatabase = ([name]: readonly [string, number]) => name.startsWith(RECORDS_FILE);
  const sum = (some: typeof sizes) => some.reduce((all, [, size]) => all + size, 0);
  const segments = sizes.filter((one) => !isDatabase(one));
  return { log: sum(segments), segments: segments.length, database: sum(sizes.filter(isDatabase)) };
}

class Soak {
  readonly #house: House;
  readonly #store: string;
  #calls = 0;

  constructor(house: House, store: string) {
    this.#house = house;
    this.#store = store;
  }

  #print(label: string, { heap, rss }: Memory): void {
    const { log, segments, database } = disk(this.#store);
    const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
    process.stdout.write(
      `${label.padEnd(20)} heap ${heap.toFixed(1)} MB, rss ${rss.toFixed(0)} MB, log ${mb(log)} MB in ${segments}, ` +
        `database ${mb(database)} MB, ${JSON.stringify(this.#house.alive)}\n`,
    );
    if (log > MAX_LOG) throw new Error(`the log of what is alive has ${mb(log)} MB`);
    if (database > MAX_DATABASE + SLACK) throw new Error(`the database has ${mb(database)} MB`);
  }

  #begin(kind: Kind): () => void {
    return begin(this.#house, ++this.#calls, kind, ALICE, BOB).end;
  }

  /** Ends calls, some milliseconds' worth in one turn of the event loop: what is done beside it must come to its turn. */
  async #turn(ends: readonly (() => void)[]): Promise<void> {
    for (const [i, end] of ends.entries()) {
      end();
      if (i % 10 === 0) await new Promise(setImmediate);
    }
  }

  /** Calls one after the other, in batches that live at the same time. */
  async flow(calls: number): Promise<void> {
    const house = this.#house;
    const marks: Memory[] = [];
    const step = Math.max(1, Math.floor(calls / ROUNDS));
    for (let round = 0; round < ROUNDS; round++) {
      for (let left = step; left > 0; left -= BATCH) {
        const kinds = Array.from({ length: Math.min(BATCH, left) }, (_, i) => KINDS[i % KINDS.length]);
        await this.#turn(kinds.map((kind) => this.#begin(kind ?? 'answered')));
        // The registration of an hour or two would end in a run of days: keep virtual time short.
        house.pass(40);
        if (left % (10 * BATCH) < BATCH) await house.stored();
      }
      house.pass(40_000);
      await house.stored();
      const now = memory();
      marks.push(now);
      this.#print(`after ${this.#calls} calls`, now);
    }
    house.pass(400_000);
    this.expectSilence();
    const [, first = memory()] = marks;
    const last = marks.at(-1) ?? first;
    const grown = last.heap - first.heap;
    const each = (grown * 1e6) / ((ROUNDS - 2) * step);
    process.stdout.write(
      `outcomes ${JSON.stringify(Object.fromEntries(house.outcomes))}; growth ${each.toFixed(1)} bytes a call\n`,
    );
    // Less is noise of the collector; a leak of one small object a call shows from a hundred thousand calls on.
    if (grown > 3) throw new Error(`the heap grows by ${each.toFixed(1)} bytes a call`);
    if (last.rss - first.rss > MAX_GROWTH)
      throw new Error(`the process grew from ${first.rss.toFixed(0)} MB to ${last.rss.toFixed(0)} MB`);
  }

  /** What calls cost that live at the same time. */
  async hold(held: number): Promise<void> {
    const house = this.#house;
    const before = memory();
    const ends = Array.from({ length: held }, () => this.#begin('answered'));
    // What lingers of a call's transactions is gone after 64*T1: what is left is the live call.
    house.pass(33_000);
    await house.stored();
    const during = memory();
    this.#print(`${held} live calls`, during);
    const perCall = ((during.heap - before.heap) * 1e6) / held;
    process.stdout.write(`${perCall.toFixed(0)} bytes of heap a live call\n`);
    if (perCall > 25_000) throw new Error(`${perCall.toFixed(0)} bytes a live call: more than 25,000`);
    await this.#turn(ends);
    house.pass(400_000);
    await house.stored();
    this.expectSilence();
    this.#print('all ended', memory());
  }

  expectSilence(): void {
    const { alive, bugs } = this.#house;
    if (Object.values(alive).some((count) => count !== 0))
      throw new Error(`left alive: ${JSON.stringify(alive)}`);
    if (bugs > 0) throw new Error(`${bugs} errors inside`);
  }
}

/** Throws when anything is left alive or kept, memory grows from call to call, or the disk holds more than it may. */
export async function soak(calls: number, held: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'callchart-soak-'));
  const store = join(folder, STORE_FOLDER);
  try {
    const house = await House.open({
      folder,
      at: { address: '10.0.0.1', port: 5060 },
      key: 'soak',
      config: {
        domains: [DOMAIN],
        open: true,
        limits: { transactions: 100_000_000 },
        records: { maxSize: MAX_DATABASE },
        journal: { maxSize: '10MB', keep: 1 },
      },
    });
    register(house, BOB);
    const run = new Soak(house, store);
    await run.flow(calls);
    await run.hold(held);
    await house.close();
    expectNothingKept(store);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** But for registrations and the last lines of the journal. */
function expectNothingKept(folder: string): void {
  const { log, kept, damage } = LiveLog.open({ folder, durability: 'process', onTrouble: () => {} });
  log.close();
  const left = [...kept.keys()].filter((key) => !/^[bj]:/.test(key));
  process.stdout.write(`${kept.size} keys kept at the end, ${JSON.stringify(damage)}\n`);
  if (left.length > 0) throw new Error(`${left.length} are kept for ever: ${left.slice(0, 5).join(', ')}`);
}
