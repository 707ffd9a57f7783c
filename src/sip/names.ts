// The header names we know: their long lower-case form (RFC 3261 §7.3.3 and later compact forms), and which hold lists.

/** Headers of which a message must carry one (or at most one): flags for the parser's book-keeping. */
export const VIA = 1;
export const FROM = 2;
export const TO = 4;
export const CALL_ID = 8;
export const CSEQ = 16;
export const MAX_FORWARDS = 32;
export const CONTENT_LENGTH = 64;

export interface KnownName {
  readonly key: string;
  /** As the RFC writes it. */
  readonly name: string;
  readonly flag: number;
  /** In lower case: `v` or `via`. */
  readonly spelling: string;
}

const flags: Readonly<Record<string, number>> = {
  via: VIA,
  from: FROM,
  to: TO,
  'call-id': CALL_ID,
  cseq: CSEQ,
  'max-forwards': MAX_FORWARDS,
  'content-length': CONTENT_LENGTH,
};

const compact: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};

const lists = [
  'Accept',
  'Accept-Contact',
  'Accept-Encoding',
  'Accept-Language',
  'Alert-Info',
  'Allow',
  'Allow-Events',
  'Call-Info',
  'Contact',
  'Content-Encoding',
  'Content-Language',
  'Diversion',
  'Error-Info',
  'History-Info',
  'In-Reply-To',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Path',
  'Proxy-Require',
  'Reason',
  'Record-Route',
  'Reject-Contact',
  'Require',
  'Route',
  'Service-Route',
  'Supported',
  'Unsupported',
  'Via',
  'Warning',
];

const singles = [
  'Authentication-Info',
  'Authorization',
  'CSeq',
  'Content-Disposition',
  'Content-Transfer-Encoding',
  'Date',
  'Expires',
  'MIME-Version',
  'Max-Breadth',
  'Max-Forwards',
  'Min-Expires',
  'Min-SE',
  'Organization',
  'Priority',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'RAck',
  'RSeq',
  'Replaces',
  'Reply-To',
  'Retry-After',
  'Server',
  'SIP-ETag',
  'SIP-If-Match',
  'Subscription-State',
  'Target-Dialog',
  'Timestamp',
  'User-Agent',
  'WWW-Authenticate',
];

// Filled here and never again: what comes over the wire must not make it grow.
const known = new Map<string, KnownName>();

function know(name: string, spelling: string): void {
  const key = name.toLowerCase();
  known.set(spelling, { key, name, flag: flags[key] ?? 0, spelling });
}

for (const name of [...lists, ...singles, ...Object.values(compact)]) {
  for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) know(name, spelling);
}
for (const [letter, name] of Object.entries(compact)) {
  for (const spelling of [letter, letter.toUpperCase()]) know(name, spelling);
}
know('Record-Route', 'Record-route');
know('Call-ID', 'Call-Id');
know('CSeq', 'Cseq');

const listKeys: ReadonlySet<string> = new Set(lists.map((name) => name.toLowerCase()));

// Most names come in a spelling of the head scan's own: found by a hash of their folded letters, without cutting them out.
const SLOTS = 512;
const table: (KnownName | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

/** One step of the hash over a name's chars. */
export function hashed(hash: number, code: number): number {
  return (Math.imul(hash, 31) + (code | 0x20)) & 0xffff;
}

for (const [spelling, name] of known) {
  if (spelling !== spelling.toLowerCase()) continue;
  let hash = 0;
  for (let i = 0; i < spelling.length; i++) hash = hashed(hash, spelling.charCodeAt(i));
  while (table[hash % SLOTS] !== undefined) hash++;
  table[hash % SLOTS] = { ...name, spelling };
}

/** The known name that s[from, to), a token of that hash, stands for. */
export function knownIn(s: string, from: number, to: number, hash: number): KnownName | undefined {
  for (let slot = hash; ; slot++) {
    const found = table[slot % SLOTS];
    if (found === undefined || isSpelling(s, from, to, found.spelling)) return found;
  }
}

/** No two chars of a token fold to one but the cases of a letter, and what no known name holds. */
function isSpelling(s: string, from: number, to: number, spelling: string): boolean {
  if (to - from !== spelling.length) return false;
  for (let i = 0; i < spelling.length; i++)
    if ((s.charCodeAt(from + i) | 0x20) !== spelling.charCodeAt(i)) return false;
  return true;
}

function knownName(spelling: string): KnownName | undefined {
  return known.get(spelling) ?? known.get(spelling.toLowerCase());
}

/** The canonical key of a header name as written. */
export function keyOf(name: string): string {
  return knownName(name)?.key ?? name.toLowerCase();
}

/** True when a line of this header may hold several values, separated by commas. */
export function isList(key: string): boolean {
  switch (key) {
    case 'contact':
    case 'via':
    case 'route':
    case 'record-route':
      return true;
    case 'content-type':
    case 'max-forwards':
      return false;
    default:
      return listKeys.has(key);
  }
}
