// The form of a transaction's table: for each state, what each event leads to.

export interface Arrow<State, Action> {
  /** Without it the state stays. */
  readonly to?: State;
  /** On the way, in this order. */
  readonly do?: readonly Action[];
}

/** An event without an arrow changes nothing. */
export type Table<State extends string, Event extends string, Action extends string> = {
  readonly [from in State]: { readonly [event in Event]?: Arrow<State, Action> };
};
