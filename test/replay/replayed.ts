// Plays a capture that a test has written, and tells of it in few words.
import { expect } from 'vitest';
import { namedZone } from '../../src/journal/wall-time.ts';
import { readCapture } from '../../src/replay/capture/capture.ts';
import type { Endpoint } from '../../src/replay/capture/datagrams.ts';
import { replayWhole } from '../../src/replay/replay.ts';
import type { Replay, ReplayedCall } from '../../src/replay/result.ts';
import { findServerAddress } from '../../src/replay/server-address.ts';
import type { Tape } from './captured-calls.ts';

export const UTC = namedZone('UTC');

export function replayed(tape: Tape, server?: Endpoint): Replay {
  const read = readCapture(tape.bytes());
  if (!read.ok) throw new Error(read.problem.message);
  const found = server === undefined ? findServerAddress(read.capture) : undefined;
  const at = server ?? (found?.kind === 'found' ? found.server : undefined);
  if (at === undefined) throw new Error(`the server is not found: ${JSON.stringify(found)}`);
  return replayWhole(read.capture, { server: at, zone: UTC });
}

export function only(result: Replay): ReplayedCall {
  expect(result.calls).toHaveLength(1);
  const [call] = result.calls;
  if (call === undefined) throw new Error('no call');
  return call;
}

/** The states it went through, the first being what was put in place. */
export function states(call: ReplayedCall): string[] {
  return [...(call.adopted === '' ? [] : [`(${call.adopted})`]), ...call.states.map(({ to }) => to)].map(
    (state) => state.replace('confirmed.media.', '').replace('|transfer.idle', ''),
  );
}

/** The diary without dates and Call-IDs. */
export function diary(call: ReplayedCall): string[] {
  return call.diary.map((line) =>
    line
      .slice(25)
      .replace(/ \(Call-ID: .*/, '')
      .trim(),
  );
}

export function whys(result: Replay): Record<string, number> {
  return { ...result.totals.differences };
}
