// Owns the benchmark's command line: names, defaults, bounds and the help text.
import { parseArgs } from 'node:util';

export const HELP = `npm run bench -- [options]      CPU per call of a SIP server, by calls of our own over loopback

load     --rate N        calls a second (400)              --seconds N   length of the measured window (20)
         --warmup N      seconds of load before it (10)    --users N     registered users (1000)
         --ring MS       180 to 200 (20)                   --talk MS     ACK to BYE (20)
         --hold N        hold N calls while measuring; tells memory per held call, at once and --settle S (0) later
         --grow          CPU per call at 0 / 10,000 live calls and at 10 / 1,000 / 50,000 users
         --alone         keep other work off the server's core while measuring (root; for a busy machine)
         --sipp          let SIPp make the calls instead of our generator
server   --server SPEC   callchart (default), callchart-off (no store), callchart-power (safe against power failure),
                         kamailio (at its best), kamailio-stock (as Debian starts it), or a command
                         with {port} {data} {node} in it
         --node PATH     another Node binary for the server   --no-build    measure dist/ as it lies there
         --peer SPEC     measure a second server in turns (A B A B ...)   --peer-node PATH   its Node binary
         --pairs N       how many turns each (3)              --max-ratio R   exit 1 when the median ratio is above
output   --profile       CPU and allocation profiles of the server, and tables of where they go by layer
         --out DIR       where profiles and server logs are left (a new temporary folder)
         --json          one JSON object instead of tables    --quiet       no progress lines

--restore [CALLS=10000] [BINDINGS=100000] [--max-ms 3000]: instead of load, how long the server takes to start with so many

Exit code: 0; 1 when a call failed, the server died or a limit was passed; 2 for a wrong option.`;

export interface Options {
  readonly rate: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly users: number;
  readonly ring: number;
  readonly talk: number;
  readonly hold: number;
  readonly settle: number;
  readonly grow: boolean;
  readonly alone: boolean;
  readonly sipp: boolean;
  readonly server: string;
  readonly node: string;
  readonly build: boolean;
  readonly peer: string | undefined;
  readonly peerNode: string;
  readonly pairs: number;
  readonly maxRatio: number;
  readonly profile: boolean;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
}

export class UsageError extends Error {
  readonly code = 'bench-usage';
}

/** Throws UsageError for what it cannot understand; undefined: help was asked for. */
export function readOptions(argv: string[]): Options | undefined {
  const { values } = parse(argv);
  if (values.help) return undefined;
  const number = (name: keyof typeof values, fallback: number, least: number, most: number): number => {
    const given = values[name];
    const value = given === undefined ? fallback : Number(given);
    if (!(value >= least && value <= most))
      throw new UsageError(`--${name} ${given}: a number from ${least} to ${most}`);
    return value;
  };
  const options: Options = {
    rate: number('rate', 400, 1, 20_000),
    seconds: number('seconds', 20, 1, 600),
    warmup: number('warmup', 10, 0, 600),
    users: number('users', 1000, 2, 500_000),
    ring: number('ring', 20, 0, 10_000),
    talk: number('talk', 20, 0, 10_000),
    hold: number('hold', 0, 0, 200_000),
    settle: number('settle', 0, 0, 300),
    grow: values.grow ?? false,
    alone: values.alone ?? false,
    sipp: values.sipp ?? false,
    server: values.server ?? 'callchart',
    node: values.node ?? process.execPath,
    build: !(values['no-build'] ?? false),
    peer: values.peer,
    peerNode: values['peer-node'] ?? values.node ?? process.execPath,
    pairs: number('pairs', 3, 1, 100),
    maxRatio: number('max-ratio', Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY),
    profile: values.profile ?? false,
    out: values.out,
    json: values.json ?? false,
    quiet: values.quiet ?? false,
  };
  if (options.maxRatio !== Number.POSITIVE_INFINITY && options.peer === undefined)
    throw new UsageError('--max-ratio needs --peer');
  if (options.sipp && (options.profile || options.hold > 0))
    throw new UsageError('--sipp goes with neither --profile nor --hold');
  return options;
}

function parse(argv: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: argv,
      strict: true,
      allowPositionals: false,
      options: {
        rate: text,
        seconds: text,
        warmup: text,
        users: text,
        ring: text,
        talk: text,
        hold: text,
        settle: text,
        grow: flag,
        alone: flag,
        sipp: flag,
        server: text,
        node: text,
        'no-build': flag,
        peer: text,
        'peer-node': text,
        pairs: text,
        'max-ratio': text,
        profile: flag,
        out: text,
        json: flag,
        quiet: flag,
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
