// The table of ended calls: what is put in, looked up, and forgotten when it is too old or too much.
import type { UserPattern } from '../journal/of-user.ts';
import type { Database, Statement, Value } from './database.ts';
import { COLUMNS, callOf, rowOf, type StoredCall } from './records-call.ts';

export interface PastQuery {
  /** ms since the epoch: which began then or later. */
  readonly since?: number;
  /** Which began before. */
  readonly until?: number;
  readonly user?: UserPattern;
  /** Subscriptions as well. */
  readonly all?: boolean;
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: Cursor;
}

export type Cursor = readonly [startedAt: number, id: number];

export interface PastPage {
  /** The newest first. */
  readonly calls: readonly StoredCall[];
  /** There are more, from here on. */
  readonly more?: Cursor;
}

export interface Found {
  /** Is it the very Call-ID, not its beginning? */
  readonly exact: boolean;
  /** The newest call of each Call-ID; at most `MOST_ALIKE`. */
  readonly calls: readonly StoredCall[];
}

export const MOST_ALIKE = 20;

export interface Retention {
  /** ms; 0: for ever. */
  readonly keep: number;
  /** Bytes; 0: as many as there are. */
  readonly maxSize: number;
}

/** What one slice deletes: some ms, so that nobody who asks waits long. It is more than one batch brings. */
const SLICE = 500;
/** Empty pages that stay for what comes next, and how many a slice gives back. */
const SPARE_PAGES = 64;
const PAGES_A_SLICE = 500;

export class RecordsTable {
  readonly #database: Database;
  readonly #insert: Statement;
  readonly #deleteOld: Statement;
  readonly #deleteOldest: Statement;
  readonly #pages: readonly [used: Statement, empty: Statement];
  readonly #pageSize: number;

  constructor(database: Database) {
    this.#database = database;
    this.#insert = database.prepare(
      `INSERT OR IGNORE INTO calls (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`,
    );
    const oldest = (where: string) =>
      database.prepare(
        `DELETE FROM calls WHERE id IN (SELECT id FROM calls ${where} ORDER BY started_at LIMIT ${SLICE})`,
      );
    this.#deleteOld = oldest('WHERE started_at < ? AND ended_at < ?');
    this.#deleteOldest = oldest('');
    this.#pages = [database.prepare('PRAGMA page_count'), database.prepare('PRAGMA freelist_count')];
    this.#pageSize = Number(database.prepare('PRAGMA page_size').get()?.page_size);
  }

  /** JSON of one StoredCall a line, all in one transaction; gives the number of lines that were none. */
  insert(lines: string): number {
    let broken = 0;
    this.#database.transaction(() => {
      for (const line of lines.split('\n')) {
        const row = rowOrNone(line);
        if (row === undefined) broken++;
        else this.#insert.run(...row);
      }
    });
    return broken;
  }

  past({ since, until, user, all, limit, after }: PastQuery): PastPage {
    const where: string[] = [];
    const values: Value[] = [];
    const only = (condition: string, ...bound: Value[]) => {
      where.push(condition);
      values.push(...bound);
    };
    if (since !== undefined) only('started_at >= ?', since);
    if (until !== undefined) only('started_at < ?', until);
    if (after !== undefined) only('(started_at, id) < (?, ?)', ...after);
    if (all !== true) only(`machine = 'dialog'`);
    if (user !== undefined && 'is' in user) only('? IN (from_aor, to_aor, callee_aor)', user.is);
    else if (user !== undefined) {
      const { begins } = user;
      const { length } = [...begins];
      const starts = (column: string) => `substr(${column}, 1, ${length})`;
      only(`? IN (${['from_aor', 'to_aor', 'callee_aor'].map(starts).join(', ')})`, begins);
    }
    const rows = this.#database
      .prepare(
        `SELECT * FROM calls ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY started_at DESC, id DESC LIMIT ?`,
      )
      .all(...values, limit + 1);
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return {
      calls: rows.slice(0, limit).map(callOf),
      ...(last && { more: [Number(last.started_at), Number(last.id)] as const }),
    };
  }

  /** The newest call of that Call-ID, or those whose Call-ID begins so. */
  find(callId: string): Found {
    const newest = this.#database.prepare(
      'SELECT * FROM calls WHERE call_id = ? ORDER BY started_at DESC, id DESC LIMIT 1',
    );
    const exact = newest.get(callId);
    if (exact !== undefined) return { exact: true, calls: [callOf(exact)] };
    const alike = this.#database
      .prepare('SELECT DISTINCT call_id FROM calls WHERE call_id >= ? AND call_id < ? ORDER BY 1 LIMIT ?')
      .all(callId, `${callId}\u{10ffff}`, MOST_ALIKE);
    const calls = alike.flatMap(({ call_id }) => {
      const row = newest.get(call_id ?? null);
      return row === undefined ? [] : [callOf(row)];
    });
    return { exact: false, calls };
  }

  /** One slice of what is too old or too much, and of the space it leaves. True: there is more to do. */
  forget({ keep, maxSize }: Retention, now: number): boolean {
    const before = now - keep;
    const old = keep > 0 ? this.#deleteOld.run(before, before) : 0;
    const used = () => this.#count(0) - this.#count(1);
    const tooMuch = maxSize > 0 && used() * this.#pageSize > maxSize;
    const oldest = tooMuch ? this.#deleteOldest.run() : 0;
    const spare = this.#count(1) - SPARE_PAGES;
    if (spare > 0)
      this.#database.prepare(`PRAGMA incremental_vacuum(${Math.min(spare, PAGES_A_SLICE)})`).all();
    return old === SLICE || oldest > 0 || spare > PAGES_A_SLICE;
  }

  #count(which: 0 | 1): number {
    const row = this.#pages[which].get();
    return Number(row?.page_count ?? row?.freelist_count ?? 0);
  }
}

/** A line that was cut or is none of ours would be refused for ever: it is counted and left out. */
function rowOrNone(line: string): Value[] | undefined {
  try {
    return rowOf(JSON.parse(line) as StoredCall);
  } catch {
    return undefined;
  }
}
