// The table of options: for each configuration key its flag, its words of help, and how its value is written.
import { formatHostPort, formatListen, formatOutbound } from './address.ts';
import type { Config } from './config.ts';
import { formatDuration, formatRate, formatSize } from './units.ts';

export interface Option {
  /** Where it stands in the YAML file: `timers.t1`. */
  readonly path: string;
  /** Without dashes; the environment's name is made from it. */
  readonly flag: string;
  /** What the flag takes; undefined: nothing, it is a switch. */
  readonly takes: string | undefined;
  readonly repeatable: boolean;
  readonly group: string;
  /** What it does. */
  readonly help: string;
  /** What a plain number stands for, where units are understood. */
  readonly unit: string | undefined;
  /** The default in words, where it depends on the machine. */
  readonly fallback?: string;
  /** The value as one would write it in YAML. undefined: not set. */
  readonly show: (config: Config) => Written;
}

export type Written =
  | string
  | number
  | boolean
  | readonly string[]
  | Readonly<Record<string, string>>
  | undefined;

/** `--log-level` is `CALLCHART_LOG_LEVEL`. */
export function envName(flag: string): string {
  return `CALLCHART_${flag.toUpperCase().replaceAll('-', '_')}`;
}

type Row = readonly [
  path: string,
  flag: string,
  takes: string | undefined,
  help: string,
  show: Option['show'],
  fallback?: string,
];

const network: readonly Row[] = [
  ['listen', 'listen', 'udp:HOST:PORT...', 'where to listen', (c) => c.listen.map(formatListen)],
  [
    'domains',
    'domain',
    'HOST...',
    'whose users are ours; empty: the addresses listened on and the host names',
    (c) => c.domains,
  ],
  [
    'advertise',
    'advertise',
    'HOST[:PORT]',
    'how others reach this server; empty: found out',
    (c) => c.advertise && formatHostPort(c.advertise),
  ],
  ['data', 'data', 'FOLDER', 'folder for the journal and all else that is kept', (c) => c.data],
];

const rules: readonly Row[] = [
  [
    'open',
    'open',
    undefined,
    'let public source addresses register and call, without a password',
    (c) => c.open,
  ],
  ['callers', 'callers', 'any|registered', 'who may call', (c) => c.callers],
  [
    'unavailable',
    'unavailable',
    '480|404',
    'the answer to a call for somebody of ours who is not registered',
    (c) => c.unavailable,
  ],
  [
    'outbound',
    'outbound',
    'HOST...',
    'where requests may go that concern nobody of ours: HOST, HOST:PORT, *.DOMAIN, NETWORK/BITS',
    (c) => c.outbound.map(formatOutbound),
  ],
  [
    'redirects',
    'redirects',
    'pass|follow',
    "a phone's 3xx: passed to the caller, or followed by the server, to where it may send requests anyway",
    (c) => c.redirects,
  ],
  [
    'contactRouting',
    'contact-routing',
    'auto|contact|flow',
    'where a registered phone is called: at its Contact, at the address it registered from, or whichever is right',
    (c) => c.contactRouting,
  ],
  [
    'coalesce',
    'coalesce',
    'TIME',
    'while more than 1000 datagrams a second come: how long, at most 20ms, they gather before they are served together; 0: each as it comes',
    (c) => ms(c.coalesce),
  ],
  [
    'drainTimeout',
    'drain-timeout',
    'TIME',
    'how long the calls there are may go on when the server is asked to end; 0: it ends at once',
    (c) => ms(c.drainTimeout),
  ],
  [
    'phrases',
    'phrases',
    'PRESET|MAP',
    'words of our own responses: standard, classic, or a map such as {200: "OK - pohoda"}',
    (c) => writtenPhrases(c.phrases),
  ],
];

const registrar: readonly Row[] = [
  [
    'registrar.defaultExpires',
    'default-expires',
    'TIME',
    'how long a registration lasts when the phone names no time',
    (c) => formatDuration(c.registrar.defaultExpires, 's'),
  ],
  [
    'registrar.minExpires',
    'min-expires',
    'TIME',
    'less is refused with 423',
    (c) => formatDuration(c.registrar.minExpires, 's'),
  ],
  [
    'registrar.maxExpires',
    'max-expires',
    'TIME',
    'more is cut to this',
    (c) => formatDuration(c.registrar.maxExpires, 's'),
  ],
  [
    'registrar.maxContacts',
    'max-contacts',
    'COUNT',
    'phones one user may register',
    (c) => c.registrar.maxContacts,
  ],
];

const timers: readonly Row[] = [
  [
    'timers.t1',
    't1',
    'TIME',
    'RFC 3261 T1: the first retransmission; 64 of them give up',
    (c) => ms(c.timers.t1),
  ],
  [
    'timers.t2',
    't2',
    'TIME',
    'RFC 3261 T2: the longest step between retransmissions',
    (c) => ms(c.timers.t2),
  ],
  ['timers.t4', 't4', 'TIME', 'RFC 3261 T4: how long a message stays in the network', (c) => ms(c.timers.t4)],
  [
    'timers.ring',
    'timer-ring',
    'TIME',
    'Timer C: how long a phone may ring; RFC 3261 wants more than 3 minutes',
    (c) => ms(c.timers.ring),
  ],
  [
    'timers.cancel',
    'timer-cancel',
    'TIME',
    'how long a cancelled call waits for a phone that never spoke',
    (c) => ms(c.timers.cancel),
  ],
  [
    'timers.retry',
    'timer-retry',
    'TIME',
    'how long a challenged or redirected caller has to call again',
    (c) => ms(c.timers.retry),
  ],
  [
    'timers.serial',
    'timer-serial',
    'TIME',
    'how long contacts of one q ring before the next q is tried',
    (c) => ms(c.timers.serial),
  ],
  [
    'timers.life',
    'timer-life',
    'TIME',
    'the longest a call may stay silent before it is given up',
    (c) => ms(c.timers.life),
  ],
  [
    'timers.usage',
    'timer-usage',
    'TIME',
    "how long after the BYE a transfer's result may come",
    (c) => ms(c.timers.usage),
  ],
  [
    'timers.subscription',
    'timer-subscription',
    'TIME',
    'how long a subscription lives when nobody names a time',
    (c) => ms(c.timers.subscription),
  ],
];

const journal: readonly Row[] = [
  [
    'journal.style',
    'journal-style',
    'classic|plain',
    'wording of the call diary: the classic texts, or corrected English',
    (c) => c.journal.style,
  ],
  [
    'journal.detail',
    'journal-detail',
    'calls|transitions',
    'what journal.ndjson holds: a record for each call, or every transition as well',
    (c) => c.journal.detail,
  ],
  [
    'journal.maxSize',
    'journal-max-size',
    'SIZE',
    'a journal file of this size is rotated',
    (c) => formatSize(c.journal.maxSize),
  ],
  ['journal.keep', 'journal-keep', 'COUNT', 'rotated files kept of each', (c) => c.journal.keep],
  [
    'durability',
    'durability',
    'process|power|off',
    'what calls and registrations outlive: the end of the process, or a power failure too; off: neither',
    (c) => c.durability,
  ],
  [
    'records.keep',
    'records-keep',
    'TIME',
    'how long ended calls can be looked up; off: for ever',
    (c) => (c.records.keep === 0 ? 'off' : ms(c.records.keep)),
  ],
  [
    'records.maxSize',
    'records-max-size',
    'SIZE',
    'the database of ended calls forgets the oldest from this size on; off: never',
    (c) => (c.records.maxSize === 0 ? 'off' : formatSize(c.records.maxSize)),
  ],
  ['log.level', 'log-level', 'LEVEL', 'trace, debug, info, warn, error, fatal or silent', (c) => c.log.level],
  [
    'log.format',
    'log-format',
    'auto|json|pretty',
    'auto: pretty on a terminal, JSON elsewhere',
    (c) => c.log.format,
  ],
];

const auth: readonly Row[] = [
  [
    'auth.mode',
    'auth',
    'open|register|required',
    'what needs a password: nothing, registering, or registering and calling; `auth: required` says the same',
    (c) => c.auth.mode,
  ],
  [
    'auth.domains',
    'auth-domain',
    'DOMAIN=MODE...',
    'domains with a mode of their own',
    (c) => (Object.keys(c.auth.domains).length === 0 ? [] : c.auth.domains),
  ],
  [
    'auth.file',
    'auth-file',
    'FILE',
    'users and what proves their passwords, as `callchart user` keeps them; empty: `users` in the data folder',
    (c) => c.auth.file || undefined,
  ],
  [
    'auth.trusted',
    'auth-trusted',
    'NETWORK/BITS...',
    'who calls without a password, such as a trunk; registering takes one all the same',
    (c) => c.auth.trusted,
  ],
  [
    'auth.algorithms',
    'auth-algorithm',
    'NAME...',
    'SHA-512-256, SHA-256 and MD5, offered in this order; many phones understand only the first, and that if it is MD5',
    (c) => c.auth.algorithms,
  ],
  [
    'auth.md5Only',
    'md5-only',
    'WORD...',
    'words in the User-Agent of phones that give up where anything beside MD5 is offered',
    (c) => c.auth.md5Only,
  ],
  [
    'auth.nonceLife',
    'nonce-life',
    'TIME',
    'how long a challenge can be answered, and answered again',
    (c) => ms(c.auth.nonceLife),
  ],
];

const limits: readonly Row[] = [
  [
    'networks.allow',
    'allow',
    'NETWORK/BITS...',
    'who may register and call; empty: loopback and private networks, with `open` or a password everybody',
    (c) => c.networks.allow,
  ],
  [
    'networks.refuse',
    'refuse',
    'NETWORK/BITS...',
    'whose datagrams are dropped unread',
    (c) => c.networks.refuse,
  ],
  [
    'limits.memory',
    'limit-memory',
    'SIZE',
    'memory in use from which on no new call or registration is taken; auto: three quarters of what there is',
    (c) => formatSize(c.limits.memory),
    'auto',
  ],
  [
    'limits.calls',
    'limit-calls',
    'COUNT',
    'calls alive at once; auto: as many as half of that memory holds, 16 KB each',
    (c) => c.limits.calls,
    'auto',
  ],
  [
    'limits.bindings',
    'limit-bindings',
    'COUNT',
    'registrations of all users together; auto: an eighth of it, 2 KB each',
    (c) => c.limits.bindings,
    'auto',
  ],
  [
    'limits.transactions',
    'limit-transactions',
    'COUNT',
    'SIP transactions alive at once; auto: three eighths of it, 1.5 KB each',
    (c) => c.limits.transactions,
    'auto',
  ],
  [
    'limits.requests',
    'rate-requests',
    'RATE',
    'requests that one address may send, such as 50/s or 300/m; more are dropped',
    (c) => formatRate(c.limits.requests),
  ],
  [
    'limits.registrations',
    'rate-registrations',
    'RATE',
    'REGISTERs that one address may send; more are answered 503',
    (c) => formatRate(c.limits.registrations),
  ],
  [
    'limits.newCalls',
    'rate-calls',
    'RATE',
    'calls that one address may begin; more are answered 503',
    (c) => formatRate(c.limits.newCalls),
  ],
  [
    'limits.scanners',
    'scanner',
    'WORD...',
    'words in the User-Agent of those who are never answered',
    (c) => c.limits.scanners,
  ],
];

/** What only the file can hold: a command line or an environment shows it to others. */
export const fileOnly: readonly {
  readonly path: string;
  readonly help: string;
  /** What can be said of it without showing it. */
  readonly count: (config: Config) => number;
  /** What stands there. */
  readonly value: (config: Config) => unknown;
}[] = [
  {
    path: 'auth.users',
    help: 'users: a list of `{user, password}` or, with what `callchart user` writes, `{user, domain, ha1s}`; `domain` makes it a user of that domain alone',
    count: (c) => c.auth.users.length,
    value: (c) => c.auth.users,
  },
];

/** Every leaf of the schema, in the order people read about them. */
export const options: readonly Option[] = [
  ...rowsOf('Network', network),
  ...rowsOf('Calls', rules),
  ...rowsOf('Passwords', auth),
  ...rowsOf('Registrar', registrar),
  ...rowsOf('Timers', timers),
  ...rowsOf('Journal and log', journal),
  ...rowsOf('Limits', limits),
];

function rowsOf(group: string, rows: readonly Row[]): Option[] {
  return rows.map(([path, flag, takes, help, show, fallback]) => {
    const repeatable = takes?.endsWith('...') ?? false;
    return {
      path,
      flag,
      takes: takes?.replace('...', ''),
      repeatable,
      group,
      help,
      unit: unitOf(path, takes),
      show,
      ...(fallback === undefined ? {} : { fallback }),
    };
  });
}

function unitOf(path: string, takes: string | undefined): string | undefined {
  if (takes === 'SIZE') return 'bytes';
  if (takes !== 'TIME') return undefined;
  return path.startsWith('registrar.') ? 'seconds' : 'milliseconds';
}

function ms(value: number): string {
  return formatDuration(value, 'ms');
}

/** A preset alone is written by its name. */
function writtenPhrases(phrases: Config['phrases']): Written {
  return Object.keys(phrases).length === 1 ? phrases.preset : phrases;
}
