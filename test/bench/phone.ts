// Owns what a calling and a called phone share: their way to the network, their tallies, and RFC 3261's retransmission.

/** What the load generator gives its phones. `line` is the socket that a phone speaks through. */
export interface Network {
  now(): number;
  send(text: string, line: number, port: number): void;
  after(ms: number, run: () => void): void;
  contact(user: number, line: number): string;
  portOf(line: number): number;
  readonly tally: Tally;
}

export class Tally {
  placed = 0;
  completed = 0;
  failed = 0;
  /** By us, because nobody answered in time. */
  retransmitted = 0;
  /** By the server: what we heard before. */
  repeated = 0;
  registered = 0;
  /** Milliseconds, of calls placed while `recording`. */
  recording = false;
  ringDelays: number[] = [];
  answerDelays: number[] = [];
  readonly failures = new Map<string, number>();

  fail(why: string): void {
    this.failed += 1;
    this.failures.set(why, (this.failures.get(why) ?? 0) + 1);
  }
}

const T1 = 500;
const T2 = 4000;

/** RFC 3261 §17.1: sends, and again at T1, 2*T1 ... while `wanted`; `gaveUp` after 64*T1. An INVITE's wait has no cap. */
export function sendUntil(
  network: Network,
  message: { text: string; line: number; port: number; cap?: number },
  wanted: () => boolean,
  gaveUp: () => void,
): void {
  const { text, line, port, cap = T2 } = message;
  let waited = 0;
  const again = (wait: number): void => {
    network.after(wait, () => {
      if (!wanted()) return;
      waited += wait;
      if (waited >= 64 * T1) return gaveUp();
      network.tally.retransmitted += 1;
      network.send(text, line, port);
      again(Math.min(2 * wait, cap));
    });
  };
  network.send(text, line, port);
  again(T1);
}
