// A dialog's timer of a duration of its own.
import type { Clock, Timer } from '../time/clock.ts';
import type { DialogTimer } from './live-dialog.ts';

export class PlainTimer implements DialogTimer {
  readonly due: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, ms: number, fire: () => void) {
    this.due = clock.now() + ms;
    this.#timer = clock.after(ms, () => {
      this.#timer = undefined;
      fire();
    });
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
