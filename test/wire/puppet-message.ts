// SIP text as puppets read and write it. Shares nothing with src/, so that a bug there finds no ally here.

const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  k: 'supported',
  o: 'event',
  r: 'refer-to',
  b: 'referred-by',
  s: 'subject',
  u: 'allow-events',
};

const LISTS = new Set(['via', 'route', 'record-route', 'contact', 'supported', 'allow']);

function canonical(name: string): string {
  const lower = name.trim().toLowerCase();
  return COMPACT[lower] ?? lower;
}

/** Splits at commas that stand outside quotes and angle brackets. */
function splitList(value: string): string[] {
  const parts: string[] = [];
  let part = '';
  let quoted = false;
  let angle = false;
  for (const char of value) {
    if (char === '"') quoted = !quoted;
    else if (!quoted && char === '<') angle = true;
    else if (!quoted && char === '>') angle = false;
    if (char === ',' && !quoted && !angle) {
      parts.push(part.trim());
      part = '';
    } else part += char;
  }
  parts.push(part.trim());
  return parts;
}

/** What stands between angle brackets, or before the parameters when there are none. */
export function uriOf(nameAddr: string): string {
  return /<([^>]*)>/.exec(nameAddr)?.[1] ?? nameAddr.split(';')[0]?.trim() ?? '';
}

/** A header parameter: the one behind the angle brackets, if there are any. */
export function paramOf(value: string, name: string): string | undefined {
  const tail = value.slice(value.indexOf('>') + 1);
  const found = new RegExp(`;\\s*${name}(?:\\s*=\\s*("[^"]*"|[^;,\\s]*))?`, 'i').exec(tail);
  return found === null ? undefined : (found[1] ?? '');
}

export class Message {
  readonly bytes: Buffer;
  readonly start: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly from: { readonly host: string; readonly port: number };
  /** Milliseconds, monotonic: when it came. */
  readonly at = performance.now();

  constructor(bytes: Buffer, from: { host: string; port: number }) {
    this.bytes = bytes;
    this.from = from;
    const text = bytes.toString('latin1');
    const blank = text.indexOf('\r\n\r\n');
    const head = blank < 0 ? text : text.slice(0, blank);
    this.body = blank < 0 ? '' : text.slice(blank + 4);
    const [start = '', ...lines] = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
    this.start = start;
    this.headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
    });
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  /** Empty for a response. */
  get method(): string {
    return this.start.startsWith('SIP/2.0 ') ? '' : (this.start.split(' ')[0] ?? '');
  }

  get uri(): string {
    return this.start.split(' ')[1] ?? '';
  }

  /** 0 for a request. */
  get status(): number {
    return this.start.startsWith('SIP/2.0 ') ? Number(this.start.slice(8, 11)) : 0;
  }

  get reason(): string {
    return this.start.slice(12);
  }

  /** Values of that header in their order, lists split. */
  all(name: string): string[] {
    const key = canonical(name);
    const values = this.headers.filter(([other]) => canonical(other) === key).map(([, value]) => value);
    return LISTS.has(key) ? values.flatMap(splitList) : values;
  }

  /** The first value, or the empty string. */
  get(name: string): string {
    return this.all(name)[0] ?? '';
  }

  has(name: string): boolean {
    return this.all(name).length > 0;
  }

  get callId(): string {
    return this.get('call-id');
  }

  get cseq(): number {
    return Number(this.get('cseq').split(' ')[0]);
  }

  get cseqMethod(): string {
    return this.get('cseq').split(/\s+/)[1] ?? '';
  }

  get branch(): string {
    return paramOf(this.get('via'), 'branch') ?? '';
  }

  get toTag(): string {
    return paramOf(this.get('to'), 'tag') ?? '';
  }

  get fromTag(): string {
    return paramOf(this.get('from'), 'tag') ?? '';
  }
}

/** Joins a start line, header lines and a body. Content-Length is written only where the lines contain `Content-Length`. */
export function compose(start: string, lines: readonly string[], body = ''): string {
  const filled = lines.map((line) => (line === 'Content-Length' ? `Content-Length: ${body.length}` : line));
  return `${[start, ...filled].join('\r\n')}\r\n\r\n${body}`;
}

export interface ReplyOptions {
  /** Put on the To header unless it has one already. */
  readonly tag?: string;
  /** Further header lines. */
  readonly lines?: readonly string[];
  readonly body?: string;
  /** As the phone writes the header's name. */
  readonly recordRoute?: string;
  /** Phones of the field leave it out where there is no body. */
  readonly contentLength?: boolean;
}

/** A response as RFC 3261 §8.2.6 builds it from the request. */
export function reply(request: Message, status: number, reason: string, options: ReplyOptions = {}): string {
  const to = request.get('to');
  const tagged =
    options.tag === undefined || paramOf(to, 'tag') !== undefined || status === 100
      ? to
      : `${to.includes('<') ? to : `<${to}>`};tag=${options.tag}`;
  const dialog = status > 100 && ['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY', 'BYE'].includes(request.method);
  const body = options.body ?? '';
  return compose(
    `SIP/2.0 ${status} ${reason}`,
    [
      ...request.all('via').map((via) => `Via: ${via}`),
      `From: ${request.get('from')}`,
      `To: ${tagged}`,
      `Call-ID: ${request.callId}`,
      `CSeq: ${request.get('cseq')}`,
      ...(dialog
        ? request.all('record-route').map((route) => `${options.recordRoute ?? 'Record-Route'}: ${route}`)
        : []),
      ...(options.lines ?? []),
      ...((options.contentLength ?? true) || body !== '' ? ['Content-Length'] : []),
    ],
    body,
  );
}
