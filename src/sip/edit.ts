// Edits named after the RFC's words. Each changes the message given (a copy of what was received) and returns it.
import { closingQuote, decimal, isSpace, skipSpace, spells, trimmed } from './chars.ts';
import { canonicalHost } from './host.ts';
import { splitList, valueEnd } from './list.ts';
import { HeaderLine, headerLine, type SipMessage, type SipRequest } from './message.ts';
import { keyOf } from './names.ts';
import { stampedVia } from './via.ts';

function indexOfKey(m: SipMessage, key: string): number {
  const headers = m.headers;
  for (let i = 0; i < headers.length; i++) if (headers[i]?.key === key) return i;
  return -1;
}

/** Array.splice makes an array of what it removed: nothing. */
function insert(headers: HeaderLine[], at: number, line: HeaderLine): void {
  headers.push(line);
  for (let i = headers.length - 1; i > at; i--) headers[i] = headers[i - 1] as HeaderLine;
  headers[at] = line;
}

function removeAt(headers: HeaderLine[], at: number): void {
  for (let i = at + 1; i < headers.length; i++) headers[i - 1] = headers[i] as HeaderLine;
  headers.pop();
}

/** RFC 3261 §16.6 step 8: a new topmost Via. */
export function pushVia<M extends SipMessage>(m: M, value: string): M {
  insert(m.headers, Math.max(indexOfKey(m, 'via'), 0), headerLine('Via', value));
  return m;
}

/** RFC 3261 §16.7 step 3: removes the topmost Via value; what stands behind a comma in its line stays as it was. */
export function popVia<M extends SipMessage>(m: M): M {
  const at = indexOfKey(m, 'via');
  const line = m.headers[at];
  if (line === undefined) return m;
  const rest = withoutFirst(line, 1);
  if (rest === undefined) removeAt(m.headers, at);
  else m.headers[at] = rest;
  return m;
}

/** The line without its first `count` values, the rest as written; undefined when nothing is left. */
function withoutFirst(line: HeaderLine, count: number): HeaderLine | undefined {
  if (count > 0 && !line.includes(',')) return undefined;
  const raw = line.raw;
  let from = line.colon + 1;
  for (let left = count; left > 0; ) {
    const end = valueEnd(raw, from);
    if (end >= raw.length) return undefined;
    if (trimmed(raw, from, end) !== '') left--;
    from = end + 1;
  }
  const start = skipSpace(raw, from);
  if (start >= raw.length) return undefined;
  return new HeaderLine(line.key, `${raw.slice(0, line.colon + 1)} ${raw.slice(start)}`, line.colon);
}

/**
 * RFC 3261 §18.2.1 and RFC 3581 §4: what the transport saw goes into the top Via. `rport` is filled when asked for
 * (with `received` then, whatever the host); else `received` is added when the host differs. What the sender wrote
 * into either is overwritten: answers must not be sent where it pleases.
 */
export function stampReceived<M extends SipMessage>(m: M, host: string, port: number): M {
  const at = indexOfKey(m, 'via');
  const line = m.headers[at];
  if (line === undefined) return m;
  const via = line.via;
  const rport = via.rport !== undefined;
  if (!rport && via.received === undefined && canonicalHost(via.host) === canonicalHost(host)) return m;
  const { source, colon } = line;
  const start = skipSpace(source, line.start + colon + 1, line.end);
  const end = valueEnd(source, start, line.end);
  const stamped = stampedValue(source, start, end, port);
  const from = start - line.start;
  const raw = `${source.slice(line.start, start)}${stamped};received=${host}${source.slice(end, line.end)}`;
  const made = new HeaderLine(line.key, raw, colon);
  // One without a branch may be one of which no parameter could be read; a line of its own may be folded.
  if (via.branch !== undefined && line.start > 0) {
    const length = stamped.length + ';received='.length + host.length;
    made.knowVia(stampedVia(via, raw, from, from + length, host, port));
  }
  m.headers[at] = made;
  return m;
}

/** The Via s[from, to) without `received`, its `rport` filled, and without white space around its semicolons. */
function stampedValue(s: string, from: number, to: number, port: number): string {
  let stamped = '';
  /** What is not copied yet begins here; parts that stay are copied together. */
  let rest = from;
  let part = from;
  for (let i = from; i <= to; i++) {
    const code = i < to ? s.charCodeAt(i) : 0x3b;
    if (code === 0x22) i = Math.max(i, closingQuote(s, i, to));
    if (code !== 0x3b) continue;
    let start = part;
    let end = i;
    while (start < end && isSpace(s.charCodeAt(start))) start++;
    while (end > start && isSpace(s.charCodeAt(end - 1))) end--;
    const isFirst = part === from;
    const written = isFirst ? undefined : stampedPart(s, start, end, port);
    if (written !== undefined || start !== part || end !== i) {
      stamped += s.slice(rest, isFirst ? from : part - 1);
      stamped += written ?? `${isFirst ? '' : ';'}${s.slice(start, end)}`;
      rest = i;
    }
    part = i + 1;
  }
  return stamped + s.slice(rest, to);
}

/** What becomes of the parameter s[from, to); undefined: it stays. */
function stampedPart(s: string, from: number, to: number, port: number): string | undefined {
  const first = s.charCodeAt(from) | 0x20;
  if (first !== 0x72) return undefined;
  let end = from;
  while (end < to && s.charCodeAt(end) !== 0x3d) end++;
  while (end > from && isSpace(s.charCodeAt(end - 1))) end--;
  if (spells(s, from, end, 'received')) return '';
  return spells(s, from, end, 'rport') ? `;rport=${port}` : undefined;
}

/** RFC 3261 §20.22: 0 to 255; undefined when absent. */
export function maxForwards(m: SipMessage): number | undefined | 'bad' {
  const value = m.line('max-forwards')?.value;
  if (value === undefined) return undefined;
  const hops = decimal(value);
  return hops === undefined || hops > 255 ? 'bad' : hops;
}

/** RFC 3261 §16.6 step 3: one less, or 70 when there is none. */
export function decrementMaxForwards<M extends SipMessage>(m: M): M {
  const at = indexOfKey(m, 'max-forwards');
  const line = m.headers[at];
  if (line === undefined) {
    m.headers.push(headerLine('Max-Forwards', '70'));
    return m;
  }
  const hops = maxForwards(m);
  m.headers[at] = headerLine(
    line.name,
    hops === 'bad' || hops === undefined ? '70' : `${Math.max(0, hops - 1)}`,
  );
  return m;
}

/** RFC 3261 §16.6 step 4: before the Record-Routes that stand there; with none, behind the Vias. */
export function recordRoute<M extends SipMessage>(m: M, value: string): M {
  const first = indexOfKey(m, 'record-route');
  insert(m.headers, first < 0 ? afterVias(m) : first, headerLine('Record-Route', value));
  return m;
}

export function routes(m: SipMessage): string[] {
  return m.all('route');
}

/** The Route set becomes `values`. What stays at its end keeps its lines and its bytes. */
export function setRoutes<M extends SipMessage>(m: M, values: readonly string[]): M {
  const { headers } = m;
  const first = indexOfKey(m, 'route');
  const kept: HeaderLine[] = [];
  let left = values.length;
  let matching = true;
  for (let i = headers.length - 1; i >= first && first >= 0 && matching; i--) {
    const line = headers[i];
    if (line === undefined || line.key !== 'route') continue;
    const own = splitList(line.value);
    let same = 0;
    while (same < own.length && same < left && own[own.length - 1 - same] === values[left - 1 - same]) same++;
    const rest = same === own.length ? line : withoutFirst(line, own.length - same);
    if (same > 0 && rest !== undefined) kept.push(rest);
    left -= same;
    matching = same === own.length;
  }
  if (first >= 0) {
    let length = first;
    for (let i = first; i < headers.length; i++) {
      const line = headers[i] as HeaderLine;
      if (line.key !== 'route') headers[length++] = line;
    }
    headers.length = length;
  }
  if (left === 0 && kept.length === 0) return m;
  const made = values.slice(0, left).map((value) => headerLine('Route', value));
  headers.splice(first < 0 ? afterVias(m) : first, 0, ...made, ...kept.reverse());
  return m;
}

function afterVias(m: SipMessage): number {
  let at = indexOfKey(m, 'via');
  while (m.headers[at]?.key === 'via') at++;
  return Math.max(at, 0);
}

export function setRequestUri(m: SipRequest, uri: string): SipRequest {
  m.uri = uri;
  return m;
}

/** One line of that name with that value, where the first of them stood; at the end when there was none. */
export function setHeader<M extends SipMessage>(m: M, name: string, value: string): M {
  const key = keyOf(name);
  const at = indexOfKey(m, key);
  if (at < 0) return appendHeader(m, name, value);
  m.headers[at] = headerLine(name, value);
  m.headers = m.headers.filter((line, i) => i <= at || line.key !== key);
  return m;
}

/** Removes every line of that header, whatever its spelling. */
export function removeHeader<M extends SipMessage>(m: M, name: string): M {
  const key = keyOf(name);
  m.headers = m.headers.filter((line) => line.key !== key);
  return m;
}

export function appendHeader<M extends SipMessage>(m: M, name: string, value: string): M {
  m.headers.push(headerLine(name, value));
  return m;
}
