// The shape of the configuration: every key, what it may hold, and what it holds when nobody says.
import { z } from 'zod';
import { parseHost, parseHostPort, parseListen, parseNetworkText, parseOutbound } from './address.ts';
import { type AuthMode, DIGEST_ALGORITHMS, isAuthMode, readModes } from './auth-modes.ts';
import { autoMemory, shares } from './memory.ts';
import { isPhrase } from './phrases.ts';
import { parseDuration, parseRate, parseSize, type TimeUnit } from './units.ts';

/** Reads one value; a refusal's message says what was expected, as in "X is not <expected>". */
function value<T>(expected: string, read: (raw: unknown) => T | undefined) {
  return z.unknown().transform((raw, context): T => {
    const result = read(raw);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: expected, params: { raw } });
    return z.NEVER;
  });
}

/** A list may be written as one value, or as one text with commas. */
function list<T>(expected: string, read: (raw: string) => T | undefined) {
  const all = z.array(value(expected, (raw) => (typeof raw === 'string' ? read(raw.trim()) : undefined)));
  return z.preprocess((raw) => {
    if (typeof raw !== 'string') return raw === null ? [] : raw;
    return raw.split(',').filter((part) => part.trim() !== '');
  }, all);
}

function oneOf<const T extends readonly (string | number)[]>(...choices: T) {
  return value(`one of ${choices.join(', ')}`, (raw): T[number] | undefined =>
    choices.find((choice) => String(choice) === String(raw)),
  );
}

function whole(min: number, max: number) {
  return value(`a whole number from ${min} to ${max}`, (raw) =>
    within(Number(raw === '' ? Number.NaN : raw), min, max),
  );
}

function duration(unit: TimeUnit, min: number, max: number) {
  const plain = unit === 's' ? 'seconds' : 'milliseconds';
  const longer = unit === 'ms' && max < 5000 ? `${max}ms` : '5s, 2m, 12h';
  return value(`a time of ${min} to ${max} ${plain}, such as ${longer} or ${min}`, (raw) =>
    within(parseDuration(raw, unit) ?? Number.NaN, min, max),
  );
}

function size(min: number) {
  return value(`a size of at least ${min} bytes, such as 512KB or 10MB`, (raw) =>
    within(parseSize(raw) ?? Number.NaN, min, Number.MAX_SAFE_INTEGER),
  );
}

function within(n: number, min: number, max: number): number | undefined {
  return Number.isInteger(n) && n >= min && n <= max ? n : undefined;
}

const flag = value('yes or no', (raw) => {
  const word = String(raw).toLowerCase();
  if (['true', 'yes', 'on', '1'].includes(word)) return true;
  return ['false', 'no', 'off', '0'].includes(word) ? false : undefined;
});

const HALF_A_DAY = '12h';
const LONGEST = 30 * 86_400_000;

const registrar = z
  .strictObject({
    /** Seconds a binding lasts when the phone names none. */
    defaultExpires: duration('s', 1, 86_400_000).prefault(3600),
    /** Seconds; less is answered 423 with Min-Expires. */
    minExpires: duration('s', 1, 3600).prefault(60),
    /** Seconds; more is cut to this. */
    maxExpires: duration('s', 1, 86_400_000).prefault(7200),
    /** Bindings one AOR may have. */
    maxContacts: whole(1, 1000).prefault(30),
  })
  .superRefine((it, context) => {
    if (it.maxExpires >= it.minExpires) return;
    const message = `minExpires (${it.minExpires}) or more`;
    context.addIssue({ code: 'custom', path: ['maxExpires'], message, params: { raw: it.maxExpires } });
  })
  // whoever sets only a narrow maximum or a high minimum means the default to stay between them
  .transform((it) => ({
    ...it,
    defaultExpires: Math.min(Math.max(it.defaultExpires, it.minExpires), it.maxExpires),
  }));

/** All in milliseconds. */
const timers = z.strictObject({
  /** RFC 3261 §17.1.1.1. */
  t1: duration('ms', 1, 60_000).prefault('500ms'),
  t2: duration('ms', 1, 600_000).prefault('4s'),
  t4: duration('ms', 0, 600_000).prefault('5s'),
  /** Timer C: how long a callee may ring. RFC 3261 §16.6 step 11 wants more than three minutes. */
  ring: duration('ms', 1, LONGEST).prefault('181s'),
  /** How long a CANCELled call waits for a phone that never spoke. */
  cancel: duration('ms', 1, LONGEST).prefault('5s'),
  /** How long a challenged or redirected caller has to try again. */
  retry: duration('ms', 1, LONGEST).prefault('32s'),
  /** How long one step of a serial fork (contacts of equal q) rings before the next is tried. */
  serial: duration('ms', 1, LONGEST).prefault('30s'),
  /** The longest a confirmed call may stay silent before it is given up. */
  life: duration('ms', 1, LONGEST).prefault(HALF_A_DAY),
  /** How long a transfer's result may come after the BYE. RFC 5057. */
  usage: duration('ms', 1, LONGEST).prefault('3m'),
  /** How long a subscription lives when nobody names its Expires. */
  subscription: duration('ms', 1, LONGEST).prefault('1h'),
});

const phrases = z.preprocess(
  // a preset's name stands for the preset alone
  (raw) => (typeof raw === 'string' ? { preset: raw } : raw),
  z
    .object({ preset: oneOf('standard', 'classic').prefault('standard') })
    .catchall(value('words for a status line (one line of at most 200 characters)', wordsOf))
    .superRefine((it, context) => {
      for (const code of Object.keys(it).filter((key) => key !== 'preset' && !/^[1-6]\d\d$/.test(key)))
        context.addIssue({ code: 'unrecognized_keys', keys: [code], input: it });
    }),
);

function wordsOf(raw: unknown): string | undefined {
  return typeof raw === 'string' && isPhrase(raw) ? raw : undefined;
}

const journal = z.strictObject({
  /** Wording of the diary: the classic texts, or corrected English. */
  style: oneOf('classic', 'plain').prefault('classic'),
  /** What journal.ndjson holds: a record at each call's end, or every transition as well. */
  detail: oneOf('calls', 'transitions').prefault('transitions'),
  /** Bytes at which a journal file is rotated. */
  maxSize: size(10_000).prefault('50MB'),
  /** Rotated files kept of each. */
  keep: whole(0, 1000).prefault(5),
});

/** What is 0: for ever, and as much as there is. */
function unless<T>(meaning: string, expected: string, read: (raw: unknown) => T | undefined) {
  return value(`off (${meaning}), or ${expected}`, (raw): T | 0 | undefined =>
    // 0 is not taken for it: some would mean that nothing is kept
    raw === false || raw === 'off' ? 0 : read(raw),
  );
}

const records = z.strictObject({
  /** ms an ended call is kept in the database. */
  keep: unless('for ever', 'a time of at least 60000 milliseconds, such as 90d or 12h', (raw) =>
    within(parseDuration(raw, 'ms') ?? Number.NaN, 60_000, Number.MAX_SAFE_INTEGER),
  ).prefault('90d'),
  /** Bytes the database may have. */
  maxSize: unless('without end', 'a size of at least 1000000 bytes, such as 500MB or 1GB', (raw) =>
    within(parseSize(raw) ?? Number.NaN, 1_000_000, Number.MAX_SAFE_INTEGER),
  ).prefault('1GB'),
});

const log = z.strictObject({
  level: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').prefault('info'),
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  format: oneOf('auto', 'json', 'pretty').prefault('auto'),
});

/** undefined: as many as fit into the memory there is. */
function count(max: number) {
  return value(`a whole number from 1 to ${max}, or auto`, (raw) =>
    raw === 'auto' ? 'auto' : within(Number(raw === '' ? Number.NaN : raw), 1, max),
  ).prefault('auto');
}

/** null: no limit. */
const rate = value('off, or a count such as 50/s, 300/m or 1000/h', parseRate).prefault('off');

const limits = z
  .strictObject({
    /** Bytes in use from which on nothing new is taken in. */
    memory: value('a size of at least 32MB, or auto', (raw) =>
      raw === 'auto' ? 'auto' : within(parseSize(raw) ?? Number.NaN, 32_000_000, Number.MAX_SAFE_INTEGER),
    ).prefault('auto'),
    /** Calls alive at once; a further one is answered 503. */
    calls: count(10_000_000),
    /** Bindings of all AORs together; a further one is answered 503. */
    bindings: count(10_000_000),
    /** Transactions alive at once, lingering ones included; a further one is answered 503. */
    transactions: count(100_000_000),
    /** Of one source address (IPv6: of one /64). */
    requests: rate,
    registrations: rate,
    newCalls: rate,
    /** Words in a User-Agent whose requests are dropped. */
    scanners: list('a word of a User-Agent', (raw) => (raw === '' ? undefined : raw.toLowerCase())).prefault([
      'friendly-scanner',
      'sipvicious',
      'sundayddr',
      'sip-scan',
      'sipcli',
      'sipptk',
      'iwar',
      'vaxsipuseragent',
      'pplsip',
      'smap',
    ]),
  })
  .transform((it) => {
    const memory = it.memory === 'auto' ? autoMemory() : it.memory;
    const auto = shares(memory);
    return {
      ...it,
      memory,
      calls: it.calls === 'auto' ? auto.calls : it.calls,
      bindings: it.bindings === 'auto' ? auto.bindings : it.bindings,
      transactions: it.transactions === 'auto' ? auto.transactions : it.transactions,
    };
  });

const networks = z.strictObject({
  /** Who may register and call. Empty: loopback and private networks, all with `open`, all who have a password. */
  allow: list('NETWORK/BITS or an address', parseNetworkText).prefault([]),
  /** Whose datagrams are dropped unread. */
  refuse: list('NETWORK/BITS or an address', parseNetworkText).prefault([]),
});

const user = z
  .strictObject({
    user: value('a user name', (raw) => nonEmpty(String(raw ?? ''))),
    /** Without it the user is one of every domain of ours. */
    domain: value('a host name or an IP address', (raw) => parseHost(String(raw))).optional(),
    password: value('a password', (raw) => nonEmpty(String(raw ?? ''))).optional(),
    /** HA1 by algorithm, as `callchart user add` writes them. */
    ha1s: z
      .partialRecord(
        z.enum(DIGEST_ALGORITHMS),
        value('32 or 64 hex digits', (raw) => (isHa1(raw) ? raw.toLowerCase() : undefined)),
      )
      .optional(),
  })
  .superRefine((it, context) => {
    const said = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message, params: { raw: it.user } });
    if ((it.password === undefined) === (it.ha1s === undefined))
      said('user', 'a user with either password or ha1s');
    else if (it.ha1s !== undefined && it.domain === undefined)
      said('domain', 'a user with a domain, which ha1s are made for');
  });

function nonEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}

function isHa1(raw: unknown): raw is string {
  return typeof raw === 'string' && /^([0-9a-f]{32}|[0-9a-f]{64})$/i.test(raw);
}

const auth = z.preprocess(
  // a mode's word stands for the mode alone
  (raw) => (typeof raw === 'string' ? { mode: raw } : raw),
  z.strictObject({
    /** What needs a password. */
    mode: value('one of open, register, required', (raw): AuthMode | undefined =>
      isAuthMode(raw) ? raw : undefined,
    ).prefault('open'),
    /** Domains with a mode of their own. */
    domains: value('DOMAIN=MODE, or a map such as {example.org: required}', (raw) =>
      readModes(raw, parseHost),
    ).prefault({}),
    users: z.array(user).prefault([]),
    /** Lines of users with their HA1s. Empty: `users` in the data folder. */
    file: value('a file', (raw) => (typeof raw === 'string' ? raw : undefined)).prefault(''),
    /** Networks whose requests need no password, unless they register: trunks, gateways. */
    trusted: list('NETWORK/BITS or an address', parseNetworkText).prefault([]),
    /** Offered in this order. */
    algorithms: list(`one of ${DIGEST_ALGORITHMS.join(', ')}`, (raw) =>
      DIGEST_ALGORITHMS.find((name) => name === raw.toUpperCase()),
    )
      .refine((all) => all.length > 0, { message: 'at least one algorithm, such as SHA-256' })
      // RFC 8760 §2.4 has the best first; what is in the field often understands only the first, and that must be MD5.
      .prefault(['MD5', 'SHA-256']),
    /** Words in a User-Agent whose challenges name MD5 alone. */
    md5Only: list('a word of a User-Agent', (raw) => (raw === '' ? undefined : raw.toLowerCase())).prefault([
      'baresip v0.',
      'baresip v1.',
      'baresip v2.',
    ]),
    /** ms a challenge can be answered. */
    nonceLife: duration('ms', 1000, 86_400_000).prefault('5m'),
  }),
);

export const configSchema = z.strictObject({
  listen: list('udp:HOST:PORT or udp:[IPV6]:PORT', parseListen)
    .refine((all) => all.length > 0, { message: 'at least one address, such as udp:0.0.0.0:5060' })
    .prefault(['udp:0.0.0.0:5060', 'udp:[::]:5060']),
  /** Hosts whose AORs are ours. Empty: the addresses listened on and the host's names. */
  domains: list('a host name or an IP address', parseHost).prefault([]),
  /** What goes into Via and Record-Route. undefined: found out from the addresses listened on. */
  advertise: value('HOST or HOST:PORT', (raw) => parseHostPort(String(raw))).optional(),
  /** Folder for all that is kept. */
  data: value('a folder', (raw) => (typeof raw === 'string' && raw !== '' ? raw : undefined)).prefault(
    './callchart-data',
  ),
  /** May public source addresses register and call? */
  open: flag.prefault(false),
  callers: oneOf('any', 'registered').prefault('any'),
  /** Answer to a call for somebody of ours who is not registered. */
  unavailable: oneOf(480, 404).prefault(480),
  /** What becomes of a phone's 3xx. */
  redirects: oneOf('pass', 'follow').prefault('pass'),
  outbound: list('HOST, HOST:PORT, *.DOMAIN or NETWORK/BITS', parseOutbound).prefault([]),
  /** Where a registered Contact leads. `auto`: Contact when it names the source's address, else the flow. */
  contactRouting: oneOf('auto', 'contact', 'flow').prefault('auto'),
  /** ms from one burst of datagrams to the next while many come; 0: each is served as it comes. */
  coalesce: duration('ms', 0, 20).prefault('5ms'),
  /** ms that the calls there are may go on when the server is asked to end. */
  drainTimeout: duration('ms', 0, LONGEST).prefault('60s'),
  auth: auth.prefault({}),
  networks: networks.prefault({}),
  registrar: registrar.prefault({}),
  timers: timers.prefault({}),
  /** Words of our own responses, by status; `preset` first, then single codes. */
  phrases: phrases.prefault({}),
  journal: journal.prefault({}),
  /** What the store outlives: the end of the process, or a power failure as well; `off`: there is no store. */
  durability: oneOf('process', 'power', 'off').prefault('process'),
  records: records.prefault({}),
  log: log.prefault({}),
  limits: limits.prefault({}),
});

export type Config = z.output<typeof configSchema>;

/** What holds when nothing is configured. */
export function defaultConfig(): Config {
  return configSchema.parse({});
}
