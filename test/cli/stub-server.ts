// A server that serves nothing: what `serve` does around a server is tried on it.
import { writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from '../../src/config/config.ts';
import { prepareDataFolder } from '../../src/config/data-folder.ts';
import { StartError } from '../../src/config/start-error.ts';

export async function startServer(config: Config, { log }: { log: Logger }) {
  // port 3: its calls never end
  let drained = () => {};
  const over = new Promise<void>((resolve) => {
    drained = resolve;
  });
  const folder = prepareDataFolder(config.data);
  const [first] = config.listen;
  if (first?.port === 1) throw new StartError('address-in-use', 'udp:127.0.0.1:1 is\nin use');
  const alive = setInterval(() => {}, 1000);
  if (first?.port === 2)
    setTimeout(() => {
      throw new Error('a bug');
    }, 10);
  log.info('started');
  return {
    addresses: config.listen,
    advertised: '192.0.2.1:5060',
    domains: config.domains,
    journalPath: `${folder}/dennik-hovorov.log`,
    flush: () => writeFileSync(`${folder}/flushed`, ''),
    reload: () => writeFileSync(`${folder}/reloaded`, ''),
    drain: () => {
      writeFileSync(`${folder}/draining`, '');
      if (first?.port !== 3) drained();
    },
    drained: over,
    close: async () => {
      clearInterval(alive);
      writeFileSync(`${folder}/closed`, '');
    },
  };
}
