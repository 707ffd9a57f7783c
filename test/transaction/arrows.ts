// Walks a transaction's table: every arrow does what its row says, every other event does nothing.
import { describe, expect, it } from 'vitest';
import type { Table } from '../../src/transaction/table.ts';
import type { Rig } from './rig.ts';

/** From, event, to, what goes over the wire, what the users hear. */
export type Row<State, Event> = readonly [from: State, event: Event, to: State, sent: string, told: string];

export interface Walk<State extends string, Event extends string> {
  readonly table: Table<State, Event, string>;
  readonly rows: readonly Row<State, Event>[];
  /** Brings a fresh transaction into the state. */
  readonly reach: Record<State, () => Rig>;
  /** Makes the event happen to it. */
  readonly cause: Record<Event, (rig: Rig) => void>;
  /** Events that are possible in these states only: timers. */
  readonly only: Partial<Record<Event, readonly State[]>>;
  /** Arrows that need other timers than the default, and so a test of their own. */
  readonly elsewhere?: readonly `${State} ${Event}`[];
  readonly state: (rig: Rig) => string;
}

export function walk<State extends string, Event extends string>(name: string, of: Walk<State, Event>): void {
  const keys = <K extends string>(record: { readonly [key in K]?: unknown }): K[] =>
    Object.keys(record) as K[];
  describe(`${name}, arrow by arrow`, () => {
    it.each(of.rows)('%s --%s--> %s sends [%s] tells [%s]', (from, event, to, sent, told) => {
      const rig = of.reach[from]();
      rig.fresh();
      of.cause[event](rig);
      expect([of.state(rig), rig.sent(), rig.told()]).toEqual([to, sent, told]);
      rig.expectNothingLeft();
    });

    it('has a row for each arrow of its table', () => {
      const arrows = keys(of.table).flatMap((from) =>
        keys(of.table[from]).map((event) => `${from} ${event}`),
      );
      const walked = of.rows.map(([from, event]) => `${from} ${event}`);
      expect([...walked, ...(of.elsewhere ?? [])].sort()).toEqual(arrows.sort());
    });

    const possible = (from: State, event: Event): boolean => of.only[event]?.includes(from) ?? true;
    const others = keys(of.reach).flatMap((from) =>
      keys(of.cause)
        .filter((event) => !(event in of.table[from]) && possible(from, event))
        .map((event) => [from, event] as const),
    );
    it.each(others)('%s stays as it is at %s', (from, event) => {
      const rig = of.reach[from]();
      rig.fresh();
      of.cause[event](rig);
      expect(rig.sent()).toBe('');
      expect(of.state(rig)).toBe(from);
      rig.expectNothingLeft();
    });
  });
}
