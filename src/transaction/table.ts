// The form of a transaction's table: for each state, what each event leads to.

/** The next state, then what is done on the way, in this order. */
export type Arrow<State, Action> = readonly [to: State, ...actions: readonly Action[]];

/** An event without an arrow changes nothing. */
export type Table<State extends string, Event extends string, Action extends string> = {
  readonly [from in State]: { readonly [event in Event]?: Arrow<State, Action> };
};
