// Ready-made journal effects: what is told, by whom, with which status.
import type { DialogEvent, Effect, Entry } from './types.ts';

type Told = Extract<Effect, { type: 'journal' }>;
type Params = Told['params'];
interface Now {
  readonly event: DialogEvent;
}

/** The entry alone. */
export function tell(entry: Entry): Told {
  return { type: 'journal', params: { entry } };
}

/** The entry with what the event knows of side and status. */
export function tellOf(entry: Entry) {
  return tellBy(() => entry);
}

/** The entry that the event's facts choose. */
export function tellBy(entryOf: (event: DialogEvent) => Entry) {
  return { type: 'journal', params: ({ event }: Now) => facts(entryOf(event), event) } as const;
}

function facts(entry: Entry, event: DialogEvent): Params {
  const params: { -readonly [Key in keyof Params]: Params[Key] } = { entry };
  if ('side' in event) params.side = event.side;
  // A NOTIFY's status is the one its message/sipfrag reports.
  if ('status' in event) params.status = event.status;
  else if (event.type === 'request.notify' && event.progress !== undefined) params.status = event.progress;
  return params;
}
