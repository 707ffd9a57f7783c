// The little that ordering and address finding need of a SIP message; tolerant, where src/sip's parser is strict.

const LONGEST_START_LINE = 8192;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const SPACE = 32;

/** True when the first line is a status line, or a request line with a URI. RFC 3261 §7.1, §7.2. */
export function looksLikeSip(bytes: Buffer): boolean {
  const first = bytes[0];
  // most of what is not SIP (RTP, DNS, keep-alives) ends here
  if (first === undefined || first <= SPACE || first > 126) return false;
  const head = bytes.subarray(0, LONGEST_START_LINE);
  const lineFeed = head.indexOf(LINE_FEED);
  let end = lineFeed < 0 ? head.length : lineFeed;
  if (head[end - 1] === CARRIAGE_RETURN) end -= 1;
  const line = head.toString('latin1', 0, end);
  return STATUS_LINE.test(line) || REQUEST_LINE.exec(line)?.[1]?.includes(':', 1) === true;
}

// one space each, capitals: as loose as packet analysers are, so that counts agree with theirs
const STATUS_LINE = /^SIP\/2\.0 \d{3} /;
const REQUEST_LINE = /^[^\0 ]+ ([^\0 ]+) SIP\/2\.0$/;

export interface ViaHead {
  /** As written, lower case. */
  readonly host: string;
  readonly port: number;
  /** sent-by and branch: what stays when a server adds `received` and `rport`. */
  readonly key: string;
}

export interface SipHead {
  /** undefined: a response */
  readonly method: string | undefined;
  /** 0: a request */
  readonly status: number;
  readonly callId: string;
  readonly cseq: string;
  readonly toTag: string;
  readonly vias: readonly ViaHead[];
  /** Raw header values. */
  readonly recordRoutes: readonly string[];
}

const FOLD = /\n[ \t]/;

/** Reads what is there; what is missing is empty. */
export function sipHead(bytes: Buffer): SipHead {
  const empty = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, empty < 0 ? bytes.length : empty);
  const lines = (FOLD.test(head) ? head.replace(/\r?\n[ \t]+/g, ' ') : head).split('\n');
  const [first = '', second = ''] = (lines[0] ?? '').trimEnd().split(' ');
  const isResponse = /^SIP\//i.test(first);
  let callId = '';
  let cseq = '';
  let toTag = '';
  const vias: ViaHead[] = [];
  const recordRoutes: string[] = [];
  for (let i = 1; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const value = line.slice(colon + 1);
    switch (line.slice(0, colon).trimEnd().toLowerCase()) {
      case 'call-id':
      case 'i':
        callId = value.trim();
        break;
      case 'cseq':
        cseq = value.trim();
        break;
      case 'to':
      case 't':
        toTag = /;\s*tag\s*=\s*([^\s;,>]+)/i.exec(value.slice(value.indexOf('>') + 1))?.[1] ?? '';
        break;
      case 'via':
      case 'v':
        for (const one of value.split(',')) addVia(vias, one);
        break;
      case 'record-route':
        recordRoutes.push(value.trim());
        break;
    }
  }
  return {
    method: isResponse ? undefined : first,
    status: isResponse ? Number.parseInt(second, 10) || 0 : 0,
    callId,
    cseq,
    toTag,
    vias,
    recordRoutes,
  };
}

const VIA = /^\s*SIP\s*\/\s*2\.0\s*\/\s*\S+\s+(\[[^\]]*\]|[^\s:;]+)\s*(?::\s*(\d+))?/i;

function addVia(vias: ViaHead[], value: string): void {
  const sentBy = VIA.exec(value);
  const host = sentBy?.[1]?.toLowerCase();
  if (host === undefined) return;
  const port = sentBy?.[2] === undefined ? 5060 : Number(sentBy[2]);
  const branch = /;\s*branch\s*=\s*([^\s;]+)/i.exec(value)?.[1] ?? '';
  vias.push({ host, port, key: `${host}:${port} ${branch}` });
}
