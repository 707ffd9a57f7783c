// The table of test/sip/torture.ts, held against parser, syntax check and serializer.
import { describe, expect, test } from 'vitest';
import { parse } from '../../src/sip/parse.ts';
import { makeResponse } from '../../src/sip/reply.ts';
import { serialize } from '../../src/sip/serialize.ts';
import { checkRequest } from '../../src/sip/validate.ts';
import { torture } from './torture.ts';

test('the table has every message of RFC 4475', () => {
  expect(new Set(torture.map((one) => one.section)).size).toBe(49);
});

describe.each(torture)('RFC 4475 §$section: $idea', ({ bytes, verdict, cut = 0 }) => {
  const result = parse(bytes);
  const problem = !result.ok
    ? result.problem
    : result.message.kind === 'request'
      ? checkRequest(result.message)
      : undefined;

  test('gets its verdict', () => {
    const got = problem === undefined ? 'passes' : { status: problem.status, code: problem.code };
    expect(got).toEqual(verdict);
  });

  if (result.ok)
    test('comes out as it went in', () => {
      expect(serialize(result.message).equals(bytes.subarray(0, bytes.length - cut))).toBe(true);
    });

  if (problem !== undefined && problem.status > 0)
    test('can be answered, and the answer can be read', () => {
      const request = result.ok ? result.message : result.request;
      if (request?.kind !== 'request') expect.fail('no request');
      const reply = serialize(makeResponse(request, problem.status, problem.phrase, { toTag: 'x' }));
      expect(reply.toString('latin1')).toMatch(
        /^SIP\/2\.0 (400|416|505) [A-Z][ -~]+\r\nVia: SIP[\s\S]+\r\nContent-Length: 0\r\n\r\n$/,
      );
    });
});
