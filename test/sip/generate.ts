// Generators of valid SIP messages in every disguise the grammar allows: folds, compact forms, odd case, joined values.
import fc from 'fast-check';
import { wire } from '../../src/sip/message.ts';

/** Optional and required white space, folds included. */
const gap = fc.constantFrom('', ' ', '  ', '\t', '\r\n ', ' \r\n\t', '\r\n  \r\n ');
const space = fc.constantFrom(' ', '   ', '\t', '\r\n ', ' \r\n \t');

function chars(alphabet: string, maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...alphabet), { minLength: 1, maxLength })
    .map((letters) => letters.join(''));
}

const word = chars("abcXYZ0189-.!%*_+`'~", 10);
const name = chars('abcdeXYZ01', 8);
const host = fc.oneof(
  name.map((label) => `${label}.example`),
  fc.constantFrom('192.0.2.77', '[2001:db8::1]', '[::ffff:192.0.2.1]', 'a_b.example'),
);
const port = fc
  .option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined })
  .map((n) => (n === undefined ? '' : `:${n}`));
const user = fc.constantFrom('eva', '+421;x=1', 'e%76a', '*21#', 'a?b/c', 'eva:pw', 'ľuboš');
const uri = fc
  .tuple(fc.constantFrom('sip:', 'sips:', 'SIP:'), user, host, port)
  .map(([s, u, h, p]) => `${s}${u}@${h}${p}`);
const quoted = fc
  .array(fc.constantFrom('a', ' ', ',', ';', '<', '>', '\\"', '\\\\', 'č', '=', ':'), { maxLength: 8 })
  .map((parts) => `"${parts.join('')}"`);

const parameter = fc
  .tuple(gap, gap, word, fc.option(fc.tuple(gap, gap, fc.oneof(word, quoted)), { nil: undefined }))
  .map(
    ([before, after, key, value]) =>
      `${before};${after}p${key}${value ? `${value[0]}=${value[1]}${value[2]}` : ''}`,
  );
const parameters = fc.array(parameter, { maxLength: 3 }).map((list) => list.join(''));

/** `{ raw, branch }`: a Via value and what must be read from it. */
export const via = fc
  .record({
    lead: fc.constantFrom('SIP/2.0/UDP', 'SIP / 2.0 / UDP', 'SIP\r\n /2.0/\tTCP', 'sip/2.0/Holub'),
    space,
    host,
    port,
    branch: word,
    parameters,
  })
  .map((v) => ({
    raw: `${v.lead}${v.space}${v.host}${v.port};branch=${v.branch}${v.parameters}`,
    branch: v.branch,
  }));

/** A Route or Record-Route value as it is read back: trimmed and unfolded. */
export const route = fc
  .tuple(
    fc.constantFrom('', '"A, \\" B" ', 'c '),
    uri,
    fc.constantFrom('', ';lr', ';x=a,b'),
    fc.constantFrom('', ';y=1', ';z="," ;w'),
  )
  .map(([display, address, inside, outside]) => `${display}<${address}${inside}>${outside}`);

function spelled(key: string, compact?: string): fc.Arbitrary<string> {
  const cases = fc.constantFrom(
    key,
    key.toLowerCase(),
    key.toUpperCase(),
    `${key[0]?.toLowerCase()}${key.slice(1).toUpperCase()}`,
  );
  return compact === undefined ? cases : fc.oneof(cases, fc.constantFrom(compact, compact.toUpperCase()));
}

function line(spelling: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(spelling, fc.constantFrom('', ' ', '\t '), gap, value, fc.constantFrom('', ' ', '\r\n '))
    .map(([key, before, after, text, end]) => `${key}${before}:${after}${text}${end}`);
}

function joined(spelling: fc.Arbitrary<string>, values: readonly string[]): fc.Arbitrary<string[]> {
  const breaks = fc.array(
    fc.oneof(
      fc.constant('line'),
      gap.map((g) => `${g},${g}`),
    ),
    { minLength: values.length, maxLength: values.length },
  );
  return fc.tuple(spelling, breaks).map(([key, how]) => {
    const lines: string[] = [];
    for (const [i, value] of values.entries()) {
      const glue = how[i] ?? 'line';
      if (i === 0 || glue === 'line') lines.push(`${key}: ${value}`);
      else lines[lines.length - 1] += `${glue}${value}`;
    }
    return lines;
  });
}

const address = fc
  .tuple(fc.oneof(quoted, fc.constantFrom('', 'Eva N', 'Ján')), uri, parameters)
  .map(([display, u, p]) => `${display}<${u}>${p}`);
const value = fc
  .array(fc.constantFrom('a', ' ', ',', ';', '"', '<', '>', ':', 'č', 'à', '\0', '\\', '%', '\r\n ', '😀'), {
    maxLength: 30,
  })
  .map((parts) => parts.join(''));
const unknown = line(
  word.map((w) => `X-${w}`),
  value,
);

export interface Generated {
  readonly bytes: Buffer;
  readonly branches: readonly string[];
  readonly routes: readonly string[];
  readonly number: number;
  readonly body: Buffer;
}

/** A valid request or response, and what must be read from it. */
export const message: fc.Arbitrary<Generated> = fc
  .record({
    vias: fc.array(via, { minLength: 1, maxLength: 5 }),
    routes: fc.array(route, { maxLength: 5 }),
    method: fc.oneof(fc.constantFrom('INVITE', 'BYE', 'MESSAGE'), word),
    start: fc.oneof(
      fc.constant(undefined),
      fc.constantFrom('SIP/2.0 200 OK', 'SIP/2.0 100 ', 'SIP/2.0 699 č " , <'),
    ),
    uri,
    number: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    body: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    measured: fc.boolean(),
  })
  .chain((v) =>
    fc
      .tuple(
        joined(
          spelled('Via', 'v'),
          v.vias.map((one) => one.raw),
        ),
        joined(spelled('Route'), v.routes),
        line(
          spelled('From', 'f'),
          address.map((a) => `${a};tag=1`),
        ).map((l) => [l]),
        line(spelled('To', 't'), address).map((l) => [l]),
        line(
          spelled('Call-ID', 'i'),
          word.map((w) => `${w}@x`),
        ).map((l) => [l]),
        line(
          spelled('CSeq'),
          space.map((s) => `${v.number}${s}${v.method}`),
        ).map((l) => [l]),
        line(spelled('Max-Forwards'), fc.constantFrom('0', '70', '0255')).map((l) => [l]),
        line(spelled('Content-Length', 'l'), fc.constantFrom(`${v.body.length}`, `00${v.body.length}`)).map(
          (l) => (v.measured ? [l] : []),
        ),
        fc.array(unknown, { maxLength: 4 }),
      )
      .chain((groups) => fc.shuffledSubarray(groups, { minLength: groups.length, maxLength: groups.length }))
      .map((groups) => {
        const head = [v.start ?? `${v.method} ${v.uri} SIP/2.0`, ...groups.flat()].join('\r\n');
        return {
          bytes: Buffer.concat([Buffer.from(`${head}\r\n\r\n`), v.body]),
          branches: v.vias.map((one) => one.branch),
          routes: v.routes.map(wire),
          number: v.number,
          body: v.body,
        };
      }),
  );

const scrap = fc.constantFrom(
  ',',
  ';',
  '"',
  '<',
  '>',
  '\r\n',
  '\r\n ',
  '\n',
  '\r',
  '\0',
  '%',
  ':',
  ' ',
  '\\',
  '\r\n\r\n',
  ';;',
  'SIP/2.0',
  '[',
  '99999999999',
  '\xff',
);
const cut = fc.record({
  at: fc.nat(),
  length: fc.nat(40),
  put: fc.oneof(scrap, fc.string({ maxLength: 5 })),
  twice: fc.boolean(),
});

/** The bytes with some pieces cut out, doubled or replaced. */
export function mutated(source: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc.tuple(source, fc.array(cut, { minLength: 1, maxLength: 6 })).map(([bytes, cuts]) => {
    let out = bytes.toString('latin1');
    for (const { at, length, put, twice } of cuts) {
      const from = at % (out.length + 1);
      const piece = out.slice(from, from + length);
      out = `${out.slice(0, from)}${put}${twice ? piece + piece : ''}${out.slice(from + piece.length)}`;
    }
    return Buffer.from(out, 'latin1');
  });
}
