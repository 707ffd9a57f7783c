// A dialog's timer of a duration that many others share.
import type { TimerName } from '../../machines/types.ts';
import { type Deadlines, Timed } from '../time/deadlines.ts';
import type { DialogTimer, LiveDialog } from './live-dialog.ts';

/** Thousands of them share one clock timer. */
export class FixedTimer extends Timed implements DialogTimer {
  readonly #deadlines: Deadlines;
  readonly #dialog: LiveDialog;
  readonly #name: TimerName;
  readonly ms: number;
  readonly #fire: (dialog: LiveDialog, name: TimerName) => void;

  constructor(
    deadlines: Deadlines,
    dialog: LiveDialog,
    name: TimerName,
    ms: number,
    fire: (dialog: LiveDialog, name: TimerName) => void,
  ) {
    super();
    this.#deadlines = deadlines;
    this.#dialog = dialog;
    this.#name = name;
    this.ms = ms;
    this.#fire = fire;
  }

  start(): void {
    this.#deadlines.start(this, this.ms);
  }

  get isRunning(): boolean {
    return this.next !== undefined;
  }

  stop(): void {
    this.#deadlines.stop(this);
  }

  override expire(): void {
    this.#fire(this.#dialog, this.#name);
  }
}
