// Edits named after the RFC's words. Each changes the message given (a copy of what was received) and returns it.
import { decimal, skipSpace, trimmed } from './chars.ts';
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
  const rest = withoutFirst(line);
  if (rest === undefined) m.headers.splice(at, 1);
  else m.headers[at] = rest;
  return m;
}

/** The line without its first value, or undefined when there is no other. */
function withoutFirst(line: HeaderLine): HeaderLine | undefined {
  if (!line.raw.includes(',')) return undefined;
  let from = line.colon + 1;
  for (let found = false; ; ) {
    const end = valueEnd(line.raw, from);
    if (end >= line.raw.length) return undefined;
    found ||= trimmed(line.raw, from, end) !== '';
    from = end + 1;
    if (!found) continue;
    const start = skipSpace(line.raw, from);
    if (start >= line.raw.length) return undefined;
    return new HeaderLine(
      line.key,
      `${line.raw.slice(0, line.colon + 1)} ${line.raw.slice(start)}`,
      line.colon,
    );
  }
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
  for (const [i, part] of line.raw.slice(start, end).split(';').entries()) {
    const equals = part.indexOf('=');
    const name = trimmed(part, 0, equals < 0 ? part.length : equals).toLowerCase();
    if (i > 0 && name === 'received') continue;
    stamped += i === 0 ? part.trimEnd() : i > 0 && name === 'rport' ? `;rport=${port}` : `;${part}`;
  }
  const raw = `${line.raw.slice(0, start)}${stamped};received=${host}${line.raw.slice(end)}`;
  m.headers[at] = new HeaderLine(line.key, raw, line.colon);
  return m;
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
  let at = indexOfKey(m, 'record-route');
  if (at < 0) {
    at = indexOfKey(m, 'via');
    while (m.headers[at]?.key === 'via') at++;
    if (at < 0) at = 0;
  }
  m.headers.splice(at, 0, headerLine('Record-Route', value));
  return m;
}

export function routes(m: SipMessage): string[] {
  return m.all('route');
}

/** The Route set becomes `values`. Lines whose values stay at the end of it keep their bytes. */
export function setRoutes<M extends SipMessage>(m: M, values: readonly string[]): M {
  const first = indexOfKey(m, 'route');
  let left = values.length;
  const kept: HeaderLine[] = [];
  const others: HeaderLine[] = [];
  let matching = true;
  for (let i = m.headers.length - 1; i >= 0; i--) {
    const line = m.headers[i];
    if (line === undefined) continue;
    if (line.key !== 'route') {
      others.push(line);
      continue;
    }
    let rest: HeaderLine | undefined = line;
    let own = splitList(line.value);
    while (matching && rest !== undefined && own.length > 0 && !endsWith(values, left, own)) {
      rest = withoutFirst(rest);
      own = own.slice(1);
    }
    if (!matching || rest === undefined || own.length === 0) {
      matching = matching && own.length === 0 && left === 0;
      continue;
    }
    kept.push(rest);
    left -= own.length;
    matching = rest === line;
  }
  kept.reverse();
  others.reverse();
  const made = values.slice(0, left).map((value) => headerLine('Route', value));
  let at = first < 0 ? -1 : m.headers.slice(0, first).length;
  if (at < 0) {
    at = 0;
    while (others[at]?.key === 'via') at++;
  }
  others.splice(at, 0, ...made, ...kept);
  m.headers = others;
  return m;
}

function endsWith(values: readonly string[], end: number, tail: readonly string[]): boolean {
  if (tail.length > end) return false;
  for (let i = 0; i < tail.length; i++) if (values[end - tail.length + i] !== tail[i]) return false;
  return true;
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
