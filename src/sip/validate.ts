// The deeper syntax of what a proxy must understand before it forwards a new request (RFC 3261 §16.3 steps 1 and 2).
import { maxForwards } from './edit.ts';
import type { HeaderLine, SipRequest } from './message.ts';
import type { ParseProblem } from './parse.ts';
import { parseNameAddr, parseUri, schemeOf } from './uri.ts';

/** What is wrong with a new request, or undefined. Not for retransmissions. An ACK's problem has status 0. */
export function checkRequest(r: SipRequest): ParseProblem | undefined {
  const problem = problemOf(r);
  return problem !== undefined && r.method === 'ACK' ? { ...problem, status: 0 } : problem;
}

function problemOf(r: SipRequest): ParseProblem | undefined {
  const from = addressProblem(r.line('from'), 'From');
  if (from !== undefined) return from;
  const to = addressProblem(r.line('to'), 'To');
  if (to !== undefined) return to;
  if (maxForwards(r) === 'bad')
    return { code: 'bad-max-forwards', status: 400, phrase: 'Malformed Max-Forwards' };
  return requestUriProblem(r) ?? routeProblem(r);
}

function addressProblem(line: HeaderLine | undefined, name: string): ParseProblem | undefined {
  const uri = line?.address.uri ?? '';
  if (uri === '') return { code: `bad-${name.toLowerCase()}`, status: 400, phrase: `Malformed ${name}` };
  // Another scheme is none of a proxy's business: it routes on the Request-URI.
  const scheme = schemeOf(uri);
  if ((scheme === 'sip' || scheme === 'sips') && parseUri(uri) === undefined)
    return { code: `bad-${name.toLowerCase()}`, status: 400, phrase: `Malformed URI in ${name}` };
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
    ? { code: 'bad-request-uri', status: 400, phrase: 'Malformed Request-URI' }
    : { code: 'unknown-scheme', status: 416, phrase: 'Unsupported URI Scheme' };
}

/** A Route set that cannot be followed must not be followed half-way. */
function routeProblem(r: SipRequest): ParseProblem | undefined {
  if (!r.has('route')) return undefined;
  for (const route of r.all('route')) {
    const uri = parseNameAddr(route)?.uri;
    if (uri === undefined || parseUri(uri) === undefined)
      return { code: 'bad-route', status: 400, phrase: 'Malformed Route' };
  }
  return undefined;
}
