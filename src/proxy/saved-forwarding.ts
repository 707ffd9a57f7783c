// A forwarded INVITE as it is kept outside the process: JSON-safe, instants told by the wall clock.
import type { Hop, Target } from '../routing/router.ts';
import type { Flow } from '../transport/flow.ts';

/** What is kept part by part is kept as a whole again after so many: a start reads all of them. */
export const MOST_PARTS = 16;

/** Strings are wire text, one char per byte. */
export interface SavedForwarding {
  /** The request as it goes out but for what differs from branch to branch; '': only the ACK of its refusal is to come. */
  readonly base: string;
  /** Of its server transaction, when there is no request to tell. */
  readonly key?: string | undefined;
  /** Where it came from. */
  readonly source: Flow;
  /** Of the response sent last; absent: a final one is still owed. */
  readonly finalStatus?: number;
  /** That response; absent: a 100. */
  readonly last?: string;
  readonly waiting?: readonly Target[];
  /** By the number of the fork. */
  readonly branches: Readonly<Record<number, SavedBranch>>;
  readonly answered?: boolean;
  readonly cancelled?: 'caller' | 'no-answer' | undefined;
  /** Wall ms when the next q group is tried. */
  readonly serial?: number | undefined;
}

export interface SavedBranch {
  readonly target: Target;
  /** undefined: the target's; null: none. */
  readonly hop?: Hop | null | undefined;
  readonly breadth: number;
  /** Final status; absent while it is pending. */
  readonly status?: number;
  readonly response?: string | undefined;
  readonly spoke?: boolean;
  readonly cancelAsked?: boolean;
  readonly cancelHeaders?: readonly string[] | undefined;
  readonly skipped?: boolean;
  readonly followed?: boolean;
}
