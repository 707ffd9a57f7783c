// Makes a running server answerable: its calls, registrations and drops, and the lens on its calls.
import { Lens } from '../inspect/lens.ts';
import type { CallRecords } from '../journal/call-record.ts';
import type { DropReason } from '../limits/drops.ts';
import type { Location } from '../registrar/location.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { ControlServer, NoControl } from './control-server.ts';
import type { Histories } from './history.ts';
import type { PastCalls } from './past.ts';
import { questions } from './questions.ts';
import { type Upkeep, upkeepQuestions } from './upkeep.ts';

export interface ControlParts {
  /** An existing folder. */
  readonly folder: string;
  readonly core: {
    readonly supervisor: Supervisor;
    readonly location: Location;
    readonly drops: ReadonlyMap<DropReason, number>;
  };
  readonly calls: CallRecords;
  readonly histories: Histories;
  /** Calls that have ended; undefined: nobody keeps them. */
  readonly past?: PastCalls | undefined;
  /** undefined: nobody can ask for anything but what there is. */
  readonly upkeep?: Upkeep;
  /** Monotonic ms. */
  readonly now: () => number;
  /** ms since the epoch. */
  readonly wall: () => number;
  /** There is no control socket, and none can be made; the server goes on without it. Told once. */
  readonly onTrouble: (trouble: NoControl) => void;
  /** It was not there, and is again. */
  readonly onBack?: () => void;
}

export interface Control {
  readonly lens: Lens;
  /** Makes the control socket again when it is not there. */
  look(): Promise<void>;
  close(): Promise<void>;
}

export async function openControl({ core, onTrouble, onBack, ...parts }: ControlParts): Promise<Control> {
  const { supervisor, location, drops } = core;
  const lens = new Lens(
    {
      get: (callId) => supervisor.get(callId),
      all: () => supervisor.dialogs(),
      tellOfNew: (listener) => {
        supervisor.onDialog = listener;
      },
    },
    parts.wall,
  );
  const asked = questions({
    calls: () => parts.calls.live(),
    histories: parts.histories,
    past: parts.past,
    bindings: () => location.all(),
    drops,
    lens,
    now: parts.now,
    wall: parts.wall,
  });
  const server = new ControlServer({
    folder: parts.folder,
    answers: { ...asked, ...(parts.upkeep && upkeepQuestions(parts.upkeep)) },
  });
  let isMissing = false;
  /** Did it have to be made? */
  const listen = async (): Promise<boolean> => {
    try {
      const made = await server.listen();
      isMissing = false;
      return made;
    } catch (cause) {
      if (!(cause instanceof NoControl)) throw cause;
      if (!isMissing) onTrouble(cause);
      isMissing = true;
      return false;
    }
  };
  await listen();
  return {
    lens,
    look: async () => {
      if (await listen()) onBack?.();
    },
    close: () => server.close(),
  };
}
