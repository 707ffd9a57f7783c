// A relay inside of the server: its calls are watched while a page looks, and only then.
import type { Choice, Lens } from './lens.ts';
import { type Relay, startRelay } from './relay.ts';

export async function relayLive(lens: Lens, choice: Choice): Promise<Relay> {
  let end: (() => void) | undefined;
  const relay = await startRelay({
    onPages: (count) => {
      if (count > 0) {
        end ??= lens.open(choice, {
          message: (message) => relay.send(message),
          over: () => {},
          tooMany: () => {},
        });
        return;
      }
      end?.();
      end = undefined;
      relay.forget();
    },
  });
  return relay;
}
