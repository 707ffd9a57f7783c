// The server of a flood: the production server in a process of its own, which tells what it holds when asked.
import { pino } from 'pino';
import { configSchema } from '../../src/config/config.ts';
import { startServer } from '../../src/server.ts';

/** What a server holds, after its garbage is gone. */
export interface Held {
  readonly calls: number;
  readonly bindings: number;
  readonly transactions: number;
  readonly links: number;
  readonly drops: Readonly<Record<string, number>>;
  /** MB. */
  readonly heap: number;
  readonly rss: number;
}

const config = configSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const { core, addresses, close } = await startServer(config, {
  log: pino({ level: 'error' }, pino.destination(2)),
  load: () => ({ config }),
});

process.on('message', (ask) => {
  if (ask === 'stop') void close().then(() => process.exit(0));
  else process.send?.(held(ask === 'clean'));
});
process.send?.({ port: addresses[0]?.port });

function held(clean: boolean): Held {
  // What weak tables held goes with the second.
  if (clean) for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { size } = core.layer;
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    calls: core.supervisor.size,
    bindings: core.location.size,
    transactions: size.serverInvite + size.serverNonInvite + size.clientInvite + size.clientNonInvite,
    links: core.supervisor.links.size,
    drops: Object.fromEntries(core.drops),
    heap: (heapUsed + external) / 1e6,
    rss: rss / 1e6,
  };
}
