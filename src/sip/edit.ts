// Edits named after the RFC's words. Each changes the message given (a copy of what was received) and returns it.
import { closingQuote, decimal, skipSpace, trimmed } from './chars.ts';
import { canonicalHost } from './host.ts';
import { splitList, valueEnd } from './list.ts';
import { HeaderLine, headerLine, type SipMessage, type SipRequest } from './message.ts';
import { keyOf } from './names.ts';

function indexOfKey(m: SipMessage, key: string): number {
  const headers = m.headers;
  for (let i = 0; i < headers.length; i++) if (headers[i]?.key === key) return i;
  return -1;
}

/** RFC 3261 §16.6 step 8: a new topmost Via. */
export function pushVia<M extends SipMessage>(m: M, value: string): M {
  const at = indexOfKey(m, 'via');
  m.headers.splice(Math.max(at, 0), 0, headerLine('Via', value));
  return m;
}

/** RFC 3261 §16.7 step 3: removes the topmost Via value; what stands behind a comma in its line stays as it was. */
export function popVia<M extends SipMessage>(m: M): M {
  const at = indexOfKey(m, 'via');
  const line = m.headers[at];
  if (line === undefined) return m;
  const rest = withoutFirst(line, 1);
  if (rest === undefined) m.headers.splice(at, 1);
  else m.headers[at] = rest;
  return m;
}

/** The line without its first `count` values, the rest as written; undefined when nothing is left. */
function withoutFirst(line: HeaderLine, count: number): HeaderLine | undefined {
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
  const start = skipSpace(line.raw, line.colon + 1);
  const end = valueEnd(line.raw, start);
  let stamped = '';
  let part = start;
  for (let i = start; i <= end; i++) {
    const code = line.raw.charCodeAt(i);
    if (i < end && code === 0x22) i = Math.max(i, closingQuote(line.raw, i));
    if (i < end && code !== 0x3b) continue;
    stamped += stampedPart(trimmed(line.raw, part, i), part === start, port);
    part = i + 1;
  }
  const raw = `${line.raw.slice(0, start)}${stamped};received=${host}${line.raw.slice(end)}`;
  m.headers[at] = new HeaderLine(line.key, raw, line.colon);
  return m;
}

function stampedPart(part: string, first: boolean, port: number): string {
  if (first) return part;
  const equals = part.indexOf('=');
  const name = trimmed(part, 0, equals < 0 ? part.length : equals).toLowerCase();
  return name === 'received' ? '' : name === 'rport' ? `;rport=${port}` : `;${part}`;
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
  m.headers.splice(first < 0 ? afterVias(m) : first, 0, headerLine('Record-Route', value));
  return m;
}

export function routes(m: SipMessage): string[] {
  return m.all('route');
}

/** The Route set becomes `values`. What stays at its end keeps its lines and its bytes. */
export function setRoutes<M extends SipMessage>(m: M, values: readonly string[]): M {
  const kept: HeaderLine[] = [];
  const others: HeaderLine[] = [];
  let left = values.length;
  let matching = true;
  for (let i = m.headers.length - 1; i >= 0; i--) {
    const line = m.headers[i];
    if (line === undefined) continue;
    if (line.key !== 'route') {
      others.push(line);
      continue;
    }
    if (!matching) continue;
    const own = splitList(line.value);
    let same = 0;
    while (same < own.length && same < left && own[own.length - 1 - same] === values[left - 1 - same]) same++;
    const rest = same === own.length ? line : withoutFirst(line, own.length - same);
    if (same > 0 && rest !== undefined) kept.push(rest);
    left -= same;
    matching = same === own.length;
  }
  const made = values.slice(0, left).map((value) => headerLine('Route', value));
  let at = indexOfKey(m, 'route');
  m.headers = others.reverse();
  if (at < 0) at = afterVias(m);
  m.headers.splice(at, 0, ...made, ...kept.reverse());
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
