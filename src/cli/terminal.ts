// What a terminal can take: colours, and pipes that close early.
import type { WriteStream } from 'node:tty';

/** https://no-color.org; nothing but a terminal gets escape codes. */
export function takesColour(
  stream: Pick<WriteStream, 'isTTY'>,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

/** A reader who left (`callchart tail | head`) or a full disk behind a redirection is no crash. */
export function outliveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') process.exitCode = 1;
    });
}
