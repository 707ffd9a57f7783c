// The operators' log: JSON lines on stderr, or pretty ones on a terminal. stdout belongs to the command's own words.
import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Config } from '../config/config.ts';
import { LogStream } from './log-stream.ts';
import { takesColour } from './terminal.ts';

export interface Log {
  readonly log: Logger;
  /** Resolves when all lines are written, or after a second: a reader who stalls cannot keep a process alive. */
  drain(): Promise<void>;
}

/** No worker threads: pretty lines are made where they are logged. */
export function createLog(settings: Config['log']): Log {
  const forPeople =
    settings.format === 'pretty' || (settings.format === 'auto' && process.stderr.isTTY === true);
  const stream = new LogStream(2, forPeople ? prettyLines() : undefined);
  const log = pino({ level: settings.level, base: { pid: process.pid } }, stream);
  return {
    log,
    drain: () => Promise.race([stream.drain(), new Promise<void>((done) => setTimeout(done, 1000))]),
  };
}

function prettyLines(): (line: string) => string {
  const pretty = prettyFactory({
    colorize: takesColour(process.stderr),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  });
  return (line) => pretty(line) ?? '';
}
