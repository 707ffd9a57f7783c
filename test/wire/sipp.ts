// SIPp (Debian: sip-tester) running one scenario of the folder `sipp/` once.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listening } from './ports.ts';
import { Program } from './program.ts';

export interface SippOptions {
  readonly server: { readonly host: string; readonly port: number };
  readonly domain: string;
  /** Who it is. */
  readonly user: string;
  /** Whom it calls. */
  readonly to?: string;
  readonly port: number;
  readonly rtpPort?: number;
  /** Sends every RTP packet back. */
  readonly echo?: boolean;
  readonly folder: string;
  /** Words of the scenario in square brackets and what stands for them. */
  readonly words?: Readonly<Record<string, string>>;
}

const PATIENCE_S = 20;

/** Starts the scenario and waits until it listens; it ends by itself, with status 0 when everything came as written. */
export async function sipp(name: string, options: SippOptions): Promise<Program> {
  const words = { user: options.user, domain: options.domain, ...options.words };
  const scenario = join(options.folder, `${name}.xml`);
  const written = readFileSync(join(import.meta.dirname, 'sipp', `${name}.xml`), 'utf8');
  // Its own -key does not reach status lines and commands.
  writeFileSync(
    scenario,
    Object.entries(words).reduce((text, [word, value]) => text.replaceAll(`[${word}]`, value), written),
  );
  const program = new Program(
    'sipp',
    [
      `${options.server.host}:${options.server.port}`,
      ...['-sf', scenario, '-i', '127.0.0.1', '-p', String(options.port), '-m', '1', '-nostdin'],
      ...['-s', options.to ?? options.user],
      ...(options.rtpPort === undefined ? [] : ['-mi', '127.0.0.1', '-mp', String(options.rtpPort)]),
      ...(options.echo === true ? ['-rtp_echo'] : []),
      ...['-timeout', `${PATIENCE_S}s`, '-timeout_error'],
      ...['-trace_err', '-error_file', join(options.folder, `${name}.err`)],
      ...['-trace_msg', '-message_file', join(options.folder, `${name}.msg`)],
    ],
    { name: `sipp ${name} (${options.user})`, cwd: options.folder, life: PATIENCE_S + 5 },
  );
  await listening(options.port);
  return program;
}
