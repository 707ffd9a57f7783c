// The deeper syntax of what a proxy must understand before it forwards a new request (RFC 3261 §16.3 steps 1 and 2).
import { trimmed } from './chars.ts';
import { maxForwards } from './edit.ts';
import { valueEnd } from './list.ts';
import type { HeaderLine, SipRequest } from './message.ts';
import type { ParseProblem } from './parse.ts';
import { parseNameAddr, parseUri, schemeOf } from './uri.ts';
import { parseVia } from './via.ts';

/** What is wrong with a new request, or undefined. Not for retransmissions. An ACK's problem has status 0. */
export function checkRequest(r: SipRequest): ParseProblem | undefined {
  const problem = problemOf(r);
  return problem !== undefined && r.method === 'ACK' ? { ...problem, status: 0 } : problem;
}

function problemOf(r: SipRequest): ParseProblem | undefined {
  return (
    viaProblem(r) ??
    addressProblem(r.line('from'), 'From') ??
    addressProblem(r.line('to'), 'To') ??
    (maxForwards(r) === 'bad' ? bad('max-forwards', 'Malformed Max-Forwards') : undefined) ??
    requestUriProblem(r) ??
    routeProblem(r)
  );
}

function bad(what: string, phrase: string): ParseProblem {
  return { code: `bad-${what}`, status: 400, phrase };
}

/** Values joined in one line must each be one, or taking off the first leaves something else on top. */
function viaProblem(r: SipRequest): ParseProblem | undefined {
  for (const line of r.headers) {
    if (line.key !== 'via' || !line.includes(',')) continue;
    const value = line.value;
    for (let from = 0; from <= value.length; ) {
      const end = valueEnd(value, from);
      if (parseVia(trimmed(value, from, end)) === undefined) return bad('via', 'Malformed Via');
      from = end + 1;
    }
  }
  return undefined;
}

function addressProblem(line: HeaderLine | undefined, name: string): ParseProblem | undefined {
  const uri = line?.address.uri ?? '';
  if (uri === '') return bad(name.toLowerCase(), `Malformed ${name}`);
  // Another scheme is none of a proxy's business: it routes on the Request-URI.
  const scheme = schemeOf(uri);
  if ((scheme === 'sip' || scheme === 'sips') && parseUri(uri) === undefined)
    return bad(name.toLowerCase(), `Malformed URI in ${name}`);
  return undefined;
}

function requestUriProblem(r: SipRequest): ParseProblem | undefined {
  const uri = r.requestUri;
  // RFC 3261 §19.1.1: headers are not allowed in a Request-URI.
  if (uri?.headers !== undefined)
    return { code: 'uri-headers', status: 400, phrase: 'Headers in Request-URI' };
  if (uri !== undefined) return undefined;
  const scheme = schemeOf(r.uri);
  return scheme === undefined || scheme === 'sip' || scheme === 'sips'
    ? bad('request-uri', 'Malformed Request-URI')
    : { code: 'unknown-scheme', status: 416, phrase: 'Unsupported URI Scheme' };
}

/** A Route set that cannot be followed must not be followed half-way. */
function routeProblem(r: SipRequest): ParseProblem | undefined {
  if (!r.has('route')) return undefined;
  for (const route of r.all('route')) {
    const uri = parseNameAddr(route)?.uri;
    if (uri === undefined || parseUri(uri) === undefined) return bad('route', 'Malformed Route');
  }
  return undefined;
}
