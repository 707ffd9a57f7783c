// The operators' log: JSON lines on stderr, or pretty ones on a terminal. stdout belongs to the command's own words.
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from '../config/config.ts';
import { takesColour } from './terminal.ts';

/** No worker threads: the pretty stream is synchronous, the JSON one is gathered and written while the loop is free. */
export function createLog(settings: Config['log']): Logger {
  const terminal =
    settings.format === 'pretty' || (settings.format === 'auto' && process.stderr.isTTY === true);
  const stream: DestinationStream = terminal
    ? pretty({
        destination: 2,
        sync: true,
        colorize: takesColour(process.stderr),
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'pid,hostname',
      })
    : destination({ dest: 2, sync: false, maxLength: 8_000_000 });
  return pino({ level: settings.level, base: { pid: process.pid } }, stream);
}
