// SIGTERM and SIGINT as two wishes: to end when the calls have ended, and to end now.

export interface StopSignals {
  readonly first: Promise<NodeJS.Signals>;
  readonly second: Promise<NodeJS.Signals>;
}

/** ms within which a second SIGINT is the same Ctrl-C: npm passes it on to a child that has it from the terminal too. */
const SAME_KEY = 250;

/** From now on. A third signal finds Node's own manners again and ends the process as it stands. */
export function stopSignals(): StopSignals {
  let first = (_signal: NodeJS.Signals): void => {};
  let second = first;
  let at: number | undefined;
  const signals = {
    first: new Promise<NodeJS.Signals>((resolve) => {
      first = resolve;
    }),
    second: new Promise<NodeJS.Signals>((resolve) => {
      second = resolve;
    }),
  };
  const heard = (signal: NodeJS.Signals): void => {
    if (at === undefined) {
      at = performance.now();
      first(signal);
      return;
    }
    if (signal === 'SIGINT' && performance.now() - at < SAME_KEY) return;
    process.off('SIGTERM', heard).off('SIGINT', heard);
    second(signal);
  };
  process.on('SIGTERM', heard).on('SIGINT', heard);
  return signals;
}
