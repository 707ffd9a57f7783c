// JSON written piece by piece is what JSON.stringify would have written of it.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { JsonWriter } from '../../src/json/json-writer.ts';
import { anyText } from '../any-text.ts';

function written(write: (out: JsonWriter) => void): string {
  const out = new JsonWriter();
  write(out);
  return out.toString();
}

const latin1 = fc.array(fc.integer({ min: 0x20, max: 0xff })).map((codes) => String.fromCharCode(...codes));
const escaped = fc
  .array(fc.constantFrom('"', '\\', '\n', '\r', '\t', '\b', '\f', '\0', '\x1f', '\x7f', 'a', 'b'))
  .map((chars) => chars.join(''));
/** Around the room of a new buffer, and far beyond it. */
const long = fc
  .tuple(
    fc.constantFrom('a', '"', '\n', '\x01', 'ž', '\ud83d', '😀', 'abc\t'),
    fc.integer({ min: 1, max: 40_000 }),
  )
  .map(([text, times]) => text.repeat(times));
const words = fc.oneof(
  { weight: 4, arbitrary: anyText },
  { weight: 2, arbitrary: latin1 },
  { weight: 2, arbitrary: escaped },
  { weight: 1, arbitrary: long },
);

const whole = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.nat(2000),
  fc.integer({ min: 2 ** 31 - 3, max: 2 ** 31 + 3 }),
  fc.integer({ min: 0, max: 9_000_000 }).map((billions) => billions * 1e9),
  fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
  fc.integer({ min: 0, max: 15 }).map((zeros) => 10 ** zeros),
  fc.integer({ min: 1, max: 15 }).map((nines) => 10 ** nines - 1),
);
const anyNumber = fc.oneof(whole, fc.double({ noNaN: true, noDefaultInfinity: true }));

describe('a string', () => {
  it('is quoted as JSON has it, whatever is in it', () => {
    fc.assert(
      fc.property(words, (text) => {
        const json = written((out) => out.quoted(text));
        expect(json).toBe(JSON.stringify(text));
        expect(JSON.parse(json)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('may have any char at either end', () => {
    for (let code = 0; code < 0x180; code++) {
      const char = String.fromCharCode(code);
      for (const text of [char, `ab${char}`, `${char}ab`])
        expect(written((out) => out.quoted(text))).toBe(JSON.stringify(text));
    }
  });

  it('may be half of a pair', () => {
    for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800', '😀\ud83d'])
      expect(JSON.parse(written((out) => out.quoted(text)))).toBe(text);
  });

  it('fits to the last byte of the buffer, and beyond', () => {
    const room = new JsonWriter().bytes.length;
    for (const char of ['a', '\n', 'ž'])
      for (let before = room - 8; before <= room + 1; before++) {
        const json = written((out) => {
          out.plain('x'.repeat(before));
          out.quoted(char.repeat(3));
        });
        expect(json).toBe(`${'x'.repeat(before)}${JSON.stringify(char.repeat(3))}`);
      }
  });
});

describe('a number', () => {
  it('has the digits that JSON gives it', () => {
    fc.assert(
      fc.property(anyNumber, (value) => {
        const json = written((out) => out.number(value));
        expect(json).toBe(JSON.stringify(value));
        expect(JSON.parse(json) + 0).toBe(value + 0);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ...[0, -0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1e9 - 1, 1e9, 1e9 + 1, 5e9, 1_795_417_751_828],
    ...[2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, 1e21, -1, -1.5, 0.1, 1e-7, -1.2345678901234e-300],
  ])('is %d', (value) => expect(written((out) => out.number(value))).toBe(JSON.stringify(value)));

  it('fits to the last byte of the buffer, and beyond', () => {
    const room = new JsonWriter().bytes.length;
    for (let before = room - 20; before <= room; before++) {
      const json = written((out) => {
        out.plain('x'.repeat(before));
        out.number(Number.MAX_SAFE_INTEGER);
      });
      expect(json).toBe(`${'x'.repeat(before)}${Number.MAX_SAFE_INTEGER}`);
    }
  });
});

/** One thing that is written, and what it says. */
const step = fc.oneof(
  fc
    .tuple(fc.constantFrom('', '{', ',"a":', 'of our own', '-'.repeat(48), '+'.repeat(49)), fc.nat(300))
    .map(([text, times]) => {
      const all = text.repeat(times);
      return { write: (out: JsonWriter) => out.plain(all), says: all };
    }),
  words.map((text) => ({ write: (out: JsonWriter) => out.quoted(text), says: JSON.stringify(text) })),
  anyNumber.map((value) => ({ write: (out: JsonWriter) => out.number(value), says: JSON.stringify(value) })),
  words.map((text) => {
    const json = JSON.stringify([text]);
    return { write: (out: JsonWriter) => out.json(json), says: json };
  }),
  fc.record({ a: words, b: anyNumber, c: fc.option(words, { nil: undefined }) }).map((value) => ({
    write: (out: JsonWriter) => out.value(value),
    says: JSON.stringify(value),
  })),
);

test('what is written stands behind what was written before, through every growth, and anew once that is cleared', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const out = new JsonWriter();
      const expected = steps.map(({ says }) => says).join('');
      for (const _time of ['the first', 'another']) {
        for (const { write } of steps) write(out);
        expect(out.toString()).toBe(expected);
        expect(out.length).toBe(Buffer.byteLength(expected));
        out.clear();
      }
    }),
    { numRuns: 200 },
  );
});

describe('an object', () => {
  it('ends without the comma of its last field', () => {
    const json = written((out) => {
      out.plain('{"a":1,"b":[],');
      out.endObject();
    });
    expect(json).toBe('{"a":1,"b":[]}');
  });

  it('ends behind a field without a comma', () => {
    const json = written((out) => {
      out.plain('{"a":');
      out.quoted(',');
      out.endObject();
    });
    expect(JSON.parse(json)).toEqual({ a: ',' });
  });

  it('may have no field', () => {
    const json = written((out) => {
      out.plain('{');
      out.endObject();
    });
    expect(json).toBe('{}');
  });

  it('ends in a buffer that is full', () => {
    const room = new JsonWriter().bytes.length;
    for (const last of [',', '1']) {
      const fields = `{"a":"${'x'.repeat(room - 8)}"${last}`;
      const json = written((out) => {
        out.plain(fields.slice(0, room));
        out.endObject();
      });
      expect(json).toBe(last === ',' ? `${fields.slice(0, room - 1)}}` : `${fields.slice(0, room)}}`);
    }
  });
});

describe('a buffer', () => {
  it('that was blown up is let go when it is cleared', () => {
    const out = new JsonWriter();
    const room = out.bytes.length;
    out.plain('x'.repeat(1_100_000));
    out.quoted('ž'.repeat(1000));
    out.clear();
    expect(out.bytes.length).toBe(room);
    expect([out.length, out.toString()]).toEqual([0, '']);
    out.value({ a: 1 });
    expect(out.toString()).toBe('{"a":1}');
  });

  it('that has grown a little is gone on with', () => {
    const out = new JsonWriter();
    out.plain('x'.repeat(100_000));
    const { bytes } = out;
    out.clear();
    out.plain('y');
    expect(out.bytes).toBe(bytes);
    expect(out.toString()).toBe('y');
  });
});
